/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uplink_internal.h: what one uplink is made of, for uplink.c (the thread), delivery.c (events),
 * heartbeat.c, parked_retry.c (parked records), resend.c (what a person asks for) and link_state.c (what
 * others are told of it).
 */
#ifndef GW_UPLINK_UPLINK_INTERNAL_H
#define GW_UPLINK_UPLINK_INTERNAL_H

#include "uplink/backlog.h"
#include "uplink/outbox.h"
#include "uplink/parked_retry.h"
#include "uplink/retry_timer.h"
#include "uplink/uplink.h"

#include <sys/uio.h>

#define GW_UPLINK_DRAIN 16

struct gw_uplink {
	/* set at new */
	struct gw_uplink_opts opts;
	void *copies; /* of what opts points at */
	size_t slot;
	struct gw_store *store;
	struct gw_uplink_health health;
	const struct gw_sink *sink;
	const struct gw_payload *payload;
	void *sink_state;
	struct gw_ring events;
	struct gw_wake wake;
	struct gw_thread thread;
	struct gw_ring faults; /* slots NULL: nobody listens */
	struct gw_wake *engine_wake;

	/* the uplink's thread only */
	struct gw_outbox outbox;
	struct gw_backlog backlog;
	uint64_t ring_seq; /* the last one the engine gave, or gave before the start */
	struct gw_retry_timer event_retry, heartbeat_retry;
	struct gw_parked_retry parked_retry;
	int64_t last_try_ns;  /* with events */
	int64_t heartbeat_ns; /* when the next one is due */
	int64_t success_ns;   /* of the last request that settled something */
	int64_t owing_ns;     /* since when something is owed, 0: nothing is */
	int64_t stop_ns;      /* when to have stopped, 0: not asked to */
	bool has_untried;     /* an event came that was never tried */
	bool blocked;         /* nothing in memory may leave */
	bool events_failing;  /* the last request with events failed */
	bool heartbeat_turn;  /* events had theirs */
	bool sending_parked;  /* a request with a parked record is under way */
	/* delivery.c: the last refusal of events, and the search for a witness */
	struct gw_sink_result refusal;
	uint64_t refusal_credentials;
	unsigned probes;           /* records refused alone since something was accepted */
	bool heartbeat_as_witness; /* it was not accepted */
	size_t batch_limit; /* a request of twice as many was too large; 0: none was */
	int64_t batch_limit_until_ns;
	/* which versions of ca, cert, key and token_file there are, and were with the last request */
	uint64_t credentials, sent_credentials;
	int64_t credentials_ns; /* when to look again */
	/* heartbeat.c: refused (4xx) since then, 0: they are not */
	int64_t heartbeats_refused_ns;
	int heartbeat_status;
	char heartbeat_why[160]; /* "" while they are not refused */
	uint32_t failures;       /* in a row */
	bool down;               /* and said so */
	int64_t down_ns;         /* since when it failed */
	int64_t back_ns; /* when it came back and that was not said yet; 0: nothing to say */
	uint64_t sent_since_back;
	uint64_t down_lost; /* events the gateway had lost when it went down */
	bool gave_up;       /* a last try failed: no more */
	bool responds;      /* the failure was an answer: somebody is there */
	double fault_sent[GW_UPLINK_POINTS]; /* -1: nothing yet */
	struct gw_uplink_status status;
	char boot[GW_BOOT_ID];
	struct gw_outbox_item *picked[GW_UPLINK_BATCH_MAX];
	size_t n_picked;
	struct iovec bodies[GW_UPLINK_BATCH_MAX];
	struct gw_event drained[GW_UPLINK_DRAIN];
	char rendered[GW_PAYLOAD_MAX];
	char heartbeat[GW_PAYLOAD_MAX];

	/* resend.c: main writes what and sets asked, the thread answers and sets answered, main
	 * takes the answer and clears both */
	struct gw_resend resend;
	struct gw_resend_result resend_result;
	_Atomic bool resend_requested, resend_answered, retry_parked_requested;
	struct gw_wake *requester; /* set before start */
	bool resending;            /* the thread's */
	uint64_t resend_next;      /* where to go on; 0: the store was asked */

	/* any thread, under the lock */
	pthread_mutex_t lock;
	struct gw_uplink_status published;
	bool published_complete;
};

/* The uplink's thread. The first n of bodies leave as one request; it takes events in, and beats,
 * while it waits for the answer. */
void gw_uplink_request(struct gw_uplink *u, size_t n, struct gw_sink_result *ret_result);

/* Looks whether a certificate or token was exchanged; if so what failed is tried at once. */
void gw_uplink_check_credentials(struct gw_uplink *u, int64_t now_ns);

/* ---- delivery.c ---- */

/* Picks events that may leave now; how many. */
size_t gw_delivery_pick(struct gw_uplink *u, uint64_t committed, int64_t now_ns);
/* Sends what was picked. */
void gw_delivery_send(struct gw_uplink *u, uint64_t committed);
/* A request was accepted: a record's, or a heartbeat's. */
void gw_delivery_accepted(struct gw_uplink *u, bool record);
/* Only a heartbeat can say now whether it is the record or everything. */
bool gw_delivery_needs_heartbeat(const struct gw_uplink *u);
/* Nobody can: all stays owed and is tried again later. */
void gw_delivery_give_up(struct gw_uplink *u);
void gw_delivery_park(struct gw_uplink *u, uint64_t seq, const char *why);

/* ---- resend.c ---- */

void gw_resend_update(struct gw_uplink *u);
/* The store's answer. */
void gw_resend_on_batch(struct gw_uplink *u, const struct gw_batch *batch);

/* ---- heartbeat.c ---- */

/* Heartbeats are on, and there is somebody to take them. */
bool gw_heartbeat_wanted(const struct gw_uplink *u);
/* Sends one now; the next is due after the usual time. False: there was nobody to speak for. */
bool gw_heartbeat_send(struct gw_uplink *u, struct gw_sink_result *ret_result);
/* One that was due, or a witness: sends it and takes its answer for news of the platform. */
void gw_heartbeat_run(struct gw_uplink *u);

/* ---- link_state.c ---- */

/* What became of a try ... */
void gw_link_state_failed(
	struct gw_uplink *u, const struct gw_sink_result *a, int64_t now_ns);
void gw_link_state_reached(struct gw_uplink *u); /* it answers, if only to refuse */
void gw_link_state_succeeded(struct gw_uplink *u, size_t n_events, int64_t now_ns);
void gw_link_state_heartbeat_refused(
	struct gw_uplink *u, const struct gw_sink_result *a, int64_t now_ns);
void gw_link_state_heartbeat_accepted(struct gw_uplink *u);
/* ... and what only time brings about; says each change of state once. */
void gw_link_state_update(struct gw_uplink *u, int64_t now_ns);

#endif

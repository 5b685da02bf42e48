/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inner.h: what one uplink is made of, for uplink.c (the thread), delivery.c (events),
 * heartbeat.c, offers.c (parked records), resend.c (what a person asks for) and watch.c (what
 * others are told of it).
 */
#ifndef GW_UPLINK_INNER_H
#define GW_UPLINK_INNER_H

#include "uplink/backlog.h"
#include "uplink/offers.h"
#include "uplink/outbox.h"
#include "uplink/pace.h"
#include "uplink/uplink.h"

#include <sys/uio.h>

#define GW_UPLINK_DRAIN 16

struct gw_uplink {
	/* set at new */
	struct gw_uplink_opts opts;
	void *copies; /* of what opts points at */
	size_t index;
	struct gw_store *store;
	struct gw_health health;
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
	struct gw_pace event_pace, heartbeat_pace;
	struct gw_offers offers;
	int64_t last_try_ns;  /* with events */
	int64_t heartbeat_ns; /* when the next one is due */
	int64_t success_ns;   /* of the last request that settled something */
	int64_t owing_ns;     /* since when something is owed, 0: nothing is */
	int64_t stop_ns;      /* when to have stopped, 0: not asked to */
	bool fresh;           /* an event came that was never tried */
	bool hungry;          /* nothing in memory may leave */
	bool events_failing;  /* the last request with events failed */
	bool heartbeat_turn;  /* events had theirs */
	bool offering;        /* a request with a parked record is under way */
	/* delivery.c: the last refusal of events, and the search for a witness */
	struct gw_answer refusal;
	uint64_t refusal_credentials;
	unsigned probes;      /* records refused alone since something was accepted */
	bool asked_heartbeat; /* it was not accepted */
	size_t batch;         /* a request of twice as many was too large; 0: none was */
	int64_t batch_until_ns;
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
	uint64_t back_sent;
	uint64_t down_lost; /* events the gateway had lost when it went down */
	bool closed;        /* a last try failed: no more */
	bool answers;       /* the failure was an answer: somebody is there */
	double fault_said[GW_UPLINK_POINTS]; /* -1: nothing yet */
	struct gw_uplink_status now;
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
	struct gw_resent resent;
	_Atomic bool resend_asked, resend_answered, offer_asked;
	struct gw_wake *asker; /* set before start */
	bool resending;        /* the thread's */
	uint64_t resend_next;  /* where to go on; 0: the store was asked */

	/* any thread, under the lock */
	pthread_mutex_t lock;
	struct gw_uplink_status shown;
	bool shown_complete;
};

/* The uplink's thread. The first n of bodies leave as one request; it takes events in, and beats,
 * while it waits for the answer. */
void gw_uplink_request(struct gw_uplink *u, size_t n, struct gw_answer *ret_answer);

/* Looks whether a certificate or token was exchanged; if so what failed is tried at once. */
void gw_uplink_look_at_credentials(struct gw_uplink *u, int64_t now_ns);

/* ---- delivery.c ---- */

/* Picks events that may leave now; how many. */
size_t gw_delivery_pick(struct gw_uplink *u, uint64_t committed, int64_t now_ns);
/* Sends what was picked. */
void gw_delivery_send(struct gw_uplink *u, uint64_t committed);
/* A request was accepted: a record's, or a heartbeat's. */
void gw_delivery_accepted(struct gw_uplink *u, bool record);
/* Only a heartbeat can say now whether it is the record or everything. */
bool gw_delivery_wants_heartbeat(const struct gw_uplink *u);
/* Nobody can: all stays owed and is tried again later. */
void gw_delivery_give_up(struct gw_uplink *u);
void gw_delivery_park(struct gw_uplink *u, uint64_t seq, const char *why);

/* ---- resend.c ---- */

void gw_resend_turn(struct gw_uplink *u);
/* The store's answer. */
void gw_resend_take(struct gw_uplink *u, const struct gw_batch *batch);

/* ---- heartbeat.c ---- */

/* Heartbeats are on, and there is somebody to take them. */
bool gw_heartbeat_wanted(const struct gw_uplink *u);
/* Sends one now; the next is due after the usual time. False: there was nobody to speak for. */
bool gw_heartbeat_send(struct gw_uplink *u, struct gw_answer *ret_answer);
/* One that was due, or a witness: sends it and takes its answer for news of the platform. */
void gw_heartbeat_beat(struct gw_uplink *u);

/* ---- watch.c ---- */

/* What became of a try ... */
void gw_watch_failed(struct gw_uplink *u, const struct gw_answer *a, int64_t now_ns);
void gw_watch_reached(struct gw_uplink *u); /* it answers, if only to refuse */
void gw_watch_worked(struct gw_uplink *u, size_t n_events, int64_t now_ns);
void gw_watch_heartbeat_refused(
	struct gw_uplink *u, const struct gw_answer *a, int64_t now_ns);
void gw_watch_heartbeat_accepted(struct gw_uplink *u);
/* ... and what only time brings about; says each change of state once. */
void gw_watch_turn(struct gw_uplink *u, int64_t now_ns);

#endif

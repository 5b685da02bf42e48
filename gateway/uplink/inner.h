/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inner.h: what one uplink is made of, for uplink.c (the thread), heartbeat.c and watch.c (what
 * others are told of it).
 */
#ifndef GW_UPLINK_INNER_H
#define GW_UPLINK_INNER_H

#include "base/breaker.h"
#include "uplink/backlog.h"
#include "uplink/outbox.h"
#include "uplink/uplink.h"

#include <sys/uio.h>

#define GW_UPLINK_DRAIN 16

struct gw_uplink {
	/* set at new */
	struct gw_uplink_opts opts;
	char *texts; /* the copies opts points at */
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
	struct gw_breaker breaker;
	int64_t hold_ns;      /* the platform asked for silence until then */
	int64_t last_try_ns;  /* with events */
	int64_t heartbeat_ns; /* when the next one is due */
	int64_t success_ns;   /* of the last request that settled something */
	int64_t owing_ns;     /* since when something is owed, 0: nothing is */
	int64_t stop_ns;      /* when to have stopped, 0: not asked to */
	bool fresh;           /* an event came that was never tried */
	bool hungry;          /* nothing in memory may leave */
	bool events_failing;  /* the last request with events failed */
	bool heartbeat_turn;  /* events had theirs */
	uint32_t failures;    /* in a row */
	bool down;            /* and said so */
	int64_t down_ns;      /* since when it failed */
	int64_t back_ns; /* when it came back and that was not said yet; 0: nothing to say */
	uint64_t back_sent;
	uint64_t down_lost; /* events the gateway had lost when it went down */
	bool closed;        /* a last try failed: no more */
	uint64_t parked_before;
	double fault_said[GW_UPLINK_POINTS]; /* -1: nothing yet */
	struct gw_uplink_status now;
	char boot[GW_BOOT_ID];
	struct gw_outbox_item *picked[GW_UPLINK_BATCH_MAX];
	size_t n_picked;
	struct iovec bodies[GW_UPLINK_BATCH_MAX];
	struct gw_event drained[GW_UPLINK_DRAIN];
	char rendered[GW_PAYLOAD_MAX];
	char heartbeat[GW_PAYLOAD_MAX];

	/* any thread, under the lock */
	pthread_mutex_t lock;
	struct gw_uplink_status shown;
	bool shown_complete;
};

/* The uplink's thread. The first n of bodies leave as one request; it takes events in, and beats,
 * while it waits for the answer. */
void gw_uplink_request(struct gw_uplink *u, size_t n, struct gw_answer *ret_answer);

/* Heartbeats are on, and there is somebody to take them. */
bool gw_heartbeat_wanted(const struct gw_uplink *u);
/* Sends one now; the next is due after the usual time. False: there was nobody to speak for. */
bool gw_heartbeat_send(struct gw_uplink *u, struct gw_answer *ret_answer);
/* One that was due: sends it and takes its answer for news of the platform. */
void gw_heartbeat_beat(struct gw_uplink *u);

/* What became of a try ... */
void gw_watch_failed(struct gw_uplink *u, const struct gw_answer *a, int64_t now_ns);
void gw_watch_reached(struct gw_uplink *u); /* it answers, if only to refuse */
void gw_watch_worked(struct gw_uplink *u, size_t n_events, int64_t now_ns);
/* ... and what only time brings about; says each change of state once. */
void gw_watch_turn(struct gw_uplink *u, int64_t now_ns);

#endif

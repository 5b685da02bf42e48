/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parked_retry.h: sends parked events again, in passes over all of them: after a start, a reload or
 * a change of credentials, when the platform is back, when a person asks, and after an interval
 * that grows from 30 s to a day. One event at a time, when nothing else is to be sent. An event
 * stays parked in the store until the platform accepts it, so a pass may end at any time.
 *
 * Owner: the uplink. Thread: its own. Life: init, update..., fini.
 */
#ifndef GW_UPLINK_PARKED_RETRY_H
#define GW_UPLINK_PARKED_RETRY_H

#include "uplink/backlog.h"

struct gw_uplink;

struct gw_parked_retry {
	bool running; /* a pass */
	bool sending; /* a request with a parked event is under way ... */
	bool restart; /* ... after which a pass begins from restart_seq */
	uint64_t restart_seq;
	bool requested;    /* the store was asked for the next events */
	bool stale;        /* a new pass began since: the reply is of no use */
	bool last_refused; /* the last parked event was refused, and nothing accepted since */
	bool two_refused;   /* two in a row were refused in this pass */
	uint64_t after_seq; /* events up to this seq were sent in this pass */
	int64_t next_ns;    /* no parked event is sent before */
	int64_t gap_ns;     /* after a refusal */
	int64_t due_ns;     /* of the next pass; INT64_MAX: none */
	int64_t interval_ns;
	/* The first event that was parked with a heartbeat as its only witness; 0: none. The
	 * platform may have refused every event then. So when it accepts an event, a pass begins
	 * here. */
	uint64_t heartbeat_parked_seq;
	struct gw_outbox_item *items[GW_BACKLOG_REQUEST_PARKED];
	size_t n_items, next_item;
};

void gw_parked_retry_init(struct gw_parked_retry *p);
void gw_parked_retry_fini(struct gw_parked_retry *p); /* zeroed or twice is fine */

/* Begins a pass at from_seq, unless one is under way that has not come there yet. */
void gw_parked_retry_begin(struct gw_uplink *u, uint64_t from_seq);
/* An event was parked; by_heartbeat: only a heartbeat was accepted after it. */
void gw_parked_retry_on_parked(struct gw_uplink *u, uint64_t seq, bool by_heartbeat);
/* The platform accepted an event (is_event) or a heartbeat. */
void gw_parked_retry_accepted(struct gw_uplink *u, bool is_event);
/* The store's reply to the request of an update. */
void gw_parked_retry_on_batch(struct gw_uplink *u, const struct gw_batch *batch);

void gw_parked_retry_update(struct gw_uplink *u, int64_t now_ns);
/* A parked event may be sent: its time has come, and no other event is to be sent. */
bool gw_parked_retry_ready(const struct gw_uplink *u, int64_t now_ns);
void gw_parked_retry_send(struct gw_uplink *u);
int64_t gw_parked_retry_next_ns(const struct gw_uplink *u);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parked_retry.h: parked records are offered to the platform again: after a start, a reload or a change
 * of a certificate or token, when the platform comes back, when a person asks, and by a clock of
 * its own, 30 s after one was parked and then ever more rarely, to once a day. One at a time, when
 * nothing else is to be sent; a record stays parked in the store until the platform takes it, so
 * an offer that is cut short costs nothing.
 *
 * Owner: the uplink. Thread: its own. Life: init, turn..., fini.
 */
#ifndef GW_UPLINK_PARKED_RETRY_H
#define GW_UPLINK_PARKED_RETRY_H

#include "uplink/backlog.h"

struct gw_uplink;

struct gw_parked_retry {
	bool running;                /* a round: every parked record has its turn */
	bool requested;              /* the store was asked for the next ones ... */
	bool stale;                  /* ... and the round began anew since */
	bool one_refused;            /* one was refused, and nothing was accepted since */
	bool unproved;               /* likewise, twice in a row in this round */
	uint64_t after_seq;          /* up to this seq they had their turn */
	int64_t next_ns, gap_ns;     /* not before; after a refusal */
	int64_t due_ns, interval_ns; /* the next round by the clock; INT64_MAX: none */
	/* the first that was parked on a heartbeat's word alone since a record was accepted; 0:
	 * none. Perhaps every record was refused then. */
	uint64_t heartbeat_parked_seq;
	struct gw_outbox_item *items[GW_BACKLOG_REQUEST_PARKED];
	size_t n_items, next_item;
};

void gw_parked_retry_init(struct gw_parked_retry *o);
void gw_parked_retry_fini(struct gw_parked_retry *o); /* zeroed or twice is fine */

/* An occasion: from this seq on. */
void gw_parked_retry_begin(struct gw_uplink *u, uint64_t from_seq);
/* One was parked; by_heartbeat: only a heartbeat was accepted after it. */
void gw_parked_retry_on_parked(struct gw_uplink *u, uint64_t seq, bool by_heartbeat);
/* The platform accepted something. */
void gw_parked_retry_accepted(struct gw_uplink *u, bool record);
/* The store's answer to what a turn asked. */
void gw_parked_retry_on_batch(struct gw_uplink *u, const struct gw_batch *batch);

void gw_parked_retry_update(struct gw_uplink *u, int64_t now_ns);
/* One is there to be sent, and nothing speaks against it. */
bool gw_parked_retry_ready(const struct gw_uplink *u, int64_t now_ns);
void gw_parked_retry_send(struct gw_uplink *u);
int64_t gw_parked_retry_next_ns(const struct gw_uplink *u);

#endif

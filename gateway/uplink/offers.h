/* SPDX-License-Identifier: Apache-2.0 */
/*
 * offers.h: parked records are offered to the platform again: after a start, a reload or a change
 * of a certificate or token, when the platform comes back, when a person asks, and by a clock of
 * its own, 30 s after one was parked and then ever more rarely, to once a day. One at a time, when
 * nothing else is to be sent; a record stays parked in the store until the platform takes it, so
 * an offer that is cut short costs nothing.
 *
 * Owner: the uplink. Thread: its own. Life: init, turn..., fini.
 */
#ifndef GW_UPLINK_OFFERS_H
#define GW_UPLINK_OFFERS_H

#include "uplink/backlog.h"

struct gw_uplink;

struct gw_offers {
	bool running;             /* a round: every parked record has its turn */
	bool fetching;            /* the store was asked for the next ones ... */
	bool outdated;            /* ... and the round began anew since */
	bool waiting;             /* one was refused, and nothing was accepted since */
	bool unproved;            /* likewise, twice in a row in this round */
	uint64_t after;           /* up to this seq they had their turn */
	int64_t next_ns, pace_ns; /* not before; after a refusal */
	int64_t due_ns, step_ns;  /* the next round by the clock; INT64_MAX: none */
	/* the first that was parked on a heartbeat's word alone since a record was accepted; 0:
	 * none. Perhaps every record was refused then. */
	uint64_t on_trust;
	struct gw_outbox_item *items[GW_BACKLOG_ASK_PARKED];
	size_t n, at;
};

void gw_offers_init(struct gw_offers *o);
void gw_offers_fini(struct gw_offers *o); /* zeroed or twice is fine */

/* An occasion: from this seq on. */
void gw_offers_begin(struct gw_uplink *u, uint64_t from_seq);
/* One was parked; by_heartbeat: only a heartbeat was accepted after it. */
void gw_offers_parked(struct gw_uplink *u, uint64_t seq, bool by_heartbeat);
/* The platform accepted something. */
void gw_offers_accepted(struct gw_uplink *u, bool record);
/* The store's answer to what a turn asked. */
void gw_offers_take(struct gw_uplink *u, const struct gw_batch *batch);

void gw_offers_turn(struct gw_uplink *u, int64_t now_ns);
/* One is there to be sent, and nothing speaks against it. */
bool gw_offers_ready(const struct gw_uplink *u, int64_t now_ns);
void gw_offers_send(struct gw_uplink *u);
int64_t gw_offers_next_ns(const struct gw_uplink *u);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outbox.h: rendered events that one uplink is owed, in the order they are sent: worst level first,
 * then seq. Events of one alarm are always sent by seq: an older event of an alarm whose level rose
 * gets the urgency of the newer one.
 *
 * The outbox is bounded. What does not fit is left to the store. The invariant: every owed event
 * up to the cursor complete_up_to is in memory or settled (delivered or parked). "Up to" is meant
 * in the order of the store: own level, then seq. An event whose place in the order of sending
 * (urgency, then seq) is beyond complete_up_to is not sent, because an event that only the store
 * has may come before it. An older event that got the urgency of a newer one of its alarm is sent
 * with that urgency: the newer one waits for it. left_out is the highest seq ever left to the
 * store.
 *
 * A new outbox is complete up to nothing (level RED + 1): the store has not replied yet.
 *
 * Example with room for three events. The store has replied that it has no others, so
 * complete_up_to is GW_OUTBOX_END.
 *
 *	event arrives    in memory, in order       complete_up_to  left_out
 *	#1 red           red 1                     end             0
 *	#2, #3 yellow    red 1, yellow 2 3         end             0
 *	#4 red           red 1 4, yellow 2         yellow 2        3    3 would be sent last
 *	#5 yellow        red 1 4, yellow 2         yellow 2        5    5 likewise
 *	1, 4, 2 are sent (empty)                   yellow 2        5
 *	#6 blue          blue 6                    yellow 2        5    6 waits: it is beyond
 *
 * The backlog now asks the store for what is owed after yellow 2, once #5 is committed, and gets 3
 * and 5 and no more. Nothing was left out meanwhile (left_out is still 5), so the reply shows all
 * there is: complete_up_to becomes GW_OUTBOX_END, 3 and 5 are added, and yellow 3 5, blue 6 are
 * sent.
 *
 * Owner: the uplink. Thread: its own. Pure: no clock, no I/O. Life: init, add/pick/sent..., fini.
 */
#ifndef GW_UPLINK_OUTBOX_H
#define GW_UPLINK_OUTBOX_H

#include "store/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GW_OUTBOX_LEVELS 4

struct gw_outbox_item {
	uint64_t seq;
	uint64_t alarm;      /* hash of its key */
	int64_t occurred_ns; /* CLOCK_BOOTTIME; may be negative for events of an earlier boot */
	uint8_t level;       /* enum gw_level, its own */
	uint8_t urgency;     /* >= level: the worst of a later event of its alarm */
	bool stored;  /* read from the store when it was committed: no wait for a commit */
	bool durable; /* false once it was sent before its commit */
	bool picked;  /* in the request under way */
	/* The search for the event that is refused, see refusal.h. */
	bool suspect;              /* in the last request of several that was refused */
	bool awaits_witness;       /* refused, and nothing was accepted since */
	bool refused_alone;        /* refused in a request of its own, in this search */
	bool refused_with_witness; /* refused, and something else was accepted right after */
	uint8_t searches_abandoned; /* how often it was refused alone and no witness found */
	size_t durable_at; /* where the body says whether it is durable, see payload.h */
	size_t n;          /* bytes of body */
	char body[];
};

struct gw_outbox {
	struct gw_outbox_item **items; /* in the order they are sent */
	size_t n, max_items;
	size_t bytes, max_bytes;
	struct gw_owed_cursor complete_up_to; /* see above */
	uint64_t left_out;                    /* 0: none */
	uint64_t newest;                      /* highest seq ever added */
	/* The search, see refusal.h. */
	size_t n_suspects;  /* suspect items; at least one of them is refused */
	bool seeks_witness; /* an item was refused alone */
	bool one_by_one; /* no witness was found: one event a request until one is accepted */
};

#define GW_OUTBOX_END ((struct gw_owed_cursor){.level = -1, .seq = UINT64_MAX})

enum gw_err gw_outbox_init(
	struct gw_outbox *o, size_t max_items, size_t max_bytes, struct gw_error *err);
void gw_outbox_fini(struct gw_outbox *o); /* zeroed or twice is fine */

/* For gw_outbox_item.alarm. */
uint64_t gw_outbox_alarm_hash(const char *key);

/* Copies *item and body. If there is no room, the event that would be sent last is left to the
 * store; that may be the new one. False: the new one was left out, or there is no memory. */
bool gw_outbox_add(
	struct gw_outbox *o, const struct gw_outbox_item *item, const char *body, size_t n);
bool gw_outbox_has(const struct gw_outbox *o, uint64_t seq);

/* The engine dropped events up to seq, which only the store has: any of them may come before what
 * is in memory. */
void gw_outbox_note_missing(struct gw_outbox *o, uint64_t seq);

struct gw_outbox_pick_opts {
	uint64_t committed; /* every event up to this seq is committed */
	int64_t overdue_ns; /* an event that occurred by then is sent before its commit */
	/* The store does not reply: events beyond complete_up_to are sent, too. */
	bool beyond_complete;
	size_t max_items, max_bytes; /* of one request; at least one event is picked */
	/* While a witness is searched for: a later event of the refused event's own alarm may be
	 * sent, because there is no other witness. */
	bool any_witness;
};

/* Picks the items of the next request and marks them picked. Of suspect items (refusal.h) it takes
 * half of those that are left, so that the one that is refused is found. 0: none may be sent. */
size_t gw_outbox_pick(struct gw_outbox *o, const struct gw_outbox_pick_opts *opts,
	struct gw_outbox_item **ret_items);
/* occurred_ns of the item that has waited longest for its commit, INT64_MAX: none waits. */
int64_t gw_outbox_next_overdue(const struct gw_outbox *o, uint64_t committed);

/* The result of a request: exactly one of these, or gw_refusal_note, after each pick > 0. */
void gw_outbox_sent(struct gw_outbox *o); /* frees the picked items */
void gw_outbox_retry(struct gw_outbox *o);

/* For refusal.c. The item that is removed is the caller's to free. */
bool gw_outbox_may_send(const struct gw_outbox *o, const struct gw_outbox_item *it,
	const struct gw_outbox_pick_opts *opts);
struct gw_outbox_item *gw_outbox_remove(struct gw_outbox *o, size_t i);

/* The store has replied with everything owed after complete_up_to until `to`; GW_OUTBOX_END: with
 * all there is. Call it before these events are added, because an add may move complete_up_to
 * back. */
void gw_outbox_advance(struct gw_outbox *o, struct gw_owed_cursor to);
bool gw_outbox_is_complete(
	const struct gw_outbox *o); /* no owed event is in the store alone */

int64_t gw_outbox_oldest_ns(const struct gw_outbox *o); /* INT64_MAX: it is empty */

#endif

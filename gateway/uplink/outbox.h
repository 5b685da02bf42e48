/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outbox.h: what one uplink owes and holds in memory: rendered events in the order they leave,
 * worst level first, then seq; the events of one alarm always by seq, so an older event of an
 * alarm whose level rose leaves with the newer one's urgency.
 *
 * It is bounded. What does not fit is not lost but left to the store, and the outbox knows up to
 * which place in the order it is complete, so that nothing overtakes what it was not told of.
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
	uint64_t alarm;      /* hash of its key: equal for equal alarms */
	int64_t occurred_ns; /* CLOCK_BOOTTIME; may be negative for events of an earlier boot */
	uint8_t level;       /* enum gw_level, its own */
	uint8_t urgency;     /* >= level: the worst of a later event of its alarm */
	bool stored;         /* came from the store, so it is committed */
	bool durable;        /* what its bytes say; false once it left before its commit */
	bool picked;         /* in the request under way */
	/* refusal.h: */
	bool suspect;              /* in the last request that was refused */
	bool refused;              /* and nothing was accepted since */
	bool alone;                /* it was refused in a request of its own */
	bool refused_with_witness; /* after an earlier refusal something else was accepted at once */
	uint8_t refusals;          /* alone, with nothing accepted after it */
	size_t weight; /* bytes that count against the bound, whatever n becomes */
	size_t n;      /* bytes used of body, which has room for one more */
	char body[];
};

struct gw_outbox {
	struct gw_outbox_item **items; /* in the order they leave */
	size_t n, max_items;
	size_t bytes, max_bytes;
	/* Every owed event up to here (in the order) is in memory or settled. */
	struct gw_owed_cursor complete;
	uint64_t left_out; /* highest seq ever left to the store, 0: none */
	uint64_t newest;   /* highest seq ever added */
	/* refusal.h: */
	size_t suspects; /* the first so many suspect items hold one that is refused */
	bool searching;  /* for a witness: an item was refused alone */
	bool probing;    /* everything was refused: requests of one event */
};

#define GW_OUTBOX_END ((struct gw_owed_cursor){.level = -1, .seq = UINT64_MAX})

enum gw_err gw_outbox_init(
	struct gw_outbox *o, size_t max_items, size_t max_bytes, struct gw_error *err);
void gw_outbox_fini(struct gw_outbox *o); /* zeroed or twice is fine */

/* Hash of an alarm's key, for gw_outbox_item.alarm. */
uint64_t gw_outbox_alarm_hash(const char *key);

/* Copies *item and body. Makes room by leaving to the store what leaves last, the new one
 * perhaps; with no memory left the new one. False if the new one was left out. */
bool gw_outbox_add(
	struct gw_outbox *o, const struct gw_outbox_item *item, const char *body, size_t n);
bool gw_outbox_has(const struct gw_outbox *o, uint64_t seq);

/* The engine left out events up to seq: they are in the store, nobody knows where in the order. */
void gw_outbox_note_missing(struct gw_outbox *o, uint64_t seq);

/* What may leave now. */
struct gw_outbox_pick_opts {
	uint64_t committed; /* seq up to which everything is committed */
	int64_t overdue_ns; /* what arose up to then waits for no commit */
	bool incomplete; /* the store does not answer: what is beyond complete may go too */
	size_t max_items, max_bytes; /* of one request; at least one event is picked */
	/* in a search: an event may pass an earlier one of its own alarm, for there is no
	 * other witness */
	bool any_witness;
};

/* Picks the next request's items into ret_items and marks them picked; 0: nothing may leave. */
size_t gw_outbox_pick(struct gw_outbox *o, const struct gw_outbox_pick_opts *now,
	struct gw_outbox_item **ret_items);
/* arose_ns of the item that waits longest for its commit, INT64_MAX if none does. */
int64_t gw_outbox_next_overdue(const struct gw_outbox *o, uint64_t committed);

/* What became of the request under way: exactly one of these, or gw_refusal_note, after each
 * pick > 0. */
void gw_outbox_sent(struct gw_outbox *o); /* forgets them; ret_items are gone */
void gw_outbox_retry(struct gw_outbox *o);

/* For refusal.c: whether it may leave; take one out, which is then the caller's to free. */
bool gw_outbox_may_send(const struct gw_outbox *o, const struct gw_outbox_item *it,
	const struct gw_outbox_pick_opts *now);
struct gw_outbox_item *gw_outbox_remove(struct gw_outbox *o, size_t i);

/* The store's answer to "what is owed after complete" was added, up to and including to;
 * GW_OUTBOX_END: there was nothing more. Before the adds, which may take it back again. */
void gw_outbox_advance(struct gw_outbox *o, struct gw_owed_cursor to);
bool gw_outbox_complete(const struct gw_outbox *o);

int64_t gw_outbox_oldest_ns(const struct gw_outbox *o); /* INT64_MAX if it is empty */

#endif

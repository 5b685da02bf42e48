/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backlog.h: one uplink's line to the store: tells it what became of each event, and asks it for
 * what is owed and not in memory, after a start or when the outbox overflowed. Never adds what
 * is in the outbox already or was settled while the store was answering.
 *
 * Owner: the uplink. Thread: its own. Life: init, turn/mark..., fini.
 */
#ifndef GW_UPLINK_BACKLOG_H
#define GW_UPLINK_BACKLOG_H

#include "store/store.h"
#include "uplink/outbox.h"

/* The store has this long to answer before events that may overtake its own go without it. */
#define GW_BACKLOG_PATIENCE_NS (200 * GW_NS_PER_MS)
#define GW_BACKLOG_ASK         64 /* events */
#define GW_BACKLOG_ASK_PARKED  8
#define GW_BACKLOG_MARKS_MAX   65536

struct gw_backlog_mark {
	uint64_t seq;
	enum gw_mark_kind kind;
};

/* A question beside what is owed: read what is parked, or owe a range again. */
enum gw_backlog_other { GW_BACKLOG_NONE, GW_BACKLOG_PARKED, GW_BACKLOG_OWE };

struct gw_backlog {
	struct gw_store *store;
	size_t sink;
	struct gw_outbox *outbox;
	void (*add)(void *arg, const struct gw_event *e); /* e lives during the call */
	void *arg;

	struct gw_backlog_mark *marks; /* not yet taken by the store, oldest first */
	size_t n_marks, first_mark, marks_room;
	uint64_t
		dropped_marks; /* the store may hand out these events again after a restart */

	uint32_t debts; /* of the store, as last seen */
	/* Called with the first answer, and when debts came to light: how many are parked. */
	void (*count)(void *arg, uint64_t parked);
	bool counted;
	uint64_t parked_since_asked;

	bool asking;
	struct gw_cursor asked;   /* what was complete ... */
	uint64_t asked_left_out;  /* ... and left out ... */
	uint64_t asked_committed; /* ... and committed when the store was asked */
	uint32_t asked_debts;
	uint64_t *settled; /* delivered or parked since then */
	size_t n_settled, settled_room;
	bool settled_lost;
	enum gw_backlog_other other; /* asked as soon as the line is free */
	bool asking_other;
	uint64_t other_seq;
	int64_t other_ms, other_not_before_ns;
	void (*answer)(
		void *arg, enum gw_backlog_other other, const struct gw_batch *batch);
	int64_t waiting_ns;    /* since when the store owes an answer, 0: it does not */
	int64_t not_before_ns; /* ask again after a failure */
};

void gw_backlog_init(struct gw_backlog *b, struct gw_store *store, size_t sink,
	struct gw_outbox *outbox, void (*add)(void *arg, const struct gw_event *e),
	void *arg);
void gw_backlog_fini(struct gw_backlog *b); /* zeroed or twice is fine */

/* What became of seq. Never waits: a line that is full is tried again by turn. */
void gw_backlog_mark(struct gw_backlog *b, uint64_t seq, enum gw_mark_kind kind);

/* Ask the other question: parked events after seq, or to owe again from seq and from_ms on.
 * answer (set by the owner after init) is called by a turn; one that failed may be asked again,
 * and is then paced. False: another one is under way. */
bool gw_backlog_ask_other(
	struct gw_backlog *b, enum gw_backlog_other other, uint64_t seq, int64_t from_ms);

/* Take what the store answered, tell it what is to tell, ask. hungry: nothing that is in the
 * outbox may leave. */
void gw_backlog_turn(struct gw_backlog *b, int64_t now_ns, bool hungry);
/* The store has not answered in time: what it owes may be overtaken. */
bool gw_backlog_late(const struct gw_backlog *b, int64_t now_ns);
/* CLOCK_BOOTTIME of the next turn that is due without a wake, INT64_MAX: none. */
int64_t gw_backlog_next_ns(const struct gw_backlog *b, int64_t now_ns);

#endif

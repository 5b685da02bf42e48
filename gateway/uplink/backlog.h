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
#define GW_BACKLOG_PATIENCE_NS    (200 * GW_NS_PER_MS)
#define GW_BACKLOG_REQUEST_EVENTS 64 /* events */
#define GW_BACKLOG_REQUEST_PARKED 8
#define GW_BACKLOG_MARKS_MAX      65536

struct gw_backlog_mark {
	uint64_t seq;
	enum gw_mark_kind kind;
};

/* A question beside what is owed: read what is parked, or owe a range again. */
enum gw_backlog_query {
	GW_BACKLOG_QUERY_NONE,
	GW_BACKLOG_QUERY_PARKED,
	GW_BACKLOG_QUERY_RESEND
};

struct gw_backlog {
	struct gw_store *store;
	size_t slot;
	struct gw_outbox *outbox;
	void (*add)(void *arg, const struct gw_event *e); /* e lives during the call */
	void *arg;

	struct gw_backlog_mark *marks; /* not yet taken by the store, oldest first */
	size_t n_marks, first_mark, marks_capacity;
	uint64_t
		dropped_marks; /* the store may hand out these events again after a restart */

	uint32_t generation; /* of the store, as last seen */
	/* Called with the first answer, and when debts came to light: how many are parked. */
	void (*on_parked_count)(void *arg, uint64_t parked);
	bool parked_known;
	uint64_t parked_since_request;
	uint64_t parked_since_query;

	bool request_sent;
	struct gw_owed_cursor request_cursor; /* what was complete ... */
	uint64_t request_left_out;            /* ... and left out ... */
	uint64_t request_committed; /* ... and committed when the store was asked */
	uint32_t request_generation;
	uint64_t *settled; /* delivered or parked since then */
	size_t n_settled, settled_capacity;
	bool settled_lost;
	enum gw_backlog_query query; /* asked as soon as the line is free */
	bool query_sent;
	uint64_t query_seq;
	int64_t query_from_ms, query_not_before_ns;
	void (*on_query_reply)(
		void *arg, enum gw_backlog_query query, const struct gw_batch *batch);
	int64_t waiting_ns;    /* since when the store owes an answer, 0: it does not */
	int64_t not_before_ns; /* ask again after a failure */
};

void gw_backlog_init(struct gw_backlog *b, struct gw_store *store, size_t slot,
	struct gw_outbox *outbox, void (*add)(void *arg, const struct gw_event *e),
	void *arg);
void gw_backlog_fini(struct gw_backlog *b); /* zeroed or twice is fine */

/* What became of seq. Never waits: a line that is full is tried again by turn. */
void gw_backlog_mark(struct gw_backlog *b, uint64_t seq, enum gw_mark_kind kind);

/* Ask the other question: parked events after seq, or to owe again from seq and from_ms on.
 * answer (set by the owner after init) is called by a turn; one that failed may be asked again,
 * and is then paced. False: another one is under way. */
bool gw_backlog_start_query(
	struct gw_backlog *b, enum gw_backlog_query query, uint64_t seq, int64_t from_ms);

/* Take what the store answered, tell it what is to tell, ask. hungry: nothing that is in the
 * outbox may leave. */
void gw_backlog_update(struct gw_backlog *b, int64_t now_ns, bool blocked);
/* The store has not answered in time: what it owes may be overtaken. */
bool gw_backlog_late(const struct gw_backlog *b, int64_t now_ns);
/* CLOCK_BOOTTIME of the next turn that is due without a wake, INT64_MAX: none. */
int64_t gw_backlog_next_ns(const struct gw_backlog *b, int64_t now_ns);

#endif

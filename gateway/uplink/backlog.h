/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backlog.h: one uplink's side of its mailbox in the store. It tells the store what became of each
 * event. After a start, and when the outbox was full, it asks the store for events that are owed
 * and not in memory. It adds no event that is in the outbox already, and none that was settled
 * while the store worked on its reply.
 *
 * Owner: the uplink. Thread: its own. Life: init, update/mark..., fini.
 */
#ifndef GW_UPLINK_BACKLOG_H
#define GW_UPLINK_BACKLOG_H

#include "store/store.h"
#include "uplink/outbox.h"

/* If the store has not replied for this long, events beyond complete_up_to are sent, too. */
#define GW_BACKLOG_REPLY_WAIT_NS  (200 * GW_NS_PER_MS)
#define GW_BACKLOG_REQUEST_EVENTS 64
#define GW_BACKLOG_REQUEST_PARKED 8
#define GW_BACKLOG_MARKS_MAX      65536

struct gw_backlog_mark {
	uint64_t seq;
	enum gw_mark_kind kind;
};

/* Requests other than for what is owed. */
enum gw_backlog_query {
	GW_BACKLOG_QUERY_NONE,
	GW_BACKLOG_QUERY_PARKED, /* the next parked events */
	GW_BACKLOG_QUERY_RESEND, /* owe a range again */
};

struct gw_backlog {
	struct gw_store *store;
	size_t slot;
	struct gw_outbox *outbox;
	/* e is valid during the call; newer: see gw_batch */
	void (*add)(void *arg, const struct gw_event *e, uint64_t newer);
	void *arg;

	struct gw_backlog_mark *marks; /* that a full mailbox did not take, oldest first */
	size_t n_marks, first_mark, marks_capacity;
	/* No memory. An event delivered or parked is sent once more after a restart; a repeat may
	 * say durable: true where the first said false; one owed again is not sent again; one
	 * unparked is offered again. */
	uint64_t dropped_marks;

	uint32_t revision; /* gw_store_backlog_revision, as last seen */
	/* Called with the first reply, and with the first one of each revision. */
	void (*on_parked_count)(void *arg, uint64_t parked);
	bool parked_known;
	uint64_t parked_since_request;
	uint64_t parked_since_query;

	/* the request for what is owed, and the state when it was sent */
	bool request_sent;
	struct gw_owed_cursor request_cursor; /* outbox.complete_up_to */
	uint64_t request_left_out;            /* outbox.left_out */
	uint64_t request_committed;
	uint32_t request_revision;
	uint32_t n_owed_again, request_owed_again; /* calls of owe_again */
	uint64_t *settled;                         /* events delivered or parked since */
	size_t n_settled, settled_capacity;
	bool settled_lost;     /* no memory for one of them: the reply cannot be used */
	int64_t waiting_ns;    /* since when the store owes a reply, 0: it does not */
	int64_t not_before_ns; /* of the next request, after a failure */

	/* another request, sent when the mailbox is free */
	enum gw_backlog_query query;
	bool query_sent;
	uint64_t query_seq;
	int64_t query_from_ms, query_not_before_ns;
	void (*on_query_reply)(
		void *arg, enum gw_backlog_query query, const struct gw_batch *batch);
};

/* The owner then sets on_parked_count and on_query_reply. */
void gw_backlog_init(struct gw_backlog *b, struct gw_store *store, size_t slot,
	struct gw_outbox *outbox,
	void (*add)(void *arg, const struct gw_event *e, uint64_t newer), void *arg);
void gw_backlog_fini(struct gw_backlog *b); /* zeroed or twice is fine */

/* Tells the store what became of the event. Never blocks: update sends what a full mailbox does not
 * take. */
void gw_backlog_mark(struct gw_backlog *b, uint64_t seq, enum gw_mark_kind kind);

/* A delivered event is to be sent again. It is owed from now on, also after a restart. The store
 * gives it in its place in the order. */
void gw_backlog_owe_again(struct gw_backlog *b, uint64_t seq);

/* Asks for parked events after seq, or that events from seq and from_ms on are owed again. An
 * update calls on_query_reply with the reply. After a failed reply the next query waits for a
 * second. False: another query is under way. */
bool gw_backlog_start_query(
	struct gw_backlog *b, enum gw_backlog_query query, uint64_t seq, int64_t from_ms);

/* Sends marks, takes replies, sends requests. blocked: no event in the outbox may be sent. */
void gw_backlog_update(struct gw_backlog *b, int64_t now_ns, bool blocked);
/* The store has not replied within GW_BACKLOG_REPLY_WAIT_NS. */
bool gw_backlog_late(const struct gw_backlog *b, int64_t now_ns);
/* CLOCK_BOOTTIME of the next update that is due without a wake, INT64_MAX: none. */
int64_t gw_backlog_next_ns(const struct gw_backlog *b, int64_t now_ns);

#endif

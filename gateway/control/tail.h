/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tail.h: `tocsin tail`: joins history (from the store) and live events by seq, without a
 * gap and without duplicates. The newest events are kept in memory, because an event
 * arrives here before it is committed: one that arose just before a client came is not in
 * the store's answer yet.
 *
 * Owner: the server has the newest events, each client its tail. Thread: main. No I/O.
 */
#ifndef GW_CONTROL_TAIL_H
#define GW_CONTROL_TAIL_H

#include "base/text.h"
#include "flow/event.h"
#include "store/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GW_TAIL_RECENT 128
#define GW_TAIL_QUEUE  1024 /* events a client may be behind before it is disconnected */

/* One event as lines of the protocol, shared by all clients: the log line, then the
 * JSON. */
struct gw_tail_event {
	unsigned refs;
	uint64_t seq;
	int64_t wall_ms;
	size_t n_line, n_json;
	char text[];
};

/* The newest events. Zeroed is empty. */
struct gw_tail_recent {
	struct gw_tail_event *events[GW_TAIL_RECENT]; /* a ring; the oldest is at first */
	size_t first, n;
	char scratch[GW_EVENT_JSON_MAX], wrapped[2 * GW_EVENT_JSON_MAX];
};

/* One client. Zeroed is unused. */
struct gw_tail {
	bool json;
	uint32_t last;
	int64_t since_ms;
	struct gw_tail_event **queue; /* a ring of GW_TAIL_QUEUE */
	size_t first, n;
	size_t n_recent; /* of n: events from before begin */
	struct gw_batch *history;
	size_t at; /* next event of history to write */
};

/* Formats the event and keeps it; clients get it by gw_tail_push. NULL: no memory. */
struct gw_tail_event *gw_tail_recent_add(
	struct gw_tail_recent *recent, const struct gw_event *event);
/* seq of the oldest event in memory; 0: there is none. */
uint64_t gw_tail_recent_oldest_seq(const struct gw_tail_recent *recent);
void gw_tail_recent_fini(struct gw_tail_recent *recent);

/* last: so many transitions of history; 0: only live events. With history, write may be
 * called only after add_history. */
enum gw_err gw_tail_begin(struct gw_tail *t, const struct gw_tail_recent *recent,
	uint32_t last, int64_t since_ms, bool json, struct gw_error *err);
/* False: the client is GW_TAIL_QUEUE events behind. */
bool gw_tail_push(struct gw_tail *t, struct gw_tail_event *event);
/* The store's events for last and since_ms; NULL: none. The tail owns it from here on. */
void gw_tail_add_history(struct gw_tail *t, struct gw_batch *history);
/* Adds as many whole lines to t as fit. An empty t must hold the longest event. */
void gw_tail_write(struct gw_tail *tail, struct gw_tail_recent *recent, struct gw_text *t);
void gw_tail_end(struct gw_tail *t); /* twice is fine */

#endif

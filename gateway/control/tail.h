/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tail.h: what `tocsin tail` needs: the newest events as text, shared by all followers, and
 * for each follower the joint of history (from the store) and live events: by seq, without a
 * gap and nothing twice. The newest are kept because an event is heard live before it is
 * committed: one that arose just before a follower came is in no history yet.
 *
 * Owner: the control. Thread: main. No I/O.
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
#define GW_TAIL_QUEUE  1024 /* events a follower may be behind before it is cut */

/* One event as the lines of the protocol, newline included: first the log line, then the JSON. */
struct gw_tail_event {
	unsigned refs;
	uint64_t seq;
	int64_t wall_ms;
	size_t n_line, n_json;
	char text[];
};

/* Zeroed is empty. */
struct gw_tail_recent {
	struct gw_tail_event *events[GW_TAIL_RECENT]; /* a ring, oldest at `first` */
	size_t first, n;
	char scratch[GW_EVENT_JSON_MAX], wrapped[2 * GW_EVENT_JSON_MAX];
};

/* Zeroed is not following. */
struct gw_tail {
	bool json;
	uint32_t last;
	int64_t since_ms;
	struct gw_tail_event **queue; /* a ring of GW_FOLLOW_QUEUE */
	size_t first, n, n_recent;    /* of them from before it came */
	struct gw_batch *history;
	size_t at;
};

/* Make the event text and keep it; followers get it by push. NULL if there is no memory. */
struct gw_tail_event *gw_tail_recent_add(
	struct gw_tail_recent *f, const struct gw_event *event);
/* seq of the oldest event kept, 0 if none. */
uint64_t gw_tail_recent_oldest_seq(const struct gw_tail_recent *f);
void gw_tail_recent_fini(struct gw_tail_recent *f);

/* last 0: from now on only. Else push may be called at once, more only after join. */
enum gw_err gw_tail_begin(struct gw_tail *r, const struct gw_tail_recent *f, uint32_t last,
	int64_t since_ms, bool json, struct gw_error *err);
/* False if it is too far behind. */
bool gw_tail_push(struct gw_tail *r, struct gw_tail_event *live);
/* The history asked for with last and since_ms, or NULL if there is none. Owned from here on. */
void gw_tail_add_history(struct gw_tail *r, struct gw_batch *history);
/* Add to t as many lines as fit; give it room for a whole event when empty. */
void gw_tail_write(struct gw_tail *r, struct gw_tail_recent *f, struct gw_text *t);
void gw_tail_end(struct gw_tail *r); /* twice is fine */

#endif

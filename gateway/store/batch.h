/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch.h: the memory behind a struct gw_batch: events and the texts they point at, which its
 * receiver frees as a whole.
 *
 * Owner: the store until it is handed over, then the receiver. Thread: one at a time.
 */
#ifndef GW_STORE_BATCH_H
#define GW_STORE_BATCH_H

#include "base/arena.h"
#include "store/store.h"

struct gw_batch_memory {
	struct gw_batch batch; /* first: gw_batch_free gets a pointer to it */
	size_t capacity;
	struct gw_arena arena; /* the texts that events point at */
	struct gw_batch_info
		*loaded; /* alarm texts in the arena, by their number in the database */
	size_t n_loaded;
};

struct gw_batch_info {
	int64_t id;
	const struct gw_alarm_info *info;
};

/* NULL: no memory. */
struct gw_batch_memory *gw_batch_new(size_t capacity);

/* Inserts a copy of e with its texts at index; beyond the capacity the last one is dropped. False:
 * no memory. */
bool gw_batch_insert(struct gw_batch_memory *m, size_t index, const struct gw_event *e);
void gw_batch_reverse(struct gw_batch_memory *m);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch.h: the memory behind a struct gw_batch: events and the texts they point at, in one
 * piece that the reader frees.
 *
 * Owner: the store until it is handed over, then the reader. Thread: one at a time.
 */
#ifndef GW_STORE_BATCH_H
#define GW_STORE_BATCH_H

#include "store/pool.h"
#include "store/store.h"

struct gw_batch_memory {
	struct gw_batch batch; /* first: what is handed out */
	size_t capacity;
	struct gw_pool pool;
	struct gw_batch_info *loaded; /* texts loaded already, by number */
	size_t n_loaded;
};

struct gw_batch_info {
	int64_t id;
	const struct gw_alarm_info *info;
};

/* NULL without memory. */
struct gw_batch_memory *gw_batch_new(size_t capacity);

/* Puts a copy of e, texts included, at index (others move up; what no longer fits falls off the
 * end). False without memory. */
bool gw_batch_insert(struct gw_batch_memory *m, size_t index, const struct gw_event *e);
void gw_batch_reverse(struct gw_batch_memory *m);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * index.h: text -> number, for names and keys.
 *
 * Owner: the caller, zeroed but for arena; texts are referred to, not copied. Thread: one.
 */
#ifndef GW_CONF_INDEX_H
#define GW_CONF_INDEX_H

#include "conf/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_index_entry {
	const char *key; /* NULL: free */
	uint32_t value;
};

struct gw_index {
	struct gw_arena *arena;
	struct gw_index_entry *entries;
	size_t mask, n;
};

/* Adds key if it is not there yet. Returns its entry, the older one if it was there; NULL: no
 * memory. The entry is valid until the next add. */
struct gw_index_entry *gw_index_add(
	struct gw_index *index, const char *key, uint32_t value);
/* NULL: not there. */
const struct gw_index_entry *gw_index_find(const struct gw_index *index, const char *key);

#endif

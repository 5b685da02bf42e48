/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strmap.h: a hash table from text to a 32-bit number, for names and keys. Nothing is removed.
 *
 * Owner: the caller, zeroed but for arena. Texts are referred to, not copied. Thread: one.
 */
#ifndef GW_BASE_STRMAP_H
#define GW_BASE_STRMAP_H

#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_strmap_entry {
	const char *key; /* NULL: free */
	uint32_t value;
};

struct gw_strmap {
	struct gw_arena *arena;
	struct gw_strmap_entry *entries;
	size_t mask, n;
};

/* Adds key if it is not there yet. Returns its entry, the older one if it was there; NULL: no
 * memory. The entry is valid until the next add. */
struct gw_strmap_entry *gw_strmap_add(
	struct gw_strmap *map, const char *key, uint32_t value);
/* NULL: not there. */
const struct gw_strmap_entry *gw_strmap_find(const struct gw_strmap *map, const char *key);

#endif

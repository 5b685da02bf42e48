/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/index.h"

#include <string.h>

static size_t hash(const char *key) /* FNV-1a */
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (; *key; key++)
		h = (h ^ (unsigned char)*key) * UINT64_C(0x100000001b3);
	return (size_t)(h ^ h >> 32);
}

/* The entry of key, or the free one where it would go. */
static struct gw_index_entry *look(const struct gw_index *index, const char *key)
{
	size_t i = hash(key) & index->mask;

	while (index->entries[i].key && strcmp(index->entries[i].key, key) != 0)
		i = (i + 1) & index->mask;
	return &index->entries[i];
}

static bool grow(struct gw_index *index)
{
	struct gw_index old = *index;
	size_t size = old.entries ? 2 * (old.mask + 1) : 16;

	index->entries = gw_arena_alloc(index->arena, size, sizeof(*index->entries));
	if (!index->entries) {
		*index = old;
		return false;
	}
	index->mask = size - 1;
	for (size_t i = 0; old.entries && i <= old.mask; i++)
		if (old.entries[i].key)
			*look(index, old.entries[i].key) = old.entries[i];
	return true;
}

struct gw_index_entry *gw_index_add(struct gw_index *index, const char *key, uint32_t value)
{
	struct gw_index_entry *e;

	if (2 * (index->n + 1) > (index->entries ? index->mask + 1 : 0) && !grow(index))
		return NULL;
	e = look(index, key);
	if (!e->key) {
		e->key = key;
		e->value = value;
		index->n++;
	}
	return e;
}

const struct gw_index_entry *gw_index_find(const struct gw_index *index, const char *key)
{
	const struct gw_index_entry *e;

	if (!index->entries)
		return NULL;
	e = look(index, key);
	return e->key ? e : NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/strmap.h"

#include "base/hash.h"

#include <string.h>

static size_t hash(const char *key)
{
	uint64_t h = gw_hash(GW_HASH_START, key, strlen(key));

	return (size_t)(h ^ h >> 32);
}

/* The entry of key, or the free one where it would go. */
static struct gw_strmap_entry *find_place(const struct gw_strmap *map, const char *key)
{
	size_t i = hash(key) & map->mask;

	while (map->entries[i].key && strcmp(map->entries[i].key, key) != 0)
		i = (i + 1) & map->mask;
	return &map->entries[i];
}

static bool grow(struct gw_strmap *map)
{
	struct gw_strmap old = *map;
	size_t size = old.entries ? 2 * (old.mask + 1) : 16;

	map->entries = gw_arena_alloc(map->arena, size, sizeof(*map->entries));
	if (!map->entries) {
		*map = old;
		return false;
	}
	map->mask = size - 1;
	for (size_t i = 0; old.entries && i <= old.mask; i++)
		if (old.entries[i].key)
			*find_place(map, old.entries[i].key) = old.entries[i];
	return true;
}

struct gw_strmap_entry *gw_strmap_add(
	struct gw_strmap *map, const char *key, uint32_t value)
{
	struct gw_strmap_entry *e;

	if (2 * (map->n + 1) > (map->entries ? map->mask + 1 : 0) && !grow(map))
		return NULL;
	e = find_place(map, key);
	if (!e->key) {
		e->key = key;
		e->value = value;
		map->n++;
	}
	return e;
}

const struct gw_strmap_entry *gw_strmap_find(const struct gw_strmap *map, const char *key)
{
	const struct gw_strmap_entry *e;

	if (!map->entries)
		return NULL;
	e = find_place(map, key);
	return e->key ? e : NULL;
}

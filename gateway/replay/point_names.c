/* SPDX-License-Identifier: Apache-2.0 */
#include "replay/point_names.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Eight bytes at a time, mixed by multiplication. Not safe against chosen keys, which
 * are not a concern here. */
static uint32_t hash(const char *text, size_t n)
{
	uint64_t h = n * UINT64_C(0x9e3779b97f4a7c15), word;

	for (; n >= sizeof(word); n -= sizeof(word), text += sizeof(word)) {
		memcpy(&word, text, sizeof(word));
		h = (h ^ word) * UINT64_C(0xbf58476d1ce4e5b9);
		h ^= h >> 32;
	}
	word = 0;
	memcpy(&word, text, n);
	h = (h ^ word) * UINT64_C(0x94d049bb133111eb);
	return (uint32_t)(h ^ h >> 32);
}

static bool equals(const struct gw_point_name *name, const char *text, size_t n)
{
	return name->length == n && memcmp(name->text, text, n) == 0;
}

/* The bucket of the name, or the free one where it belongs. */
static uint32_t *bucket_of(
	struct gw_point_names *names, uint32_t h, const char *text, size_t n)
{
	uint32_t at = h & (names->n_buckets - 1);

	while (names->buckets[at]) {
		const struct gw_point_name *name = &names->at[names->buckets[at] - 1];

		if (name->hash == h && equals(name, text, n))
			break;
		at = (at + 1) & (names->n_buckets - 1);
	}
	return &names->buckets[at];
}

static uint32_t set_next(struct gw_point_names *names, uint32_t index)
{
	names->at[names->last].next = index;
	names->last = index;
	return index;
}

uint32_t gw_point_names_find(struct gw_point_names *names, const char *text, size_t n)
{
	uint32_t next = names->n ? names->at[names->last].next : GW_POINT_NAMES_NONE, found;

	if (next != GW_POINT_NAMES_NONE && equals(&names->at[next], text, n)) {
		names->last = next;
		return next;
	}
	if (names->n == 0)
		return GW_POINT_NAMES_NONE;
	found = *bucket_of(names, hash(text, n), text, n);
	return found ? set_next(names, found - 1) : GW_POINT_NAMES_NONE;
}

static bool grow_buckets(struct gw_point_names *names)
{
	uint32_t n = names->n_buckets ? 2 * names->n_buckets : 256, mask = n - 1;
	uint32_t *buckets = calloc(n, sizeof(*buckets));

	if (!buckets)
		return false;
	for (uint32_t i = 0; i < names->n; i++) {
		uint32_t at = names->at[i].hash & mask;

		while (buckets[at])
			at = (at + 1) & mask;
		buckets[at] = i + 1;
	}
	free(names->buckets);
	names->buckets = buckets;
	names->n_buckets = n;
	return true;
}

static bool grow(struct gw_point_names *names)
{
	uint32_t cap = names->cap ? 2 * names->cap : 64;
	struct gw_point_name *at;

	if (names->n == GW_POINT_NAMES_MAX)
		return false;
	if (2 * names->n >= names->n_buckets && !grow_buckets(names))
		return false;
	if (names->n < names->cap)
		return true;
	at = reallocarray(names->at, cap, sizeof(*at));
	if (!at)
		return false;
	names->at = at;
	names->cap = cap;
	return true;
}

uint32_t gw_point_names_add(struct gw_point_names *names, const char *text, size_t n)
{
	uint32_t h = hash(text, n);
	char *copy = grow(names) ? malloc(n + 1) : NULL;

	if (!copy)
		return GW_POINT_NAMES_NONE;
	memcpy(copy, text, n);
	copy[n] = '\0';
	*bucket_of(names, h, text, n) = names->n + 1;
	names->at[names->n] = (struct gw_point_name){.text = copy,
		.length = (uint32_t)n,
		.hash = h,
		.next = GW_POINT_NAMES_NONE};
	return set_next(names, names->n++);
}

void gw_point_names_fini(struct gw_point_names *names)
{
	for (uint32_t i = 0; i < names->n; i++)
		free(names->at[i].text);
	free(names->at);
	free(names->buckets);
	*names = (struct gw_point_names){0};
}

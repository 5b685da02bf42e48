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
static uint32_t *bucket_of(struct gw_point_names *s, uint32_t h, const char *text, size_t n)
{
	uint32_t at = h & (s->n_buckets - 1);

	while (s->buckets[at]) {
		const struct gw_point_name *name = &s->at[s->buckets[at] - 1];

		if (name->hash == h && equals(name, text, n))
			break;
		at = (at + 1) & (s->n_buckets - 1);
	}
	return &s->buckets[at];
}

static uint32_t set_next(struct gw_point_names *s, uint32_t index)
{
	s->at[s->last].next = index;
	s->last = index;
	return index;
}

uint32_t gw_point_names_find(struct gw_point_names *s, const char *text, size_t n)
{
	uint32_t next = s->n ? s->at[s->last].next : GW_POINT_NAMES_NONE, found;

	if (next != GW_POINT_NAMES_NONE && equals(&s->at[next], text, n)) {
		s->last = next;
		return next;
	}
	if (s->n == 0)
		return GW_POINT_NAMES_NONE;
	found = *bucket_of(s, hash(text, n), text, n);
	return found ? set_next(s, found - 1) : GW_POINT_NAMES_NONE;
}

static bool grow_buckets(struct gw_point_names *s)
{
	uint32_t n = s->n_buckets ? 2 * s->n_buckets : 256, mask = n - 1;
	uint32_t *buckets = calloc(n, sizeof(*buckets));

	if (!buckets)
		return false;
	for (uint32_t i = 0; i < s->n; i++) {
		uint32_t at = s->at[i].hash & mask;

		while (buckets[at])
			at = (at + 1) & mask;
		buckets[at] = i + 1;
	}
	free(s->buckets);
	s->buckets = buckets;
	s->n_buckets = n;
	return true;
}

static bool grow(struct gw_point_names *s)
{
	uint32_t cap = s->cap ? 2 * s->cap : 64;
	struct gw_point_name *at;

	if (s->n == GW_POINT_NAMES_MAX)
		return false;
	if (2 * s->n >= s->n_buckets && !grow_buckets(s))
		return false;
	if (s->n < s->cap)
		return true;
	at = reallocarray(s->at, cap, sizeof(*at));
	if (!at)
		return false;
	s->at = at;
	s->cap = cap;
	return true;
}

uint32_t gw_point_names_add(struct gw_point_names *s, const char *text, size_t n)
{
	uint32_t h = hash(text, n);
	char *copy = grow(s) ? malloc(n + 1) : NULL;

	if (!copy)
		return GW_POINT_NAMES_NONE;
	memcpy(copy, text, n);
	copy[n] = '\0';
	*bucket_of(s, h, text, n) = s->n + 1;
	s->at[s->n] = (struct gw_point_name){.text = copy,
		.length = (uint32_t)n,
		.hash = h,
		.next = GW_POINT_NAMES_NONE};
	return set_next(s, s->n++);
}

void gw_point_names_fini(struct gw_point_names *s)
{
	for (uint32_t i = 0; i < s->n; i++)
		free(s->at[i].text);
	free(s->at);
	free(s->buckets);
	*s = (struct gw_point_names){0};
}

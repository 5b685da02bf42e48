/* SPDX-License-Identifier: Apache-2.0 */
#include "source/coalesce.h"

#include "base/pages.h"

#include <stdlib.h>

#define ENTRIES 4 /* of a point */
#define NIL     UINT32_MAX

struct entry {
	struct gw_sample sample;
	uint64_t order; /* of arrival in this source; 0: the entry is free */
	uint32_t prev, next;
};

/* All samples of all points are in one list in order of arrival. */
struct gw_coalescer {
	uint64_t order;
	size_t n;
	uint32_t first, last;
	uint32_t n_points;
	struct entry *entries; /* n_points * ENTRIES; unused while the engine keeps up */
};

struct gw_coalescer *gw_coalesce_new(uint32_t n_points)
{
	struct gw_coalescer *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->first = c->last = NIL;
	c->n_points = n_points;
	c->entries = gw_pages_map(n_points, ENTRIES * sizeof(c->entries[0]));
	if (c->entries)
		return c;
	free(c);
	return NULL;
}

void gw_coalesce_free(struct gw_coalescer *c)
{
	if (c)
		gw_pages_unmap(c->entries, c->n_points, ENTRIES * sizeof(c->entries[0]));
	free(c);
}

size_t gw_coalesce_count(const struct gw_coalescer *c)
{
	return c->n;
}

static void unlink_entry(struct gw_coalescer *c, struct entry *s)
{
	if (s->prev == NIL)
		c->first = s->next;
	else
		c->entries[s->prev].next = s->next;
	if (s->next == NIL)
		c->last = s->prev;
	else
		c->entries[s->next].prev = s->prev;
	s->order = 0;
	c->n--;
}

/* The entry to give up, of a point whose four are taken, when the newest sample comes. Of equal
 * extremes the earlier stays: its time says since when the value was reached. */
static struct entry *evict(struct entry *entries, const struct gw_sample *newest)
{
	struct entry *low = NULL, *high = NULL, *usable = NULL, *victim = NULL;

	for (size_t i = 0; i < ENTRIES; i++) {
		struct entry *s = &entries[i];

		if (!gw_quality_usable(s->sample.quality))
			continue;
		if (!low || s->sample.value < low->sample.value ||
			(s->sample.value == low->sample.value && s->order < low->order))
			low = s;
		if (!high || s->sample.value > high->sample.value ||
			(s->sample.value == high->sample.value && s->order < high->order))
			high = s;
		if (!usable || s->order > usable->order)
			usable = s;
	}
	if (gw_quality_usable(newest->quality)) {
		usable = NULL;
		if (low && newest->value < low->sample.value)
			low = NULL;
		if (high && newest->value > high->sample.value)
			high = NULL;
	}
	for (size_t i = 0; i < ENTRIES; i++) {
		struct entry *s = &entries[i];

		if (s != low && s != high && s != usable &&
			(!victim || s->order > victim->order))
			victim = s;
	}
	return victim;
}

bool gw_coalesce_add(struct gw_coalescer *c, const struct gw_sample *sample)
{
	struct entry *entries = &c->entries[(size_t)sample->point * ENTRIES];
	struct entry *s = NULL;
	bool merged;
	uint32_t at;

	for (size_t i = 0; i < ENTRIES && !s; i++)
		if (entries[i].order == 0)
			s = &entries[i];
	merged = s == NULL;
	if (merged) {
		s = evict(entries, sample);
		unlink_entry(c, s);
	}
	at = (uint32_t)(s - c->entries);
	*s = (struct entry){
		.sample = *sample, .order = ++c->order, .prev = c->last, .next = NIL};
	if (c->last == NIL)
		c->first = at;
	else
		c->entries[c->last].next = at;
	c->last = at;
	c->n++;
	return merged;
}

const struct gw_sample *gw_coalesce_oldest(const struct gw_coalescer *c)
{
	return c->first == NIL ? NULL : &c->entries[c->first].sample;
}

void gw_coalesce_drop_oldest(struct gw_coalescer *c)
{
	unlink_entry(c, &c->entries[c->first]);
}

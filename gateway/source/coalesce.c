/* SPDX-License-Identifier: Apache-2.0 */
#include "source/coalesce.h"

#include <stdlib.h>

#define SLOTS 4 /* of a point */
#define NIL   UINT32_MAX

struct slot {
	struct gw_sample sample;
	uint64_t order; /* of arrival in this source; 0: the slot is free */
	uint32_t prev, next;
};

/* All samples of all points are in one list in order of arrival. */
struct gw_coalescer {
	uint64_t order;
	size_t n;
	uint32_t first, last;
	struct slot slots[]; /* n_points * SLOTS */
};

struct gw_coalescer *gw_coalesce_new(uint32_t n_points)
{
	size_t n = (size_t)n_points * SLOTS;
	struct gw_coalescer *c = calloc(1, sizeof(*c) + n * sizeof(c->slots[0]));

	if (c)
		c->first = c->last = NIL;
	return c;
}

void gw_coalesce_free(struct gw_coalescer *c)
{
	free(c);
}

size_t gw_coalesce_count(const struct gw_coalescer *c)
{
	return c->n;
}

static void unlink_slot(struct gw_coalescer *c, struct slot *s)
{
	if (s->prev == NIL)
		c->first = s->next;
	else
		c->slots[s->prev].next = s->next;
	if (s->next == NIL)
		c->last = s->prev;
	else
		c->slots[s->next].prev = s->prev;
	s->order = 0;
	c->n--;
}

/* The slot to give up, of a point whose four are taken, when the newest sample comes. Of equal
 * extremes the earlier stays: its time says since when the value was reached. */
static struct slot *evict(struct slot *slots, const struct gw_sample *newest)
{
	struct slot *low = NULL, *high = NULL, *usable = NULL, *victim = NULL;

	for (size_t i = 0; i < SLOTS; i++) {
		struct slot *s = &slots[i];

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
	for (size_t i = 0; i < SLOTS; i++) {
		struct slot *s = &slots[i];

		if (s != low && s != high && s != usable &&
			(!victim || s->order > victim->order))
			victim = s;
	}
	return victim;
}

bool gw_coalesce_add(struct gw_coalescer *c, const struct gw_sample *sample)
{
	struct slot *slots = &c->slots[(size_t)sample->point * SLOTS];
	struct slot *s = NULL;
	bool merged;
	uint32_t at;

	for (size_t i = 0; i < SLOTS && !s; i++)
		if (slots[i].order == 0)
			s = &slots[i];
	merged = s == NULL;
	if (merged) {
		s = evict(slots, sample);
		unlink_slot(c, s);
	}
	at = (uint32_t)(s - c->slots);
	*s = (struct slot){
		.sample = *sample, .order = ++c->order, .prev = c->last, .next = NIL};
	if (c->last == NIL)
		c->first = at;
	else
		c->slots[c->last].next = at;
	c->last = at;
	c->n++;
	return merged;
}

const struct gw_sample *gw_coalesce_oldest(const struct gw_coalescer *c)
{
	return c->first == NIL ? NULL : &c->slots[c->first].sample;
}

void gw_coalesce_drop_oldest(struct gw_coalescer *c)
{
	unlink_slot(c, &c->slots[c->first]);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events on their way out. They wait in the engine until every output has taken them; an output
 * whose ring is full holds back only itself. Only an output that is behind by the whole log
 * (room for every alarm to change many times over) loses its oldest, and that is counted.
 */
#include "engine/engine_internal.h"

#include <stdlib.h>

void gw_outputs_append(struct gw_engine *e, const struct gw_event *event)
{
	size_t capacity = e->unsent_mask + 1;

	if (e->n_outputs == 0)
		return;
	for (size_t i = 0; i < e->n_outputs; i++) {
		struct gw_engine_output *o = &e->outputs[i];

		if (e->n_emitted - o->n_taken == capacity) {
			o->n_taken++;
			/* relaxed: a count that publishes nothing */
			atomic_fetch_add_explicit(&o->lost, 1, memory_order_relaxed);
		}
	}
	e->unsent[e->n_emitted++ & e->unsent_mask] = *event;
}

static bool push_to_ring(struct gw_engine *e, struct gw_engine_output *o)
{
	bool any = false;

	while (o->n_taken < e->n_emitted) {
		size_t at = (size_t)o->n_taken & e->unsent_mask;
		size_t n = (size_t)(e->n_emitted - o->n_taken);

		if (n > e->unsent_mask + 1 - at)
			n = e->unsent_mask + 1 - at;
		n = gw_ring_push(o->ring, &e->unsent[at], n, sizeof(struct gw_event));
		if (n == 0)
			break;
		o->n_taken += n;
		o->ring_head = gw_ring_head(o->ring);
		any = true;
	}
	if (any && o->wake)
		gw_wake_poke(o->wake);
	return o->n_taken < e->n_emitted;
}

/* Where the old engine was with this ring. One that is new begins with what the new engine says:
 * what was before it is not owed to it, or comes from the journal. */
static uint64_t taken_by_old(const struct gw_engine *old, const struct gw_engine_output *o)
{
	uint64_t n_taken = old->n_emitted;

	for (size_t i = 0; i < old->n_outputs; i++)
		if (old->outputs[i].ring == o->ring &&
			old->outputs[i].ring_head == gw_ring_head(o->ring))
			n_taken = old->outputs[i].n_taken;
	return n_taken;
}

void gw_outputs_adopt(struct gw_engine *e, const struct gw_engine *old)
{
	uint64_t first = old->n_emitted;
	size_t capacity = e->unsent_mask + 1;
	struct gw_event *unsent;

	for (size_t i = 0; i < e->n_outputs; i++) {
		atomic_store_explicit(&e->outputs[i].lost,
			gw_engine_lost_events(old, e->outputs[i].ring),
			memory_order_relaxed);
		e->outputs[i].n_taken = taken_by_old(old, &e->outputs[i]);
		/* the old engine pushed on after this one was made */
		e->outputs[i].ring_head = gw_ring_head(e->outputs[i].ring);
		if (e->outputs[i].n_taken < first)
			first = e->outputs[i].n_taken;
	}
	while (capacity < 2 * (size_t)(old->n_emitted - first))
		capacity *= 2;
	if (capacity > e->unsent_mask + 1 &&
		(unsent = malloc(capacity * sizeof *unsent)) != NULL) {
		free(e->unsent);
		e->unsent = unsent;
		e->unsent_mask = capacity - 1;
	}
	for (size_t i = 0; i < e->n_outputs; i++)
		e->outputs[i].n_taken -= first;
	for (; first < old->n_emitted; first++)
		gw_outputs_append(e, &old->unsent[first & old->unsent_mask]);
}

bool gw_outputs_deliver(struct gw_engine *e)
{
	bool output_blocked = false;

	if (e->n_emitted == 0)
		return false;
	for (size_t i = 0; i < e->n_outputs; i++)
		output_blocked |= push_to_ring(e, &e->outputs[i]);
	if (!output_blocked) { /* begin at the first page again: a quiet engine stays small */
		e->n_emitted = 0;
		for (size_t i = 0; i < e->n_outputs; i++)
			e->outputs[i].n_taken = 0;
	}
	return output_blocked;
}

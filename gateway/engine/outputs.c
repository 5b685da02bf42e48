/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/outputs.h"

#include "engine/memory.h"

void gw_outputs_append(struct gw_engine *e, const struct gw_event *event)
{
	size_t capacity = e->unsent_mask + 1;

	if (e->n_outputs == 0)
		return;
	for (size_t i = 0; i < e->n_outputs; i++) {
		struct gw_engine_output *o = &e->outputs[i];

		if (e->unsent_end - o->taken == capacity) {
			o->taken++;
			/* relaxed: a count that publishes nothing */
			atomic_fetch_add_explicit(&o->lost, 1, memory_order_relaxed);
		}
	}
	e->unsent[e->unsent_end++ & e->unsent_mask] = *event;
}

static bool push_to_ring(struct gw_engine *e, struct gw_engine_output *o)
{
	bool any = false;

	while (o->taken < e->unsent_end) {
		size_t at = (size_t)o->taken & e->unsent_mask;
		size_t n = (size_t)(e->unsent_end - o->taken);

		if (n > e->unsent_mask + 1 - at)
			n = e->unsent_mask + 1 - at;
		n = gw_ring_push(o->ring, &e->unsent[at], n, sizeof(struct gw_event));
		if (n == 0)
			break;
		o->taken += n;
		o->ring_head = gw_ring_head(o->ring);
		any = true;
	}
	if (any && o->wake)
		gw_wake_poke(o->wake);
	return o->taken < e->unsent_end;
}

/* How far the old engine was with this ring. A new ring begins with the events of the new engine:
 * earlier ones do not concern its reader, or come from the journal. */
static uint64_t taken_by_old(const struct gw_engine *old, const struct gw_engine_output *o)
{
	uint64_t taken = old->unsent_end;

	for (size_t i = 0; i < old->n_outputs; i++)
		if (old->outputs[i].ring == o->ring &&
			old->outputs[i].ring_head == gw_ring_head(o->ring))
			taken = old->outputs[i].taken;
	return taken;
}

/* Nothing is in it yet. Without memory it stays as it is. */
static void enlarge(struct gw_engine *e, size_t capacity)
{
	bool ok = true;
	struct gw_event *unsent = gw_memory_reserve(capacity, sizeof *unsent, &ok);

	if (!ok) {
		gw_memory_release(unsent, capacity, sizeof *unsent);
		return;
	}
	gw_memory_release(e->unsent, e->unsent_mask + 1, sizeof *e->unsent);
	e->unsent = unsent;
	e->unsent_mask = capacity - 1;
}

void gw_outputs_adopt(struct gw_engine *e, const struct gw_engine *old)
{
	uint64_t first = old->unsent_end;
	size_t capacity = e->unsent_mask + 1;

	for (size_t i = 0; i < e->n_outputs; i++) {
		atomic_store_explicit(&e->outputs[i].lost,
			gw_engine_lost_events(old, e->outputs[i].ring),
			memory_order_relaxed);
		e->outputs[i].taken = taken_by_old(old, &e->outputs[i]);
		/* the old engine has pushed since this one was made */
		e->outputs[i].ring_head = gw_ring_head(e->outputs[i].ring);
		if (e->outputs[i].taken < first)
			first = e->outputs[i].taken;
	}
	while (capacity < 2 * (size_t)(old->unsent_end - first))
		capacity *= 2;
	if (capacity > e->unsent_mask + 1)
		enlarge(e, capacity);
	for (size_t i = 0; i < e->n_outputs; i++)
		e->outputs[i].taken -= first;
	for (; first < old->unsent_end; first++)
		gw_outputs_append(e, &old->unsent[first & old->unsent_mask]);
}

bool gw_outputs_deliver(struct gw_engine *e)
{
	bool output_blocked = false;

	if (e->unsent_end == 0)
		return false;
	for (size_t i = 0; i < e->n_outputs; i++)
		output_blocked |= push_to_ring(e, &e->outputs[i]);
	if (!output_blocked) { /* back to the first page, so that few pages are ever written */
		e->unsent_end = 0;
		for (size_t i = 0; i < e->n_outputs; i++)
			e->outputs[i].taken = 0;
	}
	return output_blocked;
}

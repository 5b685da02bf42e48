/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events on their way out. They wait in the engine until every output has taken them; an output
 * whose ring is full holds back only itself. Only an output that is behind by the whole log
 * (room for every alarm to change many times over) loses its oldest, and that is counted.
 */
#include "engine/inside.h"

#include <stdlib.h>

void gw_out_add(struct gw_engine *e, const struct gw_event *event)
{
	size_t room = e->log_mask + 1;

	if (e->n_outputs == 0)
		return;
	for (size_t i = 0; i < e->n_outputs; i++) {
		struct gw_output *o = &e->outputs[i];

		if (e->logged - o->taken == room) {
			o->taken++;
			/* relaxed: a count that publishes nothing */
			atomic_fetch_add_explicit(&o->lost, 1, memory_order_relaxed);
		}
	}
	e->log[e->logged++ & e->log_mask] = *event;
}

static bool hand_over(struct gw_engine *e, struct gw_output *o)
{
	bool any = false;

	while (o->taken < e->logged) {
		size_t at = (size_t)o->taken & e->log_mask;
		size_t n = (size_t)(e->logged - o->taken);

		if (n > e->log_mask + 1 - at)
			n = e->log_mask + 1 - at;
		n = gw_ring_push(o->ring, &e->log[at], n, sizeof(struct gw_event));
		if (n == 0)
			break;
		o->taken += n;
		o->pushed = gw_ring_head(o->ring);
		any = true;
	}
	if (any && o->wake)
		gw_wake_poke(o->wake);
	return o->taken < e->logged;
}

/* Where the old engine was with this ring. One that is new begins with what the new engine says:
 * what was before it is not owed to it, or comes from the journal. */
static uint64_t taken_before(const struct gw_engine *old, const struct gw_output *o)
{
	uint64_t taken = old->logged;

	for (size_t i = 0; i < old->n_outputs; i++)
		if (old->outputs[i].ring == o->ring &&
			old->outputs[i].pushed == gw_ring_head(o->ring))
			taken = old->outputs[i].taken;
	return taken;
}

void gw_out_adopt(struct gw_engine *e, const struct gw_engine *old)
{
	uint64_t first = old->logged;
	size_t room = e->log_mask + 1;
	struct gw_event *log;

	for (size_t i = 0; i < e->n_outputs; i++) {
		atomic_store_explicit(&e->outputs[i].lost,
			gw_engine_lost(old, e->outputs[i].ring), memory_order_relaxed);
		e->outputs[i].taken = taken_before(old, &e->outputs[i]);
		/* the old engine pushed on after this one was made */
		e->outputs[i].pushed = gw_ring_head(e->outputs[i].ring);
		if (e->outputs[i].taken < first)
			first = e->outputs[i].taken;
	}
	while (room < 2 * (size_t)(old->logged - first))
		room *= 2;
	if (room > e->log_mask + 1 && (log = malloc(room * sizeof *log)) != NULL) {
		free(e->log);
		e->log = log;
		e->log_mask = room - 1;
	}
	for (size_t i = 0; i < e->n_outputs; i++)
		e->outputs[i].taken -= first;
	for (; first < old->logged; first++)
		gw_out_add(e, &old->log[first & old->log_mask]);
}

bool gw_out_deliver(struct gw_engine *e)
{
	bool waiting = false;

	if (e->logged == 0)
		return false;
	for (size_t i = 0; i < e->n_outputs; i++)
		waiting |= hand_over(e, &e->outputs[i]);
	if (!waiting) { /* begin at the first page again: a quiet engine stays small */
		e->logged = 0;
		for (size_t i = 0; i < e->n_outputs; i++)
			e->outputs[i].taken = 0;
	}
	return waiting;
}

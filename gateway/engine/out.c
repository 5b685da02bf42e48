/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events on their way out. They wait in the engine until every output has taken them; an output
 * whose ring is full holds back only itself. Only an output that is behind by the whole log
 * (room for every alarm to change many times over) loses its oldest, and that is counted.
 */
#include "engine/inside.h"

void gw_out_add(struct gw_engine *e, const struct gw_event *event)
{
	size_t room = e->log_mask + 1;

	if (e->n_outputs == 0)
		return;
	for (size_t i = 0; i < e->n_outputs; i++) {
		struct gw_output *o = &e->outputs[i];

		if (e->logged - o->taken == room) {
			o->taken++;
			o->lost++;
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
		any = true;
	}
	if (any && o->wake)
		gw_wake_poke(o->wake);
	return o->taken < e->logged;
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

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The alarms that wait for a time: a binary heap, each alarm in it at most once and knowing its
 * place, so that a delay that is taken back costs log n and no dead entries pile up.
 */
#include "engine/inside.h"

static void place(struct gw_engine *e, size_t at, struct gw_alarm *a)
{
	e->queue[at] = a;
	a->queued_at = (uint32_t)at;
}

/* What falls due at one time happens in the order of the alarms, however they came to be in the
 * heap: a replay must tell it in the same order. */
static bool sooner(const struct gw_alarm *a, const struct gw_alarm *b)
{
	return a->due_ns < b->due_ns || (a->due_ns == b->due_ns && a < b);
}

static void sift_up(struct gw_engine *e, size_t at, struct gw_alarm *a)
{
	while (at > 0 && sooner(a, e->queue[(at - 1) / 2])) {
		place(e, at, e->queue[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	place(e, at, a);
}

static void sift_down(struct gw_engine *e, size_t at, struct gw_alarm *a)
{
	for (size_t child; (child = 2 * at + 1) < e->n_queue; at = child) {
		if (child + 1 < e->n_queue && sooner(e->queue[child + 1], e->queue[child]))
			child++;
		if (sooner(a, e->queue[child]))
			break;
		place(e, at, e->queue[child]);
	}
	place(e, at, a);
}

static void take_out(struct gw_engine *e, struct gw_alarm *a)
{
	size_t at = a->queued_at;
	struct gw_alarm *last = e->queue[--e->n_queue];

	a->queued_at = GW_NOT_QUEUED;
	if (last == a)
		return;
	if (at > 0 && sooner(last, e->queue[(at - 1) / 2]))
		sift_up(e, at, last);
	else
		sift_down(e, at, last);
}

void gw_queue_set(struct gw_engine *e, struct gw_alarm *a, int64_t due_ns)
{
	if (a->due_ns == due_ns)
		return;
	if (a->queued_at != GW_NOT_QUEUED)
		take_out(e, a);
	a->due_ns = due_ns;
	if (due_ns != INT64_MAX)
		sift_up(e, e->n_queue++, a);
}

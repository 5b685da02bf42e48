/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The alarms that wait for a time: a heap of four children a node, each alarm in it at most once
 * and its place known, so that a delay that is taken back costs log n and no dead entries pile
 * up. An entry says by itself when it is due, and the four that are compared share a cache line.
 */
#include "engine/inside.h"

static void put(struct gw_engine *e, size_t at, struct gw_due due)
{
	e->queue[at] = due;
	e->places[due.alarm] = (uint32_t)at + 1;
}

/* What falls due at one time happens in the order of the alarms, however they came to be in the
 * heap: a replay must tell it in the same order. No branch: nobody could foretell it. */
static bool sooner(const struct gw_due *a, const struct gw_due *b)
{
	return (a->at_ns < b->at_ns) | ((a->at_ns == b->at_ns) & (a->alarm < b->alarm));
}

static void sift_up(struct gw_engine *e, size_t at, struct gw_due due)
{
	while (at > 0 && sooner(&due, &e->queue[(at - 1) / 4])) {
		put(e, at, e->queue[(at - 1) / 4]);
		at = (at - 1) / 4;
	}
	put(e, at, due);
}

static size_t soonest_child(const struct gw_engine *e, size_t at)
{
	size_t first = 4 * at + 1, best = first;
	size_t n = e->n_queue - first < 4 ? e->n_queue - first : 4;

	for (size_t i = 1; i < n; i++)
		best = sooner(&e->queue[first + i], &e->queue[best]) ? first + i : best;
	return best;
}

static void sift_down(struct gw_engine *e, size_t at, struct gw_due due)
{
	while (4 * at + 1 < e->n_queue) {
		size_t child = soonest_child(e, at);

		if (sooner(&due, &e->queue[child]))
			break;
		put(e, at, e->queue[child]);
		at = child;
	}
	put(e, at, due);
}

static void move(struct gw_engine *e, size_t at, struct gw_due due)
{
	if (at > 0 && sooner(&due, &e->queue[(at - 1) / 4]))
		sift_up(e, at, due);
	else
		sift_down(e, at, due);
}

int64_t gw_queue_due_ns(const struct gw_engine *e, uint32_t alarm)
{
	return e->places[alarm] ? e->queue[e->places[alarm] - 1].at_ns : INT64_MAX;
}

void gw_queue_set(struct gw_engine *e, uint32_t alarm, int64_t due_ns)
{
	const struct gw_due due = {due_ns, alarm};
	size_t at = e->places[alarm];

	if (gw_queue_due_ns(e, alarm) == due_ns)
		return;
	if (at == 0) {
		sift_up(e, e->n_queue++, due);
	} else if (due_ns != INT64_MAX) {
		move(e, at - 1, due);
	} else {
		e->places[alarm] = 0;
		if (at != e->n_queue--) /* the last one takes its place */
			move(e, at - 1, e->queue[e->n_queue]);
	}
}

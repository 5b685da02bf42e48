/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/timers.h"

/*
 * A heap with four children a node. Each alarm is in it at most once and its position is known, so
 * a timer that is removed costs log n and leaves no dead entry. Four children share a cache line.
 */

static void place_timer(struct gw_engine *e, size_t at, struct gw_timer due)
{
	e->timers[at] = due;
	e->timer_positions[due.alarm] = (uint32_t)at + 1;
}

/* At the same time in the order of the alarms, whatever the history of the heap: a replay must
 * emit the same order. Without a branch, as it could not be predicted. */
static bool due_before(const struct gw_timer *a, const struct gw_timer *b)
{
	return (a->at_ns < b->at_ns) | ((a->at_ns == b->at_ns) & (a->alarm < b->alarm));
}

static void sift_up(struct gw_engine *e, size_t at, struct gw_timer due)
{
	while (at > 0 && due_before(&due, &e->timers[(at - 1) / 4])) {
		place_timer(e, at, e->timers[(at - 1) / 4]);
		at = (at - 1) / 4;
	}
	place_timer(e, at, due);
}

static size_t first_child_due(const struct gw_engine *e, size_t at)
{
	size_t first = 4 * at + 1, best = first;
	size_t n = e->n_timers - first < 4 ? e->n_timers - first : 4;

	for (size_t i = 1; i < n; i++)
		best = due_before(&e->timers[first + i], &e->timers[best]) ? first + i
									   : best;
	return best;
}

static void sift_down(struct gw_engine *e, size_t at, struct gw_timer due)
{
	while (4 * at + 1 < e->n_timers) {
		size_t child = first_child_due(e, at);

		if (due_before(&due, &e->timers[child]))
			break;
		place_timer(e, at, e->timers[child]);
		at = child;
	}
	place_timer(e, at, due);
}

static void sift(struct gw_engine *e, size_t at, struct gw_timer due)
{
	if (at > 0 && due_before(&due, &e->timers[(at - 1) / 4]))
		sift_up(e, at, due);
	else
		sift_down(e, at, due);
}

int64_t gw_timers_due_ns(const struct gw_engine *e, uint32_t alarm)
{
	return e->timer_positions[alarm] ? e->timers[e->timer_positions[alarm] - 1].at_ns
					 : INT64_MAX;
}

void gw_timers_set(struct gw_engine *e, uint32_t alarm, int64_t due_ns)
{
	const struct gw_timer due = {due_ns, alarm};
	size_t at = e->timer_positions[alarm];

	if (gw_timers_due_ns(e, alarm) == due_ns)
		return;
	if (at == 0) {
		sift_up(e, e->n_timers++, due);
	} else if (due_ns != INT64_MAX) {
		sift(e, at - 1, due);
	} else {
		e->timer_positions[alarm] = 0;
		if (at != e->n_timers--) /* the last one takes its position */
			sift(e, at - 1, e->timers[e->n_timers]);
	}
}

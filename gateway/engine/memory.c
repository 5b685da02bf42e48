/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/memory.h"

#include "base/pages.h"
#include "engine/history.h"

#include <stdlib.h>
#include <sys/mman.h>

#define HUGE_PAGE    (2 << 20)
#define RESERVE_MIN  (1 << 17) /* bytes; less is allocated */
#define PREFETCH_MIN (1 << 20) /* bytes; less stays in the cache by itself */
#define DUE_AHEAD    32        /* alarms that are due, prefetched at a time */
#define POINTS_AHEAD 4         /* points of each of them */

void *gw_memory_zeroed(size_t n, size_t size, size_t align, bool *ok)
{
	size_t bytes = (n * size + align - 1) / align * align;
	void *p = aligned_alloc(align, bytes ? bytes : align);

	if (!p) {
		*ok = false;
		return NULL;
	}
	memset(p, 0, bytes ? bytes : align);
	return p;
}

void *gw_memory_hot(size_t n, size_t size, bool *ok)
{
	size_t bytes = n * size / HUGE_PAGE * HUGE_PAGE;
	void *p;

	if (bytes == 0)
		return gw_memory_zeroed(n, size, GW_CACHE_LINE, ok);
	bytes += n * size % HUGE_PAGE ? HUGE_PAGE : 0;
	p = aligned_alloc(HUGE_PAGE, bytes);
	if (!p) {
		*ok = false;
		return NULL;
	}
	/* Without the last page, which is not full. A refusal makes it slower, no more. */
	(void)madvise(p, n * size / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE);
	memset(p, 0, n * size);
	return p;
}

void *gw_memory_reserve(size_t n, size_t size, bool *ok)
{
	void *at;

	if (n * size < RESERVE_MIN)
		return gw_memory_zeroed(n, size, GW_CACHE_LINE, ok);
	at = gw_pages_map(n, size);
	if (!at)
		*ok = false;
	return at;
}

void gw_memory_release(void *at, size_t n, size_t size)
{
	if (n * size < RESERVE_MIN)
		free(at);
	else
		gw_pages_unmap(at, n, size);
}

/* ---- histories ---- */

/* The first listener from k on that is an alarm with a history; end: there is none. */
static uint32_t next_history(const struct gw_engine *e, uint32_t k, uint32_t end)
{
	const struct gw_listeners *l = &e->point_listeners;

	while (k < end &&
		(l->at[k].member != GW_NO_MEMBER ||
			!e->opts.alarms[l->at[k].alarm].when->kind->absorb))
		k++;
	return k;
}

static const struct gw_condition_opts *condition_of(const struct gw_engine *e, uint32_t k)
{
	return e->opts.alarms[e->point_listeners.at[k].alarm].when;
}

static size_t buffer_bytes(const struct gw_point_state *s)
{
	return s->buffers_each ? GW_BUFFER_LINES * GW_CACHE_LINE : 0;
}

static size_t header_bytes(size_t n_histories)
{
	return sizeof(struct gw_point_history) +
		n_histories * sizeof(struct gw_history_entry);
}

/* Sets how the point buffers. Returns the number of its histories. */
static size_t count_histories(struct gw_engine *e, size_t point)
{
	const uint32_t *first = &e->point_listeners.first[point];
	struct gw_point_state *s = &e->view.points[point];
	size_t n = 0, sums = 0;

	for (uint32_t k = next_history(e, first[0], first[1]); k < first[1];
		k = next_history(e, k + 1, first[1])) {
		n++;
		sums += condition_of(e, k)->kind->needs_sum;
		/* there is one sum, and each history begins with its own */
		s->buffers_each |= condition_of(e, k)->kind->needs_each_sample || sums > 1;
	}
	s->capacity = s->buffers_each ? GW_BUFFER_SAMPLES : GW_SUM_CAPACITY;
	return n;
}

/* Bytes of a point with n histories, whole cache lines. */
static size_t history_bytes(const struct gw_engine *e, size_t point, size_t n)
{
	const uint32_t *first = &e->point_listeners.first[point];
	size_t at = buffer_bytes(&e->view.points[point]) + header_bytes(n);

	if (n == 0)
		return 0;
	for (uint32_t k = next_history(e, first[0], first[1]); k < first[1];
		k = next_history(e, k + 1, first[1])) {
		at += gw_condition_memory(condition_of(e, k));
	}
	return (at + GW_CACHE_LINE - 1) / GW_CACHE_LINE * GW_CACHE_LINE;
}

static void place_histories(
	struct gw_engine *e, size_t point, size_t n, unsigned char *bytes)
{
	const uint32_t *first = &e->point_listeners.first[point];
	struct gw_point_state *s = &e->view.points[point];
	size_t at = buffer_bytes(s);
	struct gw_history_entry *h;

	s->history_line = (uint32_t)((size_t)(bytes + at - e->history_memory) /
		GW_CACHE_LINE);
	h = gw_history_of(e, s)->entry;
	at += header_bytes(n);
	for (uint32_t k = next_history(e, first[0], first[1]); k < first[1];
		k = next_history(e, k + 1, first[1])) {
		uint32_t alarm = e->point_listeners.at[k].alarm;
		size_t size = gw_condition_memory(condition_of(e, k));

		e->alarms[alarm].memory = bytes + at;
		*h++ = (struct gw_history_entry){
			condition_of(e, k)->kind, bytes + at, alarm, --n > 0};
		at += size;
	}
}

bool gw_memory_make_histories(struct gw_engine *e)
{
	/* one buffer for all points without one, see gw_history_next_buffered */
	size_t bytes = GW_BUFFER_LINES * GW_CACHE_LINE;
	unsigned char *at;
	bool ok = true;

	for (size_t p = 0; p < e->opts.n_points; p++)
		bytes += history_bytes(e, p, count_histories(e, p));
	e->prefetch_histories = bytes > PREFETCH_MIN;
	e->history_memory = gw_memory_hot(bytes, 1, &ok);
	if (!ok)
		return false;
	at = e->history_memory + GW_BUFFER_LINES * GW_CACHE_LINE;
	for (size_t p = 0; p < e->opts.n_points; p++) {
		size_t n = count_histories(e, p);

		if (n)
			place_histories(e, p, n, at);
		at += history_bytes(e, p, n);
	}
	return true;
}

/* ---- timers ---- */

/* The alarms that are due next, in no order; at most DUE_AHEAD. The first one is due. */
static size_t find_due(const struct gw_engine *e, int64_t now_ns, uint32_t ret_alarms[])
{
	size_t found[DUE_AHEAD + 1] = {0}, n = 1;

	for (size_t i = 0; i < n; i++) {
		size_t child = 4 * found[i] + 1, end = child + 4;

		for (; child < end && child < e->n_timers && n < DUE_AHEAD; child++) {
			found[n] = child;
			n += e->timers[child].at_ns <= now_ns;
		}
		ret_alarms[i] = e->timers[found[i]].alarm;
	}
	return n;
}

size_t gw_memory_prefetch_due(const struct gw_engine *e, int64_t now_ns)
{
	uint32_t alarms[DUE_AHEAD];
	size_t n = find_due(e, now_ns, alarms);

	for (size_t i = 0; i < n; i++) {
		__builtin_prefetch(&e->alarms[alarms[i]], 1);
		__builtin_prefetch(&e->opts.alarms[alarms[i]]);
	}
	for (size_t i = 0; i < n; i++) { /* the options have arrived by now */
		const struct gw_alarm_opts *o = &e->opts.alarms[alarms[i]];

		for (uint32_t p = 0; p < o->n_points && p < POINTS_AHEAD; p++)
			__builtin_prefetch(&e->view.points[o->first_point + p]);
	}
	return n;
}

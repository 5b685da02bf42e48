/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that is fixed at load: slots, alarms with the memory of their conditions, who hears
 * whom, and the room for events.
 */
#include "alarm/chatter_flood.h"
#include "engine/engine_internal.h"

#include <math.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define UNSENT_MIN   1024
#define HUGE_PAGE    (2 << 20)
#define RESERVE_MIN  (1 << 17) /* bytes */
#define PREFETCH_MIN (1 << 20) /* bytes: what is less stays in the cache by itself */

static void *alloc_zeroed(size_t n, size_t size, size_t align, bool *ok)
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

/* The same for what samples touch in no order: where there is much of it, on pages so large
 * that finding them costs nothing. */
static void *alloc_hot(size_t n, size_t size, bool *ok)
{
	size_t bytes = n * size / HUGE_PAGE * HUGE_PAGE;
	void *p;

	if (bytes == 0)
		return alloc_zeroed(n, size, GW_CACHE_LINE, ok);
	bytes += n * size % HUGE_PAGE ? HUGE_PAGE : 0;
	p = aligned_alloc(HUGE_PAGE, bytes);
	if (!p) {
		*ok = false;
		return NULL;
	}
	/* what would fill less than one is not worth it; refused: only slower */
	(void)madvise(p, n * size / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE);
	memset(p, 0, n * size);
	return p;
}

static size_t pages(size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (bytes + page - 1) / page * page;
}

/* The same for what is mostly never written: zeros that take memory page by small page when they
 * are, unless it is little anyway. What runs over its end hits a page that nobody may touch. */
static void *reserve_zeroed(size_t n, size_t size, bool *ok)
{
	size_t bytes = pages(n * size);
	unsigned char *p;

	if (n * size < RESERVE_MIN)
		return alloc_zeroed(n, size, GW_CACHE_LINE, ok);
	p = mmap(NULL, bytes + pages(1), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED) {
		*ok = false;
		return NULL;
	}
	if (mprotect(p, bytes, PROT_READ | PROT_WRITE) != 0)
		*ok = false;
	(void)madvise(p, bytes, MADV_NOHUGEPAGE); /* refused: only larger */
	return p + bytes - n * size;
}

static void free_reserved(void *at, size_t n, size_t size)
{
	size_t bytes = pages(n * size);

	if (n * size < RESERVE_MIN)
		free(at);
	else if (at)
		munmap((unsigned char *)at + n * size - bytes, bytes + pages(1));
}

/* Those of its vote, then those of its `unless`. */
static const struct gw_member *member_of(const struct gw_alarm_opts *o, uint32_t m)
{
	return m < o->when.n_members ? &o->when.members[m]
				     : &o->unless[m - o->when.n_members];
}

/* Count, sum up, fill: the usual three passes of a compact adjacency table. Zeros are not
 * written: few alarms are heard by another. */
static bool build_listeners(
	struct gw_engine *e, struct gw_listeners *l, size_t n, bool alarms)
{
	bool ok = true;
	uint32_t *cursor;
	size_t total = 0;

	l->n = n;
	l->first = reserve_zeroed(n + 1, sizeof *l->first, &ok);
	cursor = alloc_zeroed(n + 1, sizeof *cursor, sizeof(uint32_t) * 2, &ok);
	for (int fill = 0; ok; fill++) {
		for (uint32_t i = 0; i < e->opts.n_alarms; i++) {
			const struct gw_alarm_opts *o = &e->opts.alarms[i];

			for (uint32_t p = 0; !alarms && p < o->n_points; p++) {
				uint32_t at = o->first_point + p;

				if (fill)
					l->at[cursor[at]++] = (struct gw_listener){
						i, GW_NO_MEMBER};
				else
					l->first[at + 1]++;
			}
			for (uint32_t m = 0; m < o->when.n_members + o->n_unless; m++) {
				const struct gw_member *member = member_of(o, m);
				uint32_t at = member->index;

				if (member->is_alarm != alarms)
					continue;
				if (fill)
					l->at[cursor[at]++] = (struct gw_listener){i, m};
				else
					l->first[at + 1]++;
			}
		}
		if (fill)
			break;
		for (size_t i = 0; i < n; i++) {
			if (l->first[i])
				l->first[i + 1] += l->first[i];
			cursor[i + 1] = l->first[i + 1];
		}
		total = l->first[n];
		l->at = alloc_zeroed(total, sizeof *l->at, sizeof(struct gw_listener), &ok);
	}
	free(cursor);
	return ok;
}

static bool has_history(const struct gw_alarm_opts *o)
{
	return o->when.kind->absorb != NULL;
}

static size_t memory_of(const struct gw_alarm_opts *o)
{
	return gw_condition_memory(&o->when);
}

/* Memory of a history begins with a line, unless it is so small that it fits into the rest of
 * the last one. */
static size_t align_history(size_t at, size_t size)
{
	size_t left = (GW_CACHE_LINE - at % GW_CACHE_LINE) % GW_CACHE_LINE;

	return size <= left ? at : at + left;
}

/* The past of a point from bytes on, or NULL to only count; returns how much it takes. */
static size_t lay_out_history(struct gw_engine *e, size_t point, unsigned char *bytes)
{
	const struct gw_listeners *l = &e->point_listeners;
	struct gw_point_slot *s = &e->view.points[point];
	struct gw_history_entry *h = NULL;
	size_t n = 0, sums = 0, at;

	for (uint32_t k = l->first[point]; k < l->first[point + 1]; k++) {
		const struct gw_alarm_opts *o = &e->opts.alarms[l->at[k].alarm];

		if (l->at[k].member != GW_NO_MEMBER || !has_history(o))
			continue;
		n++;
		sums += o->when.kind->needs_sum;
		s->buffers_each |= o->when.kind->needs_each_sample || sums > 1;
	}
	if (n == 0)
		return 0;
	at = s->buffers_each ? GW_BUFFER_LINES * GW_CACHE_LINE : 0;
	if (bytes) {
		s->history_line = (uint32_t)((size_t)(bytes + at - e->history_memory) /
			GW_CACHE_LINE);
		h = gw_history_of(e, s)->history;
	}
	at += sizeof(struct gw_point_history) + n * sizeof *h;
	for (uint32_t k = l->first[point]; k < l->first[point + 1]; k++) {
		uint32_t alarm = l->at[k].alarm;
		const struct gw_alarm_opts *o = &e->opts.alarms[alarm];

		if (l->at[k].member != GW_NO_MEMBER || !has_history(o))
			continue;
		at = align_history(at, memory_of(o));
		if (h) {
			e->alarms[alarm].memory = bytes + at;
			*h++ = (struct gw_history_entry){
				o->when.kind, bytes + at, alarm, --n > 0};
		}
		at += memory_of(o);
	}
	return (at + GW_CACHE_LINE - 1) / GW_CACHE_LINE * GW_CACHE_LINE;
}

/* Alarms that keep a history, point by point. */
static bool build_histories(struct gw_engine *e)
{
	size_t bytes = GW_BUFFER_LINES * GW_CACHE_LINE; /* for points that keep nothing */
	bool ok = true;

	for (size_t p = 0; p < e->opts.n_points; p++) {
		bytes += lay_out_history(e, p, NULL);
		e->view.points[p].capacity = e->view.points[p].buffers_each
			? GW_BUFFER_SAMPLES
			: GW_SUM_CAPACITY;
	}
	e->prefetch_histories = bytes > PREFETCH_MIN;
	e->history_memory = alloc_hot(bytes, 1, &ok);
	bytes = GW_BUFFER_LINES * GW_CACHE_LINE;
	for (size_t p = 0; ok && p < e->opts.n_points; p++)
		bytes += lay_out_history(e, p, e->history_memory + bytes);
	return ok;
}

/* A whole number of cache lines. */
static size_t timer_entries(size_t n_alarms)
{
	return (n_alarms + GW_TIMERS_SKEW + 3) / 4 * 4;
}

enum gw_err gw_build_tables(struct gw_engine *e, struct gw_error *err)
{
	const struct gw_engine_opts *o = &e->opts;
	size_t memory = 0, unsent = UNSENT_MIN;
	bool ok = true;

	for (size_t i = 0; i < o->n_alarms; i++)
		memory += has_history(&o->alarms[i]) ? 0 : memory_of(&o->alarms[i]);
	while (unsent < 8 * o->n_alarms)
		unsent *= 2;
	e->view.n_points = o->n_points;
	e->view.n_alarms = o->n_alarms;
	e->view.points = alloc_hot(o->n_points, sizeof *e->view.points, &ok);
	e->view.details = reserve_zeroed(o->n_points, sizeof *e->view.details, &ok);
	e->view.alarms = reserve_zeroed(o->n_alarms, sizeof *e->view.alarms, &ok);
	e->view.opts = o->alarms;
	e->alarms = alloc_hot(o->n_alarms, sizeof *e->alarms, &ok);
	e->alarm_details = reserve_zeroed(o->n_alarms, sizeof *e->alarm_details, &ok);
	e->memory = alloc_zeroed(memory, 1, GW_CACHE_LINE, &ok);
	e->timers_memory = reserve_zeroed(
		timer_entries(o->n_alarms), sizeof *e->timers, &ok);
	e->timer_positions = reserve_zeroed(o->n_alarms, sizeof *e->timer_positions, &ok);
	e->inputs = alloc_zeroed(o->n_inputs, sizeof *e->inputs, GW_CACHE_LINE, &ok);
	e->unsent = malloc(
		unsent * sizeof *e->unsent); /* untouched until there are events */
	e->unsent_mask = unsent - 1;
	if (!ok || !e->unsent ||
		!build_listeners(e, &e->point_listeners, o->n_points, false) ||
		!build_listeners(e, &e->alarm_listeners, o->n_alarms, true))
		return gw_fail(err, GW_ERR_SYSTEM, 0,
			"out of memory for %zu points, %zu alarms", o->n_points,
			o->n_alarms);
	e->timers = e->timers_memory + GW_TIMERS_SKEW;
	memory = 0;
	for (uint32_t i = 0; i < o->n_alarms; i++) {
		if (o->alarms[i].when.kind == &gw_condition_flood)
			e->flood = &e->alarms[i];
		e->alarms[i] = (struct gw_alarm){
			.opts = &o->alarms[i],
			.memory = e->memory + memory,
			.value = (double)NAN,
			.limit = (double)NAN,
			.inactive = true,
		};
		memory += has_history(&o->alarms[i]) ? 0 : memory_of(&o->alarms[i]);
	}
	if (!build_histories(e))
		return gw_fail(err, GW_ERR_SYSTEM, 0, "out of memory");
	return GW_OK;
}

static void free_listeners(struct gw_listeners *l)
{
	free_reserved(l->first, l->n + 1, sizeof *l->first);
	free(l->at);
}

void gw_build_free(struct gw_engine *e)
{
	size_t n = e->opts.n_alarms;

	free(e->view.points);
	free_reserved(e->view.details, e->opts.n_points, sizeof *e->view.details);
	free_reserved(e->view.alarms, n, sizeof *e->view.alarms);
	free(e->alarms);
	free_reserved(e->alarm_details, n, sizeof *e->alarm_details);
	free(e->memory);
	free(e->history_memory);
	free_reserved(e->timers_memory, timer_entries(n), sizeof *e->timers_memory);
	free_reserved(e->timer_positions, n, sizeof *e->timer_positions);
	gw_key_index_free(e);
	free(e->inputs);
	free(e->unsent);
	free_listeners(&e->point_listeners);
	free_listeners(&e->alarm_listeners);
}

static int alarms_by_key(const void *a, const void *b, void *arg)
{
	const struct gw_alarm_opts *alarms = arg;

	return strcmp(alarms[*(const uint32_t *)a].info.key,
		alarms[*(const uint32_t *)b].info.key);
}

static bool index_keys(struct gw_engine *e)
{
	if (e->alarms_by_key)
		return true;
	e->alarms_by_key = calloc(e->opts.n_alarms + 1, sizeof *e->alarms_by_key);
	for (uint32_t i = 0; e->alarms_by_key && i < e->opts.n_alarms; i++)
		e->alarms_by_key[i] = i;
	if (e->alarms_by_key)
		qsort_r(e->alarms_by_key, e->opts.n_alarms, sizeof *e->alarms_by_key,
			alarms_by_key, (void *)(uintptr_t)e->opts.alarms);
	return e->alarms_by_key != NULL;
}

void gw_key_index_free(struct gw_engine *e)
{
	free(e->alarms_by_key);
	free(e->points_by_key);
	e->alarms_by_key = e->points_by_key = NULL;
}

/* Without the memory for an index: slowly, for who is not found is told to be gone. */
static struct gw_alarm *search(struct gw_engine *e, const char *key)
{
	for (size_t i = 0; i < e->opts.n_alarms; i++)
		if (strcmp(e->opts.alarms[i].info.key, key) == 0)
			return &e->alarms[i];
	return NULL;
}

struct gw_alarm *gw_key_index_find_alarm(struct gw_engine *e, const char *key)
{
	size_t lo = 0, hi = e->opts.n_alarms;

	if (!index_keys(e))
		return search(e, key);
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int order = strcmp(key, e->opts.alarms[e->alarms_by_key[mid]].info.key);

		if (order == 0)
			return &e->alarms[e->alarms_by_key[mid]];
		if (order < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

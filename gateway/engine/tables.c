/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that is fixed at load: slots, alarms with the memory of their conditions, who hears
 * whom, and the room for events.
 */
#include "alarm/nuisance.h"
#include "engine/inside.h"

#include <math.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define LOG_LEAST     1024
#define HUGE_PAGE     (2 << 20)
#define RESERVE_LEAST (1 << 17) /* bytes */
#define FAR_LEAST     (1 << 20) /* bytes: what is less stays in the cache by itself */

static void *take(size_t n, size_t size, size_t align, bool *ok)
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
static void *take_hot(size_t n, size_t size, bool *ok)
{
	size_t bytes = n * size / HUGE_PAGE * HUGE_PAGE;
	void *p;

	if (bytes == 0)
		return take(n, size, GW_CACHE_LINE, ok);
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
static void *reserve(size_t n, size_t size, bool *ok)
{
	size_t bytes = pages(n * size);
	unsigned char *p;

	if (n * size < RESERVE_LEAST)
		return take(n, size, GW_CACHE_LINE, ok);
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

static void release(void *at, size_t n, size_t size)
{
	size_t bytes = pages(n * size);

	if (n * size < RESERVE_LEAST)
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
static bool hear(struct gw_engine *e, struct gw_listeners *l, size_t n, bool alarms)
{
	bool ok = true;
	uint32_t *cursor;
	size_t total = 0;

	l->n = n;
	l->first = reserve(n + 1, sizeof *l->first, &ok);
	cursor = take(n + 1, sizeof *cursor, sizeof(uint32_t) * 2, &ok);
	for (int fill = 0; ok && fill < 2; fill++) {
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
		l->at = take(total, sizeof *l->at, sizeof(struct gw_listener), &ok);
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
static size_t place(size_t at, size_t size)
{
	size_t left = (GW_CACHE_LINE - at % GW_CACHE_LINE) % GW_CACHE_LINE;

	return size <= left ? at : at + left;
}

/* The past of a point from bytes on, or NULL to only count; returns how much it takes. */
static size_t lay_out(struct gw_engine *e, size_t point, unsigned char *bytes)
{
	const struct gw_listeners *l = &e->point_listeners;
	struct gw_point_slot *s = &e->view.points[point];
	struct gw_history *h = NULL;
	size_t n = 0, sums = 0, at;

	for (uint32_t k = l->first[point]; k < l->first[point + 1]; k++) {
		const struct gw_alarm_opts *o = &e->opts.alarms[l->at[k].alarm];

		if (l->at[k].member != GW_NO_MEMBER || !has_history(o))
			continue;
		n++;
		sums += o->when.kind->recalls_sum;
		s->each |= o->when.kind->recalls_each || sums > 1;
	}
	if (n == 0)
		return 0;
	at = s->each ? GW_KEPT_LINES * GW_CACHE_LINE : 0;
	if (bytes) {
		s->past = (uint32_t)((size_t)(bytes + at - e->pasts) / GW_CACHE_LINE);
		h = gw_history_past(e, s)->history;
	}
	at += sizeof(struct gw_past) + n * sizeof *h;
	for (uint32_t k = l->first[point]; k < l->first[point + 1]; k++) {
		uint32_t alarm = l->at[k].alarm;
		const struct gw_alarm_opts *o = &e->opts.alarms[alarm];

		if (l->at[k].member != GW_NO_MEMBER || !has_history(o))
			continue;
		at = place(at, memory_of(o));
		if (h) {
			e->alarms[alarm].memory = bytes + at;
			*h++ = (struct gw_history){
				o->when.kind, bytes + at, alarm, --n > 0};
		}
		at += memory_of(o);
	}
	return (at + GW_CACHE_LINE - 1) / GW_CACHE_LINE * GW_CACHE_LINE;
}

/* Alarms that keep a history, point by point. */
static bool keep_histories(struct gw_engine *e)
{
	size_t bytes = GW_KEPT_LINES * GW_CACHE_LINE; /* for points that keep nothing */
	bool ok = true;

	for (size_t p = 0; p < e->opts.n_points; p++) {
		bytes += lay_out(e, p, NULL);
		e->view.points[p].room = e->view.points[p].each ? GW_KEPT : GW_ROOM;
	}
	e->far = bytes > FAR_LEAST;
	e->pasts = take_hot(bytes, 1, &ok);
	bytes = GW_KEPT_LINES * GW_CACHE_LINE;
	for (size_t p = 0; ok && p < e->opts.n_points; p++)
		bytes += lay_out(e, p, e->pasts + bytes);
	return ok;
}

/* A whole number of cache lines. */
static size_t queue_entries(size_t n_alarms)
{
	return (n_alarms + GW_QUEUE_SKEW + 3) / 4 * 4;
}

enum gw_err gw_tables_build(struct gw_engine *e, struct gw_error *err)
{
	const struct gw_engine_opts *o = &e->opts;
	size_t memory = 0, log = LOG_LEAST;
	bool ok = true;

	for (size_t i = 0; i < o->n_alarms; i++)
		memory += has_history(&o->alarms[i]) ? 0 : memory_of(&o->alarms[i]);
	while (log < 8 * o->n_alarms)
		log *= 2;
	e->view.n_points = o->n_points;
	e->view.n_alarms = o->n_alarms;
	e->view.points = take_hot(o->n_points, sizeof *e->view.points, &ok);
	e->view.rests = reserve(o->n_points, sizeof *e->view.rests, &ok);
	e->view.alarms = reserve(o->n_alarms, sizeof *e->view.alarms, &ok);
	e->view.opts = o->alarms;
	e->alarms = take_hot(o->n_alarms, sizeof *e->alarms, &ok);
	e->stories = reserve(o->n_alarms, sizeof *e->stories, &ok);
	e->memory = take(memory, 1, GW_CACHE_LINE, &ok);
	e->queue_room = reserve(queue_entries(o->n_alarms), sizeof *e->queue, &ok);
	e->places = reserve(o->n_alarms, sizeof *e->places, &ok);
	e->inputs = take(o->n_inputs, sizeof *e->inputs, GW_CACHE_LINE, &ok);
	e->log = malloc(log * sizeof *e->log); /* untouched until there are events */
	e->log_mask = log - 1;
	if (!ok || !e->log || !hear(e, &e->point_listeners, o->n_points, false) ||
		!hear(e, &e->alarm_listeners, o->n_alarms, true))
		return gw_fail(err, GW_ERR_SYSTEM, 0,
			"out of memory for %zu points, %zu alarms", o->n_points,
			o->n_alarms);
	e->queue = e->queue_room + GW_QUEUE_SKEW;
	memory = 0;
	for (uint32_t i = 0; i < o->n_alarms; i++) {
		if (o->alarms[i].when.kind == &gw_flooding)
			e->flood = &e->alarms[i];
		e->alarms[i] = (struct gw_alarm){
			.opts = &o->alarms[i],
			.memory = e->memory + memory,
			.value = (double)NAN,
			.limit = (double)NAN,
			.quiet = true,
		};
		memory += has_history(&o->alarms[i]) ? 0 : memory_of(&o->alarms[i]);
	}
	if (!keep_histories(e))
		return gw_fail(err, GW_ERR_SYSTEM, 0, "out of memory");
	return GW_OK;
}

static void free_listeners(struct gw_listeners *l)
{
	release(l->first, l->n + 1, sizeof *l->first);
	free(l->at);
}

void gw_tables_free(struct gw_engine *e)
{
	size_t n = e->opts.n_alarms;

	free(e->view.points);
	release(e->view.rests, e->opts.n_points, sizeof *e->view.rests);
	release(e->view.alarms, n, sizeof *e->view.alarms);
	free(e->alarms);
	release(e->stories, n, sizeof *e->stories);
	free(e->memory);
	free(e->pasts);
	release(e->queue_room, queue_entries(n), sizeof *e->queue_room);
	release(e->places, n, sizeof *e->places);
	gw_tables_forget(e);
	free(e->inputs);
	free(e->log);
	free_listeners(&e->point_listeners);
	free_listeners(&e->alarm_listeners);
}

static int by_key(const void *a, const void *b, void *arg)
{
	const struct gw_alarm_opts *alarms = arg;

	return strcmp(alarms[*(const uint32_t *)a].info.key,
		alarms[*(const uint32_t *)b].info.key);
}

static bool index_keys(struct gw_engine *e)
{
	if (e->by_key)
		return true;
	e->by_key = calloc(e->opts.n_alarms + 1, sizeof *e->by_key);
	for (uint32_t i = 0; e->by_key && i < e->opts.n_alarms; i++)
		e->by_key[i] = i;
	if (e->by_key)
		qsort_r(e->by_key, e->opts.n_alarms, sizeof *e->by_key, by_key,
			(void *)(uintptr_t)e->opts.alarms);
	return e->by_key != NULL;
}

void gw_tables_forget(struct gw_engine *e)
{
	free(e->by_key);
	free(e->points_by_key);
	e->by_key = e->points_by_key = NULL;
}

/* Without the memory for an index: slowly, for who is not found is told to be gone. */
static struct gw_alarm *search(struct gw_engine *e, const char *key)
{
	for (size_t i = 0; i < e->opts.n_alarms; i++)
		if (strcmp(e->opts.alarms[i].info.key, key) == 0)
			return &e->alarms[i];
	return NULL;
}

struct gw_alarm *gw_tables_find(struct gw_engine *e, const char *key)
{
	size_t lo = 0, hi = e->opts.n_alarms;

	if (!index_keys(e))
		return search(e, key);
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int order = strcmp(key, e->opts.alarms[e->by_key[mid]].info.key);

		if (order == 0)
			return &e->alarms[e->by_key[mid]];
		if (order < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

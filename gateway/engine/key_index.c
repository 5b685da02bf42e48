/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/key_index.h"

#include <stdlib.h>
#include <string.h>

static const char *alarm_key(const struct gw_engine *e, uint32_t i)
{
	return e->opts.alarms[i].info.key;
}

static const char *point_key(const struct gw_engine *e, uint32_t i)
{
	return e->opts.points[i].key;
}

static int compare_alarms(const void *a, const void *b, void *e)
{
	return strcmp(
		alarm_key(e, *(const uint32_t *)a), alarm_key(e, *(const uint32_t *)b));
}

static int compare_points(const void *a, const void *b, void *e)
{
	return strcmp(
		point_key(e, *(const uint32_t *)a), point_key(e, *(const uint32_t *)b));
}

/* Indexes 0 .. n - 1 in the order of compare; NULL: no memory. */
static uint32_t *make(struct gw_engine *e, size_t n,
	int (*compare)(const void *a, const void *b, void *e))
{
	uint32_t *index = calloc(n + 1, sizeof *index);

	for (uint32_t i = 0; index && i < n; i++)
		index[i] = i;
	if (index)
		qsort_r(index, n, sizeof *index, compare, e);
	return index;
}

/* Returns n if no key is equal. Without an index it looks at each. */
static size_t find(const struct gw_engine *e, const uint32_t *index, size_t n,
	const char *(*key_of)(const struct gw_engine *e, uint32_t i), const char *key)
{
	size_t lo = 0, hi = n;

	if (!index) {
		while (lo < n && strcmp(key_of(e, (uint32_t)lo), key) != 0)
			lo++;
		return lo;
	}
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int order = strcmp(key, key_of(e, index[mid]));

		if (order == 0)
			return index[mid];
		if (order < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return n;
}

struct gw_alarm *gw_key_index_find_alarm(struct gw_engine *e, const char *key)
{
	size_t i;

	if (!e->alarms_by_key)
		e->alarms_by_key = make(e, e->opts.n_alarms, compare_alarms);
	i = find(e, e->alarms_by_key, e->opts.n_alarms, alarm_key, key);
	return i < e->opts.n_alarms ? &e->alarms[i] : NULL;
}

size_t gw_key_index_find_point(const struct gw_engine *e, const char *key)
{
	return find(e, e->points_by_key, e->opts.n_points, point_key, key);
}

void gw_key_index_make(struct gw_engine *e)
{
	if (!e->alarms_by_key)
		e->alarms_by_key = make(e, e->opts.n_alarms, compare_alarms);
	free(e->points_by_key);
	e->points_by_key = make(e, e->opts.n_points, compare_points);
}

void gw_key_index_free(struct gw_engine *e)
{
	free(e->alarms_by_key);
	free(e->points_by_key);
	e->alarms_by_key = e->points_by_key = NULL;
}

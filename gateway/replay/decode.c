/* SPDX-License-Identifier: Apache-2.0 */
#include "replay/decode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static enum gw_err no_memory(struct gw_error *err)
{
	return gw_fail(err, GW_ERR_SYSTEM, ENOMEM, "out of memory");
}

static enum gw_err damaged(struct gw_error *err)
{
	return gw_fail(
		err, GW_ERR_CORRUPT, 0, "damaged: a block does not hold what it says");
}

/* ---- points ---- */

static bool set_point(struct gw_decode *d, uint32_t index, const char *key, size_t n)
{
	char *copy;

	if (d->n_points == d->cap_points) {
		size_t cap = d->cap_points ? 2 * d->cap_points : 64;
		struct gw_decode_point *points = reallocarray(
			d->points, cap, sizeof(*points));

		if (!points)
			return false;
		d->points = points;
		d->cap_points = cap;
	}
	copy = malloc(n + 1);
	if (!copy)
		return false;
	memcpy(copy, key, n);
	copy[n] = '\0';
	d->points[index] = (struct gw_decode_point){
		.name = GW_POINT_NAMES_NONE, .length = (uint32_t)n, .key = copy};
	d->n_points++;
	return true;
}

static void clear_points(struct gw_decode *d)
{
	for (size_t i = 0; i < d->n_points; i++)
		free(d->points[i].key);
	d->n_points = 0;
}

enum gw_err gw_decode_points(
	struct gw_decode *d, const struct gw_recording_block *block, struct gw_error *err)
{
	struct gw_recording_scan scan = {.block = *block};
	uint32_t index;
	const char *key;
	size_t n;

	while (gw_recording_next_point(&scan, &index, &key, &n)) {
		if (index == 0)
			clear_points(d);
		if (index != d->n_points || index >= GW_POINT_NAMES_MAX ||
			memchr(key, '\0', n))
			return damaged(err);
		if (!set_point(d, index, key, n))
			return no_memory(err);
	}
	return scan.malformed ? damaged(err) : GW_OK;
}

/* ---- runs ---- */

static bool before(const struct gw_decode_run *a, const struct gw_decode_run *b)
{
	return a->next_ns < b->next_ns || (a->next_ns == b->next_ns && a->order < b->order);
}

static void sift_down(struct gw_decode *d, size_t at)
{
	struct gw_decode_run moving = d->heap[at];

	for (size_t child; (child = 2 * at + 1) < d->n; at = child) {
		if (child + 1 < d->n && before(&d->heap[child + 1], &d->heap[child]))
			child++;
		if (!before(&d->heap[child], &moving))
			break;
		d->heap[at] = d->heap[child];
	}
	d->heap[at] = moving;
}

static bool add_run(struct gw_decode *d, const struct gw_recording_run *run)
{
	if (d->n == d->cap) {
		size_t cap = d->cap ? 2 * d->cap : 1024;
		struct gw_decode_run *heap = reallocarray(d->heap, cap, sizeof(*heap));

		if (!heap)
			return false;
		d->heap = heap;
		d->cap = cap;
	}
	d->heap[d->n] = (struct gw_decode_run){
		.next_ns = run->first_ns, .order = d->n, .run = *run};
	d->n++;
	return true;
}

enum gw_err gw_decode_load(
	struct gw_decode *d, const struct gw_recording_block *block, struct gw_error *err)
{
	struct gw_recording_scan scan = {.block = *block};
	struct gw_recording_run run;

	d->n = 0;
	while (gw_recording_run(&scan, &run)) {
		if (run.point >= d->n_points)
			return damaged(err);
		if (!add_run(d, &run))
			return no_memory(err);
	}
	if (scan.malformed)
		return damaged(err);
	for (size_t i = d->n / 2; i-- > 0;)
		sift_down(d, i);
	return GW_OK;
}

/* Time of sample k (from 0) of a run: evenly spaced, the last one exact. */
static int64_t time_of(const struct gw_recording_run *run, uint64_t k)
{
	uint64_t span = (uint64_t)(run->last_ns - run->first_ns);
	uint64_t whole = span / run->repeats, remainder = span % run->repeats;

	return run->first_ns + (int64_t)(whole * k + remainder * k / run->repeats);
}

static bool add_name(struct gw_decode_point *p, struct gw_point_names *names)
{
	p->name = gw_point_names_find(names, p->key, p->length);
	if (p->name == GW_POINT_NAMES_NONE)
		p->name = gw_point_names_add(names, p->key, p->length);
	return p->name != GW_POINT_NAMES_NONE;
}

bool gw_decode_next(struct gw_decode *d, struct gw_point_names *names,
	struct gw_reading *ret, enum gw_err *ret_kind)
{
	struct gw_decode_run *top = d->heap;
	struct gw_decode_point *p;

	*ret_kind = GW_OK;
	if (d->n == 0)
		return false;
	p = &d->points[top->run.point];
	if (p->name == GW_POINT_NAMES_NONE && !add_name(p, names)) {
		*ret_kind = GW_ERR_SYSTEM;
		return false;
	}
	*ret = (struct gw_reading){.time_ns = top->next_ns,
		.name = p->name,
		.quality = top->run.quality,
		.value = top->run.value};
	if (top->done++ < top->run.repeats)
		top->next_ns = time_of(&top->run, top->done);
	else
		d->heap[0] = d->heap[--d->n];
	if (d->n)
		sift_down(d, 0);
	return true;
}

void gw_decode_reset(struct gw_decode *d)
{
	clear_points(d);
	d->n = 0;
}

void gw_decode_fini(struct gw_decode *d)
{
	clear_points(d);
	free(d->points);
	free(d->heap);
	*d = (struct gw_decode){0};
}

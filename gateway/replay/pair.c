/* SPDX-License-Identifier: Apache-2.0 */
#include "replay/pair.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *const gw_pair_names[] = {
	[GW_PAIR_ADDED] = "added",
	[GW_PAIR_GONE] = "gone",
	[GW_PAIR_EARLIER] = "earlier",
	[GW_PAIR_LATER] = "later",
	[GW_PAIR_SAME] = "same",
};

/* A raise of either side, to be sorted by alarm, then time. */
struct side {
	const char *key;
	const struct gw_raise *raise;
	bool paired;
};

static int order_sides(const void *a, const void *b)
{
	const struct side *x = a, *y = b;
	int o = strcmp(x->key, y->key);

	if (o)
		return o;
	return (x->raise->from_ms > y->raise->from_ms) -
		(x->raise->from_ms < y->raise->from_ms);
}

static struct side *sides_of(const struct gw_run *run)
{
	struct side *s = calloc(run->n_raises + 1, sizeof(*s));

	for (size_t i = 0; s && i < run->n_raises; i++)
		s[i] = (struct side){
			.key = run->config->alarms[run->raises[i].alarm].info.key,
			.raise = &run->raises[i]};
	if (s)
		qsort(s, run->n_raises, sizeof(*s), order_sides);
	return s;
}

static int64_t start_of(const struct gw_pair *p)
{
	return p->now ? p->now->from_ms : p->was->from_ms;
}

static int order_pairs(const void *a, const void *b)
{
	int64_t x = start_of(a), y = start_of(b);

	return (x > y) - (x < y);
}

static void put(struct gw_pairs *p, const struct gw_raise *now, const struct gw_raise *was)
{
	struct gw_pair *to = &p->at[p->n++];

	*to = (struct gw_pair){.now = now, .was = was, .kind = GW_PAIR_SAME};
	if (!was) {
		to->kind = GW_PAIR_ADDED;
	} else if (!now) {
		to->kind = GW_PAIR_GONE;
	} else if (now->from_ms != was->from_ms) {
		to->by_ms = now->from_ms - was->from_ms;
		to->kind = to->by_ms < 0 ? GW_PAIR_EARLIER : GW_PAIR_LATER;
		if (to->by_ms < 0)
			to->by_ms = -to->by_ms;
	}
	p->count[to->kind]++;
}

/* Milliseconds between the two; negative or 0: they touch or overlap. */
static int64_t apart_ms(const struct gw_raise *a, const struct gw_raise *b)
{
	return a->from_ms > b->from_ms ? a->from_ms - b->until_ms
				       : b->from_ms - a->until_ms;
}

/* One alarm's: raises of a side never overlap, so two cursors meet every pair in order. A raise
 * that several of the other side fall into belongs to the first of them. */
static void pair_within(struct gw_pairs *p, struct side *now, size_t n_now,
	struct side *was, size_t n_was, int64_t most_ms)
{
	size_t i = 0, k = 0;

	while (i < n_now && k < n_was) {
		const struct gw_raise *a = now[i].raise, *b = was[k].raise;
		bool skip_a = now[i].paired, skip_b = !skip_a && was[k].paired;

		if (!skip_a && !skip_b && apart_ms(a, b) <= most_ms) {
			now[i++].paired = was[k++].paired = true;
			put(p, a, b);
		} else if (skip_a || (!skip_b && a->from_ms < b->from_ms)) {
			i++;
		} else {
			k++;
		}
	}
}

static size_t run_of(const struct side *s, size_t n, size_t from)
{
	size_t to = from;

	while (to < n && strcmp(s[to].key, s[from].key) == 0)
		to++;
	return to - from;
}

static void pair_all(
	struct gw_pairs *p, struct side *now, size_t n_now, struct side *was, size_t n_was)
{
	size_t i = 0, k = 0;

	while (i < n_now && k < n_was) {
		int o = strcmp(now[i].key, was[k].key);
		size_t a = o <= 0 ? run_of(now, n_now, i) : 0;
		size_t b = o >= 0 ? run_of(was, n_was, k) : 0;

		if (o == 0) {
			pair_within(p, now + i, a, was + k, b, 0);
			pair_within(p, now + i, a, was + k, b, GW_PAIR_APART_MS);
		}
		i += a;
		k += b;
	}
	for (i = 0; i < n_now; i++)
		if (!now[i].paired)
			put(p, now[i].raise, NULL);
	for (k = 0; k < n_was; k++)
		if (!was[k].paired)
			put(p, NULL, was[k].raise);
}

enum gw_err gw_pairs_make(const struct gw_run *now, const struct gw_run *was,
	struct gw_pairs *ret_pairs, struct gw_error *err)
{
	struct side *a = sides_of(now), *b = sides_of(was);
	struct gw_pairs p = {
		.at = calloc(now->n_raises + was->n_raises + 1, sizeof(struct gw_pair))};

	if (!a || !b || !p.at) {
		free(a);
		free(b);
		free(p.at);
		return gw_fail(err, GW_ERR_SYSTEM, ENOMEM, "out of memory");
	}
	pair_all(&p, a, now->n_raises, b, was->n_raises);
	qsort(p.at, p.n, sizeof(*p.at), order_pairs);
	free(a);
	free(b);
	*ret_pairs = p;
	return GW_OK;
}

void gw_pairs_free(struct gw_pairs *p)
{
	free(p->at);
	*p = (struct gw_pairs){0};
}

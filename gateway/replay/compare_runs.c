/* SPDX-License-Identifier: Apache-2.0 */
#include "replay/compare_runs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *const gw_raise_change_names[] = {
	[GW_RAISE_ADDED] = "added",
	[GW_RAISE_GONE] = "gone",
	[GW_RAISE_EARLIER] = "earlier",
	[GW_RAISE_LATER] = "later",
	[GW_RAISE_EQUAL] = "same",
};

/* A raise of one configuration, sorted by alarm, then by time. */
struct compared {
	const char *key;
	const struct gw_raise *raise;
	bool matched;
};

static int by_key_and_time(const void *a, const void *b)
{
	const struct compared *x = a, *y = b;
	int o = strcmp(x->key, y->key);

	if (o)
		return o;
	return (x->raise->from_ms > y->raise->from_ms) -
		(x->raise->from_ms < y->raise->from_ms);
}

static struct compared *compared_raises(const struct gw_replay_run *run)
{
	struct compared *s = calloc(run->n_raises + 1, sizeof(*s));

	for (size_t i = 0; s && i < run->n_raises; i++)
		s[i] = (struct compared){
			.key = run->config->alarms[run->raises[i].alarm].info.key,
			.raise = &run->raises[i]};
	if (s)
		qsort(s, run->n_raises, sizeof(*s), by_key_and_time);
	return s;
}

static int64_t start_of(const struct gw_raise_change *c)
{
	return c->new ? c->new->from_ms : c->old->from_ms;
}

static int by_time(const void *a, const void *b)
{
	int64_t x = start_of(a), y = start_of(b);

	return (x > y) - (x < y);
}

static void put(
	struct gw_comparison *c, const struct gw_raise *new, const struct gw_raise *old)
{
	struct gw_raise_change *to = &c->at[c->n++];

	*to = (struct gw_raise_change){.new = new, .old = old, .kind = GW_RAISE_EQUAL};
	if (!old) {
		to->kind = GW_RAISE_ADDED;
	} else if (!new) {
		to->kind = GW_RAISE_GONE;
	} else if (new->from_ms != old->from_ms) {
		to->shift_ms = new->from_ms - old->from_ms;
		to->kind = to->shift_ms < 0 ? GW_RAISE_EARLIER : GW_RAISE_LATER;
		if (to->shift_ms < 0)
			to->shift_ms = -to->shift_ms;
	}
	c->count[to->kind]++;
}

/* Milliseconds between the two; 0 or negative: they touch or overlap. */
static int64_t apart_ms(const struct gw_raise *a, const struct gw_raise *b)
{
	return a->from_ms > b->from_ms ? a->from_ms - b->until_ms
				       : b->from_ms - a->until_ms;
}

/* The raises of one alarm. Those of one configuration never overlap, so two cursors find
 * every pair in order. A raise that overlaps several others is matched with the first of
 * them. */
static void match_within(struct gw_comparison *c, struct compared *new, size_t n_new,
	struct compared *old, size_t n_old, int64_t most_ms)
{
	size_t i = 0, k = 0;

	while (i < n_new && k < n_old) {
		const struct gw_raise *a = new[i].raise, *b = old[k].raise;
		bool skip_a = new[i].matched, skip_b = !skip_a &&old[k].matched;

		if (!skip_a && !skip_b && apart_ms(a, b) <= most_ms) {
			new[i++].matched = old[k++].matched = true;
			put(c, a, b);
		} else if (skip_a || (!skip_b && a->from_ms < b->from_ms)) {
			i++;
		} else {
			k++;
		}
	}
}

static size_t run_of(const struct compared *s, size_t n, size_t from)
{
	size_t to = from;

	while (to < n && strcmp(s[to].key, s[from].key) == 0)
		to++;
	return to - from;
}

static void match_all(struct gw_comparison *c, struct compared *new, size_t n_new,
	struct compared *old, size_t n_old)
{
	size_t i = 0, k = 0;

	while (i < n_new && k < n_old) {
		int o = strcmp(new[i].key, old[k].key);
		size_t a = o <= 0 ? run_of(new, n_new, i) : 0;
		size_t b = o >= 0 ? run_of(old, n_old, k) : 0;

		if (o == 0) {
			match_within(c, new + i, a, old + k, b, 0);
			match_within(c, new + i, a, old + k, b, GW_COMPARE_GAP_MS);
		}
		i += a;
		k += b;
	}
	for (i = 0; i < n_new; i++)
		if (!new[i].matched)
			put(c, new[i].raise, NULL);
	for (k = 0; k < n_old; k++)
		if (!old[k].matched)
			put(c, NULL, old[k].raise);
}

enum gw_err gw_compare_runs(const struct gw_replay_run *new,
	const struct gw_replay_run *old, struct gw_comparison *ret_pairs,
	struct gw_error *err)
{
	struct compared *a = compared_raises(new), *b = compared_raises(old);
	struct gw_comparison c = {.at = calloc(new->n_raises + old->n_raises + 1,
					  sizeof(struct gw_raise_change))};

	if (!a || !b || !c.at) {
		free(a);
		free(b);
		free(c.at);
		return gw_fail(err, GW_ERR_SYSTEM, ENOMEM, "out of memory");
	}
	match_all(&c, a, new->n_raises, b, old->n_raises);
	qsort(c.at, c.n, sizeof(*c.at), by_time);
	free(a);
	free(b);
	*ret_pairs = c;
	return GW_OK;
}

void gw_comparison_free(struct gw_comparison *c)
{
	free(c->at);
	*c = (struct gw_comparison){0};
}

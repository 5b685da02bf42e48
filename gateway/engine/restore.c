/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the engine knows when it begins: states the store remembers (a restart) or an older
 * engine had (a reload). An alarm that was active and still is does not raise again; one that
 * went away meanwhile clears with its first sample.
 */
#include "engine/inside.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A clock that fell back (no battery, no time server yet) must not make a shelf longer than it
 * was when a person made it. */
static int64_t shelf_end_ns(const struct gw_alarm_memory *m, const struct gw_time *now)
{
	int64_t left_ms = m->shelved_until_ms - now->wall_ms;
	int64_t whole_ms = m->shelved_until_ms - m->since_ms;

	if (left_ms > whole_ms)
		left_ms = whole_ms;
	return left_ms > 0 ? now->mono_ns + left_ms * GW_NS_PER_MS : now->mono_ns;
}

bool gw_restore_shelf(struct gw_story *story, const struct gw_alarm_memory *memory,
	const struct gw_time *now)
{
	if (!memory->shelved_until_ms || story->state.shelved)
		return false;
	story->state.shelved = true;
	story->state.shelf_end_ns = shelf_end_ns(memory, now);
	return true;
}

static bool was_active(const struct gw_alarm_memory *m)
{
	return m->under == GW_STATE_ACTIVE_UNACKED || m->under == GW_STATE_ACTIVE_ACKED;
}

void gw_restore_alarm(struct gw_engine *e, struct gw_alarm *a,
	const struct gw_alarm_memory *memory, int64_t since_ns, const struct gw_time *now)
{
	struct gw_story *story = gw_story_write(e, a);
	bool lived = memory->under != GW_STATE_NORMAL;

	story->stood = was_active(memory);
	if (story->stood || !story->withheld) {
		story->state.under = memory->under <= GW_STATE_LATCHED_ACKED
			? memory->under
			: GW_STATE_NORMAL;
		story->withheld = false;
	}
	if (story->stood && !a->truth) {
		story->state.truth = a->truth = true;
		story->state.turn_ns = since_ns;
	}
	story->state.told_ns = since_ns;
	gw_restore_shelf(story, memory, now);
	a->quiet = !a->truth && !gw_state_active(&story->state);
	story->alive = story->state.under != GW_STATE_NORMAL;
	if (lived || !a->truth) {
		memcpy(story->occurrence, memory->occurrence, sizeof story->occurrence);
		story->onset_ms = memory->onset_ms;
		story->onset_ns = 0;
		story->peak = memory->peak;
	}
	if (!a->heard)
		a->value = memory->value;
	if (story->seq == 0) {
		story->since_ms = memory->since_ms;
		story->seq = memory->seq;
		story->told_level = memory->level;
	}
	gw_alarms_show(e, a, now);
}

bool gw_engine_restore(
	struct gw_engine *e, const struct gw_alarm_memory *memory, struct gw_time now)
{
	struct gw_alarm *a = gw_tables_find(e, memory->key);

	if (a)
		gw_restore_alarm(e, a, memory, now.mono_ns, &now);
	return a != NULL;
}

void gw_restore_end_life(struct gw_engine *e, const struct gw_alarm_memory *memory,
	const struct gw_alarm_info *info, const char *note, const struct gw_time *now)
{
	struct gw_event v = {
		.seq = ++e->seq,
		.run = e->run,
		.change = GW_CHANGE_CLEARED,
		.state = GW_STATE_NORMAL,
		.under = GW_STATE_NORMAL,
		.level = memory->level,
		.quality = GW_QUALITY_NONE,
		.info = info,
		.value = (double)NAN,
		.limit = (double)NAN,
		.peak = memory->peak,
		.eta_ms = -1,
		.mono_ns = now->mono_ns,
		.wall_ms = now->wall_ms,
		.onset_ms = memory->onset_ms,
		.synced = now->synced,
		.durable = true,
	};

	memcpy(v.occurrence, memory->occurrence, sizeof v.occurrence);
	memcpy(v.boot, e->boot, sizeof v.boot);
	strncpy(v.note, note, sizeof v.note - 1);
	gw_out_add(e, &v);
	atomic_store_explicit(&e->last_seq, e->seq, memory_order_release);
}

void gw_engine_orphan(struct gw_engine *e, const struct gw_alarm_memory *memory,
	const struct gw_alarm_info *info, struct gw_time now)
{
	gw_restore_end_life(e, memory, info, "no longer configured", &now);
}

static void remember(const struct gw_alarm *a, const struct gw_story *story,
	const struct gw_time *now, struct gw_alarm_memory *ret_memory)
{
	*ret_memory = (struct gw_alarm_memory){
		.key = a->opts->info.key,
		.state = (uint8_t)gw_state_shown(&story->state),
		.under = story->state.under,
		.level = (uint8_t)a->opts->level,
		.onset_ms = story->onset_ms,
		.since_ms = story->since_ms,
		.shelved_until_ms = story->state.shelved
			? gw_alarms_wall_ms(now, story->state.shelf_end_ns)
			: 0,
		.value = a->value,
		.peak = story->peak,
		.seq = story->seq,
	};
	memcpy(ret_memory->occurrence, story->occurrence, sizeof story->occurrence);
}

static bool same_table(const struct gw_table *a, const struct gw_table *b)
{
	return a->rows == b->rows && a->columns == b->columns &&
		(a->rows == 0 ||
			memcmp(a->cells, b->cells,
				a->rows * a->columns * sizeof a->cells[0]) == 0);
}

static bool same_condition(
	const struct gw_condition_opts *a, const struct gw_condition_opts *b)
{
	return a->kind == b->kind && a->window_ns == b->window_ns &&
		a->fit_ns == b->fit_ns && !(a->limit < b->limit) &&
		!(a->limit > b->limit) && a->is == b->is &&
		same_table(&a->clear, &b->clear) &&
		same_table(&a->deadband, &b->deadband) && same_table(&a->band, &b->band) &&
		same_table(&a->rows, &b->rows);
}

/* What it remembers of its points or members, if it is the same condition. */
static bool keep_memory(struct gw_alarm *a, const struct gw_alarm *old)
{
	const struct gw_condition_opts *o = &a->opts->when, *was = &old->opts->when;
	size_t size = gw_condition_memory(o);

	if (o->kind->votes && was->kind->votes)
		gw_condition_members_keep(o, a->memory, was, old->memory);
	else if (same_condition(o, was) && size == gw_condition_memory(was))
		memcpy(a->memory, old->memory, size);
	else
		return false;
	return true;
}

/* A device has spoken even if its points have other names now: what a silent alarm knew of it
 * counts, unless these points know better. What another condition knew does not. */
static void go_on_waiting(struct gw_engine *e, struct gw_alarm *a,
	const struct gw_engine *from, const struct gw_alarm *old)
{
	bool both = a->opts->when.kind->on_devices && old->opts->when.kind->on_devices;
	int64_t since_ns = both ? gw_silence_since_ns(from, old) : 0;

	if (a->moved || gw_silence_heard_ns(e, a) < since_ns)
		gw_story_write(e, a)->waits_ns = since_ns;
	if (a->moved && (!both || gw_silence_heard_ns(from, old)))
		gw_story_write(e, a)->stood = false;
}

/* The same alarm goes on: its delays, its window of history and its life. */
static void go_on(struct gw_engine *e, struct gw_alarm *a, const struct gw_engine *from,
	const struct gw_alarm *old, const struct gw_time *now)
{
	const struct gw_story *was = gw_story_of(from, old);

	a->last_ns = old->last_ns;
	a->value = old->value;
	a->limit = old->limit;
	a->truth = old->truth;
	a->quiet = old->quiet;
	a->quality = old->quality;
	a->heard = keep_memory(a, old) && old->heard;
	if (old->moved) {
		*gw_story_write(e, a) = *was;
		gw_alarms_show(e, a, now);
	} else {
		gw_queue_set(e, gw_alarms_index(e, a),
			gw_queue_due_ns(from, gw_alarms_index(from, old)));
	}
	go_on_waiting(e, a, from, old);
}

static void take_point(struct gw_view *to, size_t at, struct gw_view *from, size_t point)
{
	struct gw_point_slot *s = &to->points[at];
	struct gw_point_view v;

	gw_view_point(from, point, &v);
	atomic_store_explicit(&s->value, v.value, memory_order_relaxed);
	atomic_store_explicit(&s->mono_ns, v.mono_ns, memory_order_relaxed);
	if (!gw_quality_current(v.quality) && v.good_ns)
		atomic_store_explicit(
			&to->rests[at].good_ns, v.good_ns, memory_order_relaxed);
	if (v.device_ns)
		atomic_store_explicit(
			&to->rests[at].device_ns, v.device_ns, memory_order_relaxed);
	atomic_store_explicit(&s->lock, 2 * (uint32_t)v.samples, memory_order_relaxed);
	atomic_store_explicit(&s->quality,
		(uint8_t)(v.quality | (v.device_ns ? GW_DEVICE_TIME : 0)),
		memory_order_relaxed);
}

static int by_key(const void *a, const void *b, void *arg)
{
	const struct gw_point_info *points = arg;

	return strcmp(points[*(const uint32_t *)a].key, points[*(const uint32_t *)b].key);
}

void gw_engine_prepare(struct gw_engine *e)
{
	uint32_t n = (uint32_t)e->opts.n_points;

	gw_tables_find(e, "");
	e->points_by_key = calloc(n + 1, sizeof *e->points_by_key);
	for (uint32_t i = 0; e->points_by_key && i < n; i++)
		e->points_by_key[i] = i;
	if (e->points_by_key)
		qsort_r(e->points_by_key, n, sizeof *e->points_by_key, by_key,
			(void *)(uintptr_t)e->opts.points);
}

/* n_points: there is no such point. */
static size_t find_point(const struct gw_engine *e, const char *key)
{
	size_t lo = 0, hi = e->opts.n_points;

	if (!e->points_by_key) {
		while (lo < hi && strcmp(e->opts.points[lo].key, key) != 0)
			lo++;
		return lo;
	}
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int order = strcmp(key, e->opts.points[e->points_by_key[mid]].key);

		if (order == 0)
			return e->points_by_key[mid];
		if (order < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return e->opts.n_points;
}

/* Both tables are in the order of the config, mostly alike: look behind the last hit first. */
static void take_points(struct gw_engine *e, struct gw_engine *old)
{
	size_t at = 0;

	for (size_t k = 0; k < old->opts.n_points; k++) {
		const char *key = old->opts.points[k].key;

		if (at >= e->opts.n_points || strcmp(e->opts.points[at].key, key) != 0)
			at = find_point(e, key);
		if (at < e->opts.n_points)
			take_point(&e->view, at++, &old->view, k);
	}
}

size_t gw_engine_adopt(struct gw_engine *e, struct gw_engine *old, struct gw_time now,
	void (*orphan)(void *arg, const struct gw_alarm_memory *memory,
		const struct gw_alarm_info *info),
	void *arg)
{
	size_t homeless = 0;

	gw_late_take(old, &now);
	for (size_t p = 0; p < old->opts.n_points; p++)
		gw_history_recall(old, p);
	gw_engine_identity(e, old->run, old->seq, old->boot);
	take_points(e, old);
	gw_out_adopt(e, old);
	gw_pause_adopt(e, old);
	for (size_t i = 0; i < old->opts.n_alarms; i++) {
		const struct gw_alarm *was = &old->alarms[i];
		const struct gw_story *story = gw_story_of(old, was);
		struct gw_alarm *a = gw_tables_find(e, was->opts->info.key);

		if (a) {
			go_on(e, a, old, was, &now);
		} else if (story->alive || story->state.shelved) {
			struct gw_alarm_memory memory;

			remember(was, story, &now, &memory);
			orphan(arg, &memory, &was->opts->info);
			homeless++;
		}
	}
	gw_tables_forget(e);
	return homeless;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the engine knows when it begins: states the store remembers (a restart) or an older
 * engine had (a reload). An alarm that was active and still is does not raise again; one that
 * went away meanwhile clears with its first sample.
 */
#include "engine/engine_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A clock that fell back (no battery, no time server yet) must not make a shelf longer than it
 * was when a person made it. */
static int64_t shelf_end_ns(const struct gw_alarm_record *m, const struct gw_time *now)
{
	int64_t left_ms = m->shelved_until_ms - now->wall_ms;
	int64_t whole_ms = m->shelved_until_ms - m->since_ms;

	if (left_ms > whole_ms)
		left_ms = whole_ms;
	return left_ms > 0 ? now->mono_ns + left_ms * GW_NS_PER_MS : now->mono_ns;
}

bool gw_restore_shelf(struct gw_alarm_detail *detail, const struct gw_alarm_record *memory,
	const struct gw_time *now)
{
	if (!memory->shelved_until_ms || detail->state.shelved)
		return false;
	detail->state.shelved = true;
	detail->state.shelf_end_ns = shelf_end_ns(memory, now);
	return true;
}

static bool was_active(const struct gw_alarm_record *m)
{
	return m->underlying == GW_STATE_ACTIVE_UNACKED ||
		m->underlying == GW_STATE_ACTIVE_ACKED;
}

void gw_restore_alarm(struct gw_engine *e, struct gw_alarm *a,
	const struct gw_alarm_record *memory, int64_t since_ns, const struct gw_time *now)
{
	struct gw_alarm_detail *detail = gw_alarm_detail_write(e, a);
	bool had_occurrence = memory->underlying != GW_STATE_NORMAL;

	detail->active_before_start = was_active(memory);
	if (detail->active_before_start || !detail->withheld) {
		detail->state.underlying = memory->underlying <= GW_STATE_LATCHED_ACKED
			? memory->underlying
			: GW_STATE_NORMAL;
		detail->withheld = false;
	}
	if (detail->active_before_start && !a->condition_true) {
		detail->state.condition_true = a->condition_true = true;
		detail->state.condition_since_ns = since_ns;
	}
	detail->state.re_alarm_from_ns = since_ns;
	gw_restore_shelf(detail, memory, now);
	a->inactive = !a->condition_true && !gw_state_active(&detail->state);
	detail->in_occurrence = detail->state.underlying != GW_STATE_NORMAL;
	if (had_occurrence || !a->condition_true) {
		memcpy(detail->occurrence, memory->occurrence, sizeof detail->occurrence);
		detail->onset_ms = memory->onset_ms;
		detail->onset_ns = 0;
		detail->peak = memory->peak;
	}
	if (!a->has_input)
		a->value = memory->value;
	if (detail->seq == 0) {
		detail->since_ms = memory->since_ms;
		detail->seq = memory->seq;
		detail->announced_level = memory->level;
	}
	gw_alarm_publish(e, a, now);
}

bool gw_engine_restore(
	struct gw_engine *e, const struct gw_alarm_record *memory, struct gw_time now)
{
	struct gw_alarm *a = gw_key_index_find_alarm(e, memory->key);

	if (a)
		gw_restore_alarm(e, a, memory, now.mono_ns, &now);
	return a != NULL;
}

void gw_restore_clear_occurrence(struct gw_engine *e, const struct gw_alarm_record *memory,
	const struct gw_alarm_info *info, const char *note, const struct gw_time *now)
{
	struct gw_event v = {
		.seq = ++e->seq,
		.run = e->run,
		.change = GW_CHANGE_CLEARED,
		.state = GW_STATE_NORMAL,
		.underlying = GW_STATE_NORMAL,
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
	gw_outputs_append(e, &v);
	atomic_store_explicit(&e->last_seq, e->seq, memory_order_release);
}

void gw_engine_clear_orphan(struct gw_engine *e, const struct gw_alarm_record *memory,
	const struct gw_alarm_info *info, struct gw_time now)
{
	gw_restore_clear_occurrence(e, memory, info, "no longer configured", &now);
}

static void make_record(const struct gw_alarm *a, const struct gw_alarm_detail *detail,
	const struct gw_time *now, struct gw_alarm_record *ret_memory)
{
	*ret_memory = (struct gw_alarm_record){
		.key = a->opts->info.key,
		.state = (uint8_t)gw_state_shown(&detail->state),
		.underlying = detail->state.underlying,
		.level = (uint8_t)a->opts->level,
		.onset_ms = detail->onset_ms,
		.since_ms = detail->since_ms,
		.shelved_until_ms = detail->state.shelved
			? gw_alarm_wall_ms(now, detail->state.shelf_end_ns)
			: 0,
		.value = a->value,
		.peak = detail->peak,
		.seq = detail->seq,
	};
	memcpy(ret_memory->occurrence, detail->occurrence, sizeof detail->occurrence);
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
static bool adopt_memory(struct gw_alarm *a, const struct gw_alarm *old)
{
	const struct gw_condition_opts *o = &a->opts->when, *was = &old->opts->when;
	size_t size = gw_condition_memory(o);

	if (o->kind->is_vote && was->kind->is_vote)
		gw_condition_adopt_members(o, a->memory, was, old->memory);
	else if (same_condition(o, was) && size == gw_condition_memory(was))
		memcpy(a->memory, old->memory, size);
	else
		return false;
	return true;
}

/* A device has spoken even if its points have other names now: what a silent alarm knew of it
 * counts, unless these points know better. What another condition knew does not. */
static void adopt_silence(struct gw_engine *e, struct gw_alarm *a,
	const struct gw_engine *from, const struct gw_alarm *old)
{
	bool both = a->opts->when.kind->on_devices && old->opts->when.kind->on_devices;
	int64_t since_ns = both ? gw_silence_since_ns(from, old) : 0;

	if (a->has_detail || gw_silence_last_good_ns(e, a) < since_ns)
		gw_alarm_detail_write(e, a)->silent_since_ns = since_ns;
	if (a->has_detail && (!both || gw_silence_last_good_ns(from, old)))
		gw_alarm_detail_write(e, a)->active_before_start = false;
}

/* The same alarm goes on: its delays, its window of history and its life. */
static void adopt_alarm(struct gw_engine *e, struct gw_alarm *a,
	const struct gw_engine *from, const struct gw_alarm *old, const struct gw_time *now)
{
	const struct gw_alarm_detail *was = gw_alarm_detail_of(from, old);

	a->last_ns = old->last_ns;
	a->value = old->value;
	a->limit = old->limit;
	a->condition_true = old->condition_true;
	a->inactive = old->inactive;
	a->quality = old->quality;
	a->has_input = adopt_memory(a, old) && old->has_input;
	if (old->has_detail) {
		*gw_alarm_detail_write(e, a) = *was;
		gw_alarm_publish(e, a, now);
	} else {
		gw_timers_set(e, gw_alarm_index(e, a),
			gw_timers_due_ns(from, gw_alarm_index(from, old)));
	}
	adopt_silence(e, a, from, old);
}

static void adopt_point(struct gw_view *to, size_t at, struct gw_view *from, size_t point)
{
	struct gw_point_slot *s = &to->points[at];
	struct gw_point_view v;

	gw_view_point(from, point, &v);
	atomic_store_explicit(&s->value, v.value, memory_order_relaxed);
	atomic_store_explicit(&s->mono_ns, v.mono_ns, memory_order_relaxed);
	if (!gw_quality_current(v.quality) && v.good_ns)
		atomic_store_explicit(
			&to->details[at].good_ns, v.good_ns, memory_order_relaxed);
	if (v.device_ns)
		atomic_store_explicit(
			&to->details[at].device_ns, v.device_ns, memory_order_relaxed);
	atomic_store_explicit(&s->seqlock, 2 * (uint32_t)v.samples, memory_order_relaxed);
	atomic_store_explicit(&s->quality,
		(uint8_t)(v.quality | (v.device_ns ? GW_DEVICE_TIME : 0)),
		memory_order_relaxed);
}

static int alarms_by_key(const void *a, const void *b, void *arg)
{
	const struct gw_point_info *points = arg;

	return strcmp(points[*(const uint32_t *)a].key, points[*(const uint32_t *)b].key);
}

void gw_engine_prepare_adopt(struct gw_engine *e)
{
	uint32_t n = (uint32_t)e->opts.n_points;

	gw_key_index_find_alarm(e, "");
	e->points_by_key = calloc(n + 1, sizeof *e->points_by_key);
	for (uint32_t i = 0; e->points_by_key && i < n; i++)
		e->points_by_key[i] = i;
	if (e->points_by_key)
		qsort_r(e->points_by_key, n, sizeof *e->points_by_key, alarms_by_key,
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
static void adopt_points(struct gw_engine *e, struct gw_engine *old)
{
	size_t at = 0;

	for (size_t k = 0; k < old->opts.n_points; k++) {
		const char *key = old->opts.points[k].key;

		if (at >= e->opts.n_points || strcmp(e->opts.points[at].key, key) != 0)
			at = find_point(e, key);
		if (at < e->opts.n_points)
			adopt_point(&e->view, at++, &old->view, k);
	}
}

size_t gw_engine_adopt(struct gw_engine *e, struct gw_engine *old, struct gw_time now,
	void (*orphan)(void *arg, const struct gw_alarm_record *memory,
		const struct gw_alarm_info *info),
	void *arg)
{
	size_t n_orphans = 0;

	gw_late_restore_run(old, &now);
	for (size_t p = 0; p < old->opts.n_points; p++)
		gw_history_flush(old, p);
	gw_engine_set_identity(e, old->run, old->seq, old->boot);
	adopt_points(e, old);
	gw_outputs_adopt(e, old);
	gw_pause_adopt(e, old);
	for (size_t i = 0; i < old->opts.n_alarms; i++) {
		const struct gw_alarm *was = &old->alarms[i];
		const struct gw_alarm_detail *detail = gw_alarm_detail_of(old, was);
		struct gw_alarm *a = gw_key_index_find_alarm(e, was->opts->info.key);

		if (a) {
			adopt_alarm(e, a, old, was, &now);
		} else if (detail->in_occurrence || detail->state.shelved) {
			struct gw_alarm_record memory;

			make_record(was, detail, &now, &memory);
			orphan(arg, &memory, &was->opts->info);
			n_orphans++;
		}
	}
	gw_key_index_free(e);
	return n_orphans;
}

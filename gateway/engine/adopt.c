/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reload: what the old engine knows enters the new one. An alarm with the same key goes on: its
 * delays, its window of history and its occurrence. An active alarm does not raise again; one
 * that has returned meanwhile clears with its first sample.
 */
#include "engine/alarm.h"
#include "engine/alarm_detail.h"
#include "engine/events.h"
#include "engine/history.h"
#include "engine/key_index.h"
#include "engine/late_restore.h"
#include "engine/outputs.h"
#include "engine/pause.h"
#include "engine/silence.h"
#include "engine/timers.h"
#include "engine/view.h"

#include <string.h>

static void make_record(const struct gw_alarm *a, const struct gw_alarm_detail *detail,
	const struct gw_time *now, struct gw_alarm_record *ret_record)
{
	*ret_record = (struct gw_alarm_record){
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
	memcpy(ret_record->occurrence, detail->occurrence, sizeof detail->occurrence);
}

/* The memory of the condition, if it is the same condition. */
static bool adopt_memory(struct gw_alarm *a, const struct gw_alarm *old)
{
	const struct gw_condition_opts *o = a->opts->when, *was = old->opts->when;
	size_t size = gw_condition_memory(o);

	if (o->kind->is_vote && was->kind->is_vote)
		gw_condition_adopt_members(o, a->memory, was, old->memory);
	else if (gw_condition_equal(o, was) && size == gw_condition_memory(was))
		memcpy(a->memory, old->memory, size);
	else
		return false;
	return true;
}

/* A device was heard even if its points have other names now: the last current sample in the old
 * engine counts, unless one of the new points has a later one. That of another condition does
 * not. */
static void adopt_silence(struct gw_engine *e, struct gw_alarm *a,
	const struct gw_engine *from, const struct gw_alarm *old)
{
	bool both = a->opts->when->kind->on_devices && old->opts->when->kind->on_devices;
	int64_t since_ns = both ? gw_silence_waiting_since_ns(from, old) : 0;

	if (a->has_detail || gw_silence_last_current_ns(e, a) < since_ns)
		gw_alarm_detail_write(e, a)->silent_since_ns = since_ns;
	if (a->has_detail && (!both || gw_silence_last_current_ns(from, old)))
		gw_alarm_detail_write(e, a)->active_before_start = false;
}

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
		gw_events_publish(e, a, now);
	} else {
		gw_timers_set(e, gw_alarm_index(e, a),
			gw_timers_due_ns(from, gw_alarm_index(from, old)));
	}
	adopt_silence(e, a, from, old);
}

static void adopt_point(struct gw_view *to, size_t at, struct gw_view *from, size_t point)
{
	struct gw_point_state *s = &to->points[at];
	struct gw_point_view v;

	gw_view_point(from, point, &v);
	atomic_store_explicit(&s->value, v.value, memory_order_relaxed);
	atomic_store_explicit(&s->boot_ns, v.boot_ns, memory_order_relaxed);
	if (!gw_quality_current(v.quality) && v.current_ns)
		atomic_store_explicit(
			&to->details[at].current_ns, v.current_ns, memory_order_relaxed);
	if (v.device_ns)
		atomic_store_explicit(
			&to->details[at].device_ns, v.device_ns, memory_order_relaxed);
	atomic_store_explicit(&s->seqlock, 2 * (uint32_t)v.samples, memory_order_relaxed);
	atomic_store_explicit(&s->quality,
		(uint8_t)(v.quality | (v.device_ns ? GW_DEVICE_TIME : 0)),
		memory_order_relaxed);
}

void gw_engine_prepare_adopt(struct gw_engine *e)
{
	gw_key_index_make(e);
}

/* Both tables are in the order of the config and mostly alike: the point behind the last hit comes
 * first. */
static void adopt_points(struct gw_engine *e, struct gw_engine *old)
{
	size_t at = 0;

	for (size_t k = 0; k < old->opts.n_points; k++) {
		const char *key = old->opts.points[k].key;

		if (at >= e->opts.n_points || strcmp(e->opts.points[at].key, key) != 0)
			at = gw_key_index_find_point(e, key);
		if (at < e->opts.n_points)
			adopt_point(&e->view, at++, &old->view, k);
	}
}

size_t gw_engine_adopt(struct gw_engine *e, struct gw_engine *old, struct gw_time now,
	void (*on_unconfigured)(void *arg, const struct gw_alarm_record *record,
		const struct gw_alarm_info *info),
	void *arg)
{
	size_t n_unconfigured = 0;

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
			struct gw_alarm_record record;

			make_record(was, detail, &now, &record);
			on_unconfigured(arg, &record, &was->opts->info);
			n_unconfigured++;
		}
	}
	gw_key_index_free(e);
	return n_unconfigured;
}

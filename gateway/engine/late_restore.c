/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/late_restore.h"

#include "alarm/chatter_flood.h"
#include "engine/alarm.h"
#include "engine/alarm_detail.h"
#include "engine/band.h"
#include "engine/events.h"
#include "engine/history.h"
#include "engine/key_index.h"
#include "engine/restore.h"
#include "engine/startup.h"

#include <stdlib.h>
#include <string.h>

#define NO_ALARM UINT32_MAX

static int compare_alarms(const void *a, const void *b)
{
	uint32_t i = ((const struct gw_late_record *)a)->alarm;
	uint32_t k = ((const struct gw_late_record *)b)->alarm;

	return (i > k) - (i < k);
}

bool gw_engine_restore_late(struct gw_engine *e, struct gw_late_records *batch)
{
	if (!gw_engine_restore_done(e))
		return false;
	batch->n_unconfigured = batch->n_raised_anew = 0;
	for (size_t i = 0; i < batch->n; i++) {
		struct gw_alarm *a = gw_key_index_find_alarm(e, batch->at[i].record.key);

		batch->at[i].alarm = a ? gw_alarm_index(e, a) : NO_ALARM;
	}
	gw_key_index_free(e);
	/* members come before the votes that count them, as at the start */
	qsort(batch->at, batch->n, sizeof *batch->at, compare_alarms);
	/* release: the engine's thread sees the batch as written above */
	atomic_store_explicit(&e->late, batch, memory_order_release);
	return true;
}

bool gw_engine_restore_done(const struct gw_engine *e)
{
	/* acquire: a caller that sees NULL may free the batch, the engine has finished with it */
	return atomic_load_explicit(&e->late, memory_order_acquire) == NULL;
}

static void keep_newer(struct gw_engine *e, struct gw_alarm *a,
	const struct gw_alarm_record *record, const struct gw_time *now)
{
	struct gw_alarm_detail *detail = gw_alarm_detail_write(e, a);

	if (record->underlying != GW_STATE_NORMAL)
		gw_restore_clear_occurrence(e, record, &a->opts->info,
			"raised anew before it was known that it stood", now);
	if (detail->state.underlying == GW_STATE_RETURNED_UNACKED &&
		(record->underlying == GW_STATE_LATCHED_UNACKED ||
			record->underlying == GW_STATE_LATCHED_ACKED))
		detail->state.underlying = GW_STATE_LATCHED_UNACKED;
	if (gw_restore_shelf(detail, record, now) &&
		detail->state.shelf_end_ns > now->boot_ns)
		gw_events_emit(e, a, GW_CHANGE_SHELVED, "it was before the restart",
			now->boot_ns, now);
	else
		gw_events_emit(e, a, GW_CHANGE_AMENDED, "it stood before the restart",
			now->boot_ns, now);
	gw_alarm_detail_schedule(e, a);
}

static void restore(struct gw_engine *e, struct gw_alarm *a,
	const struct gw_alarm_record *record, const struct gw_time *now)
{
	const struct gw_condition_kind *kind = a->opts->when->kind;
	bool was_false = !a->condition_true;

	for (uint32_t p = 0; p < a->opts->n_points; p++)
		gw_history_flush(e, a->opts->first_point + p);
	gw_restore_alarm(e, a, record, e->start_ns, now);
	if (was_false) /* the record has no quality */
		a->quality = GW_QUALITY_NONE;
	if (was_false && a->condition_true && a->has_input && kind->restore_active)
		kind->restore_active(a->opts->when, a->memory);
	/* gw_startup_suppress begins it anew, which ends what stood */
	gw_alarm_detail_write(e, a)->state.suppressed_by &=
		(uint8_t)~GW_SUPPRESSED_BY_SERVICE;
}

/* A shelf may be all that is remembered of an alarm. */
static bool has_occurrence(const struct gw_alarm_record *record)
{
	static const uint8_t none[sizeof record->occurrence];

	return memcmp(record->occurrence, none, sizeof none) != 0;
}

static void restore_one(
	struct gw_engine *e, struct gw_late_record *r, const struct gw_time *now)
{
	struct gw_alarm *a = &e->alarms[r->alarm];
	const struct gw_alarm_detail *detail = gw_alarm_detail_of(e, a);

	r->had_occurrence = has_occurrence(&r->record) &&
		memcmp(detail->occurrence, r->record.occurrence,
			sizeof detail->occurrence) == 0;
	if (r->had_occurrence)
		return;
	r->was_active = gw_alarm_detail_active(e, a);
	r->seq_before = detail->seq;
	r->raised_anew = detail->in_occurrence && !detail->withheld;
	if (r->raised_anew)
		keep_newer(e, a, &r->record, now);
	else
		restore(e, a, &r->record, now);
}

/* As at the first step, with the samples since. */
static void reevaluate(
	struct gw_engine *e, struct gw_late_record *r, const struct gw_time *now)
{
	struct gw_alarm *a = &e->alarms[r->alarm];
	const struct gw_alarm_detail *detail = gw_alarm_detail_write(e, a);
	const struct gw_condition_kind *kind = a->opts->when->kind;

	if (kind->on_devices || kind == &gw_condition_chattering ||
		kind == &gw_condition_flood || (kind->absorb && a->has_input))
		gw_alarm_evaluate_tick(e, a, now->boot_ns, now);
	else if (kind->on_points && !kind->absorb)
		gw_startup_evaluate_value(e, a, now);
	gw_startup_evaluate_members(e, a, now);
	gw_startup_emit_level(e, a, now);
	gw_alarm_detail_schedule(e, a);
	for (uint32_t p = 0; p < a->opts->n_points; p++)
		gw_band_update(e, a->opts->first_point + p);
	if (a->has_input && gw_alarm_detail_active(e, a) != r->was_active)
		gw_alarm_notify_listeners(e, a, now->boot_ns, now);
	/* the journal has newer events of this alarm than the record: an amendment corrects it */
	if (r->seq_before && detail->seq == r->seq_before &&
		gw_state_shown(&detail->state) != GW_STATE_NORMAL)
		gw_events_emit(e, a, GW_CHANGE_AMENDED, "it stood before the restart",
			now->boot_ns, now);
}

void gw_late_restore_run(struct gw_engine *e, const struct gw_time *now)
{
	/* acquire: the batch as main wrote it */
	struct gw_late_records *batch = atomic_load_explicit(
		&e->late, memory_order_acquire);
	size_t n_configured = 0;

	if (!batch)
		return;
	for (; n_configured < batch->n && batch->at[n_configured].alarm != NO_ALARM;
		n_configured++)
		restore_one(e, &batch->at[n_configured], now);
	for (size_t i = n_configured; i < batch->n; i++)
		gw_restore_clear_occurrence(e, &batch->at[i].record, batch->at[i].info,
			"no longer configured", now);
	batch->n_unconfigured = batch->n - n_configured;
	gw_startup_suppress(e, now);
	for (size_t i = 0; i < n_configured; i++)
		if (!batch->at[i].had_occurrence && batch->at[i].raised_anew)
			batch->n_raised_anew++;
		else if (!batch->at[i].had_occurrence)
			reevaluate(e, &batch->at[i], now);
	/* release: main finds its batch as the engine left it */
	atomic_store_explicit(&e->late, NULL, memory_order_release);
}

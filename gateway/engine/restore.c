/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/restore.h"

#include "engine/alarm.h"
#include "engine/alarm_detail.h"
#include "engine/events.h"
#include "engine/key_index.h"
#include "engine/outputs.h"

#include <math.h>
#include <string.h>

/* A clock that was set back (no battery, no time server yet) must not make a shelf longer than its
 * whole duration. */
static int64_t shelf_end_ns(const struct gw_alarm_record *r, const struct gw_time *now)
{
	int64_t left_ms = r->shelved_until_ms - now->wall_ms;
	int64_t whole_ms = r->shelved_until_ms - r->since_ms;

	if (left_ms > whole_ms)
		left_ms = whole_ms;
	return left_ms > 0 ? now->boot_ns + left_ms * GW_NS_PER_MS : now->boot_ns;
}

bool gw_restore_shelf(struct gw_alarm_detail *detail, const struct gw_alarm_record *record,
	const struct gw_time *now)
{
	if (!record->shelved_until_ms || detail->state.shelved)
		return false;
	detail->state.shelved = true;
	detail->state.shelf_end_ns = shelf_end_ns(record, now);
	return true;
}

static bool was_active(const struct gw_alarm_record *r)
{
	return r->underlying == GW_STATE_ACTIVE_UNACKED ||
		r->underlying == GW_STATE_ACTIVE_ACKED;
}

void gw_restore_alarm(struct gw_engine *e, struct gw_alarm *a,
	const struct gw_alarm_record *record, int64_t since_ns, const struct gw_time *now)
{
	struct gw_alarm_detail *detail = gw_alarm_detail_write(e, a);
	bool had_occurrence = record->underlying != GW_STATE_NORMAL;
	bool shelved;

	detail->active_before_start = was_active(record);
	if (detail->active_before_start || !detail->withheld) {
		detail->state.underlying = record->underlying <= GW_STATE_LATCHED_ACKED
			? record->underlying
			: GW_STATE_NORMAL;
		detail->withheld = false;
	}
	if (detail->active_before_start && !a->condition_true) {
		detail->state.condition_true = a->condition_true = true;
		detail->state.condition_since_ns = since_ns;
	}
	detail->state.re_alarm_from_ns = since_ns;
	detail->state.raise_again = record->unconfirmed && detail->active_before_start;
	shelved = gw_restore_shelf(detail, record, now);
	a->inactive = !a->condition_true && !gw_state_active(&detail->state);
	detail->in_occurrence = detail->state.underlying != GW_STATE_NORMAL;
	if (had_occurrence || !a->condition_true) {
		memcpy(detail->occurrence, record->occurrence, sizeof detail->occurrence);
		detail->onset_ms = record->onset_ms;
		detail->onset_ns = 0;
		detail->peak = record->peak;
	}
	if (!a->has_input)
		a->value = record->value;
	if (detail->seq == 0) {
		detail->since_ms = record->since_ms;
		detail->seq = record->seq;
		detail->announced_level = record->level;
	}
	if (shelved && record->unconfirmed && detail->state.shelf_end_ns > now->boot_ns)
		gw_events_emit(e, a, GW_CHANGE_SHELVED, "restored from a backup",
			now->boot_ns, now);
	gw_events_publish(e, a, now);
}

bool gw_engine_restore(
	struct gw_engine *e, const struct gw_alarm_record *record, struct gw_time now)
{
	struct gw_alarm *a = gw_key_index_find_alarm(e, record->key);

	if (a)
		gw_restore_alarm(e, a, record, now.boot_ns, &now);
	return a != NULL;
}

void gw_restore_clear_occurrence(struct gw_engine *e, const struct gw_alarm_record *record,
	const struct gw_alarm_info *info, const char *note, const struct gw_time *now)
{
	struct gw_event event = {
		.seq = ++e->seq,
		.run = e->run,
		.change = GW_CHANGE_CLEARED,
		.state = GW_STATE_NORMAL,
		.underlying = GW_STATE_NORMAL,
		.level = record->level,
		.quality = GW_QUALITY_NONE,
		.info = info,
		.value = (double)NAN,
		.limit = (double)NAN,
		.peak = record->peak,
		.eta_ms = -1,
		.boot_ns = now->boot_ns,
		.wall_ms = now->wall_ms,
		.onset_ms = record->onset_ms,
		.synced = now->synced,
		.durable = true,
	};

	memcpy(event.occurrence, record->occurrence, sizeof event.occurrence);
	memcpy(event.boot, e->boot, sizeof event.boot);
	strncpy(event.note, note, sizeof event.note - 1);
	gw_outputs_append(e, &event);
	atomic_store_explicit(&e->last_seq, e->seq, memory_order_release);
}

void gw_engine_clear_unconfigured(struct gw_engine *e, const struct gw_alarm_record *record,
	const struct gw_alarm_info *info, struct gw_time now)
{
	gw_restore_clear_occurrence(e, record, info, "no longer configured", &now);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/events.h"

#include "alarm/chatter_flood.h"
#include "engine/alarm_detail.h"
#include "engine/flood.h"
#include "engine/outputs.h"
#include "engine/view.h"

#include <math.h>

#define NO_VALUE ((double)NAN)

static int64_t shelved_until_ms(
	const struct gw_alarm_detail *detail, const struct gw_time *now)
{
	return detail->state.shelved ? gw_alarm_wall_ms(now, detail->state.shelf_end_ns)
				     : 0;
}

void gw_events_publish(struct gw_engine *e, struct gw_alarm *a, const struct gw_time *now)
{
	const struct gw_alarm_detail *detail = gw_alarm_detail_of(e, a);

	if (a->has_detail)
		gw_view_write_alarm(&e->view.alarms[gw_alarm_index(e, a)], a, detail,
			shelved_until_ms(detail, now));
}

/* The fields that do not depend on the transition. */
static struct gw_event make_event(struct gw_engine *e, struct gw_alarm *a,
	enum gw_change change, enum gw_state state, int64_t at_ns,
	const struct gw_time *now)
{
	struct gw_alarm_detail *detail = gw_alarm_detail_write(e, a);
	struct gw_event event = {
		.seq = ++e->seq,
		.run = e->run,
		.change = (uint8_t)change,
		.state = (uint8_t)state,
		.underlying = (uint8_t)gw_state_announced_underlying(&detail->state),
		.level = (uint8_t)a->opts->level,
		.quality = a->quality,
		.info = &a->opts->info,
		.value = a->value,
		.limit = a->limit,
		.peak = detail->peak,
		.eta_ms = detail->eta_ms,
		.boot_ns = at_ns,
		.wall_ms = gw_alarm_wall_ms(now, at_ns),
		.onset_ms = detail->onset_ms,
		.shelved_until_ms = shelved_until_ms(detail, now),
		.synced = now->synced,
		.durable = true,
	};

	memcpy(event.occurrence, detail->occurrence, sizeof event.occurrence);
	memcpy(event.boot, e->boot, sizeof event.boot);
	if (a->opts->when->kind->is_vote)
		event.n_confirmed_by = (uint8_t)gw_condition_true_members(a->opts->when,
			a->memory, at_ns, event.confirmed_by, GW_EVENT_CONFIRMED_BY_MAX);
	if (a->opts->when->kind == &gw_condition_chattering)
		event.n_confirmed_by = (uint8_t)gw_flood_chattering_keys(
			e, a, event.confirmed_by, GW_EVENT_CONFIRMED_BY_MAX);
	detail->seq = event.seq;
	detail->announced_level = event.level;
	detail->since_ms = event.wall_ms;
	return event;
}

static void assign_occurrence(
	struct gw_engine *e, struct gw_alarm *a, int64_t at_ns, const struct gw_time *now)
{
	struct gw_alarm_detail *detail = gw_alarm_detail_write(e, a);

	detail->occurrence_pending = false;
	gw_event_occurrence(detail->occurrence, e->opts.site->gateway, e->run,
		(e->seq + 1) ^ (uint64_t)gw_alarm_index(e, a) << 40,
		gw_alarm_wall_ms(now, at_ns));
}

/* An occurrence that begins under a shelf gets its id when it is announced. Until then the detail
 * has the id of the last announced one, as UNSHELVED, the next event, still belongs to that. */
static void begin_occurrence(struct gw_engine *e, struct gw_alarm *a,
	const struct gw_transition *t, const struct gw_time *now)
{
	struct gw_alarm_detail *detail = gw_alarm_detail_write(e, a);

	detail->in_occurrence = true;
	detail->unsynced = false;
	if (isnan(detail->peak)) /* else it has a peak from its on-delay */
		detail->peak = a->value;
	detail->raised++;
	detail->occurrence_pending = t->unannounced;
	if (!t->unannounced)
		assign_occurrence(e, a, t->at_ns, now);
}

static void end_occurrence(struct gw_alarm_detail *detail)
{
	detail->in_occurrence = detail->withheld = detail->occurrence_pending = false;
	if (!detail->state
			.condition_true) { /* else it is suppressed, and the onset stays */
		detail->onset_ms = 0;
		detail->onset_ns = 0;
	}
	detail->peak = NO_VALUE;
	detail->eta_ms = -1;
}

static void append_event(struct gw_engine *e, struct gw_alarm *a, struct gw_event *event,
	const char *note, const struct gw_time *now)
{
	gw_alarm_detail_write(e, a)->unsynced |= !now->synced;
	if (note)
		memcpy(event->note, note, strnlen(note, sizeof event->note - 1));
	gw_outputs_append(e, event);
}

void gw_events_emit(struct gw_engine *e, struct gw_alarm *a, enum gw_change change,
	const char *note, int64_t at_ns, const struct gw_time *now)
{
	struct gw_event event = make_event(e, a, change,
		gw_state_shown(&gw_alarm_detail_write(e, a)->state), at_ns, now);

	append_event(e, a, &event, note, now);
	gw_events_publish(e, a, now);
}

static void emit_transition(struct gw_engine *e, struct gw_alarm *a,
	const struct gw_transition *t, const char *note, const struct gw_time *now)
{
	struct gw_alarm_detail *detail = gw_alarm_detail_write(e, a);
	struct gw_event event;

	if (t->change == GW_CHANGE_RAISED && !t->repeated) {
		if (!detail->in_occurrence)
			begin_occurrence(e, a, t, now);
		if (!t->unannounced)
			gw_flood_on_raise(e, a, t->at_ns, now);
	}
	if (detail->withheld) { /* not announced, so there is nothing to acknowledge */
		if (detail->state.underlying == GW_STATE_RETURNED_UNACKED)
			detail->state.underlying = GW_STATE_NORMAL;
		return;
	}
	if (t->unannounced)
		return;
	if (detail->occurrence_pending && t->underlying != GW_STATE_NORMAL)
		assign_occurrence(e, a, t->at_ns, now);
	event = make_event(
		e, a, (enum gw_change)t->change, (enum gw_state)t->state, t->at_ns, now);
	event.underlying = t->underlying; /* not that of a later transition of this step */
	if (t->confirmed)
		note = "restored from a backup: raised again";
	else if (t->repeated)
		note = "still true: raised again";
	else if (t->deferred)
		note = "began while it was shelved";
	else if (!note && t->change == GW_CHANGE_RAISED &&
		e->noted_alarm == gw_alarm_index(e, a) + 1)
		note = e->raise_note;
	append_event(e, a, &event, note, now);
}

void gw_events_emit_transitions(struct gw_engine *e, struct gw_alarm *a,
	const struct gw_transitions *transitions, const char *note,
	const struct gw_time *now)
{
	struct gw_alarm_detail *detail;

	if (transitions->n == 0)
		return;
	for (unsigned i = 0; i < transitions->n; i++)
		emit_transition(e, a, &transitions->at[i], note, now);
	detail = gw_alarm_detail_write(e, a);
	if (detail->in_occurrence && detail->state.underlying == GW_STATE_NORMAL)
		end_occurrence(detail);
	if (!detail->in_occurrence && !detail->state.shelved) /* its end was announced */
		memset(detail->occurrence, 0, sizeof detail->occurrence);
	gw_events_publish(e, a, now);
}

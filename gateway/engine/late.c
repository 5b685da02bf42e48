/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memories that come after the engine's thread began, because the disk did not answer in time.
 * Meanwhile the engine knew nothing of what stood before: an alarm may have been raised a second
 * time, under an occurrence of its own.
 *
 * Of the two occurrences the newer one goes on: it is the one that people are just looking at, and
 * nobody has acknowledged it. The older one ends at once, so that a platform which keeps its
 * records by occurrence is not left with one that never ends; to adopt it instead would leave the
 * newer one there. After that `cleared` comes an `amended` of what stands: whoever keeps records by
 * alarm, the journal among them, has the right state as the last word.
 */
#include "alarm/nuisance.h"
#include "engine/inside.h"

#include <stdlib.h>

#define NO_ALARM UINT32_MAX

static int by_alarm(const void *a, const void *b)
{
	uint32_t i = ((const struct gw_late_memory *)a)->alarm;
	uint32_t k = ((const struct gw_late_memory *)b)->alarm;

	return (i > k) - (i < k);
}

bool gw_engine_restore_late(struct gw_engine *e, struct gw_late_memories *batch)
{
	if (!gw_engine_restored(e))
		return false;
	batch->orphans = batch->raised_anew = 0;
	for (size_t i = 0; i < batch->n; i++) {
		struct gw_alarm *a = gw_tables_find(e, batch->at[i].memory.key);

		batch->at[i].alarm = a ? gw_alarms_index(e, a) : NO_ALARM;
	}
	gw_tables_forget(e);
	/* members come before the votes that count them, as at the start */
	qsort(batch->at, batch->n, sizeof *batch->at, by_alarm);
	/* release: the engine's thread sees the batch as written above */
	atomic_store_explicit(&e->late, batch, memory_order_release);
	return true;
}

bool gw_engine_restored(const struct gw_engine *e)
{
	/* acquire: who sees NULL may free the batch, the engine has written its last to it */
	return atomic_load_explicit(&e->late, memory_order_acquire) == NULL;
}

static void join(struct gw_engine *e, struct gw_alarm *a,
	const struct gw_alarm_memory *memory, const struct gw_time *now)
{
	struct gw_story *story = gw_story_write(e, a);

	if (memory->under != GW_STATE_NORMAL)
		gw_restore_end_life(e, memory, &a->opts->info,
			"raised anew before it was known that it stood", now);
	if (story->state.under == GW_STATE_RETURNED_UNACKED &&
		(memory->under == GW_STATE_LATCHED_UNACKED ||
			memory->under == GW_STATE_LATCHED_ACKED))
		story->state.under = GW_STATE_LATCHED_UNACKED;
	if (gw_restore_shelf(story, memory, now) &&
		story->state.shelf_end_ns > now->mono_ns)
		gw_alarms_tell(e, a, GW_CHANGE_SHELVED, "it was before the restart",
			now->mono_ns, now);
	else
		gw_alarms_tell(e, a, GW_CHANGE_AMENDED, "it stood before the restart",
			now->mono_ns, now);
	gw_story_schedule(e, a);
}

static void restore(struct gw_engine *e, struct gw_alarm *a,
	const struct gw_alarm_memory *memory, const struct gw_time *now)
{
	const struct gw_condition_kind *kind = a->opts->when.kind;
	bool was_false = !a->truth;

	for (uint32_t p = 0; p < a->opts->n_points; p++)
		gw_history_recall(e, a->opts->first_point + p);
	gw_restore_alarm(e, a, memory, e->began_ns, now);
	if (was_false) /* it is not of what is remembered */
		a->quality = GW_QUALITY_NONE;
	if (was_false && a->truth && a->heard && kind->stood)
		kind->stood(&a->opts->when, a->memory);
	/* begins anew in gw_alarms_hold_all, and ends what stood */
	gw_story_write(e, a)->state.holds &= (uint8_t)~GW_HOLD_SERVICE;
}

static void take_one(
	struct gw_engine *e, struct gw_late_memory *m, const struct gw_time *now)
{
	struct gw_alarm *a = &e->alarms[m->alarm];
	const struct gw_story *story = gw_story_of(e, a);

	m->was_active = gw_story_active(e, a);
	m->told_seq = story->seq;
	m->anew = story->alive && !story->withheld;
	if (m->anew)
		join(e, a, &m->memory, now);
	else
		restore(e, a, &m->memory, now);
}

/* As at the first step of a start, with what its points have said since. */
static void look_again(
	struct gw_engine *e, struct gw_late_memory *m, const struct gw_time *now)
{
	struct gw_alarm *a = &e->alarms[m->alarm];
	const struct gw_condition_kind *kind = a->opts->when.kind;

	if (kind->on_devices || kind == &gw_chattering || kind == &gw_flooding ||
		(kind->absorb && a->heard))
		gw_alarms_ask_tick(e, a, now);
	else if (kind->on_points && !kind->absorb)
		gw_alarms_ask_value(e, a, now);
	gw_alarms_ask_members(e, a, now);
	gw_alarms_tell_level(e, a, now);
	gw_story_schedule(e, a);
	for (uint32_t p = 0; p < a->opts->n_points; p++)
		gw_alarms_calm(e, a->opts->first_point + p);
	if (a->heard && gw_story_active(e, a) != m->was_active)
		gw_alarms_tell_listeners(e, a, now->mono_ns, now);
	/* events since the start are newer in the journal than what it remembers of this one */
	if (m->told_seq && gw_story_of(e, a)->seq == m->told_seq &&
		gw_state_shown(&gw_story_of(e, a)->state) != GW_STATE_NORMAL)
		gw_alarms_tell(e, a, GW_CHANGE_AMENDED, "it stood before the restart",
			now->mono_ns, now);
}

void gw_late_take(struct gw_engine *e, const struct gw_time *now)
{
	/* acquire: the batch as main wrote it */
	struct gw_late_memories *batch = atomic_load_explicit(
		&e->late, memory_order_acquire);
	size_t known = 0;

	if (!batch)
		return;
	for (; known < batch->n && batch->at[known].alarm != NO_ALARM; known++)
		take_one(e, &batch->at[known], now);
	for (size_t i = known; i < batch->n; i++)
		gw_restore_end_life(e, &batch->at[i].memory, batch->at[i].info,
			"no longer configured", now);
	batch->orphans = batch->n - known;
	gw_alarms_hold_all(e, now);
	for (size_t i = 0; i < known; i++)
		if (batch->at[i].anew)
			batch->raised_anew++;
		else
			look_again(e, &batch->at[i], now);
	/* release: main finds its batch as the engine left it */
	atomic_store_explicit(&e->late, NULL, memory_order_release);
}

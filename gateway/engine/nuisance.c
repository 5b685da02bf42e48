/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chattering and floods. An alarm that chatters is reported once, by the fault its configuration
 * names; in a flood the lowest levels of faults are counted instead of told, and what of them still
 * stands at its end is told then. What may concern a life, an alarm or a warning, is never held back.
 */
#include "alarm/nuisance.h"

#include "engine/inside.h"

static bool may_wait(const struct gw_engine *e, const struct gw_alarm *a)
{
	return (double)a->opts->level <= e->flood->opts->when.limit &&
		a->opts->level < GW_LEVEL_RED &&
		a->opts->info.class_ <= GW_CLASS_SUPERVISORY;
}

static void ask(
	struct gw_engine *e, struct gw_alarm *a, int64_t at_ns, const struct gw_time *now)
{
	gw_alarms_ask(e, a,
		(struct gw_condition_input){.member = GW_NO_MEMBER, .now_ns = at_ns}, now);
	gw_alarms_show(e, a, now); /* the count, though nothing may have moved */
}

void gw_nuisance_raised(
	struct gw_engine *e, struct gw_alarm *a, int64_t at_ns, const struct gw_time *now)
{
	if (!e->flood || a == e->flood ||
		!gw_flood_raised(e->flood->memory, gw_alarms_index(e, a), at_ns) ||
		!may_wait(e, a))
		return;
	gw_story_write(e, a)->withheld = true;
	gw_flood_held(e->flood->memory);
	ask(e, e->flood, at_ns, now);
}

void gw_nuisance_reveal(struct gw_engine *e, struct gw_alarm *a, const struct gw_time *now)
{
	struct gw_story *story = gw_story_write(e, a);

	story->withheld = false;
	if (story->alive)
		gw_alarms_tell(e, a, GW_CHANGE_RAISED, "held back in a flood of alarms",
			now->mono_ns, now);
}

void gw_nuisance_ebb(struct gw_engine *e, const struct gw_time *now)
{
	for (size_t i = 0; i < e->opts.n_alarms; i++)
		if (gw_story_of(e, &e->alarms[i])->withheld)
			gw_nuisance_reveal(e, &e->alarms[i], now);
}

void gw_nuisance_chatter(
	struct gw_engine *e, struct gw_alarm *a, int64_t at_ns, const struct gw_time *now)
{
	const struct gw_story *was = gw_story_of(e, a), *faults;
	bool chatters = was->state.chattering, stood;
	struct gw_alarm *fault;
	uint32_t n;

	if (chatters == was->chattering)
		return;
	gw_story_write(e, a)->chattering = chatters;
	if (a->opts->chatter == 0)
		return;
	fault = &e->alarms[a->opts->chatter - 1];
	n = gw_chattering_get(fault->memory);
	stood = fault->truth;
	gw_chattering_set(fault->memory, chatters ? n + 1 : n - 1);
	ask(e, fault, at_ns, now);
	/* one more of the same device: the fault stands already, but it is news */
	faults = gw_story_of(e, fault);
	if (stood && chatters && faults->alive && !faults->state.shelved &&
		!faults->withheld)
		gw_alarms_tell(e, fault, GW_CHANGE_AMENDED, NULL, at_ns, now);
}

size_t gw_nuisance_names(const struct gw_engine *e, const struct gw_alarm *a,
	const char *ret_keys[], size_t most)
{
	uint32_t self = gw_alarms_index(e, a) + 1;
	size_t n = 0;

	for (size_t i = 0; i < e->opts.n_alarms && n < most; i++)
		if (gw_story_of(e, &e->alarms[i])->chattering &&
			e->alarms[i].opts->chatter == self)
			ret_keys[n++] = e->alarms[i].opts->info.key;
	return n;
}

/* After a reload the alarms may be others than those that were counted. */
void gw_nuisance_start(struct gw_engine *e, const struct gw_time *now)
{
	for (size_t i = 0; i < e->opts.n_alarms; i++)
		if (e->alarms[i].opts->when.kind == &gw_chattering)
			gw_chattering_set(e->alarms[i].memory, 0);
	for (size_t i = 0; i < e->opts.n_alarms; i++) {
		struct gw_alarm *a = &e->alarms[i], *fault;

		if (!a->moved)
			continue;
		e->stories[i].chattering = e->stories[i].state.chattering;
		if (!e->stories[i].chattering || a->opts->chatter == 0)
			continue;
		fault = &e->alarms[a->opts->chatter - 1];
		gw_chattering_set(fault->memory, gw_chattering_get(fault->memory) + 1);
	}
	for (size_t i = 0; i < e->opts.n_alarms; i++)
		if (e->alarms[i].opts->when.kind == &gw_chattering ||
			&e->alarms[i] == e->flood)
			ask(e, &e->alarms[i], now->mono_ns, now);
	if (!e->flood || !gw_flood_lasts(e->flood->memory))
		gw_nuisance_ebb(e, now);
}

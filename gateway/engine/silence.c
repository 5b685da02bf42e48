/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/inside.h"

int64_t gw_silence_heard_ns(const struct gw_engine *e, const struct gw_alarm *a)
{
	int64_t last_ns = 0;

	for (uint32_t i = 0; i < a->opts->n_points; i++) {
		int64_t good_ns = gw_view_good_ns(&e->view, a->opts->first_point + i);

		if (good_ns > last_ns)
			last_ns = good_ns;
	}
	return last_ns;
}

int64_t gw_silence_since_ns(const struct gw_engine *e, const struct gw_alarm *a)
{
	int64_t heard_ns = gw_silence_heard_ns(e, a);
	int64_t waits_ns = gw_story_of(e, a)->waits_ns;

	if (heard_ns == 0 && waits_ns == 0)
		return e->began_ns;
	return heard_ns > waits_ns ? heard_ns : waits_ns;
}

int64_t gw_silence_last_good_ns(const struct gw_engine *e, const struct gw_alarm *a)
{
	int64_t since_ns = gw_silence_since_ns(e, a);

	/* silent before the restart and not heard since: still silent */
	if (gw_story_of(e, a)->stood && gw_silence_heard_ns(e, a) == 0)
		return since_ns - a->opts->when.window_ns;
	/* what is silent already is not less so for a pause */
	return a->truth ? since_ns : gw_pause_since_ns(e, since_ns);
}

void gw_silence_falls(struct gw_engine *e, const struct gw_alarm *a, int64_t at_ns,
	const struct gw_time *now)
{
	for (uint32_t i = 0; i < a->opts->n_points; i++) {
		uint32_t point = a->opts->first_point + i;
		bool was_usable = gw_quality_current(gw_view_quality(&e->view, point));

		gw_view_write_quality(&e->view, point, GW_QUALITY_SILENT);
		if (was_usable)
			gw_feed_unusable(e, point, at_ns, now);
	}
}

bool gw_silence_put_off(
	struct gw_engine *e, struct gw_alarm *a, int64_t at_ns, const struct gw_time *now)
{
	const struct gw_condition_opts *o = &a->opts->when;
	struct gw_condition_answer answer = {0};

	if (!o->kind->on_devices || a->truth || gw_story_due_ns(e, a) <= at_ns)
		return false;
	o->kind->ask(o, a->memory,
		&(struct gw_condition_input){.member = GW_NO_MEMBER,
			.now_ns = at_ns,
			.last_good_ns = gw_silence_last_good_ns(e, a)},
		&answer);
	if (answer.truth)
		return false;
	a->last_ns = at_ns;
	a->quality = GW_QUALITY_GOOD;
	gw_story_ask_at(e, a, answer.due_ns);
	gw_story_schedule(e, a);
	gw_unreadable_never_heard(e, a, at_ns, now);
	return true;
}

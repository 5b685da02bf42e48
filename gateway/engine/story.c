/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/inside.h"

#include <math.h>

const struct gw_story gw_no_story = {
	.state = GW_STATE_INIT,
	.condition_due_ns = INT64_MAX,
	.release_ns = INT64_MAX,
	.peak = (double)NAN,
	.eta_ms = -1,
};

struct gw_story *gw_story_write(struct gw_engine *e, struct gw_alarm *a)
{
	struct gw_story *s = &e->stories[gw_alarms_index(e, a)];

	if (!a->moved) {
		*s = gw_no_story;
		s->condition_due_ns = gw_queue_due_ns(e, gw_alarms_index(e, a));
		a->moved = true;
	}
	return s;
}

struct gw_state_rules gw_story_rules(const struct gw_alarm *a)
{
	return (struct gw_state_rules){.on_delay_ns = a->opts->on_delay_ns,
		.off_delay_ns = a->opts->off_delay_ns,
		.re_alarm_ns = a->opts->re_alarm_ns,
		.latch = a->opts->latch,
		.hold_chatter = a->opts->chatter_rule == GW_CHATTER_HOLD};
}

int64_t gw_story_due_ns(const struct gw_engine *e, const struct gw_alarm *a)
{
	struct gw_state_rules rules;

	if (!a->moved)
		return INT64_MAX;
	rules = gw_story_rules(a);
	return gw_state_due(&gw_story_of(e, a)->state, &rules);
}

int64_t gw_story_asks_ns(const struct gw_engine *e, const struct gw_alarm *a)
{
	return a->moved ? gw_story_of(e, a)->condition_due_ns
			: gw_queue_due_ns(e, gw_alarms_index(e, a));
}

void gw_story_ask_at(struct gw_engine *e, struct gw_alarm *a, int64_t due_ns)
{
	if (a->moved)
		gw_story_write(e, a)->condition_due_ns = due_ns;
	else
		gw_queue_set(e, gw_alarms_index(e, a), due_ns);
}

void gw_story_schedule(struct gw_engine *e, struct gw_alarm *a)
{
	const struct gw_story *story = gw_story_of(e, a);
	int64_t due_ns;

	if (!a->moved) /* the queue has what there is */
		return;
	due_ns = gw_story_due_ns(e, a);
	if (story->condition_due_ns < due_ns)
		due_ns = story->condition_due_ns;
	if (story->release_ns < due_ns)
		due_ns = story->release_ns;
	gw_queue_set(e, gw_alarms_index(e, a), due_ns);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* state_scenario.h: what is done to an alarm state, at random. */
#ifndef STATE_SCENARIO_H
#define STATE_SCENARIO_H

#include "alarm/state.h"

#include "reference_random.h"

#define ACTIONS_MAX 32
#define S           INT64_C(1000000000)

enum action_kind { CONDITION, DESIGN, SERVICE, ACK, RESET, SHELVE, UNSHELVE, LOOK };

struct action {
	int64_t at; /* in units, not falling */
	enum action_kind kind;
	bool on;    /* TRUTH, DESIGN, SERVICE */
	int64_t by; /* SHELVE: for so many units */
};

static struct {
	int64_t unit_ns;
	int64_t minute; /* in units, like all below */
	int64_t on_delay, off_delay, re_alarm;
	bool latch, hold_while_chattering;
	bool live; /* looked at whenever something is due */
	struct action action[ACTIONS_MAX];
	size_t n;
} scenario;

static void random_action(struct action *a, bool restless)
{
	a->kind = pick(restless ? 4 : 2) ? CONDITION : (enum action_kind)pick(LOOK + 1);
	a->on = pick(2);
	a->by = pick(16) ? 1 + pick(10) : pick(3) - 1;
}

static void random_scenario(void)
{
	static const int64_t units_s[] = {10, 20, 60};
	bool restless = pick(2), long_delays = pick(4) == 0;
	int64_t at = 0;

	scenario.unit_ns = units_s[pick(3)] * S;
	scenario.minute = 60 * S / scenario.unit_ns;
	scenario.on_delay = pick(2) ? pick(long_delays ? 12 : 4) : 0;
	scenario.off_delay = pick(2) ? pick(long_delays ? 12 : 4) : 0;
	scenario.re_alarm = pick(2) ? 1 + pick(8) : 0;
	scenario.latch = pick(3) == 0;
	scenario.hold_while_chattering = pick(2);
	scenario.live = pick(2);
	scenario.n = (size_t)(1 + pick(ACTIONS_MAX));
	for (size_t i = 0; i < scenario.n; i++) {
		at += pick(8) ? pick(3) : pick(16);
		scenario.action[i].at = at;
		random_action(&scenario.action[i], restless);
		if (scenario.action[i].kind == CONDITION && restless &&
			pick(4)) /* it turns */
			scenario.action[i].on = i % 2 == 0;
	}
	scenario.action[scenario.n - 1].kind = LOOK;
}

static bool last_of_its_moment(const struct action *a)
{
	return a == &scenario.action[scenario.n - 1] || a[1].at > a->at;
}

/* Conditions and suppression come with samples: what is due at that moment waits for them. */
static bool comes_with_samples(const struct action *a)
{
	return a->kind == CONDITION || a->kind == DESIGN || a->kind == SERVICE;
}

#endif

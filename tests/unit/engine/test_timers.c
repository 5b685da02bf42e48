/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The heap of timers against a list that is searched from end to end: in
 * any order they are set, moved and taken back, the same one is next, and of those that are due
 * at one time the one with the lowest number.
 */
#include "engine/timers.h"

#include "reference_random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define ALARMS 300
#define STEPS  200000

static struct gw_timer entries[ALARMS];
static uint32_t timer_positions[ALARMS];
static int64_t due_ns[ALARMS]; /* the list */
static struct gw_engine engine = {.timers = entries, .timer_positions = timer_positions};

static void set(uint32_t alarm, int64_t at_ns)
{
	gw_timers_set(&engine, alarm, at_ns);
	due_ns[alarm] = at_ns;
}

static void check_next(void)
{
	uint32_t next = 0;
	size_t n = 0;

	for (uint32_t i = 0; i < ALARMS; i++) {
		n += due_ns[i] != INT64_MAX;
		if (due_ns[i] < due_ns[next])
			next = i;
	}
	assert_int_equal(engine.n_timers, n);
	if (n == 0)
		return;
	assert_int_equal(engine.timers[0].alarm, next);
	assert_int_equal(engine.timers[0].at_ns, due_ns[next]);
}

static void the_next_timer_is_the_earliest_then_the_lowest(void **unused)
{
	unsigned most = ALARMS;

	(void)unused;
	for (uint32_t i = 0; i < ALARMS; i++)
		due_ns[i] = INT64_MAX;
	for (int i = 0; i < STEPS; i++) {
		uint32_t alarm = chance(most);

		if (chance(1000) == 0) /* few for a while, or all */
			most = 1 + chance(ALARMS);
		if (engine.n_timers && chance(2)) /* as a silent alarm does: later */
			set(engine.timers[0].alarm, engine.timers[0].at_ns + chance(50));
		else
			set(alarm, chance(3) ? (int64_t)chance(100) : INT64_MAX);
		check_next();
		assert_int_equal(gw_timers_due_ns(&engine, alarm), due_ns[alarm]);
	}
	while (engine.n_timers) {
		set(engine.timers[0].alarm, INT64_MAX);
		check_next();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_next_timer_is_the_earliest_then_the_lowest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

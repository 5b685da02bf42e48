/* SPDX-License-Identifier: Apache-2.0 */
/* Pauses of the process: nothing becomes silent because of them, and everything else goes on. */
#include "engine_fixture.h"

#define W (10 * S) /* the window of silence */

static void silent(int point)
{
	fixture_when(fixture_alarm("silent", point, &gw_condition_silent))->window_ns = W;
}

static size_t pause_until(int64_t pause_ns, int64_t at_ns)
{
	gw_engine_paused(fixture.engine, pause_ns, FIXTURE_START_NS + at_ns);
	return fixture_pass(at_ns);
}

static void reload(int64_t at_ns)
{
	struct gw_engine *next;

	fixture.n_alarms = 0;
	silent(0);
	next = fixture_engine();
	gw_engine_adopt(next, fixture.engine, fixture_time(at_ns), NULL, NULL);
	gw_engine_free(fixture.engine);
	fixture.engine = next;
}

/* The first time within the seconds at which it is silent; -1: at none. */
static int64_t silent_at(size_t alarm, int64_t from_ns, int64_t to_ns)
{
	for (int64_t at = from_ns; at <= to_ns; at += S / 10) {
		fixture_pass(at);
		if (fixture_state(alarm) != GW_STATE_NORMAL)
			return at;
	}
	return -1;
}

static void healthy_devices_are_not_silent_after_a_pause(void **unused)
{
	(void)unused;
	for (int p = 0; p < 8; p++)
		silent(p);
	fixture_start();
	for (uint32_t p = 0; p < 8; p++)
		fixture_feed(p * S, p, 1); /* the first one 9 s before the pause */
	fixture_pass(9 * S);
	assert_int_equal(pause_until(25 * S, 34 * S), 0);
	for (uint32_t p = 0; p < 8; p++)
		assert_int_equal(fixture_feed(35 * S, p, 1), 0);
	assert_int_equal(silent_at(0, 36 * S, 44 * S), -1);
}

static void devices_are_silent_if_no_pause_is_reported(void **unused)
{
	(void)unused;
	silent(0);
	fixture_start();
	fixture_feed(0, 0, 1);
	assert_int_equal(fixture_pass(34 * S), 1);
	assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
}

static void a_dead_device_becomes_silent_despite_a_pause(void **unused)
{
	(void)unused;
	silent(0);
	silent(1);
	fixture_start();
	fixture_feed(0, 0, 1);
	fixture_feed(4 * S, 1, 1);
	fixture_pass(5 * S);
	pause_until(2 * S, 7 * S);
	/* the pause is left out and as long again is given */
	assert_int_equal(silent_at(0, 7 * S, 60 * S), 14 * S);
	/* not more than the whole window anew: it spoke 1 s before the pause */
	assert_int_equal(silent_at(1, 14 * S, 60 * S), 17 * S);
}

static void a_device_never_heard_becomes_silent_despite_a_pause(void **unused)
{
	(void)unused;
	silent(0);
	fixture_start();
	fixture_pass(0);
	pause_until(100 * S, 105 * S);
	assert_int_equal(silent_at(0, 105 * S, 200 * S), 115 * S);
}

/* Half of the time it does not run, for an hour: more pauses than are remembered singly. */
static void a_dead_device_is_found_on_a_starved_machine(void **unused)
{
	int64_t at = 0, raised_ns = 0;

	(void)unused;
	silent(0);
	silent(1);
	fixture_start();
	fixture_feed(0, 0, 1);
	fixture_feed(0, 1, 1);
	for (; at < 3600 * S; at += 2 * S) {
		fixture_feed(at + S / 2, 1, 1);
		pause_until(S, at + 2 * S);
		if (!raised_ns && fixture_state(0) != GW_STATE_NORMAL)
			raised_ns = at;
		assert_int_equal(fixture_state(1), GW_STATE_NORMAL);
	}
	assert_in_range(raised_ns, 18 * S, 24 * S); /* 10 s of running, and 1 s given */
	/* the living one dies after all of them */
	assert_in_range(silent_at(1, at, at + 60 * S), at + 8 * S, at + 12 * S);
}

/* Ten times as many pauses as are remembered, within one window. */
static void pauses_that_are_remembered_as_one_are_left_out_too(void **unused)
{
	int64_t at = 0;

	(void)unused;
	fixture_when(fixture_alarm("silent", 0, &gw_condition_silent))->window_ns = 100 * S;
	fixture_when(fixture_alarm("silent", 1, &gw_condition_silent))->window_ns = 100 * S;
	fixture_start();
	fixture_feed(0, 0, 1);
	for (; fixture_state(0) == GW_STATE_NORMAL && at < 1000 * S; at += 2 * S) {
		if (at == 100 * S) /* in the midst of what becomes one */
			fixture_feed(at, 1, 1);
		pause_until(S, at + 2 * S);
	}
	assert_in_range(at, 200 * S, 206 * S); /* half of it it ran */
	for (at = 206 * S; fixture_state(1) == GW_STATE_NORMAL && at < 1000 * S;
		at += 2 * S)
		pause_until(S, at + 2 * S);
	assert_in_range(at, 300 * S, 400 * S); /* later than need be, and found */
}

static void a_silent_device_stays_silent_over_a_pause(void **unused)
{
	(void)unused;
	silent(0);
	fixture_start();
	fixture_feed(0, 0, 1);
	assert_int_equal(fixture_pass(11 * S), 1);
	assert_int_equal(pause_until(100 * S, 120 * S), 0);
	reload(120 * S); /* it is asked anew */
	assert_int_equal(fixture_pass(120 * S), 0);
	assert_int_equal(silent_at(0, 120 * S, 120 * S), 120 * S);
	assert_int_equal(fixture_feed(121 * S, 0, 1), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
}

static void an_on_delay_goes_on(void **unused)
{
	struct gw_alarm_opts *a;

	(void)unused;
	a = fixture_alarm("high", 0, &gw_condition_above);
	fixture_when(a)->limit = 50;
	a->on_delay_ns = 10 * S;
	fixture_start();
	fixture_feed(0, 0, 60);
	fixture_pass(S);
	assert_int_equal(pause_until(25 * S, 26 * S), 1);
	assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
	assert_int_equal(fixture.event[0].boot_ns, FIXTURE_START_NS + 10 * S);
}

static void a_rise_over_a_pause_is_one(void **unused)
{
	struct gw_alarm_opts *a;

	(void)unused;
	a = fixture_alarm("rises", 0, &gw_condition_rises);
	fixture_when(a)->limit = 10;
	fixture_when(a)->window_ns = 60 * S;
	fixture_start();
	for (int i = 0; i <= 5; i++)
		fixture_feed(i * S, 0, 20);
	pause_until(25 * S, 30 * S);
	for (int i = 0; i < 5; i++)
		fixture_feed((31 + i) * S, 0, 35);
	assert_int_not_equal(fixture_state(0), GW_STATE_NORMAL);
}

static void a_value_is_not_stuck_while_nobody_looks(void **unused)
{
	(void)unused;
	fixture_when(fixture_alarm("stuck", 0, &gw_condition_stuck))->window_ns = 60 * S;
	fixture_start();
	for (int i = 0; i < 20; i++)
		fixture_feed(i * S, 0, 5);
	pause_until(3600 * S, 3620 * S);
	for (int i = 0; i < 39; i++)
		assert_int_equal(fixture_feed((3621 + i) * S, 0, 5), 0);
	/* 60 s that it was looked at */
	assert_int_equal(fixture_feed(3660 * S, 0, 5), 1);
	assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
	pause_until(3600 * S, 7300 * S); /* it stands: only another value ends it */
	assert_int_equal(fixture_feed(7301 * S, 0, 5), 0);
	assert_int_equal(fixture_feed(7302 * S, 0, 6), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
}

/* The last change is buffered and not absorbed yet. */
static void a_value_that_changed_just_before_is_not_stuck_either(void **unused)
{
	(void)unused;
	fixture_when(fixture_alarm("stuck", 0, &gw_condition_stuck))->window_ns = 60 * S;
	fixture_start();
	for (int i = 0; i < 8; i++)
		fixture_feed(i * S, 0, 5);
	for (int i = 8; i < 12; i++)
		fixture_feed(i * S, 0, 6);
	pause_until(3600 * S, 3612 * S);
	for (int i = 0; i < 55; i++)
		assert_int_equal(fixture_feed((3612 + i) * S, 0, 6), 0);
	assert_int_equal(fixture_feed(3668 * S, 0, 6), 1);
}

static void a_pause_outlives_a_reload(void **unused)
{
	(void)unused;
	silent(0);
	fixture_start();
	fixture_feed(0, 0, 1);
	fixture_pass(8 * S);
	pause_until(25 * S, 33 * S);
	reload(34 * S);
	assert_int_equal(silent_at(0, 34 * S, 100 * S), 43 * S);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(healthy_devices_are_not_silent_after_a_pause),
		TEST(devices_are_silent_if_no_pause_is_reported),
		TEST(a_dead_device_becomes_silent_despite_a_pause),
		TEST(a_device_never_heard_becomes_silent_despite_a_pause),
		TEST(a_dead_device_is_found_on_a_starved_machine),
		TEST(pauses_that_are_remembered_as_one_are_left_out_too),
		TEST(a_silent_device_stays_silent_over_a_pause),
		TEST(an_on_delay_goes_on),
		TEST(a_rise_over_a_pause_is_one),
		TEST(a_value_is_not_stuck_while_nobody_looks),
		TEST(a_value_that_changed_just_before_is_not_stuck_either),
		TEST(a_pause_outlives_a_reload),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* One alarm in the engine: limits, delays, levels, quality, peak. */
#include "engine_fixture.h"

static void a_limit_is_quiet_at_itself_and_has_hysteresis(void **unused)
{
	struct gw_alarm_opts *a = fixture_alarm("high", 0, &gw_condition_above);
	uint8_t life[16];

	(void)unused;
	fixture_when(a)->limit = 50;
	fixture_when(a)->clear = (struct gw_table){
		.rows = 1, .columns = 1, .cells = (const double[]){45}};
	fixture_start();
	assert_int_equal(fixture_feed(S, 0, 50), 0);
	assert_int_equal(fixture_feed(2 * S, 0, nextafter(50, 51)), 1);
	assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
	memcpy(life, fixture.event[0].occurrence, sizeof life);
	assert_int_equal(life[6] >> 4, 7); /* a UUIDv7 */
	assert_int_equal(fixture.event[0].seq, 101);
	assert_int_equal(fixture.event[0].run, 7);
	assert_int_equal(fixture.event[0].onset_ms, FIXTURE_WALL_MS + 2000);
	assert_int_equal(fixture_feed(3 * S, 0, 70), 0);
	assert_int_equal(fixture_feed(4 * S, 0, nextafter(45, 46)), 0);
	assert_int_equal(fixture_feed(5 * S, 0, 45), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
	assert_int_equal(fixture.event[0].seq, 102);
	assert_true(fixture.event[0].peak == 70);
	assert_true(fixture.event[0].value == 45);
	assert_memory_equal(fixture.event[0].occurrence, life, 16);
}

static void below_and_outside_mirror_above(void **unused)
{
	struct gw_alarm_opts *low = fixture_alarm("low", 0, &gw_condition_below);
	struct gw_alarm_opts *band = fixture_alarm("band", 1, &gw_condition_outside);

	(void)unused;
	fixture_when(low)->limit = 0.10;
	fixture_when(low)->clear = (struct gw_table){1, 1, (const double[]){0.12}};
	fixture_when(band)->band = (struct gw_table){1, 2, (const double[]){40, 60}};
	fixture_when(band)->deadband = (struct gw_table){1, 1, (const double[]){2}};
	fixture_start();
	assert_int_equal(fixture_feed(S, 0, 0.10), 0);
	assert_int_equal(fixture_feed(2 * S, 0, 0.09), 1);
	assert_int_equal(fixture_feed(3 * S, 0, 0.05), 0);
	assert_int_equal(fixture_feed(4 * S, 0, 0.119), 0);
	assert_int_equal(fixture_feed(5 * S, 0, 0.12), 1);
	assert_true(fixture.event[0].peak == 0.05);
	assert_int_equal(fixture_feed(6 * S, 1, 60), 0);
	assert_int_equal(fixture_feed(7 * S, 1, 40), 0);
	assert_int_equal(fixture_feed(8 * S, 1, 60.1), 1);
	assert_true(fixture.event[0].limit == 60);
	assert_int_equal(fixture_feed(9 * S, 1, 58.1), 0);
	assert_int_equal(fixture_feed(10 * S, 1, 58), 1);
	assert_int_equal(fixture_feed(11 * S, 1, 39.9), 1);
	assert_true(fixture.event[0].limit == 40);
	assert_int_equal(fixture_feed(12 * S, 1, 41.9), 0);
	assert_int_equal(fixture_feed(13 * S, 1, 42), 1);
}

static void a_bad_sample_changes_nothing_but_the_view(void **unused)
{
	struct gw_point_view v;

	(void)unused;
	fixture_when(fixture_alarm("high", 0, &gw_condition_above))->limit = 50;
	fixture_start();
	fixture_feed(S, 0, 60);
	assert_int_equal(fixture_feed_quality(2 * S, 0, 0, GW_QUALITY_BAD_TIMEOUT), 0);
	assert_int_equal(fixture_state(0), GW_STATE_ACTIVE_UNACKED);
	gw_view_point(gw_engine_view(fixture.engine), 0, &v);
	assert_int_equal(v.quality, GW_QUALITY_BAD_TIMEOUT);
	assert_true(v.value == 60);
	assert_int_equal(v.current_ns, FIXTURE_START_NS + S);
	assert_int_equal(fixture_feed(3 * S, 0, (double)NAN), 0);
	gw_view_point(gw_engine_view(fixture.engine), 0, &v);
	assert_int_equal(v.quality, GW_QUALITY_BAD_PAYLOAD);
	assert_int_equal(
		fixture_feed(4 * S, 0, 60), 0); /* the gap did not raise it again */
}

static void an_infinite_value_enters_no_history(void **unused)
{
	struct gw_alarm_opts *a;
	struct gw_point_view v;

	(void)unused;
	a = fixture_alarm("rate", 0, &gw_condition_rises);
	fixture_when(a)->limit = 10;
	fixture_when(a)->window_ns = 60 * S;
	fixture_start();
	for (int64_t t = 1; t <= 9; t++) {
		assert_int_equal(
			fixture_feed(t * S, 0, t > 3 && t < 7 ? -HUGE_VAL : 20), 0);
		gw_view_point(gw_engine_view(fixture.engine), 0, &v);
		assert_int_equal(v.quality,
			t > 3 && t < 7 ? GW_QUALITY_BAD_PAYLOAD : GW_QUALITY_GOOD);
		assert_true(v.value == 20);
	}
	assert_int_equal(fixture_feed(10 * S, 0, HUGE_VAL), 0);
	gw_view_point(gw_engine_view(fixture.engine), 0, &v);
	assert_int_equal(v.quality, GW_QUALITY_BAD_PAYLOAD);
}

static void several_levels_on_one_point_each_raise(void **unused)
{
	struct gw_alarm_opts *low = fixture_alarm("low", 0, &gw_condition_above);

	(void)unused;
	fixture_when(low)->limit = 20;
	low->level = GW_LEVEL_YELLOW;
	fixture_when(fixture_alarm("high", 0, &gw_condition_above))->limit = 50;
	fixture_start();
	assert_int_equal(fixture_feed(S, 0, 30), 1);
	assert_int_equal(fixture.event[0].level, GW_LEVEL_YELLOW);
	assert_int_equal(fixture_feed(2 * S, 0, 60), 1);
	assert_int_equal(fixture.event[0].level, GW_LEVEL_RED);
	assert_int_equal(fixture_feed(3 * S, 0, 10), 2);
}

static void an_on_delay_is_timed_by_the_samples_own_time(void **unused)
{
	struct gw_alarm_opts *a = fixture_alarm("low", 0, &gw_condition_below);
	const struct gw_sample late[] = {
		{.quality = GW_QUALITY_GOOD, .boot_ns = FIXTURE_START_NS + S, .value = 0},
		{.quality = GW_QUALITY_GOOD,
			.boot_ns = FIXTURE_START_NS + 20 * S,
			.value = 9},
	};

	(void)unused;
	fixture_when(a)->limit = 5;
	a->on_delay_ns = 10 * S;
	fixture_start();
	assert_int_equal(fixture_feed(0, 0, 9), 0);
	gw_engine_ingest(
		fixture.engine, late, 2, fixture_time(30 * S)); /* both come 10 s late */
	fixture_pass(30 * S);
	assert_int_equal(fixture.n_events, 2);
	assert_int_equal(fixture.event[0].boot_ns, FIXTURE_START_NS + 11 * S);
	assert_int_equal(fixture.event[0].wall_ms, FIXTURE_WALL_MS + 11000);
	assert_int_equal(fixture.event[0].onset_ms, FIXTURE_WALL_MS + 1000);
	assert_int_equal(fixture.event[1].boot_ns, FIXTURE_START_NS + 20 * S);
}

static void the_peak_counts_from_the_onset(void **unused)
{
	struct gw_alarm_opts *a = fixture_alarm("high", 0, &gw_condition_above);

	(void)unused;
	fixture_when(a)->limit = 50;
	a->on_delay_ns = 10 * S;
	fixture_start();
	fixture_feed(S, 0, 80);
	fixture_feed(2 * S, 0, 60);
	assert_int_equal(fixture_pass(11 * S), 1);
	assert_true(fixture.event[0].value == 60);
	assert_true(fixture.event[0].peak == 80);
}

static void a_timer_raises_without_a_sample(void **unused)
{
	struct gw_alarm_opts *a = fixture_alarm("low", 0, &gw_condition_below);

	(void)unused;
	fixture_when(a)->limit = 5;
	a->on_delay_ns = 10 * S;
	fixture_start();
	fixture_feed(S, 0, 1);
	assert_int_equal(
		gw_engine_next_timer_ns(fixture.engine), FIXTURE_START_NS + 11 * S);
	assert_int_equal(fixture_pass(11 * S - 1), 0);
	assert_int_equal(fixture_pass(11 * S), 1);
	assert_int_equal(gw_engine_next_timer_ns(fixture.engine), INT64_MAX);
}

static void the_peak_ignores_values_before_the_onset(void **unused)
{
	static const double rows[2] = {50, 10e9};

	(void)unused;
	fixture_when(fixture_alarm("dose", 0, &gw_condition_dose))->rows =
		(struct gw_table){1, 2, rows};
	fixture_start();
	fixture_feed(0, 0, 60);
	assert_int_equal(fixture_pass(10 * S), 1);
	fixture_feed(10 * S, 0, 10);
	assert_int_equal(fixture_pass(15 * S), 1);
	fixture_feed(20 * S, 0, 500); /* for too short a time */
	fixture_feed(22 * S, 0, 60);
	assert_int_equal(fixture_pass(30 * S), 1);
	assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
	assert_true(fixture.event[0].peak == 60);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_limit_is_quiet_at_itself_and_has_hysteresis),
		TEST(below_and_outside_mirror_above),
		TEST(a_bad_sample_changes_nothing_but_the_view),
		TEST(an_infinite_value_enters_no_history),
		TEST(several_levels_on_one_point_each_raise),
		TEST(an_on_delay_is_timed_by_the_samples_own_time),
		TEST(the_peak_counts_from_the_onset),
		TEST(a_timer_raises_without_a_sample),
		TEST(the_peak_ignores_values_before_the_onset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

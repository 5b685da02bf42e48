/* SPDX-License-Identifier: Apache-2.0 */
/* What an engine takes over from an older one at a reload. */
#include "adopt_fixture.h"

static void a_device_that_is_new_is_not_silent_at_once(void **unused)
{
	(void)unused;
	silent_on(0);
	start_old();
	fixture_feed(S, 0, 1);
	fixture_feed(LONG_AGO, 0, 1);
	silent_on(0);
	silent_on(1);
	reload(LONG_AGO + S);
	assert_int_equal(fixture.n_events, 0);
	fixture_feed(LONG_AGO + 25 * S, 0, 1);
	assert_int_equal(fixture_pass(LONG_AGO + 31 * S - 1), 0);
	assert_int_equal(fixture_pass(LONG_AGO + 31 * S), 1);
	assert_string_equal(fixture.event[0].info->key, "s/d1/p:silent");
}

static void silent_through_a_reload_emits_nothing(void **unused)
{
	(void)unused;
	silent_on(0);
	start_old();
	fixture_pass(0);
	assert_int_equal(fixture_pass(30 * S), 1);
	silent_on(0);
	reload(40 * S);
	assert_int_equal(fixture.n_events, 0);
	assert_int_equal(fixture_state(0), GW_STATE_ACTIVE_UNACKED);
}

static void a_device_was_heard_under_its_old_point_names(void **unused)
{
	(void)unused;
	silent_on(0);
	start_old();
	fixture_feed(S, 0, 1);
	fixture_feed(LONG_AGO, 0, 1);
	silent_on(0);
	rename_point(0);
	reload(LONG_AGO + S);
	assert_int_equal(fixture.n_events, 0);
	fixture.n_alarms = 0;
	silent_on(0);
	reload(LONG_AGO + 2 * S); /* the new name has not spoken yet */
	assert_silent_at(LONG_AGO + 30 * S);
}

static void a_renamed_point_keeps_its_device_heard(void **unused)
{
	(void)unused;
	silent_on(0);
	fixture.alarms[0].n_points = 2;
	start_old();
	fixture_feed(S, 0, 1);
	fixture_feed(S, 1, 1);
	fixture_feed(LONG_AGO, 0, 1);
	assert_int_equal(fixture_state(0), GW_STATE_NORMAL);
	silent_on(0);
	fixture.alarms[0].n_points = 2;
	rename_point(0);
	reload(LONG_AGO + S);
	assert_silent_at(LONG_AGO + 30 * S);
}

static void a_renamed_device_never_heard_gets_no_extra_time(void **unused)
{
	(void)unused;
	silent_on(0);
	start_old();
	fixture_pass(0);
	silent_on(0);
	rename_point(0);
	reload(20 * S);
	assert_silent_at(30 * S);
}

static void silent_through_a_renaming_emits_nothing(void **unused)
{
	(void)unused;
	silent_on(0);
	start_old();
	fixture_feed(S, 0, 1);
	assert_int_equal(fixture_pass(31 * S), 1);
	silent_on(0);
	rename_point(0);
	reload(40 * S);
	assert_int_equal(fixture.n_events, 0);
	assert_int_equal(fixture_state(0), GW_STATE_ACTIVE_UNACKED);
	assert_int_equal(fixture_feed(41 * S, 0, 1), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
}

static void a_new_alarm_on_a_value_that_stands_raises_at_once(void **unused)
{
	(void)unused;
	fixture_when(fixture_alarm("high", 0, &gw_condition_above))->limit = 50;
	start_old();
	fixture_feed(S, 0, 45);
	fixture_when(fixture_alarm("high", 0, &gw_condition_above))->limit = 50;
	fixture_when(fixture_alarm("warm", 0, &gw_condition_above))->limit = 40;
	reload(2 * S);
	assert_int_equal(fixture.n_events, 1);
	assert_true(raised("s/d0/p:warm"));
	assert_true(fixture.event[0].value == 45);
}

static void a_limit_lowered_under_the_value_raises_at_once(void **unused)
{
	(void)unused;
	fixture_when(fixture_alarm("high", 0, &gw_condition_above))->limit = 50;
	start_old();
	fixture_feed(S, 0, 45);
	fixture_when(fixture_alarm("high", 0, &gw_condition_above))->limit = 40;
	reload(2 * S);
	assert_int_equal(fixture.n_events, 1);
	assert_true(raised("s/d0/p:high"));
}

/* Nothing is known of how long it has stood so. */
static void a_new_alarm_with_a_history_waits_for_samples(void **unused)
{
	(void)unused;
	fixture_when(fixture_alarm("high", 0, &gw_condition_above))->limit = 50;
	start_old();
	fixture_feed(S, 0, 45);
	fixture_when(fixture_alarm("stuck", 0, &gw_condition_stuck))->window_ns = 60 * S;
	fixture_when(fixture_alarm("high", 0, &gw_condition_above))->limit = 50;
	reload(2 * S);
	assert_int_equal(fixture.n_events, 0);
	fixture_feed(3 * S, 0, 45);
	assert_int_equal(fixture_feed(63 * S - 1, 0, 45), 0);
	assert_int_equal(fixture_feed(63 * S, 0, 45), 1);
}

static void alarm_with_a_table(double cell, size_t rows)
{
	static double clear[2];
	struct gw_alarm_opts *a = fixture_alarm("high", 0, &gw_condition_above);

	clear[1] = cell;
	fixture_when(a)->limit = 50;
	fixture_when(a)->clear = (struct gw_table){rows, 1, &clear[1]};
}

static void another_clear_is_another_condition(void **unused)
{
	double old[2];

	(void)unused;
	alarm_with_a_table(40, 1);
	old[0] = 40;
	fixture_when(&fixture.alarms[0])->clear.cells = old;
	start_old();
	fixture_feed(S, 0, 60);
	fixture_feed(2 * S, 0, 46);
	assert_int_equal(fixture.n_events, 0);
	alarm_with_a_table(48, 1);
	reload(3 * S);
	assert_int_equal(fixture.n_events, 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
}

static void a_clear_that_is_gone_is_another_condition(void **unused)
{
	(void)unused;
	alarm_with_a_table(40, 1);
	start_old();
	fixture_feed(S, 0, 60);
	fixture_feed(2 * S, 0, 46);
	alarm_with_a_table(40, 0);
	reload(3 * S);
	assert_int_equal(fixture.n_events, 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
}

static void a_history_outlives_a_reload(void **unused)
{
	static const double rows[2] = {50, 100e9};

	(void)unused;
	for (int twice = 0; twice < 2; twice++) {
		fixture_when(fixture_alarm("stuck", 0, &gw_condition_stuck))->window_ns =
			60 * S;
		fixture_when(fixture_alarm("dose", 1, &gw_condition_dose))->rows =
			(struct gw_table){.rows = 1, .columns = 2, .cells = rows};
		if (twice)
			break;
		start_old();
		fixture_feed(0, 0, 45);
		fixture_feed(0, 1, 60);
		fixture_feed(30 * S, 0, 45);
	}
	reload(31 * S);
	assert_int_equal(fixture.n_events, 0);
	assert_int_equal(fixture_feed(60 * S - 1, 0, 45), 0);
	assert_int_equal(fixture_feed(60 * S, 0, 45), 1);
	assert_true(raised("s/d0/p:stuck"));
	assert_int_equal(fixture_pass(100 * S - 1), 0);
	assert_int_equal(fixture_pass(100 * S), 1);
	assert_true(raised("s/d1/p:dose"));
}

static void a_history_of_another_condition_does_not(void **unused)
{
	(void)unused;
	fixture_when(fixture_alarm("stuck", 0, &gw_condition_stuck))->window_ns = 60 * S;
	start_old();
	fixture_feed(0, 0, 45);
	fixture_feed(30 * S, 0, 45);
	fixture_when(fixture_alarm("stuck", 0, &gw_condition_stuck))->window_ns = 50 * S;
	reload(31 * S);
	fixture_feed(32 * S, 0, 45);
	assert_int_equal(fixture_feed(82 * S - 1, 0, 45), 0);
	assert_int_equal(fixture_feed(82 * S, 0, 45), 1);
}

static void another_level_under_a_shelf_is_emitted_at_its_end(void **unused)
{
	struct gw_alarm_record m = {.key = "s/d0/p:high",
		.state = GW_STATE_SHELVED,
		.underlying = GW_STATE_ACTIVE_UNACKED,
		.level = GW_LEVEL_YELLOW,
		.since_ms = FIXTURE_WALL_MS,
		.shelved_until_ms = FIXTURE_WALL_MS + 1};

	(void)unused;
	fixture_when(fixture_alarm("high", 0, &gw_condition_above))->limit = 50;
	fixture_start();
	assert_true(gw_engine_restore(fixture.engine, &m, fixture_time(0)));
	assert_int_equal(fixture_pass(0), 0);
	assert_int_equal(fixture_pass(S / 1000 - 1), 0);
	assert_int_equal(fixture_pass(S / 1000), 1); /* a millisecond was left */
	assert_event(0, GW_CHANGE_UNSHELVED, GW_STATE_ACTIVE_UNACKED);
	assert_int_equal(fixture.event[0].level, GW_LEVEL_RED);
}

static void a_value_that_is_not_usable_raises_nothing(void **unused)
{
	(void)unused;
	fixture_when(fixture_alarm("high", 0, &gw_condition_above))->limit = 50;
	start_old();
	fixture_feed(S, 0, 45);
	fixture_feed_quality(2 * S, 0, 0, GW_QUALITY_BAD_TIMEOUT);
	fixture_when(fixture_alarm("high", 0, &gw_condition_above))->limit = 40;
	reload(3 * S);
	assert_int_equal(fixture.n_events, 0);
}

static void a_limit_moved_while_active_or_in_a_delay(void **unused)
{
	struct gw_alarm_opts *a;

	(void)unused;
	fixture_when(fixture_alarm("high", 0, &gw_condition_above))->limit = 50;
	a = fixture_alarm("slow", 1, &gw_condition_above);
	fixture_when(a)->limit = 50;
	a->on_delay_ns = 10 * S;
	start_old();
	assert_int_equal(fixture_feed(S, 0, 60), 1);
	assert_int_equal(fixture_feed(2 * S, 1, 60), 0);
	fixture_when(fixture_alarm("high", 0, &gw_condition_above))->limit = 55;
	a = fixture_alarm("slow", 1, &gw_condition_above);
	fixture_when(a)->limit = 55;
	a->on_delay_ns = 10 * S;
	reload(5 * S);
	assert_int_equal(fixture.n_events, 0);
	assert_int_equal(fixture_pass(12 * S - 1), 0);
	assert_int_equal(fixture_pass(12 * S), 1);
	assert_true(raised("s/d1/p:slow"));
	fixture_feed(13 * S, 0, 54);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
}

static void another_level_of_what_stands_is_emitted_once(void **unused)
{
	(void)unused;
	for (int i = 0; i < 2; i++)
		fixture_when(fixture_alarm("high", i, &gw_condition_above))->limit = 50;
	start_old();
	fixture_feed(S, 0, 60);
	fixture_feed(S, 1, 10); /* stands not: nobody cares */
	for (int twice = 0; twice < 2; twice++) {
		fixture.n_alarms = 0;
		for (int i = 0; i < 2; i++) {
			fixture_when(fixture_alarm("high", i, &gw_condition_above))->limit =
				50;
			fixture.alarms[i].level = GW_LEVEL_ORANGE;
		}
		reload(2 * S);
		assert_int_equal(fixture.n_events, !twice);
	}
	assert_int_equal(fixture_feed(3 * S, 0, 10), 1);
	assert_int_equal(fixture.event[0].seq, 103);
}

/* However the points are ordered now, each has the value it had. */
static void points_keep_their_values_in_any_order(void **unused)
{
	struct gw_point_info mixed[FIXTURE_POINTS];
	struct gw_engine *next;
	struct gw_point_view v;

	(void)unused;
	fixture_when(fixture_alarm("high", 0, &gw_condition_above))->limit = 500;
	start_old();
	for (int i = 0; i < FIXTURE_POINTS; i++)
		fixture_feed((i + 1) * S, (uint32_t)i, 10 + i);
	for (int prepared = 0; prepared < 2; prepared++) {
		for (int i = 0; i < FIXTURE_POINTS; i++)
			mixed[i] = fixture.points[(5 * i + 3) % FIXTURE_POINTS];
		mixed[2].key = "s/new/p";
		assert_int_equal(
			gw_engine_new(&(struct gw_engine_opts){.site = &fixture_site,
					      .points = mixed,
					      .n_points = FIXTURE_POINTS,
					      .alarms = was,
					      .n_alarms = 1,
					      .n_inputs = 1},
				&next, NULL),
			GW_OK);
		if (prepared)
			gw_engine_prepare_adopt(next);
		gw_engine_adopt(
			next, fixture.engine, fixture_time(20 * S), no_unconfigured, NULL);
		for (int i = 0; i < FIXTURE_POINTS; i++) {
			gw_view_point(gw_engine_view(next), (size_t)i, &v);
			if (i == 2)
				assert_int_equal(v.samples, 0);
			else
				assert_int_equal(
					(int)v.value, 10 + (5 * i + 3) % FIXTURE_POINTS);
		}
		gw_engine_free(next);
	}
}

static void clear_unconfigured(
	void *arg, const struct gw_alarm_record *record, const struct gw_alarm_info *info)
{
	gw_engine_clear_unconfigured(arg, record, info, fixture_time(2 * S));
}

static void last_seq_counts_unconfigured_alarms(void **unused)
{
	struct gw_engine *next;

	(void)unused;
	fixture_when(fixture_alarm("high", 0, &gw_condition_above))->limit = 50;
	start_old();
	fixture_feed(S, 0, 60);
	next = fixture_engine();
	gw_engine_adopt(
		next, fixture.engine, fixture_time(2 * S), clear_unconfigured, next);
	assert_int_equal(gw_engine_last_seq(next), 102); /* whose texts are the old ones */
	gw_engine_free(fixture.engine);
	fixture.engine = next;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_device_that_is_new_is_not_silent_at_once),
		TEST(silent_through_a_reload_emits_nothing),
		TEST(a_device_was_heard_under_its_old_point_names),
		TEST(a_renamed_point_keeps_its_device_heard),
		TEST(a_renamed_device_never_heard_gets_no_extra_time),
		TEST(silent_through_a_renaming_emits_nothing),
		TEST(a_new_alarm_on_a_value_that_stands_raises_at_once),
		TEST(a_limit_lowered_under_the_value_raises_at_once),
		TEST(a_new_alarm_with_a_history_waits_for_samples),
		TEST(another_clear_is_another_condition),
		TEST(a_clear_that_is_gone_is_another_condition),
		TEST(a_history_outlives_a_reload),
		TEST(a_history_of_another_condition_does_not),
		TEST(another_level_under_a_shelf_is_emitted_at_its_end),
		TEST(a_value_that_is_not_usable_raises_nothing),
		TEST(a_limit_moved_while_active_or_in_a_delay),
		TEST(another_level_of_what_stands_is_emitted_once),
		TEST(points_keep_their_values_in_any_order),
		TEST(last_seq_counts_unconfigured_alarms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

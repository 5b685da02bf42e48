/* SPDX-License-Identifier: Apache-2.0 */
/* What an engine takes over from the store at a restart. */
#include "adopt_fixture.h"

static void restore(const struct gw_alarm_record *r)
{
	fixture_start();
	assert_true(gw_engine_restore(fixture.engine, r, fixture_time(0)));
	assert_int_equal(fixture_pass(0), 0);
}

static void another_level_after_a_restart_is_emitted(void **unused)
{
	struct gw_alarm_record m = stood("s/d0/p:high");

	(void)unused;
	m.level = GW_LEVEL_YELLOW;
	fixture_when(fixture_alarm("high", 0, &gw_condition_above))->limit = 50;
	fixture_start();
	assert_true(gw_engine_restore(fixture.engine, &m, fixture_time(0)));
	assert_int_equal(fixture_pass(0), 1);
	assert_event(0, GW_CHANGE_LEVEL, GW_STATE_ACTIVE_UNACKED);
	assert_int_equal(fixture.event[0].level, GW_LEVEL_RED);
	assert_int_equal(fixture.event[0].occurrence[0], 1);
	assert_true(fixture.event[0].value == 60);
}

static void a_clock_that_fell_back_makes_no_shelf_longer(void **unused)
{
	struct gw_alarm_record m = stood("s/d0/p:high");

	(void)unused;
	m.state = GW_STATE_SHELVED;
	/* made an hour long, fifty years from now */
	m.since_ms = FIXTURE_WALL_MS + INT64_C(1600000000000);
	m.shelved_until_ms = m.since_ms + 3600000;
	fixture_when(fixture_alarm("high", 0, &gw_condition_above))->limit = 50;
	restore(&m);
	assert_int_equal(fixture_feed(S, 0, 60), 0);
	assert_int_equal(fixture_pass(3599 * S), 0);
	assert_int_equal(fixture_pass(3600 * S), 1);
	assert_event(0, GW_CHANGE_UNSHELVED, GW_STATE_ACTIVE_UNACKED);
}

static void a_shelf_that_ended_meanwhile_ends_at_start(void **unused)
{
	struct gw_alarm_record m = stood("s/d0/p:high");

	(void)unused;
	m.state = GW_STATE_SHELVED;
	m.shelved_until_ms = FIXTURE_WALL_MS - 5000;
	fixture_when(fixture_alarm("high", 0, &gw_condition_above))->limit = 50;
	fixture_start();
	assert_true(gw_engine_restore(fixture.engine, &m, fixture_time(0)));
	assert_int_equal(fixture_pass(0), 1);
	assert_event(0, GW_CHANGE_UNSHELVED, GW_STATE_ACTIVE_UNACKED);
	assert_int_equal(fixture.event[0].occurrence[0], 1);
}

static void every_state_is_restored_with_its_occurrence(void **unused)
{
	static const enum gw_state states[] = {GW_STATE_ACTIVE_ACKED,
		GW_STATE_RETURNED_UNACKED, GW_STATE_LATCHED_UNACKED,
		GW_STATE_LATCHED_ACKED};

	(void)unused;
	fixture_when(fixture_alarm("high", 0, &gw_condition_above))->limit = 50;
	fixture.alarms[0].latch = true;
	for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
		struct gw_alarm_record m = stood("s/d0/p:high");
		bool active = states[i] == GW_STATE_ACTIVE_ACKED;

		m.state = m.underlying = (uint8_t)states[i];
		restore(&m);
		assert_int_equal(fixture_state(0), states[i]);
		assert_int_equal(
			fixture_feed(S, 0, 10), active); /* clears if it was active */
		assert_int_equal(fixture_feed(2 * S, 0, 60), 1);
		assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
		assert_int_equal(fixture.event[0].occurrence[0],
			1); /* not normal yet: one occurrence */
		gw_engine_free(fixture.engine);
		fixture.engine = NULL;
	}
}

static void silent_before_a_restart_and_read_since(void **unused)
{
	struct gw_alarm_record m = stood("s/d0/p:silent");

	(void)unused;
	silent_on(0);
	start_old();
	assert_true(gw_engine_restore(fixture.engine, &m, fixture_time(0)));
	assert_int_equal(fixture_pass(0), 0);
	assert_int_equal(fixture_feed(S, 0, 1), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
	fixture_feed(20 * S, 0, 1);
	silent_on(0);
	rename_point(0);
	reload(21 * S);
	assert_silent_at(50 * S);
}

static void silent_before_a_restart_and_not_read_since(void **unused)
{
	struct gw_alarm_record m = stood("s/d0/p:silent");

	(void)unused;
	silent_on(0);
	start_old();
	assert_true(gw_engine_restore(fixture.engine, &m, fixture_time(0)));
	assert_int_equal(fixture_pass(0), 0);
	silent_on(0);
	rename_point(0);
	reload(S);
	assert_int_equal(fixture.n_events, 0);
	assert_int_equal(fixture_state(0), GW_STATE_ACTIVE_UNACKED);
}

static void silent_by_the_key_of_another_condition_waits_from_now(void **unused)
{
	struct gw_alarm_record m = stood("confirmed");

	(void)unused;
	confirmed(1, false, 1, 0);
	start_old();
	assert_true(gw_engine_restore(fixture.engine, &m, fixture_time(0)));
	assert_int_equal(fixture_feed(0, 0, 0), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
	silent_on(1);
	snprintf(fixture.alarm_key[0], sizeof fixture.alarm_key[0], "confirmed");
	reload(LONG_AGO);
	assert_silent_at(LONG_AGO + 30 * S);
}

static void a_first_reading_of_zero_reaches_a_vote(void **unused)
{
	struct gw_alarm_record m = stood("confirmed");

	(void)unused;
	confirmed(2, false, 2, 0);
	restore(&m);
	assert_int_equal(fixture_feed(S, 0, 0), 0);
	assert_int_equal(fixture_feed(S, 1, 0), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
}

static void a_vote_over_a_vote_sees_that_it_is_false(void **unused)
{
	static const struct gw_member of_inner[] = {{false, 0, 0, "s/d0/p"}},
				      of_outer[] = {{true, 0, 0, "inner"}};
	struct gw_alarm_record m = stood("outer");
	struct gw_alarm_opts *a;

	(void)unused;
	a = fixture_alarm("inner", -1, &gw_condition_at_least);
	fixture_when(a)->at_least = 1;
	fixture_when(a)->members = of_inner;
	fixture_when(a)->n_members = 1;
	a = fixture_alarm("outer", -1, &gw_condition_at_least);
	fixture_when(a)->at_least = 1;
	fixture_when(a)->members = of_outer;
	fixture_when(a)->n_members = 1;
	restore(&m);
	assert_int_equal(fixture_feed(S, 0, 0), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
	assert_string_equal(fixture.event[0].info->name, "outer");
}

static const double co_rows[] = {50, 3600e9, 100, 600e9};

static void a_dose_that_is_still_over_does_not_clear(void **unused)
{
	struct gw_alarm_record m = stood("s/d0/p:co");

	(void)unused;
	fixture_when(fixture_alarm("co", 0, &gw_condition_dose))->rows = (struct gw_table){
		.rows = 2, .columns = 2, .cells = co_rows};
	restore(&m);
	for (int i = 1; i < 100; i++)
		assert_int_equal(fixture_feed(i * S, 0, 120), 0);
	assert_int_equal(fixture_state(0), GW_STATE_ACTIVE_UNACKED);
}

static void a_dose_that_went_away_clears(void **unused)
{
	struct gw_alarm_record m = stood("s/d0/p:co");

	(void)unused;
	fixture_when(fixture_alarm("co", 0, &gw_condition_dose))->rows = (struct gw_table){
		.rows = 2, .columns = 2, .cells = co_rows};
	restore(&m);
	assert_int_equal(fixture_feed(S, 0, 10), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
}

static void still_stuck_until_it_moves(void **unused)
{
	struct gw_alarm_record m = stood("s/d0/p:stuck");

	(void)unused;
	fixture_when(fixture_alarm("stuck", 0, &gw_condition_stuck))->window_ns = 60 * S;
	restore(&m);
	assert_int_equal(fixture_feed(S, 0, 5), 0);
	assert_int_equal(fixture_feed(2 * S, 0, 5), 0);
	assert_int_equal(fixture_feed(3 * S, 0, 6), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
}

/* From a backup: the platform may have got "cleared" since, so a restored state must not keep a
 * real raise back. */
static void an_unconfirmed_alarm_is_raised_again_by_its_first_sample(void **unused)
{
	struct gw_alarm_record m = stood("s/d0/p:high");

	(void)unused;
	m.unconfirmed = true;
	m.state = m.underlying = GW_STATE_ACTIVE_ACKED;
	fixture_when(fixture_alarm("high", 0, &gw_condition_above))->limit = 50;
	restore(&m);
	assert_int_equal(fixture_feed(S, 0, 70), 1);
	assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
	assert_int_equal(fixture.event[0].occurrence[0], 1);
	assert_string_equal(fixture.event[0].note, "restored from a backup: raised again");
	assert_int_equal(fixture_feed(2 * S, 0, 70), 0);
	assert_int_equal(fixture_pass(100 * S), 0);
	assert_int_equal(fixture_feed(101 * S, 0, 20), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
}

static void an_unconfirmed_alarm_that_is_over_only_clears(void **unused)
{
	struct gw_alarm_record m = stood("s/d0/p:high");

	(void)unused;
	m.unconfirmed = true;
	fixture_when(fixture_alarm("high", 0, &gw_condition_above))->limit = 50;
	restore(&m);
	assert_int_equal(fixture_feed(S, 0, 20), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
	assert_int_equal(fixture_pass(100 * S), 0);
}

static void an_unconfirmed_alarm_without_samples_is_raised_after_a_minute(void **unused)
{
	struct gw_alarm_record m = stood("s/d0/p:high");

	(void)unused;
	m.unconfirmed = true;
	fixture_when(fixture_alarm("high", 0, &gw_condition_above))->limit = 50;
	restore(&m);
	assert_int_equal(fixture_pass(59 * S), 0);
	assert_int_equal(fixture_pass(60 * S), 1);
	assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
	assert_int_equal(fixture_feed(61 * S, 0, 70), 0);
}

/* Still silent is not a new observation: the device may speak any moment. */
static void an_unconfirmed_silence_is_not_raised_by_a_timer_at_once(void **unused)
{
	struct gw_alarm_record m = stood("s/d0/p:silent");

	(void)unused;
	m.unconfirmed = true;
	silent_on(0);
	start_old();
	assert_true(gw_engine_restore(fixture.engine, &m, fixture_time(0)));
	assert_int_equal(fixture_pass(0), 0);
	assert_int_equal(fixture_feed(S, 0, 5), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
}

static void an_unconfirmed_shelf_is_emitted(void **unused)
{
	struct gw_alarm_record m = stood("s/d0/p:high");

	(void)unused;
	m.unconfirmed = true;
	m.state = GW_STATE_SHELVED;
	m.since_ms = FIXTURE_WALL_MS;
	m.shelved_until_ms = FIXTURE_WALL_MS + 60000;
	fixture_when(fixture_alarm("high", 0, &gw_condition_above))->limit = 50;
	fixture_start();
	assert_true(gw_engine_restore(fixture.engine, &m, fixture_time(0)));
	assert_int_equal(fixture_pass(0), 1);
	assert_event(0, GW_CHANGE_SHELVED, GW_STATE_SHELVED);
	assert_int_equal(fixture_feed(S, 0, 70), 0);
	assert_int_equal(fixture_pass(60 * S), 1);
	assert_event(0, GW_CHANGE_UNSHELVED, GW_STATE_ACTIVE_UNACKED);
	assert_int_equal(fixture_feed(61 * S, 0, 70), 1);
	assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(another_level_after_a_restart_is_emitted),
		TEST(a_clock_that_fell_back_makes_no_shelf_longer),
		TEST(a_shelf_that_ended_meanwhile_ends_at_start),
		TEST(every_state_is_restored_with_its_occurrence),
		TEST(silent_before_a_restart_and_read_since),
		TEST(silent_before_a_restart_and_not_read_since),
		TEST(silent_by_the_key_of_another_condition_waits_from_now),
		TEST(a_first_reading_of_zero_reaches_a_vote),
		TEST(a_vote_over_a_vote_sees_that_it_is_false),
		TEST(a_dose_that_is_still_over_does_not_clear),
		TEST(a_dose_that_went_away_clears),
		TEST(still_stuck_until_it_moves),
		TEST(an_unconfirmed_alarm_is_raised_again_by_its_first_sample),
		TEST(an_unconfirmed_alarm_that_is_over_only_clears),
		TEST(an_unconfirmed_alarm_without_samples_is_raised_after_a_minute),
		TEST(an_unconfirmed_silence_is_not_raised_by_a_timer_at_once),
		TEST(an_unconfirmed_shelf_is_emitted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

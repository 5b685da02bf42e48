/* SPDX-License-Identifier: Apache-2.0 */
/* Silence of devices and votes in the engine. */
#include "engine_fixture.h"

static void silence_raises_and_the_first_sample_ends_it(void **unused)
{
	struct gw_alarm_opts *a = fixture_alarm("silent", 0, &gw_condition_silent);
	struct gw_point_view v;

	(void)unused;
	fixture_when(a)->window_ns = 10 * S;
	a->n_points = 2; /* the device has p0 and p1 */
	fixture_start();
	assert_int_equal(fixture_pass(0), 0);
	fixture_feed(5 * S, 1, 1);
	assert_int_equal(fixture_feed_quality(9 * S, 0, 0, GW_QUALITY_BAD_TIMEOUT), 0);
	assert_int_equal(fixture_pass(15 * S - 1), 0);
	assert_int_equal(fixture_pass(15 * S), 1);
	assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
	assert_int_equal(fixture.event[0].quality, GW_QUALITY_SILENT);
	gw_view_point(gw_engine_view(fixture.engine), 1, &v);
	assert_int_equal(v.quality, GW_QUALITY_SILENT); /* it keeps no good value */
	assert_int_equal(fixture_feed_quality(16 * S, 0, 0, GW_QUALITY_BAD_TIMEOUT), 0);
	assert_int_equal(fixture_feed(17 * S, 0, 3), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
	assert_int_equal(fixture_pass(27 * S - 1), 0);
	assert_int_equal(fixture_pass(27 * S), 1);
}

static void a_device_never_heard_becomes_silent(void **unused)
{
	(void)unused;
	fixture_when(fixture_alarm("silent", 0, &gw_condition_silent))->window_ns = 10 * S;
	fixture_start();
	fixture_pass(0);
	assert_int_equal(fixture_pass(10 * S), 1);
}

static struct gw_member members[4];

static struct gw_alarm_opts *vote(int64_t n, size_t of, int64_t within_ns)
{
	struct gw_alarm_opts *a = fixture_alarm("confirmed", -1, &gw_condition_at_least);

	fixture_when(a)->at_least = n;
	fixture_when(a)->window_ns = within_ns;
	fixture_when(a)->members = members;
	fixture_when(a)->n_members = of;
	return a;
}

static void two_detectors_confirm_and_name_each_other(void **unused)
{
	(void)unused;
	for (uint32_t i = 0; i < 3; i++)
		members[i] = (struct gw_member){false, i, i, fixture.point_key[i]};
	vote(2, 3, 60 * S);
	fixture_start();
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(fixture_feed(0, i, 0), 0);
	assert_int_equal(fixture_feed(S, 0, 1), 0);
	assert_int_equal(fixture_feed(2 * S, 0, 0), 0);
	assert_int_equal(fixture_feed(61 * S, 2, 1), 1); /* 59 s after p0 went false */
	assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
	assert_int_equal(fixture.event[0].n_confirmed_by, 2);
	assert_string_equal(fixture.event[0].confirmed_by[0], "s/d0/p");
	assert_string_equal(fixture.event[0].confirmed_by[1], "s/d2/p");
	assert_true(fixture.event[0].value == 2);
	assert_int_equal(fixture_pass(62 * S - 1), 0);
	assert_int_equal(fixture_pass(62 * S), 1); /* p0 counts no more */
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
}

static void the_window_ends_to_the_nanosecond(void **unused)
{
	(void)unused;
	for (uint32_t i = 0; i < 2; i++)
		members[i] = (struct gw_member){false, i, i, fixture.point_key[i]};
	vote(2, 2, 60 * S);
	fixture_start();
	fixture_feed(0, 0, 0);
	fixture_feed(0, 1, 0);
	fixture_feed(S, 0, 1);
	fixture_feed(2 * S, 0, 0);
	assert_int_equal(fixture_feed(62 * S, 1, 1), 0);
}

static void members_on_one_device_count_once(void **unused)
{
	(void)unused;
	members[0] = (struct gw_member){false, 0, 5, fixture.point_key[0]};
	members[1] = (struct gw_member){false, 1, 5, fixture.point_key[1]};
	members[2] = (struct gw_member){false, 2, 6, fixture.point_key[2]};
	vote(2, 3, 0);
	fixture_start();
	for (uint32_t i = 0; i < 3; i++)
		fixture_feed(0, i, 0);
	assert_int_equal(fixture_feed(S, 0, 1), 0);
	assert_int_equal(fixture_feed(2 * S, 1, 1), 0);
	assert_int_equal(fixture_feed(3 * S, 2, 1), 1);
}

static void a_vote_over_alarms_follows_their_delays(void **unused)
{
	struct gw_alarm_opts *a = fixture_alarm("a", 0, &gw_condition_above),
			     *b = fixture_alarm("b", 1, &gw_condition_above);

	(void)unused;
	fixture_when(a)->limit = fixture_when(b)->limit = 10;
	b->on_delay_ns = 5 * S;
	members[0] = (struct gw_member){true, 0, 0, a->info.key};
	members[1] = (struct gw_member){true, 1, 1, b->info.key};
	vote(2, 2, 0);
	fixture_start();
	assert_int_equal(fixture_feed(S, 0, 20), 1);
	assert_int_equal(fixture_feed(2 * S, 1, 20), 0);
	assert_int_equal(fixture_pass(7 * S), 2);
	assert_string_equal(fixture.event[0].info->name, "b");
	assert_string_equal(fixture.event[1].info->name, "confirmed");
	assert_int_equal(fixture_feed(8 * S, 0, 5), 2);
}

/* Two samples taken at once, as after a stall: between them the delay of the member ended. */
static void a_vote_counts_a_member_that_was_active_for_a_while(void **unused)
{
	const struct gw_sample samples[] = {
		{.quality = GW_QUALITY_GOOD, .boot_ns = FIXTURE_START_NS + S, .value = 20},
		{.quality = GW_QUALITY_GOOD,
			.boot_ns = FIXTURE_START_NS + 9 * S,
			.value = 5},
	};
	struct gw_alarm_opts *a = fixture_alarm("a", 0, &gw_condition_above);

	(void)unused;
	fixture_when(a)->limit = 10;
	a->on_delay_ns = 5 * S;
	members[0] = (struct gw_member){true, 0, 0, a->info.key};
	vote(1, 1, 60 * S);
	fixture_start();
	gw_engine_ingest(fixture.engine, samples, 2, fixture_time(10 * S));
	assert_int_equal(fixture_pass(10 * S), 3);
	assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
	assert_event(1, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
	assert_string_equal(fixture.event[1].info->name, "confirmed");
	assert_int_equal(fixture.event[1].boot_ns, FIXTURE_START_NS + 6 * S);
	assert_event(2, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
	assert_int_equal(fixture_pass(69 * S - 1), 0);
	assert_int_equal(fixture_pass(69 * S), 1); /* it was true until 9 s */
}

static void a_vote_ends_although_a_member_was_never_read(void **unused)
{
	(void)unused;
	for (uint32_t i = 0; i < 3; i++)
		members[i] = (struct gw_member){false, i, i, fixture.point_key[i]};
	vote(2, 3, 0);
	fixture_start();
	fixture_feed(S, 0, 1);
	assert_int_equal(fixture_feed(2 * S, 1, 1), 1);
	assert_int_equal(fixture_feed(3 * S, 1, 0), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
}

static void silent_before_and_after_a_restart_emits_nothing(void **unused)
{
	struct gw_alarm_record m;

	(void)unused;
	fixture_when(fixture_alarm("silent", 0, &gw_condition_silent))->window_ns = 10 * S;
	fixture_start();
	m = fixture_standing(0);
	gw_engine_restore(fixture.engine, &m, fixture_time(0));
	assert_int_equal(fixture_pass(0), 0);
	assert_int_equal(fixture_pass(60 * S), 0);
	assert_int_equal(fixture_feed(61 * S, 0, 1), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_NORMAL);
}

static void a_confirmed_fire_survives_a_restart_until_all_members_are_read(void **unused)
{
	struct gw_alarm_record m;

	(void)unused;
	for (uint32_t i = 0; i < 2; i++)
		members[i] = (struct gw_member){false, i, i, fixture.point_key[i]};
	vote(2, 2, 0);
	fixture_start();
	m = fixture_standing(0);
	gw_engine_restore(fixture.engine, &m, fixture_time(0));
	assert_int_equal(fixture_feed(S, 0, 1), 0);
	assert_int_equal(fixture_feed(2 * S, 1, 1), 0);
	assert_int_equal(fixture_feed(3 * S, 1, 0), 1);
}

static void only_silence_makes_a_point_silent(void **unused)
{
	struct gw_point_view v;

	(void)unused;
	fixture_when(fixture_alarm("silent", 0, &gw_condition_silent))->window_ns = 10 * S;
	fixture_when(fixture_alarm("high", 0, &gw_condition_above))->limit = 50;
	fixture_start();
	for (int i = 1; i < 3; i++) {
		fixture_feed(i * S, 0, i == 2 ? 60 : 40);
		gw_view_point(gw_engine_view(fixture.engine), 0, &v);
		assert_int_equal(v.quality, GW_QUALITY_GOOD);
	}
	assert_int_equal(fixture_pass(12 * S), 1);
	gw_view_point(gw_engine_view(fixture.engine), 0, &v);
	assert_int_equal(v.quality, GW_QUALITY_SILENT);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(silence_raises_and_the_first_sample_ends_it),
		TEST(a_device_never_heard_becomes_silent),
		TEST(two_detectors_confirm_and_name_each_other),
		TEST(the_window_ends_to_the_nanosecond),
		TEST(members_on_one_device_count_once),
		TEST(a_vote_over_alarms_follows_their_delays),
		TEST(a_vote_counts_a_member_that_was_active_for_a_while),
		TEST(a_vote_ends_although_a_member_was_never_read),
		TEST(silent_before_and_after_a_restart_emits_nothing),
		TEST(a_confirmed_fire_survives_a_restart_until_all_members_are_read),
		TEST(only_silence_makes_a_point_silent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

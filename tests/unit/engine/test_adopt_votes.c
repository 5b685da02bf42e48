/* SPDX-License-Identifier: Apache-2.0 */
/* What a vote takes over from an older engine at a reload. */
#include "adopt_fixture.h"

static void smoke(int point)
{
	fixture_when(fixture_alarm("smoke", point, &gw_condition_is))->is = true;
}

static void a_vote_that_gets_a_member_more_still_counts_the_first(void **unused)
{
	(void)unused;
	for (int i = 0; i < 2; i++)
		smoke(i);
	confirmed(2, true, 2, 0);
	start_old();
	fixture_feed(S, 0, 1); /* the first detector */
	fixture_feed(S, 1, 0);
	for (int i = 0; i < 3; i++)
		smoke(i);
	confirmed(3, true, 2, 0);
	reload(2 * S);
	assert_int_equal(fixture.n_events, 0);
	fixture_feed(3 * S, 1, 1);
	assert_true(raised("confirmed"));
}

static void a_vote_that_is_new_counts_what_stands(void **unused)
{
	(void)unused;
	for (int i = 0; i < 2; i++)
		smoke(i);
	start_old();
	fixture_feed(S, 0, 1);
	fixture_feed(S, 1, 1);
	for (int i = 0; i < 2; i++)
		smoke(i);
	confirmed(2, true, 2, 0);
	reload(2 * S);
	assert_int_equal(fixture.n_events, 1);
	assert_true(raised("confirmed"));
}

static void a_vote_over_points_counts_what_they_are(void **unused)
{
	(void)unused;
	confirmed(2, false, 2, 0);
	start_old();
	fixture_feed(S, 0, 1);
	confirmed(3, false, 2, 0);
	reload(2 * S);
	assert_int_equal(fixture.n_events, 0);
	fixture_feed(3 * S, 2, 1); /* the others say nothing again */
	assert_true(raised("confirmed"));
}

static void another_member_in_its_place_does_not_inherit_its_state(void **unused)
{
	(void)unused;
	for (int i = 0; i < 3; i++)
		smoke(i);
	confirmed(2, true, 2, 0);
	start_old();
	for (uint32_t i = 0; i < 3; i++)
		fixture_feed(S, i, i == 0);
	for (int i = 0; i < 3; i++)
		smoke(i);
	confirmed(2, true, 2, 0);
	is_vote[0] = is_vote[1]; /* 1 and 2 instead of 0 and 1 */
	is_vote[1] = (struct gw_member){
		.is_alarm = true, .index = 2, .device = 2, .key = fixture.alarm_key[2]};
	reload(2 * S);
	fixture_feed(3 * S, 1, 1);
	assert_false(raised("confirmed"));
	fixture_feed(4 * S, 2, 1);
	assert_true(raised("confirmed"));
}

static void the_window_of_a_vote_outlives_a_reload(void **unused)
{
	(void)unused;
	for (int i = 0; i < 2; i++)
		smoke(i);
	confirmed(2, true, 2, 60 * S);
	start_old();
	fixture_feed(S, 0, 1);
	fixture_feed(S, 1, 0);
	fixture_feed(2 * S, 0, 0);
	for (int i = 0; i < 3; i++)
		smoke(i);
	confirmed(3, true, 2, 60 * S);
	reload(3 * S);
	fixture_feed(30 * S, 1, 1);
	assert_true(raised("confirmed"));
}

/* Their reading is 1 as it was last heard, but what it is now nobody knows. */
static void a_vote_does_not_count_a_member_whose_link_is_broken(void **unused)
{
	(void)unused;
	fixture_alarm("high", 7, &gw_condition_above);
	start_old();
	for (uint32_t i = 0; i < 3; i++)
		fixture_feed(S, i, 1);
	fixture_feed_quality(2 * S, 1, 0, GW_QUALITY_BAD_LINK);
	confirmed(2, false, 2, 0);
	fixture_alarm("high", 7, &gw_condition_above);
	reload(3 * S);
	assert_int_equal(fixture.n_events, 0);
	fixture_feed(4 * S, 1, 1);
	assert_true(raised("confirmed"));
}

static void a_new_vote_over_points_counts_what_they_are(void **unused)
{
	(void)unused;
	fixture_alarm("high", 7, &gw_condition_above);
	start_old();
	fixture_feed(S, 0, 1);
	fixture_feed(S, 1, 1);
	confirmed(2, false, 2, 0);
	fixture_alarm("high", 7, &gw_condition_above);
	reload(2 * S);
	assert_int_equal(fixture.n_events, 1);
	assert_true(raised("confirmed"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_vote_that_gets_a_member_more_still_counts_the_first),
		TEST(a_vote_that_is_new_counts_what_stands),
		TEST(a_vote_over_points_counts_what_they_are),
		TEST(another_member_in_its_place_does_not_inherit_its_state),
		TEST(the_window_of_a_vote_outlives_a_reload),
		TEST(a_vote_does_not_count_a_member_whose_link_is_broken),
		TEST(a_new_vote_over_points_counts_what_they_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

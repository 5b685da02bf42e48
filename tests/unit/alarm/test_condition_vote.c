/* SPDX-License-Identifier: Apache-2.0 */
/* at_least by itself: at, just below and just above every edge it has. */
#include "condition_fixture.h"

static bool vote(int64_t now_ns, uint32_t member, bool is)
{
	return evaluate((struct gw_condition_input){
		.member = member, .member_true = is, .now_ns = now_ns});
}

/* ---- votes ---- */

static void a_vote_sets_a_timer_for_its_first_member_to_expire(void **unused)
{
	struct gw_member members[3] = {
		{false, 0, 0, "a"}, {false, 1, 1, "b"}, {false, 2, 2, "c"}};
	const char *keys[2] = {0};

	(void)unused;
	o.window_ns = 50;
	o.at_least = 2;
	o.members = members;
	o.n_members = 3;
	begin(&gw_condition_at_least);
	assert_false(vote(100, 0, true));
	assert_int_equal(result.due_ns, INT64_MAX); /* it holds as long as it holds */
	assert_true(vote(100, 1, true));
	assert_true(vote(110, 1, false));
	assert_int_equal(result.due_ns, 160);
	assert_true(vote(105 + 20, 2, false));
	assert_true(vote(130, 0, false));
	assert_int_equal(result.due_ns, 160);
	assert_int_equal(gw_condition_true_members(&o, memory, 159, keys, 2), 2);
	assert_string_equal(keys[1], "b");
	assert_int_equal(gw_condition_true_members(&o, memory, 160, keys, 2), 1);
	assert_string_equal(keys[0], "a");
	assert_true(tick(159));
	assert_false(tick(160));
	assert_true(result.value == 1);
	assert_int_equal(result.due_ns, 180);
}

static void a_vote_names_no_more_members_than_there_is_room_for(void **unused)
{
	struct gw_member members[3] = {
		{false, 0, 7, "a"}, {false, 1, 7, "b"}, {false, 2, 8, "c"}};
	const char *one[1], *many[4];

	(void)unused;
	o.at_least = 1;
	o.members = members;
	o.n_members = 3;
	begin(&gw_condition_at_least);
	for (uint32_t i = 0; i < 3; i++)
		vote(1, i, true);
	assert_int_equal(gw_condition_true_members(&o, memory, 1, one, 1), 1);
	assert_string_equal(one[0], "a");
	assert_int_equal(gw_condition_true_members(&o, memory, 1, many, 4), 2);
	assert_string_equal(many[1], "c"); /* b is on the device of a */
}

static void a_vote_keeps_what_it_knew_of_members_by_their_key(void **unused)
{
	struct gw_member before[2] = {{false, 0, 0, "a"}, {false, 1, 1, "b"}};
	struct gw_member after[3] = {
		{false, 0, 0, "new"}, {false, 1, 1, "b"}, {false, 2, 2, "a"}};
	struct gw_condition_opts old;
	void *old_memory;
	const char *keys[3];

	(void)unused;
	o.at_least = 1;
	o.members = before;
	o.n_members = 2;
	begin(&gw_condition_at_least);
	vote(1, 0, true);
	vote(1, 1, false);
	old = o;
	old_memory = memory;
	memory = NULL;
	o.members = after;
	o.n_members = 3;
	begin(&gw_condition_at_least);
	gw_condition_adopt_members(&o, memory, &old, old_memory);
	free(old_memory);
	assert_int_equal(gw_condition_true_members(&o, memory, 2, keys, 3), 1);
	assert_string_equal(keys[0], "a");
	condition_true = true;
	assert_true(vote(2, 2, false)); /* "new" was not read yet */
	assert_false(vote(3, 0, false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_vote_sets_a_timer_for_its_first_member_to_expire),
		TEST(a_vote_names_no_more_members_than_there_is_room_for),
		TEST(a_vote_keeps_what_it_knew_of_members_by_their_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

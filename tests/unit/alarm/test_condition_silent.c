/* SPDX-License-Identifier: Apache-2.0 */
/* silent and stuck by themselves: at, just below and just above every edge they have. */
#include "condition_fixture.h"

/* ---- silent and stuck ---- */

static void stuck_is_a_value_that_did_not_move_at_all(void **unused)
{
	(void)unused;
	o.window_ns = 10;
	begin(&gw_condition_stuck);
	assert_false(feed(100, 0) || more); /* the first sample proves nothing, even 0 */
	assert_false(feed(109, 0) || more);
	assert_true(feed(110, 0) && more);
	assert_false(feed(111, nextafter(0, 1)) || more);
	assert_false(feed(112, 0) || more);
	assert_false(feed(121, 0) || more);
	assert_false(tick(200)); /* that says nothing: silent, not stuck */
	assert_true(feed(201, 0) && more);
	assert_true(tick(300));
}

static void a_restored_stuck_value_is_stuck_until_it_changes(void **unused)
{
	(void)unused;
	o.window_ns = 10;
	begin(&gw_condition_stuck);
	condition_true = true;
	assert_true(feed(100, 5));
	assert_true(feed(101, 5));
	assert_false(feed(102, 6));
	assert_false(feed(111, 6));
	assert_true(feed(112, 6));
}

static void silent_counts_from_the_last_good_sample(void **unused)
{
	(void)unused;
	o.window_ns = 10;
	begin(&gw_condition_silent);
	for (int64_t now_ns = 109; now_ns <= 111; now_ns++) {
		evaluate((struct gw_condition_input){
			.member = GW_NO_MEMBER, .now_ns = now_ns, .last_current_ns = 100});
		assert_int_equal(condition_true, now_ns >= 110);
		assert_int_equal(result.due_ns, condition_true ? INT64_MAX : 110);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(stuck_is_a_value_that_did_not_move_at_all),
		TEST(a_restored_stuck_value_is_stuck_until_it_changes),
		TEST(silent_counts_from_the_last_good_sample),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

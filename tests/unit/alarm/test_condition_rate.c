/* SPDX-License-Identifier: Apache-2.0 */
/* rises and falls by themselves: at, just below and just above every edge they have. */
#include "condition_fixture.h"

/* Evaluated with a sample that is not absorbed. */
static bool tick_sample(int64_t now_ns, double value)
{
	return evaluate(
		(struct gw_condition_input){.sample = &(struct gw_sample){.value = value},
			.member = GW_NO_MEMBER,
			.now_ns = now_ns});
}

/* ---- rate: a window of 22 has slices 2 long, which end at even times ---- */

static void begin_rate(const struct gw_condition_kind *kind)
{
	o.limit = 10;
	o.window_ns = 22;
	begin(kind);
}

static void a_rate_needs_three_samples(void **unused)
{
	(void)unused;
	begin_rate(&gw_condition_rises);
	condition_true = true; /* as after a restart */
	assert_true(feed(1, 5));
	assert_true(feed(2, 5));
	assert_false(feed(3, 5));
	begin_rate(&gw_condition_rises);
	assert_false(feed(1, 0) || feed(2, 0) || more);
	assert_false(feed(3, 0) || feed(4, 10) || more);
	assert_true(feed(5, 10) && more);
}

static void the_median_of_three_is_the_middle_in_any_order(void **unused)
{
	static const double orders[][3] = {{0, 10, 20}, {0, 20, 10}, {10, 0, 20},
		{10, 20, 0}, {20, 0, 10}, {20, 10, 0}, {10, 10, 0}, {20, 10, 10}};

	(void)unused;
	for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
		begin_rate(&gw_condition_rises);
		feed(1, 0), feed(1, 0), feed(1, 0);
		o.limit = 20;
		feed(2, orders[i][0]), feed(2, orders[i][1]), feed(2, orders[i][2]);
		o.limit = 10;
		assert_true(tick_sample(2, 0));
		condition_true = false;
		o.limit = nextafter(10, 11);
		assert_false(tick_sample(2, 0));
	}
}

/* A low in the first slice, which ends at 2; then high up to `now_ns`. */
static bool low_then_high(int64_t now_ns, int64_t every_ns)
{
	begin_rate(&gw_condition_rises);
	for (int i = 0; i < 5; i++)
		feed(1, i < 3 ? 0 : 10);
	assert_true(condition_true);
	for (int64_t t = 1 + every_ns; t < now_ns; t += every_ns)
		feed(t, 10);
	return feed(now_ns, 10);
}

static void a_slice_counts_as_long_as_its_end_is_in_the_window(void **unused)
{
	(void)unused;
	for (int64_t every_ns = 1; every_ns < 22; every_ns++) {
		assert_true(low_then_high(24, every_ns));
		assert_false(low_then_high(25, every_ns));
	}
}

static void the_slices_reach_over_the_whole_window(void **unused)
{
	(void)unused;
	begin_rate(&gw_condition_rises);
	o.window_ns = 2200;
	for (int i = 0; i < 3; i++)
		feed(1, 0);
	for (int64_t t = 2; t <= 2200; t++)
		feed(t, 10);
	assert_true(condition_true);
}

static void only_what_is_too_old_is_forgotten_within_a_slice(void **unused)
{
	(void)unused;
	begin_rate(&gw_condition_rises);
	feed(1, 0), feed(1, 0), feed(1, 0);
	feed(5, 5), feed(5, 5), feed(5, 5), feed(13, 5);
	feed(22, 15), feed(22, 15), feed(22, 15), feed(28, 15);
	assert_true(feed(29, 15) && more); /* from 5: the 0 is out of the window */
	o.limit = 11;
	condition_true = false;
	assert_false(feed(29, 15));
}

static void a_gap_of_exactly_the_window_keeps_the_samples_before_it(void **unused)
{
	(void)unused;
	begin_rate(&gw_condition_rises);
	feed(1, 0), feed(1, 0), feed(1, 0), feed(1, 10);
	assert_true(feed(23, 10));
	begin_rate(&gw_condition_rises);
	feed(1, 0), feed(1, 0), feed(1, 0), feed(1, 10);
	assert_false(feed(24, 10));
	assert_false(feed(24, 10));
	assert_false(feed(24, 10));
}

static void a_rate_ends_under_its_deadband(void **unused)
{
	(void)unused;
	for (int given = 0; given < 2; given++) {
		o.deadband = given ? number((const double[]){2}) : (struct gw_table){0};
		begin_rate(&gw_condition_falls);
		for (int i = 0; i < 5; i++)
			feed(1, i < 3 ? 0 : -10);
		assert_true(condition_true);
		for (int i = 0; i < 3; i++)
			feed(2, given ? -8 : -9);
		assert_true(condition_true);
		for (int i = 0; i < 3; i++)
			feed(3, given ? -7.9 : -8.9);
		assert_false(condition_true);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_rate_needs_three_samples),
		TEST(the_median_of_three_is_the_middle_in_any_order),
		TEST(a_slice_counts_as_long_as_its_end_is_in_the_window),
		TEST(the_slices_reach_over_the_whole_window),
		TEST(only_what_is_too_old_is_forgotten_within_a_slice),
		TEST(a_gap_of_exactly_the_window_keeps_the_samples_before_it),
		TEST(a_rate_ends_under_its_deadband),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

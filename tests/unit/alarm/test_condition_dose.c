/* SPDX-License-Identifier: Apache-2.0 */
/* dose by itself: at, just below and just above every edge it has. */
#include "condition_fixture.h"

/* ---- dose ---- */

static void begin_dose(const double *cells, size_t rows)
{
	o.rows = (struct gw_table){rows, 2, cells};
	begin(&gw_condition_dose);
}

static void a_dose_says_to_the_nanosecond_when_it_will_be_full(void **unused)
{
	const double cells[] = {10, 100, 20, 40};

	(void)unused;
	begin_dose(cells, 2);
	assert_false(tick(5));
	assert_true(isnan(result.value));
	assert_false(feed(10, 10) || more);
	assert_int_equal(result.due_ns, INT64_MAX); /* at the level it does not run */
	assert_false(feed(20, 10.1));
	assert_true(more);
	assert_int_equal(result.due_ns, 120);
	assert_false(feed(30, 20)); /* 10 of 100 */
	assert_int_equal(result.due_ns, 120);
	assert_false(feed(40, 20.1));
	assert_int_equal(result.due_ns, 80);
	assert_false(tick(79));
	assert_int_equal(result.due_ns, 80);
	assert_true(tick(80));
	assert_true(result.limit == 20);
	assert_int_equal(result.due_ns, 120); /* the other row */
}

static void a_dose_runs_down_to_half_of_every_row(void **unused)
{
	const double cells[] = {10, 100, 20, 40};

	(void)unused;
	begin_dose(cells, 2);
	feed(10, 30);
	assert_true(tick(110));
	assert_int_equal(result.due_ns, INT64_MAX); /* over all levels: no end in sight */
	feed(110, 10);
	assert_true(condition_true && more); /* it has stopped running */
	feed(110, 10);
	assert_true(condition_true && !more);
	assert_int_equal(result.due_ns, 130);
	assert_true(tick(129));
	assert_int_equal(result.due_ns, 130);
	assert_true(tick(130)); /* the second row is half empty, the first is not */
	assert_int_equal(result.due_ns, 160);
	assert_true(tick(159));
	assert_false(tick(160));
	assert_int_equal(result.due_ns, INT64_MAX);
}

static void a_dose_that_does_not_change_sets_no_timer(void **unused)
{
	const double cells[] = {10, 100};

	(void)unused;
	begin_dose(cells, 1);
	feed(10, 30);
	assert_true(tick(110));
	feed(110, 10);
	assert_int_equal(result.due_ns, 160);
	o.kind->value_lost(&o, memory, 120);
	assert_true(tick(160));
	assert_int_equal(result.due_ns, INT64_MAX);
	feed(200, 10); /* 90 are left, and go on */
	assert_int_equal(result.due_ns, 240);
	assert_true(tick(239));
	assert_false(tick(240));
}

static void a_dose_is_never_more_than_full_nor_less_than_empty(void **unused)
{
	const double cells[] = {10, 100};

	(void)unused;
	begin_dose(cells, 1);
	feed(10, 0);
	feed(5000, 11); /* nothing was saved up */
	assert_int_equal(result.due_ns, 5100);
	assert_true(tick(9000));
	feed(9000, 0); /* nor borrowed */
	assert_int_equal(result.due_ns, 9050);
	assert_true(tick(9049));
	assert_false(tick(9050));
}

static void a_dose_takes_nothing_back_for_a_sample_that_comes_late(void **unused)
{
	const double cells[] = {10, 100};

	(void)unused;
	begin_dose(cells, 1);
	feed(1000, 0);
	tick(2000);
	o.kind->absorb(&o, memory, &(struct gw_sample){.value = 0}, 1900);
	feed(2000, 11);
	assert_int_equal(result.due_ns, 2100); /* 100 of emptiness were not a dose */
	tick(2050);
	o.kind->absorb(&o, memory, &(struct gw_sample){.value = 11}, 2000);
	tick(2050);
	assert_int_equal(result.due_ns, 2100);
}

static void a_dose_that_stood_before_a_restart_runs_down_from_full(void **unused)
{
	const double cells[] = {10, 100, 20, 40};

	(void)unused;
	begin_dose(cells, 2);
	condition_true = true;
	assert_true(feed(10, 20)); /* over the first level only */
	feed(20, 0);
	assert_int_equal(result.due_ns, 70);
	assert_false(tick(70));
	begin_dose(cells, 2);
	condition_true = true;
	assert_false(feed(10, 10)); /* over none */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_dose_says_to_the_nanosecond_when_it_will_be_full),
		TEST(a_dose_runs_down_to_half_of_every_row),
		TEST(a_dose_that_does_not_change_sets_no_timer),
		TEST(a_dose_is_never_more_than_full_nor_less_than_empty),
		TEST(a_dose_takes_nothing_back_for_a_sample_that_comes_late),
		TEST(a_dose_that_stood_before_a_restart_runs_down_from_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

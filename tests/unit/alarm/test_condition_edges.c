/* SPDX-License-Identifier: Apache-2.0 */
/* Each condition asked by itself: at, just below and just above every edge it has. */
#include "alarm/kinds.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct gw_condition_opts o;
static struct gw_condition_result result;
static void *memory; /* just as long as the kind asks for */
static bool condition_true, more;

static void begin(const struct gw_condition_kind *kind)
{
	size_t size;

	o.kind = kind;
	size = kind->memory ? kind->memory(&o) : 0;
	free(memory);
	memory = size ? calloc(1, size) : NULL;
	condition_true = false;
}

static int setup(void **unused)
{
	(void)unused;
	memset(&o, 0, sizeof o);
	return 0;
}

static int teardown(void **unused)
{
	(void)unused;
	free(memory);
	memory = NULL;
	return 0;
}

static bool evaluate(struct gw_condition_input in)
{
	result = (struct gw_condition_result){.condition_true = condition_true,
		.value = (double)NAN,
		.limit = (double)NAN,
		.due_ns = INT64_MAX,
		.eta_ms = -1};
	o.kind->evaluate(&o, memory, &in, &result);
	return condition_true = result.condition_true;
}

static bool feed(int64_t now_ns, double value)
{
	const struct gw_sample s = {
		.quality = GW_QUALITY_GOOD, .mono_ns = now_ns, .value = value};

	more = o.kind->absorb && o.kind->absorb(&o, memory, &s, now_ns);
	return evaluate((struct gw_condition_input){
		.sample = &s, .member = GW_NO_MEMBER, .now_ns = now_ns});
}

static bool tick(int64_t now_ns)
{
	return evaluate(
		(struct gw_condition_input){.member = GW_NO_MEMBER, .now_ns = now_ns});
}

/* Asked with a sample, but without taking it in. */
static bool tick_sample(int64_t now_ns, double value)
{
	return evaluate(
		(struct gw_condition_input){.sample = &(struct gw_sample){.value = value},
			.member = GW_NO_MEMBER,
			.now_ns = now_ns});
}

static bool vote(int64_t now_ns, uint32_t member, bool is)
{
	return evaluate((struct gw_condition_input){
		.member = member, .member_true = is, .now_ns = now_ns});
}

/* ---- what a configuration may say ---- */

static char complaint[256];

static void say(struct gw_report *report, const void *where, const char *text)
{
	(void)report, (void)where;
	snprintf(complaint, sizeof complaint, "%s", text);
}

/* The last complaint, "" for none. */
static const char *check(const struct gw_condition_kind *kind)
{
	struct gw_report report = {.add = say};

	complaint[0] = '\0';
	o.kind = kind;
	kind->check(&o, &report);
	assert_true(report.n <= 1);
	return complaint;
}

static bool good(const struct gw_condition_kind *kind)
{
	return check(kind)[0] == '\0';
}

static struct gw_table number(const double *cell)
{
	return (struct gw_table){1, 1, cell};
}

static void a_limit_refuses_what_lies_on_its_wrong_side(void **unused)
{
	(void)unused;
	o.limit = 50;
	assert_true(good(&gw_condition_above) && good(&gw_condition_below));
	o.clear = number((const double[]){50});
	assert_true(good(&gw_condition_above) && good(&gw_condition_below));
	o.clear = number((const double[]){50.1});
	assert_true(!good(&gw_condition_above) && good(&gw_condition_below));
	o.clear = number((const double[]){49.9});
	assert_true(good(&gw_condition_above) && !good(&gw_condition_below));
	o.clear = (struct gw_table){0};
	o.deadband = number((const double[]){0});
	assert_true(good(&gw_condition_above) && good(&gw_condition_below));
	o.deadband = number((const double[]){-0.1});
	assert_true(!good(&gw_condition_above) && !good(&gw_condition_below));
	o.deadband = number((const double[]){0.5});
	assert_true(good(&gw_condition_above) && good(&gw_condition_below));
	o.clear = number((const double[]){50});
	assert_string_equal(check(&gw_condition_above), "give clear or deadband, not both");
	assert_string_equal(check(&gw_condition_below), "give clear or deadband, not both");
}

static void a_band_is_two_numbers_in_order(void **unused)
{
	(void)unused;
	o.band = (struct gw_table){1, 2, (const double[]){40, 60}};
	assert_true(good(&gw_condition_outside));
	o.band = (struct gw_table){2, 2, (const double[]){40, 60, 40, 60}};
	assert_false(good(&gw_condition_outside));
	o.band = (struct gw_table){1, 3, (const double[]){40, 60, 80}};
	assert_false(good(&gw_condition_outside));
	o.band = (struct gw_table){1, 1, (const double[]){40}};
	assert_false(good(&gw_condition_outside));
	o.band = (struct gw_table){1, 2, (const double[]){60, 60}};
	assert_false(good(&gw_condition_outside));
	o.band = (struct gw_table){1, 2, (const double[]){40, 60}};
	for (int i = 0; i < 4; i++) {
		static const double deadband[] = {0, 10, -0.1, 10.1};

		o.deadband = number(&deadband[i]);
		assert_int_equal(good(&gw_condition_outside), i < 2);
	}
}

static void a_rate_is_greater_than_its_deadband(void **unused)
{
	(void)unused;
	o.limit = 0.5;
	assert_true(good(&gw_condition_rises) && good(&gw_condition_falls));
	o.deadband = number((const double[]){0});
	assert_true(good(&gw_condition_rises));
	o.deadband = number((const double[]){0.5});
	assert_true(good(&gw_condition_rises));
	o.deadband = number((const double[]){0.6});
	assert_false(good(&gw_condition_rises));
	o.deadband = number((const double[]){-0.1});
	assert_false(good(&gw_condition_rises));
	o.deadband = (struct gw_table){0};
	o.limit = 0;
	assert_false(good(&gw_condition_rises));
}

static void a_dose_is_rows_of_a_level_and_a_time(void **unused)
{
	double cells[17 * 2];

	(void)unused;
	for (size_t i = 0; i < 17; i++) {
		cells[2 * i] = (double)i;
		cells[2 * i + 1] = 1e9;
	}
	for (size_t columns = 1; columns <= 3; columns++) {
		o.rows = (struct gw_table){1, columns, cells};
		assert_int_equal(good(&gw_condition_dose), columns == 2);
	}
	o.rows = (struct gw_table){16, 2, cells};
	assert_true(good(&gw_condition_dose));
	o.rows = (struct gw_table){17, 2, cells};
	assert_false(good(&gw_condition_dose));
	cells[15 * 2 + 1] = 999999999;
	o.rows = (struct gw_table){16, 2, cells};
	assert_string_equal(check(&gw_condition_dose),
		"row 16: the time needs a unit and must be at least 1s");
	o.rows.rows = 15;
	assert_true(good(&gw_condition_dose));
}

static void a_dose_is_described_row_by_row(void **unused)
{
	const double cells[] = {50, 60e9, 100, 10e9};
	char buffer[64];
	struct gw_text t;

	(void)unused;
	o.rows = (struct gw_table){2, 2, cells};
	gw_text_init(&t, buffer, sizeof buffer);
	gw_condition_dose.describe(&o, &t);
	assert_string_equal(buffer, "dose 50 for 1min, 100 for 10s");
}

/* ---- limits ---- */

static void worse_is_farther_over_the_edge_and_never_the_same(void **unused)
{
	(void)unused;
	o.band = (struct gw_table){1, 2, (const double[]){40, 60}};
	assert_true(gw_condition_below.worse(&o, 1, 2));
	assert_false(gw_condition_below.worse(&o, 2, 2));
	assert_true(gw_condition_falls.worse(&o, 1, 2));
	assert_false(gw_condition_falls.worse(&o, 2, 2));
	assert_true(gw_condition_outside.worse(&o, 70, 31));
	assert_false(gw_condition_outside.worse(&o, 70, 30));
	assert_false(gw_condition_outside.worse(&o, 70, 29));
}

static void in_the_middle_of_a_band_both_ends_are_as_near(void **unused)
{
	(void)unused;
	o.band = (struct gw_table){1, 2, (const double[]){40, 60}};
	begin(&gw_condition_outside);
	assert_false(feed(1, 49.9));
	assert_true(result.limit == 40);
	assert_false(feed(2, 50));
	assert_true(result.limit == 60);
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

static void a_gap_as_long_as_the_window_is_none_yet(void **unused)
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

static void what_was_stuck_before_a_restart_is_so_until_it_moves(void **unused)
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
			.member = GW_NO_MEMBER, .now_ns = now_ns, .last_good_ns = 100});
		assert_int_equal(condition_true, now_ns >= 110);
		assert_int_equal(result.due_ns, condition_true ? INT64_MAX : 110);
	}
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
	assert_true(vote(2, 2, false)); /* "new" was not heard yet */
	assert_false(vote(3, 0, false));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_limit_refuses_what_lies_on_its_wrong_side),
		TEST(a_band_is_two_numbers_in_order),
		TEST(a_rate_is_greater_than_its_deadband),
		TEST(a_dose_is_rows_of_a_level_and_a_time),
		TEST(a_dose_is_described_row_by_row),
		TEST(worse_is_farther_over_the_edge_and_never_the_same),
		TEST(in_the_middle_of_a_band_both_ends_are_as_near),
		TEST(a_rate_needs_three_samples),
		TEST(the_median_of_three_is_the_middle_in_any_order),
		TEST(a_slice_counts_as_long_as_its_end_is_in_the_window),
		TEST(the_slices_reach_over_the_whole_window),
		TEST(only_what_is_too_old_is_forgotten_within_a_slice),
		TEST(a_gap_as_long_as_the_window_is_none_yet),
		TEST(a_rate_ends_under_its_deadband),
		TEST(a_dose_says_to_the_nanosecond_when_it_will_be_full),
		TEST(a_dose_runs_down_to_half_of_every_row),
		TEST(a_dose_that_does_not_change_sets_no_timer),
		TEST(a_dose_is_never_more_than_full_nor_less_than_empty),
		TEST(a_dose_takes_nothing_back_for_a_sample_that_comes_late),
		TEST(a_dose_that_stood_before_a_restart_runs_down_from_full),
		TEST(stuck_is_a_value_that_did_not_move_at_all),
		TEST(what_was_stuck_before_a_restart_is_so_until_it_moves),
		TEST(silent_counts_from_the_last_good_sample),
		TEST(a_vote_sets_a_timer_for_its_first_member_to_expire),
		TEST(a_vote_names_no_more_members_than_there_is_room_for),
		TEST(a_vote_keeps_what_it_knew_of_members_by_their_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What a configuration may say of a condition, and limits: at, just below and above each edge. */
#include "alarm/chatter_flood.h"
#include "condition_fixture.h"

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
	static const double band[] = {40, 60};

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
	o.band = (struct gw_table){1, 2, band};
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

static void the_middle_of_a_band_is_equally_far_from_both_ends(void **unused)
{
	(void)unused;
	o.band = (struct gw_table){1, 2, (const double[]){40, 60}};
	begin(&gw_condition_outside);
	assert_false(feed(1, 49.9));
	assert_true(result.limit == 40);
	assert_false(feed(2, 50));
	assert_true(result.limit == 60);
}

static void conditions_are_compared_by_their_rows(void **unused)
{
	static const double one[] = {1, 2}, copy[] = {1, 2}, two[] = {1, 3};
	static const struct {
		struct gw_condition_opts a, b;
		bool equal;
	} cases[] = {
		{{.kind = &gw_condition_above, .limit = 1},
			{.kind = &gw_condition_above, .limit = 1}, true},
		{{.kind = &gw_condition_above, .limit = 1},
			{.kind = &gw_condition_below, .limit = 1}, false},
		{{.kind = &gw_condition_above, .limit = 1},
			{.kind = &gw_condition_above, .limit = 2}, false},
		{{.kind = &gw_condition_above, .limit = 2},
			{.kind = &gw_condition_above, .limit = 1}, false},
		{{.kind = &gw_condition_above, .clear = {1, 1, one}},
			{.kind = &gw_condition_above}, false},
		{{.kind = &gw_condition_outside, .band = {1, 2, one}},
			{.kind = &gw_condition_outside, .band = {1, 2, copy}}, true},
		{{.kind = &gw_condition_outside, .band = {1, 2, one}},
			{.kind = &gw_condition_outside, .band = {1, 2, two}}, false},
		{{.kind = &gw_condition_dose, .rows = {1, 2, one}},
			{.kind = &gw_condition_dose, .rows = {2, 1, one}}, false},
		{{.kind = &gw_condition_is, .is = true}, {.kind = &gw_condition_is}, false},
		{{.kind = &gw_condition_reaches, .fit_ns = 1},
			{.kind = &gw_condition_reaches}, false},
		{{.kind = &gw_condition_stuck, .window_ns = 1},
			{.kind = &gw_condition_stuck, .window_ns = 2}, false},
		{{.kind = &gw_condition_at_least, .at_least = 1},
			{.kind = &gw_condition_at_least, .at_least = 2}, false},
		{{.kind = &gw_condition_unreadable, .polled = true},
			{.kind = &gw_condition_unreadable}, false},
		{{.kind = &gw_condition_unreadable, .never_current_ns = 1},
			{.kind = &gw_condition_unreadable}, false},
		{{.kind = &gw_condition_flood, .max_withheld_level = 1},
			{.kind = &gw_condition_flood}, false},
		{{.kind = &gw_condition_flood}, {.kind = &gw_condition_flood}, true},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (gw_condition_equal(&cases[i].a, &cases[i].b) != cases[i].equal)
			fail_msg("case %zu", i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conditions_are_compared_by_their_rows),
		TEST(a_limit_refuses_what_lies_on_its_wrong_side),
		TEST(a_band_is_two_numbers_in_order),
		TEST(a_rate_is_greater_than_its_deadband),
		TEST(a_dose_is_rows_of_a_level_and_a_time),
		TEST(a_dose_is_described_row_by_row),
		TEST(worse_is_farther_over_the_edge_and_never_the_same),
		TEST(the_middle_of_a_band_is_equally_far_from_both_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "replay/compare_runs.h"
#include "replay/csv.h"
#include "replay/progress.h"

#include "base/clock.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct gw_point_names names;
static struct gw_csv csv;
static struct gw_error err;
static struct gw_reading got;

static int setup(void **unused)
{
	(void)unused;
	csv = (struct gw_csv){0};
	return 0;
}

static int teardown(void **unused)
{
	(void)unused;
	gw_point_names_fini(&names);
	return 0;
}

static enum gw_err line_n(const char *text, size_t n, bool want_any)
{
	char *exact = malloc(n ? n : 1); /* a sanitizer sees the end */
	bool any = !want_any;
	enum gw_err rc;

	memcpy(exact, text, n);
	rc = gw_csv_line(&csv, &names, exact, n, &got, &any, &err);
	free(exact);
	if (rc == GW_OK)
		assert_int_equal(any, want_any);
	return rc;
}

static enum gw_err line(const char *text)
{
	return line_n(text, strlen(text), true);
}

static void head(const char *text)
{
	csv = (struct gw_csv){0};
	assert_int_equal(line_n(text, strlen(text), false), GW_OK);
}

static void a_line_is_a_reading(void **unused)
{
	(void)unused;
	head("time_ms,point,value,quality");
	assert_int_equal(line("1795220130123,boiler/gas-1/ch4,52.3,good"), GW_OK);
	assert_int_equal(got.time_ns, INT64_C(1795220130123) * GW_NS_PER_MS);
	assert_string_equal(names.at[got.name].text, "boiler/gas-1/ch4");
	assert_int_equal(got.quality, GW_QUALITY_GOOD);
	assert_true(got.value == 52.3);
	assert_int_equal(line("1795220130123,泵/一/压力,-0.5,uncertain"), GW_OK);
	assert_string_equal(names.at[got.name].text, "泵/一/压力");
	assert_int_equal(got.quality, GW_QUALITY_UNCERTAIN);
	assert_true(got.value == -0.5);
	assert_int_equal(line("1795220130124,boiler/gas-1/ch4,,bad-timeout"), GW_OK);
	assert_int_equal(got.quality, GW_QUALITY_BAD_TIMEOUT);
	assert_int_equal(got.name, 0);
	assert_int_equal(line("1795220130124,boiler/gas-1/ch4,7,silent"), GW_OK);
	assert_true(got.value == 0); /* of no use, so it is none */
	assert_int_equal(line("1795220130125,boiler/gas-1/ch4,true,"), GW_OK);
	assert_true(got.value == 1 && got.quality == GW_QUALITY_GOOD);
	assert_int_equal(line("1795220130125,boiler/gas-1/ch4,false"), GW_OK);
	assert_true(got.value == 0 && got.quality == GW_QUALITY_GOOD);
}

static void mark_and_line_ends_are_accepted(void **unused)
{
	(void)unused;
	head("\xef\xbb\xbftime_ms,point,value\r");
	assert_int_equal(line("-5,a/b/c,1\r"), GW_OK);
	assert_int_equal(got.time_ns, -5 * GW_NS_PER_MS);
	assert_int_equal(line("0,a/b/c,1e3\r"), GW_OK);
	assert_true(got.value == 1000);
}

/* What is common takes a short way, which must give what the long one gives. */
static void numbers_are_read_to_the_last_bit(void **unused)
{
	static const char *const texts[] = {"0", "-0", "1", "0.1", "-0.1", "123456.789",
		"99999999999999", "999999999999999", "0.00000000000001",
		"1.7976931348623157", "3.141592653589793", "20.30", "9007199254740993",
		"4.9e-324", "1e308", "0.000000000000001", "12345678901234.5",
		"123456789012345.6"};
	char text[64];

	(void)unused;
	head("time_ms,point,value");
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		double want = strtod(texts[i], NULL);

		snprintf(text, sizeof(text), "1,a/b/c,%s", texts[i]);
		assert_int_equal(line(text), GW_OK);
		assert_memory_equal(&got.value, &want, sizeof(want));
	}
	for (int i = 0; i < 20000; i++) {
		double want;

		snprintf(text, sizeof(text), "1,a/b/c,%.*f", i % 9,
			(i * 7919 % 200003) / 97.0);
		want = strtod(text + 8, NULL);
		assert_int_equal(line(text), GW_OK);
		assert_memory_equal(&got.value, &want, sizeof(want));
	}
}

static void refused(const char *text, unsigned column, const char *why)
{
	struct gw_csv before = csv;

	if (line(text) == GW_OK)
		fail_msg("%s was read", text);
	if (csv.column != column || !strstr(err.text, why))
		fail_msg("%s: %u: %s", text, csv.column, err.text);
	csv = before;
}

static void csv_errors_name_line_and_column(void **unused)
{
	(void)unused;
	head("time_ms,point,value,quality");
	assert_int_equal(line("100,a/b/c,1,good"), GW_OK);
	refused("99,a/b/c,1,good", 1, "time falls: 99 after 100");
	refused("", 1, "empty");
	refused("100", 1, "time_ms,point,value,quality");
	refused("100,a/b/c", 1, "time_ms,point,value,quality");
	refused(",a/b/c,1,", 1, "no time");
	refused("0100,a/b/c,1,", 1, "0100");
	refused("0x64,a/b/c,1,", 1, "milliseconds");
	refused("1e3,a/b/c,1,", 1, "1e3");
	refused(" 100,a/b/c,1,", 1, "100");
	refused("4000000000001,a/b/c,1,", 1, "4000000000001");
	refused("99999999999999999999,a/b/c,1,", 1, "9999");
	refused("100,,1,", 5, "no point");
	refused("100,a/b,1,", 5, "source/device/point");
	refused("100,a/b/c/d,1,", 5, "source/device/point");
	refused("100,a//c,1,", 5, "source/device/point");
	refused("100,/b/c,1,", 5, "source/device/point");
	refused("100,a/b/,1,", 5, "source/device/point");
	refused("100,\"a/b/c\",1,", 5, "quotes");
	refused("100,a/b c/d,1,", 5, "blanks");
	refused("100,a/b/\xff,1,", 5, "UTF-8");
	refused("100,a/b/c,,", 11, "no value");
	refused("100,a/b/c,,good", 11, "no value");
	refused("100,a/b/c,nan,", 11, "nan");
	refused("100,a/b/c,inf,", 11, "inf");
	refused("100,a/b/c,01,", 11, "01");
	refused("100,a/b/c,1.,", 11, "1.");
	refused("100,a/b/c,.5,", 11, ".5");
	refused("100,a/b/c,1 ,", 11, "1 ");
	refused("100,a/b/c,1e999,", 11, "1e999");
	refused("100,a/b/c,True,", 11, "True");
	refused("100,a/b/c,x,bad-timeout", 11, "x");
	refused("100,a/b/c,1,Good", 13, "Good");
	refused("100,a/b/c,1,bad", 13, "bad");
	refused("100,a/b/c,1,good,", 18, "too many");
	assert_int_equal(line_n("100,a/b/c,1\0,good", 17, true), GW_ERR_PROTOCOL);
	head("time_ms,point,value");
	refused("100,a/b/c,1,good", 13, "too many");
	csv = (struct gw_csv){0};
	refused("time,point,value", 1, "header");
	refused("time_ms,point,value,quality,note", 1, "header");
}

static void names_are_found_in_any_order(void **unused)
{
	char text[32];
	uint32_t seed = 1;

	(void)unused;
	for (uint32_t i = 0; i < 5000; i++) {
		snprintf(text, sizeof(text), "s/d%u/p", i);
		assert_int_equal(gw_point_names_find(&names, text, strlen(text)),
			GW_POINT_NAMES_NONE);
		assert_int_equal(gw_point_names_add(&names, text, strlen(text)), i);
	}
	for (uint32_t i = 0; i < 20000; i++) {
		uint32_t k = i < 10000 ? i % 5000
				       : (seed = seed * 1664525 + 1013904223) % 5000;

		snprintf(text, sizeof(text), "s/d%u/p", k);
		assert_int_equal(gw_point_names_find(&names, text, strlen(text)), k);
	}
	assert_int_equal(gw_point_names_find(&names, "s/d1/", 5), GW_POINT_NAMES_NONE);
}

/* ---- pairs ---- */

static struct gw_alarm_opts alarms[2] = {
	{.info = {.key = "a"}},
	{.info = {.key = "b"}},
};
static struct gw_config config = {.alarms = alarms, .n_alarms = 2};

static struct gw_raise raise_of(uint32_t alarm, int64_t from_ms, int64_t until_ms)
{
	return (struct gw_raise){.alarm = alarm, .from_ms = from_ms, .until_ms = until_ms};
}

static struct gw_comparison pairs_of(
	struct gw_raise *new, size_t n_now, struct gw_raise *old, size_t n_was)
{
	struct gw_replay_run a = {.config = &config, .raises = new, .n_raises = n_now};
	struct gw_replay_run b = {.config = &config, .raises = old, .n_raises = n_was};
	struct gw_comparison p;

	assert_int_equal(gw_compare_runs(&a, &b, &p, &err), GW_OK);
	return p;
}

static void raises_that_overlap_are_one_incident(void **unused)
{
	struct gw_raise new[] = {raise_of(0, 1000, 5000), raise_of(1, 1000, 2000),
		raise_of(0, 90000000, 90001000)};
	struct gw_raise old[] = {raise_of(0, 3000, 5000), raise_of(1, 500, 2000),
		raise_of(1, 80000000, 80001000)};
	struct gw_comparison p = pairs_of(new, 3, old, 3);

	(void)unused;
	assert_int_equal(p.n, 4);
	assert_int_equal(p.at[0].kind, GW_RAISE_EARLIER);
	assert_int_equal(p.at[0].shift_ms, 2000);
	assert_int_equal(p.at[1].kind, GW_RAISE_LATER);
	assert_int_equal(p.at[1].shift_ms, 500);
	assert_int_equal(p.at[2].kind, GW_RAISE_GONE);
	assert_ptr_equal(p.at[2].old, &old[2]);
	assert_int_equal(p.at[3].kind, GW_RAISE_ADDED);
	assert_ptr_equal(p.at[3].new, &new[2]);
	gw_comparison_free(&p);
}

/* One old raise that fell apart into three: the first goes on, the others are new. */
static void one_old_raise_pairs_with_one_new_raise(void **unused)
{
	struct gw_raise new[] = {
		raise_of(0, 1000, 2000), raise_of(0, 3000, 4000), raise_of(0, 5000, 6000)};
	struct gw_raise old[] = {raise_of(0, 1000, 6000)};
	struct gw_comparison p = pairs_of(new, 3, old, 1);

	(void)unused;
	assert_int_equal(p.n, 3);
	assert_int_equal(p.count[GW_RAISE_EQUAL], 1);
	assert_int_equal(p.count[GW_RAISE_ADDED], 2);
	assert_int_equal(p.at[0].kind, GW_RAISE_EQUAL);
	gw_comparison_free(&p);
}

static void near_ones_pair_only_when_nothing_overlaps(void **unused)
{
	struct gw_raise new[] = {raise_of(0, 1000, 2000), raise_of(0, 10000, 20000)};
	struct gw_raise old[] = {raise_of(0, 9000, 20000)};
	struct gw_comparison p = pairs_of(new, 2, old, 1);

	(void)unused;
	assert_int_equal(p.at[0].kind, GW_RAISE_ADDED);
	assert_int_equal(p.at[1].kind, GW_RAISE_LATER);
	gw_comparison_free(&p);
	p = pairs_of(new, 1, old, 1); /* 7 s apart */
	assert_int_equal(p.n, 1);
	assert_int_equal(p.at[0].kind, GW_RAISE_EARLIER);
	assert_int_equal(p.at[0].shift_ms, 8000);
	gw_comparison_free(&p);
	old[0] = raise_of(0, 2000 + GW_COMPARE_GAP_MS, 10000000);
	p = pairs_of(new, 1, old, 1);
	assert_int_equal(p.n, 1);
	gw_comparison_free(&p);
	old[0].from_ms++;
	p = pairs_of(new, 1, old, 1);
	assert_int_equal(p.n, 2);
	assert_int_equal(p.count[GW_RAISE_GONE], 1);
	gw_comparison_free(&p);
}

/* ---- progress ---- */

static void the_bar_waits_and_leaves_nothing(void **unused)
{
	struct gw_progress p;
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);
	int64_t s = GW_NS_PER_SEC;

	(void)unused;
	gw_progress_begin(&p, out, true, 10 * s);
	gw_progress_print(&p, 10, 100, 1, 10 * s + s / 2 - 1);
	fflush(out);
	assert_int_equal(n, 0);
	gw_progress_print(&p, 10, 100, 1, 10 * s + s / 2);
	fflush(out);
	assert_non_null(strstr(text, "[###---------------------------]  10%  4.5s left"));
	gw_progress_print(&p, 100, 100, 1, 11 * s);
	gw_progress_print(&p, 200, 100, 77, 12 * s);
	fflush(out);
	assert_non_null(strstr(text, "77 samples"));
	gw_progress_end(&p);
	fflush(out);
	assert_string_equal(text + n - 4, "\r\033[K");
	fclose(out);
	free(text);
	text = NULL;
	out = open_memstream(&text, &n);
	gw_progress_begin(&p, out, false, 10 * s);
	gw_progress_print(&p, 10, 100, 1, 20 * s);
	gw_progress_end(&p);
	fclose(out);
	assert_int_equal(n, 0);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_line_is_a_reading, setup, teardown),
		cmocka_unit_test_setup_teardown(
			mark_and_line_ends_are_accepted, setup, teardown),
		cmocka_unit_test_setup_teardown(
			numbers_are_read_to_the_last_bit, setup, teardown),
		cmocka_unit_test_setup_teardown(
			csv_errors_name_line_and_column, setup, teardown),
		cmocka_unit_test_setup_teardown(
			names_are_found_in_any_order, setup, teardown),
		cmocka_unit_test(raises_that_overlap_are_one_incident),
		cmocka_unit_test(one_old_raise_pairs_with_one_new_raise),
		cmocka_unit_test(near_ones_pair_only_when_nothing_overlaps),
		cmocka_unit_test(the_bar_waits_and_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

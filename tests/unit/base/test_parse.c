/* SPDX-License-Identifier: Apache-2.0 */
#include "base/parse.h"

#include "tests/unit/fixture/skipping.h"

#include <float.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct gw_error err;

/* What is accepted and to what; hint NULL: accepted, "": refused without a guess. */
struct row {
	const char *text;
	double value;
	const char *hint;
};

static void check_refusal(const struct row *row, enum gw_err rc)
{
	assert_int_equal(rc, GW_ERR_CONFIG);
	assert_int_equal(err.kind, GW_ERR_CONFIG);
	if (*row->hint && !strstr(err.text, row->hint))
		fail_msg("%s: no %s in: %s", row->text, row->hint, err.text);
	if (!*row->hint && strstr(err.text, "did you mean"))
		fail_msg("%s: a guess in: %s", row->text, err.text);
}

static void reads_numbers(void **state)
{
	static const struct row rows[] = {
		{"0", 0, NULL},
		{"-0", 0, NULL},
		{"57.5", 57.5, NULL},
		{"-0.10", -0.1, NULL},
		{"1e3", 1000, NULL},
		{"1.5E-3", 0.0015, NULL},
		{"1e+2", 100, NULL},
		{"1.7976931348623157e308", DBL_MAX, NULL},
		{"57,5", 0, "\"57,5\" is not a number (did you mean 57.5?)"},
		{"1,234.5", 0, "mean 1234.5?"},
		{"1_000", 0, "mean 1000?"},
		{"60abc", 0, "mean 60?"},
		{"52 %LEL", 0, "mean 52?"},
		{"010", 0, "mean 10?"},
		{"-007", 0, "mean -7?"},
		{"00", 0, "mean 0?"},
		{" 5", 0, "mean 5?"},
		{"5 ", 0, "mean 5?"},
		{"+5", 0, "mean 5?"},
		{".5", 0, "mean 0.5?"},
		{"-.5", 0, "mean -0.5?"},
		{"5.", 0, "mean 5?"},
		{"5.e3", 0, ""},
		{"0x10", 0, "mean 16?"},
		{"５７．５", 0, "mean 57.5?"},
		{"57，5", 0, "mean 57.5?"},
		{"−5", 0, "mean -5?"},
		{"1e999", 0, ""},
		{"-1e999", 0, ""},
		{"nan", 0, ""},
		{"NaN", 0, ""},
		{"-nan", 0, ""},
		{"inf", 0, ""},
		{"-Infinity", 0, ""},
		{"", 0, ""},
		{"-", 0, ""},
		{"e5", 0, ""},
		{"1.2.3", 0, ""},
		{"1:30", 0, ""},
		{"1-2", 0, ""},
		{"0x", 0, ""},
		{"fifty", 0, ""},
		{"٥٧", 0, ""},
		{"0x1p3", 0, ""},
	};
	enum gw_err rc;
	double v;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		v = 4711;
		rc = gw_parse_double(rows[i].text, &v, &err);
		if (rows[i].hint) {
			check_refusal(&rows[i], rc);
			assert_true(v == 4711);
		} else {
			assert_int_equal(rc, GW_OK);
			assert_true(v == rows[i].value);
		}
	}
	assert_int_equal(gw_parse_double("x", &v, NULL), GW_ERR_CONFIG);
}

static void numbers_ignore_the_locale(void **state)
{
	double v;

	(void)state;
	if (!setlocale(LC_ALL, "de_DE.UTF-8"))
		skip_test("no locale de_DE.UTF-8");
	assert_int_equal(gw_parse_double("57.5", &v, &err), GW_OK);
	assert_true(v == 57.5);
	setlocale(LC_ALL, "C");
}

static void reads_whole_numbers(void **state)
{
	static const struct row rows[] = {
		{"0", 0, NULL},
		{"247", 247, NULL},
		{"-100", -100, NULL},
		{"0x07D0", 2000, NULL},
		{"0xf", 15, NULL},
		{"65535", 65535, NULL},
		{"65536", 0, ""},
		{"-101", 0, ""},
		{"99999999999999999999999", 0, ""},
		{"0x1ffffffffffffffff", 0, ""},
		{"010", 0, "mean 10?"},
		{"5.5", 0, ""},
		{"5.0", 0, ""},
		{"1e3", 0, ""},
		{" 5", 0, "mean 5?"},
		{"+5", 0, "mean 5?"},
		{"60abc", 0, "mean 60?"},
		{"１２", 0, "mean 12?"},
		{"0X10", 0, "mean 16?"},
		{"-0x10", 0, "mean -16?"},
		{"0x", 0, ""},
		{"0xg", 0, ""},
		{"", 0, ""},
		{"-", 0, ""},
	};
	enum gw_err rc;
	int64_t v;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		v = 4711;
		rc = gw_parse_int(rows[i].text, -100, 65535, &v, &err);
		if (rows[i].hint) {
			check_refusal(&rows[i], rc);
			assert_int_equal(v, 4711);
		} else {
			assert_int_equal(rc, GW_OK);
			assert_int_equal(v, (int64_t)rows[i].value);
		}
	}
	gw_parse_int("300", 0, 255, &v, &err);
	assert_string_equal(err.text, "\"300\" is out of range (0 to 255)");
	assert_int_equal(
		gw_parse_int("-9223372036854775808", INT64_MIN, INT64_MAX, &v, &err),
		GW_OK);
	assert_true(v == INT64_MIN);
	assert_int_equal(
		gw_parse_int("9223372036854775808", INT64_MIN, INT64_MAX, &v, &err),
		GW_ERR_CONFIG);
}

static void reads_booleans(void **state)
{
	static const struct row rows[] = {
		{"true", 1, NULL},
		{"false", 0, NULL},
		{"True", 0, "mean true?"},
		{"yes", 0, "mean true?"},
		{"on", 0, "mean true?"},
		{"1", 0, "mean true?"},
		{"FALSE", 0, "mean false?"},
		{"no", 0, "mean false?"},
		{"Off", 0, "mean false?"},
		{"ture", 0, "mean true?"},
		{"flase", 0, "mean false?"},
		{"maybe", 0, ""},
		{"", 0, ""},
		{"true ", 0, "mean true?"},
	};
	enum gw_err rc;
	bool v;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		v = i % 2;
		rc = gw_parse_bool(rows[i].text, &v, &err);
		if (rows[i].hint) {
			check_refusal(&rows[i], rc);
			assert_int_equal(v, i % 2);
		} else {
			assert_int_equal(rc, GW_OK);
			assert_int_equal(v, (int)rows[i].value);
		}
	}
}

static void reads_durations(void **state)
{
	static const struct row rows[] = {
		{"300ms", 3e8, NULL},
		{"10s", 1e10, NULL},
		{"5min", 3e11, NULL},
		{"1h", 3.6e12, NULL},
		{"7d", 6.048e14, NULL},
		{"1.5h", 5.4e12, NULL},
		{"0s", 0, NULL},
		{"0.1s", 1e8, NULL},
		{"0.000001ms", 1, NULL},
		{"0.3333333333333333333333333333333333333333333s", 333333333, NULL},
		{"53375d", 4.6116e18, NULL},
		{"53376d", 0, ""},
		{"999999999999999999999s", 0, ""},
		{"90", 0, "mean 90s?"},
		{"1.5", 0, "mean 1.5s?"},
		{"0", 0, "mean 0s?"},
		{"5m", 0, "mean 5min?"},
		{"10 s", 0, "mean 10s?"},
		{" 10s", 0, "mean 10s?"},
		{"10s ", 0, "mean 10s?"},
		{"1,5h", 0, "mean 1.5h?"},
		{"5 minutes", 0, "mean 5min?"},
		{"2hours", 0, "mean 2h?"},
		{"10S", 0, "mean 10s?"},
		{"3days", 0, "mean 3d?"},
		{"5分钟", 0, "mean 5min?"},
		{"10秒", 0, "mean 10s?"},
		{"1h30min", 0, "mean 90min?"},
		{"1min30s", 0, "mean 90s?"},
		{"010s", 0, "mean 10s?"},
		{"+5s", 0, "mean 5s?"},
		{"１０s", 0, "mean 10s?"},
		{"-5s", 0, ""},
		{"-0s", 0, ""},
		{"1e3s", 0, ""},
		{"s", 0, ""},
		{"", 0, ""},
		{"10 parsecs", 0, ""},
		{"nan", 0, ""},
		{"infs", 0, ""},
		{"forever", 0, ""},
	};
	enum gw_err rc;
	int64_t ns;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ns = 4711;
		rc = gw_parse_duration(rows[i].text, &ns, &err);
		if (rows[i].hint) {
			check_refusal(&rows[i], rc);
			assert_int_equal(ns, 4711);
		} else {
			if (rc != GW_OK)
				fail_msg("%s", err.text);
			assert_int_equal(ns, (int64_t)rows[i].value);
		}
	}
}

static void complaints_are_short_and_one_line(void **state)
{
	char text[4096];
	double v;
	int64_t n;
	bool b;

	(void)state;
	memset(text, '7', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(gw_parse_double(text, &v, &err), GW_ERR_CONFIG); /* overflows */
	assert_int_equal(gw_parse_int(text, 0, 10, &n, &err), GW_ERR_CONFIG);
	assert_int_equal(gw_parse_duration(text, &n, &err), GW_ERR_CONFIG);
	assert_int_equal(gw_parse_bool(text, &b, &err), GW_ERR_CONFIG);
	text[100] = 'x';
	assert_int_equal(gw_parse_double(text, &v, &err), GW_ERR_CONFIG);
	assert_non_null(strstr(err.text, "7...\" is not a number"));
	assert_null(strstr(err.text, "mean"));
	gw_parse_double("5\n6", &v, &err);
	assert_null(strchr(err.text, '\n'));
}

static void the_distance_of_two_words_is_measured(void **state)
{
	char a[200], b[200];

	(void)state;
	assert_int_equal(gw_parse_distance("", ""), 0);
	assert_int_equal(gw_parse_distance("above", "above"), 0);
	assert_int_equal(gw_parse_distance("", "abc"), 3);
	assert_int_equal(gw_parse_distance("abc", ""), 3);
	assert_int_equal(gw_parse_distance("abvoe", "above"), 1); /* neighbours swapped */
	assert_int_equal(gw_parse_distance("abov", "above"), 1);
	assert_int_equal(gw_parse_distance("kitten", "sitting"), 3);
	assert_int_equal(
		gw_parse_distance("ca", "abc"), 3); /* 2 without the alignment rule */
	memset(a, 'a', sizeof(a));
	memset(b, 'a', sizeof(b));
	a[199] = b[199] = '\0';
	b[70] = 'b'; /* past what is compared */
	assert_int_equal(gw_parse_distance(a, b), 0);
	b[63] = 'b';
	assert_int_equal(gw_parse_distance(a, b), 1);
}

static void utf8_is_checked(void **state)
{
	(void)state;
	assert_true(gw_parse_utf8("", 0));
	assert_true(gw_parse_utf8("走廊 3F 🔥", strlen("走廊 3F 🔥")));
	assert_false(gw_parse_utf8("a\0b", 3));
	assert_false(gw_parse_utf8("走廊", 5));
	assert_false(gw_parse_utf8("\xc0\xaf", 2));
	assert_false(gw_parse_utf8("\xed\xa0\x80", 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_numbers),
		cmocka_unit_test(numbers_ignore_the_locale),
		cmocka_unit_test(reads_whole_numbers),
		cmocka_unit_test(reads_booleans),
		cmocka_unit_test(reads_durations),
		cmocka_unit_test(complaints_are_short_and_one_line),
		cmocka_unit_test(the_distance_of_two_words_is_measured),
		cmocka_unit_test(utf8_is_checked),
	};

	return with_skipped(cmocka_run_group_tests(tests, NULL, NULL));
}

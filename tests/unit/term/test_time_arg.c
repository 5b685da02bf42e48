/* SPDX-License-Identifier: Apache-2.0 */
/* Times on the command line and in tables. */
#include "term/time_arg.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static int setup(void **state)
{
	(void)state;
	setenv("TZ", "Asia/Shanghai", 1);
	tzset();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return 0;
}

static void times_are_parsed(void **state)
{
	static const int64_t now_ms = INT64_C(1795220130123);
	static const struct {
		const char *text;
		int64_t ms;
	} good[] = {
		{"2h", INT64_C(1795220130123) - 7200000},
		{"1.5h", INT64_C(1795220130123) - 5400000},
		{"2026-11-21T08:15:30.123+08:00", INT64_C(1795220130123)},
		{"2026-11-21T00:15:30.1239Z", INT64_C(1795220130123)},
		{"2026-11-21 08:15:30", INT64_C(1795220130000)},
		{"2026-11-21 08:15", INT64_C(1795220100000)},
		{"2026-11-21", INT64_C(1795190400000)},
		{"2026-11-20T19:15:30-05:00", INT64_C(1795220130000)},
		{"50000d", 1},
	};
	static const char *const bad[] = {"", "2", "now", "2026-11-31", "2026-13-01",
		"2026-11-21T25:00:00Z", "2026-11-21T08:15:30+08", "2026-11-21T08:15:30Zx",
		"2026-11-21T", "26-11-21", "-2h", "2026-11-21T08:15:30.Z"};
	struct gw_error err;
	int64_t ms;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(gw_time_arg_parse(good[i].text, now_ms, &ms, &err), GW_OK);
		assert_true(ms == good[i].ms);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ms = 7;
		assert_int_not_equal(gw_time_arg_parse(bad[i], now_ms, &ms, &err), GW_OK);
		assert_true(ms == 7);
	}
}

static void ages_have_two_units_at_most(void **state)
{
	static const struct {
		int64_t ms;
		const char *text;
	} rows[] = {{0, "0ms"}, {999, "999ms"}, {1049, "1.0s"}, {9999, "9.9s"},
		{59999, "59s"}, {60000, "1min"}, {3599999, "59min"}, {3600000, "1h0min"},
		{90000000, "1d1h"}};
	char memory[32];
	struct gw_text t;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		gw_text_init(&t, memory, sizeof(memory));
		gw_time_arg_add_age(&t, rows[i].ms);
		assert_string_equal(memory, rows[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(times_are_parsed, setup, teardown),
		cmocka_unit_test_setup_teardown(
			ages_have_two_units_at_most, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

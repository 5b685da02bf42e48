/* SPDX-License-Identifier: Apache-2.0 */
/* The width of texts on a terminal. */
#include "term/width.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void width_counts_columns(void **state)
{
	static const struct {
		const char *text;
		size_t width;
	} rows[] = {
		{"", 0}, {"gas-1", 5}, {"锅炉房", 6}, {"A/-1/锅炉房", 11}, {"°C", 2},
		{"e\xcc\x81", 1},             /* e and a combining acute accent */
		{"ﾊﾝｶｸ", 4},                  /* half-width */
		{"ＦＵＬＬ", 8},              /* full-width */
		{"𠮷", 2},                    /* beyond the BMP */
		{"한글", 4}, {"\xff\xfe", 2}, /* shown as ?? */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(gw_width(rows[i].text), rows[i].width);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(width_counts_columns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The list of all tables of setting rows. */
#include "conf/setting_groups.h"
#include "load_fixture.h"

static void every_row_has_its_help_and_what_its_type_needs(void **state)
{
	size_t n;
	const struct gw_setting_group *g = gw_config_setting_groups(&n);

	(void)state;
	assert_true(n > 20);
	for (size_t i = 0; i < n; i++) {
		for (const struct gw_setting *r = g[i].rows; r->key; r++) {
			assert_non_null(r->help);
			if (r->type == GW_SET_CUSTOM)
				assert_non_null(r->parse);
			if (r->type == GW_SET_CHOICE)
				assert_non_null(r->choices);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_has_its_help_and_what_its_type_needs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

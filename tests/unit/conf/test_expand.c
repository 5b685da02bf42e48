/* SPDX-License-Identifier: Apache-2.0 */
/* Which points, devices, sources and uplinks a pattern under on means. */
#include "load_fixture.h"

static void a_pattern_that_matches_nothing_is_refused_with_the_nearest_one(void **state)
{
	static const struct refused files[] = {
		{ALARM "- {name: a, on: plant/haet/t, when: {above: 1}}\n",
			"t.yaml:10:17: alarms[0].on: \"plant/haet/t\" matches no point (did you mean plant/heat/t?)\n"},
		{ALARM "- {name: a, on: \"plant/*/x\", when: {above: 1}}\n"
		       "- {name: silent, on: plant/heap}\n"
		       "- {name: down, on: plan}\n"
		       "- {name: parked, on: plant}\n",
			"t.yaml:10:17: alarms[0].on: \"plant/*/x\" matches no point\n"
			"t.yaml:11:22: alarms[1].on: \"plant/heap\" matches no device (did you mean plant/heat?)\n"
			"t.yaml:12:20: alarms[2].on: \"plan\" matches no source or uplink with such a fault (did you mean plant?)\n"
			"t.yaml:13:22: alarms[3].on: \"plant\" matches no source or uplink with such a fault\n"},
	};

	(void)state;
	ASSERT_REFUSED(files);
}

static void a_pattern_names_a_point_where_the_condition_needs_one(void **state)
{
	static const struct refused files[] = {
		{ALARM "- {name: a, on: plant//t, when: {above: 1}}\n"
		       "- {name: a, on: plant/heat/t/x, when: {above: 1}}\n"
		       "- {name: a, on: \"plant/heat/t:a\", when: {above: 1}}\n"
		       "- {name: a, on: plant/heat, when: {above: 1}}\n",
			"t.yaml:10:17: alarms[0].on: \"plant//t\" is not a pattern such as source/device/point\n"
			"t.yaml:11:17: alarms[1].on: \"plant/heat/t/x\" is not a pattern such as source/device/point\n"
			"t.yaml:12:17: alarms[2].on: \"plant/heat/t:a\" is not a pattern such as source/device/point\n"
			"t.yaml:13:17: alarms[3].on: \"plant/heat\" names a device, but above needs a point: source/device/point\n"},
	};

	(void)state;
	ASSERT_REFUSED(files);
}

static void a_limit_needs_a_number(void **state)
{
	static const struct refused files[] = {
		{ALARM "- {name: a, on: plant/heat/b, when: {above: 1}}\n"
		       "- {name: b, on: \"plant/*/b\", when: {above: 1}}\n",
			"t.yaml:10:17: alarms[0].on: above needs a number, but this point is true or false\n"
			"t.yaml:11:17: alarms[1].on: \"plant/*/b\" matches no point\n"},
	};

	(void)state;
	ASSERT_REFUSED(files);
}

static void two_alarms_of_one_name_on_one_point_are_refused(void **state)
{
	static const struct refused files[] = {
		{ALARM "- {name: a, on: plant/heat/t, when: {above: 1}}\n"
		       "- {name: a, on: \"plant/*/t\", when: {above: 2}}\n",
			"t.yaml:11:10: alarms[1].name: an alarm on the same with this name stands on line 10 already: plant/heat/t:a\n"},
	};

	(void)state;
	ASSERT_REFUSED(files);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_pattern_that_matches_nothing_is_refused_with_the_nearest_one),
		cmocka_unit_test(a_pattern_names_a_point_where_the_condition_needs_one),
		cmocka_unit_test(a_limit_needs_a_number),
		cmocka_unit_test(two_alarms_of_one_name_on_one_point_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

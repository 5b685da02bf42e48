/* SPDX-License-Identifier: Apache-2.0 */
/* One entry under alarms: its keys and its one condition. */
#include "load_fixture.h"

static void an_alarm_needs_a_name_a_point_and_a_condition(void **state)
{
	static const struct refused files[] = {
		{ALARM "- {on: plant/heat/t, when: {above: 1}}\n",
			"t.yaml:10:3: alarms[0].name: this key is missing\n"},
		{ALARM "- {name: a, when: {above: 1}}\n- {name: b, on: plant/heat/t}\n- {name: c}\n",
			"t.yaml:10:3: alarms[0].on: this key is missing\n"
			"t.yaml:11:3: alarms[1].when: this key is missing\n"
			"t.yaml:12:3: alarms[2].on: this key is missing\n"},
	};

	(void)state;
	ASSERT_REFUSED(files);
}

static void an_alarm_has_one_known_condition(void **state)
{
	static const struct refused files[] = {
		{ALARM "- {name: a, on: plant/heat/t, when: {abvoe: 1}}\n"
		       "- {name: b, on: plant/heat/t, when: {clear: 1}}\n"
		       "- {name: c, on: plant/heat/t, when: {}}\n"
		       "- {name: d, on: plant/heat/t, when: {above: 1, below: 2}}\n"
		       "- {name: e, on: plant/heat/t, when: {above: 1, claer: 2}}\n"
		       "- {name: f, on: plant/heat/t, when: above}\n"
		       "- {name: g, on: plant/heat/t, when: }\n"
		       "- {name: h, on: plant/heat/t, when: {above: 1, clear: 2}}\n"
		       "- {name: i, on: plant/heat/t, when: {rises: 1}}\n",
			"t.yaml:10:38: alarms[0].when.abvoe: unknown condition (did you mean above?)\n"
			"t.yaml:11:37: alarms[1].when: no condition stands here: give one of above, below, outside, is, rises, falls, reaches, dose, stuck, silent, unreadable, at_least\n"
			"t.yaml:12:37: alarms[2].when: no condition stands here: give one of above, below, outside, is, rises, falls, reaches, dose, stuck, silent, unreadable, at_least\n"
			"t.yaml:13:48: alarms[3].when.below: one condition only: above stands on line 13 already\n"
			"t.yaml:14:48: alarms[4].when.claer: unknown key (did you mean clear?)\n"
			"t.yaml:15:37: alarms[5].when: keys with values are wanted here, such as name: x\n"
			"t.yaml:16:37: alarms[6].when: has no value\n"
			"t.yaml:17:55: alarms[7].when.clear: 2 is over the limit: at most 1\n"
			"t.yaml:18:37: alarms[8].when.per: this key is missing\n"},
	};

	(void)state;
	ASSERT_REFUSED(files);
}

static void an_implicit_fault_keeps_its_condition(void **state)
{
	static const struct refused files[] = {
		{ALARM "- {name: down, on: plant, when: {is: true}}\n",
			"t.yaml:10:27: alarms[0].when: the fault \"down\" has its condition already: leave when out\n"},
	};

	(void)state;
	ASSERT_REFUSED(files);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_alarm_needs_a_name_a_point_and_a_condition),
		cmocka_unit_test(an_alarm_has_one_known_condition),
		cmocka_unit_test(an_implicit_fault_keeps_its_condition),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

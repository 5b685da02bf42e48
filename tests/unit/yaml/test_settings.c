/* SPDX-License-Identifier: Apache-2.0 */
/* Keys: unknown ones, missing ones, and the kind of value that stands there. */
#include "load_fixture.h"

static void an_unknown_key_is_refused_with_the_nearest_one(void **state)
{
	static const struct refused files[] = {
		{"gateway: {id: box}\nsource: []\n",
			"t.yaml:2:1: source: unknown key (did you mean sources?)\n"},
		{"gateway:\n  id: box\n  stat_dir: /x\n  alert: /y\n",
			"t.yaml:3:3: gateway.stat_dir: unknown key (did you mean state_dir?)\n"
			"t.yaml:4:3: gateway.alert: unknown key\n"},
	};

	(void)state;
	ASSERT_REFUSED(files);
}

static void a_missing_key_is_named(void **state)
{
	static const struct refused files[] = {
		{"sources: []\n", "t.yaml:1:1: gateway: this key is missing\n"},
		{"gateway:\n", "t.yaml:1:9: gateway.id: this key is missing\n"},
		{"gateway: {unit: x}\n", "t.yaml:1:10: gateway.id: this key is missing\n"},
	};

	(void)state;
	ASSERT_REFUSED(files);
}

static void a_map_or_a_list_is_wanted(void **state)
{
	static const struct refused files[] = {
		{"gateway: [id, box]\n",
			"t.yaml:1:10: gateway: keys with values are wanted here, such as name: x\n"},
		{"gateway: {id: box}\nsources: {name: x}\n",
			"t.yaml:2:10: sources: a list is wanted here: each item begins with \"- \"\n"},
		{"gateway: {id: box}\nsources: [plant]\n",
			"t.yaml:2:11: sources[0]: keys with values are wanted here, such as name: x\n"},
	};

	(void)state;
	ASSERT_REFUSED(files);
}

static void a_decimal_comma_in_a_map_gets_a_hint(void **state)
{
	static const struct refused files[] = {
		{ALARM "- {name: a, on: plant/heat/t, when: {above: 57,5}}\n",
			"t.yaml:10:48: alarms[0].when.5: unknown key (did you mean above: 57.5?)\n"},
	};

	(void)state;
	ASSERT_REFUSED(files);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_unknown_key_is_refused_with_the_nearest_one),
		cmocka_unit_test(a_missing_key_is_named),
		cmocka_unit_test(a_map_or_a_list_is_wanted),
		cmocka_unit_test(a_decimal_comma_in_a_map_gets_a_hint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

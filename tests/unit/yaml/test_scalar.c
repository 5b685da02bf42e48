/* SPDX-License-Identifier: Apache-2.0 */
/* Single values: names, texts, numbers, durations, choices. */
#include "load_fixture.h"

static void a_key_has_a_single_value(void **state)
{
	static const struct refused files[] = {
		{"gateway: {id: }\n", "t.yaml:1:15: gateway.id: has no value\n"},
		{"gateway: {id: ~}\n", "t.yaml:1:15: gateway.id: has no value\n"},
		{"gateway: {id: [a]}\n",
			"t.yaml:1:15: gateway.id: a single value is wanted here, not a list\n"},
	};

	(void)state;
	ASSERT_REFUSED(files);
}

static void a_name_is_short_and_has_no_spaces(void **state)
{
	static const struct refused files[] = {
		{"gateway: {id: \"a box\"}\n",
			"t.yaml:1:15: gateway.id: \"a box\" is not a name: letters, digits, _ . and - only, no spaces\n"},
		{"gateway: {id: a/b}\n",
			"t.yaml:1:15: gateway.id: \"a/b\" is not a name: letters, digits, _ . and - only, no spaces\n"},
		{"gateway: {id: 锅炉　房}\n",
			"t.yaml:1:15: gateway.id: \"锅炉　房\" is not a name: letters, digits, _ . and - only, no spaces\n"},
		{"gateway: {id: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}\n",
			"t.yaml:1:15: gateway.id: 64 bytes are too many (at most 63)\n"},
	};

	(void)state;
	ASSERT_REFUSED(files);
}

static void text_has_no_control_characters(void **state)
{
	static const struct refused files[] = {
		{"gateway: {id: box, unit: \"a\\tb\"}\n",
			"t.yaml:1:26: gateway.unit: control characters and line breaks are not allowed here\n"},
	};

	(void)state;
	ASSERT_REFUSED(files);
}

static void a_whole_number_is_in_its_range_and_not_in_quotes(void **state)
{
	static const struct refused files[] = {
		{"gateway: {id: box, store_max_mb: 0x}\n",
			"t.yaml:1:34: gateway.store_max_mb: \"0x\" is not a whole number\n"},
		{"gateway: {id: box, store_max_mb: 0}\n",
			"t.yaml:1:34: gateway.store_max_mb: \"0\" is out of range (1 to 65536)\n"},
		{"gateway: {id: box, store_max_mb: \"64\"}\n",
			"t.yaml:1:34: gateway.store_max_mb: \"64\" in quotes is text, not a value (did you mean 64?)\n"},
	};

	(void)state;
	ASSERT_REFUSED(files);
}

static void a_duration_has_a_unit_and_is_in_its_range(void **state)
{
	static const struct refused files[] = {
		{ALARM "- {name: a, on: plant/heat/t, when: {above: 50}, on_delay: 10}\n",
			"t.yaml:10:60: alarms[0].on_delay: \"10\" is not a duration such as 300ms, 10s, 5min, 1h or 7d (did you mean 10s?)\n"},
		{ALARM "- {name: a, on: plant/heat/t, when: {above: 50}, on_delay: 8d}\n",
			"t.yaml:10:60: alarms[0].on_delay: 8d is out of range (0s to 7d)\n"},
	};

	(void)state;
	ASSERT_REFUSED(files);
}

static void a_truth_value_is_true_or_false(void **state)
{
	static const struct refused files[] = {
		{ALARM "- {name: a, on: plant/heat/t, when: {above: 50}, latch: yes}\n",
			"t.yaml:10:57: alarms[0].latch: \"yes\" is not true or false (did you mean true?)\n"},
	};

	(void)state;
	ASSERT_REFUSED(files);
}

static void a_choice_is_one_of_its_words(void **state)
{
	static const struct refused files[] = {
		{ALARM "- {name: a, on: plant/heat/t, when: {above: 50}, level: oragne}\n",
			"t.yaml:10:57: alarms[0].level: \"oragne\" is not one of blue, yellow, orange, red (did you mean orange?)\n"},
	};

	(void)state;
	ASSERT_REFUSED(files);
}

static void a_number_is_decimal_with_a_point(void **state)
{
	static const struct refused files[] = {
		{ALARM "- name: a\n  on: plant/heat/t\n  when:\n    above: 57,5\n",
			"t.yaml:13:12: alarms[0].when.above: \"57,5\" is not a number (did you mean 57.5?)\n"},
		{ALARM "- {name: a, on: plant/heat/t, when: {above: \"57,5\", clear: 45}}\n",
			"t.yaml:10:45: alarms[0].when.above: \"57,5\" is not a number (did you mean 57.5?)\n"},
		{ALARM "- {name: a, on: plant/heat/t, when: {above: nan}}\n",
			"t.yaml:10:45: alarms[0].when.above: \"nan\" is not a number\n"},
		{ALARM "- {name: a, on: plant/heat/t, when: {above: 010}}\n",
			"t.yaml:10:45: alarms[0].when.above: \"010\" is not a number (did you mean 10?)\n"},
		{ALARM "- {name: a, on: plant/heat/t, when: {above: 60abc}}\n",
			"t.yaml:10:45: alarms[0].when.above: \"60abc\" is not a number (did you mean 60?)\n"},
	};

	(void)state;
	ASSERT_REFUSED(files);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_has_a_single_value),
		cmocka_unit_test(a_name_is_short_and_has_no_spaces),
		cmocka_unit_test(text_has_no_control_characters),
		cmocka_unit_test(a_whole_number_is_in_its_range_and_not_in_quotes),
		cmocka_unit_test(a_duration_has_a_unit_and_is_in_its_range),
		cmocka_unit_test(a_truth_value_is_true_or_false),
		cmocka_unit_test(a_choice_is_one_of_its_words),
		cmocka_unit_test(a_number_is_decimal_with_a_point),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

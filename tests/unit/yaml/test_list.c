/* SPDX-License-Identifier: Apache-2.0 */
/* Values of several parts: rows of numbers, codes, maps of pairs. */
#include "load_fixture.h"

static void rows_of_numbers_have_their_columns(void **state)
{
	static const struct refused files[] = {
		{ALARM "- {name: a, on: plant/heat/t, when: {outside: [1, x, 3]}}\n",
			"t.yaml:10:47: alarms[0].when.outside: 3 numbers are too many (at most 2)\n"},
		{ALARM "- {name: a, on: plant/heat/t, when: {outside: [1, x]}}\n",
			"t.yaml:10:51: alarms[0].when.outside[1]: \"x\" is not a number\n"},
		{ALARM "- {name: a, on: plant/heat/t, when: {above: 5, clear: [4]}}\n",
			"t.yaml:10:55: alarms[0].when.clear: one number is wanted here, not a list\n"},
		{ALARM "- {name: a, on: plant/heat/t, when: {dose: [[50, 60min], [100]]}}\n",
			"t.yaml:10:58: alarms[0].when.dose[1]: every row needs 2 numbers, as the first has\n"},
	};

	(void)state;
	ASSERT_REFUSED(files);
}

static void limits_of_a_condition_are_in_order(void **state)
{
	static const struct refused files[] = {
		{ALARM "- {name: a, on: plant/heat/t, when: {below: 50, clear: 45}}\n",
			"t.yaml:10:56: alarms[0].when.clear: 45 is under the limit: at least 50\n"},
		{ALARM "- {name: a, on: plant/heat/t, when: {outside: [9, 1]}}\n",
			"t.yaml:10:47: alarms[0].when.outside: the first number of outside must be the smaller\n"},
	};

	(void)state;
	ASSERT_REFUSED(files);
}

/* What a device sends instead of a value. */
static void invalid_values_are_numbers_or_raw_codes(void **state)
{
	struct gw_config *c = load_valid(SITE
		"      - name: gas\n        unit: 3\n        points:\n"
		"        - {name: t, register: \"input:1\", valid: [-1, 9], range: [0, 9],\n"
		"           invalid: [85, -127.5, raw:0x7FFF, \"raw:0xFFFFFFFFFFFFFFFF\", raw:-1]}\n"
		"        - {name: u, register: \"input:2\", invalid: raw:7}\n");
	const struct gw_point_opts *p = c->sources[0].devices[2].points;

	(void)state;
	assert_int_equal(p[0].invalid.n, 5);
	assert_float_equal(p[0].invalid.at[0].value, 85, 0);
	assert_float_equal(p[0].invalid.at[1].value, -127.5, 0);
	assert_false(p[0].invalid.at[1].is_raw);
	assert_true(p[0].invalid.at[2].is_raw);
	assert_int_equal(p[0].invalid.at[2].raw, 0x7fff);
	assert_true(p[0].invalid.at[3].raw == UINT64_MAX);
	assert_true(p[0].invalid.at[4].raw == UINT64_MAX);
	assert_float_equal(p[0].valid.cells[0], -1, 0);
	assert_int_equal(p[1].invalid.n, 1);
	assert_int_equal(p[1].invalid.at[0].raw, 7);
	gw_config_free(c);
}

static void a_map_of_pairs_has_single_values_and_each_key_once(void **state)
{
	static const struct refused files[] = {
		{"gateway: {id: box}\nuplinks:\n"
		 "- {name: a, url: \"https://x\", accept: all}\n"
		 "- {name: b, url: \"https://x\", accept: [/a]}\n"
		 "- {name: c, url: \"https://x\", accept: {}}\n"
		 "- {name: d, url: \"https://x\", accept: {/a: [1], /b: {}}}\n"
		 "- {name: e, url: \"https://x\", accept: {/a: 1, /b: 2, /c: 3}}\n"
		 "- {name: f, url: \"https://x\", accept: {/a: }}\n"
		 "- {name: g, url: \"https://x\", accept: {/a: 1, /a: 2}}\n",
			"t.yaml:3:39: uplinks[0].accept: a map is wanted here, such as {a: 1}, or any\n"
			"t.yaml:4:39: uplinks[1].accept: a map is wanted here, such as {a: 1}, or any\n"
			"t.yaml:5:39: uplinks[2].accept: a map is wanted here, such as {a: 1}, or any\n"
			"t.yaml:6:44: uplinks[3].accept./a: a single value is wanted here\n"
			"t.yaml:6:53: uplinks[3].accept./b: a single value is wanted here\n"
			"t.yaml:7:39: uplinks[4].accept: 3 pairs are too many (at most 2)\n"
			"t.yaml:8:44: uplinks[5].accept./a: a single value is wanted here\n"
			"t.yaml:9:47: uplinks[6].accept./a: this key is given twice, first on line 9\n"},
	};

	(void)state;
	ASSERT_REFUSED(files);
}

static void maps_of_pairs_keep_keys_values_and_quotes(void **state)
{
	struct gw_config *c = load_valid(
		"gateway: {id: box}\nuplinks: [{name: c, url: \"https://a\", accept: {/a: 0, /b/c: ok}}]\n");
	const struct gw_setting_pairs *pairs;

	(void)state;
	pairs = &((const struct fake_https *)c->uplinks[0].sink_opts)->accept;
	assert_int_equal(pairs->n, 2);
	assert_int_equal(pairs->word, 0);
	assert_string_equal(pairs->at[0].key, "/a");
	assert_string_equal(pairs->at[0].value, "0");
	assert_false(pairs->at[0].quoted);
	assert_string_equal(pairs->at[1].value, "ok");
	gw_config_free(c);
	c = load_valid(
		"gateway: {id: box}\nuplinks: [{name: c, url: \"https://a\", accept: {/e: null, /f: \"\"}}, {name: d, url: \"https://a\"}]\n");
	assert_string_equal(
		((const struct fake_https *)c->uplinks[0].sink_opts)->accept.at[0].value,
		"null");
	assert_string_equal(
		((const struct fake_https *)c->uplinks[0].sink_opts)->accept.at[1].value,
		"");
	assert_true(
		((const struct fake_https *)c->uplinks[0].sink_opts)->accept.at[1].quoted);
	assert_int_equal(((const struct fake_https *)c->uplinks[1].sink_opts)->accept.n, 0);
	gw_config_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_of_numbers_have_their_columns),
		cmocka_unit_test(limits_of_a_condition_are_in_order),
		cmocka_unit_test(invalid_values_are_numbers_or_raw_codes),
		cmocka_unit_test(a_map_of_pairs_has_single_values_and_each_key_once),
		cmocka_unit_test(maps_of_pairs_keep_keys_values_and_quotes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

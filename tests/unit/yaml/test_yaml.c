/* SPDX-License-Identifier: Apache-2.0 */
/* What is YAML, and what of YAML is accepted. */
#include "load_fixture.h"
#include "yaml/yaml.h"

#include <time.h>

static void text_that_is_not_yaml_is_refused_at_its_place(void **state)
{
	static const struct refused files[] = {
		{"", "t.yaml:1:1: is empty\n"},
		{"just text\n",
			"t.yaml:1:1: keys with values are wanted here, such as name: x\n"},
		{"gateway: {id: box}\nsources: [\n",
			"t.yaml:3:1: not YAML: did not find expected node content (while parsing a flow node)\n"},
		{"gateway:\n  id: box\n\tunit: x\n",
			"t.yaml:3:1: not YAML: found a tab character that violates indentation (while scanning a plain scalar that begins on line 2)\n"},
		{"gateway: {id: box}\n---\ngateway: {id: box}\n",
			"t.yaml:2:1: a second document begins here: one file holds one\n"},
		{"gateway: {id: box}\nalarms:\n  - {name: a, on: */b}\n",
			"t.yaml:3:20: not YAML: did not find expected alphabetic or numeric character (while scanning an alias); text that begins with * or & must be in quotes\n"},
		{"gateway:\n  id: box\n  unit: \xff\n",
			"t.yaml:3:9: byte 0xFF is not UTF-8: save the file as UTF-8\n"},
		{"gateway:\n  id: box\n  unit: 示例\x01\n",
			"t.yaml:3:11: control character 0x01: this is not a text file\n"},
		{SITE "- {name: plant, driver: mqtt, url: x}\n",
			"t.yaml:9:1: not YAML: did not find expected key (while parsing a block mapping that begins on line 1)\n"},
	};

	(void)state;
	ASSERT_REFUSED(files);
}

static void anchors_aliases_tags_and_lists_as_keys_are_refused(void **state)
{
	static const struct refused files[] = {
		{"gateway: &a {id: box}\nalarms: *a\n",
			"t.yaml:1:10: gateway: anchors (&) are not supported: text that begins with * or & must be in quotes\n"
			"t.yaml:2:9: alarms: aliases (*) are not supported: text that begins with * or & must be in quotes\n"},
		{"gateway: {id: !!str box}\n",
			"t.yaml:1:15: gateway.id: tags (!) are not supported: text that begins with ! must be in quotes\n"},
		{"gateway: {id: box, [a]: b}\n",
			"t.yaml:1:20: a list cannot be a key: text that begins with [ must be in quotes\n"},
	};

	(void)state;
	ASSERT_REFUSED(files);
}

static void nesting_has_a_limit(void **state)
{
	static const struct refused files[] = {
		{"gateway: {id: box}\nalarms: [[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]\n",
			"t.yaml:2:24: nested deeper than 16 levels\n"},
	};

	(void)state;
	ASSERT_REFUSED(files);
}

static void text_holds_no_zero_byte(void **state)
{
	static const struct refused files[] = {
		{"gateway: {id: box, unit: \"a\\0b\"}\n",
			"t.yaml:1:26: gateway.unit: text must not contain \\0\n"},
	};

	(void)state;
	ASSERT_REFUSED(files);
}

static void a_key_is_given_once(void **state)
{
	static const struct refused files[] = {
		{"gateway:\n  id: box\n  unit: a\n  id: box2\ngateway: {}\n",
			"t.yaml:4:3: gateway.id: this key is given twice, first on line 2\n"
			"t.yaml:5:1: gateway: this key is given twice, first on line 1\n"},
	};

	(void)state;
	ASSERT_REFUSED(files);
}

static void a_byte_order_mark_is_skipped(void **state)
{
	static const struct refused files[] = {
		{"\xef\xbb\xbfgateway: {id: box, oops: 1}\n",
			"t.yaml:1:20: gateway.oops: unknown key\n"},
	};

	(void)state;
	ASSERT_REFUSED(files);
}

/* Another parser needed a minute for 200 kB of opening brackets. */
static void many_brackets_are_refused_at_once(void **state)
{
	static struct complaint_lines lines;
	struct gw_complaints complaints = {.say = collect_line, .arg = &lines};
	struct timespec from, to;
	struct gw_config *c = NULL;
	size_t n = 200 * 1000;
	char *bytes = malloc(n);
	const char kinds[] = "[{-?";

	(void)state;
	for (const char *k = kinds; *k; k++) {
		lines.n = 0;
		for (size_t i = 0; i < n; i++)
			bytes[i] = *k == '[' || *k == '{' || i % 2 == 0 ? *k : ' ';
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
		assert_int_equal(
			gw_load_bytes("t.yaml", bytes, n, &c, &complaints), GW_ERR_CONFIG);
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
		assert_int_equal(complaints.count, 1);
		assert_true((double)(to.tv_sec - from.tv_sec) +
				(double)(to.tv_nsec - from.tv_nsec) / 1e9 <
			0.1);
	}
	free(bytes);
}

static void a_file_has_a_limit_of_bytes(void **state)
{
	static struct complaint_lines lines;
	struct gw_complaints complaints = {.say = collect_line, .arg = &lines};
	struct gw_config *c = NULL;
	size_t n = GW_YAML_BYTES_MAX + 1;
	char *bytes = malloc(n);

	(void)state;
	memset(bytes, '#', n);
	memcpy(bytes, "gateway: {id: box}\n", 19);
	lines.n = 0;
	assert_int_equal(gw_load_bytes("t.yaml", bytes, n, &c, &complaints), GW_ERR_CONFIG);
	assert_string_equal(lines.line[0], "t.yaml:1:1: larger than 1048576 bytes");
	assert_int_equal(gw_load_bytes("t.yaml", bytes, n - 1, &c, &complaints), GW_OK);
	gw_config_free(c);
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_that_is_not_yaml_is_refused_at_its_place),
		cmocka_unit_test(anchors_aliases_tags_and_lists_as_keys_are_refused),
		cmocka_unit_test(nesting_has_a_limit),
		cmocka_unit_test(text_holds_no_zero_byte),
		cmocka_unit_test(a_key_is_given_once),
		cmocka_unit_test(a_byte_order_mark_is_skipped),
		cmocka_unit_test(many_brackets_are_refused_at_once),
		cmocka_unit_test(a_file_has_a_limit_of_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What a reload looks at: whether a source or an uplink is still the same. */
#include "conf/compare.h"
#include "load_fixture.h"

static void a_source_is_the_same_until_a_setting_of_its_own_differs(void **state)
{
	static const struct {
		const char *from, *to;
		bool same;
	} edits[] = {
		{"", "", true},
		{"place: {room: x}", "place: {room: y}", true},
		{"unit: \"%\"", "unit: \"V\"", true},
		{"host: h", "host: g", false},
		{"name: s", "name: z", false},
		{"poll: 2s", "poll: 3s", false},
		{"timeout: 1s", "timeout: 2s", false},
		{"unit: 7", "unit: 8", false},
		{"input:0", "input:1", false},
		{"CDAB", "DCBA", false},
		{"scale: 2", "scale: 3", false},
		{"[0, 9]", "[0, 8]", false},
		{"[0, 99]", "[0, 98]", false},
		{"[5, raw:6]", "[5, raw:7]", false},
		{"[5, raw:6]", "[5, 6]", false},
		{"[5, raw:6]", "[ 5,  raw:0x6]", true},
		{"name: p", "name: q", false},
		{"type: s16", "type: u16", false},
		{"{name: d,", "{name: e,", false},
	};
	static const char text[] =
		"gateway: {id: box}\nsources: [{name: s, driver: modbus-tcp, host: h, poll: 2s, timeout: 1s, devices: [{name: d, unit: 7, place: {room: x}, points: [{name: p, register: \"input:0\", order: CDAB, scale: 2, range: [0, 9], valid: [0, 99], invalid: [5, raw:6], type: s16, unit: \"%\"}]}]}]\nuplinks: [{name: c, url: \"https://a\", heartbeat: 5s}]\n";
	struct gw_config *a = load_valid(text), *b;
	char edited[1024];
	const char *at;

	(void)state;
	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		at = strstr(text, edits[i].from);
		assert_non_null(at);
		snprintf(edited, sizeof(edited), "%.*s%s%s", (int)(at - text), text,
			edits[i].to, at + strlen(edits[i].from));
		b = load_valid(edited);
		if (gw_config_equal_source(&a->sources[0], &b->sources[0]) != edits[i].same)
			fail_msg("%s -> %s", edits[i].from, edits[i].to);
		assert_true(gw_config_equal_uplink(&a->uplinks[0], &b->uplinks[0]));
		gw_config_free(b);
	}
	b = load_valid(
		"gateway: {id: box}\nuplinks: [{name: c, url: \"https://b\", heartbeat: 5s}, {name: d, url: \"https://a\", heartbeat: 6s}]\n");
	assert_false(gw_config_equal_uplink(&a->uplinks[0], &b->uplinks[0]));
	assert_false(gw_config_equal_uplink(&a->uplinks[0], &b->uplinks[1]));
	gw_config_free(b);
	gw_config_free(a);

	a = load_valid("gateway: {id: box}\nsources: [{name: m, driver: mqtt, url: u}]\n");
	b = load_valid(
		"gateway: {id: box}\nsources: [{name: m, driver: mqtt, url: u}, {name: n, driver: mqtt, url: u, client_id: x}]\n");
	assert_true(gw_config_equal_source(&a->sources[0], &b->sources[0]));
	b->sources[1].name = "m";
	assert_false(gw_config_equal_source(&a->sources[0], &b->sources[1]));
	gw_config_free(b);
	gw_config_free(a);
	gw_config_free(NULL);
}

static void maps_of_pairs_are_the_same_only_key_by_key(void **state)
{
	static const struct {
		const char *accept;
		bool same; /* as the first */
	} rows[] = {
		{"{/a: 0, /b/c: ok}", true},
		{"{/a: 0, /b/c: \"ok\"}", false},
		{"{/a: \"0\", /b/c: ok}", false},
		{"{/a: 1, /b/c: ok}", false},
		{"{/x: 0, /b/c: ok}", false},
		{"{/a: 0}", false},
		{"any", false},
	};
	struct gw_config *first = NULL, *c;
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(text, sizeof(text),
			"gateway: {id: box}\nuplinks: [{name: c, url: \"https://a\", accept: %s}]\n",
			rows[i].accept);
		c = load_valid(text);
		if (!first)
			first = load_valid(text);
		if (gw_config_equal_uplink(&first->uplinks[0], &c->uplinks[0]) !=
			rows[i].same)
			fail_msg("%s", rows[i].accept);
		gw_config_free(c);
	}
	gw_config_free(first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_source_is_the_same_until_a_setting_of_its_own_differs),
		cmocka_unit_test(maps_of_pairs_are_the_same_only_key_by_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

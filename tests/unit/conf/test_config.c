/* SPDX-License-Identifier: Apache-2.0 */
/* The config reader: every bad file gets exactly its lines, all of them, in the file's order. */
#include "conf/compare.h"
#include "conf/config.h"
#include "conf/load.h"
#include "conf/setting_groups.h"
#include "config_fixture.h"
#include "tests/unit/fixture/temp_dir.h"
#include "yaml/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define LINES_MAX 64

struct said {
	char line[LINES_MAX][512];
	size_t n;
};

static void hear(void *arg, const char *line)
{
	struct said *s = arg;

	if (s->n < LINES_MAX)
		snprintf(s->line[s->n], sizeof(s->line[0]), "%s", line);
	s->n++;
}

static enum gw_err load(const char *yaml, struct gw_config **ret_config, struct said *said)
{
	struct gw_complaints c = {.say = hear, .arg = said};
	enum gw_err result;

	said->n = 0;
	result = gw_load_bytes("t.yaml", yaml, strlen(yaml), ret_config, &c);
	assert_int_equal(c.count, said->n);
	return result;
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

/* One device of the fake bus on lines 1 to 7, its points from line 8. */
#define SITE \
	"gateway: {id: box}\n" \
	"sources:\n" \
	"  - name: plant\n" \
	"    driver: modbus-tcp\n" \
	"    host: 10.0.3.20\n" \
	"    devices:\n" \
	"      - {name: heat, unit: 1, points: [{name: t, register: \"input:1\"}, {name: " \
	"b, " \
	"register: \"coil:1\", type: bool}]}\n" \
	"      - {name: oven, unit: 2, points: [{name: t, register: \"input:1\"}, {name: " \
	"b, " \
	"register: \"coil:1\", type: bool}]}\n"
#define ALARM SITE "alarms:\n" /* line 9; the first alarm on line 10 */

static const struct bad {
	const char *yaml;
	const char *lines; /* each ended by a newline */
} bad[] = {
	/* ---- YAML itself ---- */
	{"", "t.yaml:1:1: is empty\n"},
	{"just text\n", "t.yaml:1:1: keys with values are wanted here, such as name: x\n"},
	{"gateway: {id: box}\nsources: [\n",
		"t.yaml:3:1: not YAML: did not find expected node content (while parsing a "
		"flow "
		"node)\n"},
	{"gateway:\n  id: box\n\tunit: x\n",
		"t.yaml:3:1: not YAML: found a tab character that violates indentation "
		"(while "
		"scanning a plain scalar that begins on line 2)\n"},
	{"gateway: {id: box}\n---\ngateway: {id: box}\n",
		"t.yaml:2:1: a second document begins here: one file holds one\n"},
	{"gateway: &a {id: box}\nalarms: *a\n",
		"t.yaml:1:10: gateway: anchors (&) are not supported: text that begins "
		"with * or "
		"& must be in quotes\n"
		"t.yaml:2:9: alarms: aliases (*) are not supported: text that begins with "
		"* or & "
		"must be in quotes\n"},
	{"gateway: {id: !!str box}\n",
		"t.yaml:1:15: gateway.id: tags (!) are not supported: text that begins "
		"with ! "
		"must be in quotes\n"},
	{"gateway: {id: box}\nalarms:\n  - {name: a, on: */b}\n",
		"t.yaml:3:20: not YAML: did not find expected alphabetic or numeric "
		"character "
		"(while scanning an alias); text that begins with * or & must be in "
		"quotes\n"},
	{"gateway: {id: box, [a]: b}\n",
		"t.yaml:1:20: a list cannot be a key: text that begins with [ must be in "
		"quotes\n"},
	{"gateway: {id: box}\nalarms: [[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]\n",
		"t.yaml:2:24: nested deeper than 16 levels\n"},
	{"gateway:\n  id: box\n  unit: \xff\n",
		"t.yaml:3:9: byte 0xFF is not UTF-8: save the file as UTF-8\n"},
	{"gateway:\n  id: box\n  unit: 示例\x01\n",
		"t.yaml:3:11: control character 0x01: this is not a text file\n"},
	{"gateway: {id: box, unit: \"a\\0b\"}\n",
		"t.yaml:1:26: gateway.unit: text must not contain \\0\n"},
	{"gateway:\n  id: box\n  unit: a\n  id: box2\ngateway: {}\n",
		"t.yaml:4:3: gateway.id: this key is given twice, first on line 2\n"
		"t.yaml:5:1: gateway: this key is given twice, first on line 1\n"},
	{"\xef\xbb\xbfgateway: {id: box, oops: 1}\n",
		"t.yaml:1:20: gateway.oops: unknown key\n"},

	/* ---- keys ---- */
	{"gateway: {id: box}\nsource: []\n",
		"t.yaml:2:1: source: unknown key (did you mean sources?)\n"},
	{"sources: []\n", "t.yaml:1:1: gateway: this key is missing\n"},
	{"gateway:\n", "t.yaml:1:9: gateway.id: this key is missing\n"},
	{"gateway: {unit: x}\n", "t.yaml:1:10: gateway.id: this key is missing\n"},
	{"gateway: [id, box]\n",
		"t.yaml:1:10: gateway: keys with values are wanted here, such as name: "
		"x\n"},
	{"gateway: {id: box}\nsources: {name: x}\n",
		"t.yaml:2:10: sources: a list is wanted here: each item begins with \"- "
		"\"\n"},
	{"gateway: {id: box}\nsources: [plant]\n",
		"t.yaml:2:11: sources[0]: keys with values are wanted here, such as name: "
		"x\n"},
	{"gateway:\n  id: box\n  stat_dir: /x\n  alert: /y\n",
		"t.yaml:3:3: gateway.stat_dir: unknown key (did you mean state_dir?)\n"
		"t.yaml:4:3: gateway.alert: unknown key\n"},

	/* ---- scalars ---- */
	{"gateway: {id: }\n", "t.yaml:1:15: gateway.id: has no value\n"},
	{"gateway: {id: ~}\n", "t.yaml:1:15: gateway.id: has no value\n"},
	{"gateway: {id: [a]}\n",
		"t.yaml:1:15: gateway.id: a single value is wanted here, not a list\n"},
	{"gateway: {id: \"a box\"}\n",
		"t.yaml:1:15: gateway.id: \"a box\" is not a name: letters, digits, _ . "
		"and - "
		"only, no spaces\n"},
	{"gateway: {id: a/b}\n",
		"t.yaml:1:15: gateway.id: \"a/b\" is not a name: letters, digits, _ . and "
		"- only, "
		"no spaces\n"},
	{"gateway: {id: 锅炉　房}\n",
		"t.yaml:1:15: gateway.id: \"锅炉　房\" is not a name: letters, digits, _ . "
		"and - "
		"only, no spaces\n"},
	{"gateway: {id: "
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}\n",
		"t.yaml:1:15: gateway.id: 64 bytes are too many (at most 63)\n"},
	{"gateway: {id: box, unit: \"a\\tb\"}\n",
		"t.yaml:1:26: gateway.unit: control characters and line breaks are not "
		"allowed "
		"here\n"},
	{"gateway: {id: box, store_max_mb: 0x}\n",
		"t.yaml:1:34: gateway.store_max_mb: \"0x\" is not a whole number\n"},
	{"gateway: {id: box, store_max_mb: 0}\n",
		"t.yaml:1:34: gateway.store_max_mb: \"0\" is out of range (1 to 65536)\n"},
	{"gateway: {id: box, store_max_mb: \"64\"}\n",
		"t.yaml:1:34: gateway.store_max_mb: \"64\" in quotes is text, not a value "
		"(did you "
		"mean 64?)\n"},
	{"gateway:\n  id: box\n  control_socket: "
	 "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaa\n",
		"t.yaml:3:19: gateway.control_socket: 109 bytes are too long for a socket "
		"(at most "
		"107)\n"},
	{ALARM "- {name: a, on: plant/heat/t, when: {above: 50}, on_delay: 10}\n",
		"t.yaml:10:60: alarms[0].on_delay: \"10\" is not a duration such as 300ms, "
		"10s, "
		"5min, 1h or 7d (did you mean 10s?)\n"},
	{ALARM "- {name: a, on: plant/heat/t, when: {above: 50}, on_delay: 8d}\n",
		"t.yaml:10:60: alarms[0].on_delay: 8d is out of range (0s to 7d)\n"},
	{ALARM "- {name: a, on: plant/heat/t, when: {above: 50}, latch: yes}\n",
		"t.yaml:10:57: alarms[0].latch: \"yes\" is not true or false (did you mean "
		"true?)\n"},
	{ALARM "- {name: a, on: plant/heat/t, when: {above: 50}, level: oragne}\n",
		"t.yaml:10:57: alarms[0].level: \"oragne\" is not one of blue, yellow, "
		"orange, red "
		"(did you mean orange?)\n"},
	{ALARM "- name: a\n  on: plant/heat/t\n  when:\n    above: 57,5\n",
		"t.yaml:13:12: alarms[0].when.above: \"57,5\" is not a number (did you "
		"mean "
		"57.5?)\n"},
	{ALARM "- {name: a, on: plant/heat/t, when: {above: \"57,5\", clear: 45}}\n",
		"t.yaml:10:45: alarms[0].when.above: \"57,5\" is not a number (did you "
		"mean "
		"57.5?)\n"},
	{ALARM "- {name: a, on: plant/heat/t, when: {above: 57,5}}\n",
		"t.yaml:10:48: alarms[0].when.5: unknown key (did you mean above: "
		"57.5?)\n"},
	{ALARM "- {name: a, on: plant/heat/t, when: {below: 50, clear: 45}}\n",
		"t.yaml:10:56: alarms[0].when.clear: 45 is under the limit: at least 50\n"},
	{ALARM "- {name: a, on: plant/heat/t, when: {above: nan}}\n",
		"t.yaml:10:45: alarms[0].when.above: \"nan\" is not a number\n"},
	{ALARM "- {name: a, on: plant/heat/t, when: {above: 010}}\n",
		"t.yaml:10:45: alarms[0].when.above: \"010\" is not a number (did you mean "
		"10?)\n"},
	{ALARM "- {name: a, on: plant/heat/t, when: {above: 60abc}}\n",
		"t.yaml:10:45: alarms[0].when.above: \"60abc\" is not a number (did you "
		"mean "
		"60?)\n"},
	{ALARM "- {name: a, on: plant/heat/t, when: {outside: [1, x, 3]}}\n",
		"t.yaml:10:47: alarms[0].when.outside: 3 numbers are too many (at most "
		"2)\n"},
	{ALARM "- {name: a, on: plant/heat/t, when: {outside: [1, x]}}\n",
		"t.yaml:10:51: alarms[0].when.outside[1]: \"x\" is not a number\n"},
	{ALARM "- {name: a, on: plant/heat/t, when: {outside: [9, 1]}}\n",
		"t.yaml:10:47: alarms[0].when.outside: the first number of outside must be "
		"the "
		"smaller\n"},
	{ALARM "- {name: a, on: plant/heat/t, when: {above: 5, clear: [4]}}\n",
		"t.yaml:10:55: alarms[0].when.clear: one number is wanted here, not a "
		"list\n"},
	{ALARM "- {name: a, on: plant/heat/t, when: {dose: [[50, 60min], [100]]}}\n",
		"t.yaml:10:58: alarms[0].when.dose[1]: every row needs 2 numbers, as the "
		"first "
		"has\n"},

	/* ---- sources ---- */
	{"gateway: {id: box}\nsources:\n- {driver: modbus-tpc, host: x, rubbish: 1}\n",
		"t.yaml:3:3: sources[0].name: this key is missing\n"
		"t.yaml:3:12: sources[0].driver: \"modbus-tpc\" is not one of modbus-rtu, "
		"modbus-tcp, "
		"mqtt (did you mean modbus-tcp?)\n"},
	{"gateway: {id: box}\nsources:\n- {name: a}\n",
		"t.yaml:3:3: sources[0].driver: this key is missing\n"},
	{"gateway: {id: box}\nsources:\n- {name: a, driver: modbus-rtu, baud: 9601x}\n",
		"t.yaml:3:3: sources[0].device: this key is missing\n"
		"t.yaml:3:3: sources[0]: a bus without devices\n"
		"t.yaml:3:39: sources[0].baud: \"9601x\" is not a whole number (did you "
		"mean "
		"9601?)\n"},
	{SITE "- {name: plant, driver: mqtt, url: x}\n",
		"t.yaml:9:1: not YAML: did not find expected key (while parsing a block "
		"mapping "
		"that begins on line 1)\n"},
	{SITE "  - {name: plant, driver: mqtt, url: x}\n",
		"t.yaml:9:12: sources[1].name: a source or uplink has this name already, "
		"on line "
		"3\n"},
	{SITE "  - {name: gateway, driver: mqtt, url: x, poll: 1s}\n",
		"t.yaml:9:12: sources[1].name: \"gateway\" is the gateway's own name: "
		"choose "
		"another\n"
		"t.yaml:9:43: sources[1].poll: devices of the mqtt driver speak by "
		"themselves and "
		"are not polled (give a device expect_every)\n"},
	{SITE "      - {name: heat, unit: 1}\n      - {name: x, unit: 0, expect_every: 1h, "
	      "points: []}\n",
		"t.yaml:9:9: sources[0].devices[2]: has no points: give it points or a "
		"profile\n"
		"t.yaml:9:16: sources[0].devices[2].name: a device of this source has this "
		"name "
		"already, on line 7\n"
		"t.yaml:9:28: sources[0].devices[2].unit: heat has unit 1 too\n"
		"t.yaml:10:9: sources[0].devices[3]: has no points: give it points or a "
		"profile\n"
		"t.yaml:10:25: sources[0].devices[3].unit: \"0\" is out of range (1 to "
		"247)\n"
		"t.yaml:10:28: sources[0].devices[3].expect_every: only for devices that "
		"speak by "
		"themselves; this one is silent after three and a half polls and at least "
		"10 s (did you mean poll?)\n"},
	{SITE "  - name: m\n    driver: mqtt\n    url: mqtt://h\n    devices: [{name: d, "
	      "topic: t, "
	      "poll: 1s, points: [{name: p, register: \"coil:1\"}]}]\n",
		"t.yaml:12:35: sources[1].devices[0].poll: a device of the mqtt driver "
		"speaks by "
		"itself and is not polled (did you mean expect_every?)\n"
		"t.yaml:12:64: sources[1].devices[0].points[0].register: unknown key\n"},
	{SITE "      - name: d\n        unit: 9\n        points:\n"
	      "        - {name: a, register: \"input:0\", range: [0, 9], valid: [1, 9]}\n"
	      "        - {name: c, register: \"input:0\", valid: [9, 1], invalid: [raw:x, "
	      "x]}\n"
	      "        - {name: e, register: \"input:0\", invalid: {a: 1}}\n"
	      "alarms: [{name: out-of-range, on: plant/heat/t}]\n",
		"t.yaml:12:64: sources[0].devices[2].points[0].valid: valid must hold all "
		"of range: what the sensor measures is a value\n"
		"t.yaml:13:49: sources[0].devices[2].points[1].valid: the first number "
		"must be the smaller\n"
		"t.yaml:13:67: sources[0].devices[2].points[1].invalid[0]: raw:x: \"x\" is "
		"not a whole number\n"
		"t.yaml:13:74: sources[0].devices[2].points[1].invalid[1]: \"x\" is not a "
		"number\n"
		"t.yaml:14:51: sources[0].devices[2].points[2].invalid: a list of numbers "
		"is wanted here, such as [85, raw:0x7FFF]\n"
		"t.yaml:15:35: alarms[0].on: plant/heat/t has no range to be out of\n"},
	{SITE "      - name: d\n        unit: 9\n        place: {bulding: A}\n        "
	      "points:\n"
	      "        - {name: a, register: \"input:70000\", range: [5]}\n"
	      "        - {name: a, register: input, range: [5, 1], scale: 0}\n"
	      "        - {name: c, bit: 3}\n"
	      "        - {name: \"d d\", register: \"input:1\", type: s17, order: ABDC}\n",
		"t.yaml:11:17: sources[0].devices[2].place.bulding: unknown key (did you "
		"mean "
		"building?)\n"
		"t.yaml:13:31: sources[0].devices[2].points[0].register: \"70000\" is out "
		"of range "
		"(0 to 65535)\n"
		"t.yaml:13:53: sources[0].devices[2].points[0].range: two numbers are "
		"wanted here: "
		"[lowest, highest]\n"
		"t.yaml:14:18: sources[0].devices[2].points[1].name: a point of this "
		"device has "
		"this name already, on line 13\n"
		"t.yaml:14:31: sources[0].devices[2].points[1].register: \"input\" is not "
		"a "
		"register such as input:0\n"
		"t.yaml:14:45: sources[0].devices[2].points[1].range: the first number "
		"must be the "
		"smaller\n"
		"t.yaml:14:60: sources[0].devices[2].points[1].scale: a scale of 0 would "
		"make every "
		"value the same\n"
		"t.yaml:15:11: sources[0].devices[2].points[2].register: this key is "
		"missing\n"
		"t.yaml:15:11: sources[0].devices[2].points[2].type: bit needs type bit\n"
		"t.yaml:16:18: sources[0].devices[2].points[3].name: \"d d\" is not a "
		"name: "
		"letters, digits, _ . and - only, no spaces\n"
		"t.yaml:16:52: sources[0].devices[2].points[3].type: \"s17\" is not one of "
		"number, "
		"bool, bit, u16, s16, u32, s32, u64, s64, f32, f64 (did you mean s16?)\n"
		"t.yaml:16:64: sources[0].devices[2].points[3].order: \"ABDC\" is not one "
		"of ABCD, "
		"CDAB, BADC, DCBA (did you mean ABCD?)\n"},

	/* ---- alarms ---- */
	{ALARM "- {on: plant/heat/t, when: {above: 1}}\n",
		"t.yaml:10:3: alarms[0].name: this key is missing\n"},
	{ALARM "- {name: a, when: {above: 1}}\n- {name: b, on: plant/heat/t}\n- {name: "
	       "c}\n",
		"t.yaml:10:3: alarms[0].on: this key is missing\n"
		"t.yaml:11:3: alarms[1].when: this key is missing\n"
		"t.yaml:12:3: alarms[2].on: this key is missing\n"},
	{ALARM "- {name: a, on: plant/haet/t, when: {above: 1}}\n",
		"t.yaml:10:17: alarms[0].on: \"plant/haet/t\" matches no point (did you "
		"mean "
		"plant/heat/t?)\n"},
	{ALARM "- {name: a, on: \"plant/*/x\", when: {above: 1}}\n"
	       "- {name: silent, on: plant/heap}\n"
	       "- {name: down, on: plan}\n"
	       "- {name: parked, on: plant}\n",
		"t.yaml:10:17: alarms[0].on: \"plant/*/x\" matches no point\n"
		"t.yaml:11:22: alarms[1].on: \"plant/heap\" matches no device (did you "
		"mean "
		"plant/heat?)\n"
		"t.yaml:12:20: alarms[2].on: \"plan\" matches no source or uplink with "
		"such a fault "
		"(did you mean plant?)\n"
		"t.yaml:13:22: alarms[3].on: \"plant\" matches no source or uplink with "
		"such a "
		"fault\n"},
	{ALARM "- {name: a, on: plant//t, when: {above: 1}}\n"
	       "- {name: a, on: plant/heat/t/x, when: {above: 1}}\n"
	       "- {name: a, on: \"plant/heat/t:a\", when: {above: 1}}\n"
	       "- {name: a, on: plant/heat, when: {above: 1}}\n",
		"t.yaml:10:17: alarms[0].on: \"plant//t\" is not a pattern such as "
		"source/device/point\n"
		"t.yaml:11:17: alarms[1].on: \"plant/heat/t/x\" is not a pattern such as "
		"source/device/point\n"
		"t.yaml:12:17: alarms[2].on: \"plant/heat/t:a\" is not a pattern such as "
		"source/device/point\n"
		"t.yaml:13:17: alarms[3].on: \"plant/heat\" names a device, but above "
		"needs a "
		"point: source/device/point\n"},
	{ALARM "- {name: a, on: plant/heat/b, when: {above: 1}}\n"
	       "- {name: b, on: \"plant/*/b\", when: {above: 1}}\n",
		"t.yaml:10:17: alarms[0].on: above needs a number, but this point is true "
		"or "
		"false\n"
		"t.yaml:11:17: alarms[1].on: \"plant/*/b\" matches no point\n"},
	{ALARM "- {name: a, on: plant/heat/t, when: {above: 1}}\n"
	       "- {name: a, on: \"plant/*/t\", when: {above: 2}}\n",
		"t.yaml:11:10: alarms[1].name: an alarm on the same with this name stands "
		"on line "
		"10 already: plant/heat/t:a\n"},
	{ALARM "- {name: a, on: plant/heat/t, when: {abvoe: 1}}\n"
	       "- {name: b, on: plant/heat/t, when: {clear: 1}}\n"
	       "- {name: c, on: plant/heat/t, when: {}}\n"
	       "- {name: d, on: plant/heat/t, when: {above: 1, below: 2}}\n"
	       "- {name: e, on: plant/heat/t, when: {above: 1, claer: 2}}\n"
	       "- {name: f, on: plant/heat/t, when: above}\n"
	       "- {name: g, on: plant/heat/t, when: }\n"
	       "- {name: h, on: plant/heat/t, when: {above: 1, clear: 2}}\n"
	       "- {name: i, on: plant/heat/t, when: {rises: 1}}\n",
		"t.yaml:10:38: alarms[0].when.abvoe: unknown condition (did you mean "
		"above?)\n"
		"t.yaml:11:37: alarms[1].when: no condition stands here: give one of "
		"above, below, "
		"outside, is, rises, falls, reaches, dose, stuck, silent, unreadable, "
		"at_least\n"
		"t.yaml:12:37: alarms[2].when: no condition stands here: give one of "
		"above, below, "
		"outside, is, rises, falls, reaches, dose, stuck, silent, unreadable, "
		"at_least\n"
		"t.yaml:13:48: alarms[3].when.below: one condition only: above stands on "
		"line 13 "
		"already\n"
		"t.yaml:14:48: alarms[4].when.claer: unknown key (did you mean clear?)\n"
		"t.yaml:15:37: alarms[5].when: keys with values are wanted here, such as "
		"name: x\n"
		"t.yaml:16:37: alarms[6].when: has no value\n"
		"t.yaml:17:55: alarms[7].when.clear: 2 is over the limit: at most 1\n"
		"t.yaml:18:37: alarms[8].when.per: this key is missing\n"},
	{ALARM "- {name: down, on: plant, when: {is: true}}\n",
		"t.yaml:10:27: alarms[0].when: the fault \"down\" has its condition "
		"already: leave "
		"when out\n"},

	/* ---- votes ---- */
	{ALARM "- {name: v, on: plant/heat/t, when: {at_least: 1, of: [\"plant/*/b\"]}}\n"
	       "- {name: w, when: {at_least: 3, of: [\"plant/*/b\"]}}\n"
	       "- {name: x, when: {at_least: 1, of: [\"plant/*/t\"]}}\n"
	       "- {name: y, when: {at_least: 1, of: [plant/heta/b, w2]}}\n"
	       "- {name: z, when: {at_least: 1, of: {plant: heat}}}\n"
	       "- {name: z, when: {at_least: 1, of: [plant/heat/b]}}\n",
		"t.yaml:10:13: alarms[0].on: at_least has no on: its members stand under "
		"of\n"
		"t.yaml:11:30: alarms[1].when.at_least: 3 can never be: the members are on "
		"2 "
		"devices only\n"
		"t.yaml:12:38: alarms[2].when.of[0]: \"plant/*/t\" matches only points "
		"that are "
		"numbers: points of type bool or bit are wanted here, or alarms\n"
		"t.yaml:13:38: alarms[3].when.of[0]: \"plant/heta/b\" matches no alarm and "
		"no "
		"discrete point (did you mean plant/heat/b?)\n"
		"t.yaml:13:52: alarms[3].when.of[1]: \"w2\" matches no alarm and no "
		"discrete "
		"point (did you mean w?)\n"
		"t.yaml:14:37: alarms[4].when.of: a list of texts is wanted here, such as "
		"[a, b]\n"
		"t.yaml:15:10: alarms[5].name: an alarm on the same with this name stands "
		"on line "
		"14 already: z\n"},
	{ALARM "- {name: a, when: {at_least: 1, of: [b]}}\n"
	       "- {name: b, when: {at_least: 1, of: [c, plant/heat/b]}}\n"
	       "- {name: c, when: {at_least: 1, of: [a]}}\n"
	       "- {name: d, when: {at_least: 1, of: [d]}}\n"
	       "- {name: e, when: {at_least: 1, of: [a]}}\n",
		"t.yaml:12:37: alarms[2].when.of: goes round in a circle: a is a member of "
		"itself\n"
		"t.yaml:13:37: alarms[3].when.of: goes round in a circle: d is a member of "
		"itself\n"},
	{ALARM "- {name: a, on: plant/heat/t, when: {above: 1}, unless: [a, x, "
	       "plant/heat/t, plant/heat/x]}\n"
	       "- {name: n, on: \"plant/*/t\", when: {above: 1}}\n"
	       "- {name: v, when: {at_least: 1, of: [n]}, unless: n, re_alarm: 0s, "
	       "chatter: stop}\n",
		"t.yaml:10:58: alarms[0].unless[0]: an alarm cannot hold back itself\n"
		"t.yaml:10:61: alarms[0].unless[1]: \"x\" matches no alarm and no "
		"discrete point (did you mean a?)\n"
		"t.yaml:10:64: alarms[0].unless[2]: \"plant/heat/t\" matches only points "
		"that are numbers: points of type bool or bit are wanted here, or alarms\n"
		"t.yaml:10:78: alarms[0].unless[3]: \"plant/heat/x\" matches no alarm and "
		"no discrete point (did you mean plant/heat/t?)\n"
		"t.yaml:12:51: alarms[2].unless: 2 alarms are named \"n\" and none is on "
		"the device of v: write which, such as plant/heat/t:n\n"
		"t.yaml:12:64: alarms[2].re_alarm: 0s is out of range (1s to 7d)\n"
		"t.yaml:12:77: alarms[2].chatter: \"stop\" is not one of tell, hold\n"},
	{ALARM "- {name: a, on: plant/heat/t, when: {above: 1}, unless: b}\n"
	       "- {name: b, on: plant/heat/t, when: {above: 2}, unless: [c]}\n"
	       "- {name: c, when: {at_least: 1, of: [a]}}\n",
		"t.yaml:12:37: alarms[2].when.of: goes round in a circle: plant/heat/t:a "
		"is a member of itself\n"},
	{ALARM "- {name: a, on: plant/heat/t, when: {above: 1}, unless: b}\n"
	       "- {name: b, on: plant/heat/t, when: {above: 2}, unless: [a]}\n",
		"t.yaml:11:57: alarms[1].unless: goes round in a circle: "
		"plant/heat/t:a holds back itself\n"},
	{ALARM "- {name: v, when: {at_least: 2, of: [plant/heat/b, "
	       "\"plant/heat:silent\"]}}\n",
		"t.yaml:10:30: alarms[0].when.at_least: 2 can never be: the members are on "
		"1 "
		"device only\n"},
	{ALARM "- {name: v, when: {at_least: 1, of: [\"si*\", \"plant/heat\"]}}\n",
		"t.yaml:10:38: alarms[0].when.of[0]: \"si*\" matches no alarm and no "
		"discrete "
		"point\n"
		"t.yaml:10:45: alarms[0].when.of[1]: \"plant/heat\" matches no alarm and "
		"no "
		"discrete point (did you mean plant/heat/t?)\n"},

	/* ---- uplinks ---- */
	{SITE "uplinks:\n- {name: plant, url: \"https://x\"}\n- {name: city, url: "
	      "\"http://x\", "
	      "cert: c}\n- {nmae: c}\n",
		"t.yaml:10:10: uplinks[0].name: a source or uplink has this name already, "
		"on line "
		"3\n"
		"t.yaml:11:21: uplinks[1].url: \"http://x\" is not https\n"
		"t.yaml:11:39: uplinks[1].cert: cert needs key\n"
		"t.yaml:12:3: uplinks[2].name: this key is missing\n"
		"t.yaml:12:3: uplinks[2].url: this key is missing\n"
		"t.yaml:12:4: uplinks[2].nmae: unknown key (did you mean name?)\n"},
	{"gateway: {id: box}\nuplinks: [{name: a, url: \"https://x\"}, {name: b, url: "
	 "\"https://x\"}, {name: c, url: \"https://x\"}, {name: d, url: \"https://x\"}, "
	 "{name: e, url: \"https://x\"}, {name: f, url: \"https://x\"}, {name: g, url: "
	 "\"https://x\"}, {name: h, url: \"https://x\"}, {name: i, url: \"https://x\"}]\n",
		"t.yaml:2:10: uplinks: 9 uplinks are too many (at most 8)\n"},
	{"gateway: {id: box}\nuplinks: [{name: "
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, url: "
	 "\"https://x\"}]\n",
		"t.yaml:2:18: uplinks[0].name: 64 bytes are too many for a name (at most "
		"63)\n"},

	/* a setting of another sink */
	{"gateway: {id: box}\nuplinks:\n"
	 "- {name: a, url: \"file:///x\", accept: any}\n",
		"t.yaml:3:18: uplinks[0].url: \"file:///x\" is not https\n"
		"t.yaml:3:39: uplinks[0].accept: a file gives no answer\n"},
	{"gateway: {id: box}\nuplinks:\n"
	 "- {name: a, url: \"https://x\", accept: all}\n"
	 "- {name: b, url: \"https://x\", accept: [/a]}\n"
	 "- {name: c, url: \"https://x\", accept: {}}\n"
	 "- {name: d, url: \"https://x\", accept: {/a: [1], /b: {}}}\n"
	 "- {name: e, url: \"https://x\", accept: {/a: 1, /b: 2, /c: 3}}\n"
	 "- {name: f, url: \"https://x\", accept: {/a: }}\n"
	 "- {name: g, url: \"https://x\", accept: {/a: 1, /a: 2}}\n",
		"t.yaml:3:39: uplinks[0].accept: a map is wanted here, such as {a: 1}, or "
		"any\n"
		"t.yaml:4:39: uplinks[1].accept: a map is wanted here, such as {a: 1}, or "
		"any\n"
		"t.yaml:5:39: uplinks[2].accept: a map is wanted here, such as {a: 1}, or "
		"any\n"
		"t.yaml:6:44: uplinks[3].accept./a: a single value is wanted here\n"
		"t.yaml:6:53: uplinks[3].accept./b: a single value is wanted here\n"
		"t.yaml:7:39: uplinks[4].accept: 3 pairs are too many (at most 2)\n"
		"t.yaml:8:44: uplinks[5].accept./a: a single value is wanted here\n"
		"t.yaml:9:47: uplinks[6].accept./a: this key is given twice, first on line "
		"9\n"},

	/* ---- all at once: one file, mistakes of every sort, in its order ---- */
	{"gatway: {id: box}\n"
	 "sources:\n"
	 "  - name: plant\n"
	 "    driver: modbus-tcp\n"
	 "    host: 10.0.3.20\n"
	 "    prot: 502\n"
	 "    poll: 1\n"
	 "    devices:\n"
	 "      - name: heat\n"
	 "        unit: 1\n"
	 "        profile: nowhere\n"
	 "alarms:\n"
	 "  - {name: ok, on: plant/heat/anything, when: {above: 1}}\n"
	 "  - {name: bad, on: plnt/heat/anything, when: {above: 1}}\n"
	 "uplinks:\n"
	 "  - {name: city, url: \"https://x\", heartbeat: soon}\n",
		"t.yaml:1:1: gatway: unknown key (did you mean gateway?)\n"
		"t.yaml:1:1: gateway: this key is missing\n"
		"t.yaml:6:5: sources[0].prot: unknown key (did you mean port?)\n"
		"t.yaml:7:11: sources[0].poll: \"1\" is not a duration such as 300ms, 10s, "
		"5min, 1h "
		"or 7d (did you mean 1s?)\n"
		"t.yaml:11:18: sources[0].devices[0].profile: there is no profile "
		"\"nowhere\" in "
		"profiles/, $TOCSIN_PROFILES or *\n"
		"t.yaml:14:21: alarms[1].on: \"plnt/heat/anything\" matches no point\n"
		"t.yaml:16:47: uplinks[0].heartbeat: \"soon\" is not a duration such as "
		"300ms, "
		"10s, 5min, 1h or 7d\n"},
};

/* A want that ends in * is the beginning of the line. */
static bool line_is(const char *line, const char *want, size_t n)
{
	if (n && want[n - 1] == '*')
		return strncmp(line, want, n - 1) == 0;
	return strlen(line) == n && strncmp(line, want, n) == 0;
}

/* How many lines are not as wanted; each is shown. */
static unsigned differ(const struct said *said, const char *yaml, const char *lines)
{
	unsigned wrong = 0;
	size_t i = 0, n;

	for (; lines && (*lines || i < said->n); lines += n + (lines[n] != '\0'), i++) {
		n = strcspn(lines, "\n");
		if (n && i < said->n && line_is(said->line[i], lines, n))
			continue;
		if (wrong++ == 0)
			print_error("%s\n", yaml);
		print_error("want %.*s\ngot  %s\n", (int)n, lines,
			i < said->n ? said->line[i] : "");
	}
	return wrong;
}

static void test_bad(void **state)
{
	static struct said said;
	struct gw_config *c = NULL;
	unsigned wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(load(bad[i].yaml, &c, &said), GW_ERR_CONFIG);
		assert_null(c);
		wrong += differ(&said, bad[i].yaml, bad[i].lines);
	}
	assert_int_equal(wrong, 0);
}

static struct gw_config *load_good(const char *yaml)
{
	static struct said said;
	struct gw_config *c = NULL;

	if (load(yaml, &c, &said) != GW_OK)
		fail_msg("%s\n%s", yaml, said.line[0]);
	return c;
}

static const struct gw_alarm_opts *alarm_of(const struct gw_config *c, const char *key)
{
	for (size_t i = 0; i < c->n_alarms; i++)
		if (strcmp(c->alarms[i].info.key, key) == 0)
			return &c->alarms[i];
	fail_msg("no alarm %s", key);
	return NULL;
}

static void test_points(void **state)
{
	struct gw_config *c = load_good(
		SITE "  - name: m\n    driver: mqtt\n    url: mqtt://h\n    devices: "
		     "[{name: d, topic: t, "
		     "place: {building: A, floor: \"-1\", room: 锅炉房}, points: [{name: "
		     "p, unit: \"%\", "
		     "range: [0, 100], scale: 0.5, offset: -1e1}]}]\n"
		     "uplinks: [{name: city, url: \"https://x\", ca: ca.pem, cert: /c, "
		     "key: ../k}]\n");
	const struct gw_source_opts *s = &c->sources[0];
	const struct gw_point_opts *p = &c->sources[1].devices[0].points[0];

	(void)state;
	assert_int_equal(c->n_sources, 2);
	assert_int_equal(s->n_points, 4);
	assert_int_equal(s->down_point, 4);
	assert_int_equal(s->poll_ns, 1000000000);
	assert_int_equal(c->source_first_point[1], 5);
	assert_int_equal(c->uplink_first_point[0], 7);
	assert_int_equal(c->store_first_point, 9);
	assert_int_equal(c->gateway_first_point, 11);
	assert_int_equal(c->n_points, 13);
	assert_string_equal(c->points[0].key, "plant/heat/t");
	assert_string_equal(c->points[3].key, "plant/oven/b");
	assert_string_equal(c->points[4].key, "plant:down");
	assert_string_equal(c->points[8].key, "city:parked");
	assert_string_equal(c->points[10].key, "gateway:store-replaced");
	assert_string_equal(c->points[11].key, "gateway:events-lost");
	assert_string_equal(c->points[12].key, "gateway:config");
	assert_int_equal(s->devices[1].points[1].index, 3);
	assert_ptr_equal(s->devices[1].points[1].info, &c->points[3]);
	assert_int_equal(s->devices[1].points[1].type, GW_TYPE_BOOL);
	assert_int_equal(
		((const struct fake_point *)s->devices[1].points[0].driver)->at.table, 2);
	assert_int_equal(((const struct fake_bus *)s->driver)->baud, 502);
	assert_string_equal(p->info->unit_of_measure, "%");
	assert_string_equal(p->info->place.room, "锅炉房");
	assert_float_equal(p->scale, 0.5, 0);
	assert_float_equal(p->offset, -10, 0);
	assert_int_equal(p->range.columns, 2);
	assert_float_equal(p->range.cells[1], 100, 0);
	assert_string_equal(((const struct fake_path *)p->driver)->path, "");
	assert_string_equal(c->uplinks[0].ca, "ca.pem");
	assert_string_equal(c->gateway.state_dir, "/var/lib/tocsin");
	assert_int_equal(c->gateway.store_max_mb, 256);
	assert_string_equal(c->site.gateway, "box");
	gw_config_free(c);
}

static void test_implicit(void **state)
{
	struct gw_config *c = load_good(
		SITE "  - name: m\n    driver: mqtt\n    url: mqtt://h\n    devices: "
		     "[{name: d, topic: t, "
		     "points: [{name: p}]}, {name: e, topic: u, expect_every: 1h, points: "
		     "[{name: p}]}]\n"
		     "  - name: slow\n    driver: modbus-tcp\n    host: h\n    poll: 20s\n "
		     "   devices: "
		     "[{name: d, unit: 1, points: [{name: p, register: \"input:0\"}]}]\n"
		     "uplinks: [{name: city, url: \"https://x\"}]\n"
		     "alarms:\n"
		     "- {name: silent, on: \"plant/h*\", level: red, on_delay: 1min}\n"
		     "- {name: silent, on: m/e, when: {silent: 2h}}\n"
		     "- {name: silent-long, on: \"m/*\", when: {silent: 7d}}\n"
		     "- {name: down, on: \"*\", level: orange}\n");
	const struct gw_alarm_opts *a = alarm_of(c, "plant/heat:silent");

	(void)state;
	assert_int_equal(a->level, GW_LEVEL_RED);
	assert_int_equal(a->info.class_, GW_CLASS_FAULT);
	assert_int_equal(a->on_delay_ns, INT64_C(60000000000));
	assert_int_equal(a->when.window_ns, INT64_C(10000000000));
	assert_int_equal(a->first_point, 0);
	assert_int_equal(a->n_points, 2);
	assert_string_equal(a->info.subject, "plant/heat");
	assert_string_equal(a->info.name, "silent");
	assert_string_equal(a->info.condition, "silent 10s");
	assert_string_equal(a->info.point, "");
	assert_string_equal(a->info.device, "heat");
	assert_int_equal(alarm_of(c, "plant/oven:silent")->level, GW_LEVEL_BLUE);
	assert_int_equal(
		alarm_of(c, "m/d:silent")->when.window_ns, INT64_C(86400000000000));
	assert_int_equal(alarm_of(c, "m/e:silent")->when.window_ns, INT64_C(7200000000000));
	assert_int_equal(
		alarm_of(c, "slow/d:silent")->when.window_ns, INT64_C(70000000000));
	assert_int_equal(alarm_of(c, "m/e:silent-long")->info.class_, GW_CLASS_WARNING);
	a = alarm_of(c, "plant:down");
	assert_int_equal(a->level, GW_LEVEL_ORANGE);
	assert_int_equal(a->first_point, 4);
	assert_string_equal(a->info.subject, "plant");
	assert_string_equal(a->info.source, "plant");
	assert_string_equal(a->info.device, "");
	assert_string_equal(a->info.condition, "is true");
	assert_true(a->when.is);
	a = alarm_of(c, "city:down");
	assert_int_equal(a->level, GW_LEVEL_ORANGE);
	assert_string_equal(a->info.source, "");
	assert_int_equal(a->first_point, c->uplink_first_point[0]);
	assert_int_equal(alarm_of(c, "city:parked")->level, GW_LEVEL_YELLOW);
	assert_int_equal(
		alarm_of(c, "gateway:store-failing")->first_point, c->store_first_point);
	gw_config_free(c);
}

static bool has_alarm(const struct gw_config *c, const char *key)
{
	for (size_t i = 0; i < c->n_alarms; i++)
		if (strcmp(c->alarms[i].info.key, key) == 0)
			return true;
	return false;
}

#define RANGED \
	SITE "      - name: gas\n        unit: 3\n        points:\n" \
	     "        - {name: t, register: \"input:1\", range: [0, 100]}\n" \
	     "        - {name: u, register: \"input:2\", range: [-1, 1]}\n" \
	     "        - {name: b, register: \"coil:1\", type: bool}\n" \
	     "  - name: m\n    driver: mqtt\n    url: mqtt://h\n    devices:\n" \
	     "    - {name: d, topic: t, points: [{name: p}, {name: q}]}\n" \
	     "    - {name: e, topic: u, expect_every: 1h, points: [{name: p}, {name: " \
	     "q}]}\n"

/* Faults of points: where they are, what they know of their device, and how they are changed. */
static void test_point_faults(void **state)
{
	struct gw_config *c = load_good(RANGED
		"alarms:\n"
		"- {name: hot, on: \"*/*/t\", when: {above: 1}}\n"
		"- {name: high, on: \"m/*/p\", when: {above: 1}}\n"
		"- {name: far, on: plant/heat/t, when: {above: 9}, unless: plant/heat/b}\n"
		"- {name: both, when: {at_least: 1, of: [plant/gas/b]}}\n"
		"- {name: dark, when: {at_least: 1, of: [\"m/e/q:unreadable\"]}}\n"
		"- {name: silent, on: plant/oven, when: {silent: 3min}}\n"
		"- {name: unreadable, on: \"plant/*/t\", level: red}\n"
		"- {name: unreadable, on: m/d/p, when: {unreadable: 5s}}\n"
		"- {name: out-of-range, on: \"*/*/*\", on_delay: 1min}\n");
	const struct gw_alarm_opts *a = alarm_of(c, "plant/heat/t:unreadable");

	(void)state;
	assert_int_equal(a->level, GW_LEVEL_RED);
	assert_int_equal(a->info.class_, GW_CLASS_FAULT);
	assert_string_equal(a->info.subject, "plant/heat/t");
	assert_string_equal(a->info.point, "plant/heat/t");
	assert_string_equal(a->info.condition, "unreadable 10s");
	assert_int_equal(a->n_points, 1);
	assert_true(a->when.polled);
	assert_int_equal(a->when.never_good_ns, INT64_C(100000000000));
	alarm_of(c, "plant/heat/b:unreadable"); /* holds another back */
	alarm_of(c, "plant/gas/b:unreadable");  /* votes */
	assert_false(has_alarm(c, "plant/oven/b:unreadable"));
	assert_false(has_alarm(c, "plant/gas/u:unreadable"));
	assert_false(has_alarm(c, "m/d/q:unreadable"));
	alarm_of(c, "m/e/q:unreadable"); /* a vote names it */
	assert_int_equal(alarm_of(c, "plant/oven/t:unreadable")->when.window_ns,
		INT64_C(180000000000)); /* its device's */
	a = alarm_of(c, "m/d/p:unreadable");
	assert_int_equal(a->when.window_ns, INT64_C(5000000000));
	assert_int_equal(a->info.class_, GW_CLASS_FAULT);
	assert_false(a->when.polled);
	assert_int_equal(a->when.never_good_ns, 0); /* nobody said how often it speaks */
	a = alarm_of(c, "m/e/p:unreadable");
	assert_int_equal(a->when.window_ns, INT64_C(3600000000000));
	assert_int_equal(a->when.never_good_ns, INT64_C(3600000000000));
	a = alarm_of(c, "plant/gas/t:out-of-range");
	assert_int_equal(a->on_delay_ns, INT64_C(60000000000));
	assert_int_equal(a->info.class_, GW_CLASS_FAULT);
	assert_string_equal(a->info.condition, "outside 0..100");
	alarm_of(c, "plant/gas/u:out-of-range"); /* whoever hears it */
	assert_false(has_alarm(c, "plant/heat/t:out-of-range"));
	gw_config_free(c);
}

/* Whoever had an alarm of such a name of their own still has it as it was. */
static void test_names_of_faults_are_free(void **state)
{
	struct gw_config *c = load_good(RANGED
		"alarms:\n"
		"- {name: out-of-range, on: plant/gas/t, when: {outside: [5, 95]}}\n"
		"- {name: unreadable, on: plant/heat/t, when: {above: 1}, level: red}\n"
		"- {name: many, when: {at_least: 1, of: [\"out-of*\"]}}\n");
	const struct gw_alarm_opts *a = alarm_of(c, "plant/gas/t:out-of-range");

	(void)state;
	assert_int_equal(a->on_delay_ns, 0);
	assert_int_equal(a->level, GW_LEVEL_YELLOW);
	assert_int_equal(a->info.class_, GW_CLASS_WARNING);
	assert_string_equal(a->info.condition, "outside 5..95");
	a = alarm_of(c, "plant/heat/t:unreadable");
	assert_int_equal(a->info.class_, GW_CLASS_WARNING);
	assert_string_equal(a->info.condition, "above 1");
	/* a star in a name does not reach the faults that are there by themselves */
	assert_int_equal(alarm_of(c, "many")->when.n_members, 1);
	gw_config_free(c);
}

/* What a device sends instead of a value. */
static void test_codes(void **state)
{
	struct gw_config *c = load_good(SITE
		"      - name: gas\n        unit: 3\n        points:\n"
		"        - {name: t, register: \"input:1\", valid: [-1, 9], range: [0, "
		"9],\n"
		"           invalid: [85, -127.5, raw:0x7FFF, \"raw:0xFFFFFFFFFFFFFFFF\","
		" raw:-1]}\n"
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

static void test_alarms(void **state)
{
	struct gw_config *c = load_good(
		ALARM "- {name: zone, when: {at_least: 1, of: [fire, "
		      "\"plant/heat/t:hot\"]}, level: red}\n"
		      "- {name: fire, when: {at_least: 2, of: [\"plant/*/b\", "
		      "plant/heat/b], within: "
		      "60s}, text: 火警}\n"
		      "- {name: hot, on: \"plant/*/t\", when: {above: 50, clear: 45}, "
		      "class: alarm, latch: "
		      "true}\n");
	const struct gw_alarm_opts *a = alarm_of(c, "plant/oven/t:hot"), *zone, *fire;

	(void)state;
	assert_string_equal(a->info.subject, "plant/oven/t");
	assert_string_equal(a->info.point, "plant/oven/t");
	assert_string_equal(a->info.condition, "above 50");
	assert_int_equal(a->info.class_, GW_CLASS_ALARM);
	assert_int_equal(a->level, GW_LEVEL_YELLOW);
	assert_true(a->latch);
	assert_float_equal(a->when.clear.cells[0], 45, 0);
	assert_int_equal(a->first_point, 2);
	assert_ptr_equal(a->info.site, &c->site);
	fire = alarm_of(c, "fire");
	assert_true(fire < (zone = alarm_of(c, "zone")));
	assert_string_equal(fire->info.subject, "");
	assert_string_equal(fire->info.text, "火警");
	assert_int_equal(fire->n_points, 0);
	assert_int_equal(fire->when.n_members, 2);
	assert_false(fire->when.members[1].is_alarm);
	assert_int_equal(fire->when.members[1].index, 3);
	assert_string_equal(fire->when.members[1].key, "plant/oven/b");
	assert_int_not_equal(fire->when.members[0].device, fire->when.members[1].device);
	assert_int_equal(zone->when.n_members, 2);
	assert_ptr_equal(&c->alarms[zone->when.members[0].index], fire);
	assert_string_equal(
		c->alarms[zone->when.members[1].index].info.key, "plant/heat/t:hot");
	assert_string_equal(zone->info.condition, "at_least 1 of 2");
	gw_config_free(c);
}

static const char *held_by(const struct gw_config *c, const char *key, size_t i)
{
	const struct gw_alarm_opts *a = alarm_of(c, key);

	assert_true(i < a->n_unless);
	if (a->unless[i].is_alarm) {
		assert_ptr_equal(c->alarms[a->unless[i].index].info.key, a->unless[i].key);
		assert_true(&c->alarms[a->unless[i].index] < a);
	}
	return a->unless[i].key;
}

/* A name is the nearest alarm of that name; keys and patterns reach everywhere. */
static void test_unless(void **state)
{
	struct gw_config *c = load_good(
		ALARM "- {name: low, on: \"plant/*/t\", when: {above: 20}, unless: high, "
		      "re_alarm: 30min, chatter: hold}\n"
		      "- {name: high, on: \"plant/*/t\", when: {above: 50}}\n"
		      "- {name: door, on: \"plant/*/b\", when: {is: true}, unless: low}\n"
		      "- {name: late, on: \"plant/heat/t\", when: {above: 1}, unless: "
		      "[down, plant/oven/b, \"plant/*:silent\", zone]}\n"
		      "- {name: zone, when: {at_least: 1, of: [door]}, out_of_service: "
		      "true}\n");
	const struct gw_alarm_opts *a = alarm_of(c, "plant/oven/t:low");

	(void)state;
	assert_int_equal(a->n_unless, 1);
	assert_string_equal(held_by(c, "plant/oven/t:low", 0), "plant/oven/t:high");
	assert_string_equal(held_by(c, "plant/heat/t:low", 0), "plant/heat/t:high");
	assert_string_equal(held_by(c, "plant/oven/b:door", 0), "plant/oven/t:low");
	assert_true(a->re_alarm_ns == INT64_C(1800000000000));
	assert_int_equal(a->chatter_rule, GW_CHATTER_HOLD);
	assert_string_equal(
		c->alarms[a->chatter_alarm - 1].info.key, "plant/oven:chattering");
	assert_string_equal(held_by(c, "plant/heat/t:late", 0), "plant:down");
	assert_string_equal(held_by(c, "plant/heat/t:late", 1), "plant/oven/b");
	assert_int_equal(alarm_of(c, "plant/heat/t:late")->n_unless, 5);
	assert_string_equal(held_by(c, "plant/heat/t:late", 4), "zone");
	assert_true(a->unless_stale_ns == INT64_C(2000000000)); /* polled each second */
	assert_true(alarm_of(c, "plant/heat/t:late")->unless_stale_ns ==
		INT64_C(10000000000)); /* a vote */
	assert_true(alarm_of(c, "zone")->out_of_service);
	assert_int_equal(alarm_of(c, "zone")->chatter_rule, GW_CHATTER_REPORT);
	assert_string_equal(c->alarms[alarm_of(c, "zone")->chatter_alarm - 1].info.key,
		"gateway:chattering");
	assert_int_equal(alarm_of(c, "plant/heat:chattering")->chatter_alarm, 0);
	gw_config_free(c);
}

static void test_nuisance(void **state)
{
	struct gw_config *c = load_good(
		ALARM "- {name: chattering, on: plant/oven, level: yellow}\n"
		      "- {name: chattering, on: gateway, level: orange}\n"
		      "- {name: flood, on: gateway, class: supervisory}\n");
	const struct gw_alarm_opts *a = alarm_of(c, "plant/oven:chattering");

	(void)state;
	assert_int_equal(a->level, GW_LEVEL_YELLOW);
	assert_int_equal(a->n_points, 0);
	assert_true(a->on_delay_ns == INT64_C(30000000000));
	assert_string_equal(a->info.device, "oven");
	assert_string_equal(a->info.source, "plant");
	assert_string_equal(a->info.condition, "3 activations within 1min");
	assert_int_equal(alarm_of(c, "plant/heat:chattering")->level, GW_LEVEL_BLUE);
	assert_int_equal(alarm_of(c, "gateway:chattering")->level, GW_LEVEL_ORANGE);
	a = alarm_of(c, "gateway:flood");
	assert_int_equal(a->info.class_, GW_CLASS_SUPERVISORY);
	assert_int_equal(a->when.max_withheld_level, GW_LEVEL_BLUE);
	assert_string_equal(a->info.condition, "more than 10 alarms within 10min");
	gw_config_free(c);
	c = load_good("gateway: {id: box, flood_level: orange}\n");
	assert_int_equal(
		alarm_of(c, "gateway:flood")->when.max_withheld_level, GW_LEVEL_ORANGE);
	gw_config_free(c);
	c = load_good("gateway: {id: box, flood_level: none}\n");
	for (size_t i = 0; i < c->n_alarms; i++)
		assert_string_not_equal(c->alarms[i].info.key, "gateway:flood");
	gw_config_free(c);
}

/* Where a vote's members share a place, the vote is there. */
static void test_place_of_vote(void **state)
{
	struct gw_config *c = load_good(
		"gateway: {id: box}\n"
		"sources:\n"
		"- name: m\n"
		"  driver: mqtt\n"
		"  url: u\n"
		"  devices:\n"
		"  - {name: a, topic: a, place: {building: A, floor: \"3\", room: x}, "
		"points: "
		"[{name: s, type: bool}]}\n"
		"  - {name: b, topic: b, place: {building: A, floor: \"3\", room: y}, "
		"points: "
		"[{name: s, type: bool}]}\n"
		"alarms: [{name: v, when: {at_least: 2, of: [\"m/*/s\"]}}]\n");
	const struct gw_alarm_opts *a = alarm_of(c, "v");

	(void)state;
	assert_string_equal(a->info.place.building, "A");
	assert_string_equal(a->info.place.floor, "3");
	assert_string_equal(a->info.place.room, "");
	gw_config_free(c);
}

static const char gas[] =
	"profile: gas\n"
	"title: gas\n"
	"driver: modbus\n"
	"poll: 4s\n"
	"points:\n"
	"- {name: ch4, register: \"holding:0\", path: /x, type: u16, scale: 0.1, "
	"unit: \"%LEL\"}\n"
	"- {name: fault, register: \"holding:1\", type: bit, bit: 2}\n"
	"alarms:\n"
	"- {name: high, on: ch4, when: {above: 50}, level: red}\n"
	"- {name: silent, level: orange}\n";

static void test_profile(void **state)
{
	struct gw_config *c;
	const struct gw_device_opts *d;

	(void)state;
	write_file("profiles/gas.yaml", gas);
	c = load_good(SITE "      - {name: g1, unit: 3, profile: gas}\n"
			   "      - {name: g2, unit: 4, poll: 9s, profile: gas, points: "
			   "[{name: ch4, scale: 0.2}, "
			   "{name: extra, register: \"input:9\"}]}\n"
			   "  - {name: m, driver: mqtt, url: u, devices: [{name: g, topic: "
			   "t, profile: gas}, {name: h, topic: u, profile: gas, points: "
			   "[{name: ch4, scale: 0.5}]}]}\n"
			   "alarms:\n"
			   "- {name: high, on: plant/g2/ch4, level: orange, text: hi}\n"
			   "- {name: high, on: m/g/ch4, when: {above: 40}}\n");
	d = &c->sources[0].devices[2];
	assert_int_equal(d->poll_ns, INT64_C(4000000000));
	assert_int_equal(d->n_points, 2);
	assert_float_equal(d->points[0].scale, 0.1, 0);
	assert_string_equal(d->points[0].info->unit_of_measure, "%LEL");
	assert_int_equal(((const struct fake_point *)d->points[1].driver)->bit, 2);
	d = &c->sources[0].devices[3];
	assert_int_equal(d->poll_ns, INT64_C(9000000000));
	assert_int_equal(d->n_points, 3);
	assert_float_equal(d->points[0].scale, 0.2, 0);
	assert_int_equal(d->points[0].type, GW_TYPE_U16);
	assert_int_equal(((const struct fake_point *)d->points[0].driver)->at.table, 3);
	assert_string_equal(d->points[2].name, "extra");
	d = &c->sources[1].devices[0];
	assert_string_equal(((const struct fake_path *)d->points[0].driver)->path, "/x");
	/* there are no registers: the message holds the value itself */
	assert_int_equal(d->points[0].type, GW_TYPE_NUMBER);
	assert_float_equal(d->points[0].scale, 1, 0);
	assert_int_equal(d->points[1].type, GW_TYPE_BOOL);
	d = &c->sources[1].devices[1];
	assert_float_equal(d->points[0].scale, 0.5, 0); /* but the site may say so */
	assert_int_equal(alarm_of(c, "plant/g1/ch4:high")->level, GW_LEVEL_RED);
	assert_int_equal(alarm_of(c, "plant/g2/ch4:high")->level, GW_LEVEL_ORANGE);
	assert_float_equal(alarm_of(c, "plant/g2/ch4:high")->when.limit, 50, 0);
	assert_string_equal(alarm_of(c, "plant/g2/ch4:high")->info.text, "hi");
	assert_float_equal(alarm_of(c, "m/g/ch4:high")->when.limit, 40, 0);
	assert_int_equal(alarm_of(c, "m/g/ch4:high")->level, GW_LEVEL_RED);
	assert_int_equal(alarm_of(c, "plant/g1:silent")->level, GW_LEVEL_ORANGE);
	assert_int_equal(
		alarm_of(c, "plant/g1:silent")->when.window_ns, INT64_C(14000000000));
	gw_config_free(c);

	/* what the site says of the whole source goes before the profile */
	c = load_good("gateway: {id: box}\nsources: [{name: s, driver: modbus-tcp, host: "
		      "h, poll: "
		      "7s, devices: [{name: g, unit: 1, profile: gas}]}]\n");
	assert_int_equal(c->sources[0].devices[0].poll_ns, 0);
	gw_config_free(c);
}

static void test_bad_profile(void **state)
{
	static struct said said;
	struct gw_config *c = NULL;
	const char *yaml = SITE
		"      - {name: g1, unit: 3, profile: bad}\n"
		"      - {name: g2, unit: 4, profile: bad}\n"
		"      - {name: g3, unit: 5, profile: gsa}\n"
		"      - {name: g4, unit: 6, profile: torn}\n"
		"      - {name: g5, unit: 7, profile: a/b}\n"
		"alarms: [{name: x, on: plant/g3/any, when: {above: 1}}, {name: y, "
		"on: plant/g1/any, when: {above: 1}}]\n";

	(void)state;
	write_file("profiles/gas.yaml", gas);
	write_file("profiles/torn.yaml", "profile: [\n");
	write_file("profiles/bad.yaml",
		"profile: good\n"
		"pol: 1s\n"
		"points:\n"
		"- {name: a, register: \"holding:x\", typ: u16}\n"
		"- {name: b, path: /b}\n"
		"alarms:\n"
		"- {name: high, on: aa, when: {above: 50, claer: 1}}\n"
		"- {name: low, when: {above: 50}}\n"
		"- {name: dup, on: a, when: {above: 50}}\n"
		"- {name: dup, on: a, when: {above: 50}}\n");
	assert_int_equal(load(yaml, &c, &said), GW_ERR_CONFIG);
	assert_int_equal(0,
		differ(&said, yaml,
			"t.yaml:11:38: sources[0].devices[4].profile: there is no profile "
			"\"gsa\" "
			"in "
			"profiles/, $TOCSIN_PROFILES or *\n"
			"t.yaml:13:38: sources[0].devices[6].profile: a profile is named "
			"without "
			"folder and "
			"ending\n"
			"t.yaml:14:71: alarms[1].on: \"plant/g1/any\" matches no point*\n"
			"profiles/bad.yaml:1:10: profile: \"good\" is not the file's name "
			"(did you "
			"mean "
			"bad?)\n"
			"profiles/bad.yaml:2:1: pol: unknown key (did you mean poll?)\n"
			"profiles/bad.yaml:4:23: points[0].register: \"x\" is not a whole "
			"number\n"
			"profiles/bad.yaml:4:36: points[0].typ: unknown key (did you mean "
			"type?)\n"
			"profiles/bad.yaml:5:3: points[1].register: this key is missing\n"
			"profiles/bad.yaml:7:20: alarms[0].on: \"aa\" is no point of this "
			"profile "
			"(did you "
			"mean a?)\n"
			"profiles/bad.yaml:7:42: alarms[0].when.claer: unknown key (did "
			"you mean "
			"clear?)\n"
			"profiles/bad.yaml:8:3: alarms[1].on: this key is missing\n"
			"profiles/bad.yaml:10:10: alarms[3].name: an alarm on the same "
			"with this "
			"name "
			"stands on line 9 already\n"
			"profiles/torn.yaml:2:1: not YAML: did not find expected node "
			"content "
			"(while "
			"parsing a flow node)\n"));
	assert_non_null(strstr(said.line[0], "(did you mean gas?)"));
}

/* Paths in the file are relative to it, wherever the daemon runs. */
static void test_relative(void **state)
{
	static struct said said;
	struct gw_complaints complaints = {.say = hear, .arg = &said};
	struct gw_config *c = NULL;

	(void)state;
	said.n = 0;
	write_file("etc/site.yaml",
		"gateway: {id: box, state_dir: state, control_socket: /run/x}\n"
		"sources: [{name: m, driver: mqtt, url: u, ca: tls/ca.pem, devices: "
		"[{name: d, "
		"topic: t, profile: near}]}]\n");
	write_file("etc/profiles/near.yaml",
		"profile: near\npoints: [{name: p, register: \"coil:0\"}]\n");
	assert_int_equal(gw_config_load("etc/site.yaml", &c, &complaints), GW_OK);
	assert_string_equal(c->gateway.state_dir, "etc/state");
	assert_string_equal(c->gateway.control_socket, "/run/x");
	assert_string_equal(
		((const struct fake_broker *)c->sources[0].driver)->ca, "etc/tls/ca.pem");
	gw_config_free(c);
	assert_int_equal(gw_config_load("etc/none.yaml", &c, &complaints), GW_ERR_CONFIG);
	assert_string_equal(said.line[0],
		"etc/none.yaml:1:1: cannot be read: No such file or directory");
	assert_int_equal(gw_config_load("etc", &c, &complaints), GW_ERR_CONFIG);
	assert_string_equal(said.line[1], "etc:1:1: cannot be read: Is a directory");
	assert_int_equal(complaints.count, 1);
}

/* 200 kB of an opening bracket took a minute in another parser: here it is said at once. */
static void test_brackets(void **state)
{
	static struct said said;
	struct gw_complaints complaints = {.say = hear, .arg = &said};
	struct timespec from, to;
	struct gw_config *c = NULL;
	size_t n = 200 * 1000;
	char *bytes = malloc(n);
	const char kinds[] = "[{-?";

	(void)state;
	for (const char *k = kinds; *k; k++) {
		said.n = 0;
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

static void test_size(void **state)
{
	static struct said said;
	struct gw_complaints complaints = {.say = hear, .arg = &said};
	struct gw_config *c = NULL;
	size_t n = GW_YAML_BYTES_MAX + 1;
	char *bytes = malloc(n);

	(void)state;
	memset(bytes, '#', n);
	memcpy(bytes, "gateway: {id: box}\n", 19);
	said.n = 0;
	assert_int_equal(gw_load_bytes("t.yaml", bytes, n, &c, &complaints), GW_ERR_CONFIG);
	assert_string_equal(said.line[0], "t.yaml:1:1: larger than 1048576 bytes");
	assert_int_equal(gw_load_bytes("t.yaml", bytes, n - 1, &c, &complaints), GW_OK);
	gw_config_free(c);
	free(bytes);
}

/* What a reload looks at: is the source the same, whatever people call it. */
static void test_same(void **state)
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
		"gateway: {id: box}\nsources: [{name: s, driver: modbus-tcp, host: h, "
		"poll: 2s, "
		"timeout: 1s, devices: [{name: d, unit: 7, place: {room: x}, points: "
		"[{name: p, "
		"register: \"input:0\", order: CDAB, scale: 2, range: [0, 9], valid: [0, "
		"99], invalid: [5, raw:6], "
		"type: s16, "
		"unit: "
		"\"%\"}]}]}]\nuplinks: [{name: c, url: \"https://a\", heartbeat: 5s}]\n";
	struct gw_config *a = load_good(text), *b;
	char edited[1024];
	const char *at;

	(void)state;
	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		at = strstr(text, edits[i].from);
		assert_non_null(at);
		snprintf(edited, sizeof(edited), "%.*s%s%s", (int)(at - text), text,
			edits[i].to, at + strlen(edits[i].from));
		b = load_good(edited);
		if (gw_config_equal_source(&a->sources[0], &b->sources[0]) != edits[i].same)
			fail_msg("%s -> %s", edits[i].from, edits[i].to);
		assert_true(gw_config_equal_uplink(&a->uplinks[0], &b->uplinks[0]));
		gw_config_free(b);
	}
	b = load_good(
		"gateway: {id: box}\nuplinks: [{name: c, url: \"https://b\", heartbeat: "
		"5s}, {name: d, url: \"https://a\", heartbeat: 6s}]\n");
	assert_false(gw_config_equal_uplink(&a->uplinks[0], &b->uplinks[0]));
	assert_false(gw_config_equal_uplink(&a->uplinks[0], &b->uplinks[1]));
	gw_config_free(b);
	gw_config_free(a);

	a = load_good("gateway: {id: box}\nsources: [{name: m, driver: mqtt, url: u}]\n");
	b = load_good(
		"gateway: {id: box}\nsources: [{name: m, driver: mqtt, url: u}, {name: n, "
		"driver: mqtt, url: u, client_id: x}]\n");
	assert_true(gw_config_equal_source(&a->sources[0], &b->sources[0]));
	b->sources[1].name = "m";
	assert_false(gw_config_equal_source(&a->sources[0], &b->sources[1]));
	gw_config_free(b);
	gw_config_free(a);
	gw_config_free(NULL);
}

static void test_pairs(void **state)
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
	const struct gw_setting_pairs *pairs;
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(text, sizeof(text),
			"gateway: {id: box}\nuplinks: [{name: c, url: \"https://a\", "
			"accept: "
			"%s}]\n",
			rows[i].accept);
		c = load_good(text);
		if (!first)
			first = load_good(text);
		if (gw_config_equal_uplink(&first->uplinks[0], &c->uplinks[0]) !=
			rows[i].same)
			fail_msg("%s", rows[i].accept);
		gw_config_free(c);
	}
	pairs = &((const struct fake_https *)first->uplinks[0].sink_opts)->accept;
	assert_int_equal(pairs->n, 2);
	assert_int_equal(pairs->word, 0);
	assert_string_equal(pairs->at[0].key, "/a");
	assert_string_equal(pairs->at[0].value, "0");
	assert_false(pairs->at[0].quoted);
	assert_string_equal(pairs->at[1].value, "ok");
	gw_config_free(first);
	c = load_good("gateway: {id: box}\nuplinks: [{name: c, url: \"https://a\", accept: "
		      "{/e: null, /f: \"\"}}, {name: d, url: \"https://a\"}]\n");
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

/* Many alarms by one star, and a long chain of votes, end soon and on a small stack. */
static void test_many(void **state)
{
	enum { CHAIN = 12000 };
	size_t size = (size_t)CHAIN * 64 + 4096, used;
	char *yaml = malloc(size);
	static struct said said;
	struct gw_config *c;

	(void)state;
	used = (size_t)snprintf(yaml, size, "%s", ALARM);
	for (int i = 0; i < CHAIN - 1; i++)
		used += (size_t)snprintf(yaml + used, size - used,
			"- {name: v%d, when: {at_least: 1, of: [v%d]}}\n", i, i + 1);
	snprintf(yaml + used, size - used,
		"- {name: v%d, when: {at_least: 1, of: [plant/heat/b]}}\n", CHAIN - 1);
	c = load_good(yaml);
	for (size_t i = 0; i + 1 < c->n_alarms; i++)
		if (c->alarms[i + 1].when.n_members &&
			c->alarms[i + 1].when.members[0].is_alarm)
			assert_true(c->alarms[i + 1].when.members[0].index == i);
	gw_config_free(c);

	used = (size_t)snprintf(yaml, size,
		"gateway: {id: box}\nsources: [{name: m, driver: mqtt, url: u, devices: "
		"[{name: d, "
		"topic: t, points: [");
	for (int i = 0; i < 1001; i++)
		used += (size_t)snprintf(
			yaml + used, size - used, "{name: p%d, type: bool},\n", i);
	snprintf(yaml + used, size - used,
		"]}]}]\nalarms: [{name: v, when: {at_least: 1, of: [\"m/d/*\"]}}]\n");
	c = NULL;
	assert_int_equal(load(yaml, &c, &said), GW_ERR_CONFIG);
	assert_int_equal(0,
		differ(&said, "1001 points",
			"t.yaml:1004:44: alarms[0].when.of: 1001 members are too many (at "
			"most "
			"1000)\n"));
	free(yaml);
}

/* Every row that has a default can read it. */
static void test_rows(void **state)
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

static int enter_folder(void **state)
{
	static char folder[TEMP_DIR_MAX];

	*state = folder;
	if (temp_dir_make(folder) || chdir(folder) != 0 || mkdir("profiles", 0700) != 0 ||
		mkdir("etc", 0700) != 0 || mkdir("etc/profiles", 0700) != 0)
		return -1;
	return unsetenv("TOCSIN_PROFILES");
}

static int leave_folder(void **state)
{
	return chdir("/") || temp_dir_remove(*state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_points),
		cmocka_unit_test(test_implicit),
		cmocka_unit_test(test_point_faults),
		cmocka_unit_test(test_names_of_faults_are_free),
		cmocka_unit_test(test_codes),
		cmocka_unit_test(test_unless),
		cmocka_unit_test(test_nuisance),
		cmocka_unit_test(test_alarms),
		cmocka_unit_test(test_place_of_vote),
		cmocka_unit_test(test_profile),
		cmocka_unit_test(test_bad_profile),
		cmocka_unit_test(test_relative),
		cmocka_unit_test(test_brackets),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_rows),
	};

	return cmocka_run_group_tests_name("config", tests, enter_folder, leave_folder);
}

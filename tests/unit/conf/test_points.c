/* SPDX-License-Identifier: Apache-2.0 */
/* Points of devices, and the table of all points. */
#include "load_fixture.h"

static void ranges_and_invalid_values_of_a_point_are_checked(void **state)
{
	static const struct refused files[] = {
		{SITE "      - name: d\n        unit: 9\n        points:\n"
		      "        - {name: a, register: \"input:0\", range: [0, 9], valid: [1, 9]}\n"
		      "        - {name: c, register: \"input:0\", valid: [9, 1], invalid: [raw:x, x]}\n"
		      "        - {name: e, register: \"input:0\", invalid: {a: 1}}\n"
		      "alarms: [{name: out-of-range, on: plant/heat/t}]\n",
			"t.yaml:12:64: sources[0].devices[2].points[0].valid: valid must hold all of range: what the sensor measures is a value\n"
			"t.yaml:13:49: sources[0].devices[2].points[1].valid: the first number must be the smaller\n"
			"t.yaml:13:67: sources[0].devices[2].points[1].invalid[0]: raw:x: \"x\" is not a whole number\n"
			"t.yaml:13:74: sources[0].devices[2].points[1].invalid[1]: \"x\" is not a number\n"
			"t.yaml:14:51: sources[0].devices[2].points[2].invalid: a list of numbers is wanted here, such as [85, raw:0x7FFF]\n"
			"t.yaml:15:35: alarms[0].on: plant/heat/t has no range to be out of\n"},
	};

	(void)state;
	ASSERT_REFUSED(files);
}

static void settings_of_a_point_are_checked(void **state)
{
	static const struct refused files[] = {
		{SITE "      - name: d\n        unit: 9\n        place: {bulding: A}\n        points:\n"
		      "        - {name: a, register: \"input:70000\", range: [5]}\n"
		      "        - {name: a, register: input, range: [5, 1], scale: 0}\n"
		      "        - {name: c, bit: 3}\n"
		      "        - {name: \"d d\", register: \"input:1\", type: s17, order: ABDC}\n",
			"t.yaml:11:17: sources[0].devices[2].place.bulding: unknown key (did you mean building?)\n"
			"t.yaml:13:31: sources[0].devices[2].points[0].register: \"70000\" is out of range (0 to 65535)\n"
			"t.yaml:13:53: sources[0].devices[2].points[0].range: two numbers are wanted here: [lowest, highest]\n"
			"t.yaml:14:18: sources[0].devices[2].points[1].name: a point of this device has this name already, on line 13\n"
			"t.yaml:14:31: sources[0].devices[2].points[1].register: \"input\" is not a register such as input:0\n"
			"t.yaml:14:45: sources[0].devices[2].points[1].range: the first number must be the smaller\n"
			"t.yaml:14:60: sources[0].devices[2].points[1].scale: a scale of 0 would make every value the same\n"
			"t.yaml:15:11: sources[0].devices[2].points[2].register: this key is missing\n"
			"t.yaml:15:11: sources[0].devices[2].points[2].type: bit needs type bit\n"
			"t.yaml:16:18: sources[0].devices[2].points[3].name: \"d d\" is not a name: letters, digits, _ . and - only, no spaces\n"
			"t.yaml:16:52: sources[0].devices[2].points[3].type: \"s17\" is not one of number, bool, bit, u8, s8, u16, s16, u24, s24, u32, s32, u48, s48, u64, s64, f16, f32, f64, bcd16, bcd32, bcd64, sign-magnitude16, sign-magnitude32, ... (did you mean s16?)\n"
			"t.yaml:16:64: sources[0].devices[2].points[3].order: \"ABDC\" is not one of ABCD, CDAB, BADC, DCBA (did you mean ABCD?)\n"},
	};

	(void)state;
	ASSERT_REFUSED(files);
}

static void points_are_numbered_in_the_order_of_the_file(void **state)
{
	struct gw_config *c = load_valid(SITE
		"  - name: m\n    driver: mqtt\n    url: mqtt://h\n    devices: [{name: d, topic: t, place: {building: A, floor: \"-1\", room: 锅炉房}, points: [{name: p, unit: \"%\", range: [0, 100], scale: 0.5, offset: -1e1}]}]\n"
		"uplinks: [{name: city, url: \"https://x\", ca: ca.pem, cert: /c, key: ../k}]\n");
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_and_invalid_values_of_a_point_are_checked),
		cmocka_unit_test(settings_of_a_point_are_checked),
		cmocka_unit_test(points_are_numbered_in_the_order_of_the_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Faults that nobody has to configure. */
#include "load_fixture.h"

#define RANGED \
	SITE "      - name: gas\n        unit: 3\n        points:\n" \
	     "        - {name: t, register: \"input:1\", range: [0, 100]}\n" \
	     "        - {name: u, register: \"input:2\", range: [-1, 1]}\n" \
	     "        - {name: b, register: \"coil:1\", type: bool}\n" \
	     "  - name: m\n    driver: mqtt\n    url: mqtt://h\n    devices:\n" \
	     "    - {name: d, topic: t, points: [{name: p}, {name: q}]}\n" \
	     "    - {name: e, topic: u, expect_every: 1h, points: [{name: p}, {name: q}]}\n"

static void silent_down_and_parked_are_there_and_can_be_overridden(void **state)
{
	struct gw_config *c = load_valid(SITE
		"  - name: m\n    driver: mqtt\n    url: mqtt://h\n    devices: [{name: d, topic: t, points: [{name: p}]}, {name: e, topic: u, expect_every: 1h, points: [{name: p}]}]\n"
		"  - name: slow\n    driver: modbus-tcp\n    host: h\n    poll: 20s\n    devices: [{name: d, unit: 1, points: [{name: p, register: \"input:0\"}]}]\n"
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
	assert_int_equal(a->when->window_ns, INT64_C(10000000000));
	assert_int_equal(a->first_point, 0);
	assert_int_equal(a->n_points, 2);
	assert_string_equal(a->info.subject, "plant/heat");
	assert_string_equal(a->info.name, "silent");
	assert_string_equal(a->info.condition, "silent 10s");
	assert_string_equal(a->info.point, "");
	assert_string_equal(a->info.device, "heat");
	assert_int_equal(alarm_of(c, "plant/oven:silent")->level, GW_LEVEL_BLUE);
	assert_int_equal(
		alarm_of(c, "m/d:silent")->when->window_ns, INT64_C(86400000000000));
	assert_int_equal(
		alarm_of(c, "m/e:silent")->when->window_ns, INT64_C(7200000000000));
	assert_int_equal(
		alarm_of(c, "slow/d:silent")->when->window_ns, INT64_C(70000000000));
	assert_int_equal(alarm_of(c, "m/e:silent-long")->info.class_, GW_CLASS_WARNING);
	a = alarm_of(c, "plant:down");
	assert_int_equal(a->level, GW_LEVEL_ORANGE);
	assert_int_equal(a->first_point, 4);
	assert_string_equal(a->info.subject, "plant");
	assert_string_equal(a->info.source, "plant");
	assert_string_equal(a->info.device, "");
	assert_string_equal(a->info.condition, "is true");
	assert_true(a->when->is);
	a = alarm_of(c, "city:down");
	assert_int_equal(a->level, GW_LEVEL_ORANGE);
	assert_string_equal(a->info.source, "");
	assert_int_equal(a->first_point, c->uplink_first_point[0]);
	assert_int_equal(alarm_of(c, "city:parked")->level, GW_LEVEL_YELLOW);
	assert_int_equal(
		alarm_of(c, "gateway:store-failing")->first_point, c->store_first_point);
	gw_config_free(c);
}

/* Faults of points: where they are, what they know of their device, and how they are changed. */
static void unreadable_and_out_of_range_are_there_for_points_of_alarms(void **state)
{
	struct gw_config *c = load_valid(RANGED
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
	assert_true(a->when->polled);
	assert_int_equal(a->when->never_current_ns, INT64_C(100000000000));
	alarm_of(c, "plant/heat/b:unreadable"); /* holds another back */
	alarm_of(c, "plant/gas/b:unreadable");  /* votes */
	assert_false(has_alarm(c, "plant/oven/b:unreadable"));
	assert_false(has_alarm(c, "plant/gas/u:unreadable"));
	assert_false(has_alarm(c, "m/d/q:unreadable"));
	alarm_of(c, "m/e/q:unreadable"); /* a vote names it */
	assert_int_equal(alarm_of(c, "plant/oven/t:unreadable")->when->window_ns,
		INT64_C(180000000000)); /* its device's */
	a = alarm_of(c, "m/d/p:unreadable");
	assert_int_equal(a->when->window_ns, INT64_C(5000000000));
	assert_int_equal(a->info.class_, GW_CLASS_FAULT);
	assert_false(a->when->polled);
	assert_int_equal(
		a->when->never_current_ns, 0); /* nobody said how often it speaks */
	a = alarm_of(c, "m/e/p:unreadable");
	assert_int_equal(a->when->window_ns, INT64_C(3600000000000));
	assert_int_equal(a->when->never_current_ns, INT64_C(3600000000000));
	a = alarm_of(c, "plant/gas/t:out-of-range");
	assert_int_equal(a->on_delay_ns, INT64_C(60000000000));
	assert_int_equal(a->info.class_, GW_CLASS_FAULT);
	assert_string_equal(a->info.condition, "outside 0..100");
	alarm_of(c, "plant/gas/u:out-of-range"); /* no alarm needs to be on the point */
	assert_false(has_alarm(c, "plant/heat/t:out-of-range"));
	gw_config_free(c);
}

/* An alarm that a site configured under such a name stays as it was. */
static void names_of_point_faults_are_free(void **state)
{
	struct gw_config *c = load_valid(RANGED
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
	assert_int_equal(alarm_of(c, "many")->when->n_members, 1);
	gw_config_free(c);
}

static void chattering_and_flood_are_there_and_can_be_overridden(void **state)
{
	struct gw_config *c = load_valid(
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
	assert_int_equal(a->when->max_withheld_level, GW_LEVEL_BLUE);
	assert_string_equal(a->info.condition, "more than 10 alarms within 10min");
	gw_config_free(c);
	c = load_valid("gateway: {id: box, flood_level: orange}\n");
	assert_int_equal(
		alarm_of(c, "gateway:flood")->when->max_withheld_level, GW_LEVEL_ORANGE);
	gw_config_free(c);
	c = load_valid("gateway: {id: box, flood_level: none}\n");
	for (size_t i = 0; i < c->n_alarms; i++)
		assert_string_not_equal(c->alarms[i].info.key, "gateway:flood");
	gw_config_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(silent_down_and_parked_are_there_and_can_be_overridden),
		cmocka_unit_test(
			unreadable_and_out_of_range_are_there_for_points_of_alarms),
		cmocka_unit_test(names_of_point_faults_are_free),
		cmocka_unit_test(chattering_and_flood_are_there_and_can_be_overridden),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The example that is installed, with the drivers that ship: it loads, and means what it says. */
#include "base/clock.h"
#include "conf/compare.h"
#include "conf/config.h"
#include "conf/load.h"
#include "conf/setting_groups.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void hear(void *arg, const char *line)
{
	(void)arg;
	print_error("%s\n", line);
}

static struct gw_config *load_example(void)
{
	struct gw_complaints complaints = {.say = hear};
	struct gw_config *c = NULL;
	char path[1024];

	assert_non_null(getenv("TOCSIN_SOURCE"));
	snprintf(path, sizeof(path), "%s/config/tocsin.yaml", getenv("TOCSIN_SOURCE"));
	assert_int_equal(gw_config_load(path, &c, &complaints), GW_OK);
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

static void test_the_example_is_read_as_documented(void **state)
{
	struct gw_config *c = load_example();
	const struct gw_alarm_opts *a;

	(void)state;
	assert_string_equal(c->site.gateway, "tj-heping-0417");
	assert_string_equal(c->site.unit, "天津市和平区示例大厦");
	assert_string_equal(c->site.area, "120101");
	assert_int_equal(c->n_sources, 3);
	assert_int_equal(c->n_uplinks, 1);
	assert_int_equal(c->uplinks[0].heartbeat_ns, 30 * GW_NS_PER_SEC);
	assert_int_equal(c->sources[0].n_points, 8);
	assert_string_equal(c->points[2].key, "boiler-room/supply/temperature");
	assert_string_equal(c->points[2].unit_of_measure, "°C");

	a = alarm_of(c, "boiler-room/gas-1/ch4:ch4-high");
	assert_int_equal(a->level, GW_LEVEL_RED);
	assert_int_equal(a->info.class_, GW_CLASS_ALARM);
	assert_true(a->latch);
	assert_string_equal(a->info.condition, "above 50");
	assert_string_equal(a->info.unit_of_measure, "%LEL");
	assert_string_equal(a->info.place.room, "锅炉房");
	a = alarm_of(c, "smoke-confirmed");
	assert_int_equal(a->when->n_members, 2);
	assert_int_equal(a->when->window_ns, 60 * GW_NS_PER_SEC);
	assert_string_equal(a->info.place.floor, "3");
	assert_string_equal(a->info.text, "同一区域两只探测器同时报警");
	alarm_of(c, "zigbee/smoke-3f-08/smoke:smoke");
	assert_string_equal(
		alarm_of(c, "plant/heat-3f/temperature:heat-rate")->info.condition,
		"rises 8.3 per 1min");
	a = alarm_of(c, "zigbee/hydrant/pressure:hydrant-low");
	assert_int_equal(a->on_delay_ns, 10 * GW_NS_PER_SEC);
	assert_int_equal(a->off_delay_ns, 30 * GW_NS_PER_SEC);
	a = alarm_of(c, "zigbee/smoke-3f-07:silent");
	assert_int_equal(a->when->window_ns, 3600 * GW_NS_PER_SEC);
	assert_int_equal(alarm_of(c, "boiler-room/supply:silent")->when->window_ns,
		10 * GW_NS_PER_SEC);
	/* of points that an alarm hears, beside another; of the two that have a range */
	assert_int_equal(
		alarm_of(c, "zigbee/smoke-3f-07/smoke:unreadable")->when->window_ns,
		3600 * GW_NS_PER_SEC);
	alarm_of(c, "boiler-room/supply/pressure:unreadable");
	alarm_of(c, "boiler-room/gas-1/sensor-fault:unreadable");
	alarm_of(c, "boiler-room/gas-1/ch4:unreadable");
	alarm_of(c, "boiler-room/gas-1/ch4:out-of-range");
	alarm_of(c, "plant/heat-3f/temperature:out-of-range");
	/* 2 faults of each of 6 devices, of the uplink and of the store, 4 of the gateway, one of
	 * each of 3 sources; 4 of the profile; 2 smoke, the vote, heat, hydrant, supply */
	assert_int_equal(c->n_alarms, 2 * 8 + 4 + 3 + 4 + 6 + 6);
	gw_config_free(c);
}

/* A daemon that reads the same file again touches nothing. */
static void test_the_same_file_read_again_changes_nothing(void **state)
{
	struct gw_config *a = load_example(), *b = load_example();

	(void)state;
	for (size_t i = 0; i < a->n_sources; i++)
		assert_true(gw_config_equal_source(&a->sources[i], &b->sources[i]));
	assert_false(gw_config_equal_source(&a->sources[0], &b->sources[1]));
	assert_true(gw_config_equal_uplink(&a->uplinks[0], &b->uplinks[0]));
	gw_config_free(a);
	gw_config_free(b);
}

/* Every row of everybody can be shown and has a readable default. */
static void test_every_row_has_its_help_and_a_readable_default(void **state)
{
	size_t n;
	const struct gw_setting_group *g = gw_config_setting_groups(&n);

	(void)state;
	for (size_t i = 0; i < n; i++)
		for (const struct gw_setting *r = g[i].rows; r->key; r++) {
			assert_true(r->help && *r->help);
			assert_true((r->type == GW_SET_CUSTOM) == (r->parse != NULL));
			assert_true((r->type == GW_SET_CUSTOM) == (r->size != 0));
			assert_true((r->type == GW_SET_CHOICE) == (r->choices != NULL) ||
				r->type == GW_SET_PAIRS);
			assert_true(r->inspect == NULL || r->type == GW_SET_PATH);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_example_is_read_as_documented),
		cmocka_unit_test(test_the_same_file_read_again_changes_nothing),
		cmocka_unit_test(test_every_row_has_its_help_and_a_readable_default),
	};

	return cmocka_run_group_tests_name("config_example", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/event.h"

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static const struct gw_site_info site = {
	.gateway = "tj-heping-0417",
	.unit = "天津市和平区示例大厦",
	.area = "120101",
	.grid = "120101003012004",
};
static const struct gw_alarm_info high = {
	.key = "boiler-room/gas-1/ch4:ch4-high",
	.name = "ch4-high",
	.subject = "boiler-room/gas-1/ch4",
	.condition = "above 50",
	.text = "甲烷浓度过高",
	.point = "boiler-room/gas-1/ch4",
	.source = "boiler-room",
	.device = "gas-1",
	.unit_of_measure = "%LEL",
	.place = {"A", "-1", "锅炉房"},
	.site = &site,
	.class_ = GW_CLASS_ALARM,
};
static const struct gw_alarm_info vote = {
	.key = "smoke-confirmed",
	.name = "smoke-confirmed",
	.subject = "",
	.condition = "at least 2 within 1min",
	.text = "",
	.point = "",
	.source = "",
	.device = "",
	.unit_of_measure = "",
	.place = {"", "", ""},
	.site = &site,
	.class_ = GW_CLASS_ALARM,
};

static char memory[GW_EVENT_JSON_MAX];
static struct gw_text t;

static struct gw_event raised(void)
{
	struct gw_event e = {
		.seq = 42,
		.run = 7,
		.change = GW_CHANGE_RAISED,
		.state = GW_STATE_ACTIVE_UNACKED,
		.level = GW_LEVEL_RED,
		.quality = GW_QUALITY_GOOD,
		.info = &high,
		.value = 52.3,
		.limit = 50,
		.peak = 53,
		.eta_ms = -1,
		.boot_ns = INT64_C(123456789012),
		.wall_ms = INT64_C(1795220130123),
		.onset_ms = INT64_C(1795220128000),
		.synced = true,
		.durable = true,
		.boot = "5f0c1a52-7d0e-4c0e-9d6f-0123456789ab",
	};

	gw_event_occurrence(e.occurrence, site.gateway, e.run, e.seq, e.wall_ms);
	return e;
}

static const char *json(const struct gw_event *e)
{
	gw_text_init(&t, memory, sizeof(memory));
	gw_event_json(&t, e);
	assert_false(t.cut);
	return memory;
}

static const char *line(const struct gw_event *e)
{
	gw_text_init(&t, memory, sizeof(memory));
	gw_event_line(&t, e);
	return memory;
}

static void json_has_the_fixed_fields_in_order(void **state)
{
	struct gw_event e = raised();

	(void)state;
	memset(e.occurrence, 0xab, sizeof(e.occurrence));
	assert_string_equal(json(&e),
		"{\"gateway\":\"tj-heping-0417\",\"unit\":\"天津市和平区示例大厦\","
		"\"area\":\"120101\",\"grid\":\"120101003012004\","
		"\"alarm\":\"boiler-room/gas-1/ch4:ch4-high\",\"name\":\"ch4-high\","
		"\"occurrence\":\"abababab-abab-abab-abab-abababababab\",\"seq\":42,"
		"\"run\":7,"
		"\"durable\":true,\"point\":\"boiler-room/gas-1/"
		"ch4\",\"source\":\"boiler-room\","
		"\"device\":\"gas-1\",\"place\":{\"building\":\"A\",\"floor\":\"-1\","
		"\"room\":\"锅炉房\"},\"change\":\"raised\",\"state\":\"active-unacked\","
		"\"level\":\"red\",\"class\":\"alarm\",\"text\":\"甲烷浓度过高\",\"value\":"
		"52.3,"
		"\"unit_of_measure\":\"%LEL\",\"limit\":50,\"condition\":\"above 50\","
		"\"onset\":\"2026-11-21T00:15:28.000Z\",\"since_boot_ms\":123456,"
		"\"boot\":\"5f0c1a52-7d0e-4c0e-9d6f-0123456789ab\",\"clock\":\"synced\","
		"\"quality\":\"good\",\"peak\":53,\"confirmed_by\":[]}");
}

static void json_of_what_is_missing(void **state)
{
	struct gw_event e = raised();
	json_t *data;

	(void)state;
	e.info = &vote;
	e.value = e.limit = e.peak = (double)NAN;
	e.onset_ms = 0;
	e.synced = e.durable = false;
	e.n_confirmed_by = 2;
	e.confirmed_by[0] = "zigbee/smoke-3f-07/smoke:smoke";
	e.confirmed_by[1] = "zigbee/smoke-3f-08/smoke:smoke";
	e.eta_ms = 0;
	strcpy(e.note, "seen \"it\"\n");
	data = json_loads(json(&e), JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(data);
	assert_true(json_is_null(json_object_get(data, "value")));
	assert_true(json_is_null(json_object_get(data, "limit")));
	assert_true(json_is_null(json_object_get(data, "peak")));
	assert_true(json_is_null(json_object_get(data, "onset")));
	assert_true(json_is_false(json_object_get(data, "durable")));
	assert_string_equal(json_string_value(json_object_get(data, "clock")), "unsynced");
	assert_int_equal(json_array_size(json_object_get(data, "confirmed_by")), 2);
	assert_int_equal(json_integer_value(json_object_get(data, "eta_ms")), 0);
	assert_string_equal(
		json_string_value(json_object_get(data, "note")), "seen \"it\"\n");
	json_decref(data);
	e.eta_ms = -1;
	e.note[0] = '\0';
	assert_null(strstr(json(&e), "eta_ms"));
	assert_null(strstr(json(&e), "note"));
}

static void line_is_the_designs(void **state)
{
	struct gw_event e = raised();

	(void)state;
	assert_string_equal(line(&e),
		"2026-11-21T08:15:30.123+08:00 RED raised boiler-room/gas-1/ch4 ch4-high "
		"52.3 %LEL above 50 @ A/-1/锅炉房 #42");
}

static void line_marks_what_is_missing(void **state)
{
	struct gw_alarm_info info = vote;
	struct gw_event e = raised();

	(void)state;
	e.info = &info;
	e.value = (double)NAN;
	assert_string_equal(line(&e),
		"2026-11-21T08:15:30.123+08:00 RED raised - smoke-confirmed - "
		"at least 2 within 1min @ - #42");
	info.place.room = "走\n廊";
	e.value = 1;
	e.level = GW_LEVEL_ORANGE;
	e.change = GW_CHANGE_CLEARED;
	assert_string_equal(line(&e),
		"2026-11-21T08:15:30.123+08:00 ORANGE cleared - smoke-confirmed 1 "
		"at least 2 within 1min @ -/-/走 廊 #42");
}

static void id_is_gateway_run_seq(void **state)
{
	struct gw_event e = raised();

	(void)state;
	gw_text_init(&t, memory, sizeof(memory));
	gw_event_id(&t, &e);
	assert_string_equal(memory, "tj-heping-0417-7-0000000042");
	e.seq = 12345678901;
	gw_text_init(&t, memory, sizeof(memory));
	gw_event_id(&t, &e);
	assert_string_equal(memory, "tj-heping-0417-7-12345678901");
	e.run = (UINT64_C(1) << 53) - 1;
	e.seq = 42;
	gw_text_init(&t, memory, sizeof(memory));
	gw_event_id(&t, &e);
	assert_string_equal(memory, "tj-heping-0417-9007199254740991-0000000042");
}

static void occurrence_is_a_repeatable_uuid7(void **state)
{
	static uint8_t seen[3 * 4 * 100][16];
	static const char *const boxes[] = {"a", "b", "ab"};
	uint8_t again[16];
	uint64_t run;
	uint64_t seq;
	size_t box, i, n = 0;

	(void)state;
	for (box = 0; box < 3; box++)
		for (run = 1; run <= 4; run++)
			for (seq = 1; seq <= 100; seq++, n++) {
				gw_event_occurrence(
					seen[n], boxes[box], run, seq, 0x0123456789ab);
				assert_memory_equal(seen[n], "\x01\x23\x45\x67\x89\xab", 6);
				assert_int_equal(seen[n][6] >> 4, 7);
				assert_int_equal(seen[n][8] >> 6, 2);
				for (i = 0; i < n; i++)
					assert_memory_not_equal(seen[i], seen[n], 16);
			}
	gw_event_occurrence(again, "a", 1, 1, 0x0123456789ab);
	assert_memory_equal(again, seen[0], 16);
}

static void names_are_the_designs(void **state)
{
	int i;

	(void)state;
	for (i = 0; gw_change_names[i]; i++)
		assert_string_equal(gw_change_name((enum gw_change)i), gw_change_names[i]);
	assert_int_equal(i, GW_CHANGE_AMENDED + 1);
	for (i = 0; gw_state_names[i]; i++)
		assert_string_equal(gw_state_name((enum gw_state)i), gw_state_names[i]);
	assert_int_equal(i, GW_STATE_OUT_OF_SERVICE + 1);
	for (i = 0; gw_level_names[i]; i++)
		assert_string_equal(gw_level_name((enum gw_level)i), gw_level_names[i]);
	assert_int_equal(i, GW_LEVEL_RED + 1);
	for (i = 0; gw_class_names[i]; i++)
		assert_string_equal(gw_class_name((enum gw_class)i), gw_class_names[i]);
	assert_int_equal(i, GW_CLASS_ALARM + 1);
	for (i = 0; i < GW_QUALITY_COUNT; i++)
		assert_non_null(gw_quality_name((enum gw_quality)i));
	assert_string_equal(gw_quality_name(GW_QUALITY_NONE), "silent");
	assert_string_equal(gw_quality_name(GW_QUALITY_BAD_PAYLOAD), "bad-payload");
	assert_string_equal(gw_state_name(GW_STATE_LATCHED_ACKED), "latched-acked");
	/* a damaged record must not become a wild read */
	assert_string_equal(gw_change_name((enum gw_change)200), "unknown");
	assert_string_equal(gw_state_name((enum gw_state)200), "unknown");
	assert_string_equal(gw_level_name((enum gw_level)200), "unknown");
	assert_string_equal(gw_class_name((enum gw_class)200), "unknown");
	assert_string_equal(gw_quality_name((enum gw_quality)200), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_has_the_fixed_fields_in_order),
		cmocka_unit_test(json_of_what_is_missing),
		cmocka_unit_test(line_is_the_designs),
		cmocka_unit_test(line_marks_what_is_missing),
		cmocka_unit_test(id_is_gateway_run_seq),
		cmocka_unit_test(occurrence_is_a_repeatable_uuid7),
		cmocka_unit_test(names_are_the_designs),
	};

	setenv("TZ", "CST-8", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

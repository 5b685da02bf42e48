/* SPDX-License-Identifier: Apache-2.0 */
#include "uplink/payload.h"
#include "uplink_rows.h"

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct gw_site_info site = {.gateway = "gw-tj-0001",
	.unit = "示例大厦",
	.area = "120101",
	.grid = "120101003012004"};

static const struct gw_alarm_info alarm = {
	.key = "zigbee/smoke-017/smoke:fire",
	.name = "fire",
	.subject = "zigbee/smoke-017/smoke",
	.condition = "is true",
	.text = "say \"durable\":true",
	.point = "zigbee/smoke-017/smoke",
	.source = "zigbee",
	.device = "smoke-017",
	.unit_of_measure = "",
	.place = {.building = "3", .floor = "12", .room = ""},
	.site = &site,
	.class_ = GW_CLASS_ALARM,
};

static struct gw_event make_event(void)
{
	return (struct gw_event){
		.seq = 42,
		.run = 7,
		.change = GW_CHANGE_RAISED,
		.state = GW_STATE_ACTIVE_UNACKED,
		.level = GW_LEVEL_RED,
		.quality = GW_QUALITY_GOOD,
		.occurrence = {0x01, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x70, 1, 0x80, 2, 3, 4,
			5, 6, 7, 8},
		.info = &alarm,
		.value = 1,
		.limit = (double)NAN,
		.peak = 1,
		.eta_ms = -1,
		.boot_ns = 5000000000,
		.wall_ms = INT64_C(1795133730000),
		.onset_ms = INT64_C(1795133730000),
		.synced = true,
		.durable = true,
		.boot = "11111111-2222-3333-4444-555555555555",
	};
}

/* As it is sent: with the value of durable inserted. */
static size_t render(const struct gw_event *e, char *memory)
{
	const char *durable = e->durable ? gw_payload_cloudevents.durable
					 : gw_payload_cloudevents.undurable;
	size_t n = strlen(durable), at;
	struct gw_text t;

	gw_text_init(&t, memory, GW_PAYLOAD_MAX);
	at = gw_payload_cloudevents.event(NULL, &t, e);
	assert_false(t.cut);
	assert_in_range(at, 1, t.used);
	memmove(memory + at + n, memory + at, t.used - at + 1);
	memcpy(memory + at, durable, n);
	return t.used + n;
}

/* The attributes in the order and form of the standard's full vector. */
static void test_an_event_has_the_form_of_the_standard(void **state)
{
	static const char golden[] =
		"{\"specversion\":\"1.0\",\"id\":\"gw-tj-0001-7-0000000042\","
		"\"source\":\"urn:tocsin:gw-tj-0001\",\"type\":\"tocsin.alarm.raised\","
		"\"time\":\"2026-11-20T00:15:30.000Z\","
		"\"subject\":\"zigbee/smoke-017/smoke:fire\","
		"\"datacontenttype\":\"application/json\",\"sequence\":\"0000000042\","
		"\"severitynumber\":21,\"severitytext\":\"FATAL\",\"data\":{";
	struct gw_event e = make_event();
	char body[GW_PAYLOAD_MAX], data[GW_EVENT_JSON_MAX], all[GW_PAYLOAD_MAX];
	struct gw_text t;
	json_t *root;

	(void)state;
	render(&e, body);
	assert_memory_equal(body, golden, strlen(golden));
	gw_text_init(&t, data, sizeof(data));
	gw_event_json(&t, &e);
	gw_text_init(&t, all, sizeof(all));
	gw_text_add_n(&t, golden, strlen(golden) - 1);
	gw_text_add(&t, data);
	gw_text_add(&t, "}");
	assert_string_equal(body, all);
	root = json_loads(body, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(root);
	json_decref(root);
}

static void test_each_level_has_its_severity(void **state)
{
	static const char *const said[] = {
		[GW_LEVEL_BLUE] = "\"severitynumber\":9,\"severitytext\":\"INFO\"",
		[GW_LEVEL_YELLOW] = "\"severitynumber\":13,\"severitytext\":\"WARN\"",
		[GW_LEVEL_ORANGE] = "\"severitynumber\":19,\"severitytext\":\"ERROR\"",
		[GW_LEVEL_RED] = "\"severitynumber\":21,\"severitytext\":\"FATAL\"",
	};
	char body[GW_PAYLOAD_MAX];
	struct gw_event e = make_event();
	uint8_t level;

	(void)state;
	for (level = GW_LEVEL_BLUE; level <= GW_LEVEL_RED; level++) {
		e.level = level;
		render(&e, body);
		assert_non_null(strstr(body, said[level]));
	}
}

static void test_a_repeat_is_identical(void **state)
{
	struct gw_event e = make_event();
	char a[GW_PAYLOAD_MAX], b[GW_PAYLOAD_MAX];

	(void)state;
	memset(b, 'x', sizeof(b));
	assert_int_equal(render(&e, a), render(&e, b));
	assert_string_equal(a, b);
}

/* What is rendered does not depend on durable, which is known only when the event is sent. */
static void test_durable_is_inserted_when_sent(void **state)
{
	struct gw_event e = make_event();
	char body[GW_PAYLOAD_MAX], other[GW_PAYLOAD_MAX];
	struct gw_text t, u;

	(void)state;
	gw_text_init(&t, body, sizeof(body));
	gw_text_init(&u, other, sizeof(other));
	e.durable = false;
	gw_payload_cloudevents.event(NULL, &t, &e);
	e.durable = true;
	gw_payload_cloudevents.event(NULL, &u, &e);
	assert_string_equal(body, other);
	render(&e, body);
	assert_non_null(strstr(body, "\"durable\":true,"));
	e.durable = false;
	render(&e, body);
	assert_non_null(strstr(body, "\"durable\":false,"));
}

static void test_gateway_ids_in_a_urn(void **state)
{
	static const struct {
		const char *gateway, *said;
	} rows[] = {
		{"plain-1.2_x~", "\"source\":\"urn:tocsin:plain-1.2_x~\""},
		{"a b\"c%d", "\"source\":\"urn:tocsin:a%20b%22c%25d\""},
		{"天津", "\"source\":\"urn:tocsin:%E5%A4%A9%E6%B4%A5\""},
		{"a/b", "\"source\":\"urn:tocsin:a/b\""},
		{"/lead?q#f", "\"source\":\"urn:tocsin:%2Flead%3Fq%23f\""},
	};
	struct gw_site_info s = site;
	struct gw_alarm_info a = alarm;
	struct gw_event e = make_event();
	char body[GW_PAYLOAD_MAX];
	size_t i;

	(void)state;
	a.site = &s;
	e.info = &a;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *root;
		char id[64];

		s.gateway = rows[i].gateway;
		render(&e, body);
		assert_non_null(strstr(body, rows[i].said));
		root = json_loads(body, 0, NULL);
		assert_non_null(root);
		snprintf(id, sizeof(id), "%s-7-0000000042", rows[i].gateway);
		assert_string_equal(json_string_value(json_object_get(root, "id")), id);
		json_decref(root);
	}
}

static void test_too_long_is_cut_and_says_so(void **state)
{
	static char text[GW_PAYLOAD_MAX];
	struct gw_alarm_info a = alarm;
	struct gw_event e = make_event();
	char body[GW_PAYLOAD_MAX];
	struct gw_text t;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	a.text = text;
	e.info = &a;
	gw_text_init(&t, body, sizeof(body));
	gw_payload_cloudevents.event(NULL, &t, &e);
	assert_true(t.cut);
}

static void test_a_heartbeat_has_the_form_of_the_standard(void **state)
{
	struct gw_heartbeat h = {.site = &site,
		.run = UINT64_C(1882597000000000),
		.count = 3,
		.last_seq = 42,
		.uptime_ms = 61000,
		.wall_ms = INT64_C(1795133730000),
		.since_boot_ms = 99000,
		.synced = false,
		.pending = 2,
		.parked = 1,
		.oldest_ms = 1500,
		.next_by_ms = INT64_C(1795133765000),
		.sources_up = 2,
		.sources = 3,
		.standing = 4,
		.oldest_beat_thread = "store",
		.oldest_beat_ms = 1900,
		.events_lost = 7,
		.journal_seq = 41,
		.journal_head =
			"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		.version = "0.1.0"};
	char body[GW_PAYLOAD_MAX];
	struct gw_text t;

	(void)state;
	gw_text_init(&t, body, sizeof(body));
	gw_payload_cloudevents.heartbeat(NULL, &t, &h);
	assert_string_equal(body,
		"{\"specversion\":\"1.0\",\"id\":\"gw-tj-0001-1882597000000000-hb-3\","
		"\"source\":\"urn:tocsin:gw-tj-0001\",\"type\":\"tocsin.gateway."
		"heartbeat\","
		"\"time\":\"2026-11-20T00:15:30.000Z\",\"datacontenttype\":\"application/"
		"json\","
		"\"data\":{\"gateway\":\"gw-tj-0001\",\"unit\":\"示例大厦\",\"area\":"
		"\"120101\","
		"\"grid\":\"120101003012004\",\"run\":1882597000000000,\"heartbeat\":3,"
		"\"expect_next_by\":\"2026-11-20T00:16:05.000Z\",\"clock\":\"unsynced\","
		"\"uptime_ms\":61000,\"since_boot_ms\":99000,\"last_seq\":42,\"pending\":2,"
		"\"oldest_ms\":1500,\"parked\":1,\"standing\":4,\"sources\":3,\"sources_"
		"up\":2,\"oldest_beat_ms\":1900,\"oldest_beat_thread\":\"store\","
		"\"events_lost\":7,\"journal_head\":{\"seq\":41,\"sha256\":"
		"\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"},"
		"\"version\":\"0.1.0\"}}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_event_has_the_form_of_the_standard),
		cmocka_unit_test(test_each_level_has_its_severity),
		cmocka_unit_test(test_a_repeat_is_identical),
		cmocka_unit_test(test_durable_is_inserted_when_sent),
		cmocka_unit_test(test_gateway_ids_in_a_urn),
		cmocka_unit_test(test_too_long_is_cut_and_says_so),
		cmocka_unit_test(test_a_heartbeat_has_the_form_of_the_standard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/mqtt_opts.h"
#include "drivers/mqtt_payload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NO (-77777.0)

static enum gw_mqtt_lookup_result last;
static struct gw_mqtt_json_damage damage;

/* The bytes in memory of exactly their size, so that a sanitizer sees a step too far. */
static double read_n(const char *bytes, size_t size, struct gw_mqtt_lookup want)
{
	char *copy = malloc(size ? size : 1);
	struct gw_mqtt_payload p;
	double value = NO, again = NO;

	memcpy(copy, bytes, size);
	gw_mqtt_payload_init(&p, copy, size);
	last = gw_mqtt_payload_read(&p, &want, &value);
	assert_true((last == GW_MQTT_VALUE) == (value != NO));
	damage = p.damage;
	gw_mqtt_payload_read(&p, &want, &again);
	assert_true(value == again);
	free(copy);
	return value;
}

static double whole(const char *text)
{
	return read_n(
		text, strlen(text), (struct gw_mqtt_lookup){.name = "ch4", .alone = true});
}

static double word(const char *text)
{
	return read_n(text, strlen(text),
		(struct gw_mqtt_lookup){.name = "smoke", .alone = true, .is_bool = true});
}

static double at(const char *path, const char *text)
{
	return read_n(
		text, strlen(text), (struct gw_mqtt_lookup){.path = path, .name = "x"});
}

static void a_bare_number_is_read_strictly(void **state)
{
	static const char *const bad[] = {"", " ", "57,5", "60abc", "nan", "NaN", "inf",
		"-Infinity", "1e999", "010", "0x10", "--1", "+-1", "+", ".", "-.", "1e",
		"e5", "1.2.3", "true", "null", "on", "52.3 %", "5 5", "５"};

	(void)state;
	assert_true(whole("52.3") == 52.3);
	assert_true(whole("-0.5e-3") == -0.5e-3);
	assert_true(whole("0") == 0);
	assert_true(whole("\"52.3\"") == 52.3);
	assert_true(whole("+5") == 5 && whole(".5") == 0.5 && whole("5.") == 5);
	assert_true(
		whole("-.5") == -0.5 && whole("+5.e1") == 50 && whole("\"+.5\"") == 0.5);
	assert_true(whole(" 52.3\n") == 52.3); /* a JSON text, as echo makes it */
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (whole(bad[i]) != NO)
			fail_msg("\"%s\" became %g", bad[i], whole(bad[i]));
	assert_true(
		read_n("1\0", 2, (struct gw_mqtt_lookup){.name = "x", .alone = true}) == 1);
	assert_true(whole("\xef\xbb\xbf"
			  "52.3") == 52.3);
	assert_true(read_n("1\0002", 3,
			    (struct gw_mqtt_lookup){.name = "x", .alone = true}) == NO);
}

static void words_are_read_for_bools_only(void **state)
{
	static const char *const yes[] = {"1", "true", "on", "ON", "On", "TRUE", "open",
		" on\r\n", "\"\\tON\\u0000\"", "{\"smoke\": \" on \"}", "1.0", "detected",
		"\"ON\"", "{\"smoke\": true}", "{\"smoke\": 1}",
		"{\"smoke\": \"detected\"}"};
	static const char *const no[] = {"0", "false", "OFF", "closed", "clear", "\"off\"",
		"{\"smoke\": false}", "{\"smoke\": 0}", "{\"smoke\": \"0\"}"};
	static const char *const bad[] = {"2", "-1", "yes", "o", "onn", "", "o n", "null",
		"{\"smoke\": null}", "{\"smoke\": 2}", "{\"smoke\": \"\"}", "[true]"};

	(void)state;
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		assert_true(word(yes[i]) == 1);
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		assert_true(word(no[i]) == 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_true(word(bad[i]) == NO);
	assert_true(whole("{\"ch4\": true}") == NO); /* wrong type, not 1 */
}

static void a_pointer_finds_its_value(void **state)
{
	static const char json[] =
		"{\"a\": {\"b\": [10, {\"c\": 3}], \"x/y\": 5, \"m~n\": 6,"
		" \"\": 7, \"s\": \"8.5\"}, \"0\": 9, \"big\": 18446744073709551616}";

	(void)state;
	assert_true(at("/a/b/0", json) == 10);
	assert_true(at("/a/b/1/c", json) == 3);
	assert_true(at("/a/x~1y", json) == 5);
	assert_true(at("/a/m~0n", json) == 6);
	assert_true(at("/a/", json) == 7);
	assert_true(at("/a/s", json) == 8.5);
	assert_true(at("/0", json) == 9);
	assert_true(at("/big", json) == 18446744073709551616.0);
	assert_true(at("/a/b/2", json) == NO);
	assert_true(at("/a/b/01", json) == NO);
	assert_true(at("/a/b/-", json) == NO);
	assert_true(at("/a/b/-0", json) == NO);
	assert_true(at("/a/b/0x0", json) == NO);
	assert_true(at("/a/b", json) == NO);
	assert_true(at("/a/b/0/c", json) == NO);
	assert_true(at("/a/nothing", json) == NO);
	assert_true(at("/A", json) == NO);
	assert_true(at("", json) == NO);
	assert_true(at("", "42") == 42);
	assert_true(at("/0", "[5]") == 5);
}

static void without_a_path_the_value_is_found_by_name(void **state)
{
	struct gw_mqtt_lookup one_of_two = {.name = "ch4"};

	(void)state;
	assert_true(whole("{\"ch4\": 5, \"battery\": 90}") == 5);
	assert_true(whole("{\"co\": 5}") == NO);
	assert_true(whole("[5]") == NO);
	assert_true(read_n("{\"ch4\": 5}", 10, one_of_two) == 5);
	assert_true(read_n("5", 1, one_of_two) == NO);
	assert_true(read_n("[5]", 3, one_of_two) == NO);
}

/* Nothing that is only nearly a value of its own is one. */
static void json_is_read_strictly(void **state)
{
	(void)state;
	assert_true(whole("{\"ch4\": 5}") == 5);
	assert_true(whole("{\"ch4\": 1e999}") == NO);
	assert_true(whole("{\"ch4\": 5} x") == 5);
	assert_true(whole("{\"ch4\": 5, \"ch4\": 60}") == NO);
	assert_true(whole("{\"CH4\": 5}") == NO);
	assert_true(whole("{\"ch4\": 05}") == NO);
	assert_true(whole("{\"ch4\": NaN}") == NO);
	assert_true(whole("{\"ch4\": 5") == NO);
	assert_true(whole("{\"ch4\": \"0x5\"}") == NO);
	assert_true(whole("{\"ch4\": [5]}") == NO);
	assert_true(whole("{'ch4': 5}") == NO);
	assert_true(read_n("{\"ch4\": 1\0002}", 11,
			    (struct gw_mqtt_lookup){.name = "ch4", .alone = true}) == NO);
}

static double unit(const char *text)
{
	return read_n(text, strlen(text),
		(struct gw_mqtt_lookup){.path = "/t", .name = "t", .unit = "°C"});
}

static void a_number_may_have_its_own_unit(void **state)
{
	(void)state;
	assert_true(unit("{\"t\":\"21.5 °C\"}") == 21.5);
	assert_true(unit("{\"t\":\"+21.5°C \"}") == 21.5);
	assert_true(unit("{\"t\":\"21.5\"}") == 21.5);
	assert_true(unit("{\"t\":\"21.5 %\"}") == NO);
	assert_true(unit("{\"t\":\"21.5 K\"}") == NO);
	assert_true(unit("{\"t\":\"21.5 °C °C\"}") == NO);
	assert_true(unit("{\"t\":\"°C\"}") == NO);
	assert_true(unit("{\"t\":21.5 °C}") == NO); /* bare, it is not JSON */
	assert_true(
		read_n("90%", 3, (struct gw_mqtt_lookup){.path = "", .unit = "%"}) == 90);
}

/* Each message says that there is smoke. Something else is wrong with it. */
static void a_damaged_message_still_yields_the_value(void **state)
{
	static const char *const messages[] = {
		"{\"smoke\":true,\"temperature\":nan}",
		"{\"temperature\":nan,\"smoke\":true}",
		"{\"temperature\":-Infinity,\"smoke\":true}",
		"{\"a\\u0000b\":1,\"smoke\":true}",
		"{\"smoke\":true,\"a\\u0000b\":1}",
		"{\"x\":\"\\u0000\",\"smoke\":true}",
		"{\"name\":\"\xb2\xe2\xca\xd4\",\"smoke\":true}", /* GBK */
		"{\"name\":\"M\xfcnz\",\"smoke\":true}",          /* Latin-1 */
		"{\"\xb2\xe2\":1,\"smoke\":true}",
		"{\"smoke\":true,\"name\":\"\xff\"}",
		"{\"name\":\"a\tb\",\"smoke\":true}",
		"{\"name\":\"a\nb\",\"smoke\":true}",
		"{\"name\":\"\\x\",\"smoke\":true}",
		"{\"name\":\"\\ud800\",\"smoke\":true}",
		"{\"x\":1,\"smoke\":true,\"x\":2}",
		"{\"x\":{\"smoke\":false,\"a\":[1,,2]},\"smoke\":true}",
		"{\"x\":05,\"y\":0x10,\"z\":undefined,\"smoke\":true}",
		"{\"t\":12:30,\"smoke\":true}",
		"{\"x\":,\"smoke\":true}",
		"{,\"smoke\":true}",
		"{\"smoke\":true,}",
		"{\"x\":[1,2,],\"smoke\":true}",
		"{x:1,\"smoke\":true}",
		"{'x':'y','smoke':false,\"smoke\":true}",
		"{\"x\",\"smoke\":true}",
		"{\"x\":1e999,\"smoke\":true}",
		"\xef\xbb\xbf{\"smoke\":true}",
		"{\"smoke\":true} x",
		"{\"smoke\":true}}",
		"{\"smoke\":true}{\"battery\":9}",
		"{\"smoke\":true,\"x\":\"cut off he",
		"{\"smoke\":true,\"x\":12",
		"{\"smoke\":true,\"x\":{\"y\":",
		"{\"smoke\":true,",
		"{\"smoke\":true,\"x\":[1,2}}",
		"{\"smoke\":true,\"x\":\"a\"b\",\"y\":1}",
	};
	const struct gw_mqtt_lookup want = {
		.path = "/smoke", .name = "smoke", .is_bool = true};

	(void)state;
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		if (read_n(messages[i], strlen(messages[i]), want) != 1)
			fail_msg("no smoke in %s", messages[i]);
		if (!strstr(messages[i], "\"x\":2") && !strstr(messages[i], "1e999"))
			assert_non_null(damage.what);
	}
	assert_true(read_n("{\"smoke\":true}\0\0", 16, want) == 1);
	assert_non_null(damage.what);
	assert_true(read_n("{\"smoke\":true}\r\n", 16, want) == 1);
	assert_null(damage.what);
	assert_true(read_n("{\"x\":\"\0\",\"smoke\":true}", 22, want) == 1);
	assert_int_equal(damage.at, 6);
}

static void damage_on_the_way_makes_it_bad(void **state)
{
	static const char *const messages[] = {
		"{\"smoke\":true,\"smoke\":true}", /* said twice, though alike */
		"{\"smoke\":false,\"x\":1,\"sm\\u006fke\":true}",
		"{\"smoke\":nan}",
		"{\"smoke\":}",
		"{\"smoke\"}",
		"{\"smoke\" true}",
		"{\"smoke\":null}",
		"{\"smoke\":\"\"}",
		"{\"smoke\":\"o\xff\"}",
		"{\"smoke\":\"o\tn\"}",
		"{\"smoke\":\"on\\u0000off\"}",
		"{\"smoke\":[true]}",
		"{\"smoke\":{\"smoke\":true}}",
		"{\"smoke\":true false}",
		"{\"smoke\":tru",
		"{\"smoke\":true", /* who knows how it went on */
		"{\"smoke\":\"on",
		"{\"x\":\"a\"b\",\"smoke\":true}", /* where does a string end? */
		"{\"x\":\"\xb2\\\",\"smoke\":true}",
		"{\"x\":[1,2},\"smoke\":true}",
		"{\"x\":1 \"smoke\":true}",
		"{\"x\":\"y\" \"smoke\":true}",
		"{\"smoke\":false}{\"smoke\":true}", /* which of the two? */
		"{\"smoke\":false,\"x\":\"a\"b\",\"smoke\":true}",
		"{\"smoke\":false,\"x\":\"a,\"smoke\":true}",
		"smoke",
		"{",
		"[true]",
	};
	const struct gw_mqtt_lookup want = {.path = "/smoke", .name = "x", .is_bool = true};

	(void)state;
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		double value = read_n(messages[i], strlen(messages[i]), want);
		bool silent = strcmp(messages[i], "{") == 0;

		if (last != (silent ? GW_MQTT_ABSENT : GW_MQTT_UNREADABLE))
			fail_msg("%s is %d, %g", messages[i], (int)last, value);
	}
	assert_true(at("/a/b", "{\"a\":{\"b\":1},\"a\":{\"b\":1}}") == NO);
	assert_int_equal(last, GW_MQTT_UNREADABLE);
	assert_true(at("/a/1", "{\"a\":[,5]}") == NO); /* the first or the second? */
	assert_int_equal(last, GW_MQTT_UNREADABLE);
	assert_true(at("/a/0", "{\"a\":[5,,6]}") == 5);
	assert_true(at("/a/b", "{\"a\":{\"b\":1,\"c\":\"cut") == 1);
	assert_true(at("/a/b", "{\"a\":{\"c\":\"x\"y\",\"b\":1}}") == NO);
	assert_int_equal(last, GW_MQTT_UNREADABLE);
}

static void a_missing_field_is_no_value(void **state)
{
	static const char *const messages[] = {
		"{}",
		"{\"battery\":90}",
		"{\"Smoke\":true}",
		"{\"x\":{\"smoke\":true}}",
		"{\"battery\":nan}",
		"{\"battery\":9",
		"{\"x\":\"smoke\"}",
	};
	const struct gw_mqtt_lookup want = {.path = "/smoke", .name = "x", .is_bool = true};

	(void)state;
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		(void)read_n(messages[i], strlen(messages[i]), want);
		if (last != GW_MQTT_ABSENT)
			fail_msg("%s is %d", messages[i], (int)last);
	}
	(void)at("/a/b", "{\"a\":5}");
	assert_int_equal(last, GW_MQTT_ABSENT);
	(void)at("/a/2", "{\"a\":[5]}");
	assert_int_equal(last, GW_MQTT_ABSENT);
	(void)whole("{\"co\":5}");
	assert_int_equal(last, GW_MQTT_ABSENT);
}

static void size_and_depth_are_bounded(void **state)
{
	size_t size = GW_MQTT_PAYLOAD_MAX + 1;
	char *text = malloc(size + 1);

	(void)state;
	memset(text, ' ', size);
	memcpy(text, "{\"ch4\": 5}", 10);
	assert_true(read_n(text, size - 1,
			    (struct gw_mqtt_lookup){.name = "ch4", .alone = true}) == 5);
	assert_true(read_n(text, size,
			    (struct gw_mqtt_lookup){.name = "ch4", .alone = true}) == NO);
	memset(text, '[', size - 1);
	text[size - 1] = '\0';
	assert_true(whole(text) == NO);
	free(text);
}

static void paths_are_checked(void **state)
{
	struct gw_error err;
	char deep[400] = "/";

	(void)state;
	assert_int_equal(gw_mqtt_payload_check_path("", &err), GW_OK);
	assert_int_equal(gw_mqtt_payload_check_path("/a/0/b~0~1", &err), GW_OK);
	assert_int_equal(gw_mqtt_payload_check_path("co", &err), GW_ERR_CONFIG);
	assert_non_null(strstr(err.text, "did you mean /co?"));
	assert_int_equal(gw_mqtt_payload_check_path("/a~", &err), GW_ERR_CONFIG);
	assert_int_equal(gw_mqtt_payload_check_path("/a~2", &err), GW_ERR_CONFIG);
	memset(deep + 1, 'k', 300);
	assert_int_equal(gw_mqtt_payload_check_path(deep, &err), GW_ERR_CONFIG);
}

static void urls_are_read_strictly(void **state)
{
	static const char *const bad[] = {"", "127.0.0.1", "tcp://h", "http://h", "mqtt://",
		"mqtt://:1883", "mqtt://h:", "mqtt://h:0", "mqtt://h:65536", "mqtt://h:18x",
		"mqtt://u:p@h", "mqtt://h/path", "mqtt://h?x", "mqtt://[::1",
		"mqtt://[::1]x", "mqtt://h:1883:1", "mqtt://h:123456789", "MQTT://h"};
	struct gw_mqtt_url url;
	struct gw_error err;

	(void)state;
	assert_int_equal(gw_mqtt_opts_parse_url("mqtt://127.0.0.1", &url, &err), GW_OK);
	assert_string_equal(url.host, "127.0.0.1");
	assert_int_equal(url.port, 1883);
	assert_false(url.tls);
	assert_int_equal(
		gw_mqtt_opts_parse_url("mqtts://[fe80::1]:99/", &url, &err), GW_OK);
	assert_string_equal(url.host, "fe80::1");
	assert_int_equal(url.port, 99);
	assert_true(url.tls);
	assert_int_equal(gw_mqtt_opts_parse_url("mqtts://broker.local", &url, &err), GW_OK);
	assert_int_equal(url.port, 8883);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (gw_mqtt_opts_parse_url(bad[i], &url, &err) == GW_OK)
			fail_msg("%s was taken", bad[i]);
}

static char complaints[1024];

static void note(struct gw_report *report, const void *where, const char *text)
{
	(void)report;
	assert_non_null(where);
	strncat(complaints, text, sizeof(complaints) - strlen(complaints) - 2);
	strcat(complaints, "\n");
}

static void check_says_all_that_is_wrong(void **state)
{
	struct gw_mqtt_source_opts own = {
		.url = "mqtts://h", .cert = "c", .password_file = "p"};
	struct gw_mqtt_device_opts topics[] = {
		{.topic = "a/+/b"}, {.topic = ""}, {.topic = "fine"}};
	struct gw_mqtt_point_opts path = {"co"};
	struct gw_point_opts point = {.name = "x", .type = GW_TYPE_U16, .driver = &path};
	struct gw_device_opts devices[] = {{.driver = &topics[0]}, {.driver = &topics[1]},
		{.driver = &topics[2], .points = &point, .n_points = 1}};
	struct gw_source_opts source = {
		.name = "s", .devices = devices, .n_devices = 3, .driver = &own};
	struct gw_report report = {.add = note};

	(void)state;
	gw_mqtt_opts_check(&source, &report);
	assert_int_equal(report.n, 7);
	assert_non_null(strstr(complaints, "mqtts:// needs ca"));
	assert_non_null(strstr(complaints, "cert needs key"));
	assert_non_null(strstr(complaints, "password_file needs user"));
	assert_non_null(strstr(complaints, "wildcard"));
	assert_non_null(strstr(complaints, "topic is empty"));
	assert_non_null(strstr(complaints, "did you mean /co?"));
	assert_non_null(strstr(complaints, "number (no type) or bool"));
	report.n = 0;
	own = (struct gw_mqtt_source_opts){.url = "mqtt://h", .ca = "x"};
	source.n_devices = 0;
	gw_mqtt_opts_check(&source, &report);
	assert_int_equal(report.n, 1);
	assert_non_null(strstr(complaints, "did you mean mqtts://h?"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bare_number_is_read_strictly),
		cmocka_unit_test(words_are_read_for_bools_only),
		cmocka_unit_test(a_pointer_finds_its_value),
		cmocka_unit_test(without_a_path_the_value_is_found_by_name),
		cmocka_unit_test(json_is_read_strictly),
		cmocka_unit_test(a_number_may_have_its_own_unit),
		cmocka_unit_test(a_damaged_message_still_yields_the_value),
		cmocka_unit_test(damage_on_the_way_makes_it_bad),
		cmocka_unit_test(a_missing_field_is_no_value),
		cmocka_unit_test(size_and_depth_are_bounded),
		cmocka_unit_test(paths_are_checked),
		cmocka_unit_test(urls_are_read_strictly),
		cmocka_unit_test(check_says_all_that_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The documents of status, points and alarms. */
#include "server_fixture.h"

static void status_has_the_documented_members(void **state)
{
	int fd = connect_client();
	json_t *r, *source, *uplink;

	(void)state;
	fixture_trouble();
	r = request(fd, "{\"cmd\":\"status\"}\n");
	assert_string_equal(json_string_value(json_object_get(r, "gateway")), "tj-1");
	assert_int_equal(json_integer_value(json_object_get(r, "run")), 3);
	assert_int_equal(json_integer_value(json_object_get(r, "uptime_ms")), 990000);
	assert_string_equal(json_string_value(json_object_get(r, "clock")), "synced");
	source = json_object_get(r, "sources");
	assert_int_equal(json_array_size(source), 2);
	assert_string_equal(text_at(source, 0, "name"), "boiler");
	assert_string_equal(text_at(source, 0, "state"), "up");
	assert_string_equal(text_at(source, 1, "state"), "down");
	assert_int_equal(
		json_integer_value(json_object_get(json_array_get(source, 0), "timeouts")),
		2);
	uplink = json_object_get(r, "uplinks");
	assert_int_equal(json_array_size(uplink), 1);
	assert_string_equal(text_at(uplink, 0, "state"), "up");
	assert_int_equal(
		json_integer_value(json_object_get(json_array_get(uplink, 0), "pending")),
		3);
	assert_int_equal(
		json_integer_value(json_object_get(json_array_get(uplink, 0), "oldest_ms")),
		4200);
	json_decref(r);
	close(fd);
}

static void a_value_is_null_until_read_and_while_bad(void **state)
{
	int fd = connect_client();
	json_t *r;

	(void)state;
	fixture_trouble();
	r = request(fd, "{\"cmd\":\"points\"}\n");
	assert_int_equal(json_array_size(r), 3); /* the down points are no readings */
	assert_string_equal(text_at(r, 0, "point"), "boiler/gas-1/ch4");
	assert_string_equal(text_at(r, 0, "unit"), "%LEL");
	assert_float_equal(
		json_number_value(json_object_get(json_array_get(r, 0), "value")), 52.3, 0);
	assert_int_equal(
		json_integer_value(json_object_get(json_array_get(r, 0), "age_ms")), 500);
	assert_true(json_is_null(json_object_get(json_array_get(r, 1), "value")));
	assert_string_equal(text_at(r, 1, "quality"), "bad-timeout");
	assert_int_equal(
		json_integer_value(json_object_get(json_array_get(r, 1), "age_ms")), 65000);
	assert_true(json_is_null(json_object_get(json_array_get(r, 2), "value")));
	assert_true(json_is_null(json_object_get(json_array_get(r, 2), "age_ms")));
	assert_string_equal(text_at(r, 2, "quality"), "silent");
	json_decref(r);
	r = request(fd, "{\"cmd\":\"points\",\"pattern\":\"plant/*/*\"}\n");
	assert_int_equal(json_array_size(r), 1);
	json_decref(r);
	close(fd);
}

static void alarms_come_worst_first(void **state)
{
	static const char *const order[] = {"boiler/gas-1/ch4:ch4-high",
		"boiler/gas-1/ch4:ch4-early", "boiler:down" /* shelved */, "confirmed",
		"boiler/gas-1:silent", "plant/heat:silent"};
	int fd = connect_client();
	json_t *r;

	(void)state;
	fixture_trouble();
	r = request(fd, "{\"cmd\":\"alarms\"}\n");
	assert_int_equal(json_array_size(r), 3);
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(text_at(r, i, "alarm"), order[i]);
	assert_string_equal(text_at(r, 0, "state"), "active-unacked");
	assert_string_equal(text_at(r, 0, "since"), "2026-11-21T00:15:00.123Z");
	json_decref(r);
	r = request(fd, "{\"cmd\":\"alarms\",\"all\":true}\n");
	assert_int_equal(json_array_size(r), FIXTURE_ALARMS);
	for (size_t i = 0; i < FIXTURE_ALARMS; i++)
		assert_string_equal(text_at(r, i, "alarm"), order[i]);
	json_decref(r);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(status_has_the_documented_members),
		TEST(a_value_is_null_until_read_and_while_bad),
		TEST(alarms_come_worst_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Which alarms of a configuration have one condition in memory, and which have two. */
#include "load_fixture.h"

#include "base/text.h"

static const struct gw_condition_opts *when_of(struct gw_config *c, const char *key)
{
	return alarm_of(c, key)->when;
}

static void equal_conditions_are_one(void **state)
{
	struct gw_config *c = load_valid(ALARM
		"- {name: hot, on: \"plant/*/t\", when: {above: 50, clear: 45}}\n"
		"- {name: hot2, on: plant/heat/t, when: {above: 50, clear: 45}, level: red, latch: true}\n");

	(void)state;
	assert_ptr_equal(when_of(c, "plant/heat/t:hot"), when_of(c, "plant/oven/t:hot"));
	assert_ptr_equal(when_of(c, "plant/heat/t:hot"), when_of(c, "plant/heat/t:hot2"));
	assert_ptr_equal(when_of(c, "plant/heat:silent"), when_of(c, "plant/oven:silent"));
	assert_ptr_equal(when_of(c, "plant/heat/t:unreadable"),
		when_of(c, "plant/oven/t:unreadable"));
	gw_config_free(c);
}

/* Their description is the same. */
static void a_difference_that_no_text_shows_keeps_them_apart(void **state)
{
	struct gw_config *c = load_valid(
		ALARM "- {name: a, on: plant/heat/t, when: {above: 50, clear: 45}}\n"
		      "- {name: b, on: plant/heat/t, when: {above: 50, clear: 44}}\n"
		      "- {name: c, on: plant/heat/t, when: {above: 50}}\n"
		      "- {name: d, on: plant/heat/t, when: {above: 50, deadband: 6}}\n");
	const struct gw_condition_opts *a = when_of(c, "plant/heat/t:a"),
				       *b = when_of(c, "plant/heat/t:b");

	(void)state;
	assert_string_equal(alarm_of(c, "plant/heat/t:a")->info.condition,
		alarm_of(c, "plant/heat/t:b")->info.condition);
	assert_float_equal(a->clear.cells[0], 45, 0);
	assert_float_equal(b->clear.cells[0], 44, 0);
	assert_int_equal(when_of(c, "plant/heat/t:c")->clear.rows, 0);
	assert_float_equal(when_of(c, "plant/heat/t:d")->deadband.cells[0], 6, 0);
	gw_config_free(c);
}

/* What nobody writes counts, too: a polled point, and what its device's silence says of it. */
static void derived_settings_keep_them_apart(void **state)
{
	struct gw_config *c = load_valid(
		"gateway: {id: box}\n"
		"sources:\n"
		"- {name: slow, driver: modbus-tcp, host: h, devices: [{name: d, unit: 1, points: [{name: t, register: \"input:1\"}, {name: u, register: \"input:2\"}]}]}\n"
		"- {name: m, driver: mqtt, url: u, devices: [{name: d, topic: a, points: [{name: t}, {name: u}]}]}\n"
		"alarms:\n"
		"- {name: unreadable, on: \"*/d/t\", when: {unreadable: 1h}}\n");
	const struct gw_condition_opts *polled = when_of(c, "slow/d/t:unreadable"),
				       *pushed = when_of(c, "m/d/t:unreadable");

	(void)state;
	assert_int_equal(polled->window_ns, pushed->window_ns);
	assert_true(polled->polled);
	assert_false(pushed->polled);
	assert_int_not_equal(polled->never_current_ns, pushed->never_current_ns);
	gw_config_free(c);
}

/* A vote has members of its own, though it reads like another. */
static void votes_are_never_shared(void **state)
{
	struct gw_config *c = load_valid(
		ALARM "- {name: v, when: {at_least: 1, of: [plant/heat/b]}}\n"
		      "- {name: w, when: {at_least: 1, of: [plant/heat/b]}}\n"
		      "- {name: x, when: {at_least: 1, of: [plant/oven/b]}}\n");

	(void)state;
	assert_ptr_not_equal(when_of(c, "v"), when_of(c, "w"));
	assert_string_equal(when_of(c, "v")->members[0].key, "plant/heat/b");
	assert_string_equal(when_of(c, "x")->members[0].key, "plant/oven/b");
	gw_config_free(c);
}

/* More that read alike than are compared: each has its own settings all the same. */
static void many_that_read_alike_are_right(void **state)
{
	enum { MANY = 40 };
	static char yaml[16384], key[64];
	struct gw_config *c;
	struct gw_text t;

	(void)state;
	gw_text_init(&t, yaml, sizeof(yaml));
	gw_text_addf(&t, "%s", ALARM);
	for (int i = 0; i < 2 * MANY; i++)
		gw_text_addf(&t,
			"- {name: a%d, on: plant/heat/t, when: {above: 50, clear: %d}}\n",
			i, i % MANY);
	c = load_valid(yaml);
	for (int i = 0; i < 2 * MANY; i++) {
		snprintf(key, sizeof(key), "plant/heat/t:a%d", i);
		assert_float_equal(when_of(c, key)->clear.cells[0], (i % MANY), 0);
	}
	assert_ptr_equal(when_of(c, "plant/heat/t:a0"), when_of(c, "plant/heat/t:a40"));
	assert_ptr_not_equal(
		when_of(c, "plant/heat/t:a39"), when_of(c, "plant/heat/t:a79"));
	gw_config_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_conditions_are_one),
		cmocka_unit_test(a_difference_that_no_text_shows_keeps_them_apart),
		cmocka_unit_test(derived_settings_keep_them_apart),
		cmocka_unit_test(votes_are_never_shared),
		cmocka_unit_test(many_that_read_alike_are_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

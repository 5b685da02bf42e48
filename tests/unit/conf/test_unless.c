/* SPDX-License-Identifier: Apache-2.0 */
/* What suppresses an alarm by unless. */
#include "load_fixture.h"

static void unless_names_an_alarm_or_a_discrete_point_but_not_itself(void **state)
{
	static const struct refused files[] = {
		{ALARM "- {name: a, on: plant/heat/t, when: {above: 1}, unless: [a, x, plant/heat/t, plant/heat/x]}\n"
		       "- {name: n, on: \"plant/*/t\", when: {above: 1}}\n"
		       "- {name: v, when: {at_least: 1, of: [n]}, unless: n, re_alarm: 0s, chatter: stop}\n",
			"t.yaml:10:58: alarms[0].unless[0]: an alarm cannot hold back itself\n"
			"t.yaml:10:61: alarms[0].unless[1]: \"x\" matches no alarm and no discrete point (did you mean a?)\n"
			"t.yaml:10:64: alarms[0].unless[2]: \"plant/heat/t\" matches only points that are numbers: points of type bool or bit are wanted here, or alarms\n"
			"t.yaml:10:78: alarms[0].unless[3]: \"plant/heat/x\" matches no alarm and no discrete point (did you mean plant/heat/t?)\n"
			"t.yaml:12:51: alarms[2].unless: 2 alarms are named \"n\" and none is on the device of v: write which, such as plant/heat/t:n\n"
			"t.yaml:12:64: alarms[2].re_alarm: 0s is out of range (1s to 7d)\n"
			"t.yaml:12:77: alarms[2].chatter: \"stop\" is not one of tell, hold\n"},
	};

	(void)state;
	ASSERT_REFUSED(files);
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
static void unless_means_the_nearest_alarm_of_a_name_and_any_pattern(void **state)
{
	struct gw_config *c = load_valid(ALARM
		"- {name: low, on: \"plant/*/t\", when: {above: 20}, unless: high, re_alarm: 30min, chatter: hold}\n"
		"- {name: high, on: \"plant/*/t\", when: {above: 50}}\n"
		"- {name: door, on: \"plant/*/b\", when: {is: true}, unless: low}\n"
		"- {name: late, on: \"plant/heat/t\", when: {above: 1}, unless: [down, plant/oven/b, \"plant/*:silent\", zone]}\n"
		"- {name: zone, when: {at_least: 1, of: [door]}, out_of_service: true}\n");
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unless_names_an_alarm_or_a_discrete_point_but_not_itself),
		cmocka_unit_test(unless_means_the_nearest_alarm_of_a_name_and_any_pattern),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

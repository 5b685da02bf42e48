/* SPDX-License-Identifier: Apache-2.0 */
/* Alarms come after those that they listen to. */
#include "load_fixture.h"

static void a_circle_of_votes_is_refused(void **state)
{
	static const struct refused files[] = {
		{ALARM "- {name: a, when: {at_least: 1, of: [b]}}\n"
		       "- {name: b, when: {at_least: 1, of: [c, plant/heat/b]}}\n"
		       "- {name: c, when: {at_least: 1, of: [a]}}\n"
		       "- {name: d, when: {at_least: 1, of: [d]}}\n"
		       "- {name: e, when: {at_least: 1, of: [a]}}\n",
			"t.yaml:12:37: alarms[2].when.of: goes round in a circle: a is a member of itself\n"
			"t.yaml:13:37: alarms[3].when.of: goes round in a circle: d is a member of itself\n"},
	};

	(void)state;
	ASSERT_REFUSED(files);
}

static void a_circle_through_unless_is_refused(void **state)
{
	static const struct refused files[] = {
		{ALARM "- {name: a, on: plant/heat/t, when: {above: 1}, unless: b}\n"
		       "- {name: b, on: plant/heat/t, when: {above: 2}, unless: [c]}\n"
		       "- {name: c, when: {at_least: 1, of: [a]}}\n",
			"t.yaml:12:37: alarms[2].when.of: goes round in a circle: plant/heat/t:a is a member of itself\n"},
		{ALARM "- {name: a, on: plant/heat/t, when: {above: 1}, unless: b}\n"
		       "- {name: b, on: plant/heat/t, when: {above: 2}, unless: [a]}\n",
			"t.yaml:11:57: alarms[1].unless: goes round in a circle: plant/heat/t:a holds back itself\n"},
	};

	(void)state;
	ASSERT_REFUSED(files);
}

/* 12,000 votes, each a member of the next: sorted without recursion. */
static void a_long_chain_of_votes_is_sorted_on_a_small_stack(void **state)
{
	enum { CHAIN = 12000 };
	size_t size = (size_t)CHAIN * 64 + 4096, used;
	char *yaml = malloc(size);
	struct gw_config *c;

	(void)state;
	used = (size_t)snprintf(yaml, size, "%s", ALARM);
	for (int i = 0; i < CHAIN - 1; i++)
		used += (size_t)snprintf(yaml + used, size - used,
			"- {name: v%d, when: {at_least: 1, of: [v%d]}}\n", i, i + 1);
	snprintf(yaml + used, size - used,
		"- {name: v%d, when: {at_least: 1, of: [plant/heat/b]}}\n", CHAIN - 1);
	c = load_valid(yaml);
	for (size_t i = 0; i + 1 < c->n_alarms; i++)
		if (c->alarms[i + 1].when->n_members &&
			c->alarms[i + 1].when->members[0].is_alarm)
			assert_true(c->alarms[i + 1].when->members[0].index == i);
	gw_config_free(c);
	free(yaml);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_circle_of_votes_is_refused),
		cmocka_unit_test(a_circle_through_unless_is_refused),
		cmocka_unit_test(a_long_chain_of_votes_is_sorted_on_a_small_stack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Which alarms and points a pattern under of or unless means. */
#include "load_fixture.h"

static void members_are_alarms_or_discrete_points(void **state)
{
	static const struct refused files[] = {
		{ALARM "- {name: v, on: plant/heat/t, when: {at_least: 1, of: [\"plant/*/b\"]}}\n"
		       "- {name: w, when: {at_least: 3, of: [\"plant/*/b\"]}}\n"
		       "- {name: x, when: {at_least: 1, of: [\"plant/*/t\"]}}\n"
		       "- {name: y, when: {at_least: 1, of: [plant/heta/b, w2]}}\n"
		       "- {name: z, when: {at_least: 1, of: {plant: heat}}}\n"
		       "- {name: z, when: {at_least: 1, of: [plant/heat/b]}}\n",
			"t.yaml:10:13: alarms[0].on: at_least has no on: its members stand under of\n"
			"t.yaml:11:30: alarms[1].when.at_least: 3 can never be: the members are on 2 devices only\n"
			"t.yaml:12:38: alarms[2].when.of[0]: \"plant/*/t\" matches only points that are numbers: points of type bool or bit are wanted here, or alarms\n"
			"t.yaml:13:38: alarms[3].when.of[0]: \"plant/heta/b\" matches no alarm and no discrete point (did you mean plant/heat/b?)\n"
			"t.yaml:13:52: alarms[3].when.of[1]: \"w2\" matches no alarm and no discrete point (did you mean w?)\n"
			"t.yaml:14:37: alarms[4].when.of: a list of texts is wanted here, such as [a, b]\n"
			"t.yaml:15:10: alarms[5].name: an alarm on the same with this name stands on line 14 already: z\n"},
		{ALARM "- {name: v, when: {at_least: 1, of: [\"si*\", \"plant/heat\"]}}\n",
			"t.yaml:10:38: alarms[0].when.of[0]: \"si*\" matches no alarm and no discrete point\n"
			"t.yaml:10:45: alarms[0].when.of[1]: \"plant/heat\" matches no alarm and no discrete point (did you mean plant/heat/t?)\n"},
	};

	(void)state;
	ASSERT_REFUSED(files);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_are_alarms_or_discrete_points),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

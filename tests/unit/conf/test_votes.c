/* SPDX-License-Identifier: Apache-2.0 */
/* Votes: how many of their members can be raised at once. */
#include "load_fixture.h"

static void a_vote_can_be_reached_by_its_devices(void **state)
{
	static const struct refused files[] = {
		{ALARM "- {name: v, when: {at_least: 2, of: [plant/heat/b, \"plant/heat:silent\"]}}\n",
			"t.yaml:10:30: alarms[0].when.at_least: 2 can never be: the members are on 1 device only\n"},
	};

	(void)state;
	ASSERT_REFUSED(files);
}

static void a_vote_has_a_limit_of_members(void **state)
{
	size_t size = 65536, used;
	char *yaml = malloc(size);
	static struct complaint_lines lines;
	struct gw_config *c;

	(void)state;
	used = (size_t)snprintf(yaml, size,
		"gateway: {id: box}\nsources: [{name: m, driver: mqtt, url: u, devices: [{name: d, topic: t, points: [");
	for (int i = 0; i < 1001; i++)
		used += (size_t)snprintf(
			yaml + used, size - used, "{name: p%d, type: bool},\n", i);
	snprintf(yaml + used, size - used,
		"]}]}]\nalarms: [{name: v, when: {at_least: 1, of: [\"m/d/*\"]}}]\n");
	c = NULL;
	assert_int_equal(load(yaml, &c, &lines), GW_ERR_CONFIG);
	assert_int_equal(0,
		count_wrong_lines(&lines, "1001 points",
			"t.yaml:1004:44: alarms[0].when.of: 1001 members are too many (at most 1000)\n"));
	free(yaml);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_vote_can_be_reached_by_its_devices),
		cmocka_unit_test(a_vote_has_a_limit_of_members),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* From what the file says of alarms to the table that the engine gets. */
#include "load_fixture.h"

static void alarms_know_their_points_members_and_texts(void **state)
{
	struct gw_config *c = load_valid(ALARM
		"- {name: zone, when: {at_least: 1, of: [fire, \"plant/heat/t:hot\"]}, level: red}\n"
		"- {name: fire, when: {at_least: 2, of: [\"plant/*/b\", plant/heat/b], within: 60s}, text: 火警}\n"
		"- {name: hot, on: \"plant/*/t\", when: {above: 50, clear: 45}, class: alarm, latch: true}\n");
	const struct gw_alarm_opts *a = alarm_of(c, "plant/oven/t:hot"), *zone, *fire;

	(void)state;
	assert_string_equal(a->info.subject, "plant/oven/t");
	assert_string_equal(a->info.point, "plant/oven/t");
	assert_string_equal(a->info.condition, "above 50");
	assert_int_equal(a->info.class_, GW_CLASS_ALARM);
	assert_int_equal(a->level, GW_LEVEL_YELLOW);
	assert_true(a->latch);
	assert_float_equal(a->when->clear.cells[0], 45, 0);
	assert_int_equal(a->first_point, 2);
	assert_ptr_equal(a->info.site, &c->site);
	fire = alarm_of(c, "fire");
	assert_true(fire < (zone = alarm_of(c, "zone")));
	assert_string_equal(fire->info.subject, "");
	assert_string_equal(fire->info.text, "火警");
	assert_int_equal(fire->n_points, 0);
	assert_int_equal(fire->when->n_members, 2);
	assert_false(fire->when->members[1].is_alarm);
	assert_int_equal(fire->when->members[1].index, 3);
	assert_string_equal(fire->when->members[1].key, "plant/oven/b");
	assert_int_not_equal(fire->when->members[0].device, fire->when->members[1].device);
	assert_int_equal(zone->when->n_members, 2);
	assert_ptr_equal(&c->alarms[zone->when->members[0].index], fire);
	assert_string_equal(
		c->alarms[zone->when->members[1].index].info.key, "plant/heat/t:hot");
	assert_string_equal(zone->info.condition, "at_least 1 of 2");
	gw_config_free(c);
}

/* Where a vote's members share a place, the vote is there. */
static void a_vote_has_the_place_that_its_members_share(void **state)
{
	struct gw_config *c = load_valid(
		"gateway: {id: box}\n"
		"sources:\n"
		"- name: m\n"
		"  driver: mqtt\n"
		"  url: u\n"
		"  devices:\n"
		"  - {name: a, topic: a, place: {building: A, floor: \"3\", room: x}, points: [{name: s, type: bool}]}\n"
		"  - {name: b, topic: b, place: {building: A, floor: \"3\", room: y}, points: [{name: s, type: bool}]}\n"
		"alarms: [{name: v, when: {at_least: 2, of: [\"m/*/s\"]}}]\n");
	const struct gw_alarm_opts *a = alarm_of(c, "v");

	(void)state;
	assert_string_equal(a->info.place.building, "A");
	assert_string_equal(a->info.place.floor, "3");
	assert_string_equal(a->info.place.room, "");
	gw_config_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alarms_know_their_points_members_and_texts),
		cmocka_unit_test(a_vote_has_the_place_that_its_members_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

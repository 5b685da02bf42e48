/* SPDX-License-Identifier: Apache-2.0 */
/* Alarms that chatter and floods of them: reported once, and nothing is lost under them. */
#include "alarm/chatter_flood.h"

#include "engine_fixture.h"

/* ---- the flood by itself ---- */

static _Alignas(8) unsigned char memory[256];

static struct gw_condition_result evaluate_flood(int64_t now_ns)
{
	const struct gw_condition_opts o = {.kind = &gw_condition_flood};
	struct gw_condition_result result = {.due_ns = INT64_MAX};

	gw_condition_flood.evaluate(&o, memory,
		&(struct gw_condition_input){.member = GW_NO_MEMBER, .now_ns = now_ns},
		&result);
	return result;
}

static void empty(void)
{
	assert_true(gw_condition_flood.memory(NULL) <= sizeof memory);
	memset(memory, 0, sizeof memory);
}

static void more_than_ten_within_ten_minutes_are_a_flood(void **unused)
{
	(void)unused;
	empty();
	for (int i = 0; i < 10; i++)
		assert_false(gw_flood_detector_raise(memory, (uint32_t)i, 0));
	assert_false(gw_flood_detector_raise(memory, 11, GW_FLOOD_WINDOW_NS));
	empty();
	for (int i = 0; i < 10; i++)
		assert_false(gw_flood_detector_raise(memory, (uint32_t)i, 0));
	assert_true(gw_flood_detector_raise(memory, 11, GW_FLOOD_WINDOW_NS - 1));
}

static void one_alarm_that_comes_and_goes_is_no_flood(void **unused)
{
	(void)unused;
	empty();
	for (uint32_t i = 0; i < 9; i++)
		assert_false(gw_flood_detector_raise(memory, i, i * S));
	for (int i = 0; i < 20; i++)
		assert_false(gw_flood_detector_raise(memory, 20, (10 + i) * S));
	/* the first speaks again, and counts from now on */
	assert_false(gw_flood_detector_raise(memory, 0, 40 * S));
	assert_true(gw_flood_detector_raise(memory, 21, GW_FLOOD_WINDOW_NS + S - 1));
	empty();
	for (uint32_t i = 0; i < 10; i++)
		assert_false(gw_flood_detector_raise(memory, i, i * S));
	assert_false(gw_flood_detector_raise(
		memory, 21, GW_FLOOD_WINDOW_NS)); /* the first is old */
	assert_true(gw_flood_detector_raise(memory, 0, GW_FLOOD_WINDOW_NS));
}

static void a_flood_ends_when_fewer_than_five_are_recent(void **unused)
{
	(void)unused;
	empty();
	for (int i = 0; i < 11; i++)
		gw_flood_detector_raise(memory, (uint32_t)i, i * S);
	gw_flood_detector_withhold(memory);
	/* the fifth from the end was raised at 6 s */
	assert_int_equal(evaluate_flood(10 * S).due_ns, GW_FLOOD_WINDOW_NS + 6 * S);
	assert_true(evaluate_flood(GW_FLOOD_WINDOW_NS + 6 * S - 1).condition_true);
	assert_false(evaluate_flood(GW_FLOOD_WINDOW_NS + 6 * S).condition_true);
	assert_int_equal(evaluate_flood(GW_FLOOD_WINDOW_NS + 6 * S).due_ns, INT64_MAX);
	assert_false(gw_flood_detector_active(memory));
}

static void one_that_is_raised_keeps_the_flood_going(void **unused)
{
	(void)unused;
	empty();
	for (int i = 0; i < 11; i++)
		gw_flood_detector_raise(memory, (uint32_t)i, i * S);
	assert_true(gw_flood_detector_raise(memory, 11, GW_FLOOD_WINDOW_NS + 6 * S - 1));
	assert_true(gw_flood_detector_raise(memory, 11, GW_FLOOD_WINDOW_NS + 7 * S - 1));
	empty();
	for (int i = 0; i < 11; i++)
		gw_flood_detector_raise(memory, (uint32_t)i, i * S);
	assert_false(gw_flood_detector_raise(memory, 11, GW_FLOOD_WINDOW_NS + 6 * S));
}

static void a_flood_that_withholds_nothing_is_not_reported(void **unused)
{
	(void)unused;
	empty();
	for (int i = 0; i < 11; i++)
		gw_flood_detector_raise(memory, (uint32_t)i, 0);
	assert_true(gw_flood_detector_active(memory));
	assert_false(evaluate_flood(0).condition_true);
	gw_flood_detector_withhold(memory);
	gw_flood_detector_withhold(memory);
	assert_true(evaluate_flood(0).condition_true);
	assert_true(evaluate_flood(0).value == 2);
	assert_true(evaluate_flood(GW_FLOOD_WINDOW_NS).value ==
		2); /* what the record ends with */
	assert_true(evaluate_flood(GW_FLOOD_WINDOW_NS).value == 0);
}

/* ---- the flood in the engine ---- */

#define MANY 11

enum { LOW };

/* Eleven red alarms on one point, and others. */
static void building(enum gw_level held)
{
	static char names[MANY][16];
	struct gw_alarm_opts *a;

	a = fixture_alarm("low", 1, &gw_condition_above);
	fixture_when(a)->limit = 50;
	a->level = GW_LEVEL_BLUE;
	a->info.class_ = GW_CLASS_SUPERVISORY;
	a = fixture_alarm("vital", 2, &gw_condition_above);
	fixture_when(a)->limit = 50;
	a->level = GW_LEVEL_BLUE;
	a->info.class_ = GW_CLASS_WARNING;
	for (int i = 0; i < MANY; i++) {
		snprintf(names[i], sizeof names[i], "red%d", i);
		fixture_when(fixture_alarm(names[i], 0, &gw_condition_above))->limit = 50 +
			i;
	}
	a = fixture_alarm("flood", -1, &gw_condition_flood);
	fixture_when(a)->max_withheld_level = (int)held;
	a->level = GW_LEVEL_YELLOW;
	a->info.class_ = GW_CLASS_FAULT;
	fixture_start();
}

/* They are raised one a second; the time afterwards. */
static int64_t surge(int64_t at_ns)
{
	for (int i = 0; i < MANY; i++)
		assert_int_equal(fixture_feed(at_ns + i * S, 0, 51 + i), 1);
	return at_ns + MANY * S;
}

static void the_lowest_are_counted_in_a_flood_and_emitted_at_its_end(void **unused)
{
	int64_t at_ns;

	(void)unused;
	building(GW_LEVEL_BLUE);
	at_ns = surge(0);
	assert_int_equal(fixture_feed(at_ns, 1, 60), 1);
	assert_string_equal(fixture.event[0].info->name, "flood");
	assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
	assert_true(fixture.event[0].value == 1);
	assert_int_equal(
		fixture_state(LOW), GW_STATE_ACTIVE_UNACKED); /* a reader sees it */
	assert_int_equal(fixture_feed(at_ns + S, 2, 60), 1);  /* is of class warning */
	assert_string_equal(fixture.event[0].info->name, "vital");
	/* the fifth from the end is the red of the eighth second */
	assert_int_equal(fixture_pass(GW_FLOOD_WINDOW_NS + 8 * S - 1), 0);
	assert_int_equal(fixture_pass(GW_FLOOD_WINDOW_NS + 8 * S), 2);
	assert_string_equal(fixture.event[0].info->name, "flood");
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
	assert_string_equal(fixture.event[1].info->name, "low");
	assert_event(1, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
	assert_true(fixture.event[1].onset_ms == FIXTURE_WALL_MS + at_ns / GW_NS_PER_MS);
	assert_string_equal(fixture.event[1].note, "held back in a flood of alarms");
	assert_int_equal(fixture_feed(GW_FLOOD_WINDOW_NS + 60 * S, 1, 40),
		1); /* emitted, so its end is, too */
}

static void an_alarm_that_ends_within_the_flood_is_only_counted(void **unused)
{
	int64_t at_ns;

	(void)unused;
	building(GW_LEVEL_BLUE);
	at_ns = surge(0);
	fixture_feed(at_ns, 1, 60);
	assert_int_equal(fixture_feed(at_ns + S, 1, 40), 0);
	assert_int_equal(fixture_state(LOW), GW_STATE_NORMAL); /* nothing to acknowledge */
	fixture_feed(at_ns + 2 * S, 1, 60);
	fixture_feed(at_ns + 3 * S, 1, 40);
	assert_int_equal(fixture_pass(2 * GW_FLOOD_WINDOW_NS), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
	assert_true(fixture.event[0].value == 2);
	assert_int_equal(fixture_feed(2 * GW_FLOOD_WINDOW_NS + S, 1, 60),
		1); /* its next occurrence is emitted */
}

static void a_level_above_the_one_named_is_emitted(void **unused)
{
	int64_t at_ns;

	(void)unused;
	building(GW_LEVEL_BLUE);
	fixture.alarms[LOW].level = GW_LEVEL_YELLOW;
	at_ns = surge(0);
	assert_int_equal(fixture_feed(at_ns, 1, 60), 1);
	assert_string_equal(fixture.event[0].info->name, "low");
}

static void red_is_emitted_whatever_the_level_named(void **unused)
{
	int64_t at_ns;

	(void)unused;
	building(GW_LEVEL_RED);
	fixture.alarms[LOW].level = GW_LEVEL_RED;
	at_ns = surge(0);
	assert_int_equal(fixture_feed(at_ns, 1, 60), 1);
	assert_string_equal(fixture.event[0].info->name, "low");
}

static void a_command_emits_what_was_withheld(void **unused)
{
	struct gw_ring commands, replies;
	struct gw_alarm_command c = {.alarm = LOW, .kind = GW_COMMAND_ACK};
	int64_t at_ns;

	(void)unused;
	building(GW_LEVEL_BLUE);
	assert_int_equal(gw_ring_init(&commands, 4, sizeof c, NULL), GW_OK);
	assert_int_equal(
		gw_ring_init(&replies, 4, sizeof(struct gw_alarm_reply), NULL), GW_OK);
	gw_engine_set_commands(fixture.engine, &commands, &replies, NULL);
	at_ns = surge(0);
	fixture_feed(at_ns, 1, 60);
	gw_ring_push(&commands, &c, 1, sizeof c);
	assert_int_equal(fixture_pass(at_ns + S), 2);
	assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
	assert_event(1, GW_CHANGE_ACKED, GW_STATE_ACTIVE_ACKED);
	assert_string_equal(fixture.event[1].info->name, "low");
	assert_int_equal(fixture_pass(2 * GW_FLOOD_WINDOW_NS), 1); /* not emitted twice */
	gw_ring_fini(&commands);
	gw_ring_fini(&replies);
}

static void ignore(
	void *arg, const struct gw_alarm_record *of, const struct gw_alarm_info *info)
{
	(void)arg, (void)of, (void)info;
}

/* The configuration may do away with floods while one lasts. */
static void a_reload_without_the_flood_emits_what_was_withheld(void **unused)
{
	struct gw_engine *next;
	int64_t at_ns;

	(void)unused;
	building(GW_LEVEL_BLUE);
	at_ns = surge(0);
	fixture_feed(at_ns, 1, 60);
	fixture.n_alarms--; /* the last is the flood */
	next = fixture_engine();
	gw_engine_adopt(next, fixture.engine, fixture_time(at_ns + S), ignore, NULL);
	gw_engine_free(fixture.engine);
	fixture.engine = next;
	assert_int_equal(fixture_pass(at_ns + S), 1);
	assert_string_equal(fixture.event[0].info->name, "low");
	assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
}

/* ---- chattering in the engine ---- */

static void chatterers(void)
{
	struct gw_alarm_opts *a;

	a = fixture_alarm("chattering", -1, &gw_condition_chattering);
	a->level = GW_LEVEL_BLUE;
	a->info.class_ = GW_CLASS_FAULT;
	for (int i = 0; i < 2; i++) {
		a = fixture_alarm("high", i, &gw_condition_above);
		fixture_when(a)->limit = 50;
		a->chatter_alarm = 1;
	}
	fixture_start();
}

static void turn(int64_t at_ns, uint32_t point, int times)
{
	for (int i = 0; i < times; i++) {
		assert_int_equal(fixture_feed(at_ns + 2 * i * S, point, 60), 1);
		assert_int_equal(fixture_feed(at_ns + (2 * i + 1) * S, point, 40), 1);
	}
}

static void chattering_is_reported_once_and_names_the_alarm(void **unused)
{
	(void)unused;
	chatterers();
	turn(0, 0, 2);
	assert_int_equal(fixture_feed(4 * S, 0, 60), 2);
	assert_string_equal(fixture.event[0].info->name, "high"); /* it hides nothing */
	assert_string_equal(fixture.event[1].info->name, "chattering");
	assert_event(1, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
	assert_int_equal(fixture.event[1].n_confirmed_by, 1);
	assert_string_equal(fixture.event[1].confirmed_by[0], "s/d0/p:high");
	assert_true(fixture.event[1].value == 1);
	assert_int_equal(fixture_feed(5 * S, 0, 40), 1);
	turn(6 * S, 0, 10); /* every transition is emitted, the fault not again */
	assert_int_equal(fixture_pass(85 * S - 1), 0);
	assert_int_equal(fixture_pass(85 * S), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
	assert_string_equal(fixture.event[0].info->name, "chattering");
}

static void a_second_chattering_alarm_amends_the_same_fault(void **unused)
{
	(void)unused;
	chatterers();
	turn(0, 0, 2);
	fixture_feed(4 * S, 0, 60);
	turn(5 * S, 1, 2);
	assert_int_equal(fixture_feed(9 * S, 1, 60), 2);
	assert_event(1, GW_CHANGE_AMENDED, GW_STATE_ACTIVE_UNACKED);
	assert_int_equal(fixture.event[1].n_confirmed_by, 2);
	assert_string_equal(fixture.event[1].confirmed_by[1], "s/d1/p:high");
	assert_int_equal(fixture_pass(64 * S), 0); /* the first has stopped */
	assert_int_equal(fixture_pass(69 * S), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
}

static void at_most_four_chattering_alarms_are_named(void **unused)
{
	const uint32_t many = GW_EVENT_CONFIRMED_BY_MAX + 1;
	struct gw_alarm_opts *a;

	(void)unused;
	fixture_alarm("chattering", -1, &gw_condition_chattering)->level = GW_LEVEL_BLUE;
	for (uint32_t i = 0; i < many; i++) {
		a = fixture_alarm("high", (int)i, &gw_condition_above);
		fixture_when(a)->limit = 50;
		a->chatter_alarm = 1;
	}
	fixture_start();
	for (uint32_t i = 0; i < many; i++) {
		turn(i * 5 * S, i, 2);
		assert_int_equal(fixture_feed((i * 5 + 4) * S, i, 60), 2);
		assert_int_equal(fixture.event[1].n_confirmed_by,
			i < GW_EVENT_CONFIRMED_BY_MAX ? i + 1 : i);
	}
	assert_true(fixture.event[1].value == many);
}

static void chattering_goes_on_over_a_reload(void **unused)
{
	struct gw_engine *next;

	(void)unused;
	chatterers();
	turn(0, 0, 2);
	fixture_feed(4 * S, 0, 60);
	next = fixture_engine();
	gw_engine_adopt(next, fixture.engine, fixture_time(5 * S), NULL, NULL);
	gw_engine_free(fixture.engine);
	fixture.engine = next;
	assert_int_equal(fixture_pass(5 * S), 0);
	assert_int_equal(fixture_pass(64 * S), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
}

static void a_chatterer_that_is_no_longer_configured_ends_the_fault(void **unused)
{
	struct gw_engine *next;

	(void)unused;
	chatterers();
	turn(0, 1, 2);
	fixture_feed(4 * S, 1, 60);
	fixture_feed(5 * S, 1, 40);
	fixture.alarms[2].chatter_alarm = 0;
	next = fixture_engine();
	gw_engine_adopt(next, fixture.engine, fixture_time(6 * S), NULL, NULL);
	gw_engine_free(fixture.engine);
	fixture.engine = next;
	assert_int_equal(fixture_pass(6 * S), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
	assert_int_equal(fixture_pass(100 * S), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(more_than_ten_within_ten_minutes_are_a_flood),
		cmocka_unit_test(one_alarm_that_comes_and_goes_is_no_flood),
		cmocka_unit_test(a_flood_ends_when_fewer_than_five_are_recent),
		cmocka_unit_test(one_that_is_raised_keeps_the_flood_going),
		cmocka_unit_test(a_flood_that_withholds_nothing_is_not_reported),
		TEST(the_lowest_are_counted_in_a_flood_and_emitted_at_its_end),
		TEST(an_alarm_that_ends_within_the_flood_is_only_counted),
		TEST(a_level_above_the_one_named_is_emitted),
		TEST(red_is_emitted_whatever_the_level_named),
		TEST(a_command_emits_what_was_withheld),
		TEST(a_reload_without_the_flood_emits_what_was_withheld),
		TEST(chattering_is_reported_once_and_names_the_alarm),
		TEST(a_second_chattering_alarm_amends_the_same_fault),
		TEST(at_most_four_chattering_alarms_are_named),
		TEST(chattering_goes_on_over_a_reload),
		TEST(a_chatterer_that_is_no_longer_configured_ends_the_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

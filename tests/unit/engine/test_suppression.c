/* SPDX-License-Identifier: Apache-2.0 */
/* Suppression: `unless` and out of service. */
#include "suppression_fixture.h"

static void an_active_alarm_suppresses_another_until_it_ends(void **unused)
{
	(void)unused;
	suppressed_on(1);
	fixture_start();
	fixture_feed(0, 0, 60);
	assert_int_equal(fixture_feed(S, 1, 30), 0);
	assert_int_equal(fixture_state(HELD), GW_STATE_SUPPRESSED);
	assert_int_equal(fixture_feed(2 * S, 0, 40), 2);
	assert_string_equal(fixture.event[0].info->name, "gate");
	assert_string_equal(fixture.event[1].info->name, "held");
	assert_event(1, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
	assert_true(fixture.event[1].onset_ms == FIXTURE_WALL_MS + 1000);
	assert_true(fixture.event[1].wall_ms == FIXTURE_WALL_MS + 2000);
	assert_int_equal(fixture_state(HELD), GW_STATE_ACTIVE_UNACKED);
}

static void on_one_point_the_suppressing_alarm_is_first(void **unused)
{
	(void)unused;
	suppressed_on(0);
	fixture_start();
	assert_int_equal(fixture_feed(0, 0, 60), 1);
	assert_string_equal(fixture.event[0].info->name, "gate");
	assert_int_equal(fixture_state(HELD), GW_STATE_SUPPRESSED);
	assert_int_equal(fixture_feed(S, 0, 10), 1); /* both are over at once */
	assert_int_equal(fixture_pass(S), 0);
	assert_int_equal(fixture_state(HELD), GW_STATE_NORMAL);
	fixture_feed(2 * S, 0, 60);
	assert_int_equal(fixture_feed(3 * S, 0, 30), 2); /* one only */
	assert_event(1, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
}

/* Ended and begun again before anybody looked. */
static void a_release_may_be_taken_back(void **unused)
{
	const struct gw_sample samples[] = {
		{.point = 0,
			.quality = GW_QUALITY_GOOD,
			.boot_ns = FIXTURE_START_NS,
			.value = 60},
		{.point = 1,
			.quality = GW_QUALITY_GOOD,
			.boot_ns = FIXTURE_START_NS,
			.value = 30},
		{.point = 0,
			.quality = GW_QUALITY_GOOD,
			.boot_ns = FIXTURE_START_NS,
			.value = 40},
		{.point = 0,
			.quality = GW_QUALITY_GOOD,
			.boot_ns = FIXTURE_START_NS,
			.value = 60},
	};

	(void)unused;
	suppressed_on(1);
	fixture_start();
	gw_engine_ingest(fixture.engine, samples, 4, fixture_time(0));
	assert_int_equal(fixture_pass(0), 3);
	assert_int_equal(fixture_state(HELD), GW_STATE_SUPPRESSED);
}

static void an_emitted_raise_is_not_taken_back(void **unused)
{
	(void)unused;
	suppressed_on(1);
	fixture_start();
	assert_int_equal(fixture_feed(0, 1, 30), 1);
	assert_int_equal(fixture_feed(S, 0, 60), 1);
	assert_int_equal(fixture_state(HELD), GW_STATE_SUPPRESSED);
	assert_int_equal(fixture_feed(2 * S, 1, 10), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
}

static void a_delay_of_the_gate_counts(void **unused)
{
	(void)unused;
	suppressed_on(1);
	fixture.alarms[GATE].on_delay_ns = 5 * S;
	fixture_start();
	fixture_feed(0, 0, 60);
	assert_int_equal(fixture_feed(S, 1, 30), 1); /* the gate is not active yet */
	assert_string_equal(fixture.event[0].info->name, "held");
}

#define PATIENCE (5 * S)

/* Contacts on points 2 and 3 hold back an alarm on point 1, which is true since 1 s. */
static struct gw_alarm_opts *suppressed_by_contacts(void)
{
	struct gw_alarm_opts *a = fixture_alarm("held", 1, &gw_condition_above);

	fixture_when(a)->limit = 20;
	gate[0] = (struct gw_member){false, 2, 0, fixture.point_key[2]};
	gate[1] = (struct gw_member){false, 3, 1, fixture.point_key[3]};
	a->unless = gate;
	a->n_unless = 2;
	a->unless_stale_ns = PATIENCE;
	fixture_start();
	fixture_feed(0, 2, 1);
	fixture_feed(0, 3, 1);
	assert_int_equal(fixture_feed(S, 1, 30), 0);
	return a;
}

static size_t dies(int64_t at_ns, uint32_t point)
{
	return fixture_feed_quality(at_ns, point, 0, GW_QUALITY_BAD_TIMEOUT);
}

static void assert_raised_unread(void)
{
	assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
	assert_string_equal(fixture.event[0].note, "what held it back cannot be read");
	assert_true(fixture.event[0].onset_ms == FIXTURE_WALL_MS + 1000);
}

static void a_contact_suppresses_as_well(void **unused)
{
	(void)unused;
	suppressed_by_contacts();
	assert_int_equal(fixture_feed(2 * S, 2, 0), 0); /* the other still does */
	assert_int_equal(fixture_feed(4 * S, 3, 0), 1);
	assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
	assert_string_equal(fixture.event[0].note, "");
	assert_int_equal(fixture_feed(5 * S, 1, 10), 1);
	fixture_feed(6 * S, 3, 1); /* usable again after a while without samples */
	assert_int_equal(fixture_feed(7 * S, 1, 30), 0);
}

static void a_dead_contact_suppresses_nothing(void **unused)
{
	(void)unused;
	suppressed_by_contacts();
	assert_int_equal(dies(2 * S, 2), 0);
	assert_int_equal(fixture_pass(100 * S), 0); /* the other still does */
	assert_int_equal(dies(100 * S, 3), 0);
	assert_int_equal(dies(101 * S, 3), 0); /* no longer, however often it says so */
	assert_int_equal(fixture_pass(105 * S - 1), 0);
	assert_int_equal(fixture_state(0), GW_STATE_SUPPRESSED);
	assert_int_equal(fixture_pass(105 * S), 1);
	assert_raised_unread();
}

static void one_missing_answer_ends_no_suppression(void **unused)
{
	(void)unused;
	suppressed_by_contacts();
	fixture_feed(2 * S, 2, 0);
	assert_int_equal(dies(3 * S, 3), 0);
	assert_int_equal(fixture_feed(4 * S, 3, 1), 0); /* the same value: no other event */
	assert_int_equal(fixture_pass(20 * S), 0);
	assert_int_equal(dies(20 * S, 3), 0);
	assert_int_equal(fixture_feed(24 * S, 2, 0), 0); /* nor does this give it longer */
	assert_int_equal(fixture_pass(25 * S - 1), 0);
	assert_int_equal(fixture_pass(25 * S), 1);
	assert_raised_unread();
}

static void a_recovered_contact_suppresses_again(void **unused)
{
	(void)unused;
	suppressed_by_contacts();
	fixture_feed(2 * S, 2, 0);
	dies(3 * S, 3);
	assert_int_equal(fixture_pass(10 * S), 1);
	assert_int_equal(fixture_feed(11 * S, 3, 1), 0); /* it takes nothing back */
	assert_int_equal(fixture_feed(12 * S, 1, 10), 1);
	assert_int_equal(fixture_feed(13 * S, 1, 30), 0);
	assert_int_equal(fixture_state(0), GW_STATE_SUPPRESSED);
}

static void an_uncertain_contact_was_read(void **unused)
{
	(void)unused;
	suppressed_by_contacts();
	fixture_feed_quality(2 * S, 3, 1, GW_QUALITY_UNCERTAIN);
	fixture_feed(3 * S, 2, 0);
	assert_int_equal(fixture_pass(100 * S), 0);
	assert_int_equal(fixture_state(0), GW_STATE_SUPPRESSED);
}

static void a_contact_of_a_silent_device_suppresses_nothing(void **unused)
{
	(void)unused;
	fixture_when(fixture_alarm("silent", 3, &gw_condition_silent))->window_ns = 30 * S;
	fixture.alarms[0].level = GW_LEVEL_BLUE;
	suppressed_by_contacts();
	fixture_feed(2 * S, 2, 0);
	assert_int_equal(fixture_pass(30 * S), 1);
	assert_string_equal(fixture.event[0].info->name, "silent");
	assert_int_equal(fixture_pass(35 * S), 1);
	assert_raised_unread();
}

static void an_alarm_with_a_dead_input_suppresses_nothing(void **unused)
{
	(void)unused;
	suppressed_on(1)->unless_stale_ns = PATIENCE;
	fixture_start();
	fixture_feed(0, 0, 60);
	assert_int_equal(fixture_feed(S, 1, 30), 0);
	assert_int_equal(dies(2 * S, 0), 0);
	assert_int_equal(
		fixture_state(GATE), GW_STATE_ACTIVE_UNACKED); /* itself it stays */
	assert_int_equal(fixture_pass(7 * S - 1), 0);
	assert_int_equal(fixture_pass(7 * S), 1);
	assert_raised_unread();
	assert_int_equal(fixture_feed(8 * S, 0, 60), 0);
	assert_int_equal(fixture_feed(9 * S, 1, 10), 1);
	assert_int_equal(fixture_feed(10 * S, 1, 30), 0); /* it can be read again */
}

static void a_silent_alarm_suppresses_while_it_stands(void **unused)
{
	struct gw_alarm_opts *a;

	(void)unused;
	fixture_when(fixture_alarm("silent", 0, &gw_condition_silent))->window_ns = 10 * S;
	a = fixture_alarm("held", 1, &gw_condition_above);
	fixture_when(a)->limit = 20;
	gate[0] = (struct gw_member){true, GATE, 0, fixture.alarm_key[GATE]};
	a->unless = gate;
	a->n_unless = 1;
	fixture_start();
	fixture_feed(0, 0, 1);
	dies(S, 0);
	assert_int_equal(fixture_pass(10 * S), 1);
	assert_int_equal(fixture_feed(11 * S, 1, 30), 0);
	dies(12 * S, 0);
	assert_int_equal(fixture_pass(100 * S), 0);
	assert_int_equal(fixture_state(HELD), GW_STATE_SUPPRESSED);
}

static void an_unreadable_alarm_suppresses_while_it_stands(void **unused)
{
	struct gw_alarm_opts *a = fixture_alarm("unreadable", 0, &gw_condition_unreadable);

	(void)unused;
	fixture_when(a)->window_ns = 10 * S;
	fixture_when(a)->polled = true;
	a = fixture_alarm("held", 2, &gw_condition_above);
	fixture_when(a)->limit = 20;
	gate[0] = (struct gw_member){true, GATE, 0, fixture.alarm_key[GATE]};
	a->unless = gate;
	a->n_unless = 1;
	a = fixture_alarm(
		"silent", 0, &gw_condition_silent); /* of a device with another point */
	fixture_when(a)->window_ns = 10 * S;
	a->n_points = 2;
	fixture_start();
	fixture_feed(0, 0, 1);
	for (int i = 1; i < 12; i++) {
		fixture_feed(i * S, 1, 1);
		dies(i * S, 0);
	}
	assert_int_equal(fixture_state(GATE), GW_STATE_ACTIVE_UNACKED);
	assert_int_equal(fixture_feed(12 * S, 2, 30), 0);
	dies(13 * S, 0);
	assert_int_equal(fixture_pass(14 * S), 0);
	assert_int_equal(fixture_state(HELD), GW_STATE_SUPPRESSED);
}

/* A vote with enough readable members suppresses; one that needs a dead member does not. */
static void a_vote_suppresses_with_readable_members(void **unused)
{
	static const struct gw_member of[] = {
		{false, 2, 0, "s/d2/p"}, {false, 3, 1, "s/d3/p"}, {false, 4, 1, "s/d4/p"}};
	struct gw_alarm_opts *a;

	(void)unused;
	a = fixture_alarm("zone", -1, &gw_condition_at_least);
	fixture_when(a)->at_least = 1;
	fixture_when(a)->members = of;
	fixture_when(a)->n_members = 3;
	a = fixture_alarm("held", 1, &gw_condition_above);
	fixture_when(a)->limit = 20;
	gate[0] = (struct gw_member){true, GATE, 0, fixture.alarm_key[GATE]};
	a->unless = gate;
	a->n_unless = 1;
	a->unless_stale_ns = PATIENCE;
	fixture_start();
	fixture_feed(0, 2, 1);
	fixture_feed(0, 3, 1);
	assert_int_equal(fixture_feed(S, 1, 30), 0);
	assert_int_equal(dies(2 * S, 2), 0);
	assert_int_equal(fixture_pass(50 * S), 0);
	assert_int_equal(dies(50 * S, 3), 0);
	assert_int_equal(fixture_feed(52 * S, 2, 1), 0);
	assert_int_equal(fixture_pass(80 * S), 0);
	assert_int_equal(dies(80 * S, 2), 0);
	assert_int_equal(fixture_pass(85 * S), 1);
	assert_raised_unread();
}

static void two_unreadable_votes_of_one_device_and_a_readable_one(void **unused)
{
	static const struct gw_member of[] = {
		{false, 2, 0, "s/d2/p"}, {false, 3, 0, "s/d3/p"}, {false, 4, 1, "s/d4/p"}};
	struct gw_alarm_opts *a;

	(void)unused;
	a = fixture_alarm("zone", -1, &gw_condition_at_least);
	fixture_when(a)->at_least = 2;
	fixture_when(a)->members = of;
	fixture_when(a)->n_members = 3;
	a = fixture_alarm("held", 1, &gw_condition_above);
	fixture_when(a)->limit = 20;
	gate[0] = (struct gw_member){true, GATE, 0, fixture.alarm_key[GATE]};
	a->unless = gate;
	a->n_unless = 1;
	fixture_start();
	fixture_feed(0, 2, 1);
	fixture_feed(0, 3, 1);
	fixture_feed(0, 4, 1);
	assert_int_equal(fixture_feed(S, 1, 30), 0);
	assert_int_equal(dies(2 * S, 4), 1); /* the other two count as one */
	assert_raised_unread();
}

static void a_vote_may_be_suppressed(void **unused)
{
	static const struct gw_member of[] = {
		{false, 1, 0, "s/d1/p"}, {false, 2, 1, "s/d2/p"}};
	struct gw_alarm_opts *a;

	(void)unused;
	fixture_when(fixture_alarm("gate", 0, &gw_condition_above))->limit = 50;
	a = fixture_alarm("zone", -1, &gw_condition_at_least);
	fixture_when(a)->at_least = 2;
	fixture_when(a)->members = of;
	fixture_when(a)->n_members = 2;
	gate[0] = (struct gw_member){true, GATE, 0, fixture.alarm_key[GATE]};
	a->unless = gate;
	a->n_unless = 1;
	fixture_start();
	fixture_feed(0, 0, 60);
	fixture_feed(S, 1, 1);
	assert_int_equal(fixture_feed(S, 2, 1), 0);
	assert_int_equal(fixture_state(1), GW_STATE_SUPPRESSED);
	assert_int_equal(fixture_feed(2 * S, 0, 40), 2);
	assert_int_equal(fixture.event[1].n_confirmed_by, 2);
}

static void suppression_holds_from_the_first_step(void **unused)
{
	const struct gw_alarm_record memory = {.key = fixture.alarm_key[GATE],
		.state = GW_STATE_ACTIVE_UNACKED,
		.underlying = GW_STATE_ACTIVE_UNACKED,
		.level = GW_LEVEL_RED};

	(void)unused;
	suppressed_on(1)->unless_stale_ns = PATIENCE;
	fixture_start();
	assert_true(gw_engine_restore(fixture.engine, &memory, fixture_time(0)));
	assert_int_equal(fixture_feed(0, 1, 30), 0);
	assert_int_equal(fixture_state(HELD), GW_STATE_SUPPRESSED);
	fixture.alarms[HELD].n_unless = 0; /* and a reload lets go what it no longer says */
	reload(S);
	assert_int_equal(fixture.n_events, 1);
	assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
}

static void a_restored_alarm_suppresses_until_it_is_read(void **unused)
{
	const struct gw_alarm_record memory = {.key = fixture.alarm_key[GATE],
		.state = GW_STATE_ACTIVE_UNACKED,
		.underlying = GW_STATE_ACTIVE_UNACKED,
		.level = GW_LEVEL_RED};

	(void)unused;
	suppressed_on(1)->unless_stale_ns = PATIENCE;
	fixture_start();
	assert_true(gw_engine_restore(fixture.engine, &memory, fixture_time(0)));
	assert_int_equal(fixture_feed(S, 1, 30), 0);
	reload(2 * S); /* waits on */
	assert_int_equal(fixture_feed(3 * S, 0, 60), 0);
	assert_int_equal(fixture_pass(60 * S), 0);
	dies(60 * S, 0);
	reload(62 * S);
	assert_int_equal(fixture.n_events, 0);
	assert_int_equal(fixture_pass(65 * S), 1);
	assert_raised_unread();
	gw_engine_free(fixture.engine);
	fixture_start();
	assert_true(gw_engine_restore(fixture.engine, &memory, fixture_time(100 * S)));
	assert_int_equal(fixture_feed(101 * S, 1, 30), 0); /* nobody reads the gate */
	assert_int_equal(fixture_pass(106 * S - 1), 0);
	assert_int_equal(fixture_pass(106 * S), 1);
	assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
}

static void out_of_service_is_silent_and_says_so(void **unused)
{
	struct gw_alarm_opts *a = fixture_alarm("high", 0, &gw_condition_above);

	(void)unused;
	fixture_when(a)->limit = 50;
	a->out_of_service = true;
	fixture_start();
	assert_int_equal(fixture_feed(0, 0, 60), 0);
	assert_int_equal(fixture_state(0), GW_STATE_OUT_OF_SERVICE);
	a->out_of_service = false;
	reload(S);
	assert_int_equal(fixture.n_events, 1);
	assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
	assert_true(fixture.event[0].wall_ms == FIXTURE_WALL_MS + 1000);
	assert_string_equal(fixture.event[0].note, "");
	a->out_of_service = true;
	reload(2 * S);
	assert_int_equal(fixture.n_events, 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_OUT_OF_SERVICE);
	assert_string_equal(fixture.event[0].note, "taken out of service");
	assert_int_equal(fixture_feed(3 * S, 0, 40), 0);
	assert_int_equal(fixture_feed(4 * S, 0, 60), 0);
}

static void back_in_service_it_is_raised_with_its_onset(void **unused)
{
	struct gw_alarm_opts *a = fixture_alarm("high", 0, &gw_condition_above);

	(void)unused;
	fixture_when(a)->limit = 50;
	fixture_start();
	assert_int_equal(fixture_feed(S, 0, 60), 1);
	a->out_of_service = true;
	reload(2 * S);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_OUT_OF_SERVICE);
	a->out_of_service = false;
	reload(3 * S);
	assert_int_equal(fixture.n_events, 1);
	assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
	assert_true(fixture.event[0].onset_ms == FIXTURE_WALL_MS + 1000);
	assert_true(fixture.event[0].peak == 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_active_alarm_suppresses_another_until_it_ends),
		TEST(on_one_point_the_suppressing_alarm_is_first),
		TEST(a_release_may_be_taken_back),
		TEST(an_emitted_raise_is_not_taken_back),
		TEST(a_delay_of_the_gate_counts),
		TEST(a_contact_suppresses_as_well),
		TEST(a_dead_contact_suppresses_nothing),
		TEST(one_missing_answer_ends_no_suppression),
		TEST(a_recovered_contact_suppresses_again),
		TEST(an_uncertain_contact_was_read),
		TEST(a_contact_of_a_silent_device_suppresses_nothing),
		TEST(an_alarm_with_a_dead_input_suppresses_nothing),
		TEST(a_silent_alarm_suppresses_while_it_stands),
		TEST(an_unreadable_alarm_suppresses_while_it_stands),
		TEST(a_vote_suppresses_with_readable_members),
		TEST(two_unreadable_votes_of_one_device_and_a_readable_one),
		TEST(a_vote_may_be_suppressed),
		TEST(suppression_holds_from_the_first_step),
		TEST(a_restored_alarm_suppresses_until_it_is_read),
		TEST(out_of_service_is_silent_and_says_so),
		TEST(back_in_service_it_is_raised_with_its_onset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

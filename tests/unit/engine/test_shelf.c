/* SPDX-License-Identifier: Apache-2.0 */
/* Shelving and re-alarm in the engine, with suppression, restart and reload. */
#include "suppression_fixture.h"

/* ---- a shelf ---- */

static struct gw_ring commands, replies;

static void person(enum gw_alarm_command_kind kind, int64_t duration_ns)
{
	const struct gw_alarm_command c = {.kind = kind, .duration_ns = duration_ns};

	if (!commands.entries) {
		assert_int_equal(gw_ring_init(&commands, 4, sizeof c, NULL), GW_OK);
		assert_int_equal(
			gw_ring_init(&replies, 64, sizeof(struct gw_alarm_reply), NULL),
			GW_OK);
	}
	gw_engine_set_commands(fixture.engine, &commands, &replies, NULL);
	gw_ring_push(&commands, &c, 1, sizeof c);
}

/* Shelved at 1 s for a minute, and true under it since 2 s. */
static struct gw_alarm_opts *raised_on_a_shelf(void)
{
	struct gw_alarm_opts *a = fixture_alarm("high", 0, &gw_condition_above);

	fixture_when(a)->limit = 50;
	fixture_start();
	person(GW_COMMAND_SHELVE, 60 * S);
	assert_int_equal(fixture_feed(S, 0, 10), 1);
	assert_int_equal(fixture_feed(2 * S, 0, 60), 0);
	return a;
}

static void assert_raised_off_the_shelf(int64_t onset_ns)
{
	assert_int_equal(fixture.n_events, 2);
	assert_event(0, GW_CHANGE_UNSHELVED, GW_STATE_NORMAL);
	assert_event(1, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
	assert_true(fixture.event[1].onset_ms == FIXTURE_WALL_MS + onset_ns / GW_NS_PER_MS);
	assert_string_equal(fixture.event[1].note, "began while it was shelved");
	assert_memory_not_equal(fixture.event[1].occurrence, (uint8_t[16]){0}, 16);
	assert_int_equal(fixture_feed(200 * S, 0, 70), 0);
}

static void an_occurrence_that_begins_while_shelved_is_raised_when_the_shelf_ends(
	void **unused)
{
	(void)unused;
	raised_on_a_shelf();
	fixture_feed(3 * S, 0, 80); /* its peak */
	fixture_feed(4 * S, 0, 60);
	assert_int_equal(fixture_pass(61 * S - 1), 0);
	fixture_pass(61 * S);
	assert_true(fixture.event[1].peak == 80);
	assert_raised_off_the_shelf(2 * S);
}

static void an_alarm_is_raised_when_a_person_unshelves(void **unused)
{
	(void)unused;
	raised_on_a_shelf();
	person(GW_COMMAND_UNSHELVE, 0);
	fixture_pass(10 * S);
	assert_raised_off_the_shelf(2 * S);
}

static void an_alarm_is_raised_when_the_shelf_ends_after_a_reload(void **unused)
{
	(void)unused;
	raised_on_a_shelf();
	reload(3 * S);
	assert_int_equal(fixture.n_events, 0);
	fixture_pass(61 * S);
	assert_raised_off_the_shelf(2 * S);
}

/* What the journal stores of an event. */
static struct gw_alarm_record keep(const struct gw_event *v)
{
	struct gw_alarm_record m = {.key = v->info->key,
		.state = v->state,
		.underlying = v->underlying,
		.level = v->level,
		.onset_ms = v->onset_ms,
		.since_ms = v->wall_ms,
		.shelved_until_ms = v->shelved_until_ms,
		.value = v->value,
		.peak = v->peak,
		.seq = v->seq};

	memcpy(m.occurrence, v->occurrence, sizeof m.occurrence);
	return m;
}

static void restart(const struct gw_alarm_record *r, int64_t at_ns)
{
	gw_engine_free(fixture.engine);
	fixture_start();
	if (r)
		assert_true(gw_engine_restore(fixture.engine, r, fixture_time(at_ns)));
	fixture_pass(at_ns);
	assert_int_equal(fixture.n_events, 0);
}

static void an_alarm_is_raised_when_the_shelf_ends_after_a_restart(void **unused)
{
	struct gw_alarm_record m;

	(void)unused;
	raised_on_a_shelf();
	person(GW_COMMAND_SHELVE, 60 * S); /* shelved once more: what is known stays */
	assert_int_equal(fixture_pass(10 * S), 1);
	assert_event(0, GW_CHANGE_SHELVED, GW_STATE_SHELVED);
	m = keep(&fixture.event[0]);
	assert_int_equal(m.underlying, GW_STATE_NORMAL);
	restart(&m, 20 * S);
	assert_int_equal(fixture_feed(21 * S, 0, 60), 0);
	fixture_pass(70 * S);
	assert_raised_off_the_shelf(21 * S); /* its raise before had no event */
}

static void an_alarm_is_raised_when_the_shelf_ends_after_an_amendment(void **unused)
{
	(void)unused;
	fixture.synced = false;
	raised_on_a_shelf();
	person(GW_COMMAND_SHELVE, 60 * S);
	assert_int_equal(fixture_pass(10 * S), 1);
	fixture.synced = true;
	assert_int_equal(fixture_pass(11 * S), 1);
	assert_event(0, GW_CHANGE_AMENDED, GW_STATE_SHELVED);
	assert_int_equal(fixture.event[0].underlying, GW_STATE_NORMAL);
	fixture_pass(70 * S);
	assert_raised_off_the_shelf(2 * S);
}

/* Killed when the journal had the one event and not the other. */
static void an_alarm_is_raised_after_a_restart_between_unshelved_and_raised(void **unused)
{
	(void)unused;
	raised_on_a_shelf();
	fixture_pass(61 * S);
	assert_event(0, GW_CHANGE_UNSHELVED, GW_STATE_NORMAL);
	assert_int_equal(
		fixture.event[0].underlying, GW_STATE_NORMAL); /* so it keeps nothing */
	restart(NULL, 62 * S);
	assert_int_equal(fixture_feed(63 * S, 0, 60), 1);
	assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
}

static void an_alarm_raised_before_its_shelf_is_not_raised_at_its_end(void **unused)
{
	struct gw_alarm_record m;

	(void)unused;
	fixture_when(fixture_alarm("high", 0, &gw_condition_above))->limit = 50;
	fixture_start();
	assert_int_equal(fixture_feed(0, 0, 60), 1);
	person(GW_COMMAND_SHELVE, 60 * S);
	assert_int_equal(fixture_pass(S), 1);
	m = keep(&fixture.event[0]);
	reload(2 * S);
	restart(&m, 3 * S);
	assert_int_equal(fixture_feed(4 * S, 0, 60), 0);
	assert_int_equal(fixture_pass(61 * S), 1);
	assert_event(0, GW_CHANGE_UNSHELVED, GW_STATE_ACTIVE_UNACKED);
}

/* An occurrence that was announced and ended on a shelf, whatever came after it there. */
static void the_end_of_a_shelf_carries_the_occurrence_that_ended_on_it(void **unused)
{
	uint8_t first[16];

	(void)unused;
	fixture_when(fixture_alarm("high", 0, &gw_condition_above))->limit = 50;
	for (int again = 0; again < 2; again++) {
		int64_t from_ns = again * 1000 * S;

		if (!again)
			fixture_start();
		assert_int_equal(fixture_feed(from_ns, 0, 60), 1);
		memcpy(first, fixture.event[0].occurrence, sizeof first);
		person(GW_COMMAND_ACK, 0);
		assert_int_equal(fixture_pass(from_ns + S), 1);
		person(GW_COMMAND_SHELVE, 60 * S);
		assert_int_equal(fixture_pass(from_ns + 2 * S), 1);
		assert_int_equal(fixture_feed(from_ns + 3 * S, 0, 10), 0);
		if (again)
			assert_int_equal(fixture_feed(from_ns + 4 * S, 0, 70), 0);
		assert_int_equal(fixture_pass(from_ns + 62 * S), 1 + again);
		assert_event(0, GW_CHANGE_UNSHELVED, GW_STATE_NORMAL);
		assert_memory_equal(fixture.event[0].occurrence, first, sizeof first);
		if (again) { /* a fire of its own */
			assert_event(1, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
			assert_memory_not_equal(
				fixture.event[1].occurrence, first, sizeof first);
			assert_true(fixture.event[1].occurrence[6] >> 4 == 7);
		}
		person(GW_COMMAND_SHELVE, S); /* nothing of the first is left */
		fixture_pass(from_ns + 63 * S);
		assert_memory_not_equal(fixture.event[0].occurrence, first, sizeof first);
		assert_int_equal(fixture_pass(from_ns + 64 * S), 1);
	}
}

static void an_occurrence_hidden_by_a_shelf_has_an_id(void **unused)
{
	uint8_t name[16];

	(void)unused;
	raised_on_a_shelf();
	assert_int_equal(fixture_feed(3 * S, 0, 10), 0);
	assert_int_equal(fixture_pass(61 * S), 1);
	assert_event(0, GW_CHANGE_UNSHELVED, GW_STATE_RETURNED_UNACKED);
	assert_true(fixture.event[0].occurrence[6] >> 4 == 7);
	memcpy(name, fixture.event[0].occurrence, sizeof name);
	person(GW_COMMAND_ACK, 0);
	assert_int_equal(fixture_pass(62 * S), 1);
	assert_memory_equal(fixture.event[0].occurrence, name, sizeof name);
}

static void a_shelved_gate_still_suppresses(void **unused)
{
	(void)unused;
	suppressed_on(1);
	fixture_start();
	fixture_feed(0, 0, 60); /* the gate is true */
	fixture_feed(0, 1, 30);
	gw_engine_set_commands(fixture.engine, NULL, NULL, NULL);
	person(GW_COMMAND_SHELVE, 60 * S); /* of the gate, which holds back all the same */
	assert_int_equal(fixture_pass(S), 1);
	assert_int_equal(fixture_state(HELD), GW_STATE_SUPPRESSED);
	assert_int_equal(fixture_feed(2 * S, 0, 40), 1);
	assert_string_equal(fixture.event[0].info->name, "held");
	assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
}

static void re_alarm_keeps_the_occurrence(void **unused)
{
	struct gw_alarm_opts *a = fixture_alarm("high", 0, &gw_condition_above);
	uint8_t life[16];
	uint64_t seq;

	(void)unused;
	fixture_when(a)->limit = 50;
	a->re_alarm_ns = 60 * S;
	fixture_start();
	fixture_feed(0, 0, 60);
	memcpy(life, fixture.event[0].occurrence, sizeof life);
	seq = fixture.event[0].seq;
	assert_int_equal(fixture_pass(60 * S - 1), 0);
	assert_int_equal(fixture_pass(60 * S), 1);
	assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
	assert_memory_equal(fixture.event[0].occurrence, life, sizeof life);
	assert_int_equal(fixture.event[0].seq, seq + 1);
	assert_string_equal(fixture.event[0].note, "still true: raised again");
	assert_true(fixture.event[0].onset_ms == FIXTURE_WALL_MS);
}

static void after_a_suspend_one_repeat_is_enough(void **unused)
{
	struct gw_alarm_opts *a = fixture_alarm("high", 0, &gw_condition_above);

	(void)unused;
	fixture_when(a)->limit = 50;
	a->re_alarm_ns = 60 * S;
	fixture_start();
	fixture_feed(0, 0, 60);
	assert_int_equal(fixture_pass(600 * S), 1);
	assert_true(fixture.event[0].wall_ms == FIXTURE_WALL_MS + 600000);
	assert_int_equal(fixture_pass(660 * S - 1), 0);
	/* late, but none is missed: dated at its time */
	assert_int_equal(fixture_pass(720 * S - 1), 1);
	assert_true(fixture.event[0].wall_ms == FIXTURE_WALL_MS + 660000);
	/* one more is, by the nanosecond */
	assert_int_equal(fixture_pass(840 * S), 1);
	assert_true(fixture.event[0].wall_ms == FIXTURE_WALL_MS + 840000);
	assert_int_equal(fixture_pass(900 * S - 1), 0);
}

static void re_alarm_counts_from_a_restart(void **unused)
{
	struct gw_alarm_opts *a = fixture_alarm("high", 0, &gw_condition_above);
	const struct gw_alarm_record memory = {.key = fixture.alarm_key[0],
		.state = GW_STATE_ACTIVE_ACKED,
		.underlying = GW_STATE_ACTIVE_ACKED,
		.level = GW_LEVEL_RED,
		.value = 60};

	(void)unused;
	fixture_when(a)->limit = 50;
	a->re_alarm_ns = 60 * S;
	fixture_start();
	assert_true(gw_engine_restore(fixture.engine, &memory, fixture_time(0)));
	assert_int_equal(fixture_feed(0, 0, 60), 0);
	assert_int_equal(fixture_pass(60 * S - 1), 0);
	assert_int_equal(fixture_pass(60 * S), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_occurrence_that_begins_while_shelved_is_raised_when_the_shelf_ends),
		TEST(an_alarm_is_raised_when_a_person_unshelves),
		TEST(an_alarm_is_raised_when_the_shelf_ends_after_a_reload),
		TEST(an_alarm_is_raised_when_the_shelf_ends_after_a_restart),
		TEST(an_alarm_is_raised_when_the_shelf_ends_after_an_amendment),
		TEST(an_alarm_is_raised_after_a_restart_between_unshelved_and_raised),
		TEST(an_alarm_raised_before_its_shelf_is_not_raised_at_its_end),
		TEST(the_end_of_a_shelf_carries_the_occurrence_that_ended_on_it),
		TEST(an_occurrence_hidden_by_a_shelf_has_an_id),
		TEST(a_shelved_gate_still_suppresses),
		TEST(re_alarm_keeps_the_occurrence),
		TEST(after_a_suspend_one_repeat_is_enough),
		TEST(re_alarm_counts_from_a_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

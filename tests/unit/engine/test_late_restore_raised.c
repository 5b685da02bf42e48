/* SPDX-License-Identifier: Apache-2.0 */
/* Records that come while the engine runs, of alarms that were raised anew; how batches are handed
 * over. */
#include "late_restore_fixture.h"

static void assert_new(size_t i)
{
	assert_int_not_equal(fixture.event[i].occurrence[0], 0);
	assert_int_not_equal(fixture.event[i].occurrence[0], OLD);
}

/* ---- it was raised anew meanwhile ---- */

static uint8_t newer[16];

static void raise_anew(void)
{
	fixture_start();
	assert_int_equal(fixture_feed(S, 0, 60), 1);
	assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
	assert_new(0);
	memcpy(newer, fixture.event[0].occurrence, sizeof newer);
}

static void the_older_occurrence_ends_and_the_newer_goes_on(void **unused)
{
	(void)unused;
	high();
	raise_anew();
	assert_int_equal(late_one(2 * S, was(key, GW_STATE_ACTIVE_ACKED)), 2);
	assert_int_equal(batch.n_raised_anew, 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_NORMAL);
	assert_old(0);
	assert_event(1, GW_CHANGE_AMENDED, GW_STATE_ACTIVE_UNACKED);
	assert_memory_equal(fixture.event[1].occurrence, newer, sizeof newer);
	assert_int_equal(
		fixture_state(0), GW_STATE_ACTIVE_UNACKED); /* nobody has acked it */
	assert_int_equal(fixture_feed(3 * S, 0, 40), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
	assert_memory_equal(fixture.event[0].occurrence, newer, sizeof newer);
}

static void a_late_record_restores_the_shelf(void **unused)
{
	struct gw_alarm_record m = stood(key);

	(void)unused;
	m.state = GW_STATE_SHELVED;
	m.shelved_until_ms = FIXTURE_WALL_MS + 60000;
	high();
	raise_anew();
	assert_int_equal(late_one(2 * S, m), 2);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_NORMAL);
	assert_old(0);
	assert_event(1, GW_CHANGE_SHELVED, GW_STATE_SHELVED);
	assert_memory_equal(fixture.event[1].occurrence, newer, sizeof newer);
	assert_true(fixture.event[1].shelved_until_ms == FIXTURE_WALL_MS + 60000);
	assert_int_equal(fixture_pass(60 * S), 1); /* its raise was emitted already */
	assert_event(0, GW_CHANGE_UNSHELVED, GW_STATE_ACTIVE_UNACKED);
}

static void a_shelf_that_has_ended_ends(void **unused)
{
	struct gw_alarm_record m = was(key, GW_STATE_NORMAL);

	(void)unused;
	m.state = GW_STATE_SHELVED;
	m.shelved_until_ms = FIXTURE_WALL_MS + 1000;
	high();
	raise_anew();
	assert_int_equal(late_one(2 * S, m), 2);
	assert_event(0, GW_CHANGE_AMENDED, GW_STATE_SHELVED);
	assert_event(1, GW_CHANGE_UNSHELVED, GW_STATE_ACTIVE_UNACKED);
}

static void a_newer_shelf_stays(void **unused)
{
	struct gw_alarm_record m = stood(key);
	struct gw_ring commands, replies;
	const struct gw_alarm_command shelve = {
		.kind = GW_COMMAND_SHELVE, .duration_ns = 10 * S};

	(void)unused;
	m.state = GW_STATE_SHELVED;
	m.shelved_until_ms = FIXTURE_WALL_MS + 60000;
	high();
	raise_anew();
	assert_int_equal(gw_ring_init(&commands, 2, sizeof shelve, NULL), GW_OK);
	assert_int_equal(
		gw_ring_init(&replies, 2, sizeof(struct gw_alarm_reply), NULL), GW_OK);
	gw_engine_set_commands(fixture.engine, &commands, &replies, NULL);
	gw_ring_push(&commands, &shelve, 1, sizeof shelve);
	assert_int_equal(fixture_pass(2 * S), 1);
	assert_int_equal(late_one(3 * S, m), 2);
	assert_event(1, GW_CHANGE_AMENDED, GW_STATE_SHELVED);
	assert_int_equal(fixture_pass(12 * S), 1);
	assert_event(0, GW_CHANGE_UNSHELVED, GW_STATE_ACTIVE_UNACKED);
	gw_ring_fini(&commands);
	gw_ring_fini(&replies);
}

static void a_late_record_restores_the_latch(void **unused)
{
	(void)unused;
	high(); /* it latches no more by its configuration */
	raise_anew();
	assert_int_equal(fixture_feed(2 * S, 0, 40), 1);
	assert_int_equal(late_one(3 * S, was(key, GW_STATE_LATCHED_ACKED)), 2);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_NORMAL);
	assert_event(1, GW_CHANGE_AMENDED, GW_STATE_LATCHED_UNACKED);
}

static void an_ended_occurrence_leaves_the_older_one(void **unused)
{
	struct gw_ring commands, replies;
	const struct gw_alarm_command ack = {.kind = GW_COMMAND_ACK};

	(void)unused;
	high();
	raise_anew();
	assert_int_equal(gw_ring_init(&commands, 2, sizeof ack, NULL), GW_OK);
	assert_int_equal(
		gw_ring_init(&replies, 2, sizeof(struct gw_alarm_reply), NULL), GW_OK);
	gw_engine_set_commands(fixture.engine, &commands, &replies, NULL);
	gw_ring_push(&commands, &ack, 1, sizeof ack);
	assert_int_equal(fixture_feed(2 * S, 0, 40), 2);
	assert_int_equal(fixture_state(0), GW_STATE_NORMAL);
	/* the journal has newer events of it: an amendment corrects it */
	assert_int_equal(late_one(3 * S, was(key, GW_STATE_LATCHED_UNACKED)), 1);
	assert_event(0, GW_CHANGE_AMENDED, GW_STATE_LATCHED_UNACKED);
	assert_old(0);
	gw_ring_fini(&commands);
	gw_ring_fini(&replies);
}

/* ---- the hand-over ---- */

static void a_second_batch_is_refused_until_the_first_is_taken(void **unused)
{
	(void)unused;
	high();
	fixture_start();
	fixture_pass(0);
	remember(stood(key));
	batch.at = late;
	assert_true(gw_engine_restore_late(fixture.engine, &batch));
	assert_false(gw_engine_restore_late(fixture.engine, &batch));
	fixture_pass(S);
	assert_true(gw_engine_restore_done(fixture.engine));
	batch.n = 0;
	assert_true(gw_engine_restore_late(fixture.engine, &batch)); /* of nothing */
	fixture_pass(S);
	assert_true(gw_engine_restore_done(fixture.engine));
}

static void no_unconfigured(
	void *arg, const struct gw_alarm_record *record, const struct gw_alarm_info *info)
{
	(void)arg, (void)info;
	fail_msg("%s found no home", record->key);
}

static void a_reload_takes_the_batch_with_it(void **unused)
{
	struct gw_engine *next;

	(void)unused;
	high();
	raise_anew();
	remember(stood(key));
	batch.at = late;
	assert_true(gw_engine_restore_late(fixture.engine, &batch));
	next = fixture_engine();
	gw_engine_adopt(next, fixture.engine, fixture_time(2 * S), no_unconfigured, NULL);
	assert_true(gw_engine_restore_done(fixture.engine));
	gw_engine_free(fixture.engine);
	fixture.engine = next;
	assert_int_equal(fixture_pass(2 * S), 2);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_NORMAL);
	assert_event(1, GW_CHANGE_AMENDED, GW_STATE_ACTIVE_UNACKED);
}

static void the_first_event_follows_the_seq_it_was_given(void **unused)
{
	const uint64_t base = UINT64_C(1) << 40;

	(void)unused;
	high();
	fixture_start();
	gw_engine_set_identity(
		fixture.engine, 9, base, "00000000-0000-0000-0000-000000000000");
	assert_true(gw_engine_last_seq(fixture.engine) == base);
	assert_int_equal(fixture_feed(S, 0, 60), 1);
	assert_true(fixture.event[0].seq == base + 1);
	assert_int_equal(fixture.event[0].run, 9);
	assert_int_equal(late_one(2 * S, stood(key)), 2); /* whose seq is below */
	assert_true(fixture.event[1].seq == base + 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_older_occurrence_ends_and_the_newer_goes_on),
		TEST(a_late_record_restores_the_shelf),
		TEST(a_shelf_that_has_ended_ends),
		TEST(a_newer_shelf_stays),
		TEST(a_late_record_restores_the_latch),
		TEST(an_ended_occurrence_leaves_the_older_one),
		TEST(a_second_batch_is_refused_until_the_first_is_taken),
		TEST(a_reload_takes_the_batch_with_it),
		TEST(the_first_event_follows_the_seq_it_was_given),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

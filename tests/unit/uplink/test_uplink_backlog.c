/* SPDX-License-Identifier: Apache-2.0 */
/* Events that are in the store alone, after a start or because the outbox was full. */
#include "uplink_fixture.h"

static void test_backlog_of_an_earlier_run(void **state)
{
	struct gw_event e;
	size_t i;

	(void)state;
	end_uplink();
	for (uint64_t seq = 1; seq <= 300; seq++) {
		e = make(seq, seq % 3 == 0 ? GW_LEVEL_RED : GW_LEVEL_YELLOW, seq % 3 == 0);
		strcpy(e.boot, "00000000-0000-0000-0000-000000000000");
		to_store(&e);
	}
	atomic_store(&store.committed, 300);
	begin(0);
	emit(301, GW_LEVEL_BLUE, 0);
	commit(301);
	SOON(count(&platform.n_taken) == 301);
	SOON(marks_of(GW_MARK_DELIVERED) == 301);
	assert_taken_once(301);
	for (i = 1; i < 100; i++)
		assert_true(platform.taken[i] % 3 == 0 &&
			platform.taken[i] > platform.taken[i - 1]);
	for (i = 101; i < 300; i++)
		assert_true(platform.taken[i] > platform.taken[i - 1]);
	assert_int_equal(platform.taken[300], 301);
	SOON(status().pending == 0);
}

static void test_overflow_goes_through_the_store(void **state)
{
	size_t i;
	uint64_t last[4] = {0};

	(void)state;
	COMMAND(platform.verdict = GW_SINK_RETRY);
	for (uint64_t seq = 1; seq <= 6000; seq++) {
		emit(seq, GW_LEVEL_YELLOW, seq % 4);
		if (seq % 100 == 0)
			commit(seq);
	}
	SOON(gw_ring_count(gw_uplink_events(up)) == 0 && status().tried);
	assert_in_range(status().pending, 6000, 6000); /* what is in the store counts */
	COMMAND(platform.verdict = GW_SINK_SENT);
	advance(60 * SEC);
	SOON(count(&platform.n_taken) == 6000);
	assert_taken_once(6000);
	for (i = 0; i < 6000; i++) {
		assert_true(platform.taken[i] > last[platform.taken[i] % 4]);
		last[platform.taken[i] % 4] = platform.taken[i];
	}
	SOON(status().pending == 0);
}

static void test_overflow_while_the_store_replies(void **state)
{
	(void)state;
	end_uplink();
	COMMAND(store.hold_reply = true);
	COMMAND(platform.verdict = GW_SINK_RETRY);
	begin(0);
	SOON(count(&store.requests) == 1); /* nothing was owed when it looked */
	for (uint64_t seq = 1; seq <= 5000; seq++)
		emit(seq, GW_LEVEL_YELLOW, seq % 4);
	commit(5000);
	SOON(gw_ring_count(gw_uplink_events(up)) == 0);
	COMMAND(store.hold_reply = false);
	COMMAND(platform.verdict = GW_SINK_SENT);
	gw_wake_poke(gw_uplink_wake(up));
	SOON(count(&platform.n_taken) == 5000);
	assert_taken_once(5000);
}

/* The store is so far behind that it does not know yet what was left to it. */
static void test_overflow_that_the_store_has_not_seen(void **state)
{
	static struct gw_event late[6000];

	(void)state;
	COMMAND(platform.verdict = GW_SINK_RETRY);
	for (uint64_t seq = 1; seq <= 6000; seq++) {
		late[seq - 1] = make(seq, GW_LEVEL_YELLOW, seq % 4);
		while (gw_ring_push(gw_uplink_events(up), &late[seq - 1], 1,
			       sizeof(late[0])) == 0)
			usleep(1000);
		gw_wake_poke(gw_uplink_wake(up));
	}
	SOON(gw_ring_count(gw_uplink_events(up)) == 0);
	COMMAND(platform.verdict = GW_SINK_SENT);
	advance(60 * SEC);
	SOON(status().pending ==
		0); /* what was in memory is gone, and it waits for the store */
	advance(1 * SEC);
	SOON(count(&store.replies) > 1); /* which knows of nothing */
	assert_true(count(&platform.n_taken) < 6000);
	for (size_t i = count(&platform.n_taken); i < 6000; i++)
		to_store(&late[i]);
	commit(6000);
	/* An ask from before the commit may still be answered, and is paced: time goes on. */
	SOON((advance(10 * MS), count(&platform.n_taken) == 6000));
	assert_taken_once(6000);
}

/* The store has an event that is still on its way here: it is not taken from both. */
static void test_store_replies_before_the_ring_is_drained(void **state)
{
	struct gw_event e;

	(void)state;
	end_uplink();
	store.failing = true;
	begin(0);
	SOON(count(&store.replies) == 1);
	e = make(1, GW_LEVEL_RED, 0);
	to_store(&e);
	commit(1);
	pthread_mutex_lock(&lock);
	store.failing = false;
	pthread_mutex_unlock(&lock);
	wait_idle();
	advance(SEC);
	SOON(count(&store.replies) >= 2);
	wait_idle();
	assert_int_equal(gw_ring_push(gw_uplink_events(up), &e, 1, sizeof(e)), 1);
	gw_wake_poke(gw_uplink_wake(up));
	SOON(count(&platform.n_taken) > 0);
	wait_idle();
	assert_taken_once(1);
}

/* The ring was full for so long that the engine lost one for it. */
static void test_dropped_by_the_engine_is_read_from_the_store(void **state)
{
	struct gw_event e = make(2, GW_LEVEL_YELLOW, 1);

	(void)state;
	emit(1, GW_LEVEL_RED, 0);
	to_store(&e);
	emit(3, GW_LEVEL_RED, 2);
	commit(3);
	SOON(count(&platform.n_taken) == 3);
	assert_taken_once(3);
}

static void test_store_without_reply_delays_no_event(void **state)
{
	(void)state;
	end_uplink();
	COMMAND(store.no_reply = true);
	begin(0);
	SOON(count(&store.requests) == 1);
	emit(1, GW_LEVEL_RED, 0);
	commit(1);
	wait_idle();
	assert_int_equal(count(&platform.n_tries), 0);
	advance(200 * MS);
	SOON(count(&platform.n_taken) == 1);
}

static void test_settled_while_the_store_replies(void **state)
{
	struct gw_event e;

	(void)state;
	end_uplink();
	COMMAND(store.hold_reply = true);
	e = make(1, GW_LEVEL_RED, 0);
	to_store(&e);
	e = make(2, GW_LEVEL_RED, 0);
	to_store(&e);
	atomic_store(&store.committed, 2);
	begin(0);
	SOON(count(&store.requests) == 1);
	/* 2 comes through the ring, too, and is delivered before the reply with 1 and 2 */
	while (gw_ring_push(gw_uplink_events(up), &e, 1, sizeof(e)) == 0)
		continue;
	advance(200 * MS);
	SOON(count(&platform.n_taken) == 1);
	COMMAND(store.hold_reply = false);
	gw_wake_poke(gw_uplink_wake(up));
	SOON(count(&platform.n_taken) == 2);
	wait_idle();
	assert_taken_once(2);
}

static void test_full_mailbox_of_the_store(void **state)
{
	(void)state;
	COMMAND(store.no_marks = true);
	for (uint64_t seq = 1; seq <= 500; seq++)
		emit(seq, GW_LEVEL_YELLOW, 0);
	commit(500);
	SOON(count(&platform.n_taken) == 500);
	assert_int_equal(marks_of(GW_MARK_DELIVERED), 0);
	COMMAND(store.no_marks = false);
	gw_wake_poke(gw_uplink_wake(up));
	SOON(marks_of(GW_MARK_DELIVERED) == 500);
	for (size_t i = 0; i < 500; i++)
		assert_int_equal(store.marks[i].seq, i + 1);
}

#define IT(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(test_backlog_of_an_earlier_run),
		IT(test_overflow_goes_through_the_store),
		IT(test_overflow_while_the_store_replies),
		IT(test_overflow_that_the_store_has_not_seen),
		IT(test_store_replies_before_the_ring_is_drained),
		IT(test_dropped_by_the_engine_is_read_from_the_store),
		IT(test_store_without_reply_delays_no_event),
		IT(test_settled_while_the_store_replies),
		IT(test_full_mailbox_of_the_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

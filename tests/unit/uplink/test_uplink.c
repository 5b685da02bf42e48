/* SPDX-License-Identifier: Apache-2.0 */
/* Events through an uplink: when they are sent, repeated and given up for a stop. */
#include "uplink_fixture.h"

static void test_sent_when_committed(void **state)
{
	(void)state;
	emit(1, GW_LEVEL_RED, 0);
	advance(150 * MS);
	wait_idle();
	assert_int_equal(count(&platform.n_tries), 0);
	commit(1);
	SOON(count(&platform.n_tries) == 1);
	SOON(marks_of(GW_MARK_DELIVERED) == 1);
	assert_true(platform.tries[0].durable);
	assert_int_equal(marks_of(GW_MARK_UNDURABLE), 0);
	SOON(status().pending == 0 && status().up);
	assert_int_equal(status().sent, 1);
}

static void test_sent_after_200_ms_uncommitted(void **state)
{
	(void)state;
	emit(1, GW_LEVEL_RED, 0);
	emit(2, GW_LEVEL_RED, 0);
	commit(1);
	SOON(count(&platform.n_tries) == 1);
	advance(199 * MS);
	wait_idle();
	assert_int_equal(count(&platform.n_tries), 1);
	advance(1 * MS);
	SOON(count(&platform.n_tries) == 2);
	assert_true(platform.tries[0].durable);
	assert_false(platform.tries[1].durable);
	SOON(marks_of(GW_MARK_DELIVERED) == 2);
	/* the store knew before the platform did */
	assert_int_equal(marks_of(GW_MARK_UNDURABLE), 1);
	for (size_t i = 0; i < store.n_marks; i++)
		if (store.marks[i].kind == GW_MARK_UNDURABLE)
			assert_int_equal(store.marks[i].requests_before, 1);
}

static void test_a_repeat_has_the_same_bytes(void **state)
{
	(void)state;
	COMMAND(platform.verdict = GW_SINK_RETRY);
	emit(1, GW_LEVEL_RED, 0);
	advance(200 * MS); /* undurable */
	SOON(count(&platform.n_tries) == 1);
	commit(1); /* must not turn durable now */
	SOON(status().retries == 1);
	advance(499 * MS);
	wait_idle();
	assert_int_equal(count(&platform.n_tries), 1);
	COMMAND(platform.verdict = GW_SINK_SENT);
	advance(501 * MS);
	SOON(count(&platform.n_tries) == 2);
	assert_false(platform.tries[0].durable);
	assert_string_equal(platform.tries[0].first, platform.tries[1].first);
}

static void test_retry_after_is_respected(void **state)
{
	(void)state;
	COMMAND(platform.verdict = GW_SINK_RETRY);
	COMMAND(platform.retry_after_ns = 20 * SEC);
	commit(9);
	emit(1, GW_LEVEL_RED, 0);
	SOON(status().retries == 1);
	COMMAND(platform.verdict = GW_SINK_SENT);
	advance(20 * SEC - 1);
	emit(2, GW_LEVEL_RED, 1); /* nothing urgent enough */
	wait_idle();
	assert_int_equal(count(&platform.n_tries), 1);
	advance(1);
	SOON(count(&platform.n_tries) == 2);
}

static void test_a_new_alarm_does_not_wait_for_the_back_off(void **state)
{
	(void)state;
	fail_times(8, 60 * SEC); /* now it waits half a minute at least */
	COMMAND(platform.verdict = GW_SINK_SENT);
	advance(1 * SEC);
	emit(2, GW_LEVEL_RED, 1);
	wait_idle();
	assert_int_equal(
		count(&platform.n_tries), 8); /* but not at every event of a storm */
	advance(1 * SEC);
	SOON(count(&platform.n_taken) == 2);
	assert_int_equal(platform.taken[0], 2);
}

static void test_down_after_three_failures_and_back(void **state)
{
	(void)state;
	SOON((read_faults(), fault[GW_UPLINK_POINT_PARKED] == 0.0));
	fail_times(2, 1 * SEC);
	wait_idle();
	read_faults();
	/* It may have been down before this start: nothing says yet that it is not. */
	assert_true(fault[GW_UPLINK_POINT_DOWN] == -1.0);
	assert_false(status().down);
	advance(4 * SEC);
	SOON((read_faults(), fault[GW_UPLINK_POINT_DOWN] == 1.0));
	assert_true(status().down);
	assert_string_equal(status().why, "commanded");
	COMMAND(platform.verdict = GW_SINK_SENT);
	advance(60 * SEC);
	SOON((read_faults(), fault[GW_UPLINK_POINT_DOWN] == 0.0));
	SOON(status().up);
	assert_int_equal(status().sent, 1);
}

static void test_down_after_a_minute_of_silence(void **state)
{
	(void)state;
	COMMAND(platform.retry_after_ns = 60 * SEC);
	fail_times(1, 0);
	advance(59 * SEC);
	wait_idle();
	assert_false(status().down);
	COMMAND(platform.verdict = GW_SINK_RETRY);
	COMMAND(platform.hang = true);
	advance(1 * SEC);
	SOON((read_faults(), fault[GW_UPLINK_POINT_DOWN] == 1.0));
	COMMAND(platform.hang = false);
}

/* A storm that comes as fast as it is taken in must not keep the thread from sending. */
static void test_storm_is_sent_while_it_is_drained(void **state)
{
	(void)state;
	end_uplink();
	atomic_store(&store.committed, 1000);
	waiting_at_start = 1000;
	begin(0);
	waiting_at_start = 0;
	SOON(count(&platform.n_taken) == 1000);
	assert_taken_once(1000);
	assert_true(count(&platform.ring_at_first_try) > 0);
	SOON(marks_of(GW_MARK_DELIVERED) == 1000);
}

/* What one turn leaves in the ring does not wait for the next idle wake, two seconds each. */
static void test_full_ring_is_drained_while_nothing_is_sent(void **state)
{
	struct timespec from, to;

	(void)state;
	end_uplink();
	clock_gettime(CLOCK_MONOTONIC, &from);
	waiting_at_start = 1000;
	begin(0);
	waiting_at_start = 0;
	SOON(gw_ring_count(gw_uplink_events(up)) == 0);
	clock_gettime(CLOCK_MONOTONIC, &to);
	assert_in_range(to.tv_sec - from.tv_sec, 0, 3);
	assert_int_equal(count(&platform.n_tries), 0);
}

static void test_work_goes_on_while_a_request_hangs(void **state)
{
	(void)state;
	COMMAND(platform.hang = true);
	commit(9);
	emit(1, GW_LEVEL_RED, 0);
	SOON(is(&platform.hanging));
	advance(3 * SEC);
	emit(2, GW_LEVEL_RED, 1);
	SOON(gw_ring_count(gw_uplink_events(up)) == 0);
	SOON(status().pending == 2);
	SOON(atomic_load(&gw_uplink_thread(up)->beat_ns) >= START_NS + 3 * SEC);
	COMMAND(platform.hang = false);
	SOON(count(&platform.n_taken) == 2);
}

static void test_stop_delivers_what_is_in_memory(void **state)
{
	(void)state;
	commit(3);
	COMMAND(platform.hang = true);
	emit(1, GW_LEVEL_RED, 0);
	emit(2, GW_LEVEL_RED, 0);
	emit(3, GW_LEVEL_RED, 0);
	gw_uplink_request_stop(up);
	COMMAND(platform.hang = false);
	gw_uplink_join(up);
	assert_taken_once(3);
	assert_int_equal(marks_of(GW_MARK_DELIVERED), 3);
}

static void test_stop_delivers_a_full_ring(void **state)
{
	(void)state;
	end_uplink();
	atomic_store(&store.committed, 1000);
	waiting_at_start = 1000;
	begin(0);
	waiting_at_start = 0;
	gw_uplink_request_stop(up);
	gw_uplink_join(up);
	assert_taken_once(1000);
	assert_int_equal(marks_of(GW_MARK_DELIVERED), 1000);
}

static void test_stop_does_not_wait_for_a_dead_platform(void **state)
{
	(void)state;
	commit(3);
	COMMAND(platform.hang = true);
	emit(1, GW_LEVEL_RED, 0);
	SOON(is(&platform.hanging));
	gw_uplink_request_stop(up);
	wait_idle();
	advance(1 * SEC);
	gw_uplink_join(up);
	assert_int_equal(count(&platform.n_taken), 0);
}

#define IT(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(test_sent_when_committed),
		IT(test_sent_after_200_ms_uncommitted),
		IT(test_a_repeat_has_the_same_bytes),
		IT(test_retry_after_is_respected),
		IT(test_a_new_alarm_does_not_wait_for_the_back_off),
		IT(test_down_after_three_failures_and_back),
		IT(test_down_after_a_minute_of_silence),
		IT(test_storm_is_sent_while_it_is_drained),
		IT(test_full_ring_is_drained_while_nothing_is_sent),
		IT(test_work_goes_on_while_a_request_hangs),
		IT(test_stop_delivers_what_is_in_memory),
		IT(test_stop_delivers_a_full_ring),
		IT(test_stop_does_not_wait_for_a_dead_platform),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Heartbeats, and what their results say of the platform. */
#include "uplink_fixture.h"

static void test_retry_after_of_a_heartbeat_holds_no_event(void **state)
{
	(void)state;
	again_with_heartbeat(30 * SEC);
	SOON(count(&platform.n_heartbeats) == 1);
	COMMAND(platform.heartbeat_verdict = GW_SINK_RETRY; platform.heartbeat_status = 503;
		platform.heartbeat_retry_after_ns = 60 * SEC);
	advance(30 * SEC);
	SOON(status().retries == 1);
	commit(1);
	emit(1, GW_LEVEL_RED,
		0); /* time stands still: nothing but the alarm may make it go */
	SOON(count(&platform.n_taken) == 1);
	advance(59 * SEC);
	wait_idle();
	assert_int_equal(count(&platform.n_heartbeats), 2);
	COMMAND(platform.heartbeat_verdict = GW_SINK_SENT);
	advance(1 * SEC);
	SOON(count(&platform.n_heartbeats) == 3);
}

/* ... and so is its back-off: the second try of an alarm does not wait for it. */
static void test_back_off_of_heartbeats_delays_no_event(void **state)
{
	(void)state;
	again_with_heartbeat(30 * SEC);
	SOON(count(&platform.n_heartbeats) == 1);
	COMMAND(platform.heartbeat_verdict = platform.verdict = GW_SINK_RETRY);
	for (unsigned i = 1; i <= 8; i++) {
		advance(60 * SEC);
		SOON(status().retries == i);
	}
	commit(1);
	emit(1, GW_LEVEL_RED, 0);
	SOON(count(&platform.n_tries) == 1);
	SOON(status().retries >= 9);
	COMMAND(platform.verdict = GW_SINK_SENT);
	advance(1 * SEC);
	SOON(count(&platform.n_taken) == 1);
}

static void test_retry_after_of_events_holds_no_heartbeat(void **state)
{
	(void)state;
	again_with_heartbeat(5 * SEC);
	SOON(count(&platform.n_heartbeats) == 1);
	COMMAND(platform.verdict = GW_SINK_RETRY; platform.retry_after_ns = 60 * SEC);
	commit(1);
	emit(1, GW_LEVEL_RED, 0);
	SOON(status().retries == 1);
	COMMAND(platform.verdict = GW_SINK_SENT);
	advance(5 * SEC);
	SOON(count(&platform.n_heartbeats) == 2);
	wait_idle(); /* it lives: but it requested for silence */
	assert_int_equal(count(&platform.n_tries), 1);
	advance(55 * SEC);
	SOON(count(&platform.n_taken) == 1);
}

static void test_heartbeats_refused_are_no_outage(void **state)
{
	(void)state;
	again_with_heartbeat(1 * SEC);
	SOON(count(&platform.n_heartbeats) == 1);
	SOON((read_faults(), fault[GW_UPLINK_POINT_DOWN] == 0.0));
	COMMAND(platform.heartbeat_verdict = GW_SINK_REFUSED;
		platform.heartbeat_status = 404);
	commit(1000);
	for (uint64_t i = 1; i <= 40; i++) {
		size_t beats = count(&platform.n_heartbeats);

		advance(1 * SEC);
		SOON(count(&platform.n_heartbeats) > beats);
		if (i % 4 == 0) {
			emit(i / 4, GW_LEVEL_YELLOW, 0);
			SOON(count(&platform.n_taken) == i / 4);
		}
		read_faults();
		assert_true(fault[GW_UPLINK_POINT_DOWN] == 0.0);
		assert_true(status().up);
	}
	assert_int_equal(n_fault_samples, 2); /* down 0, parked 0 */
	assert_non_null(strstr(status().why, "heartbeats are refused"));
	COMMAND(platform.heartbeat_verdict = GW_SINK_SENT);
	advance(1 * SEC);
	SOON(status().why[0] == '\0');
}

/* A 429 says that somebody is there, too. */
static void test_a_busy_platform_is_reached(void **state)
{
	(void)state;
	again_with_heartbeat(1 * SEC);
	SOON(count(&platform.n_heartbeats) == 1);
	COMMAND(platform.heartbeat_verdict = GW_SINK_RETRY; platform.heartbeat_status = 429;
		platform.heartbeat_retry_after_ns = 5 * SEC);
	for (size_t i = 2; i < 10; i++) {
		advance(5 * SEC);
		SOON(count(&platform.n_heartbeats) == i);
	}
	wait_idle();
	assert_false(status().down);
	assert_int_equal(status().retries, 0);
}

/* Who does not know us does not take alarms: better said in a quiet hour. But once. */
static void test_down_after_a_minute_of_401(void **state)
{
	(void)state;
	again_with_heartbeat(1 * SEC);
	SOON(count(&platform.n_heartbeats) == 1);
	COMMAND(platform.heartbeat_verdict = GW_SINK_REFUSED;
		platform.heartbeat_status = 401);
	for (size_t i = 2; i < 50; i++) {
		advance(1 * SEC);
		SOON(count(&platform.n_heartbeats) == i);
	}
	wait_idle();
	assert_false(status().down);
	for (size_t i = 50; i < 70; i++) {
		advance(1 * SEC);
		SOON(count(&platform.n_heartbeats) == i);
	}
	SOON((read_faults(), fault[GW_UPLINK_POINT_DOWN] == 1.0));
	commit(1);
	emit(1, GW_LEVEL_RED, 0); /* it is taken all the same */
	SOON((read_faults(), fault[GW_UPLINK_POINT_DOWN] == 0.0));
	n_fault_samples = 0;
	for (size_t i = 0; i < 100; i++) {
		size_t beats = count(&platform.n_heartbeats);

		advance(1 * SEC);
		SOON(count(&platform.n_heartbeats) > beats);
	}
	wait_idle();
	read_faults();
	assert_int_equal(n_fault_samples, 0);
}

static void test_heartbeats_are_sent_at_their_interval(void **state)
{
	(void)state;
	again_with_heartbeat(30 * SEC);
	SOON(count(&platform.n_heartbeats) == 1);
	advance(29 * SEC);
	wait_idle();
	assert_int_equal(count(&platform.n_heartbeats), 1);
	advance(1 * SEC);
	SOON(count(&platform.n_heartbeats) == 2);
	SOON(status().up);
	COMMAND(platform.heartbeat_verdict = GW_SINK_RETRY);
	advance(30 * SEC);
	SOON(status().retries == 1);
	advance(1 * SEC); /* sooner than its period: is it away? */
	SOON(status().retries == 2);
	advance(2 * SEC);
	SOON((read_faults(), fault[GW_UPLINK_POINT_DOWN] == 1.0));
	COMMAND(platform.heartbeat_verdict = GW_SINK_SENT);
	advance(30 * SEC);
	SOON((read_faults(), fault[GW_UPLINK_POINT_DOWN] == 0.0));
}

/* A platform that takes heartbeats but no events is not called back by a heartbeat. */
static void test_heartbeats_do_not_hide_that_events_fail(void **state)
{
	(void)state;
	again_with_heartbeat(1 * SEC);
	SOON(count(&platform.n_heartbeats) == 1);
	fail_times(4, 60 * SEC);
	SOON((read_faults(), fault[GW_UPLINK_POINT_DOWN] == 1.0));
	advance(1 * SEC);
	SOON(status().retries >= 5);
	wait_idle();
	read_faults();
	assert_true(fault[GW_UPLINK_POINT_DOWN] == 1.0);
}

#define IT(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(test_retry_after_of_a_heartbeat_holds_no_event),
		IT(test_back_off_of_heartbeats_delays_no_event),
		IT(test_retry_after_of_events_holds_no_heartbeat),
		IT(test_heartbeats_refused_are_no_outage),
		IT(test_a_busy_platform_is_reached),
		IT(test_down_after_a_minute_of_401),
		IT(test_heartbeats_are_sent_at_their_interval),
		IT(test_heartbeats_do_not_hide_that_events_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

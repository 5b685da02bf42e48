/* SPDX-License-Identifier: Apache-2.0 */
/* Parked events are sent again; a person has events sent again. */
#include "uplink_fixture.h"

/* Seqs 1..n of alarms of their own are parked, and there is a platform that takes them now. */
static void park_some(uint64_t n)
{
	end_uplink();
	for (uint64_t seq = 1; seq <= n; seq++) {
		struct gw_event e = make(seq, GW_LEVEL_RED, seq % 4);

		to_store(&e);
		store.owed[seq - 1] = false;
		store.parked[seq - 1] = true;
	}
	atomic_store(&store.committed, n);
}

static void test_parked_are_sent_after_a_start(void **state)
{
	(void)state;
	park_some(20);
	begin(0);
	SOON(count(&platform.n_taken) == 20);
	assert_taken_once(20);
	for (size_t i = 0; i < 20; i++) {
		assert_int_equal(platform.tries[i].n, 1); /* one at a time */
		assert_int_equal(platform.taken[i], i + 1);
	}
	SOON(marks_of(GW_MARK_UNPARKED) == 20);
	SOON(status().parked == 0);
	SOON((read_faults(), fault[GW_UPLINK_POINT_PARKED] == 0.0));
	SOON(status().up);
}

/* Until the store has opened nobody knows of any: what was raised must not be cleared. */
static void test_a_store_that_opens_late(void **state)
{
	(void)state;
	park_some(3);
	COMMAND(store.failing = true; platform.verdict = GW_SINK_REFUSED);
	n_fault_samples = 0;
	fault[GW_UPLINK_POINT_PARKED] = -1;
	begin(0);
	SOON(count(&store.replies) == 1);
	wait_idle();
	read_faults();
	assert_true(fault[GW_UPLINK_POINT_PARKED] == -1.0);
	COMMAND(store.failing = false; platform.verdict = GW_SINK_SENT);
	advance(SEC);
	SOON(count(&platform.n_taken) == 3);
	SOON(status().parked == 0);
	SOON((read_faults(), fault[GW_UPLINK_POINT_PARKED] == 0.0));
}

static void test_new_events_go_before_parked(void **state)
{
	(void)state;
	park_some(5);
	COMMAND(platform.hang = true);
	begin(0);
	SOON(is(&platform.hanging)); /* an offer is under way */
	commit(6);
	emit(6, GW_LEVEL_BLUE, 0);
	SOON(count(&platform.n_tries) == 0 && status().pending == 1);
	COMMAND(platform.hang = false);
	SOON(count(&platform.n_taken) == 6);
	assert_int_equal(platform.taken[0], 6);
	assert_taken_once(6);
}

/* Refused again: they stay parked, one request each a round, and rounds become rare. */
static void test_passes_become_rare_without_witness(void **state)
{
	size_t before;

	(void)state;
	park_some(4);
	COMMAND(platform.verdict = GW_SINK_REFUSED);
	begin(0);
	for (int i = 0; i < 60 && count(&platform.n_tries) < 4; i++) {
		wait_idle();
		advance(SEC / 4);
	}
	assert_int_equal(count(&platform.n_tries), 4);
	SOON((advance(SEC / 100), count(&store.parked_requests) >= 2));
	for (int hour = 0; hour < 6; hour++) {
		before = count(&platform.n_tries);
		for (int i = 0; i < 600; i++) {
			usleep(1500);
			advance(6 * SEC);
		}
		assert_in_range(count(&platform.n_tries) - before, 4, hour ? 28 : 60);
	}
	assert_int_equal(status().parked, 4);
	assert_int_equal(marks_of(GW_MARK_UNPARKED), 0);
	assert_int_equal(marks_of(GW_MARK_PARKED), 0); /* they are: nothing to write */
	assert_false(status().down);
}

/* With somebody to bear witness: once a day in the end. */
static void test_pass_once_a_day_with_witness(void **state)
{
	size_t tries;

	(void)state;
	park_some(1);
	COMMAND(platform.bad_seq = 1);
	begin(30 * SEC);
	for (int i = 0; i < 2 * 24 * 30; i++) { /* two days, in steps of two minutes */
		usleep(1500);
		advance(120 * SEC);
	}
	tries = count(&platform.n_tries);
	assert_in_range(tries, 6, 15);
	for (int i = 0; i < 25 * 30; i++) {
		usleep(1500);
		advance(120 * SEC);
	}
	assert_in_range(count(&platform.n_tries), tries + 1, tries + 3);
	COMMAND(platform.bad_seq = 0);
	gw_uplink_retry_parked(up); /* a reload */
	SOON(count(&platform.n_taken) == 1);
	SOON(status().parked == 0);
}

static void test_parked_are_sent_when_the_platform_is_back(void **state)
{
	(void)state;
	park_some(3);
	COMMAND(platform.verdict = GW_SINK_REFUSED);
	begin(0);
	SOON((advance(SEC / 100),
		count(&store.parked_requests) == 2)); /* the round is over */
	SOON(count(&platform.n_tries) == 3);
	COMMAND(platform.verdict = GW_SINK_RETRY);
	emit(4, GW_LEVEL_RED, 1);
	commit(4);
	for (unsigned i = 1; i <= 3; i++) {
		SOON(status().retries == i);
		if (i < 3)
			advance(i * SEC);
	}
	SOON((read_faults(), fault[GW_UPLINK_POINT_DOWN] == 1.0));
	COMMAND(platform.verdict = GW_SINK_SENT);
	advance(4 * SEC); /* sooner than by the clock */
	SOON(count(&platform.n_taken) == 4);
	assert_int_equal(platform.taken[0], 4);
	assert_taken_once(4);
}

static void test_parked_are_sent_with_another_token(void **state)
{
	char path[] = "/tmp/tocsin-token-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	park_some(1);
	token_path = path;
	COMMAND(platform.bad_seq = 1);
	begin(0);
	SOON(count(&platform.n_tries) == 1);
	advance(5 * SEC);
	wait_idle();
	assert_int_equal(count(&platform.n_tries), 1);
	COMMAND(platform.bad_seq = 0);
	assert_int_equal(write(fd, "new\n", 4), 4);
	advance(10 * SEC);
	SOON(count(&platform.n_taken) == 1);
	close(fd);
	unlink(path);
	token_path = NULL;
}

/* Every event was refused while heartbeats were accepted: when one is accepted, the others may be,
 * too. */
static void test_parked_because_of_a_heartbeat_alone(void **state)
{
	(void)state;
	again_with_heartbeat(30 * SEC);
	SOON(count(&platform.n_heartbeats) == 1);
	COMMAND(platform.verdict = GW_SINK_REFUSED);
	commit(1000);
	for (uint64_t seq = 1; seq <= 4; seq++)
		emit(seq, GW_LEVEL_RED, seq % 4);
	SOON(marks_of(GW_MARK_PARKED) == 4);
	COMMAND(platform.verdict = GW_SINK_SENT);
	emit(5, GW_LEVEL_BLUE, 0);
	advance(SEC);
	SOON(count(&platform.n_taken) == 5);
	assert_taken_once(5);
	SOON(status().parked == 0);
}

static struct gw_resend_result resend(uint64_t from_seq)
{
	struct gw_resend_result r;

	assert_true(gw_uplink_resend(up, &(struct gw_resend){.from_seq = from_seq}));
	assert_false(gw_uplink_resend(up, &(struct gw_resend){.from_seq = from_seq}));
	SOON(gw_uplink_take_resend_result(up, &r));
	assert_false(gw_uplink_take_resend_result(up, &r));
	return r;
}

static void test_a_resend_sends_parked_events_and_a_range(void **state)
{
	struct gw_resend_result r;

	(void)state;
	COMMAND(platform.bad_seq = 2);
	commit(1000);
	for (uint64_t seq = 1; seq <= 7; seq++)
		emit(seq, GW_LEVEL_YELLOW, seq % 4);
	SOON(marks_of(GW_MARK_PARKED) == 1 && marks_of(GW_MARK_DELIVERED) == 6);
	SOON(status().parked == 1);
	COMMAND(platform.bad_seq = 0);
	r = resend(0); /* what is parked */
	assert_int_equal(r.parked, 1);
	assert_int_equal(r.owed, 0);
	SOON(count(&platform.n_taken) == 7);
	SOON(status().parked == 0);
	r = resend(4); /* and what was delivered */
	assert_int_equal(r.parked, 0);
	assert_int_equal(r.owed, 4);
	SOON(count(&platform.n_taken) == 11);
	SOON(marks_of(GW_MARK_DELIVERED) == 11);
	r = resend(1000);
	assert_int_equal(r.owed, 0);
	assert_false(r.failed);
	COMMAND(store.failing = true);
	r = resend(1);
	assert_true(r.failed);
}

#define IT(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(test_parked_are_sent_after_a_start),
		IT(test_a_store_that_opens_late),
		IT(test_new_events_go_before_parked),
		IT(test_passes_become_rare_without_witness),
		IT(test_pass_once_a_day_with_witness),
		IT(test_parked_are_sent_when_the_platform_is_back),
		IT(test_parked_are_sent_with_another_token),
		IT(test_parked_because_of_a_heartbeat_alone),
		IT(test_a_resend_sends_parked_events_and_a_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

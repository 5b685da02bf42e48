/* SPDX-License-Identifier: Apache-2.0 */
/* Refused events: which are parked, and which stay owed. */
#include "uplink_fixture.h"

static void test_one_bad_event_of_five_is_parked(void **state)
{
	(void)state;
	COMMAND(platform.bad_seq = 3);
	for (uint64_t seq = 1; seq <= 5; seq++)
		emit(seq, GW_LEVEL_YELLOW, 0);
	commit(5);
	SOON(marks_of(GW_MARK_PARKED) == 1);
	SOON(marks_of(GW_MARK_DELIVERED) == 4);
	for (size_t i = 0; i < store.n_marks; i++)
		assert_int_equal(
			store.marks[i].kind == GW_MARK_PARKED, store.marks[i].seq == 3);
	assert_taken_once(4);
	SOON((read_faults(), fault[GW_UPLINK_POINT_PARKED] == 1.0));
	assert_int_equal(status().parked, 1);
	assert_int_equal(status().retries, 0);
	assert_false(status().down);
}

static void test_403_for_all_parks_nothing(void **state)
{
	(void)state;
	again_with_heartbeat(30 * SEC);
	SOON(count(&platform.n_heartbeats) == 1);
	COMMAND(platform.verdict = platform.heartbeat_verdict = GW_SINK_REFUSED);
	commit(1);
	emit(1, GW_LEVEL_RED, 0);
	SOON(status().retries == 1);
	assert_int_equal(marks_of(GW_MARK_PARKED), 0);
	COMMAND(platform.verdict = platform.heartbeat_verdict = GW_SINK_SENT);
	advance(2 * SEC);
	SOON(marks_of(GW_MARK_DELIVERED) == 1);
}

static void test_403_for_one_parks_it(void **state)
{
	(void)state;
	again_with_heartbeat(30 * SEC);
	SOON(count(&platform.n_heartbeats) == 1);
	COMMAND(platform.verdict = GW_SINK_REFUSED);
	COMMAND(platform.bad_seq = 1);
	commit(2);
	emit(1, GW_LEVEL_RED, 0);
	emit(2, GW_LEVEL_RED, 0);
	SOON(marks_of(GW_MARK_PARKED) == 1);
	SOON(marks_of(GW_MARK_DELIVERED) == 1);
	assert_int_equal(platform.taken[0], 2);
}

/* The platform replies no to everything for a while: no event is the reason. */
static void assert_refusing_everything_parks_nothing(int64_t heartbeat_ns)
{
	again_with_heartbeat(heartbeat_ns);
	COMMAND(platform.verdict = platform.heartbeat_verdict = GW_SINK_REFUSED);
	commit(1000);
	for (uint64_t seq = 1; seq <= 8; seq++)
		emit(seq, GW_LEVEL_RED, seq % 4);
	for (int i = 0; i < 20; i++) {
		SOON(count(&platform.n_tries) > 0);
		wait_idle();
		advance(SEC / 2);
	}
	SOON((read_faults(), fault[GW_UPLINK_POINT_DOWN] == 1.0));
	assert_int_equal(marks_of(GW_MARK_PARKED), 0);
	assert_int_equal(status().parked, 0);
	assert_int_equal(status().pending, 8);
	assert_in_range(count(&platform.n_tries), 3, 60); /* with back-off */
	COMMAND(platform.verdict = platform.heartbeat_verdict = GW_SINK_SENT);
	advance(60 * SEC);
	SOON(count(&platform.n_taken) == 8);
	assert_taken_once(8);
	SOON(marks_of(GW_MARK_DELIVERED) == 8);
	assert_int_equal(marks_of(GW_MARK_PARKED), 0);
	SOON((read_faults(), fault[GW_UPLINK_POINT_DOWN] == 0.0));
}

static void test_everything_refused_parks_nothing(void **state)
{
	(void)state;
	assert_refusing_everything_parks_nothing(0);
}

static void test_everything_refused_with_heartbeats(void **state)
{
	(void)state;
	assert_refusing_everything_parks_nothing(30 * SEC);
}

/* A proxy before the platform takes small requests only: nothing is bad, and it is remembered. */
static void test_too_large_is_split(void **state)
{
	(void)state;
	COMMAND(platform.max_events = 10; platform.hang = true);
	commit(1000);
	for (uint64_t seq = 1; seq <= 512; seq++)
		emit(seq, GW_LEVEL_YELLOW, seq % 4);
	SOON(gw_ring_count(gw_uplink_events(up)) == 0);
	COMMAND(platform.hang = false);
	SOON(count(&platform.n_taken) == 512);
	assert_taken_once(512);
	assert_int_equal(marks_of(GW_MARK_PARKED), 0);
	/* how large the first request was decides whether it ends at 5 to 10 a request; without a
	 * memory of it there would be 120 tries */
	assert_in_range(count(&platform.n_tries), 52, 112);
	assert_false(status().down);
}

/* One bad event, no other, no heartbeat: it stays owed, and the next event is its witness. */
static void test_without_a_witness_a_refused_event_stays_owed(void **state)
{
	(void)state;
	COMMAND(platform.bad_seq = 1);
	commit(1000);
	emit(1, GW_LEVEL_RED, 0);
	for (int i = 0; i < 5; i++) {
		SOON(status().retries > 0);
		wait_idle();
		advance(60 * SEC);
	}
	assert_int_equal(marks_of(GW_MARK_PARKED), 0);
	assert_int_equal(status().pending, 1);
	for (uint64_t seq = 2; seq <= 4; seq++)
		emit(seq, GW_LEVEL_YELLOW, 1);
	advance(2 * SEC);
	SOON(marks_of(GW_MARK_PARKED) == 1);
	SOON(marks_of(GW_MARK_DELIVERED) == 3);
	assert_int_equal(store.parked[0], true);
}

/* A heartbeat taken under another token says nothing about what the old one was refused. */
static void test_another_token_is_no_witness(void **state)
{
	char path[] = "/tmp/tocsin-token-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "old\n", 4), 4);
	end_uplink();
	token_path = path;
	begin(30 * SEC);
	SOON(count(&platform.n_heartbeats) == 1);
	COMMAND(platform.verdict = GW_SINK_REFUSED; platform.rotate = path;
		platform.rotate_in = 2);
	commit(1);
	emit(1, GW_LEVEL_RED, 0);
	SOON(count(&platform.n_heartbeats) >=
		2); /* requested, and taken: with the new token */
	advance(2 * SEC);
	SOON(count(&platform.n_taken) == 1);
	assert_int_equal(marks_of(GW_MARK_PARKED), 0);
	close(fd);
	unlink(path);
	token_path = NULL;
}

static void test_nothing_is_parked_while_stopping(void **state)
{
	(void)state;
	COMMAND(platform.hang = true; platform.bad_seq = 1);
	commit(8);
	for (uint64_t seq = 1; seq <= 8; seq++)
		emit(seq, GW_LEVEL_YELLOW, seq % 4);
	SOON(is(&platform.hanging));
	gw_uplink_request_stop(up);
	COMMAND(platform.hang = false);
	gw_uplink_join(up);
	assert_int_equal(
		marks_of(GW_MARK_PARKED), 0); /* though others would bear witness */
	assert_true(store.owed[0]);
}

#define IT(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(test_one_bad_event_of_five_is_parked),
		IT(test_403_for_all_parks_nothing),
		IT(test_403_for_one_parks_it),
		IT(test_everything_refused_parks_nothing),
		IT(test_everything_refused_with_heartbeats),
		IT(test_too_large_is_split),
		IT(test_without_a_witness_a_refused_event_stays_owed),
		IT(test_another_token_is_no_witness),
		IT(test_nothing_is_parked_while_stopping),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that are wrong, late, half or not asked for: none becomes a value. */
#include "modbus_fixture.h"

/* The fault is counted, no wrong value is emitted, and the next reads are good. */
static void spoil_one_answer(const char *fault, enum gw_count counted)
{
	uint64_t before = far.counts[counted];

	command_peer("fault 3 %s", fault);
	poll_for(260); /* the right one might still come, for 150 ms */
	command_peer("fault 3 none 0");
	if (far.counts[counted] == before)
		fail_msg("%s was not noticed", fault);
	poll_until_good(0, 3000);
	poll_until_good(1, 3000);
}

static void test_wrong_answers_over_tcp_are_noticed(void **state)
{
	static const char *const faults[] = {"wrong-unit 1", "wrong-function 1",
		"wrong-count 1", "wrong-length 1", "wrong-protocol 1",
		"wrong-transaction 1"};

	(void)state;
	add_device(3, 30 * MS);
	add_own(3, 100);
	add_own(3, 200);
	open_ok();
	poll_until_good(1, 1000);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		spoil_one_answer(faults[i], GW_COUNT_BAD_FRAMES);
	assert_int_equal(far.said_down, 0);
}

static void test_wrong_answers_over_rtu_are_noticed(void **state)
{
	static const char *const faults[] = {
		"wrong-unit 1", "wrong-function 1", "wrong-count 1", "bad-crc 1"};

	(void)state;
	add_device(3, 30 * MS);
	add_own(3, 100);
	add_own(3, 200);
	open_ok();
	poll_until_good(1, 1000);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		command_peer("fault 3 %s", faults[i]);
		poll_until_good(0, 3000);
		poll_until_good(1, 3000);
		if (far.counts[GW_COUNT_BAD_FRAMES] != i + 1)
			fail_msg("%s was not noticed", faults[i]);
	}
	command_peer("fault 3 twice 1");
	poll_until_good(0, 3000);
	poll_until_good(1, 3000);
	command_peer("fault 3 extra 1 2");
	poll_until_good(0, 3000);
	poll_until_good(1, 3000);
}

/* The points of that unit are bad, the link is not. */
static void test_a_unit_that_always_answers_wrong_is_bad_and_the_others_are_not(
	void **state)
{
	(void)state;
	add_device(3, 30 * MS);
	add_own(3, 100);
	add_device(4, 30 * MS);
	add_own(4, 200);
	command_peer("fault 3 wrong-unit -1");
	open_ok();
	poll_for(1300);
	assert_int_equal(far.good[0], 0);
	assert_int_equal(far.quality[0], GW_QUALITY_BAD_PROTOCOL);
	assert_true(far.good[1] > 20);
	assert_int_equal(far.said_down, 1);
	assert_string_equal(far.why, "answer of another unit");
}

/* Hazard 2: after one late answer every later read was one behind. */
static void test_after_a_late_answer_over_tcp_no_read_is_one_behind(void **state)
{
	(void)state;
	add_device(3, 30 * MS);
	add_own(3, 100);
	add_own(3, 200);
	add_own(3, 300);
	open_ok();
	poll_until_good(2, 1000);
	command_peer("fault 3 late 1 250");
	poll_for(400);
	assert_int_equal(far.counts[GW_COUNT_TIMEOUTS], 1);
	poll_until_good(0, 1000);
	poll_until_good(1, 1000);
	poll_until_good(2, 1000);
	assert_int_equal(far.counts[GW_COUNT_TIMEOUTS], 1);
	assert_int_equal(far.counts[GW_COUNT_BAD_FRAMES], 0);
}

/* Hazard 1: after one late answer every later read got the answer before. The three registers
 * have requests of one shape, so only we can tell; add_own fails at any false value. */
static void late_over_rtu(int late_ms)
{
	command_peer("fault 3 late 1 %d", late_ms);
	poll_for(late_ms + 400);
	poll_until_good(0, 3000);
	poll_until_good(1, 3000);
	poll_until_good(2, 3000);
}

static void test_after_a_late_answer_over_rtu_no_read_is_one_behind(void **state)
{
	(void)state;
	add_device(3, 30 * MS);
	add_own(3, 100);
	add_own(3, 200);
	add_own(3, 300);
	open_ok();
	poll_until_good(2, 1000);
	/* Shortly after the time-out (150 ms), while draining, after it, and much later. */
	late_over_rtu(170);
	late_over_rtu(250);
	late_over_rtu(320);
	late_over_rtu(360);
	late_over_rtu(700);
	assert_true(far.counts[GW_COUNT_TIMEOUTS] >= 5);
}

/* A unit whose answers are late for a while, as one that is busy. */
static void test_after_many_late_answers_over_rtu_no_read_is_one_behind(void **state)
{
	(void)state;
	add_device(3, 30 * MS);
	add_own(3, 100);
	add_own(3, 200);
	add_own(3, 300);
	open_ok();
	poll_until_good(2, 1000);
	for (int late = 160; late < 500; late += 134) {
		command_peer("fault 3 late 3 %d", late);
		poll_for(900);
	}
	command_peer("fault 3 none 0");
	poll_until_good(0, 15000);
	poll_until_good(1, 15000);
	poll_until_good(2, 15000);
}

/* Hazard 4: one byte now and then held a read for as long as it took. */
static void drip(unsigned registers)
{
	uint32_t other;

	add_device(3, 40 * MS);
	for (unsigned i = 0; i < registers; i++)
		add_own(3, 100 + i);
	add_device(4, 40 * MS);
	other = add_own(4, 200);
	open_ok();
	poll_until_good(other, 1000);
	command_peer("fault 3 drip 1 100");
	poll_for(60);
	poll_until_good(other, 3000);
	poll_until_good(0, 10000);
	assert_int_equal(far.counts[GW_COUNT_BAD_FRAMES], 1);
}

static void test_a_slow_drip_is_one_bad_frame_tcp(void **state)
{
	(void)state;
	drip(40); /* for 8.9 s */
}

static void test_a_slow_drip_is_one_bad_frame_rtu(void **state)
{
	(void)state;
	drip(1); /* for 0.7 s, in which the line is busy */
}

static void test_half_an_answer_is_one_bad_frame(void **state)
{
	(void)state;
	add_device(3, 30 * MS);
	add_own(3, 100);
	add_own(3, 200);
	open_ok();
	poll_until_good(1, 1000);
	command_peer("fault 3 half 1");
	poll_until_good(0, 3000);
	poll_until_good(1, 3000);
	assert_int_equal(far.counts[GW_COUNT_BAD_FRAMES], 1);
}

static void stray_while_idle(const char *bytes)
{
	add_device(3, 60 * MS);
	add_own(3, 100);
	open_ok();
	for (int i = 0; i < 5; i++) {
		poll_until_good(0, 1000);
		command_peer("raw %s", bytes);
	}
	poll_until_good(0, 1000);
	assert_int_equal(far.bad[0], 0);
	assert_int_equal(far.counts[GW_COUNT_BAD_FRAMES], 0);
}

static void test_stray_bytes_while_idle_are_no_answer(void **state)
{
	(void)state;
	stray_while_idle("000100000005030302ffff");
}

static void test_a_stray_answer_on_an_idle_line_is_no_answer(void **state)
{
	(void)state;
	/* A whole answer of unit 3 to another request. */
	stray_while_idle("030302ffffc034");
}

static void test_a_line_that_is_never_quiet_is_a_lost_link(void **state)
{
	struct gw_error err = {0};
	int64_t until = gw_clock_boot_ns() + 6000 * MS;
	enum gw_err rc = GW_OK;

	(void)state;
	add_device(3, 30 * MS);
	add_own(3, 100);
	fixture.rtu.timeout_ns = 60 * MS;
	command_peer("alive 3 off");
	open_ok();
	while (rc == GW_OK && gw_clock_boot_ns() < until) {
		command_peer("raw 55");
		rc = poll_once(20, &err);
	}
	assert_int_equal(rc, GW_ERR_LINK);
	assert_string_equal(err.text, "the line is never quiet");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TCP(test_wrong_answers_over_tcp_are_noticed),
		TCP(test_a_unit_that_always_answers_wrong_is_bad_and_the_others_are_not),
		TCP(test_after_a_late_answer_over_tcp_no_read_is_one_behind),
		TCP(test_a_slow_drip_is_one_bad_frame_tcp),
		TCP(test_half_an_answer_is_one_bad_frame),
		TCP(test_stray_bytes_while_idle_are_no_answer),
		RTU(test_wrong_answers_over_rtu_are_noticed),
		RTU(test_after_a_late_answer_over_rtu_no_read_is_one_behind),
		RTU(test_after_many_late_answers_over_rtu_no_read_is_one_behind),
		RTU(test_a_slow_drip_is_one_bad_frame_rtu),
		RTU(test_a_stray_answer_on_an_idle_line_is_no_answer),
		RTU(test_a_line_that_is_never_quiet_is_a_lost_link),
	};

	begin_all(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

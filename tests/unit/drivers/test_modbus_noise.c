/* SPDX-License-Identifier: Apache-2.0 */
/* Lines and connections as they are: what stands around an answer costs no value, and invents
 * none. add_own fails at any value that is not its address. */
#include "modbus_fixture.h"

static void two_units(void)
{
	add_device(3, 30 * MS);
	add_own(3, 100);
	add_own(3, 200);
	add_device(4, 30 * MS);
	add_own(4, 300);
}

/* Every answer of unit 3 comes with the fault, for a while. */
static void every_answer_is_good_with(const char *fault)
{
	unsigned good = far.good[0], bad = far.bad[0];

	command_peer("fault 3 %s -1 5", fault);
	poll_for(600);
	if (far.good[0] < good + 8 || far.bad[0] > bad)
		fail_msg(
			"%s: %u good, %u bad", fault, far.good[0] - good, far.bad[0] - bad);
	assert_int_equal(far.counts[GW_COUNT_BAD_FRAMES], 0);
	command_peer("fault 3 none 0");
	poll_until_good(0, 1000);
}

static void test_noise_on_the_line_costs_no_value(void **state)
{
	(void)state;
	two_units();
	open_ok();
	poll_until_good(0, 1000);
	every_answer_is_good_with("edges");
	every_answer_is_good_with("stray");
	every_answer_is_good_with("extra");
	every_answer_is_good_with("foreign");
	every_answer_is_good_with("echo");
	assert_int_equal(far.said_down, 0);
}

static void test_bytes_around_tcp_answers_cost_no_value(void **state)
{
	(void)state;
	two_units();
	open_ok();
	poll_until_good(0, 1000);
	every_answer_is_good_with("edges");
	every_answer_is_good_with("stray");
	every_answer_is_good_with("extra");
	every_answer_is_good_with("twice");
	assert_int_equal(peer_stat(3, 1), 1); /* one connection, ever */
}

/* An echo alone is no answer; it can even look like the beginning of one. */
static void test_only_an_echo_is_said(void **state)
{
	(void)state;
	add_device(3, 30 * MS);
	add_own(3, 0x0200); /* its echo begins 03 03 02, as the answer */
	command_peer("alive 3 off");
	open_ok();
	for (int i = 0; i < 12 && far.said_down == 0; i++) {
		/* the request: 03 03 02 00 00 01 and its checksum */
		command_peer("raw 0303020000018450");
		poll_for(320);
	}
	poll_for(100);
	assert_int_equal(far.good[0], 0);
	assert_int_equal(far.said_down, 1);
}

/* A box that greets each connection: not a value for ever, before. */
static void test_a_greeting_is_passed_over(void **state)
{
	(void)state;
	command_peer("greet 57656c636f6d650d0a00010000");
	two_units();
	open_ok();
	poll_until_good(0, 1000);
	poll_until_good(2, 1000);
	poll_for(300);
	assert_int_equal(far.bad[0], 0);
	assert_int_equal(peer_stat(3, 1), 1);
	assert_int_equal(far.counts[GW_COUNT_BAD_FRAMES], 0);
}

static void test_a_device_that_is_deaf_at_first_is_waited_for(void **state)
{
	(void)state;
	command_peer("deaf 300");
	fixture.tcp.connect_delay_ns = 400 * MS;
	two_units();
	open_ok();
	poll_until_good(0, 2000);
	assert_int_equal(far.bad[0], 0);
	command_peer("disconnect"); /* and again */
	poll_until_good(0, 3000);
	assert_int_equal(far.counts[GW_COUNT_TIMEOUTS], 0);
}

/* One unit behind the gateway is silent: the connection stays, and the others keep their pace. */
static void test_a_silent_unit_leaves_the_connection_to_the_others(void **state)
{
	(void)state;
	two_units();
	open_ok();
	poll_until_good(2, 1000);
	command_peer("alive 3 off");
	poll_for(2000);
	assert_int_equal(far.quality[0], GW_QUALITY_BAD_TIMEOUT);
	assert_true(far.good[2] > 20);
	assert_int_equal(peer_stat(3, 1), 1);
	command_peer("alive 3 on");
	poll_until_good(0, 12000);
	/* Late answers of the silent unit are of its own requests, whatever was asked meanwhile. */
	command_peer("fault 3 late 3 200");
	poll_for(1500);
	poll_until_good(0, 12000);
	assert_int_equal(peer_stat(3, 1), 1);
}

/* Nobody answers: the connection itself may be dead. */
static void test_a_connection_on_which_nobody_answers_is_made_anew(void **state)
{
	(void)state;
	two_units();
	open_ok();
	poll_until_good(2, 1000);
	command_peer("alive 3 off");
	command_peer("alive 4 off");
	poll_for(1500);
	assert_true(peer_stat(3, 1) > 1);
}

/* A unit that answered long ago says nothing of the connection as it is now. */
static void test_a_unit_that_is_seldom_asked_keeps_no_dead_connection(void **state)
{
	(void)state;
	add_device(3, 30 * MS);
	add_own(3, 100);
	add_device(4, 60000 * MS);
	add_own(4, 300);
	open_ok();
	poll_until_good(1, 1000);
	poll_until_good(0, 1000);
	command_peer("alive 3 off");
	poll_for(1500);
	assert_true(peer_stat(3, 1) > 1);
}

static void test_zeros_are_taken_only_where_it_is_said(void **state)
{
	static const struct {
		const char *fault, *word, *why;
	} rows[] = {
		{"zero-unit", "unit",
			"the answer has unit id 0 (lenient: [unit] takes it)"},
		{"zero-transaction", "transaction",
			"the answer has transaction id 0 (lenient: [transaction] takes it)"},
	};

	(void)state;
	two_units();
	for (size_t i = 0; i < 2; i++) {
		command_peer("fault 3 %s -1", rows[i].fault);
		fixture.tcp.lenient = (struct gw_strings){0};
		far.said_down = 0;
		open_ok();
		poll_for(1500);
		assert_int_equal(far.said_down, 1);
		assert_string_equal(far.why, rows[i].why);
		assert_int_equal(far.quality[0], GW_QUALITY_BAD_PROTOCOL);
		fixture.tcp.lenient = (struct gw_strings){1, &rows[i].word};
		open_ok();
		poll_until_good(0, 1000);
		poll_until_good(2, 1000);
		command_peer("fault 3 none 0");
	}
}

/* The pause that a gateway to a slow line needs. */
static void test_turnaround_is_kept_over_tcp(void **state)
{
	(void)state;
	fixture.tcp.turnaround_ns = 60 * MS;
	add_device(3, 1 * MS);
	add_own(3, 100);
	open_ok();
	poll_until_good(0, 1000);
	poll_for(600);
	assert_in_range(far.good[0], 5, 12);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		SUFFIXED(test_noise_on_the_line_costs_no_value, "_serial", begin_rtu),
		SUFFIXED(test_noise_on_the_line_costs_no_value, "_over_tcp", begin_rtu_tcp),
		TCP(test_bytes_around_tcp_answers_cost_no_value),
		RTU(test_only_an_echo_is_said),
		TCP(test_a_greeting_is_passed_over),
		TCP(test_a_device_that_is_deaf_at_first_is_waited_for),
		TCP(test_a_silent_unit_leaves_the_connection_to_the_others),
		TCP(test_a_connection_on_which_nobody_answers_is_made_anew),
		TCP(test_a_unit_that_is_seldom_asked_keeps_no_dead_connection),
		TCP(test_zeros_are_taken_only_where_it_is_said),
		TCP(test_turnaround_is_kept_over_tcp),
	};

	begin_all(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

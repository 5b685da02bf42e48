/* SPDX-License-Identifier: Apache-2.0 */
/* Units that do not answer or refuse, and what that costs the others on their bus. */
#include "modbus_fixture.h"

static void test_a_dead_unit_is_bad_and_the_others_are_polled_on(void **state)
{
	unsigned others;

	(void)state;
	add_device(3, 50 * MS);
	add_own(3, 100);
	add_own(3, 102);
	add_device(4, 50 * MS);
	add_own(4, 200);
	open_ok();
	poll_until_good(2, 1000);
	command_peer("alive 3 off");
	poll_for(1000);
	/* Two tries, then silence: said once, both points bad. */
	assert_int_equal(far.said_down, 1);
	assert_int_equal(far.quality[0], GW_QUALITY_BAD_TIMEOUT);
	assert_int_equal(far.quality[1], GW_QUALITY_BAD_TIMEOUT);
	others = far.good[2];
	poll_for(2000);
	/* 40 places; a probe or two take some. */
	assert_in_range(far.good[2] - others, 24, 42);
	assert_in_range(far.counts[GW_COUNT_TIMEOUTS], 3, 5);
	assert_int_equal(far.said_down, 1);
	command_peer("alive 3 on");
	poll_until_good(0, 15000);
	poll_until_good(1, 500);
	assert_int_equal(far.said_up, 1);
	assert_string_equal(far.why, "answers again");
}

static void test_units_dead_from_the_start_leave_the_bus_to_the_others(void **state)
{
	(void)state;
	for (int unit = 1; unit <= 6; unit++) {
		add_device(unit, 50 * MS);
		add_own(unit, 100U + (unsigned)unit);
		if (unit < 6)
			command_peer("alive %d off", unit);
	}
	open_ok();
	/* The first round costs each of the five 300 ms; from then on the living one has at
	 * least four parts in five of the bus. */
	poll_until_good(5, 4000);
	poll_for(3000);
	assert_true(far.good[5] > 30);
	assert_true(far.counts[GW_COUNT_TIMEOUTS] <= 10 + 5);
}

static void test_an_absent_register_is_learned(void **state)
{
	(void)state;
	add_device(3, 30 * MS);
	for (unsigned i = 0; i < 10; i++)
		add_own(3, 100 + i);
	command_peer("hole 3 holding 104 1");
	open_ok();
	poll_for(600);
	for (unsigned i = 0; i < 10; i++) {
		if (i == 4) {
			assert_int_equal(far.good[i], 0);
			assert_int_equal(far.quality[i], GW_QUALITY_BAD_REFUSED);
		} else {
			assert_true(far.good[i] > 5);
		}
	}
	assert_true(far.counts[GW_COUNT_REFUSED] > 0);
	assert_int_equal(far.said_down, 0);
	command_peer("trace 3");
	poll_for(200);
	{
		const char *trace = command_peer("trace 3");

		assert_non_null(strstr(trace, " 3:100:4"));
		assert_non_null(strstr(trace, " 3:105:5"));
		assert_null(strstr(trace, " 3:100:10"));
	}
}

/* Exceptions 0x0a and 0x0b come from a gateway whose connection is in order. */
static void test_a_dead_unit_behind_a_gateway_keeps_the_connection(void **state)
{
	unsigned before;

	(void)state;
	add_device(3, 30 * MS);
	add_own(3, 100);
	add_device(4, 30 * MS);
	add_own(4, 200);
	command_peer("fault 3 exception -1 11");
	open_ok();
	poll_for(300);
	assert_int_equal(far.quality[0], GW_QUALITY_BAD_TIMEOUT);
	assert_int_equal(far.said_down, 1);
	before = far.good[1];
	poll_for(600);
	assert_in_range(far.good[1] - before, 15, 22);
	assert_int_equal(peer_stat(4, 1), 1);
	command_peer("fault 3 none 0");
	poll_until_good(0, 3000);
	assert_int_equal(far.said_up, 1);
}

static void test_device_failure_is_bad_the_second_time(void **state)
{
	(void)state;
	add_device(3, 30 * MS);
	add_own(3, 100);
	open_ok();
	poll_until_good(0, 1000);
	command_peer("fault 3 exception 1 4");
	poll_for(150);
	assert_int_equal(far.bad[0], 0);
	command_peer("fault 3 exception 3 4");
	poll_for(200);
	assert_int_equal(far.bad[0], 2);
	assert_int_equal(far.quality[0], GW_QUALITY_GOOD);
	assert_int_equal(far.counts[GW_COUNT_REFUSED], 4);
}

static void test_a_connection_that_breaks_for_one_unit_leaves_the_others(void **state)
{
	(void)state;
	add_device(3, 30 * MS);
	add_own(3, 100);
	add_device(4, 30 * MS);
	add_own(4, 200);
	command_peer("fault 3 close -1");
	open_ok();
	poll_for(600);
	assert_int_equal(far.quality[0], GW_QUALITY_BAD_TIMEOUT);
	assert_true(far.good[1] > 10);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		OVER_BOTH(test_a_dead_unit_is_bad_and_the_others_are_polled_on),
		OVER_BOTH(test_an_absent_register_is_learned),
		TCP(test_units_dead_from_the_start_leave_the_bus_to_the_others),
		TCP(test_a_dead_unit_behind_a_gateway_keeps_the_connection),
		TCP(test_device_failure_is_bad_the_second_time),
		TCP(test_a_connection_that_breaks_for_one_unit_leaves_the_others),
	};

	begin_all(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

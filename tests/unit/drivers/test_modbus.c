/* SPDX-License-Identifier: Apache-2.0 */
/* What the Modbus drivers read, and when. */
#include "modbus_fixture.h"

static void read_every_kind_of_point(void)
{
	uint32_t temperature, pressure, flow, fault, valve, leak;

	add_device(7, 0);
	temperature = add_point(GW_MODBUS_INPUT, 0, GW_TYPE_S16);
	fixture.points[temperature].scale = 0.1;
	pressure = add_point(GW_MODBUS_HOLDING, 2000, GW_TYPE_F32);
	fixture.own_points[pressure].order = GW_MODBUS_CDAB;
	flow = add_point(GW_MODBUS_HOLDING, 10, GW_TYPE_U32);
	fixture.points[flow].scale = 0.001;
	leak = add_point(GW_MODBUS_HOLDING, 12, GW_TYPE_BIT);
	fixture.own_points[leak].bit = 3;
	fault = add_point(GW_MODBUS_DISCRETE, 4, GW_TYPE_NUMBER);
	valve = add_point(GW_MODBUS_COIL, 2, GW_TYPE_BOOL);
	command_peer("set 7 input 0 0xff9b");
	command_peer("set 7 holding 2000 0x999a 0x3e99");
	command_peer("set 7 holding 10 0x0001 0x0002 0x0008");
	command_peer("set 7 discrete 4 1");
	command_peer("set 7 coil 2 1");
	open_ok();
	poll_for(100);
	for (uint32_t i = 0; i < fixture.source.n_points; i++)
		assert_int_equal(far.quality[i], GW_QUALITY_GOOD);
	assert_true(far.value[temperature] == -10.1);
	assert_true(far.value[pressure] == 0.3);
	assert_true(far.value[flow] == 65.538);
	assert_true(far.value[leak] == 1);
	assert_true(far.value[fault] == 1);
	assert_true(far.value[valve] == 1);
	/* Adjacent ones together, nothing else, and only functions that read. */
	command_peer("trace 7");
	poll_until_good(0, 1000);
	poll_until_good(0, 1000);
	{
		const char *trace = command_peer("trace 7");

		assert_non_null(strstr(trace, " 3:10:3"));
		assert_non_null(strstr(trace, " 3:2000:2"));
		assert_non_null(strstr(trace, " 4:0:1"));
		assert_non_null(strstr(trace, " 1:2:1"));
		assert_non_null(strstr(trace, " 2:4:1"));
	}
	assert_int_equal(peer_stat(7, 2), 0);
}

static void test_every_kind_of_point_is_read_tcp(void **state)
{
	(void)state;
	read_every_kind_of_point();
}

static void test_every_kind_of_point_is_read_rtu(void **state)
{
	(void)state;
	read_every_kind_of_point();
}

static void test_125_registers_are_one_request(void **state)
{
	(void)state;
	add_device(1, 0);
	for (unsigned i = 0; i < 125; i++)
		add_own(1, 100 + i);
	open_ok();
	command_peer("trace 1");
	poll_until_good(124, 2000);
	assert_non_null(strstr(command_peer("trace 1"), " 3:100:125"));
	for (unsigned i = 0; i < 125; i++)
		assert_int_equal(far.good[i], far.good[0]);
}

static void test_each_device_is_polled_at_its_own_pace(void **state)
{
	unsigned n;

	(void)state;
	add_device(1, 20 * MS);
	add_own(1, 1);
	add_device(2, 100 * MS);
	add_own(2, 2);
	open_ok();
	poll_for(1000);
	n = far.good[0] + (unsigned)far.counts[GW_COUNT_SKIPPED];
	assert_in_range(n, 48, 55);
	assert_in_range(far.good[1], 9, 12);
}

static void test_a_bus_that_cannot_keep_up_skips(void **state)
{
	unsigned before;

	(void)state;
	add_device(1, 10 * MS);
	add_own(1, 1);
	command_peer("fault 1 late -1 60");
	open_ok();
	poll_for(700);
	assert_in_range(far.good[0], 5, 12);
	assert_true(far.counts[GW_COUNT_SKIPPED] > 20);
	/* Not piled up: once it is quick again there is no burst. */
	command_peer("fault 1 none 0");
	poll_for(100);
	before = far.good[0];
	poll_for(200);
	assert_in_range(far.good[0] - before, 10, 22);
}

static void test_stop_is_obeyed_at_once(void **state)
{
	struct gw_error err = {0};
	uint64_t one = 1;
	int64_t began;

	(void)state;
	add_device(3, 30 * MS);
	add_own(3, 100);
	command_peer("alive 3 off");
	fixture.tcp.timeout_ns = 5000 * MS;
	open_ok();
	poll_for(50);
	far.stop = true;
	assert_int_equal(write(far.wake_fd, &one, sizeof(one)), sizeof(one));
	began = gw_clock_boot_ns();
	assert_int_equal(
		fixture.driver->poll(fixture.state, 3000, &far, &err), GW_ERR_STOPPED);
	assert_true(gw_clock_boot_ns() - began < 1000 * MS);
}

/* A unit that takes its time: poll keeps to its own timeout all the same. */
static void test_poll_keeps_its_timeout(void **state)
{
	(void)state;
	add_device(3, 30 * MS);
	add_own(3, 100);
	fixture.tcp.timeout_ns = 2000 * MS;
	command_peer("fault 3 late -1 800");
	open_ok();
	for (int i = 0; i < 20; i++) {
		int64_t began = gw_clock_boot_ns();
		struct gw_error err;

		assert_int_equal(poll_once(50, &err), GW_OK);
		assert_in_range(gw_clock_boot_ns() - began, 45 * MS, 500 * MS);
	}
	assert_true(far.good[0] >= 1);
	assert_int_equal(far.counts[GW_COUNT_TIMEOUTS], 0);
}

static void test_turnaround_is_kept_between_requests(void **state)
{
	(void)state;
	fixture.rtu.turnaround_ns = 40 * MS;
	add_device(3, 10 * MS);
	add_own(3, 100);
	open_ok();
	poll_for(500);
	assert_in_range(far.good[0], 7, 13);
}

static void test_close_in_any_state(void **state)
{
	struct gw_error err = {0};

	(void)state;
	fixture.driver->close(fixture.state);
	open_ok();
	assert_int_equal(poll_once(20, &err), GW_OK); /* no devices: just waits */
	fixture.driver->close(fixture.state);
	open_ok();
	open_ok();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TCP(test_every_kind_of_point_is_read_tcp),
		TCP(test_125_registers_are_one_request),
		TCP(test_each_device_is_polled_at_its_own_pace),
		TCP(test_a_bus_that_cannot_keep_up_skips),
		TCP(test_stop_is_obeyed_at_once),
		TCP(test_poll_keeps_its_timeout),
		TCP(test_close_in_any_state),
		RTU(test_every_kind_of_point_is_read_rtu),
		RTU(test_turnaround_is_kept_between_requests),
		RTU(test_close_in_any_state),
	};

	begin_all(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

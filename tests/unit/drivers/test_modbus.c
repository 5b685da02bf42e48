/* SPDX-License-Identifier: Apache-2.0 */
/* What the Modbus drivers read, and when. */
#include "modbus_fixture.h"

#include <math.h>

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

static void read_rare_encodings(void)
{
	uint32_t high, low, u48, bcd, magnitude, mod10, tenths, half, swapped, bad;

	add_device(7, 0);
	high = add_point(GW_MODBUS_HOLDING, 0, GW_TYPE_U8);
	fixture.own_points[high].byte = 1;
	low = add_point(GW_MODBUS_HOLDING, 0, GW_TYPE_S8);
	u48 = add_point(GW_MODBUS_HOLDING, 1, GW_TYPE_U48);
	bcd = add_point(GW_MODBUS_HOLDING, 4, GW_TYPE_BCD32);
	magnitude = add_point(GW_MODBUS_HOLDING, 6, GW_TYPE_SIGN_MAGNITUDE16);
	mod10 = add_point(GW_MODBUS_HOLDING, 7, GW_TYPE_MOD10X2);
	tenths = add_point(GW_MODBUS_HOLDING, 9, GW_TYPE_WHOLE_TENTHS);
	half = add_point(GW_MODBUS_HOLDING, 10, GW_TYPE_F16);
	swapped = add_point(GW_MODBUS_HOLDING, 11, GW_TYPE_U64);
	fixture.own_points[swapped].order = GW_MODBUS_EFGHABCD;
	bad = add_point(GW_MODBUS_HOLDING, 15, GW_TYPE_BCD16);
	command_peer(
		"set 7 holding 0 0x12fe 0x0102 0x0304 0x0506 0x1234 0x5678 0x8065 12 3456 "
		"0x1705 0x34cd 0x0405 0x0607 0x0001 0x0203 0x12af");
	open_ok();
	poll_until_good(0, 2000);
	assert_true(far.value[high] == 0x12);
	assert_true(far.value[low] == -2);
	assert_true(far.value[u48] == 0x010203040506p0);
	assert_true(far.value[bcd] == 12345678);
	assert_true(far.value[magnitude] == -101);
	assert_true(far.value[mod10] == 123456);
	assert_true(far.value[tenths] == 23.5);
	assert_true(far.value[half] == 0.3);
	assert_true(far.value[swapped] == 0x1020304050607p0);
	assert_true(!isfinite(far.value[bad])); /* the core makes it unreadable */
}

static void test_rare_encodings_are_read_tcp(void **state)
{
	(void)state;
	read_rare_encodings();
}

static void test_rare_encodings_are_read_rtu(void **state)
{
	(void)state;
	read_rare_encodings();
}

/* The device changes value and exponent together; what is read of one moment and of another would
 * be ten times too much or too little. */
static void test_an_exponent_that_changes_gives_no_wrong_value(void **state)
{
	uint32_t near, far_off;

	(void)state;
	add_device(7, 5 * MS);
	near = add_point(GW_MODBUS_HOLDING, 10, GW_TYPE_S16);
	fixture.own_points[near].scale_register = (struct gw_modbus_register){
		11, GW_MODBUS_HOLDING};
	far_off = add_point(GW_MODBUS_HOLDING, 30, GW_TYPE_S16);
	fixture.own_points[far_off].scale_register = (struct gw_modbus_register){
		19, GW_MODBUS_HOLDING};
	far.want[near] = far.want[far_off] = 52.3;
	far.wanted[near] = far.wanted[far_off] = true;
	command_peer("set 7 holding 10 523 0xffff");
	command_peer("set 7 holding 19 0xffff 0 0 0 0 0 0 0 0 0 0 523");
	open_ok();
	poll_until_good(far_off, 2000);
	for (int i = 0; i < 100; i++) {
		command_peer("set 7 holding 10 %s", i % 2 ? "523 0xffff" : "5230 0xfffe");
		command_peer("set 7 holding 19 %s",
			i % 2 ? "0xffff 0 0 0 0 0 0 0 0 0 0 523"
			      : "0xfffe 0 0 0 0 0 0 0 0 0 0 5230");
		poll_for(7);
	}
	assert_true(far.good[near] > 20 && far.good[far_off] > 20);
}

static void read_registers_of_32_bits(void)
{
	uint32_t plain, real, small;

	add_device(7, 0);
	fixture.own_devices[0].registers = 1;
	plain = add_point(GW_MODBUS_HOLDING, 5001, GW_TYPE_NUMBER);
	small = add_point(GW_MODBUS_HOLDING, 5002, GW_TYPE_S16);
	real = add_point(GW_MODBUS_HOLDING, 7001, GW_TYPE_F32);
	command_peer("wide 7 1");
	command_peer("set 7 holding 10002 0x0001 0x0002 0xffff 0xff9b");
	command_peer("set 7 holding 14002 0x4251 0x3333");
	open_ok();
	poll_until_good(real, 2000);
	assert_true(far.value[plain] == 65538);
	assert_true(far.value[small] == -101);
	assert_true(far.value[real] == 52.3);
	assert_int_equal(far.counts[GW_COUNT_BAD_FRAMES], 0);
	command_peer("trace 7");
	poll_until_good(plain, 2000);
	poll_until_good(plain, 2000);
	assert_non_null(strstr(command_peer("trace 7"), " 3:5001:2"));
	/* A device that has the usual ones after all: its answers are not taken. */
	command_peer("wide 7 0");
	poll_for(300);
	assert_true(far.counts[GW_COUNT_BAD_FRAMES] > 0);
	assert_true(far.value[plain] == 65538);
}

static void test_registers_of_32_bits_are_read_tcp(void **state)
{
	(void)state;
	read_registers_of_32_bits();
}

static void test_registers_of_32_bits_are_read_rtu(void **state)
{
	(void)state;
	read_registers_of_32_bits();
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
		TCP(test_rare_encodings_are_read_tcp),
		TCP(test_an_exponent_that_changes_gives_no_wrong_value),
		TCP(test_registers_of_32_bits_are_read_tcp),
		TCP(test_125_registers_are_one_request),
		TCP(test_each_device_is_polled_at_its_own_pace),
		TCP(test_a_bus_that_cannot_keep_up_skips),
		TCP(test_stop_is_obeyed_at_once),
		TCP(test_poll_keeps_its_timeout),
		TCP(test_close_in_any_state),
		RTU(test_every_kind_of_point_is_read_rtu),
		RTU(test_rare_encodings_are_read_rtu),
		RTU(test_registers_of_32_bits_are_read_rtu),
		RTU(test_turnaround_is_kept_between_requests),
		RTU(test_close_in_any_state),
	};

	begin_all(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

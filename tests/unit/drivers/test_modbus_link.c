/* SPDX-License-Identifier: Apache-2.0 */
/* Connections and ports that break, vanish and come back. */
#include "modbus_fixture.h"

#include "tests/unit/fixture/full_listener.h"
#include "tests/unit/fixture/real_call.h"
#include "tests/unit/fixture/skipping.h"

#include <netdb.h>
#include <sys/resource.h>
#include <sys/socket.h>

/* Displaces libc's. "A,B" has both as its addresses, in this order; other names are left to
 * libc. */
int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
	struct addrinfo **ret_found)
{
	int (*real)(const char *, const char *, const struct addrinfo *,
		struct addrinfo **) = real_call("getaddrinfo");
	struct addrinfo numeric = *hints, **last = ret_found;
	char *rest, *names, *one;

	if ((hints->ai_flags & AI_NUMERICHOST) || !strchr(host, ','))
		return real(host, port, hints, ret_found);
	numeric.ai_flags |= AI_NUMERICHOST;
	rest = names = strdup(host);
	while ((one = strsep(&rest, ",")) != NULL) {
		assert_int_equal(real(one, port, &numeric, last), 0);
		last = &(*last)->ai_next;
	}
	free(names);
	return 0;
}

static void test_a_server_that_goes_away_and_comes_back_is_read_again(void **state)
{
	struct gw_error err = {0};

	(void)state;
	add_device(3, 30 * MS);
	add_own(3, 100);
	open_ok();
	poll_until_good(0, 1000);
	/* Closed while idle or between requests: connects again without a word. */
	for (int i = 0; i < 5; i++) {
		command_peer("disconnect");
		poll_until_good(0, 1000);
	}
	assert_int_equal(far.bad[0], 0);
	assert_int_equal(far.counts[GW_COUNT_TIMEOUTS], 0);
	command_peer("unplug");
	assert_int_equal(poll_until_error(2000, &err), GW_ERR_LINK);
	fixture.driver->close(fixture.state);
	assert_int_equal(fixture.driver->open(fixture.state, &fixture.source, &far, &err),
		GW_ERR_LINK);
	command_peer("plug");
	open_ok();
	poll_until_good(0, 1000);
}

static void test_a_connection_that_always_breaks_is_a_lost_link(void **state)
{
	struct gw_error err = {0};

	(void)state;
	add_device(3, 30 * MS);
	add_own(3, 100);
	command_peer("fault 3 close -1");
	open_ok();
	assert_int_equal(poll_until_error(8000, &err), GW_ERR_LINK);
	assert_non_null(strstr(err.text, "breaks"));
}

/* Hazard 5: libmodbus aborts on a descriptor of 1024 or more. */
static void test_descriptors_above_1023_are_read(void **state)
{
	struct rlimit was, limit;
	int fds[1100], n = 0;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	limit = was;
	limit.rlim_cur = was.rlim_max < 4096 ? was.rlim_max : 4096;
	if (limit.rlim_cur < 1200)
		skip_test("too few descriptors");
	setrlimit(RLIMIT_NOFILE, &limit);
	do {
		fds[n] = dup(0);
		assert_true(fds[n] >= 0);
	} while (fds[n++] < 1023 && n < 1100);
	add_device(3, 30 * MS);
	add_own(3, 100);
	open_ok();
	poll_until_good(0, 1000);
	command_peer("fault 3 drop 1");
	poll_until_good(0, 3000);
	fixture.driver->close(fixture.state);
	while (n > 0)
		close(fds[--n]);
	setrlimit(RLIMIT_NOFILE, &was);
}

/* Hazard 6: a host that says nothing at all. */
static void test_connect_is_bounded(void **state)
{
	struct full_listener full;
	struct gw_error err = {0};
	uint64_t one = 1;
	int64_t began;

	(void)state;
	assert_true(full_listener_open(&full, "127.0.0.1", 0));
	add_device(3, 30 * MS);
	add_point(GW_MODBUS_HOLDING, 0, GW_TYPE_U16);
	fixture.tcp.port = full.port;
	began = gw_clock_boot_ns();
	assert_int_equal(fixture.driver->open(fixture.state, &fixture.source, &far, &err),
		GW_ERR_LINK);
	assert_in_range(gw_clock_boot_ns() - began, 450 * MS, 3000 * MS);
	/* And a stop does not wait for it. */
	assert_int_equal(write(far.wake_fd, &one, sizeof(one)), sizeof(one));
	began = gw_clock_boot_ns();
	assert_int_equal(fixture.driver->open(fixture.state, &fixture.source, &far, &err),
		GW_ERR_STOPPED);
	assert_true(gw_clock_boot_ns() - began < 400 * MS);
	full_listener_close(&full);
}

static void test_names_work_and_unknown_ones_are_a_link_error(void **state)
{
	struct gw_error err = {0};

	(void)state;
	add_device(3, 30 * MS);
	add_own(3, 100);
	fixture.tcp.host = "localhost";
	open_ok();
	poll_until_good(0, 1000);
	fixture.driver->close(fixture.state);
	fixture.tcp.host = "no-such-host.invalid";
	fixture.tcp.connect_timeout_ns = 2000 * MS;
	assert_int_equal(fixture.driver->open(fixture.state, &fixture.source, &far, &err),
		GW_ERR_LINK);
	assert_non_null(strstr(err.text, "no-such-host.invalid"));
}

/* Such as that of a family which the device does not listen on. */
static void test_a_refused_address_leaves_the_next(void **state)
{
	struct gw_error err = {0};

	(void)state;
	add_device(3, 30 * MS);
	add_own(3, 100);
	fixture.tcp.host = "127.0.0.2,127.0.0.1";
	open_ok();
	poll_until_good(0, 1000);
	command_peer("disconnect"); /* and it is the one to connect to again */
	poll_until_good(0, 1000);
	assert_int_equal(far.bad[0], 0);
	fixture.driver->close(fixture.state);
	fixture.tcp.host = "127.0.0.2,127.0.0.3";
	assert_int_equal(fixture.driver->open(fixture.state, &fixture.source, &far, &err),
		GW_ERR_LINK);
	assert_non_null(strstr(err.text, "refused"));
}

static void test_a_silent_address_leaves_time_for_the_next(void **state)
{
	struct full_listener full;
	struct gw_error err = {0};
	uint64_t one = 1;
	int64_t began;

	(void)state;
	assert_true(full_listener_open(&full, "127.0.0.2", peer.port));
	add_device(3, 30 * MS);
	add_own(3, 100);
	fixture.tcp.host = "127.0.0.2,127.0.0.1";
	open_ok();
	poll_until_good(0, 1000);
	fixture.driver->close(fixture.state);
	/* All together in the time that one had. */
	fixture.tcp.host = "127.0.0.2,127.0.0.2,127.0.0.2";
	began = gw_clock_boot_ns();
	assert_int_equal(fixture.driver->open(fixture.state, &fixture.source, &far, &err),
		GW_ERR_LINK);
	assert_in_range(gw_clock_boot_ns() - began, 450 * MS, 3000 * MS);
	/* And a stop ends it, not only one of them. */
	fixture.tcp.connect_timeout_ns = 20000 * MS;
	assert_int_equal(write(far.wake_fd, &one, sizeof(one)), sizeof(one));
	began = gw_clock_boot_ns();
	assert_int_equal(fixture.driver->open(fixture.state, &fixture.source, &far, &err),
		GW_ERR_STOPPED);
	assert_true(gw_clock_boot_ns() - began < 4000 * MS);
	full_listener_close(&full);
}

/* Hazard 27: the adapter is pulled out and comes back under the same name. */
static void test_a_port_that_vanishes_and_comes_back_is_read_again(void **state)
{
	struct gw_error err = {0};

	(void)state;
	add_device(3, 30 * MS);
	add_own(3, 100);
	open_ok();
	poll_until_good(0, 1000);
	for (int i = 0; i < 3; i++) {
		command_peer("unplug");
		assert_int_equal(poll_until_error(1000, &err), GW_ERR_LINK);
		fixture.driver->close(fixture.state);
		assert_int_equal(
			fixture.driver->open(fixture.state, &fixture.source, &far, &err),
			GW_ERR_LINK);
		assert_non_null(strstr(err.text, peer.link));
		command_peer("plug");
		open_ok();
		poll_until_good(0, 1000);
	}
}

/* While nothing is due, too. */
static void test_an_idle_port_that_vanishes_is_noticed(void **state)
{
	struct gw_error err = {0};

	(void)state;
	add_device(3, 60000 * MS);
	add_own(3, 100);
	open_ok();
	poll_until_good(0, 1000);
	command_peer("unplug");
	assert_int_equal(poll_until_error(500, &err), GW_ERR_LINK);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TCP(test_a_server_that_goes_away_and_comes_back_is_read_again),
		TCP(test_a_connection_that_always_breaks_is_a_lost_link),
		TCP(test_descriptors_above_1023_are_read),
		TCP(test_connect_is_bounded),
		TCP(test_names_work_and_unknown_ones_are_a_link_error),
		TCP(test_a_refused_address_leaves_the_next),
		TCP(test_a_silent_address_leaves_time_for_the_next),
		RTU(test_a_port_that_vanishes_and_comes_back_is_read_again),
		RTU(test_an_idle_port_that_vanishes_is_noticed),
	};

	begin_all(argc, argv);
	return with_skipped(cmocka_run_group_tests(tests, NULL, NULL));
}

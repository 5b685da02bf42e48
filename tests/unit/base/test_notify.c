/* SPDX-License-Identifier: Apache-2.0 */
#include "base/notify.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/tocsin-notify-XXXXXX", name[64];
static int manager = -1;
static struct gw_notify notify;
static struct gw_error err;

/* The manager's end. name: as in $NOTIFY_SOCKET. */
static void listen_at(const char *address)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	size_t len = strlen(address);

	memcpy(at.sun_path, address, len);
	if (address[0] == '@')
		at.sun_path[0] = '\0';
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(manager, (struct sockaddr *)&at,
				 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
		0);
	assert_int_equal(setenv("NOTIFY_SOCKET", address, 1), 0);
}

static int start(void **state)
{
	(void)state;
	strcpy(folder + sizeof(folder) - 7, "XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(name, sizeof(name), "%s/notify", folder);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	gw_notify_close(&notify);
	if (manager >= 0)
		close(manager);
	manager = -1;
	unlink(name);
	unsetenv("NOTIFY_SOCKET");
	return rmdir(folder);
}

static void assert_arrives(const char *text)
{
	char got[64] = "";

	assert_int_equal(recv(manager, got, sizeof(got) - 1, 0), (int)strlen(text));
	assert_string_equal(got, text);
}

static void a_message_arrives_at_a_path(void **state)
{
	(void)state;
	listen_at(name);
	assert_int_equal(gw_notify_open(&notify, &err), GW_OK);
	gw_notify_send(&notify, "READY=1");
	assert_arrives("READY=1");
}

static void a_message_arrives_at_an_abstract_name(void **state)
{
	char abstract[80];

	(void)state;
	snprintf(abstract, sizeof(abstract), "@%s", folder);
	listen_at(abstract);
	assert_int_equal(gw_notify_open(&notify, &err), GW_OK);
	gw_notify_send(&notify, "STOPPING=1");
	assert_arrives("STOPPING=1");
}

static void without_a_manager_nothing_is_sent(void **state)
{
	(void)state;
	assert_int_equal(gw_notify_open(&notify, &err), GW_OK);
	assert_int_equal(notify.fd, -1);
	gw_notify_send(&notify, "READY=1");
}

static void an_address_that_cannot_be_is_an_error(void **state)
{
	char too_long[sizeof(notify.to.sun_path) + 1];

	(void)state;
	memset(too_long, 'x', sizeof(too_long) - 1);
	too_long[0] = '/';
	too_long[sizeof(too_long) - 1] = '\0';
	for (size_t i = 0; i < 4; i++) {
		const char *bad[] = {"", "run/notify", "/", too_long};

		setenv("NOTIFY_SOCKET", bad[i], 1);
		assert_int_equal(gw_notify_open(&notify, &err), GW_ERR_CONFIG);
		assert_int_equal(notify.fd, -1);
		assert_non_null(strstr(err.text, "NOTIFY_SOCKET="));
	}
	too_long[sizeof(too_long) - 2] = '\0'; /* just fits */
	setenv("NOTIFY_SOCKET", too_long, 1);
	assert_int_equal(gw_notify_open(&notify, &err), GW_OK);
}

static void it_sends_when_no_descriptor_is_left(void **state)
{
	struct rlimit before, none;

	(void)state;
	listen_at(name);
	assert_int_equal(gw_notify_open(&notify, &err), GW_OK);
	getrlimit(RLIMIT_NOFILE, &before);
	none = before;
	none.rlim_cur = 0;
	setrlimit(RLIMIT_NOFILE, &none);
	gw_notify_send(&notify, "WATCHDOG=1");
	setrlimit(RLIMIT_NOFILE, &before);
	assert_arrives("WATCHDOG=1");
}

static void a_manager_that_does_not_read_holds_it_up_for_a_moment(void **state)
{
	struct timespec began, ended;
	int64_t took_ms = 0;

	(void)state;
	listen_at(name);
	assert_int_equal(gw_notify_open(&notify, &err), GW_OK);
	/* the kernel queues some datagrams (net.unix.max_dgram_qlen), and no more */
	for (int i = 0; i < 100000 && took_ms < GW_NOTIFY_MAX_MS / 2; i++) {
		clock_gettime(CLOCK_MONOTONIC, &began);
		gw_notify_send(&notify, "WATCHDOG=1");
		clock_gettime(CLOCK_MONOTONIC, &ended);
		took_ms = (ended.tv_sec - began.tv_sec) * 1000 +
			(ended.tv_nsec - began.tv_nsec) / 1000000;
	}
	assert_in_range(took_ms, GW_NOTIFY_MAX_MS / 2, 20 * GW_NOTIFY_MAX_MS);
}

static void a_manager_that_is_gone_is_no_error(void **state)
{
	(void)state;
	listen_at(name);
	assert_int_equal(gw_notify_open(&notify, &err), GW_OK);
	close(manager);
	manager = -1;
	gw_notify_send(&notify, "WATCHDOG=1"); /* no SIGPIPE */
	unlink(name);
	listen_at(name); /* systemd was executed anew */
	gw_notify_send(&notify, "WATCHDOG=1");
	assert_arrives("WATCHDOG=1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_message_arrives_at_a_path, start, stop),
		cmocka_unit_test_setup_teardown(
			a_message_arrives_at_an_abstract_name, start, stop),
		cmocka_unit_test_setup_teardown(
			without_a_manager_nothing_is_sent, start, stop),
		cmocka_unit_test_setup_teardown(
			an_address_that_cannot_be_is_an_error, start, stop),
		cmocka_unit_test_setup_teardown(
			it_sends_when_no_descriptor_is_left, start, stop),
		cmocka_unit_test_setup_teardown(
			a_manager_that_does_not_read_holds_it_up_for_a_moment, start, stop),
		cmocka_unit_test_setup_teardown(
			a_manager_that_is_gone_is_no_error, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

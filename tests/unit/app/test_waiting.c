/* SPDX-License-Identifier: Apache-2.0 */
/* What ends the wait for a configuration, and what systemd hears meanwhile. */
#include "app/waiting.h"

#include "tests/unit/fixture/temp_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define LINE "waiting: a test"

static char dir[TEMP_DIR_MAX], control[TEMP_DIR_MAX + 20];
static int manager = -1; /* systemd's end */
static sigset_t ours;
static struct gw_error err;

/* What the next try finds, and what happens meanwhile. */
static bool finds;
static int raises;
static unsigned n_tries;

static bool try(void *arg, bool asked, char *ret_line, size_t size)
{
	bool found = finds;

	(void)arg;
	assert_true(asked);
	n_tries++;
	if (raises) {
		raise(raises);
		finds = false; /* the file is spoilt between */
		raises = 0;
	}
	snprintf(ret_line, size, LINE);
	return found;
}

static int begin(void **state)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};

	(void)state;
	if (temp_dir_make(dir))
		return -1;
	snprintf(control, sizeof(control), "%s/control.sock", dir);
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/notify", dir);
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (bind(manager, (struct sockaddr *)&at, sizeof(at)))
		return -1;
	finds = false;
	raises = 0;
	n_tries = 0;
	sigemptyset(&ours);
	sigaddset(&ours, SIGHUP);
	sigaddset(&ours, SIGTERM);
	sigaddset(&ours, SIGINT);
	sigprocmask(SIG_BLOCK, &ours, NULL);
	return setenv("NOTIFY_SOCKET", at.sun_path, 1);
}

static bool signal_waits(void)
{
	return sigtimedwait(&ours, NULL, &(struct timespec){.tv_sec = 0}) > 0;
}

static int end(void **state)
{
	(void)state;
	while (signal_waits())
		continue;
	close(manager);
	unsetenv("NOTIFY_SOCKET");
	return temp_dir_remove(dir);
}

static enum gw_err run(void)
{
	return gw_waiting_run(
		&(struct gw_waiting_opts){.socket = control, .try = try}, LINE, &err);
}

static void it_ends_with_what_it_found(void **state)
{
	(void)state;
	finds = true;
	raise(SIGHUP);
	assert_int_equal(run(), GW_OK);
	assert_int_equal(n_tries, 1);
}

static void a_stop_wins_over_a_reload(void **state)
{
	(void)state;
	finds = true;
	raise(SIGHUP);
	raise(SIGTERM);
	assert_int_equal(run(), GW_ERR_STOPPED);
	assert_int_equal(n_tries, 0);
}

/* What was found is the gateway's to reload: a try more would take it away again. */
static void a_reload_while_it_is_found_is_left_to_the_gateway(void **state)
{
	(void)state;
	finds = true;
	raises = SIGHUP;
	raise(SIGHUP);
	assert_int_equal(run(), GW_OK);
	assert_int_equal(n_tries, 1);
	assert_true(signal_waits());
}

/* systemd, when it is busy, may have missed the first one. */
static void each_message_says_that_it_is_started(void **state)
{
	unsigned n = 0, fed = 0;
	char got[2000];
	ssize_t len;

	(void)state;
	raise(SIGTERM);
	assert_int_equal(run(), GW_ERR_STOPPED);
	for (; (len = recv(manager, got, sizeof(got) - 1, 0)) > 0; n++) {
		got[len] = '\0';
		if (strcmp(got, "STOPPING=1") == 0)
			continue;
		assert_non_null(strstr(got, "READY=1\n"));
		fed += strstr(got, "WATCHDOG=1") != NULL;
	}
	assert_int_equal(fed, 1);
	assert_int_equal(n, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(it_ends_with_what_it_found, begin, end),
		cmocka_unit_test_setup_teardown(a_stop_wins_over_a_reload, begin, end),
		cmocka_unit_test_setup_teardown(
			a_reload_while_it_is_found_is_left_to_the_gateway, begin, end),
		cmocka_unit_test_setup_teardown(
			each_message_says_that_it_is_started, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

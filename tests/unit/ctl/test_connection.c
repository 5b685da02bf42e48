/* SPDX-License-Identifier: Apache-2.0 */
/* The connection to the daemon. */
#include "ctl/connection.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void a_missing_daemon_is_explained(void **state)
{
	struct gw_connection c;
	struct gw_error err;

	(void)state;
	assert_int_equal(
		gw_connection_open(&c, "/nonexistent/control.sock", &err), GW_ERR_LINK);
	assert_string_equal(err.text,
		"cannot reach tocsind at /nonexistent/control.sock: is it running? "
		"systemctl "
		"status tocsind");
	gw_connection_close(&c);
}

/* The group `tocsin` may read the keys; nobody is sent there. */
static void a_user_without_access_is_sent_to_the_operators(void **state)
{
	char dir[] = "/tmp/tocsin-connection-XXXXXX", path[64];
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), how;
	struct gw_connection c;
	struct gw_error err;
	pid_t pid;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chmod(dir, 0711), 0);
	snprintf(path, sizeof(path), "%s/s", dir);
	memcpy(at.sun_path, path, strlen(path) + 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(chmod(path, 0600), 0);
	pid = fork();
	if (pid == 0) {
		bool said;

		if (getuid() == 0 && setuid(65534))
			_exit(2);
		if (getuid() != 65534)
			_exit(0); /* the socket is its own */
		said = gw_connection_open(&c, path, &err) == GW_ERR_LINK &&
			strstr(err.text,
				"in the group tocsin-operators (gpasswd -a USER "
				"tocsin-operators");
		_exit(said ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &how, 0), pid);
	assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 0);
	close(fd);
	unlink(path);
	rmdir(dir);
}

static void lines_are_complete_however_they_arrive(void **state)
{
	struct gw_connection c = {0};
	struct gw_error err;
	size_t n = 300000;
	char *line, *big = malloc(n);
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	c.fd = ends[0];
	assert_int_equal(gw_connection_read_line(&c, 0, &line, &err), GW_ERR_TIMEOUT);
	assert_int_equal(write(ends[1], "on", 2), 2);
	assert_int_equal(gw_connection_read_line(&c, 0, &line, &err), GW_ERR_TIMEOUT);
	assert_int_equal(write(ends[1], "e\ntwo\nthr", 9), 9);
	assert_int_equal(gw_connection_read_line(&c, 0, &line, &err), GW_OK);
	assert_string_equal(line, "one");
	assert_int_equal(gw_connection_read_line(&c, 0, &line, &err), GW_OK);
	assert_string_equal(line, "two");
	memset(big, 'x', n);
	for (size_t done = 0; done < n; done += 100000) {
		assert_int_equal(write(ends[1], big + done, 100000), 100000);
		assert_int_equal(
			gw_connection_read_line(&c, 0, &line, &err), GW_ERR_TIMEOUT);
	}
	assert_int_equal(write(ends[1], "\n", 1), 1);
	assert_int_equal(gw_connection_read_line(&c, 0, &line, &err), GW_OK);
	assert_int_equal(strlen(line), n + 3);
	close(ends[1]);
	assert_int_equal(gw_connection_read_line(&c, 0, &line, &err), GW_ERR_STOPPED);
	gw_connection_close(&c);
	free(big);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_missing_daemon_is_explained),
		cmocka_unit_test(a_user_without_access_is_sent_to_the_operators),
		cmocka_unit_test(lines_are_complete_however_they_arrive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

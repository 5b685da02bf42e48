/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server_fixture.h: the server of the control socket over control_fixture.h, and clients of it in
 * the same thread: each helper runs the loop until nothing is left to do.
 */
#ifndef TESTS_SERVER_FIXTURE_H
#define TESTS_SERVER_FIXTURE_H

#include "control/server.h"

#include "control_fixture.h"
#include "tests/unit/fixture/temp_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define FIXTURE static __attribute__((unused))

static struct gw_loop loop;
static struct gw_server *server;
static char folder[TEMP_DIR_MAX], path[96];
static struct gw_alarm_command commanded[8];
static int n_commanded;
static bool engine_busy;

FIXTURE bool on_command(void *arg, const struct gw_alarm_command *command)
{
	(void)arg;
	if (!engine_busy)
		commanded[n_commanded++] = *command;
	return !engine_busy;
}

static struct {
	struct gw_resend asked;
	struct gw_resend_result answer;
	unsigned n_asked;
	bool busy, answered;
} played_uplink;

FIXTURE bool on_resend(void *arg, size_t i, const struct gw_resend *what)
{
	(void)arg;
	assert_int_equal(i, 0);
	if (played_uplink.busy)
		return false;
	played_uplink.busy = true;
	played_uplink.asked = *what;
	played_uplink.n_asked++;
	return true;
}

FIXTURE bool on_resend_result(void *arg, size_t i, struct gw_resend_result *ret_resent)
{
	(void)arg;
	(void)i;
	if (!played_uplink.busy || !played_uplink.answered)
		return false;
	*ret_resent = played_uplink.answer;
	played_uplink.busy = played_uplink.answered = false;
	return true;
}

FIXTURE enum gw_err open_server(struct gw_server **ret, struct gw_error *err)
{
	struct gw_server_opts opts = {.path = path,
		.group = "tocsin-operators",
		.view = &fixture.view,
		.command = on_command,
		.resends = {on_resend, on_resend_result, NULL}};

	return gw_server_open(&loop, &opts, ret, err);
}

FIXTURE int setup(void **state)
{
	struct gw_error err;

	fixture_setup(state);
	n_commanded = 0;
	engine_busy = false;
	memset(&played_uplink, 0, sizeof(played_uplink));
	if (temp_dir_make(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/run/control.sock", folder);
	assert_int_equal(gw_loop_init(&loop, &err), GW_OK);
	assert_int_equal(open_server(&server, &err), GW_OK);
	fixture.view.control = gw_server_counts(server);
	return 0;
}

FIXTURE int teardown(void **state)
{
	(void)state;
	gw_server_close(server);
	gw_loop_fini(&loop);
	return temp_dir_remove(folder);
}

FIXTURE void run_loop(void)
{
	for (int i = 0; i < 12; i++)
		assert_int_equal(gw_loop_once(&loop, 0, NULL), GW_OK);
}

FIXTURE void advance_ms(int64_t ms)
{
	fixture.boot_ns += ms * GW_NS_PER_MS;
	run_loop();
}

FIXTURE int connect_client(void)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	strcpy(at.sun_path, path);
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	run_loop();
	return fd;
}

FIXTURE void send_text(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
	run_loop();
}

/* What there is to read now; *ret_end if the other side has hung up. */
FIXTURE size_t receive_into(int fd, char *to, size_t size, bool *ret_end)
{
	size_t used = 0;
	ssize_t n;

	*ret_end = false;
	for (;;) {
		n = recv(fd, to + used, size - 1 - used, 0);
		if (n <= 0)
			break;
		used += (size_t)n;
		run_loop();
	}
	*ret_end = n == 0 || (n < 0 && errno != EAGAIN);
	to[used] = '\0';
	return used;
}

static char received[4 << 20];

FIXTURE const char *receive(int fd)
{
	bool end;

	receive_into(fd, received, sizeof(received), &end);
	return received;
}

FIXTURE bool is_closed(int fd)
{
	char rest[4096];
	bool end;

	receive_into(fd, rest, sizeof(rest), &end);
	return end;
}

FIXTURE json_t *request(int fd, const char *request)
{
	json_t *answer, *result;

	send_text(fd, request);
	answer = json_loads(receive(fd), JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(answer);
	assert_true(json_is_true(json_object_get(answer, "ok")));
	result = json_incref(json_object_get(answer, "result"));
	json_decref(answer);
	return result;
}

FIXTURE const char *text_at(const json_t *array, size_t i, const char *key)
{
	return json_string_value(json_object_get(json_array_get(array, i), key));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif

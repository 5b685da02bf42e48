/* SPDX-License-Identifier: Apache-2.0 */
/* Connections: limits, slow and malformed clients, the socket file. */
#include "control/protocol.h"

#include "server_fixture.h"

static void make_many_points(void)
{
	static char names[FIXTURE_POINTS_MAX][8];

	for (size_t i = 0; i < FIXTURE_POINTS_MAX; i++) {
		snprintf(names[i], sizeof(names[i]), "p%zu", i);
		fixture_point(i, "boiler", "gas-1", names[i], "%LEL");
	}
	fixture.config.n_points = FIXTURE_POINTS_MAX;
}

static void a_slow_reader_of_a_long_list_delays_no_other_client(void **state)
{
	int slow = connect_client(), quick = connect_client();
	json_t *r;

	(void)state;
	make_many_points();
	send_text(slow, "{\"cmd\":\"points\"}\n");
	r = request(quick, "{\"cmd\":\"alarms\"}\n");
	json_decref(r);
	receive(slow);
	r = json_loads(received, 0, NULL);
	assert_int_equal(json_array_size(json_object_get(r, "result")), FIXTURE_POINTS_MAX);
	json_decref(r);
	close(slow);
	close(quick);
}

static void a_client_that_does_not_read_is_disconnected(void **state)
{
	struct gw_server_counts s;
	int fd = connect_client();

	(void)state;
	make_many_points();
	send_text(fd, "{\"cmd\":\"points\"}\n");
	advance_ms(4900);
	s = *gw_server_counts(server);
	assert_int_equal(s.clients, 1);
	advance_ms(200);
	s = *gw_server_counts(server);
	assert_int_equal(s.clients, 0);
	assert_int_equal(s.cut, 1);
	assert_non_null(strstr(fixture.said[0], "does not read its answer"));
	close(fd);
}

static void a_reload_breaks_off_a_list(void **state)
{
	int fd = connect_client();

	(void)state;
	make_many_points();
	send_text(fd, "{\"cmd\":\"points\"}\n");
	fixture.view.revision++;
	gw_server_config_changed(server);
	receive(fd);
	assert_null(strchr(received, '\n'));
	assert_true(is_closed(fd));
	close(fd);
}

static void a_malformed_request_gets_an_error_and_is_disconnected(void **state)
{
	static const char *const bad[] = {
		"hello\n",
		"\n",
		"[]\n",
		"{\"cmd\":\"status\"\n",
		"{\"cmd\":\"reboot\"}\n",
		"{\"cmd\":7}\n",
		"{\"cmd\":\"status\",\"cmd\":\"alarms\"}\n",
		"{\"cmd\":\"status\",\"all\":true}\n",
		"{\"cmd\":\"alarms\",\"all\":1}\n",
		"{\"cmd\":\"ack\"}\n",
		"{\"cmd\":\"ack\",\"alarm\":\"\xff\"}\n",
		"{\"cmd\":\"shelve\",\"alarm\":\"x\",\"for\":\"90\"}\n",
		"{\"cmd\":\"shelve\",\"alarm\":\"x\",\"for\":\"0s\"}\n",
		"{\"cmd\":\"shelve\",\"alarm\":\"x\",\"for\":\"31d\"}\n",
		"{\"cmd\":\"tail\",\"last\":-1}\n",
		"{\"cmd\":\"tail\",\"last\":10001}\n",
		"{\"cmd\":\"tail\",\"last\":1e3}\n",
	};
	struct gw_server_counts s;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int fd = connect_client();
		json_t *answer;

		send_text(fd, bad[i]);
		answer = json_loads(receive(fd), 0, NULL);
		assert_true(json_is_false(json_object_get(answer, "ok")));
		assert_true(json_string_length(json_object_get(answer, "error")) > 0);
		json_decref(answer);
		assert_true(is_closed(fd));
		close(fd);
		run_loop();
		s = *gw_server_counts(server);
		assert_int_equal(s.malformed, i + 1);
		assert_int_equal(s.clients, 0);
	}
	assert_int_equal(n_commanded, 0);
}

static void a_line_that_is_too_long_gets_an_error_and_is_disconnected(void **state)
{
	char longest[GW_PROTOCOL_REQUEST_MAX + 1];
	int fd = connect_client();
	json_t *r;

	(void)state;
	/* exactly the longest line is fine */
	memset(longest, ' ', sizeof(longest));
	memcpy(longest, "{\"cmd\":\"alarms\"}", 16);
	longest[GW_PROTOCOL_REQUEST_MAX - 1] = '\n';
	longest[GW_PROTOCOL_REQUEST_MAX] = '\0';
	r = request(fd, longest);
	json_decref(r);
	longest[GW_PROTOCOL_REQUEST_MAX - 1] = ' ';
	send_text(fd, longest);
	send_text(fd, longest); /* and on: it must not break the pipe before it can read */
	assert_non_null(strstr(receive(fd), "\"ok\":false"));
	assert_non_null(strstr(received, "longer than 4096"));
	assert_true(is_closed(fd));
	close(fd);
}

static void a_slow_request_gets_an_error_and_is_disconnected(void **state)
{
	int fd = connect_client();

	(void)state;
	send_text(fd, "{\"cmd\":");
	advance_ms(3000);
	send_text(fd, "\"sta"); /* a drip does not extend the time */
	advance_ms(1900);
	assert_string_equal(receive(fd), "");
	advance_ms(200);
	assert_non_null(strstr(receive(fd), "no complete request within 5 s"));
	assert_true(is_closed(fd));
	advance_ms(1100);
	close(fd);
	run_loop();
}

/* Connects as another user, which only root can. */
static int connect_as(uid_t uid)
{
	char run[sizeof(path)];
	int fd;

	snprintf(run, sizeof(run), "%s/run", folder);
	chmod(folder, 0755);
	chmod(run, 0755);
	chmod(path, 0666);
	assert_int_equal(seteuid(uid), 0);
	fd = connect_client();
	assert_int_equal(seteuid(0), 0);
	return fd;
}

static void assert_refused(int fd)
{
	assert_non_null(strstr(receive(fd), "\"ok\":false"));
	assert_true(is_closed(fd));
	close(fd);
}

static void debug_logs_each_connection_and_request(void **state)
{
	int fd = connect_client();

	(void)state;
	json_decref(request(fd, "{\"cmd\":\"alarms\"}\n"));
	json_decref(request(fd, "{\"cmd\":\"status\"}\n"));
	close(fd);
	run_loop();
	assert_int_equal(fixture.n_said, 0);
	assert_int_equal(fixture.n_debug, 4);
	assert_non_null(strstr(fixture.debug[0], " connects (pid "));
	assert_non_null(strstr(fixture.debug[1], ": alarms"));
	assert_non_null(strstr(fixture.debug[2], ": status"));
	assert_non_null(strstr(fixture.debug[3], " is gone"));
}

static void clients_over_the_limit_are_refused(void **state)
{
	int fds[GW_PROTOCOL_CLIENTS], n = GW_PROTOCOL_UID_CLIENTS;
	struct gw_server_counts s;

	(void)state;
	for (int i = 0; i < n; i++)
		fds[i] = connect_client();
	assert_refused(connect_client()); /* one user does not get them all */
	while (geteuid() == 0 && n < GW_PROTOCOL_CLIENTS)
		fds[n++] = connect_as(4711);
	if (geteuid() == 0)
		assert_refused(connect_as(4711));
	s = *gw_server_counts(server);
	assert_int_equal(s.clients, n);
	assert_int_equal(s.turned_away, geteuid() == 0 ? 2 : 1);
	close(fds[7]);
	run_loop();
	fds[7] = connect_client();
	json_decref(request(fds[7], "{\"cmd\":\"alarms\"}\n"));
	for (int i = 0; i < n; i++)
		close(fds[i]);
	run_loop();
	s = *gw_server_counts(server);
	assert_int_equal(s.clients, 0);
}

/* As many as want to follow come; whoever acknowledges still gets through. */
static void clients_in_tail_leave_slots_for_short_requests(void **state)
{
	int fds[GW_PROTOCOL_CLIENTS], n = 0, fd;
	struct gw_server_counts s;
	uid_t other = geteuid() == 0 ? 4711 : geteuid();

	(void)state;
	for (int i = 0; i < 2 * GW_PROTOCOL_CLIENTS; i++) {
		if (i == GW_PROTOCOL_CLIENTS) /* so far one user */
			assert_int_equal(n, GW_PROTOCOL_UID_STAY);
		fd = i >= GW_PROTOCOL_CLIENTS && other != geteuid() ? connect_as(other)
								    : connect_client();
		send_text(fd, "{\"cmd\":\"tail\"}\n");
		if (strstr(receive(fd), "\"ok\":true"))
			fds[n++] = fd;
		else
			close(fd);
		run_loop();
	}
	assert_int_equal(n, other != geteuid() ? GW_PROTOCOL_STAY : GW_PROTOCOL_UID_STAY);
	s = *gw_server_counts(server);
	assert_int_equal(s.followers, n);
	for (int i = 0; i < 5; i++) { /* two at a time */
		int one = connect_client(), two = connect_client();

		json_decref(request(one, "{\"cmd\":\"alarms\"}\n"));
		json_decref(request(two, "{\"cmd\":\"alarms\"}\n"));
		/* refused for its meaning: it may go on asking */
		send_text(one, "{\"cmd\":\"tail\"}\n");
		assert_non_null(strstr(receive(one), "too many follow"));
		json_decref(request(one, "{\"cmd\":\"alarms\"}\n"));
		close(one);
		close(two);
		run_loop();
	}
	close(fds[0]);
	run_loop();
	fds[0] = connect_client();
	send_text(fds[0], "{\"cmd\":\"tail\"}\n");
	assert_non_null(strstr(receive(fds[0]), "\"ok\":true"));
	while (n > 0)
		close(fds[--n]);
	run_loop();
}

static void many_requests_in_one_write_are_all_answered(void **state)
{
	char all[4096] = "";
	int fd = connect_client(), lines = 0;

	(void)state;
	for (int i = 0; i < 30; i++)
		strcat(all, "{\"cmd\":\"alarms\"}\n");
	send_text(fd, all);
	for (const char *at = receive(fd); (at = strchr(at, '\n')); at++)
		lines++;
	assert_int_equal(lines, 30);
	close(fd);
}

static void a_client_that_closes_its_half_still_gets_the_reply(void **state)
{
	int fd = connect_client();

	(void)state;
	send_text(fd, "{\"cmd\":\"alarms\"}\n");
	shutdown(fd, SHUT_WR);
	run_loop();
	assert_string_equal(receive(fd), GW_PROTOCOL_OK "[]}\n");
	assert_true(is_closed(fd));
	close(fd);
}

static void the_socket_belongs_to_the_group(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	gw_server_close(server);
	server = NULL;
	assert_int_equal(stat(path, &st), -1);
}

static void a_live_socket_is_refused_and_a_stale_one_replaced(void **state)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct gw_server *second = NULL;
	struct gw_error err;
	int fd;

	(void)state;
	assert_int_equal(open_server(&second, &err), GW_ERR_REFUSED);
	assert_non_null(strstr(err.text, "another tocsind runs"));
	gw_server_close(server);
	server = NULL;
	/* what a crash leaves */
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	strcpy(at.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	close(fd);
	assert_int_equal(open_server(&server, &err), GW_OK);
	fd = connect_client();
	close(fd);
}

static void a_file_in_place_of_the_socket_is_not_replaced(void **state)
{
	struct gw_server *second = NULL;
	struct gw_error err;
	struct stat st;

	(void)state;
	gw_server_close(server);
	server = NULL;
	close(open(path, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(open_server(&second, &err), GW_ERR_REFUSED);
	assert_int_equal(stat(path, &st), 0);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_slow_reader_of_a_long_list_delays_no_other_client),
		TEST(a_client_that_does_not_read_is_disconnected),
		TEST(a_reload_breaks_off_a_list),
		TEST(a_malformed_request_gets_an_error_and_is_disconnected),
		TEST(a_line_that_is_too_long_gets_an_error_and_is_disconnected),
		TEST(a_slow_request_gets_an_error_and_is_disconnected),
		TEST(debug_logs_each_connection_and_request),
		TEST(clients_over_the_limit_are_refused),
		TEST(clients_in_tail_leave_slots_for_short_requests),
		TEST(many_requests_in_one_write_are_all_answered),
		TEST(a_client_that_closes_its_half_still_gets_the_reply),
		TEST(the_socket_belongs_to_the_group),
		TEST(a_live_socket_is_refused_and_a_stale_one_replaced),
		TEST(a_file_in_place_of_the_socket_is_not_replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

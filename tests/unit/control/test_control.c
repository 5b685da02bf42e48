/* SPDX-License-Identifier: Apache-2.0 */
#include "control/commands.h"
#include "control/server.h"

#include "control/protocol.h"

#include "control_fixture.h"
#include "tests/unit/fixture/temp_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static struct gw_loop loop;
static struct gw_server *control;
static char folder[TEMP_DIR_MAX], path[96];
static struct gw_alarm_command commanded[8];
static int n_commanded;
static bool engine_busy;

static bool take_command(void *arg, const struct gw_alarm_command *command)
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
} platform;

static bool take_resend(void *arg, size_t i, const struct gw_resend *what)
{
	(void)arg;
	assert_int_equal(i, 0);
	if (platform.busy)
		return false;
	platform.busy = true;
	platform.asked = *what;
	platform.n_asked++;
	return true;
}

static bool take_resent(void *arg, size_t i, struct gw_resend_result *ret_resent)
{
	(void)arg;
	(void)i;
	if (!platform.busy || !platform.answered)
		return false;
	*ret_resent = platform.answer;
	platform.busy = platform.answered = false;
	return true;
}

static enum gw_err open_control(struct gw_server **ret, struct gw_error *err)
{
	struct gw_server_opts opts = {.path = path,
		.group = "tocsin-operators",
		.view = &fixture.view,
		.command = take_command,
		.resends = {take_resend, take_resent, NULL}};

	return gw_server_open(&loop, &opts, ret, err);
}

static int setup(void **state)
{
	struct gw_error err;

	fixture_setup(state);
	n_commanded = 0;
	engine_busy = false;
	memset(&platform, 0, sizeof(platform));
	if (temp_dir_make(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/run/control.sock", folder);
	assert_int_equal(gw_loop_init(&loop, &err), GW_OK);
	assert_int_equal(open_control(&control, &err), GW_OK);
	fixture.view.control = gw_server_counts(control);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	gw_server_close(control);
	gw_loop_fini(&loop);
	return temp_dir_remove(folder);
}

static void spin(void)
{
	for (int i = 0; i < 12; i++)
		assert_int_equal(gw_loop_once(&loop, 0, NULL), GW_OK);
}

static void pass(int64_t ms)
{
	fixture.mono_ns += ms * GW_NS_PER_MS;
	spin();
}

static int join(void)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	strcpy(at.sun_path, path);
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	spin();
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
	spin();
}

/* What there is to read now; *ret_end if the other side has hung up. */
static size_t hear_into(int fd, char *to, size_t size, bool *ret_end)
{
	size_t used = 0;
	ssize_t n;

	*ret_end = false;
	for (;;) {
		n = recv(fd, to + used, size - 1 - used, 0);
		if (n <= 0)
			break;
		used += (size_t)n;
		spin();
	}
	*ret_end = n == 0 || (n < 0 && errno != EAGAIN);
	to[used] = '\0';
	return used;
}

static char heard[4 << 20];

static const char *hear(int fd)
{
	bool end;

	hear_into(fd, heard, sizeof(heard), &end);
	return heard;
}

static bool ended(int fd)
{
	char rest[4096];
	bool end;

	hear_into(fd, rest, sizeof(rest), &end);
	return end;
}

static json_t *ask(int fd, const char *request)
{
	json_t *answer, *result;

	say(fd, request);
	answer = json_loads(hear(fd), JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(answer);
	assert_true(json_is_true(json_object_get(answer, "ok")));
	result = json_incref(json_object_get(answer, "result"));
	json_decref(answer);
	return result;
}

static const char *text_at(const json_t *array, size_t i, const char *key)
{
	return json_string_value(json_object_get(json_array_get(array, i), key));
}

static void status_is_an_object_of_the_promised_shape(void **state)
{
	int fd = join();
	json_t *r, *source, *uplink;

	(void)state;
	fixture_trouble();
	r = ask(fd, "{\"cmd\":\"status\"}\n");
	assert_string_equal(json_string_value(json_object_get(r, "gateway")), "tj-1");
	assert_int_equal(json_integer_value(json_object_get(r, "run")), 3);
	assert_int_equal(json_integer_value(json_object_get(r, "uptime_ms")), 990000);
	assert_string_equal(json_string_value(json_object_get(r, "clock")), "synced");
	source = json_object_get(r, "sources");
	assert_int_equal(json_array_size(source), 2);
	assert_string_equal(text_at(source, 0, "name"), "boiler");
	assert_string_equal(text_at(source, 0, "state"), "up");
	assert_string_equal(text_at(source, 1, "state"), "down");
	assert_int_equal(
		json_integer_value(json_object_get(json_array_get(source, 0), "timeouts")),
		2);
	uplink = json_object_get(r, "uplinks");
	assert_int_equal(json_array_size(uplink), 1);
	assert_string_equal(text_at(uplink, 0, "state"), "up");
	assert_int_equal(
		json_integer_value(json_object_get(json_array_get(uplink, 0), "pending")),
		3);
	assert_int_equal(
		json_integer_value(json_object_get(json_array_get(uplink, 0), "oldest_ms")),
		4200);
	json_decref(r);
	close(fd);
}

static void points_are_null_until_read_and_while_bad(void **state)
{
	int fd = join();
	json_t *r;

	(void)state;
	fixture_trouble();
	r = ask(fd, "{\"cmd\":\"points\"}\n");
	assert_int_equal(json_array_size(r), 3); /* the down points are no readings */
	assert_string_equal(text_at(r, 0, "point"), "boiler/gas-1/ch4");
	assert_string_equal(text_at(r, 0, "unit"), "%LEL");
	assert_float_equal(
		json_number_value(json_object_get(json_array_get(r, 0), "value")), 52.3, 0);
	assert_int_equal(
		json_integer_value(json_object_get(json_array_get(r, 0), "age_ms")), 500);
	assert_true(json_is_null(json_object_get(json_array_get(r, 1), "value")));
	assert_string_equal(text_at(r, 1, "quality"), "bad-timeout");
	assert_int_equal(
		json_integer_value(json_object_get(json_array_get(r, 1), "age_ms")), 65000);
	assert_true(json_is_null(json_object_get(json_array_get(r, 2), "value")));
	assert_true(json_is_null(json_object_get(json_array_get(r, 2), "age_ms")));
	assert_string_equal(text_at(r, 2, "quality"), "silent");
	json_decref(r);
	r = ask(fd, "{\"cmd\":\"points\",\"pattern\":\"plant/*/*\"}\n");
	assert_int_equal(json_array_size(r), 1);
	json_decref(r);
	close(fd);
}

static void alarms_come_worst_first(void **state)
{
	static const char *const order[] = {"boiler/gas-1/ch4:ch4-high",
		"boiler/gas-1/ch4:ch4-early", "boiler:down" /* shelved */, "confirmed",
		"boiler/gas-1:silent", "plant/heat:silent"};
	int fd = join();
	json_t *r;

	(void)state;
	fixture_trouble();
	r = ask(fd, "{\"cmd\":\"alarms\"}\n");
	assert_int_equal(json_array_size(r), 3);
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(text_at(r, i, "alarm"), order[i]);
	assert_string_equal(text_at(r, 0, "state"), "active-unacked");
	assert_string_equal(text_at(r, 0, "since"), "2026-11-21T00:15:00.123Z");
	json_decref(r);
	r = ask(fd, "{\"cmd\":\"alarms\",\"all\":true}\n");
	assert_int_equal(json_array_size(r), FIXTURE_ALARMS);
	for (size_t i = 0; i < FIXTURE_ALARMS; i++)
		assert_string_equal(text_at(r, i, "alarm"), order[i]);
	json_decref(r);
	close(fd);
}

static void make_many_points(void)
{
	static char names[FIXTURE_POINTS_MAX][8];

	for (size_t i = 0; i < FIXTURE_POINTS_MAX; i++) {
		snprintf(names[i], sizeof(names[i]), "p%zu", i);
		fixture_point(i, "boiler", "gas-1", names[i], "%LEL");
	}
	fixture.config.n_points = FIXTURE_POINTS_MAX;
}

static void a_long_list_to_a_slow_reader_holds_up_nobody(void **state)
{
	int slow = join(), quick = join();
	json_t *r;

	(void)state;
	make_many_points();
	say(slow, "{\"cmd\":\"points\"}\n");
	r = ask(quick, "{\"cmd\":\"alarms\"}\n");
	json_decref(r);
	hear(slow);
	r = json_loads(heard, 0, NULL);
	assert_int_equal(json_array_size(json_object_get(r, "result")), FIXTURE_POINTS_MAX);
	json_decref(r);
	close(slow);
	close(quick);
}

static void a_reader_that_stands_still_is_cut(void **state)
{
	struct gw_server_counts s;
	int fd = join();

	(void)state;
	make_many_points();
	say(fd, "{\"cmd\":\"points\"}\n");
	pass(4900);
	s = *gw_server_counts(control);
	assert_int_equal(s.clients, 1);
	pass(200);
	s = *gw_server_counts(control);
	assert_int_equal(s.clients, 0);
	assert_int_equal(s.cut, 1);
	assert_non_null(strstr(fixture.said[0], "does not read its answer"));
	close(fd);
}

static void a_reload_ends_a_list_that_is_under_way(void **state)
{
	int fd = join();

	(void)state;
	make_many_points();
	say(fd, "{\"cmd\":\"points\"}\n");
	fixture.view.generation++;
	gw_server_config_changed(control);
	hear(fd);
	assert_null(strchr(heard, '\n'));
	assert_true(ended(fd));
	close(fd);
}

static void what_is_no_request_gets_an_error_and_the_door(void **state)
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
		int fd = join();
		json_t *answer;

		say(fd, bad[i]);
		answer = json_loads(hear(fd), 0, NULL);
		assert_true(json_is_false(json_object_get(answer, "ok")));
		assert_true(json_string_length(json_object_get(answer, "error")) > 0);
		json_decref(answer);
		assert_true(ended(fd));
		close(fd);
		spin();
		s = *gw_server_counts(control);
		assert_int_equal(s.malformed, i + 1);
		assert_int_equal(s.clients, 0);
	}
	assert_int_equal(n_commanded, 0);
}

static void a_line_that_is_too_long_gets_an_error_and_the_door(void **state)
{
	char longest[GW_PROTOCOL_REQUEST_MAX + 1];
	int fd = join();
	json_t *r;

	(void)state;
	/* exactly the longest line is fine */
	memset(longest, ' ', sizeof(longest));
	memcpy(longest, "{\"cmd\":\"alarms\"}", 16);
	longest[GW_PROTOCOL_REQUEST_MAX - 1] = '\n';
	longest[GW_PROTOCOL_REQUEST_MAX] = '\0';
	r = ask(fd, longest);
	json_decref(r);
	longest[GW_PROTOCOL_REQUEST_MAX - 1] = ' ';
	say(fd, longest);
	say(fd, longest); /* and on: it must not break the pipe before it can read */
	assert_non_null(strstr(hear(fd), "\"ok\":false"));
	assert_non_null(strstr(heard, "longer than 4096"));
	assert_true(ended(fd));
	close(fd);
}

static void a_slow_line_gets_an_error_and_the_door(void **state)
{
	int fd = join();

	(void)state;
	say(fd, "{\"cmd\":");
	pass(3000);
	say(fd, "\"sta"); /* a drip does not extend the time */
	pass(1900);
	assert_string_equal(hear(fd), "");
	pass(200);
	assert_non_null(strstr(hear(fd), "no complete request within 5 s"));
	assert_true(ended(fd));
	pass(1100);
	close(fd);
	spin();
}

/* Connects as another user, which only root can. */
static int join_as(uid_t uid)
{
	char run[sizeof(path)];
	int fd;

	snprintf(run, sizeof(run), "%s/run", folder);
	chmod(folder, 0755);
	chmod(run, 0755);
	chmod(path, 0666);
	assert_int_equal(seteuid(uid), 0);
	fd = join();
	assert_int_equal(seteuid(0), 0);
	return fd;
}

static void assert_turned_away(int fd)
{
	assert_non_null(strstr(hear(fd), "\"ok\":false"));
	assert_true(ended(fd));
	close(fd);
}

static void debug_logs_each_connection_and_request(void **state)
{
	int fd = join();

	(void)state;
	json_decref(ask(fd, "{\"cmd\":\"alarms\"}\n"));
	json_decref(ask(fd, "{\"cmd\":\"status\"}\n"));
	close(fd);
	spin();
	assert_int_equal(fixture.n_said, 0);
	assert_int_equal(fixture.n_debug, 4);
	assert_non_null(strstr(fixture.debug[0], " connects (pid "));
	assert_non_null(strstr(fixture.debug[1], ": alarms"));
	assert_non_null(strstr(fixture.debug[2], ": status"));
	assert_non_null(strstr(fixture.debug[3], " is gone"));
}

static void beyond_so_many_clients_are_turned_away(void **state)
{
	int fds[GW_PROTOCOL_CLIENTS], n = GW_PROTOCOL_UID_CLIENTS;
	struct gw_server_counts s;

	(void)state;
	for (int i = 0; i < n; i++)
		fds[i] = join();
	assert_turned_away(join()); /* one user does not get them all */
	while (geteuid() == 0 && n < GW_PROTOCOL_CLIENTS)
		fds[n++] = join_as(4711);
	if (geteuid() == 0)
		assert_turned_away(join_as(4711));
	s = *gw_server_counts(control);
	assert_int_equal(s.clients, n);
	assert_int_equal(s.turned_away, geteuid() == 0 ? 2 : 1);
	close(fds[7]);
	spin();
	fds[7] = join();
	json_decref(ask(fds[7], "{\"cmd\":\"alarms\"}\n"));
	for (int i = 0; i < n; i++)
		close(fds[i]);
	spin();
	s = *gw_server_counts(control);
	assert_int_equal(s.clients, 0);
}

/* As many as want to follow come; whoever acknowledges still gets through. */
static void followers_leave_room_for_short_requests(void **state)
{
	int fds[GW_PROTOCOL_CLIENTS], n = 0, fd;
	struct gw_server_counts s;
	uid_t other = geteuid() == 0 ? 4711 : geteuid();

	(void)state;
	for (int i = 0; i < 2 * GW_PROTOCOL_CLIENTS; i++) {
		if (i == GW_PROTOCOL_CLIENTS) /* so far one user */
			assert_int_equal(n, GW_PROTOCOL_UID_STAY);
		fd = i >= GW_PROTOCOL_CLIENTS && other != geteuid() ? join_as(other)
								    : join();
		say(fd, "{\"cmd\":\"tail\"}\n");
		if (strstr(hear(fd), "\"ok\":true"))
			fds[n++] = fd;
		else
			close(fd);
		spin();
	}
	assert_int_equal(n, other != geteuid() ? GW_PROTOCOL_STAY : GW_PROTOCOL_UID_STAY);
	s = *gw_server_counts(control);
	assert_int_equal(s.followers, n);
	for (int i = 0; i < 5; i++) { /* two at a time */
		int one = join(), two = join();

		json_decref(ask(one, "{\"cmd\":\"alarms\"}\n"));
		json_decref(ask(two, "{\"cmd\":\"alarms\"}\n"));
		/* refused for its meaning: it may go on asking */
		say(one, "{\"cmd\":\"tail\"}\n");
		assert_non_null(strstr(hear(one), "too many follow"));
		json_decref(ask(one, "{\"cmd\":\"alarms\"}\n"));
		close(one);
		close(two);
		spin();
	}
	close(fds[0]);
	spin();
	fds[0] = join();
	say(fds[0], "{\"cmd\":\"tail\"}\n");
	assert_non_null(strstr(hear(fds[0]), "\"ok\":true"));
	while (n > 0)
		close(fds[--n]);
	spin();
}

static void many_requests_in_one_write_are_all_answered(void **state)
{
	char all[4096] = "";
	int fd = join(), lines = 0;

	(void)state;
	for (int i = 0; i < 30; i++)
		strcat(all, "{\"cmd\":\"alarms\"}\n");
	say(fd, all);
	for (const char *at = hear(fd); (at = strchr(at, '\n')); at++)
		lines++;
	assert_int_equal(lines, 30);
	close(fd);
}

static void a_client_that_has_said_all_still_hears_the_answer(void **state)
{
	int fd = join();

	(void)state;
	say(fd, "{\"cmd\":\"alarms\"}\n");
	shutdown(fd, SHUT_WR);
	spin();
	assert_string_equal(hear(fd), GW_PROTOCOL_OK "[]}\n");
	assert_true(ended(fd));
	close(fd);
}

static void a_command_goes_to_the_engine_and_its_answer_back(void **state)
{
	int fd = join();
	struct gw_alarm_reply reply;

	(void)state;
	say(fd,
		"{\"cmd\":\"ack\",\"alarm\":\"ch4-high\",\"note\":\"Zhang\\nis on the "
		"way\"}\n");
	assert_int_equal(n_commanded, 1);
	assert_int_equal(commanded[0].alarm, 0);
	assert_int_equal(commanded[0].kind, GW_COMMAND_ACK);
	assert_string_equal(commanded[0].note, "Zhang is on the way");
	assert_string_equal(hear(fd), "");
	reply = (struct gw_alarm_reply){.cookie = commanded[0].cookie + 1, .done = 1};
	gw_server_engine_reply(control, &reply); /* somebody else's */
	assert_string_equal(hear(fd), "");
	reply = (struct gw_alarm_reply){
		.cookie = commanded[0].cookie, .done = 1, .state = GW_STATE_ACTIVE_ACKED};
	gw_server_engine_reply(control, &reply);
	assert_string_equal(hear(fd),
		GW_PROTOCOL_OK
		"{\"alarm\":\"boiler/gas-1/ch4:ch4-high\",\"state\":\"active-acked\"}}\n");
	assert_non_null(strstr(fixture.said[0], "acknowledge boiler/gas-1/ch4:ch4-high"));
	say(fd, "{\"cmd\":\"shelve\",\"alarm\":\"confirmed\",\"for\":\"2h\"}\n");
	assert_int_equal(commanded[1].kind, GW_COMMAND_SHELVE);
	assert_int_equal(commanded[1].alarm, 5);
	assert_true(commanded[1].duration_ns == 7200 * GW_NS_PER_SEC);
	reply = (struct gw_alarm_reply){
		.cookie = commanded[1].cookie, .why = "it is not standing"};
	gw_server_engine_reply(control, &reply);
	assert_string_equal(hear(fd), "{\"ok\":false,\"error\":\"it is not standing\"}\n");
	assert_false(ended(fd)); /* the sense was refused, not the form */
	close(fd);
}

static void a_reply_to_one_that_left_is_dropped(void **state)
{
	struct gw_alarm_reply reply;
	int fd = join();

	(void)state;
	say(fd, "{\"cmd\":\"reset\",\"alarm\":\"confirmed\"}\n");
	close(fd);
	spin();
	reply = (struct gw_alarm_reply){.cookie = commanded[0].cookie, .done = 1};
	gw_server_engine_reply(control, &reply);
}

static void an_alarm_that_cannot_be_told_names_candidates(void **state)
{
	int fd = join();

	(void)state;
	say(fd, "{\"cmd\":\"ack\",\"alarm\":\"silent\"}\n");
	assert_non_null(strstr(hear(fd),
		"\"candidates\":[\"boiler/gas-1:silent\",\"plant/heat:silent\"]"));
	say(fd, "{\"cmd\":\"ack\",\"alarm\":\"ch4-hihg\"}\n");
	assert_non_null(strstr(hear(fd), "\"candidates\":[\"boiler/gas-1/ch4:ch4-high\"]"));
	say(fd, "{\"cmd\":\"ack\",\"alarm\":\"elsewhere/altogether\"}\n");
	assert_null(strstr(hear(fd), "candidates"));
	engine_busy = true;
	say(fd, "{\"cmd\":\"ack\",\"alarm\":\"confirmed\"}\n");
	assert_non_null(strstr(hear(fd), "busy"));
	assert_int_equal(n_commanded, 0);
	close(fd);
}

static void a_reload_tells_who_waits_for_the_old_engine(void **state)
{
	int fd = join();

	(void)state;
	say(fd, "{\"cmd\":\"ack\",\"alarm\":\"confirmed\"}\n");
	fixture.view.generation++;
	gw_server_config_changed(control);
	assert_non_null(strstr(hear(fd), "the configuration was exchanged meanwhile"));
	close(fd);
}

static void an_engine_that_is_mute_is_told_of(void **state)
{
	int fd = join();

	(void)state;
	say(fd, "{\"cmd\":\"ack\",\"alarm\":\"confirmed\"}\n");
	pass(5100);
	assert_non_null(strstr(hear(fd), "the engine did not answer"));
	close(fd);
}

/* ---- tail ---- */

static void happen(uint64_t seq)
{
	struct gw_event e = fixture_event(seq);

	gw_server_event(control, &e);
	fixture.last_seq = seq;
}

static struct gw_batch *history(uint64_t from, uint64_t to)
{
	struct gw_batch *b = calloc(1, sizeof(*b));

	b->events = calloc((size_t)(to - from + 1), sizeof(*b->events));
	for (uint64_t seq = from; seq <= to; seq++)
		b->events[b->n++] = fixture_event(seq);
	return b;
}

/* The numbers at the ends of the lines heard, in order: "#41 #42". */
static const char *numbers(int fd)
{
	static char list[65536];
	size_t used = 0;

	list[0] = '\0';
	for (const char *at = hear(fd); (at = strstr(at, " #")); at++)
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s#%lu",
			used ? " " : "", strtoul(at + 2, NULL, 10));
	return list;
}

static void tail_of_nothing_follows_from_now_on(void **state)
{
	int fd = join();

	(void)state;
	happen(1);
	say(fd, "{\"cmd\":\"tail\"}\n");
	assert_string_equal(hear(fd), GW_PROTOCOL_OK "{\"following\":true}}\n");
	assert_int_equal(fixture.asked, 0);
	happen(2);
	assert_string_equal(hear(fd),
		"{\"line\":\"2026-11-21T00:15:30.125+00:00 RED raised boiler/gas-1/ch4 "
		"ch4-high 52.3 %LEL above 50 @ A/-1/锅炉房 #2\"}\n");
	pass(60000); /* no deadline for followers */
	happen(3);
	assert_string_equal(numbers(fd), "#3");
	close(fd);
	spin();
	happen(4);
}

static void tail_json_is_one_event_a_line(void **state)
{
	int fd = join();
	json_t *line, *event;

	(void)state;
	say(fd, "{\"cmd\":\"tail\",\"json\":true}\n");
	hear(fd);
	happen(7);
	line = json_loads(hear(fd), 0, NULL);
	event = json_object_get(line, "event");
	assert_int_equal(json_integer_value(json_object_get(event, "seq")), 7);
	assert_string_equal(json_string_value(json_object_get(event, "alarm")),
		"boiler/gas-1/ch4:ch4-high");
	json_decref(line);
	close(fd);
}

static void history_and_live_join_without_gap_or_duplicate(void **state)
{
	int fd = join();

	(void)state;
	for (uint64_t seq = 1; seq <= 8; seq++)
		happen(seq); /* heard, but the store has committed 6 only */
	fixture.committed = 6;
	say(fd, "{\"cmd\":\"tail\",\"last\":100}\n");
	hear(fd);
	assert_int_equal(fixture.asked, 1);
	assert_int_equal(fixture.asked_last, 100);
	happen(9); /* while the store reads */
	assert_string_equal(numbers(fd), "");
	fixture.history = history(1, 6);
	gw_server_poll_history(control);
	assert_string_equal(numbers(fd), "#1 #2 #3 #4 #5 #6 #7 #8 #9");
	happen(10);
	assert_string_equal(numbers(fd), "#10");
	close(fd);
}

static void history_that_already_has_what_was_heard_live(void **state)
{
	int fd = join();

	(void)state;
	happen(1);
	fixture.committed = 1;
	say(fd, "{\"cmd\":\"tail\",\"last\":100}\n");
	hear(fd);
	happen(2);
	happen(3);
	fixture.history = history(1, 3);
	gw_server_poll_history(control);
	happen(4);
	assert_string_equal(numbers(fd), "#1 #2 #3 #4");
	close(fd);
}

static void the_last_n_are_n_though_some_are_not_committed(void **state)
{
	int fd = join();

	(void)state;
	for (uint64_t seq = 1; seq <= 8; seq++)
		happen(seq);
	fixture.committed = 6;
	say(fd, "{\"cmd\":\"tail\",\"last\":3}\n");
	hear(fd);
	fixture.history = history(4, 6);
	gw_server_poll_history(control);
	assert_string_equal(numbers(fd), "#6 #7 #8");
	close(fd);
}

/* More events than are kept, and the store far behind: the question waits for the commits. */
static void history_waits_for_commits_that_nobody_else_has(void **state)
{
	int fd = join();

	(void)state;
	for (uint64_t seq = 1; seq <= 400; seq++)
		happen(seq);
	fixture.committed = 5;
	say(fd, "{\"cmd\":\"tail\",\"last\":1000}\n");
	hear(fd);
	assert_int_equal(fixture.asked, 0);
	pass(100);
	assert_int_equal(fixture.asked, 0);
	fixture.committed = 400;
	pass(100);
	assert_int_equal(fixture.asked, 1);
	close(fd);
}

static void a_store_that_cannot_answer_is_told_of_and_live_goes_on(void **state)
{
	struct gw_batch *failed = calloc(1, sizeof(*failed));
	int mute = join(), broken;

	(void)state;
	happen(1);
	fixture.committed = 1;
	say(mute, "{\"cmd\":\"tail\",\"last\":10}\n");
	hear(mute);
	pass(5100);
	assert_non_null(strstr(hear(mute), "{\"note\":\"the store did not answer"));
	assert_non_null(strstr(heard, " #1\"}"));
	broken = join();
	say(broken, "{\"cmd\":\"tail\",\"last\":10}\n");
	fixture.history = history(1, 1); /* the first one's, late: nobody's */
	gw_server_poll_history(control);
	failed->failed = true;
	fixture.history = failed;
	gw_server_poll_history(control);
	assert_non_null(strstr(hear(broken), "{\"note\":\"the store cannot be read"));
	happen(2);
	assert_string_equal(numbers(mute), "#2");
	assert_string_equal(numbers(broken), "#2");
	close(mute);
	close(broken);
}

static void one_that_left_before_its_history_came(void **state)
{
	int fd = join();

	(void)state;
	say(fd, "{\"cmd\":\"tail\",\"last\":10}\n");
	close(fd);
	spin();
	fixture.history = history(1, 3);
	gw_server_poll_history(control);
	assert_null(fixture.history);
}

static void history_is_asked_for_one_client_after_the_other(void **state)
{
	int one = join(), two = join();

	(void)state;
	say(one, "{\"cmd\":\"tail\",\"last\":1}\n");
	say(two, "{\"cmd\":\"tail\",\"since_ms\":1795220130000}\n");
	assert_int_equal(fixture.asked, 1);
	fixture.history = history(1, 1);
	gw_server_poll_history(control);
	assert_string_equal(numbers(one), "#1");
	assert_int_equal(fixture.asked, 2);
	assert_int_equal(fixture.asked_last, GW_PROTOCOL_TAIL_MAX);
	assert_true(fixture.asked_since_ms == INT64_C(1795220130000));
	fixture.history = history(1, 2);
	gw_server_poll_history(control);
	assert_string_equal(numbers(two), "#1 #2");
	close(one);
	close(two);
}

static void long_history_comes_whole(void **state)
{
	int fd = join();
	int lines = 0;

	(void)state;
	say(fd, "{\"cmd\":\"tail\",\"last\":10000}\n");
	hear(fd);
	fixture.history = history(1, 10000);
	gw_server_poll_history(control);
	for (const char *at = hear(fd); (at = strstr(at, " #")); at++)
		assert_int_equal(strtoul(at + 2, NULL, 10), ++lines);
	assert_int_equal(lines, 10000);
	close(fd);
}

static void a_deaf_follower_is_cut_and_the_others_hear(void **state)
{
	int deaf = join(), good = join();
	struct gw_server_counts s;
	uint64_t seq = 0;

	(void)state;
	say(deaf, "{\"cmd\":\"tail\"}\n");
	say(good, "{\"cmd\":\"tail\"}\n");
	hear(good);
	do {
		happen(++seq);
		hear(good);
		assert_non_null(strstr(heard, "\"line\""));
		s = *gw_server_counts(control);
	} while (s.followers == 2 && seq < 20000);
	assert_int_equal(s.followers, 1);
	assert_int_equal(s.cut, 1);
	assert_int_equal(fixture.n_said, 1);
	assert_non_null(strstr(fixture.said[0], "follows events and does not read them"));
	close(deaf);
	close(good);
}

static void followers_are_told_when_it_stops(void **state)
{
	int fd = join();

	(void)state;
	say(fd, "{\"cmd\":\"tail\"}\n");
	hear(fd);
	gw_server_close(control);
	control = NULL;
	assert_string_equal(hear(fd), "{\"ok\":false,\"error\":\"tocsind stops\"}\n");
	assert_true(ended(fd));
	close(fd);
}

/* ---- the socket file ---- */

static void the_socket_is_for_the_group(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	gw_server_close(control);
	control = NULL;
	assert_int_equal(stat(path, &st), -1);
}

static void a_live_socket_is_refused_and_a_stale_one_replaced(void **state)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct gw_server *second = NULL;
	struct gw_error err;
	int fd;

	(void)state;
	assert_int_equal(open_control(&second, &err), GW_ERR_REFUSED);
	assert_non_null(strstr(err.text, "another tocsind runs"));
	gw_server_close(control);
	control = NULL;
	/* what a crash leaves */
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	strcpy(at.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	close(fd);
	assert_int_equal(open_control(&control, &err), GW_OK);
	fd = join();
	close(fd);
}

static void something_else_in_its_place_stays(void **state)
{
	struct gw_server *second = NULL;
	struct gw_error err;
	struct stat st;

	(void)state;
	gw_server_close(control);
	control = NULL;
	close(open(path, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(open_control(&second, &err), GW_ERR_REFUSED);
	assert_int_equal(stat(path, &st), 0);
	unlink(path);
}

static void uplink_answers(uint64_t parked, uint64_t owed, bool failed)
{
	platform.answer = (struct gw_resend_result){parked, owed, failed};
	platform.answered = true;
	gw_server_poll_resend(control);
	spin();
}

static void resend_asks_the_uplinks(void **state)
{
	int fd = join(), other = join();

	(void)state;
	say(fd, "{\"cmd\":\"resend\"}\n");
	assert_int_equal(platform.n_asked, 1);
	assert_int_equal(platform.asked.from_seq, 0); /* what is parked */
	assert_string_equal(hear(fd), "");
	say(other, "{\"cmd\":\"resend\"}\n");
	assert_non_null(strstr(hear(other), "under way"));
	gw_server_poll_resend(control); /* not yet */
	assert_string_equal(hear(fd), "");
	uplink_answers(2, 0, false);
	assert_string_equal(hear(fd),
		"{\"ok\":true,\"result\":{\"uplinks\":[{\"name\":\"city\","
		"\"parked\":2,"
		"\"resent\":0}]}}\n");
	say(fd, "{\"cmd\":\"resend\",\"since_seq\":17,\"uplink\":\"city\"}\n");
	assert_int_equal(platform.asked.from_seq, 17);
	assert_int_equal(platform.asked.from_ms, 0);
	uplink_answers(0, 9, false);
	assert_non_null(strstr(hear(fd), "\"resent\":9"));
	say(fd, "{\"cmd\":\"resend\",\"since_ms\":1795220130123}\n");
	assert_int_equal(platform.asked.from_seq, 1);
	assert_true(platform.asked.from_ms == 1795220130123);
	uplink_answers(0, 0, true);
	assert_non_null(strstr(hear(fd), "city: the store cannot be written"));
	close(fd);
	close(other);
}

static void verify_waits_for_the_store(void **state)
{
	static const struct gw_store_verify_result good = {
		.rows = 10, .unchained = 2, .head_seq = 10, .head = "00ff"};
	static const struct gw_store_verify_result bad = {.rows = 4,
		.broken = 4,
		.why = "it is missing",
		.head_seq = 10,
		.head = "00ff"};
	static const struct gw_store_verify_result failed = {
		.failed = true, .why = "the database cannot be read now"};
	int fd = join(), other = join();

	(void)state;
	say(fd, "{\"cmd\":\"verify\"}\n");
	assert_string_equal(hear(fd), "");
	say(other, "{\"cmd\":\"verify\"}\n");
	assert_non_null(strstr(hear(other), "under way"));
	gw_server_poll_verify(control); /* not yet */
	assert_string_equal(hear(fd), "");
	fixture.verified = &good;
	gw_server_poll_verify(control);
	assert_string_equal(hear(fd),
		"{\"ok\":true,\"result\":{\"events\":10,\"unchained\":2,\"broken\":null,"
		"\"why\":\"\",\"head\":{\"seq\":10,\"sha256\":\"00ff\"}}}\n");
	assert_string_equal(hear(other), "");
	say(fd, "{\"cmd\":\"verify\"}\n");
	fixture.verified = &bad;
	gw_server_poll_verify(control);
	assert_non_null(strstr(hear(fd), "\"broken\":4,\"why\":\"it is missing\""));
	say(fd, "{\"cmd\":\"verify\"}\n");
	fixture.verified = &failed;
	gw_server_poll_verify(control);
	assert_non_null(strstr(hear(fd), "\"error\":\"the database cannot be read now\""));
	close(fd);
	close(other);
}

static void resend_refuses_what_makes_no_sense(void **state)
{
	int fd = join();

	(void)state;
	say(fd, "{\"cmd\":\"resend\",\"uplink\":\"town\"}\n");
	assert_non_null(strstr(hear(fd), "no uplink \\\"town\\\" (there is: city)"));
	assert_int_equal(platform.n_asked, 0);
	/* the connection stays; who does not wait for his answer leaves nothing behind */
	say(fd, "{\"cmd\":\"resend\"}\n");
	assert_int_equal(platform.n_asked, 1);
	pass(5001);
	assert_non_null(strstr(hear(fd), "not done within 5 s"));
	say(fd, "{\"cmd\":\"resend\"}\n");
	assert_non_null(strstr(hear(fd), "under way"));
	uplink_answers(1, 0, false);
	say(fd, "{\"cmd\":\"resend\"}\n");
	assert_int_equal(platform.n_asked, 2);
	gw_server_config_changed(
		control); /* another configuration: the uplink may be another one */
	assert_non_null(strstr(hear(fd), "exchanged"));
	platform.answered = true;
	say(fd, "{\"cmd\":\"resend\"}\n");
	assert_int_equal(platform.n_asked, 3); /* the old answer is thrown away */
	uplink_answers(0, 0, false);
	assert_non_null(strstr(hear(fd), "\"ok\":true"));
	say(fd, "{\"cmd\":\"resend\",\"since_ms\":1,\"since_seq\":1}\n");
	assert_non_null(strstr(hear(fd), "give one of them"));
	close(fd);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(status_is_an_object_of_the_promised_shape),
		TEST(points_are_null_until_read_and_while_bad),
		TEST(alarms_come_worst_first),
		TEST(a_long_list_to_a_slow_reader_holds_up_nobody),
		TEST(a_reader_that_stands_still_is_cut),
		TEST(a_reload_ends_a_list_that_is_under_way),
		TEST(what_is_no_request_gets_an_error_and_the_door),
		TEST(a_line_that_is_too_long_gets_an_error_and_the_door),
		TEST(a_slow_line_gets_an_error_and_the_door),
		TEST(debug_logs_each_connection_and_request),
		TEST(beyond_so_many_clients_are_turned_away),
		TEST(followers_leave_room_for_short_requests),
		TEST(many_requests_in_one_write_are_all_answered),
		TEST(a_client_that_has_said_all_still_hears_the_answer),
		TEST(a_command_goes_to_the_engine_and_its_answer_back),
		TEST(a_reply_to_one_that_left_is_dropped),
		TEST(an_alarm_that_cannot_be_told_names_candidates),
		TEST(a_reload_tells_who_waits_for_the_old_engine),
		TEST(an_engine_that_is_mute_is_told_of),
		TEST(one_that_left_before_its_history_came),
		TEST(tail_of_nothing_follows_from_now_on),
		TEST(tail_json_is_one_event_a_line),
		TEST(history_and_live_join_without_gap_or_duplicate),
		TEST(history_that_already_has_what_was_heard_live),
		TEST(the_last_n_are_n_though_some_are_not_committed),
		TEST(history_waits_for_commits_that_nobody_else_has),
		TEST(a_store_that_cannot_answer_is_told_of_and_live_goes_on),
		TEST(history_is_asked_for_one_client_after_the_other),
		TEST(long_history_comes_whole),
		TEST(a_deaf_follower_is_cut_and_the_others_hear),
		TEST(followers_are_told_when_it_stops),
		TEST(the_socket_is_for_the_group),
		TEST(a_live_socket_is_refused_and_a_stale_one_replaced),
		TEST(something_else_in_its_place_stays),
		TEST(resend_asks_the_uplinks),
		TEST(verify_waits_for_the_store),
		TEST(resend_refuses_what_makes_no_sense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

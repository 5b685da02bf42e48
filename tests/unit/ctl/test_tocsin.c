/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program tocsin itself against the real control socket: what it prints and its exit codes.
 * TOCSIN names the program.
 */
#include "control/server.h"

#include "control/protocol.h"

#include "control_fixture.h"
#include "tests/unit/fixture/temp_dir.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct gw_loop loop;
static struct gw_server *control;
static char folder[TEMP_DIR_MAX], path[96];
static char printed[1 << 16], complained[1 << 14];
static struct gw_alarm_command commanded;
static const char *refusal; /* what the engine says to a command, NULL: it is done */
static bool commanded_now, stop_when_followed, follow_now;

static bool take_command(void *arg, const struct gw_alarm_command *command)
{
	(void)arg;
	commanded = *command;
	commanded_now = true;
	return true;
}

static int setup(void **state)
{
	struct gw_server_opts opts = {
		.path = path, .view = &fixture.view, .command = take_command};

	fixture_setup(state);
	refusal = NULL;
	commanded_now = stop_when_followed = follow_now = false;
	if (temp_dir_make(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/control.sock", folder);
	setenv("TOCSIN_SOCKET", path, 1);
	assert_int_equal(gw_loop_init(&loop, NULL), GW_OK);
	assert_int_equal(gw_server_open(&loop, &opts, &control, NULL), GW_OK);
	fixture_trouble();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	gw_server_close(control);
	control = NULL;
	gw_loop_fini(&loop);
	return temp_dir_remove(folder);
}

/* The engine's part, and that of time. */
static void play(void)
{
	struct gw_server_counts s;

	if (control)
		gw_loop_once(&loop, 5 * GW_NS_PER_MS, NULL);
	if (commanded_now) {
		struct gw_alarm_reply reply = {.cookie = commanded.cookie,
			.done = !refusal,
			.state = GW_STATE_ACTIVE_ACKED,
			.why = refusal};

		commanded_now = false;
		gw_server_engine_reply(control, &reply);
	}
	if (!control)
		return;
	s = *gw_server_counts(control);
	if (s.followers && follow_now) {
		struct gw_event e = fixture_event(42);

		follow_now = false;
		gw_server_event(control, &e);
	} else if (s.followers && stop_when_followed) {
		gw_server_close(control);
		control = NULL;
	}
}

static void collect(int fd, char *to, size_t size, size_t *used)
{
	ssize_t n;

	while ((n = read(fd, to + *used, size - 1 - *used)) > 0)
		*used += (size_t)n;
	to[*used] = '\0';
}

/* Exit code of `tocsin ARGUMENTS`. */
static int tocsin(const char *arguments)
{
	size_t n_printed = 0, n_complained = 0;
	char command[1024];
	int out[2], err[2], status = -1;
	pid_t pid;

	assert_int_equal(pipe2(out, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(pipe2(err, O_CLOEXEC | O_NONBLOCK), 0);
	snprintf(command, sizeof(command), "exec \"$TOCSIN\" %s", arguments);
	pid = fork();
	if (pid == 0) {
		dup2(out[1], 1);
		dup2(err[1], 2);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	close(out[1]);
	close(err[1]);
	for (bool ended = false; !ended;) {
		ended = waitpid(pid, &status, WNOHANG) == pid;
		play();
		collect(out[0], printed, sizeof(printed), &n_printed);
		collect(err[0], complained, sizeof(complained), &n_complained);
	}
	close(out[0]);
	close(err[0]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#define assert_begins(text, prefix) \
	assert_int_equal(strncmp(text, prefix, sizeof(prefix) - 1), 0)

static void documents_come_byte_for_byte(void **state)
{
	(void)state;
	assert_int_equal(tocsin("points --json"), 0);
	assert_string_equal(complained, "");
	assert_begins(printed,
		"[{\"point\":\"boiler/gas-1/"
		"ch4\",\"value\":52.3,\"quality\":\"good\",\"unit\":\"%LEL\","
		"\"age_ms\":500,");
	assert_int_equal(tocsin("--json alarms"), 0);
	assert_begins(printed,
		"[{\"alarm\":\"boiler/gas-1/ch4:ch4-high\",\"name\":\"ch4-high\",");
	assert_int_equal(tocsin("status --json"), 0);
	assert_begins(printed, "{\"gateway\":\"tj-1\",");
	assert_string_equal(printed + strlen(printed) - 3, "]}\n");
}

static void people_get_columns_without_colours_in_a_pipe(void **state)
{
	(void)state;
	assert_int_equal(tocsin("alarms"), 0);
	assert_begins(printed, "LEVEL ");
	assert_null(strchr(printed, '\033'));
	assert_int_equal(tocsin("points 'plant/*/*'"), 0);
	assert_non_null(strstr(printed, "plant/heat/t"));
	assert_null(strstr(printed, "boiler"));
	assert_int_equal(tocsin("status"), 0);
	assert_non_null(strstr(printed, "Connection refused (12 tries)"));
}

static void a_command_is_done_or_refused(void **state)
{
	(void)state;
	assert_int_equal(tocsin("ack ch4-high -m '值班 \"Zhang\"'"), 0);
	assert_string_equal(printed, "boiler/gas-1/ch4:ch4-high is now active-acked\n");
	assert_int_equal(commanded.kind, GW_COMMAND_ACK);
	assert_string_equal(commanded.note, "值班 \"Zhang\"");
	assert_int_equal(tocsin("shelve --for 90min confirmed"), 0);
	assert_true(commanded.duration_ns == 5400 * GW_NS_PER_SEC);
	refusal = "it is not latched";
	assert_int_equal(tocsin("reset confirmed"), 1);
	assert_string_equal(complained, "tocsin: it is not latched\n");
	assert_string_equal(printed, "");
	assert_int_equal(tocsin("ack silent"), 1);
	assert_string_equal(complained,
		"tocsin: 2 alarms are named \"silent\": say which one by its key\n"
		"  boiler/gas-1:silent\n  plant/heat:silent\n");
}

static void tail_shows_events_and_says_when_the_daemon_goes(void **state)
{
	(void)state;
	follow_now = stop_when_followed = true;
	assert_int_equal(tocsin("tail -n 0"), 1);
	assert_string_equal(printed,
		"2026-11-21T00:15:30.165+00:00 RED raised boiler/gas-1/ch4 ch4-high 52.3 "
		"%LEL "
		"above 50 @ A/-1/锅炉房 #42\n");
	assert_string_equal(complained, "tocsin: tocsind stops\n");
}

static void tail_json_is_the_event(void **state)
{
	(void)state;
	follow_now = stop_when_followed = true;
	assert_int_equal(tocsin("tail -n 0 --json"), 1);
	assert_begins(printed, "{\"gateway\":\"tj-1\",");
	assert_string_equal(printed + strlen(printed) - 2, "}\n");
}

static void wrong_usage_is_2_and_nobody_there_3(void **state)
{
	static const char *const wrong[] = {"", "stauts", "ack", "ack a b",
		"points --since 2h", "shelve x", "shelve x --for soon", "tail -n x",
		"tail --since never", "--nonsense", "check"};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(tocsin(wrong[i]), 2);
		assert_string_equal(printed, "");
		assert_true(strlen(complained) > 0);
	}
	assert_int_equal(tocsin("--socket /nonexistent status"), 3);
	assert_non_null(strstr(complained, "is it running?"));
	assert_int_equal(tocsin("--help"), 0);
	assert_int_equal(tocsin("--version"), 0);
	assert_begins(printed, "tocsin ");
	assert_int_equal(tocsin("status > /dev/full"), 1);
}

/* A tocsind of the test's own stands beside a copy of the program. */
static void check_asks_the_tocsind_beside_it(void **state)
{
	char script[96], copy[96], command[256];
	FILE *f;

	(void)state;
	snprintf(script, sizeof(script), "%s/tocsind", folder);
	snprintf(copy, sizeof(copy), "%s/tocsin", folder);
	f = fopen(script, "w");
	fputs("#!/bin/sh\n[ \"$*\" = '--check --config x.yaml' ] || exit 9\n"
	      "echo 'x.yaml: read'\necho 'x.yaml:4:1: alarms: no' >&2\nexit 1\n",
		f);
	fclose(f);
	/* what it says of its own accord is not a complaint */
	chmod(script, 0755);
	snprintf(command, sizeof(command), "cp \"$TOCSIN\" %s", copy);
	assert_int_equal(system(command), 0);
	setenv("TOCSIN_BUILT", getenv("TOCSIN"), 1);
	setenv("TOCSIN", copy, 1);
	assert_int_equal(tocsin("check x.yaml"), 1);
	assert_string_equal(complained, "x.yaml:4:1: alarms: no\n");
	assert_int_equal(tocsin("check x.yaml --json"), 1);
	assert_string_equal(printed,
		"{\"file\":\"x.yaml\",\"ok\":false,\"complaints\":[\"x.yaml:4:1: alarms: "
		"no\"]}\n");
	setenv("TOCSIN", getenv("TOCSIN_BUILT"), 1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(documents_come_byte_for_byte),
		TEST(people_get_columns_without_colours_in_a_pipe),
		TEST(a_command_is_done_or_refused),
		TEST(tail_shows_events_and_says_when_the_daemon_goes),
		TEST(tail_json_is_the_event),
		TEST(wrong_usage_is_2_and_nobody_there_3),
		TEST(check_asks_the_tocsind_beside_it),
	};

	if (!getenv("TOCSIN"))
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

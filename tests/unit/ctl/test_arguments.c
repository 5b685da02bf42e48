/* SPDX-License-Identifier: Apache-2.0 */
/* The command line: usage lines, what is refused, and the request that is made of it. */
#include "control/commands.h"
#include "control/protocol.h"
#include "ctl/arguments.h"
#include "ctl/cli_commands.h"
#include "ctl/usage.h"

#include <getopt.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct gw_invocation a;
static char request[GW_PROTOCOL_REQUEST_MAX];
static struct gw_error err;

static int read_line(const char *line)
{
	static char words[256];
	static char *argv[16];
	int argc = 1;
	bool done;

	argv[0] = words;
	snprintf(words, sizeof(words), "tocsin %s", line);
	strtok(words, " ");
	while (argc < 15 && (argv[argc] = strtok(NULL, " ")))
		argc++;
	argv[argc] = NULL;
	a = (struct gw_invocation){.socket = "/s"};
	optind = 0; /* glibc: begin anew */
	return gw_arguments_read(gw_cli_commands, gw_cli_commands_n, argc, argv, &a, &done);
}

static const char *request_of(const char *line)
{
	assert_int_equal(read_line(line), GW_EXIT_DONE);
	assert_int_equal(gw_arguments_request(&a, request, sizeof(request), &err), GW_OK);
	return request;
}

/* One of each form: an optional and a required argument, options with a value and without. */
static void usage_comes_from_the_row(void **state)
{
	static const struct {
		const char *name, *usage;
	} forms[] = {{"status", "status"}, {"points", "points [PATTERN]"},
		{"alarms", "alarms [--all]"}, {"ack", "ack ALARM [-m NOTE]"},
		{"shelve", "shelve ALARM --for T [-m NOTE]"},
		{"resend", "resend [--since SEQ|T] [--uplink NAME]"},
		{"replay", "replay --config NEW.yaml [--against OLD.yaml] FILE..."}};
	size_t found = 0;
	char usage[128];
	struct gw_text t;

	(void)state;
	for (size_t i = 0; i < gw_cli_commands_n; i++)
		for (size_t k = 0; k < sizeof(forms) / sizeof(forms[0]); k++) {
			if (strcmp(gw_cli_commands[i].name, forms[k].name) != 0)
				continue;
			gw_text_init(&t, usage, sizeof(usage));
			gw_usage_line(&gw_cli_commands[i], &t);
			assert_string_equal(usage, forms[k].usage);
			found++;
		}
	assert_int_equal(found, sizeof(forms) / sizeof(forms[0]));
}

static void every_command_can_be_run(void **state)
{
	(void)state;
	for (size_t i = 0; i < gw_cli_commands_n; i++) {
		const struct gw_cli_command *c = &gw_cli_commands[i];

		assert_true(c->run || c->print);
		assert_true(strlen(c->help) > 0);
	}
	for (size_t i = 0; i < gw_control_commands_n; i++)
		assert_true(gw_control_commands[i].handle || gw_cli_commands[i].run);
}

static void arguments_become_keys(void **state)
{
	(void)state;
	assert_string_equal(request_of("status"), "{\"cmd\":\"status\"}");
	assert_string_equal(
		request_of("points p/*"), "{\"cmd\":\"points\",\"pattern\":\"p/*\"}");
	assert_string_equal(request_of("points"), "{\"cmd\":\"points\"}");
	assert_string_equal(request_of("alarms -a"), "{\"cmd\":\"alarms\",\"all\":true}");
	assert_string_equal(
		request_of("--all alarms"), "{\"cmd\":\"alarms\",\"all\":true}");
	assert_string_equal(request_of("ack x -m hello"),
		"{\"cmd\":\"ack\",\"alarm\":\"x\",\"note\":\"hello\"}");
	assert_string_equal(request_of("shelve x --for 30min"),
		"{\"cmd\":\"shelve\",\"alarm\":\"x\",\"for\":\"30min\"}");
	assert_string_equal(request_of("resend --since #4711 --uplink city"),
		"{\"cmd\":\"resend\",\"since_seq\":4711,\"uplink\":\"city\"}");
	assert_string_equal(request_of("resend --since 2026-11-21T08:15:30+08:00"),
		"{\"cmd\":\"resend\",\"since_ms\":1795220130000}");
	assert_string_equal(
		request_of("reload --force"), "{\"cmd\":\"reload\",\"force\":true}");
	assert_string_equal(request_of("record f --for 1h --max-mb 2"),
		"{\"cmd\":\"record\",\"max_bytes\":2097152}");
}

static void tail_begins_with_ten_unless_told_otherwise(void **state)
{
	(void)state;
	assert_string_equal(request_of("tail"), "{\"cmd\":\"tail\",\"last\":10}");
	assert_string_equal(request_of("tail -n 3 --json"),
		"{\"cmd\":\"tail\",\"last\":3,\"json\":true}");
	assert_string_equal(request_of("tail --since 2026-11-21T08:15:30+08:00"),
		"{\"cmd\":\"tail\",\"since_ms\":1795220130000}");
}

static void wrong_usage_is_refused(void **state)
{
	static const char *const lines[] = {"nonsense", "status x", "ack", "ack a b",
		"shelve x", "alarms --force", "replay f", "replay --config c", "tail 7",
		""};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_int_equal(read_line(lines[i]), GW_EXIT_USAGE);
}

static void wrong_values_are_refused(void **state)
{
	static const struct {
		const char *line, *why;
	} rows[] = {
		{"tail -n many", "-n: "},
		{"tail --since 4711", "--since: "}, /* a seq is for resend */
		{"record f --for long", "--for: "},
		{"record f --max-mb 0", "--max-mb: "},
		{"shelve x --for long", "--for: "},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(read_line(rows[i].line), GW_EXIT_DONE);
		assert_true(gw_arguments_request(&a, request, sizeof(request), &err));
		assert_int_equal(strncmp(err.text, rows[i].why, strlen(rows[i].why)), 0);
	}
}

static void a_request_that_is_too_long_is_refused(void **state)
{
	(void)state;
	assert_int_equal(read_line("ack some-alarm"), GW_EXIT_DONE);
	assert_int_equal(gw_arguments_request(&a, request, 20, &err), GW_ERR_CONFIG);
	assert_string_equal(err.text, "that is too long");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(usage_comes_from_the_row),
		cmocka_unit_test(every_command_can_be_run),
		cmocka_unit_test(arguments_become_keys),
		cmocka_unit_test(tail_begins_with_ten_unless_told_otherwise),
		cmocka_unit_test(wrong_usage_is_refused),
		cmocka_unit_test(wrong_values_are_refused),
		cmocka_unit_test(a_request_that_is_too_long_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

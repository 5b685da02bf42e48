/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/commands.h"

#include "base/clock.h"
#include "base/parse.h"
#include "base/text.h"
#include "control/protocol.h"
#include "ctl/check.h"
#include "ctl/connection.h"
#include "ctl/print.h"
#include "ctl/record.h"
#include "ctl/replay.h"
#include "term/time_arg.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_MS     10000
#define VERIFY_MS     660000 /* longer than the daemon lets anybody wait */
#define TAIL_LAST     "10"
#define RECORD_MAX_MB 1048576

/* ---- the conversation ---- */

static int fail(const char *what)
{
	fflush(stdout);
	fprintf(stderr, "tocsin: %s\n", what);
	return GW_EXIT_REFUSED;
}

int gw_commands_flush(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return GW_EXIT_DONE;
	return fail("cannot write to standard output");
}

static int connect_and_send(
	struct gw_connection *c, const struct gw_invocation *a, const char *request)
{
	struct gw_error err;

	if (gw_connection_open(c, a->socket, &err)) {
		fail(err.text);
		return GW_EXIT_UNREACHABLE;
	}
	if (gw_connection_send(c, request, &err) == GW_OK)
		return GW_EXIT_DONE;
	gw_connection_close(c);
	return fail(err.text);
}

static int print_refusal(const json_t *answer)
{
	const char *why = json_string_value(json_object_get(answer, "error"));
	const json_t *candidates = json_object_get(answer, "candidates");
	json_t *key;
	size_t i;

	fail(why ? why : "tocsind gave an answer that is none");
	json_array_foreach(candidates, i, key)
		fprintf(stderr, "  %s\n", json_string_value(key));
	return GW_EXIT_REFUSED;
}

/* Byte for byte as the daemon wrote it: no number changes on the way. */
static void print_result(char *line)
{
	size_t n = strlen(line), head = sizeof(GW_PROTOCOL_OK) - 1;

	if (n > head && strncmp(line, GW_PROTOCOL_OK, head) == 0 && line[n - 1] == '}')
		printf("%.*s\n", (int)(n - head - 1), line + head);
}

/* Ask, and show the result with show, or raw with --json. judge: what exit a result that was shown
 * has, NULL: done. */
static int send_request_within(const struct gw_invocation *a, const char *request,
	int answer_ms, void (*print)(const struct gw_invocation *a, const json_t *result),
	int (*exit_of)(const json_t *result))
{
	struct gw_connection c;
	struct gw_error err;
	json_t *answer, *result;
	char *line;
	int code = connect_and_send(&c, a, request);

	if (code != GW_EXIT_DONE)
		return code;
	if (gw_connection_read_line(&c, answer_ms, &line, &err)) {
		gw_connection_close(&c);
		return fail(err.text);
	}
	answer = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	result = json_object_get(answer, "result");
	if (!result) {
		code = print_refusal(answer);
	} else {
		if (a->json)
			print_result(line);
		else
			print(a, result);
		code = gw_commands_flush();
		if (code == GW_EXIT_DONE && exit_of)
			code = exit_of(result);
	}
	json_decref(answer);
	gw_connection_close(&c);
	return code;
}

static int send_request(const struct gw_invocation *a, const char *request,
	void (*print)(const struct gw_invocation *a, const json_t *result))
{
	return send_request_within(a, request, ANSWER_MS, print, NULL);
}

/* ---- requests ---- */

static void begin_request(struct gw_text *t, char *memory, size_t size, const char *cmd)
{
	gw_text_init(t, memory, size);
	gw_json_open(t, NULL, '{');
	gw_json_string(t, "cmd", cmd);
}

static bool end_request(struct gw_text *t)
{
	gw_json_close(t, '}');
	if (t->cut)
		fail("that is too long");
	return !t->cut;
}

/* For what goes on after its answer. options may refuse what it is asked with. */
static int open_request(struct gw_connection *c, const struct gw_invocation *a,
	const char *cmd,
	bool (*options)(
		const struct gw_invocation *a, struct gw_text *t, struct gw_error *err))
{
	char memory[GW_PROTOCOL_REQUEST_MAX];
	struct gw_error err;
	struct gw_text t;

	begin_request(&t, memory, sizeof(memory), cmd);
	if (!options(a, &t, &err)) {
		fail(err.text);
		return GW_EXIT_USAGE;
	}
	return end_request(&t) ? connect_and_send(c, a, memory) : GW_EXIT_USAGE;
}

/* --for, if it is given; false when it is not a duration, which has then been said. */
static bool read_for(const struct gw_invocation *a, int64_t *ret_for_ns)
{
	struct gw_error err;

	if (!a->duration || !gw_parse_duration(a->duration, ret_for_ns, &err))
		return true;
	gw_error_wrap(&err, "--for");
	fail(err.text);
	return false;
}

static void print_status(const struct gw_invocation *a, const json_t *result)
{
	gw_print_status(stdout, result, a->colour);
}

static int status(const struct gw_invocation *a)
{
	return send_request(a, "{\"cmd\":\"status\"}", print_status);
}

static void print_points(const struct gw_invocation *a, const json_t *result)
{
	gw_print_points(stdout, result, a->colour, a->argument);
}

static int points(const struct gw_invocation *a)
{
	char memory[GW_PROTOCOL_REQUEST_MAX];
	struct gw_text t;

	begin_request(&t, memory, sizeof(memory), "points");
	if (a->argument)
		gw_json_string(&t, "pattern", a->argument);
	return end_request(&t) ? send_request(a, memory, print_points) : GW_EXIT_USAGE;
}

static void print_alarms(const struct gw_invocation *a, const json_t *result)
{
	gw_print_alarms(stdout, result, a->colour, a->all);
}

static int alarms(const struct gw_invocation *a)
{
	return send_request(a,
		a->all ? "{\"cmd\":\"alarms\",\"all\":true}" : "{\"cmd\":\"alarms\"}",
		print_alarms);
}

static void print_changed(const struct gw_invocation *a, const json_t *result)
{
	gw_print_changed(stdout, result, a->colour);
}

/* ack, reset, shelve, unshelve */
static int change(const struct gw_invocation *a)
{
	char memory[GW_PROTOCOL_REQUEST_MAX];
	struct gw_text t;
	int64_t for_ns;

	if (!read_for(a, &for_ns))
		return GW_EXIT_USAGE;
	begin_request(&t, memory, sizeof(memory), a->command->name);
	gw_json_string(&t, "alarm", a->argument);
	if (a->duration)
		gw_json_string(&t, "for", a->duration);
	if (a->note)
		gw_json_string(&t, "note", a->note);
	return end_request(&t) ? send_request(a, memory, print_changed) : GW_EXIT_USAGE;
}

static int check(const struct gw_invocation *a)
{
	return gw_check_file(a->argument, a->json);
}

static void print_reloaded(const struct gw_invocation *a, const json_t *result)
{
	(void)a;
	printf("reloaded: %lld sources, %lld alarms, %lld uplinks\n",
		(long long)json_integer_value(json_object_get(result, "sources")),
		(long long)json_integer_value(json_object_get(result, "alarms")),
		(long long)json_integer_value(json_object_get(result, "uplinks")));
}

static int reload(const struct gw_invocation *a)
{
	return send_request(a,
		a->force ? "{\"cmd\":\"reload\",\"force\":true}" : "{\"cmd\":\"reload\"}",
		print_reloaded);
}

/* ---- resend ---- */

static void print_resent(const struct gw_invocation *a, const json_t *result)
{
	(void)a;
	gw_print_resent(stdout, result);
}

/* --since: a seq, as the alert log shows it after #, or a time. */
static bool add_since(
	const struct gw_invocation *a, struct gw_text *t, struct gw_error *err)
{
	const char *text = a->since[0] == '#' ? a->since + 1 : a->since;
	int64_t value;
	bool seq = *text && text[strspn(text, "0123456789")] == '\0';

	if (seq ? gw_parse_int(text, 1, INT64_MAX / 2, &value, err)
		: gw_time_arg_parse(text, gw_clock_wall_ms(), &value, err)) {
		gw_error_wrap(err, "--since");
		return false;
	}
	gw_json_int(t, seq ? "since_seq" : "since_ms", value);
	return true;
}

static int resend(const struct gw_invocation *a)
{
	char memory[GW_PROTOCOL_REQUEST_MAX];
	struct gw_error err;
	struct gw_text t;

	begin_request(&t, memory, sizeof(memory), "resend");
	if (a->since && !add_since(a, &t, &err)) {
		fail(err.text);
		return GW_EXIT_USAGE;
	}
	if (a->uplink)
		gw_json_string(&t, "uplink", a->uplink);
	return end_request(&t) ? send_request(a, memory, print_resent) : GW_EXIT_USAGE;
}

/* ---- verify ---- */

static void print_verified(const struct gw_invocation *a, const json_t *result)
{
	(void)a;
	gw_print_verified(stdout, result);
}

static int exit_of_verified(const json_t *result)
{
	return json_is_integer(json_object_get(result, "broken")) ? GW_EXIT_REFUSED
								  : GW_EXIT_DONE;
}

static int verify(const struct gw_invocation *a)
{
	char memory[64];
	struct gw_text t;

	begin_request(&t, memory, sizeof(memory), "verify");
	if (!end_request(&t))
		return GW_EXIT_USAGE;
	return send_request_within(a, memory, VERIFY_MS, print_verified, exit_of_verified);
}

/* ---- record ---- */

static bool record_request(
	const struct gw_invocation *a, struct gw_text *t, struct gw_error *err)
{
	int64_t mb;

	if (a->max_mb) {
		if (gw_parse_int(a->max_mb, 1, RECORD_MAX_MB, &mb, err)) {
			gw_error_wrap(err, "--max-mb");
			return false;
		}
		gw_json_int(t, "max_bytes", mb << 20);
	}
	return true;
}

static int record_into(
	const struct gw_invocation *a, struct gw_connection *c, int64_t for_ns)
{
	struct gw_error err;
	uint64_t bytes = 0;
	int code = GW_EXIT_DONE, fd;

	fd = open(a->argument, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (fd < 0) {
		gw_fail(&err, GW_ERR_SYSTEM, errno, "%s: %s", a->argument,
			gw_errno_text(errno));
		return fail(err.text);
	}
	fprintf(stderr, "tocsin: recording into %s; Ctrl-C ends it\n", a->argument);
	if (gw_record_write(c, fd, for_ns, &bytes, &err))
		code = fail(err.text);
	if (close(fd) != 0 && code == GW_EXIT_DONE)
		code = fail("cannot write the file");
	fprintf(stderr, "tocsin: %s: %llu bytes\n", a->argument, (unsigned long long)bytes);
	return code;
}

static int record(const struct gw_invocation *a)
{
	struct gw_connection c;
	struct gw_error err;
	int64_t for_ns = 0;
	json_t *answer;
	char *line;
	int code;

	if (!read_for(a, &for_ns))
		return GW_EXIT_USAGE;
	code = open_request(&c, a, "record", record_request);
	if (code != GW_EXIT_DONE)
		return code;
	if (gw_connection_read_line(&c, ANSWER_MS, &line, &err)) {
		gw_connection_close(&c);
		return fail(err.text);
	}
	answer = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	if (json_object_get(answer, "result"))
		code = record_into(a, &c, for_ns);
	else
		code = print_refusal(answer);
	json_decref(answer);
	gw_connection_close(&c);
	return code;
}

static int replay(const struct gw_invocation *a)
{
	return gw_replay_files(
		a->config, a->against, a->json, a->arguments, a->n_arguments);
}

/* ---- tail ---- */

/* True to go on. */
static bool tail_line(const struct gw_invocation *a, char *line, int *ret_code)
{
	size_t n = strlen(line), head = sizeof(GW_PROTOCOL_EVENT) - 1;
	json_t *o;

	if (n > head && strncmp(line, GW_PROTOCOL_EVENT, head) == 0) {
		printf("%.*s\n", (int)(n - head - 1), line + head);
		return true;
	}
	o = json_loads(line, 0, NULL);
	if (json_object_get(o, "line"))
		gw_print_line(
			stdout, json_string_value(json_object_get(o, "line")), a->colour);
	else if (json_object_get(o, "note"))
		fprintf(stderr, "tocsin: %s\n",
			json_string_value(json_object_get(o, "note")));
	else if (!json_is_true(json_object_get(o, "ok")))
		*ret_code = print_refusal(o);
	json_decref(o);
	return *ret_code == GW_EXIT_DONE;
}

static bool tail_request(
	const struct gw_invocation *a, struct gw_text *t, struct gw_error *err)
{
	const char *last = a->last ? a->last : a->since ? NULL : TAIL_LAST;
	int64_t n, since_ms;

	if (last) {
		if (gw_parse_int(last, 0, GW_PROTOCOL_TAIL_MAX, &n, err)) {
			gw_error_wrap(err, "-n");
			return false;
		}
		gw_json_int(t, "last", n);
	}
	if (a->since) {
		if (gw_time_arg_parse(a->since, gw_clock_wall_ms(), &since_ms, err)) {
			gw_error_wrap(err, "--since");
			return false;
		}
		gw_json_int(t, "since_ms", since_ms);
	}
	if (a->json)
		gw_json_bool(t, "json", true);
	return true;
}

static int tail(const struct gw_invocation *a)
{
	struct gw_connection c;
	struct gw_error err;
	char *line;
	int code;

	code = open_request(&c, a, "tail", tail_request);
	if (code != GW_EXIT_DONE)
		return code;
	/* The first answer within the usual time; events when they come. */
	for (int timeout_ms = ANSWER_MS; code == GW_EXIT_DONE; timeout_ms = -1) {
		if (gw_connection_read_line(&c, timeout_ms, &line, &err))
			code = fail(err.text);
		else if (tail_line(a, line, &code))
			code = gw_commands_flush();
	}
	gw_connection_close(&c);
	return code;
}

/* ---- all of them ---- */

const struct gw_cli_command gw_commands[] = {
	{"status", NULL, "", "status",
		"the gateway: sources, uplinks, queue depth, oldest unsent, clock, "
		"counters",
		status},
	{"points", "[PATTERN]", "", "points [PATTERN]",
		"last value, quality and age of each point", points},
	{"alarms", NULL, "a", "alarms [--all]",
		"standing alarms (or all configured), worst first", alarms},
	{"tail", NULL, "ns", "tail [-n N] [--since T]",
		"the alert log, live; T is a duration ago (2h) or a time (RFC 3339)", tail},
	{"ack", "ALARM", "m", "ack ALARM [-m NOTE]", "acknowledge: somebody knows of it",
		change},
	{"reset", "ALARM", "", "reset ALARM", "let go of a latched alarm that has returned",
		change},
	{"shelve", "ALARM", "fm", "shelve ALARM --for T [-m NOTE]",
		"put an alarm aside for a time (30min, 8h, 7d)", change},
	{"unshelve", "ALARM", "", "unshelve ALARM", "take it back before its time", change},
	{"resend", NULL, "su", "resend [--since SEQ|T] [--uplink NAME]",
		"offer parked events to the platform again, or all since then", resend},
	{"verify", NULL, "", "verify",
		"check the journal's chain of hashes: is it as written?", verify},
	{"reload", NULL, "F", "reload [--force]",
		"read the configuration anew; --force: even if it takes away what matters",
		reload},
	{"check", "FILE", "", "check FILE", "check a configuration, as tocsind --check",
		check},
	{"record", "FILE", "fM", "record FILE [--for T] [--max-mb N]",
		"the live samples into a file, until Ctrl-C", record},
	{"replay", "FILE...", "cA", "replay --config NEW.yaml [--against OLD.yaml] FILE...",
		"what a configuration would have raised over recorded samples", replay},
};

const size_t gw_commands_n = sizeof(gw_commands) / sizeof(gw_commands[0]);

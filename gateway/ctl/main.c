/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/parse.h"
#include "base/text.h"
#include "ctl/check.h"
#include "ctl/client.h"
#include "ctl/protocol.h"
#include "ctl/record.h"
#include "ctl/replay.h"
#include "ctl/show.h"
#include "ctl/when.h"
#include "gw_build.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_MS     10000
#define TAIL_LAST     "10"
#define RECORD_MAX_MB 1048576
#define HELP_COLUMN   32

enum exit_code { DONE = 0, REFUSED = 1, USAGE = 2, UNREACHABLE = 3 };

/* What the command line said. */
struct asked {
	const struct command *command;
	const char *socket;
	bool json, all, help;
	const char *last, *since, *note, *duration, *argument;
	const char *config, *against, *max_mb;
	char *const *arguments; /* all of them; the first is argument */
	int n_arguments;
	bool colour;
};

struct command {
	const char *name, *argument; /* "[X]": may be left out; "X...": some; NULL: none */
	const char *options;         /* letters of its own */
	const char *usage, *summary;
	int (*run)(const struct asked *a);
};

/* ---- the conversation ---- */

static int fail(const char *what)
{
	fflush(stdout);
	fprintf(stderr, "tocsin: %s\n", what);
	return REFUSED;
}

/* stdout may be a full disk or a closed pipe: then nothing was shown. */
static int shown(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return DONE;
	return fail("cannot write to standard output");
}

static int connect_and_ask(struct gw_client *c, const struct asked *a, const char *request)
{
	struct gw_error err;

	if (gw_client_open(c, a->socket, &err)) {
		fail(err.text);
		return UNREACHABLE;
	}
	if (gw_client_ask(c, request, &err) == GW_OK)
		return DONE;
	gw_client_close(c);
	return fail(err.text);
}

static int say_refusal(const json_t *answer)
{
	const char *why = json_string_value(json_object_get(answer, "error"));
	const json_t *candidates = json_object_get(answer, "candidates");
	json_t *key;
	size_t i;

	fail(why ? why : "tocsind gave an answer that is none");
	json_array_foreach(candidates, i, key)
		fprintf(stderr, "  %s\n", json_string_value(key));
	return REFUSED;
}

/* Byte for byte as the daemon wrote it: no number changes on the way. */
static void print_result(char *line)
{
	size_t n = strlen(line), head = sizeof(GW_PROTOCOL_OK) - 1;

	if (n > head && strncmp(line, GW_PROTOCOL_OK, head) == 0 && line[n - 1] == '}')
		printf("%.*s\n", (int)(n - head - 1), line + head);
}

/* Ask, and show the result with show, or raw with --json. */
static int converse(const struct asked *a, const char *request,
	void (*show)(const struct asked *a, const json_t *result))
{
	struct gw_client c;
	struct gw_error err;
	json_t *answer, *result;
	char *line;
	int code = connect_and_ask(&c, a, request);

	if (code != DONE)
		return code;
	if (gw_client_line(&c, ANSWER_MS, &line, &err)) {
		gw_client_close(&c);
		return fail(err.text);
	}
	answer = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	result = json_object_get(answer, "result");
	if (!result) {
		code = say_refusal(answer);
	} else {
		if (a->json)
			print_result(line);
		else
			show(a, result);
		code = shown();
	}
	json_decref(answer);
	gw_client_close(&c);
	return code;
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
static int open_request(struct gw_client *c, const struct asked *a, const char *cmd,
	bool (*options)(const struct asked *a, struct gw_text *t, struct gw_error *err))
{
	char memory[GW_PROTOCOL_REQUEST_MAX];
	struct gw_error err;
	struct gw_text t;

	begin_request(&t, memory, sizeof(memory), cmd);
	if (!options(a, &t, &err)) {
		fail(err.text);
		return USAGE;
	}
	return end_request(&t) ? connect_and_ask(c, a, memory) : USAGE;
}

/* --for, if it is given; false when it is not a duration, which has then been said. */
static bool read_for(const struct asked *a, int64_t *ret_for_ns)
{
	struct gw_error err;

	if (!a->duration || !gw_parse_duration(a->duration, ret_for_ns, &err))
		return true;
	gw_error_wrap(&err, "--for");
	fail(err.text);
	return false;
}

static void show_status(const struct asked *a, const json_t *result)
{
	gw_show_status(stdout, result, a->colour);
}

static int status(const struct asked *a)
{
	return converse(a, "{\"cmd\":\"status\"}", show_status);
}

static void show_points(const struct asked *a, const json_t *result)
{
	gw_show_points(stdout, result, a->colour, a->argument);
}

static int points(const struct asked *a)
{
	char memory[GW_PROTOCOL_REQUEST_MAX];
	struct gw_text t;

	begin_request(&t, memory, sizeof(memory), "points");
	if (a->argument)
		gw_json_string(&t, "pattern", a->argument);
	return end_request(&t) ? converse(a, memory, show_points) : USAGE;
}

static void show_alarms(const struct asked *a, const json_t *result)
{
	gw_show_alarms(stdout, result, a->colour, a->all);
}

static int alarms(const struct asked *a)
{
	return converse(a,
		a->all ? "{\"cmd\":\"alarms\",\"all\":true}" : "{\"cmd\":\"alarms\"}",
		show_alarms);
}

static void show_changed(const struct asked *a, const json_t *result)
{
	gw_show_changed(stdout, result, a->colour);
}

/* ack, reset, shelve, unshelve */
static int change(const struct asked *a)
{
	char memory[GW_PROTOCOL_REQUEST_MAX];
	struct gw_text t;
	int64_t for_ns;

	if (!read_for(a, &for_ns))
		return USAGE;
	begin_request(&t, memory, sizeof(memory), a->command->name);
	gw_json_string(&t, "alarm", a->argument);
	if (a->duration)
		gw_json_string(&t, "for", a->duration);
	if (a->note)
		gw_json_string(&t, "note", a->note);
	return end_request(&t) ? converse(a, memory, show_changed) : USAGE;
}

static int check(const struct asked *a)
{
	return gw_check_file(a->argument, a->json);
}

/* ---- record ---- */

static bool record_request(const struct asked *a, struct gw_text *t, struct gw_error *err)
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

static int record_into(const struct asked *a, struct gw_client *c, int64_t for_ns)
{
	struct gw_error err;
	uint64_t bytes = 0;
	int code = DONE, fd;

	fd = open(a->argument, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (fd < 0) {
		gw_fail(&err, GW_ERR_SYSTEM, errno, "%s: %s", a->argument,
			gw_errno_text(errno));
		return fail(err.text);
	}
	fprintf(stderr, "tocsin: recording into %s; Ctrl-C ends it\n", a->argument);
	if (gw_record_write(c, fd, for_ns, &bytes, &err))
		code = fail(err.text);
	if (close(fd) != 0 && code == DONE)
		code = fail("cannot write the file");
	fprintf(stderr, "tocsin: %s: %llu bytes\n", a->argument, (unsigned long long)bytes);
	return code;
}

static int record(const struct asked *a)
{
	struct gw_client c;
	struct gw_error err;
	int64_t for_ns = 0;
	json_t *answer;
	char *line;
	int code;

	if (!read_for(a, &for_ns))
		return USAGE;
	code = open_request(&c, a, "record", record_request);
	if (code != DONE)
		return code;
	if (gw_client_line(&c, ANSWER_MS, &line, &err)) {
		gw_client_close(&c);
		return fail(err.text);
	}
	answer = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	if (json_object_get(answer, "result"))
		code = record_into(a, &c, for_ns);
	else
		code = say_refusal(answer);
	json_decref(answer);
	gw_client_close(&c);
	return code;
}

static int replay(const struct asked *a)
{
	return gw_replay_files(
		a->config, a->against, a->json, a->arguments, a->n_arguments);
}

/* ---- tail ---- */

/* True to go on. */
static bool tail_line(const struct asked *a, char *line, int *ret_code)
{
	size_t n = strlen(line), head = sizeof(GW_PROTOCOL_EVENT) - 1;
	json_t *o;

	if (n > head && strncmp(line, GW_PROTOCOL_EVENT, head) == 0) {
		printf("%.*s\n", (int)(n - head - 1), line + head);
		return true;
	}
	o = json_loads(line, 0, NULL);
	if (json_object_get(o, "line"))
		gw_show_line(
			stdout, json_string_value(json_object_get(o, "line")), a->colour);
	else if (json_object_get(o, "note"))
		fprintf(stderr, "tocsin: %s\n",
			json_string_value(json_object_get(o, "note")));
	else if (!json_is_true(json_object_get(o, "ok")))
		*ret_code = say_refusal(o);
	json_decref(o);
	return *ret_code == DONE;
}

static bool tail_request(const struct asked *a, struct gw_text *t, struct gw_error *err)
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
		if (gw_when_parse(a->since, gw_clock_wall_ms(), &since_ms, err)) {
			gw_error_wrap(err, "--since");
			return false;
		}
		gw_json_int(t, "since_ms", since_ms);
	}
	if (a->json)
		gw_json_bool(t, "json", true);
	return true;
}

static int tail(const struct asked *a)
{
	struct gw_client c;
	struct gw_error err;
	char *line;
	int code;

	code = open_request(&c, a, "tail", tail_request);
	if (code != DONE)
		return code;
	/* The first answer within the usual time; events when they come. */
	for (int timeout_ms = ANSWER_MS; code == DONE; timeout_ms = -1) {
		if (gw_client_line(&c, timeout_ms, &line, &err))
			code = fail(err.text);
		else if (tail_line(a, line, &code))
			code = shown();
	}
	gw_client_close(&c);
	return code;
}

/* ---- the command line ---- */

static const struct command commands[] = {
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
	{"check", "FILE", "", "check FILE", "check a configuration, as tocsind --check",
		check},
	{"record", "FILE", "fM", "record FILE [--for T] [--max-mb N]",
		"the live samples into a file, until Ctrl-C", record},
	{"replay", "FILE...", "cA", "replay --config NEW.yaml [--against OLD.yaml] FILE...",
		"what a configuration would have raised over recorded samples", replay},
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static const struct option options[] = {
	{"socket", required_argument, NULL, 'S'},
	{"json", no_argument, NULL, 'j'},
	{"all", no_argument, NULL, 'a'},
	{"lines", required_argument, NULL, 'n'},
	{"since", required_argument, NULL, 's'},
	{"note", required_argument, NULL, 'm'},
	{"for", required_argument, NULL, 'f'},
	{"max-mb", required_argument, NULL, 'M'},
	{"config", required_argument, NULL, 'c'},
	{"against", required_argument, NULL, 'A'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{0},
};

static void print_help(FILE *out)
{
	fputs("usage: tocsin [--socket PATH] COMMAND [--json]\n\n", out);
	for (size_t i = 0; i < N_COMMANDS; i++) {
		bool wide = strlen(commands[i].usage) >= HELP_COLUMN;

		fprintf(out, "  %-*s%s", HELP_COLUMN, commands[i].usage, wide ? "\n" : "");
		fprintf(out, "%*s%s\n", wide ? 2 + HELP_COLUMN : 0, "",
			commands[i].summary);
	}
	fputs("\nALARM is an alarm's key (tocsin alarms --all), or its name where only one "
	      "has it.\n"
	      "  --socket PATH  the control socket (" GW_PROTOCOL_SOCKET
	      ", or $TOCSIN_SOCKET)\n"
	      "  --json         one JSON document; for tail and replay one event a line\n"
	      "  --help, --version\n"
	      "exit: 0 done, 1 refused or tocsind went away (check, replay: a bad file), 2 "
	      "wrong "
	      "usage,\n      3 cannot reach tocsind\n",
		out);
}

static const char *long_name(int letter)
{
	for (size_t i = 0; options[i].name; i++)
		if (options[i].val == letter)
			return options[i].name;
	return "?";
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static const char *nearest_command(const char *name)
{
	const char *best = NULL;
	unsigned least = 3;

	for (size_t i = 0; i < N_COMMANDS; i++) {
		unsigned d = gw_parse_distance(name, commands[i].name);

		if (d < least) {
			least = d;
			best = commands[i].name;
		}
	}
	return best;
}

static int unknown_command(const char *name)
{
	const char *near = nearest_command(name);

	fprintf(stderr, "tocsin: no command \"%s\"", name);
	if (near)
		fprintf(stderr, ": did you mean %s?\n", near);
	else
		fputs("\ntry: tocsin --help\n", stderr);
	return USAGE;
}

/* Options of commands are remembered in given, to be refused where they mean nothing. */
static int read_options(int argc, char **argv, struct asked *a, char *given, size_t room)
{
	size_t n = 0;
	int letter;

	while ((letter = getopt_long(argc, argv, "hac:n:s:m:V", options, NULL)) != -1) {
		switch (letter) {
		case 'S': a->socket = optarg; continue;
		case 'j': a->json = true; continue;
		case 'h': a->help = true; continue;
		case 'V': puts("tocsin " GW_VERSION); exit(shown());
		case 'a': a->all = true; break;
		case 'n': a->last = optarg; break;
		case 's': a->since = optarg; break;
		case 'm': a->note = optarg; break;
		case 'f': a->duration = optarg; break;
		case 'M': a->max_mb = optarg; break;
		case 'c': a->config = optarg; break;
		case 'A': a->against = optarg; break;
		default: fputs("try: tocsin --help\n", stderr); return USAGE;
		}
		if (n + 1 < room)
			given[n++] = (char)letter;
	}
	given[n] = '\0';
	return DONE;
}

static int check_usage(struct asked *a, int argc, char **argv, const char *given)
{
	const struct command *c = a->command;
	int left = argc - optind;
	bool many = c->argument && strchr(c->argument, '.');

	for (; *given; given++)
		if (!strchr(c->options, *given)) {
			fprintf(stderr, "tocsin %s: takes no --%s\nusage: tocsin %s\n",
				c->name, long_name(*given), c->usage);
			return USAGE;
		}
	if ((c->argument && c->argument[0] != '[' && left < 1) ||
		(left > (c->argument ? 1 : 0) && !many) ||
		(strcmp(c->name, "replay") == 0 && !a->config) ||
		(strcmp(c->name, "shelve") == 0 && !a->duration)) {
		fprintf(stderr, "usage: tocsin %s\n", c->usage);
		return USAGE;
	}
	a->argument = left ? argv[optind] : NULL;
	a->arguments = argv + optind;
	a->n_arguments = left;
	return DONE;
}

int main(int argc, char **argv)
{
	const char *socket = getenv("TOCSIN_SOCKET"), *no_colour = getenv("NO_COLOR");
	struct asked a = {.socket = socket && *socket ? socket : GW_PROTOCOL_SOCKET};
	char given[64];
	int code = read_options(argc, argv, &a, given, sizeof(given));

	if (code != DONE)
		return code;
	if (a.help || (optind < argc && strcmp(argv[optind], "help") == 0)) {
		print_help(stdout);
		return shown();
	}
	if (optind == argc) {
		print_help(stderr);
		return USAGE;
	}
	a.command = find_command(argv[optind]);
	if (!a.command)
		return unknown_command(argv[optind]);
	optind++;
	code = check_usage(&a, argc, argv, given);
	if (code != DONE)
		return code;
	a.colour = isatty(STDOUT_FILENO) && !(no_colour && *no_colour) && !a.json;
	return a.command->run(&a);
}

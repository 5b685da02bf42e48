/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/arguments.h"

#include "base/clock.h"
#include "base/parse.h"
#include "control/protocol.h"
#include "ctl/message.h"
#include "ctl/usage.h"
#include "gw_build.h"
#include "term/time_arg.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#define RECORD_MAX_MB 1048576
#define TAIL_LAST     "10"
/* Values of getopt_long for options without a letter. */
#define LONG_ONLY 256

/* ---- reading the command line ---- */

/* Options that every command takes. */
static const struct option common[] = {
	{"socket", required_argument, NULL, 'S'},
	{"json", no_argument, NULL, 'j'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
};

#define N_COMMON (sizeof(common) / sizeof(common[0]))

struct given {
	enum gw_option_id ids[64];
	size_t n;
};

static int code_of(enum gw_option_id id)
{
	char letter = gw_usage_options[id].letter;

	return letter ? letter : LONG_ONLY + (int)id;
}

static enum gw_option_id option_of(int code)
{
	for (int id = GW_OPTION_NONE + 1; id < GW_OPTIONS; id++)
		if (code_of((enum gw_option_id)id) == code)
			return (enum gw_option_id)id;
	return GW_OPTION_NONE;
}

/* The tables of getopt_long. */
static void make_tables(struct option *options, char *letters)
{
	size_t n = 0;

	for (; n < N_COMMON; n++)
		options[n] = common[n];
	for (int id = GW_OPTION_NONE + 1; id < GW_OPTIONS; id++) {
		const struct gw_option *o = &gw_usage_options[id];

		options[n++] = (struct option){o->name,
			o->value ? required_argument : no_argument, NULL,
			code_of((enum gw_option_id)id)};
		if (!o->letter)
			continue;
		*letters++ = o->letter;
		if (o->value)
			*letters++ = ':';
	}
	options[n] = (struct option){0};
	strcpy(letters, "hV");
}

static int read_options(int argc, char **argv, struct gw_invocation *inv,
	struct given *given, bool *ret_done)
{
	struct option options[N_COMMON + GW_OPTIONS + 1];
	char letters[2 * GW_OPTIONS + 4];
	int code;

	make_tables(options, letters);
	while ((code = getopt_long(argc, argv, letters, options, NULL)) != -1) {
		enum gw_option_id id = option_of(code);

		if (id) {
			inv->value[id] = optarg ? optarg : "";
			if (given->n < sizeof(given->ids) / sizeof(given->ids[0]))
				given->ids[given->n++] = id;
			continue;
		}
		switch (code) {
		case 'S': inv->socket = optarg; break;
		case 'j': inv->json = true; break;
		case 'h': inv->help = true; break;
		case 'V':
			puts("tocsin " GW_VERSION);
			*ret_done = true;
			return gw_message_flush();
		default:
			fputs("try: tocsin --help\n", stderr);
			*ret_done = true;
			return GW_EXIT_USAGE;
		}
	}
	return GW_EXIT_DONE;
}

static int print_usage(const struct gw_cli_command *c)
{
	char usage[128];
	struct gw_text t;

	gw_text_init(&t, usage, sizeof(usage));
	gw_usage_line(c, &t);
	fprintf(stderr, "usage: tocsin %s\n", usage);
	return GW_EXIT_USAGE;
}

static bool takes(const struct gw_cli_command *c, enum gw_option_id id)
{
	for (size_t i = 0; i < c->n_arguments; i++)
		if (c->arguments[i].option == id)
			return true;
	return false;
}

static int check_usage(const struct gw_invocation *inv, const struct given *given)
{
	const struct gw_cli_command *c = inv->command;
	int min_arguments = 0, max_arguments = 0;

	for (size_t i = 0; i < given->n; i++)
		if (!takes(c, given->ids[i])) {
			fprintf(stderr, "tocsin %s: takes no --%s\n", c->name,
				gw_usage_options[given->ids[i]].name);
			return print_usage(c);
		}
	for (size_t i = 0; i < c->n_arguments; i++) {
		const struct gw_command_argument *arg = &c->arguments[i];

		if (arg->option) {
			if (arg->required && !inv->value[arg->option])
				return print_usage(c);
			continue;
		}
		min_arguments += arg->required;
		max_arguments = arg->repeated ? inv->n_arguments : max_arguments + 1;
	}
	if (inv->n_arguments < min_arguments || inv->n_arguments > max_arguments)
		return print_usage(c);
	return GW_EXIT_DONE;
}

static const struct gw_cli_command *find_command(
	const struct gw_cli_command *commands, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static const char *nearest_command(
	const struct gw_cli_command *commands, size_t n, const char *name)
{
	const char *best = NULL;
	unsigned min_distance = 3;

	for (size_t i = 0; i < n; i++) {
		unsigned d = gw_parse_distance(name, commands[i].name);

		if (d < min_distance) {
			min_distance = d;
			best = commands[i].name;
		}
	}
	return best;
}

static int unknown_command(
	const struct gw_cli_command *commands, size_t n, const char *name)
{
	const char *near = nearest_command(commands, n, name);

	fprintf(stderr, "tocsin: no command \"%s\"", name);
	if (near)
		fprintf(stderr, ": did you mean %s?\n", near);
	else
		fputs("\ntry: tocsin --help\n", stderr);
	return GW_EXIT_USAGE;
}

int gw_arguments_read(const struct gw_cli_command *commands, size_t n, int argc,
	char **argv, struct gw_invocation *ret, bool *ret_done)
{
	struct given given = {.n = 0};
	int code;

	*ret_done = false;
	code = read_options(argc, argv, ret, &given, ret_done);
	if (*ret_done)
		return code;
	*ret_done = true;
	if (ret->help || (optind < argc && strcmp(argv[optind], "help") == 0)) {
		gw_usage_help(commands, n, stdout);
		return gw_message_flush();
	}
	if (optind == argc) {
		gw_usage_help(commands, n, stderr);
		return GW_EXIT_USAGE;
	}
	ret->command = find_command(commands, n, argv[optind]);
	if (!ret->command)
		return unknown_command(commands, n, argv[optind]);
	ret->arguments = argv + optind + 1;
	ret->n_arguments = argc - optind - 1;
	code = check_usage(ret, &given);
	*ret_done = code != GW_EXIT_DONE;
	return code;
}

/* ---- the request ---- */

static enum gw_err add_lines(struct gw_text *t, const char *value, struct gw_error *err)
{
	int64_t n;

	if (gw_parse_int(value, 0, GW_PROTOCOL_TAIL_MAX, &n, err))
		return gw_error_wrap(err, "-n");
	gw_json_int(t, "last", n);
	return GW_OK;
}

/* A time; for resend also a seq, as the alert log shows it after #. */
static enum gw_err add_since(
	const struct gw_invocation *inv, struct gw_text *t, struct gw_error *err)
{
	const char *value = inv->value[GW_OPTION_SINCE];
	const char *number = value[0] == '#' ? value + 1 : value;
	bool seq = takes(inv->command, GW_OPTION_UPLINK) && *number &&
		number[strspn(number, "0123456789")] == '\0';
	int64_t n;

	if (seq ? gw_parse_int(number, 1, INT64_MAX / 2, &n, err)
		: gw_time_arg_parse(value, gw_clock_wall_ms(), &n, err))
		return gw_error_wrap(err, "--since");
	gw_json_int(t, seq ? "since_seq" : "since_ms", n);
	return GW_OK;
}

static enum gw_err add_max_mb(struct gw_text *t, const char *value, struct gw_error *err)
{
	int64_t mb;

	if (gw_parse_int(value, 1, RECORD_MAX_MB, &mb, err))
		return gw_error_wrap(err, "--max-mb");
	gw_json_int(t, "max_bytes", mb << 20);
	return GW_OK;
}

enum gw_err gw_arguments_duration(
	const struct gw_invocation *inv, int64_t *ret_ns, struct gw_error *err)
{
	const char *value = inv->value[GW_OPTION_FOR];

	*ret_ns = 0;
	if (value && gw_parse_duration(value, ret_ns, err))
		return gw_error_wrap(err, "--for");
	return GW_OK;
}

static enum gw_err add_option(const struct gw_invocation *inv, enum gw_option_id id,
	struct gw_text *t, struct gw_error *err)
{
	const char *value = inv->value[id];
	int64_t for_ns;

	switch (id) {
	case GW_OPTION_ALL:
	case GW_OPTION_FORCE: gw_json_bool(t, gw_usage_options[id].name, true); break;
	case GW_OPTION_LINES: return add_lines(t, value, err);
	case GW_OPTION_SINCE: return add_since(inv, t, err);
	case GW_OPTION_MAX_MB: return add_max_mb(t, value, err);
	case GW_OPTION_NOTE:
	case GW_OPTION_UPLINK: gw_json_string(t, gw_usage_options[id].name, value); break;
	case GW_OPTION_FOR:
		if (gw_arguments_duration(inv, &for_ns, err))
			return GW_ERR_CONFIG;
		if (!inv->command->run) /* shelve; record ends by itself */
			gw_json_string(t, "for", value);
		break;
	case GW_OPTION_NONE:
	case GW_OPTION_CONFIG:
	case GW_OPTION_AGAINST:
	case GW_OPTIONS: break;
	}
	return GW_OK;
}

/* tail: ten transitions unless a number or a time was given; JSON is made by the daemon. */
static void add_tail_defaults(const struct gw_invocation *inv, struct gw_text *t)
{
	if (!takes(inv->command, GW_OPTION_LINES))
		return;
	if (!inv->value[GW_OPTION_LINES] && !inv->value[GW_OPTION_SINCE])
		add_lines(t, TAIL_LAST, NULL);
	if (inv->json)
		gw_json_bool(t, "json", true);
}

enum gw_err gw_arguments_request(const struct gw_invocation *inv, char *ret_request,
	size_t size, struct gw_error *err)
{
	struct gw_text t;

	gw_text_init(&t, ret_request, size);
	gw_json_open(&t, NULL, '{');
	gw_json_string(&t, "cmd", inv->command->name);
	for (size_t i = 0; i < inv->command->n_arguments; i++) {
		const struct gw_command_argument *arg = &inv->command->arguments[i];

		if (arg->key && inv->n_arguments > 0)
			gw_json_string(&t, arg->key, inv->arguments[0]);
		else if (inv->value[arg->option] && add_option(inv, arg->option, &t, err))
			return GW_ERR_CONFIG;
	}
	add_tail_defaults(inv, &t);
	gw_json_close(&t, '}');
	if (t.cut)
		return gw_fail(err, GW_ERR_CONFIG, 0, "that is too long");
	return GW_OK;
}

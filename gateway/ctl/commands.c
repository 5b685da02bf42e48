/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/commands.h"

#include "base/parse.h"
#include "control/protocol.h"
#include "ctl/arguments.h"
#include "ctl/print_lists.h"
#include "ctl/print_status.h"
#include "ctl/run.h"

#include <string.h>

#define HELP_COLUMN 32
#define USAGE_MAX   128

/* The number of elements of a list of initializers. */
#define LENGTH(...) \
	(sizeof((struct gw_command_argument[]){__VA_ARGS__}) / \
		sizeof(struct gw_command_argument))

#define COMMAND(id, ...)  {.name = #id, __VA_ARGS__},
#define HELP(text, brief) .help = (text),
#define ARGUMENTS(...)    .arguments = {__VA_ARGS__}, .n_arguments = LENGTH(__VA_ARGS__),
#define PRINT(function)   .print = (function),
#define RUN(function)     .run = (function),
#define KEYS(may, must)
#define HANDLER(function)
#define LOGGED_AS(text)
#define SUBSCRIBES
#define LOCAL
#define MANUAL(...)

const struct gw_cli_command gw_cli_commands[] = {
#include "control/commands.def"
};

const size_t gw_cli_commands_n = sizeof(gw_cli_commands) / sizeof(gw_cli_commands[0]);

const struct gw_cli_command *gw_commands_find(const char *name)
{
	for (size_t i = 0; i < gw_cli_commands_n; i++)
		if (strcmp(gw_cli_commands[i].name, name) == 0)
			return &gw_cli_commands[i];
	return NULL;
}

const char *gw_commands_nearest(const char *name)
{
	const char *best = NULL;
	unsigned least = 3;

	for (size_t i = 0; i < gw_cli_commands_n; i++) {
		unsigned d = gw_parse_distance(name, gw_cli_commands[i].name);

		if (d < least) {
			least = d;
			best = gw_cli_commands[i].name;
		}
	}
	return best;
}

void gw_commands_usage(const struct gw_cli_command *c, struct gw_text *t)
{
	gw_text_add(t, c->name);
	for (size_t i = 0; i < c->n_arguments; i++) {
		const struct gw_command_argument *a = &c->arguments[i];
		const struct gw_option *o = &gw_arguments_options[a->option];
		const char *value = a->value ? a->value : o->value;

		gw_text_add(t, a->required ? " " : " [");
		if (o->short_usage)
			gw_text_addf(t, "-%c", o->letter);
		else if (o->name)
			gw_text_addf(t, "--%s", o->name);
		if (value)
			gw_text_addf(t, "%s%s%s", o->name ? " " : "", value,
				a->repeated ? "..." : "");
		gw_text_add(t, a->required ? "" : "]");
	}
}

void gw_commands_help(FILE *out)
{
	fputs("usage: tocsin [--socket PATH] COMMAND [--json]\n\n", out);
	for (size_t i = 0; i < gw_cli_commands_n; i++) {
		char usage[USAGE_MAX];
		struct gw_text t;
		bool wide;

		gw_text_init(&t, usage, sizeof(usage));
		gw_commands_usage(&gw_cli_commands[i], &t);
		wide = strlen(usage) >= HELP_COLUMN;
		fprintf(out, "  %-*s%s", HELP_COLUMN, usage, wide ? "\n" : "");
		fprintf(out, "%*s%s\n", wide ? 2 + HELP_COLUMN : 0, "",
			gw_cli_commands[i].help);
	}
	fputs("\nALARM is an alarm's key (tocsin alarms --all), or its name where only one has it.\n"
	      "  --socket PATH  the control socket (" GW_PROTOCOL_SOCKET
	      ", or $TOCSIN_SOCKET)\n"
	      "  --json         one JSON document; for tail and replay one event a line\n"
	      "  --help, --version\n"
	      "exit: 0 done, 1 refused or tocsind went away (check, replay: a bad file), 2 "
	      "wrong usage,\n"
	      "      3 cannot reach tocsind\n",
		out);
}

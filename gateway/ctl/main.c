/* SPDX-License-Identifier: Apache-2.0 */
#include "base/parse.h"
#include "control/protocol.h"
#include "ctl/commands.h"
#include "gw_build.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HELP_COLUMN 32

static const struct option options[] = {
	{"socket", required_argument, NULL, 'S'},
	{"json", no_argument, NULL, 'j'},
	{"all", no_argument, NULL, 'a'},
	{"force", no_argument, NULL, 'F'},
	{"lines", required_argument, NULL, 'n'},
	{"since", required_argument, NULL, 's'},
	{"note", required_argument, NULL, 'm'},
	{"for", required_argument, NULL, 'f'},
	{"max-mb", required_argument, NULL, 'M'},
	{"config", required_argument, NULL, 'c'},
	{"against", required_argument, NULL, 'A'},
	{"uplink", required_argument, NULL, 'u'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{0},
};

static void print_help(FILE *out)
{
	fputs("usage: tocsin [--socket PATH] COMMAND [--json]\n\n", out);
	for (size_t i = 0; i < gw_commands_n; i++) {
		bool wide = strlen(gw_commands[i].usage) >= HELP_COLUMN;

		fprintf(out, "  %-*s%s", HELP_COLUMN, gw_commands[i].usage,
			wide ? "\n" : "");
		fprintf(out, "%*s%s\n", wide ? 2 + HELP_COLUMN : 0, "",
			gw_commands[i].summary);
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

static const struct gw_cli_command *find_command(const char *name)
{
	for (size_t i = 0; i < gw_commands_n; i++)
		if (strcmp(gw_commands[i].name, name) == 0)
			return &gw_commands[i];
	return NULL;
}

static const char *nearest_command(const char *name)
{
	const char *best = NULL;
	unsigned least = 3;

	for (size_t i = 0; i < gw_commands_n; i++) {
		unsigned d = gw_parse_distance(name, gw_commands[i].name);

		if (d < least) {
			least = d;
			best = gw_commands[i].name;
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
	return GW_EXIT_USAGE;
}

/* Options of commands are remembered in given, to be refused where they mean nothing. */
static int read_options(
	int argc, char **argv, struct gw_invocation *a, char *given, size_t room)
{
	size_t n = 0;
	int letter;

	while ((letter = getopt_long(argc, argv, "hac:n:s:m:V", options, NULL)) != -1) {
		switch (letter) {
		case 'S': a->socket = optarg; continue;
		case 'j': a->json = true; continue;
		case 'h': a->help = true; continue;
		case 'V': puts("tocsin " GW_VERSION); exit(gw_commands_flush());
		case 'a': a->all = true; break;
		case 'F': a->force = true; break;
		case 'n': a->last = optarg; break;
		case 's': a->since = optarg; break;
		case 'm': a->note = optarg; break;
		case 'f': a->duration = optarg; break;
		case 'M': a->max_mb = optarg; break;
		case 'c': a->config = optarg; break;
		case 'A': a->against = optarg; break;
		case 'u': a->uplink = optarg; break;
		default: fputs("try: tocsin --help\n", stderr); return GW_EXIT_USAGE;
		}
		if (n + 1 < room)
			given[n++] = (char)letter;
	}
	given[n] = '\0';
	return GW_EXIT_DONE;
}

static int check_usage(struct gw_invocation *a, int argc, char **argv, const char *given)
{
	const struct gw_cli_command *c = a->command;
	int left = argc - optind;
	bool many = c->argument && strchr(c->argument, '.');

	for (; *given; given++)
		if (!strchr(c->options, *given)) {
			fprintf(stderr, "tocsin %s: takes no --%s\nusage: tocsin %s\n",
				c->name, long_name(*given), c->usage);
			return GW_EXIT_USAGE;
		}
	if ((c->argument && c->argument[0] != '[' && left < 1) ||
		(left > (c->argument ? 1 : 0) && !many) ||
		(strcmp(c->name, "replay") == 0 && !a->config) ||
		(strcmp(c->name, "shelve") == 0 && !a->duration)) {
		fprintf(stderr, "usage: tocsin %s\n", c->usage);
		return GW_EXIT_USAGE;
	}
	a->argument = left ? argv[optind] : NULL;
	a->arguments = argv + optind;
	a->n_arguments = left;
	return GW_EXIT_DONE;
}

int main(int argc, char **argv)
{
	const char *socket = getenv("TOCSIN_SOCKET"), *no_colour = getenv("NO_COLOR");
	struct gw_invocation a = {
		.socket = socket && *socket ? socket : GW_PROTOCOL_SOCKET};
	char given[64];
	int code = read_options(argc, argv, &a, given, sizeof(given));

	if (code != GW_EXIT_DONE)
		return code;
	if (a.help || (optind < argc && strcmp(argv[optind], "help") == 0)) {
		print_help(stdout);
		return gw_commands_flush();
	}
	if (optind == argc) {
		print_help(stderr);
		return GW_EXIT_USAGE;
	}
	a.command = find_command(argv[optind]);
	if (!a.command)
		return unknown_command(argv[optind]);
	optind++;
	code = check_usage(&a, argc, argv, given);
	if (code != GW_EXIT_DONE)
		return code;
	a.colour = isatty(STDOUT_FILENO) && !(no_colour && *no_colour) && !a.json;
	return a.command->run(&a);
}

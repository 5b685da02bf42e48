/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commands.h: tocsin's part of the rows of control/commands.def, their usage lines and --help.
 *
 * Thread: the only one.
 */
#ifndef GW_CTL_COMMANDS_H
#define GW_CTL_COMMANDS_H

#include "base/text.h"
#include "control/commands.h"
#include "ctl/print.h"

enum gw_exit {
	GW_EXIT_DONE = 0,
	GW_EXIT_REFUSED = 1,
	GW_EXIT_USAGE = 2,
	GW_EXIT_UNREACHABLE = 3
};

struct gw_cli_command;

/* What the command line said. */
struct gw_invocation {
	const struct gw_cli_command *command;
	const char *socket;
	bool json, help, colour;
	const char *value[GW_OPTIONS]; /* NULL: not given; a flag: "" */
	char *const *arguments;        /* those without a name */
	int n_arguments;
};

struct gw_cli_command {
	const char *name, *help;
	struct gw_command_argument arguments[GW_COMMAND_ARGUMENTS];
	size_t n_arguments;
	/* run, if it is there, does everything and returns an enum gw_exit. */
	void (*print)(FILE *out, const json_t *result, const struct gw_print_opts *opts);
	int (*run)(const struct gw_invocation *a);
};

extern const struct gw_cli_command gw_cli_commands[];
extern const size_t gw_cli_commands_n;

const struct gw_cli_command *gw_commands_find(const char *name); /* NULL: there is none */
/* The most similar name; NULL: none is similar. */
const char *gw_commands_nearest(const char *name);
/* "shelve ALARM --for T [-m NOTE]" */
void gw_commands_usage(const struct gw_cli_command *c, struct gw_text *t);
void gw_commands_help(FILE *out);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * invocation.h: a command of tocsin (a row of control/commands.def) and what the command
 * line said.
 *
 * Thread: the only one.
 */
#ifndef GW_CTL_INVOCATION_H
#define GW_CTL_INVOCATION_H

#include "control/command_row.h"
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

#endif

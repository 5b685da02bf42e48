/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commands.h: the commands of tocsin: what each may be given, what it asks the daemon and how its
 * answer is shown. main.c reads the command line into struct gw_asked.
 *
 * Thread: the only one.
 */
#ifndef GW_CTL_COMMANDS_H
#define GW_CTL_COMMANDS_H

#include <stdbool.h>
#include <stddef.h>

enum gw_exit {
	GW_EXIT_DONE = 0,
	GW_EXIT_REFUSED = 1,
	GW_EXIT_USAGE = 2,
	GW_EXIT_UNREACHABLE = 3
};

/* What the command line said. */
struct gw_invocation {
	const struct gw_cli_command *command;
	const char *socket;
	bool json, all, force, help;
	const char *last, *since, *note, *duration, *argument;
	const char *config, *against, *max_mb, *uplink;
	char *const *arguments; /* all of them; the first is argument */
	int n_arguments;
	bool colour;
};

struct gw_cli_command {
	const char *name, *argument; /* "[X]": may be left out; "X...": some; NULL: none */
	const char *options;         /* letters of its own */
	const char *usage, *summary;
	int (*run)(const struct gw_invocation *a); /* an enum gw_exit; it has said why */
};

extern const struct gw_cli_command gw_commands[];
extern const size_t gw_commands_n;

/* The end of what was written to stdout, which may be a full disk or a closed pipe: then nothing
 * was shown, and it says so. An enum gw_exit. */
int gw_commands_flush(void);

#endif

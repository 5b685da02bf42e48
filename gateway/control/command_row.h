/* SPDX-License-Identifier: Apache-2.0 */
/*
 * command_row.h: what a row of commands.def has: the commands of tocsin(1) and of the
 * control socket.
 *
 * commands.def is included by the daemon (control/commands.c: keys and handler), by tocsin
 * (ctl/cli_commands.c: arguments, help and printer) and by the program that writes the man page
 * and the completions (man/commands_doc.c: the texts). Each defines the macros for the
 * parts of a row that it needs; the others expand to nothing.
 *
 * Thread: any; constant.
 */
#ifndef GW_CONTROL_COMMAND_ROW_H
#define GW_CONTROL_COMMAND_ROW_H

#include <stdbool.h>
#include <stddef.h>

/* Options of tocsin's commands; GW_OPTION_NONE is an argument without a name. */
enum gw_option_id {
	GW_OPTION_NONE,
#define OPTION(id, ...) GW_OPTION_##id,
#include "control/commands.def"
	GW_OPTIONS
};

struct gw_option {
	const char *name;                       /* without "--" */
	char letter;                            /* 0: there is no short form */
	bool short_usage;                       /* usage shows the short form */
	const char *value;                      /* in usage; NULL: a flag */
	const char *manual_value, *manual_note; /* mdoc(7) */
	const char *hint;                       /* in zsh */
	const char *words; /* that complete the value; NULL: none, "FILE": file names */
};

/* An argument of one command; texts that are NULL are those of the option. */
struct gw_command_argument {
	enum gw_option_id option;
	bool required;
	bool repeated; /* one or more */
	const char *value, *manual_value, *hint, *words;
	/* without a name: the key of the request; what the completion asks tocsin for, or
	 * "FILE" */
	const char *key, *completion;
};

#define GW_COMMAND_ARGUMENTS 4
/* How many arguments a list of initializers has. */
#define GW_COMMAND_COUNT(...) \
	(sizeof((struct gw_command_argument[]){__VA_ARGS__}) / \
		sizeof(struct gw_command_argument))

/* Keys of a request, see control/protocol.h. */
enum gw_request_key {
	GW_KEY_ALL = 1 << 0,
	GW_KEY_JSON = 1 << 1,
	GW_KEY_LAST = 1 << 2,
	GW_KEY_SINCE_MS = 1 << 3,
	GW_KEY_FOR = 1 << 4,
	GW_KEY_PATTERN = 1 << 5,
	GW_KEY_ALARM = 1 << 6,
	GW_KEY_NOTE = 1 << 7,
	GW_KEY_MAX_BYTES = 1 << 8,
	GW_KEY_SINCE_SEQ = 1 << 9,
	GW_KEY_UPLINK = 1 << 10,
	GW_KEY_FORCE = 1 << 11,
};

struct gw_client;

/* What the daemon has of a row. */
struct gw_control_command {
	const char *name;
	unsigned keys, required_keys; /* of enum gw_request_key */
	bool subscribes;              /* counts against GW_PROTOCOL_STAY */
	const char *log_name;         /* in the daemon's log; NULL: it is not logged */
	void (*handle)(struct gw_client *c); /* handlers.h */
};

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request_parser.h: parses a request (control/protocol.h) by the row of its command
 * (commands.def).
 *
 * Thread: any. Pure.
 */
#ifndef GW_CONTROL_REQUEST_PARSER_H
#define GW_CONTROL_REQUEST_PARSER_H

#include "base/error.h"
#include "control/command_row.h"
#include "flow/event.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GW_REQUEST_KEY_MAX 1024

struct gw_control_request {
	const struct gw_control_command *command;
	bool all;                         /* alarms */
	bool force;                       /* reload */
	bool json;                        /* tail */
	uint32_t last;                    /* tail: transitions from history */
	int64_t since_ms;                 /* tail, resend: wall time, 0: no bound */
	int64_t since_seq;                /* resend: 0: not given */
	int64_t max_bytes;                /* record: 0: not given */
	int64_t for_ns;                   /* shelve: > 0 */
	char pattern[GW_REQUEST_KEY_MAX]; /* points: "" for all */
	char uplink[256];                 /* resend: its name, "" for all */
	char alarm[GW_REQUEST_KEY_MAX];   /* key or name as typed */
	char note[GW_NOTE_MAX];           /* as gw_text_add_sanitized writes it */
};

/* n bytes without the newline. GW_ERR_PROTOCOL: not one JSON object; an unknown or missing
 * cmd; keys that are unknown, duplicate, missing or of the wrong type; values out of
 * range. */
enum gw_err gw_control_request_parse(const struct gw_control_command *commands,
	size_t n_commands, const char *line, size_t n,
	struct gw_control_request *ret_request, struct gw_error *err);

#endif

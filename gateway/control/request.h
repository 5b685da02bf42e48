/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request.h: one line of the control socket -> struct gw_request. Pure; see control/protocol.h for
 * the lines.
 *
 * Thread: any.
 */
#ifndef GW_CONTROL_REQUEST_H
#define GW_CONTROL_REQUEST_H

#include "base/error.h"
#include "flow/event.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum gw_request_kind {
	GW_REQUEST_STATUS,
	GW_REQUEST_POINTS,
	GW_REQUEST_ALARMS,
	GW_REQUEST_TAIL,
	GW_REQUEST_ACK,
	GW_REQUEST_RESET,
	GW_REQUEST_SHELVE,
	GW_REQUEST_UNSHELVE,
	GW_REQUEST_RECORD,
	GW_REQUEST_RESEND,
	GW_REQUEST_RELOAD,
	GW_REQUEST_VERIFY,
};

#define GW_REQUEST_KEY_MAX 1024

struct gw_request {
	enum gw_request_kind kind;
	bool all;                         /* alarms */
	bool force;                       /* reload */
	bool json;                        /* tail */
	uint32_t last;                    /* tail: transitions of history, 0: none */
	int64_t since_ms;                 /* tail, resend: wall time, 0: no bound */
	int64_t since_seq;                /* resend: 0: not said */
	int64_t max_bytes;                /* record: 0: not said */
	int64_t for_ns;                   /* shelve: > 0 */
	char pattern[GW_REQUEST_KEY_MAX]; /* points: "" for all */
	char uplink[256];                 /* resend: its name, "" for all */
	char alarm[GW_REQUEST_KEY_MAX];   /* key or name as the person wrote it */
	char note[GW_NOTE_MAX];           /* as gw_text_add_line writes it */
};

/* n bytes without the newline. Refuses, as GW_ERR_PROTOCOL: what is not one JSON object, an
 * unknown or missing cmd, unknown, duplicate, missing and ill-typed keys, values out of range. */
enum gw_err gw_request_parse(
	const char *line, size_t n, struct gw_request *ret_request, struct gw_error *err);

#endif

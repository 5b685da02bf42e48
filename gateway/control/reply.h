/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reply.h: what a client of the control socket is told: whole lines, one behind the other, until
 * they are written. See control/protocol.h for the lines.
 *
 * Owner: the caller (client.h). Thread: main. Life: zeroed, (begin, error, state, line, send)...
 */
#ifndef GW_CONTROL_REPLY_H
#define GW_CONTROL_REPLY_H

#include "base/error.h"
#include "base/text.h"
#include "control/lookup.h"
#include "control/status.h"

struct gw_reply_buffer {
	size_t at, used; /* bytes written; bytes there are */
	char bytes[2 * GW_STATUS_ITEM_MAX];
};

/* A text behind what is still to be written, for who makes a line piece by piece and adds what it
 * used by himself. */
void gw_reply_begin(struct gw_reply_buffer *a, struct gw_text *ret_text);

/* Each a whole line. False if there is no room for it: nothing was added. candidates: NULL, or
 * what was meant perhaps. */
bool gw_reply_error(struct gw_reply_buffer *a, const char *why,
	const struct gw_lookup_candidates *candidates);
bool gw_reply_state(struct gw_reply_buffer *a, const char *alarm_key, uint32_t state);
bool gw_reply_line(struct gw_reply_buffer *a, const char *json);

/* Write what fd, a socket, takes without waiting. GW_OK: all of it, and there is room again;
 * GW_ERR_TIMEOUT: fd takes no more for now; GW_ERR_LINK: nobody is left. *ret_moved becomes true
 * if it took something. */
enum gw_err gw_reply_send(struct gw_reply_buffer *a, int fd, bool *ret_progress);

#endif

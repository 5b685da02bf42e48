/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answers.h: what a client of the control socket is told: whole lines, one behind the other, until
 * they are written. See ctl/protocol.h for the lines.
 *
 * Owner: the caller (caller.h). Thread: main. Life: zeroed, (begin, error, state, line, send)...
 */
#ifndef GW_APP_ANSWERS_H
#define GW_APP_ANSWERS_H

#include "app/lookup.h"
#include "app/status.h"
#include "base/error.h"
#include "base/text.h"

struct gw_answers {
	size_t at, used; /* bytes written; bytes there are */
	char bytes[2 * GW_STATUS_PIECE];
};

/* A text behind what is still to be written, for who makes a line piece by piece and adds what it
 * used by himself. */
void gw_answers_begin(struct gw_answers *a, struct gw_text *ret_text);

/* Each a whole line. False if there is no room for it: nothing was added. candidates: NULL, or
 * what was meant perhaps. */
bool gw_answers_error(
	struct gw_answers *a, const char *why, const struct gw_lookup *candidates);
bool gw_answers_state(struct gw_answers *a, const char *alarm_key, uint32_t state);
bool gw_answers_line(struct gw_answers *a, const char *json);

/* Write what fd, a socket, takes without waiting. GW_OK: all of it, and there is room again;
 * GW_ERR_TIMEOUT: fd takes no more for now; GW_ERR_LINK: nobody is left. *ret_moved becomes true
 * if it took something. */
enum gw_err gw_answers_send(struct gw_answers *a, int fd, bool *ret_moved);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reply.h: the output buffer of a client: whole lines (control/protocol.h) in order.
 *
 * Owner: the client. Thread: main. Life: zeroed, (begin, error, state, line, send)..., fini.
 */
#ifndef GW_CONTROL_REPLY_H
#define GW_CONTROL_REPLY_H

#include "base/error.h"
#include "base/text.h"
#include "control/lookup.h"
#include "control/status.h"

struct gw_reply_buffer {
	size_t at, used; /* bytes sent; bytes in the buffer */
	int attached_fd; /* sent with the next bytes, then closed; 0: none */
	char bytes[2 * GW_STATUS_ITEM_MAX];
};

/* The free rest of the buffer as a text. The caller adds what it wrote to used. */
void gw_reply_begin(struct gw_reply_buffer *r, struct gw_text *ret_text);

/* Add one line. False: it does not fit, nothing was added. candidates: suggestions, may be
 * NULL. */
bool gw_reply_error(struct gw_reply_buffer *r, const char *why,
	const struct gw_lookup_candidates *candidates);
bool gw_reply_state(struct gw_reply_buffer *r, const char *alarm_key, uint32_t state);
bool gw_reply_line(struct gw_reply_buffer *r, const char *json);

/* Sends without blocking. GW_OK: everything, the buffer is empty; GW_ERR_TIMEOUT: the
 * socket is full; GW_ERR_LINK: the peer is gone. *ret_progress becomes true if some bytes
 * were sent. */
enum gw_err gw_reply_send(struct gw_reply_buffer *r, int fd, bool *ret_progress);
/* Closes a descriptor that was not sent. */
void gw_reply_fini(struct gw_reply_buffer *r);

#endif

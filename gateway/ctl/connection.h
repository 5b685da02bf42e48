/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connection.h: the client's end of the control socket.
 *
 * Owner: the caller. Thread: one. Life: open, ask, line..., close.
 */
#ifndef GW_CTL_CONNECTION_H
#define GW_CTL_CONNECTION_H

#include "base/error.h"

#include <stddef.h>

struct gw_connection {
	int fd;
	char *bytes; /* read and not yet taken */
	size_t n, capacity, consumed;
};

/* GW_ERR_LINK: err says what to do about it. */
enum gw_err gw_connection_open(
	struct gw_connection *c, const char *path, struct gw_error *err);
void gw_connection_close(
	struct gw_connection *c); /* a zeroed one that never opened is fine */

/* Send one request, a line without its newline. */
enum gw_err gw_connection_send(
	struct gw_connection *c, const char *request, struct gw_error *err);
/* The next line without its newline, valid until the next call. timeout_ms < 0: for ever.
 * GW_ERR_STOPPED: tocsind closed the connection; GW_ERR_TIMEOUT: it says nothing. */
enum gw_err gw_connection_read_line(
	struct gw_connection *c, int timeout_ms, char **ret_line, struct gw_error *err);

#endif

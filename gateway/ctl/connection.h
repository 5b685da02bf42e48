/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connection.h: a connection to the daemon's control socket.
 *
 * Owner: the caller. Thread: one. Life: open, send, read_line..., close.
 */
#ifndef GW_CTL_CONNECTION_H
#define GW_CTL_CONNECTION_H

#include "base/error.h"

#include <stddef.h>

struct gw_connection {
	int fd;
	char *bytes; /* received; from consumed on not yet returned */
	size_t n, capacity, consumed;
	int passed_fd; /* that came with a reply, the caller's if it sets it to 0; 0: none */
};

/* GW_ERR_LINK: err says what the user can do. */
enum gw_err gw_connection_open(
	struct gw_connection *c, const char *path, struct gw_error *err);
void gw_connection_close(struct gw_connection *c); /* zeroed is fine */

/* Sends a request, given without its newline. */
enum gw_err gw_connection_send(
	struct gw_connection *c, const char *request, struct gw_error *err);
/* The next line without its newline, valid until the next call. timeout_ms < 0: no limit.
 * GW_ERR_STOPPED: tocsind closed the connection; GW_ERR_TIMEOUT: nothing came. */
enum gw_err gw_connection_read_line(
	struct gw_connection *c, int timeout_ms, char **ret_line, struct gw_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exchange.h: a request to the daemon and its reply.
 *
 * Thread: the only one.
 */
#ifndef GW_CTL_EXCHANGE_H
#define GW_CTL_EXCHANGE_H

#include "ctl/connection.h"
#include "ctl/invocation.h"

#define GW_EXCHANGE_REPLY_MS 10000

/* Each returns an enum gw_exit, after it has printed what went wrong. */

/* Sends the command's request, prints the result with command->print, or as it came with --json.
 * *ret_result: NULL, or where the result goes, the caller's to free. */
int gw_exchange(const struct gw_invocation *inv, int reply_ms, json_t **ret_result);
/* Sends the request and leaves the connection open; the reply is read with
 * gw_connection_read_line. */
int gw_exchange_open(const struct gw_invocation *inv, struct gw_connection *ret_connection);
/* The first reply is a result: GW_EXIT_DONE. */
int gw_exchange_accepted(struct gw_connection *c);

/* An error of the daemon, with its suggestions; GW_EXIT_REFUSED. */
int gw_exchange_refused(const json_t *reply);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arguments.h: the command line -> struct gw_invocation -> a request of the control socket,
 * by the rows of control/commands.def.
 *
 * Thread: the only one.
 */
#ifndef GW_CTL_ARGUMENTS_H
#define GW_CTL_ARGUMENTS_H

#include "base/error.h"
#include "ctl/invocation.h"

#include <stdint.h>

/* Reads the command line. Returns an enum gw_exit; *ret_done: the program ends with it (--version,
 * --help, or an error that was printed). */
int gw_arguments_read(const struct gw_cli_command *commands, size_t n, int argc,
	char **argv, struct gw_invocation *ret, bool *ret_done);

/* {"cmd":...} with a field for each argument that was given. GW_ERR_CONFIG: what is wrong with a
 * value, or the request is too long. size: GW_PROTOCOL_REQUEST_MAX. */
enum gw_err gw_arguments_request(const struct gw_invocation *inv, char *ret_request,
	size_t size, struct gw_error *err);

/* The value of --for; 0 if it was not given. */
enum gw_err gw_arguments_duration(
	const struct gw_invocation *inv, int64_t *ret_ns, struct gw_error *err);

#endif

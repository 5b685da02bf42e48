/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record.h: `tocsin record FILE`: the live samples of a running gateway into a file.
 *
 * Thread: the only one; SIGINT and SIGTERM end the recording while it is written.
 */
#ifndef GW_CTL_RECORD_H
#define GW_CTL_RECORD_H

#include "ctl/connection.h"

#include <stdint.h>

/* The request on c was accepted: everything that follows is written to fd, until for_ns (0:
 * no limit) has passed, a signal came or the daemon ended the recording. GW_ERR_LINK: the
 * daemon went away; the file is good up to its last whole block. GW_ERR_SYSTEM: the file
 * could not be written. */
enum gw_err gw_record_write(struct gw_connection *c, int fd, int64_t for_ns,
	uint64_t *ret_bytes, struct gw_error *err);

#endif

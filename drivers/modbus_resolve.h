/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modbus_resolve.h: a host's address, in bounded time. Numeric addresses cost nothing; a name is
 * looked up by a thread of its own, which is left behind if DNS does not answer in time and
 * cleans up after itself when the resolver gives up.
 *
 * Thread: any.
 */
#ifndef GW_DRIVERS_MODBUS_RESOLVE_H
#define GW_DRIVERS_MODBUS_RESOLVE_H

#include "base/error.h"

#include <stdint.h>
#include <sys/socket.h>

/* The first address of host. GW_ERR_LINK: no such host, or not until until_ns; GW_ERR_STOPPED:
 * wake_fd (-1: none) became readable. */
enum gw_err gw_modbus_resolve(const char *host, uint16_t port, int64_t until_ns,
	int wake_fd, struct sockaddr_storage *ret_addr, socklen_t *ret_len,
	struct gw_error *err);

#endif

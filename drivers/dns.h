/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dns.h: a host's address in bounded time. getaddrinfo may block for half a minute when the name
 * server is dead, and the source's thread must keep beating: a name is looked up by a thread of its
 * own, which is left running if no answer comes in time, and frees its memory itself.
 *
 * Thread: any.
 */
#ifndef GW_DRIVERS_DNS_H
#define GW_DRIVERS_DNS_H

#include "base/error.h"

#include <stdint.h>
#include <sys/socket.h>

/* The first address of host; numeric hosts are answered at once. GW_ERR_LINK: no such host, or
 * no answer until until_ns; GW_ERR_STOPPED: wake_fd (-1: none) became readable. */
enum gw_err gw_dns_resolve(const char *host, uint16_t port, int64_t until_ns, int wake_fd,
	struct sockaddr_storage *ret_addr, socklen_t *ret_len, struct gw_error *err);

#endif

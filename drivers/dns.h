/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dns.h: a host's addresses in bounded time. getaddrinfo may block for half a minute when the name
 * server is dead, and the source's thread must keep beating: a name is looked up by a thread of its
 * own, which is left running if no answer comes in time, and frees its memory itself.
 *
 * Thread: the source's.
 */
#ifndef GW_DRIVERS_DNS_H
#define GW_DRIVERS_DNS_H

#include "base/error.h"
#include "source/driver.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* Further ones are ignored: a device has one or two of each family. */
#define GW_DNS_ADDRESSES_MAX 8

struct gw_dns_addresses {
	size_t n;
	struct gw_dns_address {
		struct sockaddr_storage addr;
		socklen_t len;
	} at[GW_DNS_ADDRESSES_MAX];
};

/* The addresses of host, at least one, in the order of RFC 6724; numeric hosts are answered at
 * once. GW_ERR_LINK: no such host, or no answer until until_ns; GW_ERR_STOPPED: the source is to
 * stop. Beats while it waits. */
enum gw_err gw_dns_resolve(const char *host, uint16_t port, int64_t until_ns,
	struct gw_emit *emit, struct gw_dns_addresses *ret, struct gw_error *err);

#endif

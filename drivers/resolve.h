/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resolve.h: a host name looked up with a bound: getaddrinfo may block for half a minute when
 * the name server is dead, and a bus thread has a beat to keep. The look-up runs in a thread of
 * its own, which is left behind to end by itself if it takes too long.
 *
 * Thread: any.
 */
#ifndef GW_DRIVERS_RESOLVE_H
#define GW_DRIVERS_RESOLVE_H

#include "base/error.h"

#define GW_RESOLVE_ADDRESS 64

/* The first address of host, numeric, into ret_address. Numeric hosts are answered at once.
 * Ends early with GW_ERR_STOPPED when wake_fd (or -1) becomes readable; GW_ERR_TIMEOUT. */
enum gw_err gw_resolve_host(const char *host, int timeout_ms, int wake_fd,
	char ret_address[GW_RESOLVE_ADDRESS], struct gw_error *err);

#endif

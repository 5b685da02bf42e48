/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls.h: OpenSSL as the process has it, for the links of libcurl and libmosquitto (hazard
 * 30).
 *
 * OpenSSL 3 builds its tables at first use and only once. If an allocation fails in the
 * midst of that, it crashes, or it refuses every certificate from then on until the process
 * ends. So the tables are built at the start, OpenSSL has a reserve of memory for
 * allocations that fail, and whether it is usable can be checked at any time.
 */
#ifndef GW_APP_TLS_H
#define GW_APP_TLS_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

/* Allocations of OpenSSL that fail are served from a reserve. Its blocks are not used
 * again. Before anything of OpenSSL is called: false if it is too late. */
#define GW_TLS_RESERVE (256 * 1024) /* bytes: some handshakes */
bool gw_tls_reserve(void);

/* Allocations of OpenSSL that failed so far, and those of them that the reserve could not
 * serve. Any thread. */
uint64_t gw_tls_failed_allocations(void);
uint64_t gw_tls_refused_allocations(void);

/* Build what handshakes need and check it. Main, before threads that use links.
 * GW_ERR_SYSTEM: memory was short, and a new process may succeed. GW_ERR_REFUSED: OpenSSL
 * is set up such on this machine that no link with TLS can work. */
enum gw_err gw_tls_begin(struct gw_error *err);

/* A TLS context can be made, and a certificate that is known to be good is taken: about 0.3
 * ms. Any thread. GW_ERR_REFUSED if not. */
enum gw_err gw_tls_check(struct gw_error *err);

/* True, once OpenSSL was refused memory and is not usable although it gets memory again:
 * only a new process can use it then. Cheap until memory was refused. Main, once a second. */
struct gw_tls_watch {
	uint64_t seen; /* refused allocations at the last check */
};
bool gw_tls_broken(struct gw_tls_watch *w, struct gw_error *err);

#endif

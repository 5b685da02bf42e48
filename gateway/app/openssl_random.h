/* SPDX-License-Identifier: Apache-2.0 */
/*
 * openssl_random.h: OpenSSL's random numbers, for the links of libcurl and libmosquitto.
 *
 * Thread: main, before others start.
 */
#ifndef GW_APP_OPENSSL_RANDOM_H
#define GW_APP_OPENSSL_RANDOM_H

#include <stdbool.h>

/* Make the generator now, while memory is at hand: OpenSSL makes it at first use, which would be in
 * the first handshake, and does not survive everywhere that an allocation fails in the midst of
 * it. Does not wait for a kernel that has no random numbers yet, early after power came; then it is
 * made at first use all the same. False if OpenSSL says that it has none. */
bool gw_openssl_random_init(void);

#endif

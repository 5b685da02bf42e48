/* SPDX-License-Identifier: Apache-2.0 */
/*
 * openssl_random.h: OpenSSL's random number generator, used by libcurl and libmosquitto.
 *
 * Thread: main, before others start.
 */
#ifndef GW_APP_OPENSSL_RANDOM_H
#define GW_APP_OPENSSL_RANDOM_H

#include <stdbool.h>

/* Makes the generator at the start. OpenSSL makes it at first use, which would be in the
 * first handshake, and crashes in places if an allocation fails there. Does not wait for
 * a kernel that has no entropy yet after power-on; the generator is then made at first
 * use. False: OpenSSL has no entropy. */
bool gw_openssl_random_init(void);

#endif

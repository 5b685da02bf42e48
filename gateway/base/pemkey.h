/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pemkey.h: whether a private key can be used by a daemon. Nobody is there to type a pass phrase,
 * and OpenSSL would wait for one on the terminal.
 *
 * Thread: any. Reads the file.
 */
#ifndef GW_BASE_PEMKEY_H
#define GW_BASE_PEMKEY_H

#include <stdbool.h>

#define GW_PEMKEY_ENCRYPTED "the key is encrypted: remove its pass phrase"

/* Whether the first private key of the PEM file is encrypted. False also if the file cannot be
 * read: its user reports that. */
bool gw_pemkey_encrypted(const char *path);

/* For gw_setting.inspect: GW_PEMKEY_ENCRYPTED and how to cure it, or NULL. */
const char *gw_pemkey_inspect(const char *path);

#endif

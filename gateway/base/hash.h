/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hash.h: FNV-1a, 64 bits: keys of tables, and sums over files that only damage changes. Written
 * to disk, so its value never changes. No protection against who chooses the input.
 *
 * Thread: any; pure.
 */
#ifndef GW_BASE_HASH_H
#define GW_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define GW_HASH_START UINT64_C(0xcbf29ce484222325)

/* The hash of n bytes behind what was hashed to `before`; GW_HASH_START: behind nothing. */
uint64_t gw_hash(uint64_t before, const void *bytes, size_t n);

#endif

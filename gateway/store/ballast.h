/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ballast.h: a file that only reserves space. It is deleted when the disk is full, because in WAL
 * mode even deleting rows needs space.
 *
 * Thread: any. Paths are whole.
 */
#ifndef GW_STORE_BALLAST_H
#define GW_STORE_BALLAST_H

#include <stdbool.h>
#include <stdint.h>

/* Reserves bytes in a file of that size in dir, unless there is one. False, with nothing written:
 * there is no space for twice as much. */
bool gw_ballast_reserve(const char *dir, const char *path, int64_t bytes);

#endif

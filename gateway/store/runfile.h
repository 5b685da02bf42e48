/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runfile.h: small durable files beside the database: the number of the last start, so that it
 * survives a database put aside, and the ballast: room given up when the disk is full, because
 * in WAL mode even deleting needs some.
 *
 * Thread: any. Paths are whole.
 */
#ifndef GW_STORE_RUNFILE_H
#define GW_STORE_RUNFILE_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

/* 0 if there is none or it makes no sense. */
uint32_t gw_runfile_read(const char *path);
/* Written beside, synced, renamed, directory synced. */
enum gw_err gw_runfile_write(const char *path, uint32_t run, struct gw_error *err);

/* A number for a start that cannot be written down anywhere: seconds since 1970, or by chance
 * (above every such number) if the clock was never set; never below least. */
uint32_t gw_runfile_invent(uint32_t least);

/* mkdir -p with 0750 for what is missing. */
enum gw_err gw_runfile_make_dir(const char *dir, struct gw_error *err);
enum gw_err gw_runfile_sync_dir(const char *dir, struct gw_error *err);

/* Reserve bytes in a file of that size in dir, unless there is one; false, with nothing
 * written, if there is no room for it and as much again. */
bool gw_runfile_ballast(const char *dir, const char *path, int64_t bytes);

#endif

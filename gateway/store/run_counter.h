/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run_counter.h: small durable files beside the database: the number of the last start, so that it
 * survives a database put aside, and the ballast: room given up when the disk is full, because
 * in WAL mode even deleting needs some.
 *
 * Thread: any. Paths are whole.
 */
#ifndef GW_STORE_RUN_COUNTER_H
#define GW_STORE_RUN_COUNTER_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

/* 0 if there is none or it makes no sense. */
uint64_t gw_run_counter_read(const char *path);
/* Written beside, synced, renamed, directory synced. */
enum gw_err gw_run_counter_write(const char *path, uint64_t run, struct gw_error *err);

/* The number of a start: max(previous, seconds since 1970 * 2^20) + 1 + 20 random bits, at most
 * GW_RUN_MAX, so that a JSON reader's double holds it. previous: the highest known, 0 for none.
 * Above previous, and above the number of every start in an earlier second by this clock even
 * if nothing is known of it. Where neither helps (a folder restored or emptied, and a clock
 * that repeats itself) two starts share a number once in 2^20. */
#define GW_RUN_MAX ((UINT64_C(1) << 53) - 1)
uint64_t gw_run_counter_next(uint64_t previous);

/* The number of an event to begin after when nobody knows the last one given: above any that a
 * gateway of less than 64 events a second on average has reached by now, and by chance above
 * 2^33 if the clock was never set. */
uint64_t gw_run_counter_unknown_seq(void);

/* mkdir -p with 0750 for what is missing. */
enum gw_err gw_run_counter_make_dir(const char *dir, struct gw_error *err);
enum gw_err gw_run_counter_sync_dir(const char *dir, struct gw_error *err);

/* Reserve bytes in a file of that size in dir, unless there is one; false, with nothing
 * written, if there is no room for it and as much again. */
bool gw_ballast_reserve(const char *dir, const char *path, int64_t bytes);

#endif

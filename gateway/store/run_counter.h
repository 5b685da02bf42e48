/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run_counter.h: the number of a run of the gateway: part of every event id. It is
 * kept in a small file beside the database, so that it survives the loss of the database, with a
 * number that no event has passed yet.
 *
 * Thread: any. Paths are whole.
 */
#ifndef GW_STORE_RUN_COUNTER_H
#define GW_STORE_RUN_COUNTER_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

/* 0: there is no file, or it holds no valid number. */
uint64_t gw_run_counter_read(const char *path);
/* The number that no event has passed, in its second line; 0: none, or of an older tocsin. */
uint64_t gw_run_counter_read_seq(const char *path);
enum gw_err gw_run_counter_write(
	const char *path, uint64_t run, uint64_t seq, struct gw_error *err);

/* The number of a new run: max(previous, seconds since 1970 * 2^20) + 1 + 20 random bits, at most
 * GW_RUN_MAX, which a double holds exactly. previous: the highest known, 0 for none. It is above
 * previous, and above the number of every run that began in an earlier second of this clock. If
 * the state directory was restored or emptied and two runs begin in the same second of the clock,
 * they get the same number once in 2^20: nothing else gives one twice. */
#define GW_RUN_MAX ((UINT64_C(1) << 53) - 1)
#define GW_SEQ_MAX GW_RUN_MAX /* of an event */
uint64_t gw_run_counter_next(uint64_t previous);

/* The event number to begin after when the last one given is not known: above any that a gateway
 * with less than 64 events a second on average can have reached by now. If the clock was never
 * set: a random number above 2^33. */
uint64_t gw_run_counter_unknown_seq(void);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timespec.h: a duration as libc's waits take it. A long has 32 bits on a 32-bit machine, so
 * the parts of a timespec are made in one place.
 *
 * Thread: any.
 */
#ifndef GW_BASE_TIMESPEC_H
#define GW_BASE_TIMESPEC_H

#include <stdint.h>
#include <time.h>

/* A duration; one below 0 is 0. */
struct timespec gw_timespec_from_ns(int64_t ns);

#endif

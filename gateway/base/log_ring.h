/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_ring.h: a bounded lock-free queue of text lines, any number of producers, one consumer. A
 * line that does not fit is not taken; the caller counts it as lost.
 *
 * Owner: log_writer.c. Thread: push by any; pop by one. Life: zeroed memory is an empty ring.
 */
#ifndef GW_BASE_LOG_RING_H
#define GW_BASE_LOG_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GW_LOG_RING_UNIT  64   /* bytes; a line begins at a unit and takes whole ones */
#define GW_LOG_RING_UNITS 1024 /* a power of two */
#define GW_LOG_LINE_MAX   1088 /* bytes of the longest line taken, a multiple of the unit */

struct gw_log_ring {
	/* any thread: units ever reserved, and units ever taken out */
	_Alignas(64) _Atomic uint64_t head;
	_Alignas(64) _Atomic uint64_t tail;
	/* by the first unit of a line: its length once it is whole, else 0 */
	_Alignas(64) _Atomic uint32_t whole[GW_LOG_RING_UNITS];
	char text[GW_LOG_RING_UNITS * GW_LOG_RING_UNIT];
};

/* Whether there was space for the n bytes, 1 .. GW_LOG_LINE_MAX. Never waits, no system call. */
bool gw_log_ring_push(struct gw_log_ring *r, const char *line, size_t n);
/* The oldest line into ret_line (GW_LOG_LINE_MAX bytes); its length, 0: there is none, or the
 * oldest is still being written. */
size_t gw_log_ring_pop(struct gw_log_ring *r, char *ret_line);

#endif

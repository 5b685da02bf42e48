/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_writer.h: writes log lines to stderr. A pipe, socket or terminal that nobody reads blocks its
 * writer, so one thread writes and the others only put their lines into a ring. A line that finds
 * the ring full is dropped and counted; the count is logged when writing works again. Before the
 * thread starts and after it stops, the caller writes its line itself and waits a bounded time.
 *
 * Owner: main.c. Thread: start and stop by main while no other thread logs; the rest by any.
 */
#ifndef GW_BASE_LOG_WRITER_H
#define GW_BASE_LOG_WRITER_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum gw_err gw_log_writer_start(struct gw_error *err);
/* Writes what waits, for GW_LOG_LAST_MS at most, and ends the thread; a thread that the kernel
 * holds in write(2) is left behind. Not started is fine. */
#define GW_LOG_LAST_MS 2000
void gw_log_writer_stop(void);

/* n bytes that end with a newline, at most GW_LOG_LINE_MAX (log_ring.h). */
void gw_log_writer_put(const char *line, size_t n);

/* Whether stderr takes nothing at present. */
bool gw_log_writer_blocked(void);
/* Lines that were never written, since start. */
uint64_t gw_log_writer_lost(void);

#endif

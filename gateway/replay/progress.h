/* SPDX-License-Identifier: Apache-2.0 */
/*
 * progress.h: a progress bar on a terminal. It appears after half a second and is erased
 * at the end.
 *
 * Owner: the caller. Thread: one. Life: begin, show..., end.
 */
#ifndef GW_REPLAY_PROGRESS_H
#define GW_REPLAY_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define GW_PROGRESS_AFTER_NS INT64_C(500000000) /* when it appears */
#define GW_PROGRESS_EVERY_NS INT64_C(100000000)

struct gw_progress {
	FILE *out;
	bool on; /* out is a terminal */
	bool shown;
	int64_t began_ns, last_ns;
};

/* now_ns: CLOCK_BOOTTIME, not falling from call to call. */
void gw_progress_begin(struct gw_progress *p, FILE *out, bool terminal, int64_t now_ns);
/* done of total bytes; total 0: unknown. Draws at most every GW_PROGRESS_EVERY_NS. */
void gw_progress_print(struct gw_progress *p, uint64_t done, uint64_t total,
	uint64_t samples, int64_t now_ns);
void gw_progress_end(struct gw_progress *p);

#endif

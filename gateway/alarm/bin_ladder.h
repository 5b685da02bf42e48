/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bin_ladder.h: a signal's past at all time scales at once, in fixed memory. A bin is a mean of
 * samples with the time in their middle. Level 0 holds the newest bins; whenever it is full, its
 * two oldest become one bin of level 1, and so on: a bin of level k stands for 2^k of level 0,
 * and the levels follow each other in time without overlap. The newest 12 bins of any level, most
 * of them merged from finer ones, are a window in which a trend can be looked for; from level to
 * level it is twice as long.
 *
 * The bins count samples, not time, so windows adapt to the period of the sensor.
 *
 * Pure, no allocation.
 */
#ifndef GW_ALARM_BIN_LADDER_H
#define GW_ALARM_BIN_LADDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GW_LADDER_LEVELS_MAX 9
#define GW_LADDER_WINDOW     12 /* bins; must be a multiple of 4 */
/* Half of a window of a coarse level lies in the finer ones. Each level holds one bin more
 * than it needs, so that two at once can leave it. */
#define GW_LADDER_FINEST (GW_LADDER_WINDOW + 1)
#define GW_LADDER_COARSE (GW_LADDER_WINDOW / 2 + 1)
#define GW_LADDER_BINS   (GW_LADDER_FINEST + (GW_LADDER_LEVELS_MAX - 1) * GW_LADDER_COARSE)

/* Times are in units of 2^20 ns, about a millisecond, and wrap around after 52 days. */
#define GW_LADDER_TICK_SHIFT 20

struct gw_bin_ladder {
	uint8_t levels; /* in use; set by the owner */
	uint8_t n[GW_LADDER_LEVELS_MAX];
	float y[GW_LADDER_BINS]; /* by level, oldest first */
	uint32_t t[GW_LADDER_BINS];
};

/* Oldest first; at most GW_LADDER_WINDOW bins. */
struct gw_bin_window {
	size_t n;
	float y[GW_LADDER_WINDOW];
	uint32_t t[GW_LADDER_WINDOW];
};

/* Adds a bin to level 0. Returns how many levels have a new bin: they are the first ones. */
unsigned gw_ladder_push(struct gw_bin_ladder *l, uint32_t t, float y);

/* The window of a level that has a new bin. */
void gw_ladder_window(
	const struct gw_bin_ladder *l, unsigned level, struct gw_bin_window *ret_window);

/* Whether y[i] and t[i] are in use. */
bool gw_ladder_holds(const struct gw_bin_ladder *l, size_t i);

#endif

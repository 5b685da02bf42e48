/* SPDX-License-Identifier: Apache-2.0 */
/*
 * history.h: conditions that absorb every sample of their point. Samples in the quiet band are
 * buffered at the point and absorbed later, several at once (the contract: alarm/condition.h).
 */
#ifndef GW_ENGINE_HISTORY_H
#define GW_ENGINE_HISTORY_H

#include "engine/engine_internal.h"

/* Of a point that has one; of any other the unused start of history_memory. */
static inline struct gw_point_history *gw_history_of(
	const struct gw_engine *e, const struct gw_point_state *s)
{
	return (struct gw_point_history *)(void *)(e->history_memory +
		(size_t)s->history_line * GW_CACHE_LINE);
}

/* Where the next sample of a point is buffered. A point without a sample buffer gets one that is
 * never read. */
static inline struct gw_buffered_sample *gw_history_next_buffered(
	unsigned char *history_memory, const struct gw_point_state *s)
{
	size_t line = (s->history_line - GW_BUFFER_LINES) & (0 - (size_t)s->buffers_each);

	return (struct gw_buffered_sample *)(void *)(history_memory +
		       line * GW_CACHE_LINE) +
		s->n_buffered % GW_BUFFER_SAMPLES;
}

/* A sample that only histories need, already in the view. The point has a history. */
void gw_history_absorb(struct gw_engine *e, size_t point, const struct gw_sample *sample,
	const struct gw_time *now);
/* Evaluates a condition for each due_ns before at_ns, when its point has something new and the
 * engine is late. */
void gw_history_run_timers(
	struct gw_engine *e, struct gw_alarm *a, int64_t at_ns, const struct gw_time *now);
/* The histories absorb what is buffered. */
void gw_history_flush(struct gw_engine *e, size_t point);
/* Sets the quiet band: [lo, hi] of the other alarms, narrowed to what the histories allow. */
void gw_history_set_band(struct gw_engine *e, size_t point, double lo, double hi);

#endif

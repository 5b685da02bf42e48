/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ingest.h: samples on their way in.
 *
 * A sample in its point's quiet band is written to the point's state and buffered for its
 * histories, nothing else. Any other sample is deferred to the end of its block of samples,
 * so that the memory it needs can be prefetched for all deferred samples of the block at once,
 * and samples in the band are not delayed. Once a sample of a point is deferred, later ones of
 * the block are, too, so each point sees its samples in order. No alarm depends on the order of
 * a sample in the quiet band of one point and a sample of another.
 */
#ifndef GW_ENGINE_INGEST_H
#define GW_ENGINE_INGEST_H

#include "engine/engine_internal.h"

/* Samples of one source; their point 0 is first_point. */
void gw_ingest(struct gw_engine *e, uint32_t first_point, uint32_t n_points,
	const struct gw_sample *samples, size_t n, const struct gw_time *now);
/* A point that was current no longer is; the view says so already. */
void gw_ingest_not_current(
	struct gw_engine *e, uint32_t point, int64_t at_ns, const struct gw_time *now);

#endif

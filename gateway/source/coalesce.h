/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coalesce.h: samples that found the sample ring full. Of each point at most four are kept: the
 * newest, the newest usable one, the lowest and the highest, so that a contact that went to 1 and
 * back is not lost. They leave in the order of their arrival, whatever point they belong to.
 *
 * Owner: struct gw_emit. Thread: the source's. Only new allocates.
 */
#ifndef GW_SOURCE_COALESCE_H
#define GW_SOURCE_COALESCE_H

#include "flow/sample.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_coalescer;

/* For points 0 .. n_points - 1. NULL: no memory. */
struct gw_coalescer *gw_coalesce_new(uint32_t n_points);
void gw_coalesce_free(struct gw_coalescer *c); /* NULL is fine */

/* How many samples are kept. */
size_t gw_coalesce_count(const struct gw_coalescer *c);
/* Returns whether another sample of the point was discarded for this one. */
bool gw_coalesce_add(struct gw_coalescer *c, const struct gw_sample *sample);
/* The one that came first; NULL: none is kept. */
const struct gw_sample *gw_coalesce_oldest(const struct gw_coalescer *c);
void gw_coalesce_drop_oldest(struct gw_coalescer *c); /* there is one */

#endif

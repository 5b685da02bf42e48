/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quality.h: what a reading is worth. `range` is the measuring range: outside it the value is
 * uncertain and still drives every condition, because a gas detector at 105 %LEL is no reason to
 * be quiet. `valid` bounds what can be a value at all, and `invalid` lists what a device sends
 * instead of one (85 °C after power-on, 0x7FFF for an open sensor): these are bad-invalid, and so
 * is what is not a finite number.
 *
 * Thread: any; pure.
 */
#ifndef GW_SOURCE_QUALITY_H
#define GW_SOURCE_QUALITY_H

#include "source/driver.h"

/* Whether a point says anything of its values; without it every finite one keeps its quality. */
static inline bool gw_quality_has_bounds(const struct gw_point_opts *p)
{
	return (p->range.rows | p->valid.rows | p->invalid.n) != 0;
}

/* A usable reading in the point's unit. In range it keeps its quality. */
enum gw_quality gw_quality_of_value(
	const struct gw_point_opts *p, enum gw_quality quality, double value);

/* Whether `invalid` lists these bits, width of them, 1 to 64. */
bool gw_quality_invalid_bits(const struct gw_point_opts *p, uint64_t bits, unsigned width);
/* The same of a reading that came as a number before scaling. */
bool gw_quality_invalid_number(const struct gw_point_opts *p, double raw);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quality.h: the quality of a reading by the limits of its point. Outside `range`, the measuring
 * range, a value is uncertain and still drives every condition: a gas detector at 105 %LEL must
 * raise. Outside `valid`, or listed in `invalid` (85 °C after power-on, 0x7FFF for an open sensor),
 * it is bad-invalid, and so is what is not a finite number.
 *
 * What a quality is, and gw_quality_usable, are in flow/sample.h.
 *
 * Thread: any; pure.
 */
#ifndef GW_SOURCE_QUALITY_H
#define GW_SOURCE_QUALITY_H

#include "source/driver.h"

/* Whether a point has range, valid or invalid; without them every finite value keeps its
 * quality. */
static inline bool gw_quality_has_bounds(const struct gw_point_opts *p)
{
	return (p->range.rows | p->valid.rows | p->invalid.n) != 0;
}

/* A usable reading in the point's unit. In range it keeps its quality. */
enum gw_quality gw_quality_of_value(
	const struct gw_point_opts *p, enum gw_quality quality, double value);

/* Whether `invalid` lists these bits, width of them, 1 to 64. */
bool gw_quality_invalid_bits(const struct gw_point_opts *p, uint64_t bits, unsigned width);
/* The same for a reading that came as a number, before scaling. */
bool gw_quality_invalid_number(const struct gw_point_opts *p, double raw);

#endif

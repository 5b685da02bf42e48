/* SPDX-License-Identifier: Apache-2.0 */
#include "source/quality.h"

#include <math.h>

/* Relative: scaling leaves 3276.7000000000003 where the file says 3276.7. */
#define TOLERANCE 1e-9

static bool within(const struct gw_table *t, double value)
{
	return t->rows == 0 || (value >= t->cells[0] && value <= t->cells[1]);
}

static bool is_listed(const struct gw_codes *codes, double value)
{
	for (size_t i = 0; i < codes->n; i++)
		if (!codes->at[i].is_raw &&
			fabs(value - codes->at[i].value) <=
				TOLERANCE * fmax(1, fabs(codes->at[i].value)))
			return true;
	return false;
}

enum gw_quality gw_quality_of_value(
	const struct gw_point_opts *p, enum gw_quality quality, double value)
{
	if (!isfinite(value) || !within(&p->valid, value) || is_listed(&p->invalid, value))
		return GW_QUALITY_BAD_INVALID;
	if (within(&p->range, value) || quality == GW_QUALITY_RETAINED)
		return quality;
	return value < p->range.cells[0] ? GW_QUALITY_UNDER_RANGE : GW_QUALITY_OVER_RANGE;
}

bool gw_quality_invalid_bits(const struct gw_point_opts *p, uint64_t bits, unsigned width)
{
	uint64_t mask = width < 64 ? (UINT64_C(1) << width) - 1 : UINT64_MAX;

	for (size_t i = 0; i < p->invalid.n; i++)
		if (p->invalid.at[i].is_raw && ((bits ^ p->invalid.at[i].raw) & mask) == 0)
			return true;
	return false;
}

bool gw_quality_invalid_number(const struct gw_point_opts *p, double raw)
{
	for (size_t i = 0; i < p->invalid.n; i++) {
		double code = (double)(int64_t)p->invalid.at[i].raw;

		if (p->invalid.at[i].is_raw && raw >= code && raw <= code)
			return true;
	}
	return false;
}

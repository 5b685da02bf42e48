/* SPDX-License-Identifier: Apache-2.0 */
#include "alarm/condition.h"

#include <math.h>
#include <string.h>

const struct gw_condition_kind *const gw_condition_kinds[] = {
	&gw_condition_above,
	&gw_condition_below,
	&gw_condition_outside,
	&gw_condition_is,
	&gw_condition_rises,
	&gw_condition_falls,
	&gw_condition_reaches,
	&gw_condition_dose,
	&gw_condition_stuck,
	&gw_condition_silent,
	&gw_condition_unreadable,
	&gw_condition_at_least,
	NULL,
};

size_t gw_condition_memory(const struct gw_condition_opts *o)
{
	return o->kind->memory ? o->kind->memory(o) : 0;
}

static bool equal_table(const struct gw_table *a, const struct gw_table *b)
{
	return a->rows == b->rows && a->columns == b->columns &&
		(a->rows == 0 ||
			memcmp(a->cells, b->cells,
				a->rows * a->columns * sizeof a->cells[0]) == 0);
}

static bool equal_field(const struct gw_setting *row, const void *a, const void *b)
{
	switch (row->type) {
	case GW_SET_DOUBLE: return !islessgreater(*(const double *)a, *(const double *)b);
	case GW_SET_INT:
	case GW_SET_DURATION: return *(const int64_t *)a == *(const int64_t *)b;
	case GW_SET_BOOL: return *(const bool *)a == *(const bool *)b;
	case GW_SET_TABLE: return equal_table(a, b);
	case GW_SET_STRINGS: /* a vote's members are compared by key when they are adopted */
	case GW_SET_STRING:
	case GW_SET_CHOICE:
	case GW_SET_CUSTOM:
	case GW_SET_PATH:
	case GW_SET_CODES:
	case GW_SET_PAIRS: break;
	}
	return false;
}

bool gw_condition_equal(
	const struct gw_condition_opts *a, const struct gw_condition_opts *b)
{
	if (a->kind != b->kind || a->polled != b->polled ||
		a->never_good_ns != b->never_good_ns ||
		a->max_withheld_level != b->max_withheld_level)
		return false;
	for (const struct gw_setting *row = a->kind->settings; row->key; row++)
		if (!equal_field(row, (const char *)a + row->offset,
			    (const char *)b + row->offset))
			return false;
	return true;
}

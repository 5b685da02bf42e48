/* SPDX-License-Identifier: Apache-2.0 */
#include "alarm/condition.h"

#include "alarm/kinds.h"

const struct gw_condition_kind *const gw_condition_kinds[] = {
	&gw_above,
	&gw_below,
	&gw_outside,
	&gw_is,
	&gw_rises,
	&gw_falls,
	&gw_reaches,
	&gw_dose,
	&gw_stuck,
	&gw_silent,
	&gw_unreadable,
	&gw_at_least,
	NULL,
};

size_t gw_condition_memory(const struct gw_condition_opts *o)
{
	return o->kind->memory ? o->kind->memory(o) : 0;
}

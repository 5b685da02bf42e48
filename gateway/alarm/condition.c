/* SPDX-License-Identifier: Apache-2.0 */
#include "alarm/condition.h"

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

const struct gw_condition_kind *gw_condition_find(const char *key)
{
	for (const struct gw_condition_kind *const *k = gw_condition_kinds; *k; k++)
		if (strcmp((*k)->key, key) == 0)
			return *k;
	return NULL;
}

bool gw_condition_equal(
	const struct gw_condition_opts *a, const struct gw_condition_opts *b)
{
	return a->kind == b->kind &&
		!gw_setting_rows_differ(a->kind->settings, a, b, GW_RESTART_OWNER) &&
		gw_setting_rows_equal(a->kind->derived, a, b);
}

size_t gw_condition_memory(const struct gw_condition_opts *o)
{
	return o->kind->memory ? o->kind->memory(o) : 0;
}

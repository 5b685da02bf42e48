/* SPDX-License-Identifier: Apache-2.0 */
/*
 * condition_internal.h: small helpers of the files of gateway/alarm.
 */
#ifndef GW_ALARM_CONDITION_INTERNAL_H
#define GW_ALARM_CONDITION_INTERNAL_H

#include "alarm/condition.h"
#include "base/clock.h"

#define GW_CONDITION_FIELD(field) offsetof(struct gw_condition_opts, field)

/* The single number of an optional table, or otherwise. */
static inline double gw_table_number(const struct gw_table *t, double otherwise)
{
	return t->rows ? t->cells[0] : otherwise;
}

static inline int64_t gw_max_ns(int64_t a_ns, int64_t b_ns)
{
	return a_ns > b_ns ? a_ns : b_ns;
}

static inline double gw_min(double a, double b)
{
	return a < b ? a : b;
}

static inline double gw_max(double a, double b)
{
	return a > b ? a : b;
}

/* For gw_condition_kind.worse. */
static inline bool gw_worse_if_less(const struct gw_condition_opts *o, double a, double b)
{
	(void)o;
	return a < b;
}

static inline bool gw_never_worse(const struct gw_condition_opts *o, double a, double b)
{
	(void)o, (void)a, (void)b;
	return false;
}

#endif

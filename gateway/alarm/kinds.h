/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kinds.h: what the files of gateway/alarm share: the table rows of each kind. Private to it.
 */
#ifndef GW_ALARM_KINDS_H
#define GW_ALARM_KINDS_H

#include "alarm/condition.h"

extern const struct gw_condition_kind gw_condition_above, gw_condition_below,
	gw_condition_outside, gw_condition_is;                                /* limit.c */
extern const struct gw_condition_kind gw_condition_rises, gw_condition_falls; /* rate.c */
extern const struct gw_condition_kind gw_condition_reaches; /* forecast.c */
extern const struct gw_condition_kind gw_condition_dose;    /* dose.c */
extern const struct gw_condition_kind gw_condition_stuck,
	gw_condition_silent;                                   /* silence.c */
extern const struct gw_condition_kind gw_condition_unreadable; /* unreadable.c */
extern const struct gw_condition_kind gw_condition_at_least;   /* vote.c */

#define GW_CONDITION_FIELD(field) offsetof(struct gw_condition_opts, field)

/* The single number of an optional table, or otherwise. */
static inline double gw_table_number(const struct gw_table *t, double otherwise)
{
	return t->rows ? t->cells[0] : otherwise;
}

static inline int64_t gw_min_ns(int64_t a_ns, int64_t b_ns)
{
	return a_ns < b_ns ? a_ns : b_ns;
}

static inline double gw_min(double a, double b)
{
	return a < b ? a : b;
}

static inline double gw_max(double a, double b)
{
	return a > b ? a : b;
}

/* For `worse`: less is worse; nothing is. */
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

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A limit with hysteresis. At the limit itself nothing happens yet: `above: 50` is true from
 * the first value greater than 50, and false again from the first at or under `clear`.
 */
#include "alarm/condition_internal.h"

#include <math.h>

static double above_clear(const struct gw_condition_opts *o)
{
	return gw_table_number(&o->clear, o->limit - gw_table_number(&o->deadband, 0));
}

static double below_clear(const struct gw_condition_opts *o)
{
	return gw_table_number(&o->clear, o->limit + gw_table_number(&o->deadband, 0));
}

static void check_pair(const struct gw_condition_opts *o, struct gw_report *report)
{
	if (o->clear.rows && o->deadband.rows)
		gw_report(report, &o->deadband, "give clear or deadband, not both");
	if (o->deadband.rows && o->deadband.cells[0] < 0)
		gw_report(report, &o->deadband, "a deadband cannot be negative");
}

static void check_above(const struct gw_condition_opts *o, struct gw_report *report)
{
	check_pair(o, report);
	if (o->clear.rows && o->clear.cells[0] > o->limit)
		gw_report(report, &o->clear, "%g is over the limit: at most %g",
			o->clear.cells[0], o->limit);
}

static void check_below(const struct gw_condition_opts *o, struct gw_report *report)
{
	check_pair(o, report);
	if (o->clear.rows && o->clear.cells[0] < o->limit)
		gw_report(report, &o->clear, "%g is under the limit: at least %g",
			o->clear.cells[0], o->limit);
}

static void evaluate_above(const struct gw_condition_opts *o, void *memory,
	const struct gw_condition_input *in, struct gw_condition_result *result)
{
	(void)memory;
	result->limit = o->limit;
	if (!in->sample)
		return;
	result->value = in->sample->value;
	if (in->sample->value > o->limit)
		result->condition_true = true;
	else if (in->sample->value <= above_clear(o))
		result->condition_true = false;
}

static void evaluate_below(const struct gw_condition_opts *o, void *memory,
	const struct gw_condition_input *in, struct gw_condition_result *result)
{
	(void)memory;
	result->limit = o->limit;
	if (!in->sample)
		return;
	result->value = in->sample->value;
	if (in->sample->value < o->limit)
		result->condition_true = true;
	else if (in->sample->value >= below_clear(o))
		result->condition_true = false;
}

static void quiet_band_above(
	const struct gw_condition_opts *o, double *ret_lo, double *ret_hi)
{
	*ret_lo = -HUGE_VAL;
	*ret_hi = o->limit;
}

static void quiet_band_below(
	const struct gw_condition_opts *o, double *ret_lo, double *ret_hi)
{
	*ret_lo = o->limit;
	*ret_hi = HUGE_VAL;
}

static void describe_above(const struct gw_condition_opts *o, struct gw_text *t)
{
	gw_text_add(t, "above ");
	gw_text_add_double(t, o->limit);
}

static void describe_below(const struct gw_condition_opts *o, struct gw_text *t)
{
	gw_text_add(t, "below ");
	gw_text_add_double(t, o->limit);
}

#define CLEAR_ROW(what) \
	{ \
		.key = "clear", .type = GW_SET_TABLE, .offset = GW_CONDITION_FIELD(clear), \
		.max = 1, .help = what \
	}
#define DEADBAND_ROW(what) \
	{ \
		.key = "deadband", .type = GW_SET_TABLE, \
		.offset = GW_CONDITION_FIELD(deadband), .max = 1, .help = what \
	}

static const struct gw_setting above_settings[] = {
	{.key = "above",
		.type = GW_SET_DOUBLE,
		.offset = GW_CONDITION_FIELD(limit),
		.required = true,
		.help = "True from the first value greater than this."},
	CLEAR_ROW("False again at or under this; default: the limit less the deadband."),
	DEADBAND_ROW("How far under the limit it must fall to be false again; default 0."),
	{0},
};

static const struct gw_setting below_settings[] = {
	{.key = "below",
		.type = GW_SET_DOUBLE,
		.offset = GW_CONDITION_FIELD(limit),
		.required = true,
		.help = "True from the first value less than this."},
	CLEAR_ROW("False again at or over this; default: the limit plus the deadband."),
	DEADBAND_ROW("How far over the limit it must rise to be false again; default 0."),
	{0},
};

const struct gw_condition_kind gw_condition_above = {
	.key = "above",
	.settings = above_settings,
	.on_points = true,
	.numbers_only = true,
	.check = check_above,
	.evaluate = evaluate_above,
	.quiet_band = quiet_band_above,
	.describe = describe_above,
};

const struct gw_condition_kind gw_condition_below = {
	.key = "below",
	.settings = below_settings,
	.on_points = true,
	.numbers_only = true,
	.check = check_below,
	.evaluate = evaluate_below,
	.quiet_band = quiet_band_below,
	.worse = gw_worse_if_less,
	.describe = describe_below,
};

static void check_outside(const struct gw_condition_opts *o, struct gw_report *report)
{
	double deadband = gw_table_number(&o->deadband, 0);

	if (o->band.rows != 1 || o->band.columns != 2) {
		gw_report(report, &o->band, "outside needs two numbers: [lowest, highest]");
		return;
	}
	if (!(o->band.cells[0] < o->band.cells[1]))
		gw_report(report, &o->band,
			"the first number of outside must be the smaller");
	else if (deadband < 0 || 2 * deadband > o->band.cells[1] - o->band.cells[0])
		gw_report(report, &o->deadband,
			"a deadband must be between 0 and half the band's width");
}

static void evaluate_outside(const struct gw_condition_opts *o, void *memory,
	const struct gw_condition_input *in, struct gw_condition_result *result)
{
	double lo = o->band.cells[0], hi = o->band.cells[1];
	double deadband = gw_table_number(&o->deadband, 0), v;

	(void)memory;
	if (!in->sample)
		return;
	v = in->sample->value;
	result->value = v;
	result->limit = v - lo < hi - v ? lo : hi;
	if (v < lo || v > hi)
		result->condition_true = true;
	else if (v >= lo + deadband && v <= hi - deadband)
		result->condition_true = false;
}

static void quiet_band_outside(
	const struct gw_condition_opts *o, double *ret_lo, double *ret_hi)
{
	*ret_lo = o->band.cells[0];
	*ret_hi = o->band.cells[1];
}

static bool farther(const struct gw_condition_opts *o, double a, double b)
{
	double middle = (o->band.cells[0] + o->band.cells[1]) / 2;

	return fabs(a - middle) > fabs(b - middle);
}

static void describe_outside(const struct gw_condition_opts *o, struct gw_text *t)
{
	gw_text_add(t, "outside ");
	gw_text_add_double(t, o->band.cells[0]);
	gw_text_add(t, "..");
	gw_text_add_double(t, o->band.cells[1]);
}

static const struct gw_setting outside_settings[] = {
	{.key = "outside",
		.type = GW_SET_TABLE,
		.offset = GW_CONDITION_FIELD(band),
		.required = true,
		.max = 2,
		.help = "True while the value is under the first or over the second number."},
	DEADBAND_ROW("How far inside the band it must come back to be false; default 0."),
	{0},
};

const struct gw_condition_kind gw_condition_outside = {
	.key = "outside",
	.settings = outside_settings,
	.on_points = true,
	.numbers_only = true,
	.check = check_outside,
	.evaluate = evaluate_outside,
	.quiet_band = quiet_band_outside,
	.worse = farther,
	.describe = describe_outside,
};

static void evaluate_is(const struct gw_condition_opts *o, void *memory,
	const struct gw_condition_input *in, struct gw_condition_result *result)
{
	(void)memory;
	if (!in->sample)
		return;
	result->value = in->sample->value;
	result->condition_true = (in->sample->value != 0) == o->is;
}

static void quiet_band_is(const struct gw_condition_opts *o, double *ret_lo, double *ret_hi)
{
	*ret_lo = *ret_hi = o->is ? 0 : 1;
}

static void describe_is(const struct gw_condition_opts *o, struct gw_text *t)
{
	gw_text_add(t, o->is ? "is true" : "is false");
}

static const struct gw_setting is_settings[] = {
	{.key = "is",
		.type = GW_SET_BOOL,
		.offset = GW_CONDITION_FIELD(is),
		.required = true,
		.help = "True while the discrete input has this value."},
	{0},
};

const struct gw_condition_kind gw_condition_is = {
	.key = "is",
	.settings = is_settings,
	.on_points = true,
	.evaluate = evaluate_is,
	.quiet_band = quiet_band_is,
	.worse = gw_never_worse,
	.describe = describe_is,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* `silent`: no usable sample for a time, a dead device. */
#include "alarm/condition_internal.h"

#include <math.h>

static void evaluate_silent(const struct gw_condition_opts *o, void *memory,
	const struct gw_condition_input *in, struct gw_condition_result *result)
{
	int64_t due_ns = in->last_current_ns + o->window_ns;

	(void)memory;
	result->condition_true = due_ns <= in->now_ns;
	result->due_ns = result->condition_true ? INT64_MAX : due_ns;
}

static void quiet_band_silent(
	const struct gw_condition_opts *o, double *ret_lo, double *ret_hi)
{
	(void)o;
	*ret_lo = -HUGE_VAL;
	*ret_hi = HUGE_VAL;
}

static void describe_silent(const struct gw_condition_opts *o, struct gw_text *t)
{
	gw_text_add(t, "silent ");
	gw_text_add_duration(t, o->window_ns);
}

static const struct gw_setting silent_settings[] = {
	{.key = "silent",
		.type = GW_SET_DURATION,
		.offset = GW_CONDITION_FIELD(window_ns),
		.required = true,
		.min = 1e8,
		.max = 366 * 86400e9,
		.help = "True after this long without a usable sample."},
	{0},
};

const struct gw_condition_kind gw_condition_silent = {
	.key = "silent",
	.settings = silent_settings,
	.on_points = true,
	.on_devices = true,
	.evaluate = evaluate_silent,
	.quiet_band = quiet_band_silent,
	.worse = gw_never_worse,
	.describe = describe_silent,
};

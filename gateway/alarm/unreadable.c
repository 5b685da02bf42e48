/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A dead point beside a living one: no usable sample of the point for a time although its device
 * goes on speaking. Only a refusal begins that time, because a point that says nothing may have
 * nothing to say; it ends with a usable sample. While the whole device is silent the point is not
 * unreadable as well, and when the device comes back the point has its time again: a polled one
 * from its next refusal on, since it is asked again; for another the last refusal still holds.
 */
#include "alarm/kinds.h"

#include <math.h>

struct unreadable {
	int64_t since_ns; /* refused since then and not readable; 0: not so */
};

static size_t memory(const struct gw_condition_opts *o)
{
	(void)o;
	return sizeof(struct unreadable);
}

/* A lost link is the source's fault, silence the device's. */
static bool is_refusal(enum gw_quality q)
{
	return !gw_quality_usable(q) && q != GW_QUALITY_NONE && q != GW_QUALITY_SILENT &&
		q != GW_QUALITY_BAD_LINK;
}

/* The refusal, or since when its device is back after a silence. */
static int64_t counts_from_ns(
	const struct unreadable *m, const struct gw_condition_input *in)
{
	return m->since_ns > in->device_recovered_ns ? m->since_ns
						     : in->device_recovered_ns;
}

/* One that speaks at all times is missed since its last word, another since then. */
static int64_t due_ns(const struct gw_condition_opts *o, const struct unreadable *m,
	const struct gw_condition_input *in)
{
	int64_t from_ns = counts_from_ns(m, in);

	return o->window_ns +
		(from_ns - in->last_good_ns < o->window_ns ? in->last_good_ns : from_ns);
}

/* Whether the device has gone on speaking. A polled one is heard at least twice in window_ns; one
 * that stopped just after this point did is about to be silent. */
static bool speaks(const struct gw_condition_opts *o, const struct unreadable *m,
	const struct gw_condition_input *in)
{
	return in->device_last_good_ns > counts_from_ns(m, in) &&
		(!o->is || in->now_ns - in->device_last_good_ns < o->window_ns / 2);
}

/* Its device has spoken since the link was last lost. */
static bool never_good(
	const struct gw_condition_opts *o, const struct gw_condition_input *in)
{
	return in->never_good && in->device_last_good_ns >= in->last_sample_ns &&
		o->fit_ns > 0 && in->now_ns - in->last_good_ns >= o->fit_ns;
}

static void evaluate(const struct gw_condition_opts *o, void *at,
	const struct gw_condition_input *in, struct gw_condition_result *result)
{
	struct unreadable *m = at;
	bool refused = is_refusal(in->quality);

	if (in->sample) {
		m->since_ns = 0;
		result->condition_true = false;
		return;
	}
	if (result->condition_true)
		return;
	if (in->last_good_ns > m->since_ns) /* readable meanwhile, or nothing of it yet */
		m->since_ns = refused ? in->last_sample_ns : 0;
	if (m->since_ns == 0) {
		result->condition_true = never_good(o, in);
	} else if (in->now_ns < due_ns(o, m, in)) {
		result->due_ns = due_ns(o, m, in);
	} else if (speaks(o, m, in)) {
		result->condition_true = true;
	} else if (o->is) {
		m->since_ns = 0; /* it is asked again, and the next refusal counts */
	} else {
		result->due_ns = in->now_ns + o->window_ns;
	}
}

/* Nobody listened meanwhile. */
static void paused(void *at, int64_t pause_ns)
{
	struct unreadable *m = at;

	if (m->since_ns)
		m->since_ns += pause_ns;
}

static void quiet_band(const struct gw_condition_opts *o, double *ret_lo, double *ret_hi)
{
	(void)o;
	*ret_lo = -HUGE_VAL;
	*ret_hi = HUGE_VAL;
}

static void describe(const struct gw_condition_opts *o, struct gw_text *t)
{
	gw_text_add(t, "unreadable ");
	gw_text_add_duration(t, o->window_ns);
}

static const struct gw_setting settings[] = {
	{.key = "unreadable",
		.type = GW_SET_DURATION,
		.offset = GW_CONDITION_FIELD(window_ns),
		.required = true,
		.min = 1e8,
		.max = 366 * 86400e9,
		.help = "True after this long without a usable sample of the point "
			"although its device speaks."},
	{0},
};

const struct gw_condition_kind gw_condition_unreadable = {
	.key = "unreadable",
	.settings = settings,
	.on_points = true,
	.on_bad_samples = true,
	.memory = memory,
	.evaluate = evaluate,
	.paused = paused,
	.quiet_band = quiet_band,
	.worse = gw_never_worse,
	.describe = describe,
};

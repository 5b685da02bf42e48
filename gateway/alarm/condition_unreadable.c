/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A dead point on a live device: no usable sample of the point for window_ns although its device
 * is heard. The time begins with a bad sample, because a point without any sample may simply not
 * have changed; it ends with a usable sample. While the whole device is silent the point is not
 * unreadable as well. When the device recovers the time begins again: for a polled device at the
 * next bad sample, for another at the recovery, as the last bad sample still counts.
 */
#include "alarm/condition_internal.h"

#include <math.h>

struct unreadable {
	int64_t since_ns; /* of the first bad sample since the last usable one; 0: none */
};

static size_t memory(const struct gw_condition_opts *o)
{
	(void)o;
	return sizeof(struct unreadable);
}

/* A lost link is reported by the source, silence by the device. */
static bool is_bad_sample(enum gw_quality q)
{
	return !gw_quality_usable(q) && q != GW_QUALITY_NONE && q != GW_QUALITY_SILENT &&
		q != GW_QUALITY_BAD_LINK;
}

/* The first bad sample, or the recovery of the device if that is later. */
static int64_t counts_from_ns(
	const struct unreadable *m, const struct gw_condition_input *in)
{
	return m->since_ns > in->device_recovered_ns ? m->since_ns
						     : in->device_recovered_ns;
}

/* A point with frequent samples is late since its last usable one, another since the bad one. */
static int64_t due_ns(const struct gw_condition_opts *o, const struct unreadable *m,
	const struct gw_condition_input *in)
{
	int64_t from_ns = counts_from_ns(m, in);

	return o->window_ns +
		(from_ns - in->last_current_ns < o->window_ns ? in->last_current_ns
							      : from_ns);
}

/* Whether the device has been heard since. A polled one is heard at least twice in window_ns; one
 * that stopped just after this point did is about to become silent. */
static bool device_heard(const struct gw_condition_opts *o, const struct unreadable *m,
	const struct gw_condition_input *in)
{
	return in->device_last_current_ns > counts_from_ns(m, in) &&
		(!o->polled || in->now_ns - in->device_last_current_ns < o->window_ns / 2);
}

/* The device has been heard since the link was last lost. */
static bool was_never_current(
	const struct gw_condition_opts *o, const struct gw_condition_input *in)
{
	return in->never_current && in->device_last_current_ns >= in->last_sample_ns &&
		o->never_current_ns > 0 &&
		in->now_ns - in->last_current_ns >= o->never_current_ns;
}

static void evaluate(const struct gw_condition_opts *o, void *at,
	const struct gw_condition_input *in, struct gw_condition_result *result)
{
	struct unreadable *m = at;
	bool bad = is_bad_sample(in->quality);

	if (in->sample) {
		m->since_ns = 0;
		result->condition_true = false;
		return;
	}
	if (result->condition_true)
		return;
	if (in->last_current_ns > m->since_ns) /* usable since, or no bad sample yet */
		m->since_ns = bad ? in->last_sample_ns : 0;
	if (m->since_ns == 0) {
		result->condition_true = was_never_current(o, in);
	} else if (in->now_ns < due_ns(o, m, in)) {
		result->due_ns = due_ns(o, m, in);
	} else if (device_heard(o, m, in)) {
		result->condition_true = true;
	} else if (o->polled) {
		m->since_ns = 0; /* it is polled again: the next bad sample counts */
	} else {
		result->due_ns = in->now_ns + o->window_ns;
	}
}

/* Nothing could be heard during the pause. */
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
		.help = "True after this long without a usable sample of the point although its device speaks."},
	{0},
};

static const struct gw_setting derived[] = {
	{.key = "polled", .type = GW_SET_BOOL, .offset = GW_CONDITION_FIELD(polled)},
	{.key = "never_good",
		.type = GW_SET_DURATION,
		.offset = GW_CONDITION_FIELD(never_current_ns)},
	{.key = NULL},
};

const struct gw_condition_kind gw_condition_unreadable = {
	.key = "unreadable",
	.settings = settings,
	.derived = derived,
	.on_points = true,
	.on_bad_samples = true,
	.memory = memory,
	.evaluate = evaluate,
	.paused = paused,
	.quiet_band = quiet_band,
	.worse = gw_never_worse,
	.describe = describe,
};

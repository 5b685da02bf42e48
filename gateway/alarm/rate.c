/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rises X per T, falls X per T: the value has moved by X within at most the last T. Answers as
 * soon as X is reached, so 10 °C per 1min answers a 30 °C/min fire after 20 s: the lower limits
 * of the response-time table of EN 54-5 for class A1.
 *
 * Robust to one spike: what is compared is the median of the last three samples. Robust to
 * irregular sampling: the window is held as slices of time, not as a number of samples. A gap
 * longer than T leaves nothing to compare with, so the rate starts afresh.
 *
 * Memory: 448 bytes an alarm, whatever the sampling rate.
 */
#include "alarm/kinds.h"

#include <assert.h>
#include <math.h>

#define RATE_SLICES 24

struct rate {
	double recent[3]; /* the last samples, newest last */
	int64_t last_ns;
	double extreme; /* of all slices */
	double moved;   /* from it, >= 0 */
	uint32_t n_recent, head, n, spare;
	struct {
		int64_t at_ns; /* of the extreme */
		double value;  /* lowest of the slice for rises, highest for falls */
	} slice[RATE_SLICES];  /* a circle: oldest at head */
};
static_assert(offsetof(struct rate, slice) == 64, "what every sample touches is one line");

static size_t rate_memory(const struct gw_condition_opts *o)
{
	(void)o;
	return sizeof(struct rate);
}

static double median3(const double v[3])
{
	double lo = v[0] < v[1] ? v[0] : v[1], hi = v[0] < v[1] ? v[1] : v[0];

	return v[2] < lo ? lo : v[2] > hi ? hi : v[2];
}

/* Drop slices older than the window; true if any was dropped. */
static bool forget_old(struct rate *m, int64_t oldest_ns)
{
	uint32_t before = m->n;

	while (m->n && m->slice[m->head].at_ns < oldest_ns) {
		m->head = (m->head + 1) % RATE_SLICES;
		m->n--;
	}
	return m->n != before;
}

/* sign +1: rises, a slice keeps its lowest; -1: falls, its highest. */
static void remember(
	struct rate *m, int64_t now_ns, double v, double sign, int64_t slice_ns)
{
	uint32_t last = (m->head + m->n - 1) % RATE_SLICES;

	if (m->n && now_ns / slice_ns == m->slice[last].at_ns / slice_ns) {
		if (sign * v <= sign * m->slice[last].value) {
			m->slice[last].value = v;
			m->slice[last].at_ns = now_ns;
		}
		return;
	}
	if (m->n == RATE_SLICES) {
		m->head = (m->head + 1) % RATE_SLICES;
		m->n--;
	}
	last = (m->head + m->n) % RATE_SLICES;
	m->slice[last].at_ns = now_ns;
	m->slice[last].value = v;
	m->n++;
}

static void find_extreme(struct rate *m, double sign)
{
	m->extreme = m->slice[m->head].value;
	for (uint32_t i = 1; i < m->n; i++) {
		double v = m->slice[(m->head + i) % RATE_SLICES].value;

		if (sign * v < sign * m->extreme)
			m->extreme = v;
	}
}

static bool absorb(const struct gw_condition_opts *o, struct rate *m, double sign,
	double value, int64_t now_ns)
{
	double v;

	if (m->n_recent && now_ns - m->last_ns > o->window_ns)
		m->n_recent = m->n = 0;
	m->last_ns = now_ns;
	m->recent[0] = m->recent[1];
	m->recent[1] = m->recent[2];
	m->recent[2] = value;
	m->moved = 0;
	if (m->n_recent < 3 && ++m->n_recent < 3)
		return false;
	v = median3(m->recent);
	if (forget_old(m, now_ns - o->window_ns) && m->n)
		find_extreme(m, sign);
	if (m->n == 0 || sign * v < sign * m->extreme)
		m->extreme = v;
	remember(m, now_ns, v, sign, o->window_ns / (RATE_SLICES - 2) + 1);
	m->moved = sign * (v - m->extreme);
	return m->moved >= o->limit;
}

static bool absorb_rises(const struct gw_condition_opts *o, void *memory,
	const struct gw_sample *sample, int64_t now_ns)
{
	return absorb(o, memory, 1, sample->value, now_ns);
}

static bool absorb_falls(const struct gw_condition_opts *o, void *memory,
	const struct gw_sample *sample, int64_t now_ns)
{
	return absorb(o, memory, -1, sample->value, now_ns);
}

static void ask_rate(const struct gw_condition_opts *o, void *memory,
	const struct gw_condition_input *in, struct gw_condition_answer *answer)
{
	const struct rate *m = memory;

	answer->limit = o->limit;
	if (!in->sample)
		return;
	answer->value = in->sample->value;
	if (m->n_recent < 3)
		return;
	if (m->moved >= o->limit)
		answer->truth = true;
	else if (m->moved < o->limit - gw_table_number(&o->deadband, o->limit / 10))
		answer->truth = false;
}

static void check_rate(const struct gw_condition_opts *o, struct gw_report *report)
{
	double deadband = gw_table_number(&o->deadband, 0);

	if (!(o->limit > 0))
		gw_report(report, &o->limit, "the change must be greater than 0");
	if (deadband < 0 || deadband > o->limit)
		gw_report(report, &o->deadband,
			"a deadband must be between 0 and the change");
}

static bool less(const struct gw_condition_opts *o, double a, double b)
{
	(void)o;
	return a < b;
}

static void describe(const struct gw_condition_opts *o, struct gw_text *t)
{
	gw_text_addf(t, "%s ", o->kind->key);
	gw_text_add_double(t, o->limit);
	gw_text_add(t, " per ");
	gw_text_add_duration(t, o->window_ns);
}

#define RATE_ROWS(word) \
	{.key = word, \
		.type = GW_SET_DOUBLE, \
		.offset = GW_CONDITION_FIELD(limit), \
		.required = true, \
		.help = "By how much, in the point's unit."}, \
		{.key = "per", \
			.type = GW_SET_DURATION, \
			.offset = GW_CONDITION_FIELD(window_ns), \
			.required = true, \
			.min = 1e9, \
			.max = 86400e9, \
			.help = "Within how long."}, \
		{.key = "deadband", \
			.type = GW_SET_TABLE, \
			.offset = GW_CONDITION_FIELD(deadband), \
			.max = 1, \
			.help = "False again once the change is this much under it; " \
				"default a " \
				"tenth of it."}, \
	{ \
		0 \
	}

static const struct gw_setting rises_settings[] = {RATE_ROWS("rises")};
static const struct gw_setting falls_settings[] = {RATE_ROWS("falls")};

const struct gw_condition_kind gw_rises = {
	.key = "rises",
	.settings = rises_settings,
	.on_points = true,
	.numbers_only = true,
	.check = check_rate,
	.memory = rate_memory,
	.absorb = absorb_rises,
	.ask = ask_rate,
	.describe = describe,
};

const struct gw_condition_kind gw_falls = {
	.key = "falls",
	.settings = falls_settings,
	.on_points = true,
	.numbers_only = true,
	.check = check_rate,
	.memory = rate_memory,
	.absorb = absorb_falls,
	.ask = ask_rate,
	.worse = less,
	.describe = describe,
};

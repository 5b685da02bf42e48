/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rises X per T, falls X per T: the value has changed by X within at most the last T. True as
 * soon as X is reached, so 10 °C per 1min responds to a 30 °C/min fire after 20 s: the lower
 * limits of the response-time table of EN 54-5 for class A1.
 *
 * Robust to one spike: the median of the last three samples is compared. Robust to irregular
 * sampling: the window is kept as slices of time, T / 22 each, not as a number of samples. A slice
 * counts until all of it has left the window. After a gap longer than T the rate starts again.
 *
 * Memory: 288 bytes an alarm, whatever the sampling rate.
 */
#include "alarm/condition_internal.h"

#include <math.h>

#define RATE_SLICES     24
#define RATE_SLICE_MASK ((UINT32_C(1) << RATE_SLICES) - 1)

struct rate {
	/* What every sample touches. Values of `falls` are negated, so that it rises, too. */
	double recent[2];   /* the last two samples, newest last */
	double open_min;    /* of the open slice */
	double closed_min;  /* of the closed slices; infinite if there are none */
	int64_t last_ns;    /* of the last sample */
	int64_t refresh_ns; /* a slice ends or leaves the window; 0: closed_min is unknown */
	double change;      /* of the last median from the lowest; >= 0 */
	double limit;       /* a copy of the option, in this cache line */
	/* What the end of a slice touches. */
	int64_t window_ns; /* a copy of the option */
	int64_t width_ns;  /* of a slice */
	int64_t open_end_ns;
	uint32_t
		slices_held; /* closed slices by age: bit 0 is the one before the open one */
	uint8_t newest;      /* index of the slice that bit 0 stands for */
	uint8_t missing;     /* samples until there is a median */
	bool started;
	double value[RATE_SLICES]; /* lowest of each closed slice, circular */
};
static_assert(offsetof(struct rate, window_ns) == 64, "a sample touches one line");

static size_t rate_memory(const struct gw_condition_opts *o)
{
	(void)o;
	return sizeof(struct rate);
}

static double median3(double a, double b, double c)
{
	double lo = gw_min(a, b), hi = gw_max(a, b);

	return gw_max(lo, gw_min(hi, c));
}

/* Index of a closed slice. */
static inline unsigned slice_at(const struct rate *m, int age)
{
	return (m->newest + RATE_SLICES - (unsigned)age) % RATE_SLICES;
}

static int64_t slice_end_ns(const struct rate *m, int age)
{
	return m->open_end_ns - (age + 1) * m->width_ns;
}

static int oldest(const struct rate *m)
{
	return 31 - __builtin_clz(m->slices_held);
}

static double min_closed(const struct rate *m)
{
	double v = HUGE_VAL;

	for (uint32_t left = m->slices_held; left; left &= left - 1)
		v = gw_min(v, m->value[slice_at(m, __builtin_ctz(left))]);
	return v;
}

/* The next slice begins with v, and the minimum of the open one is kept. No gap is longer than the
 * window, so it spans fewer than RATE_SLICES. */
static inline void begin_slice(struct rate *m, int64_t now_ns, double v)
{
	int64_t slices = 1;

	if (m->open_end_ns == 0) {
		m->open_end_ns = (now_ns / m->width_ns + 1) * m->width_ns;
		m->open_min = v;
		return;
	}
	if (now_ns - m->open_end_ns >=
		m->width_ns) /* < 24, so a double is exact; faster than an integer division */
		slices += (int64_t)((double)(now_ns - m->open_end_ns) /
			(double)m->width_ns);
	m->open_end_ns += slices * m->width_ns;
	m->value[(m->newest + 1u) % RATE_SLICES] = m->open_min;
	m->newest = (uint8_t)((m->newest + (unsigned)slices) % RATE_SLICES);
	m->slices_held = (m->slices_held << slices | UINT32_C(1) << (slices - 1)) &
		RATE_SLICE_MASK;
	m->open_min = v;
}

/* A slice ended, or the oldest left the window, or closed_min is not known. */
static void refresh_window(struct rate *m, int64_t now_ns, double v)
{
	bool known = m->refresh_ns != 0;

	while (m->slices_held && slice_end_ns(m, oldest(m)) < now_ns - m->window_ns) {
		known &= m->value[slice_at(m, oldest(m))] > m->closed_min;
		m->slices_held &= ~(UINT32_C(1) << oldest(m));
	}
	if (now_ns >= m->open_end_ns) {
		m->closed_min = gw_min(m->closed_min, m->open_min);
		begin_slice(m, now_ns, v);
	}
	if (!known)
		m->closed_min = min_closed(m);
	m->refresh_ns = m->open_end_ns;
	if (m->slices_held)
		m->refresh_ns = gw_min_ns(
			m->refresh_ns, slice_end_ns(m, oldest(m)) + m->window_ns + 1);
}

static void restart(struct rate *m)
{
	m->missing = 3;
	m->slices_held = 0;
	m->open_end_ns = 0;
	m->refresh_ns = 0;
}

/* Returns whether there are three samples since the start, and their median. */
static inline bool push_recent(
	struct rate *m, double value, int64_t now_ns, double *ret_median)
{
	m->last_ns = now_ns;
	*ret_median = median3(m->recent[0], m->recent[1], value);
	m->recent[0] = m->recent[1];
	m->recent[1] = value;
	return !m->missing || --m->missing == 0;
}

static bool absorb(
	const struct gw_condition_opts *o, struct rate *m, double value, int64_t now_ns)
{
	double v;

	if (!m->started) {
		m->started = true;
		m->limit = o->limit;
		m->window_ns = o->window_ns;
		m->width_ns = o->window_ns / (RATE_SLICES - 2) + 1;
		restart(m);
	} else if (now_ns - m->last_ns > m->window_ns) {
		restart(m);
	}
	if (!push_recent(m, value, now_ns, &v))
		return false;
	if (now_ns >= m->refresh_ns)
		refresh_window(m, now_ns, v);
	m->open_min = gw_min(m->open_min, v);
	m->change = v - gw_min(m->open_min, m->closed_min);
	return m->change >= m->limit;
}

/* As absorb for each, but without closed_min and change: the next absorb computes them. */
static inline void absorb_buffered(
	struct rate *m, double sign, const struct gw_buffered_run *run)
{
	for (size_t i = 0; i < run->n; i++) {
		int64_t now_ns = run->samples[i].boot_ns;
		double v;

		if (now_ns - m->last_ns > m->window_ns)
			restart(m);
		if (!push_recent(m, sign * run->samples[i].value, now_ns, &v))
			continue;
		if (now_ns >= m->open_end_ns)
			begin_slice(m, now_ns, v);
		else
			m->open_min = gw_min(m->open_min, v);
	}
	m->refresh_ns = 0;
}

static bool absorb_rises(const struct gw_condition_opts *o, void *memory,
	const struct gw_sample *sample, int64_t now_ns)
{
	return absorb(o, memory, sample->value, now_ns);
}

static bool absorb_falls(const struct gw_condition_opts *o, void *memory,
	const struct gw_sample *sample, int64_t now_ns)
{
	return absorb(o, memory, -sample->value, now_ns);
}

static void absorb_buffered_rises(void *memory, const struct gw_buffered_run *run)
{
	absorb_buffered(memory, 1, run);
}

static void absorb_buffered_falls(void *memory, const struct gw_buffered_run *run)
{
	absorb_buffered(memory, -1, run);
}

/*
 * Two values in a band narrower than the limit cannot differ by the limit, and a slice that leaves
 * the window can only raise the minimum, so the band has no end in time. It reaches from 0.4 of
 * what is left to the limit below the minimum to 0.5 of it below the limit above the minimum.
 * Medians stay in the band as well: the last median lies in it, so the last two samples are not
 * both over it, nor both under it.
 */
static bool quiet_band_rises(const struct gw_condition_opts *o, const void *memory,
	struct gw_quiet_band *ret_band)
{
	const struct rate *m = memory;
	double base = gw_min(m->open_min, m->closed_min), left = m->limit - m->change;
	double lo = base - 0.4 * left, hi = base + m->limit - 0.5 * left;

	(void)o;
	ret_band->lo = lo;
	ret_band->hi = hi;
	return m->started && !m->missing && m->refresh_ns != 0 && hi - lo < m->limit;
}

static bool quiet_band_falls(const struct gw_condition_opts *o, const void *memory,
	struct gw_quiet_band *ret_band)
{
	struct gw_quiet_band turned = {0};
	bool is_quiet = quiet_band_rises(o, memory, &turned);

	ret_band->lo = -turned.hi;
	ret_band->hi = -turned.lo;
	return is_quiet;
}

static void evaluate_rate(const struct gw_condition_opts *o, void *memory,
	const struct gw_condition_input *in, struct gw_condition_result *result)
{
	const struct rate *m = memory;

	result->limit = o->limit;
	if (!in->sample)
		return;
	result->value = in->sample->value;
	if (m->missing)
		return;
	if (m->change >= o->limit)
		result->condition_true = true;
	else if (m->change < o->limit - gw_table_number(&o->deadband, o->limit / 10))
		result->condition_true = false;
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

const struct gw_condition_kind gw_condition_rises = {
	.key = "rises",
	.settings = rises_settings,
	.on_points = true,
	.numbers_only = true,
	.check = check_rate,
	.memory = rate_memory,
	.absorb = absorb_rises,
	.history_quiet_band = quiet_band_rises,
	.absorb_buffered = absorb_buffered_rises,
	.needs_each_sample = true,
	.evaluate = evaluate_rate,
	.describe = describe,
};

const struct gw_condition_kind gw_condition_falls = {
	.key = "falls",
	.settings = falls_settings,
	.on_points = true,
	.numbers_only = true,
	.check = check_rate,
	.memory = rate_memory,
	.absorb = absorb_falls,
	.history_quiet_band = quiet_band_falls,
	.absorb_buffered = absorb_buffered_falls,
	.needs_each_sample = true,
	.evaluate = evaluate_rate,
	.worse = gw_worse_if_less,
	.describe = describe,
};

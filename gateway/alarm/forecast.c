/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reaches X, within T: the trend of the last `fit` will cross X within T. The trend is the
 * median of all slopes between slices of the window (Theil-Sen), so single outliers do not turn
 * it; it counts only if it is significant (Mann-Kendall, three sigma) and both halves of the
 * window agree, so that one step (a door, a valve) is not taken for a trend. Raised and withdrawn
 * only after two evaluations in a row say so.
 *
 * X is watched from the side where the value is at home: a gas that falls back towards the limit
 * it crossed does not "reach" it. Home moves only after a whole window at rest on the other side.
 *
 * Memory: 368 bytes an alarm. Work is done once a slice, not per sample.
 */
#include "alarm/kinds.h"

#include <assert.h>
#include <math.h>

#define FIT_SLICES 20
#define FIT_LEAST  12 /* slices with data before a trend is believed */
#define FIT_PAIRS  (FIT_SLICES * (FIT_SLICES - 1) / 2)
#define FIT_SIGMA  3.0
#define FIT_TURNS  2 /* evaluations in a row */

struct slice {
	int64_t number; /* time in widths of a slice */
	double mean;
};

struct forecast {
	int64_t slice_end_ns; /* of the open slice; what every sample touches comes first */
	double sum;
	uint32_t count; /* samples in the open slice */
	uint16_t head, n;
	int64_t slice_number; /* of the open slice */
	int64_t eta_ms;
	bool settled, home_over; /* where home is, is known; and it is over X */
	uint8_t away;            /* evaluations in a row at rest on the other side */
	uint8_t turns;      /* evaluations in a row that speak against the present truth */
	bool judged, found; /* there is a new evaluation, and what it found */
	struct slice slice[FIT_SLICES]; /* a circle, oldest at head */
};
static_assert(offsetof(struct forecast, slice) <= 64, "a sample touches one line");

static size_t forecast_memory(const struct gw_condition_opts *o)
{
	(void)o;
	return sizeof(struct forecast);
}

static int64_t slice_ns(const struct gw_condition_opts *o)
{
	return (o->fit_ns ? o->fit_ns : o->window_ns) / FIT_SLICES;
}

/* Put the k-th smallest at its place, none greater before it, none smaller behind it. Not
 * qsort, which takes memory from the heap and sorts all to find one. */
static void put_in_place(double *v, size_t n, size_t k)
{
	size_t lo = 0, hi = n - 1;

	while (lo < hi) {
		double pivot = v[lo + (hi - lo) / 2], swap;
		size_t i = lo, j = hi;

		while (i <= j) {
			while (v[i] < pivot)
				i++;
			while (v[j] > pivot)
				j--;
			if (i > j)
				break;
			swap = v[i];
			v[i++] = v[j];
			v[j] = swap;
			if (j == 0)
				break;
			j--;
		}
		if (k <= j)
			hi = j;
		else if (k >= i)
			lo = i;
		else
			return;
	}
}

static double median(double *v, size_t n)
{
	double below;

	put_in_place(v, n, n / 2);
	if (n % 2)
		return v[n / 2];
	below = v[0];
	for (size_t i = 1; i < n / 2; i++)
		below = gw_greater(below, v[i]);
	return (below + v[n / 2]) / 2;
}

static double slope_of(const double *t, const double *y, size_t n)
{
	double slopes[FIT_PAIRS];
	size_t k = 0;

	for (size_t j = 1; j < n; j++)
		for (size_t i = 0; i < j; i++)
			slopes[k++] = (y[j] - y[i]) / (t[j] - t[i]);
	return median(slopes, k);
}

/* Mann-Kendall: whether more pairs rise than fall, or fall than rise, than chance allows. */
static bool significant(const double *y, size_t count)
{
	double s = 0, n = (double)count, var = n * (n - 1) * (2 * n + 5) / 18;

	for (size_t j = 1; j < count; j++)
		for (size_t i = 0; i < j; i++)
			s += (y[j] > y[i]) - (y[j] < y[i]);
	return fabs(s) - 1 >= FIT_SIGMA * sqrt(var);
}

/* In the same direction, and at least a third as steep. */
static bool agrees(double part, double whole)
{
	return part / whole >= 1.0 / 3;
}

/* Whether the slices show a trend; ret_slope per slice, ret_now its level at the newest, or
 * that of the window if there is no trend. */
static bool trend(const struct forecast *m, double *ret_slope, double *ret_now)
{
	double t[FIT_SLICES] = {0}, y[FIT_SLICES] = {0}, level[FIT_SLICES], whole;
	size_t n = m->n, half = n / 2;

	for (size_t i = 0; i < n; i++) {
		const struct slice *s = &m->slice[(m->head + i) % FIT_SLICES];

		t[i] = (double)(s->number - m->slice_number);
		y[i] = s->mean;
	}
	/* The slopes are most of the work, and in calm times nobody needs them. */
	whole = significant(y, n) ? slope_of(t, y, n) : 0;
	for (size_t i = 0; i < n; i++)
		level[i] = y[i] - whole * (t[i] - t[n - 1]);
	*ret_now = median(level, n);
	*ret_slope = whole;
	return fpclassify(whole) != FP_ZERO && agrees(slope_of(t, y, half), whole) &&
		agrees(slope_of(t + half, y + half, n - half), whole);
}

static bool evaluate(const struct gw_condition_opts *o, struct forecast *m)
{
	double slope, now, eta_ns;
	bool moving = trend(m, &slope, &now), over = now > o->limit;

	m->eta_ms = -1;
	m->away = over == m->home_over || moving ? 0 : (uint8_t)(m->away + 1);
	if (!m->settled || m->away == FIT_SLICES) {
		m->settled = true;
		m->home_over = over;
		m->away = 0;
	}
	if (!moving || (signbit(slope) != 0) != m->home_over)
		return false;
	/* 0 if it is through already */
	eta_ns = fmax((o->limit - now) / slope, 0) * (double)slice_ns(o);
	if (eta_ns > (double)o->window_ns)
		return false;
	m->eta_ms = (int64_t)(eta_ns / 1e6);
	return true;
}

/* The open slice is over: move it into the circle, unless it is older than the window too. */
static void close_slice(struct forecast *m, int64_t oldest)
{
	while (m->n && m->slice[m->head].number < oldest) {
		m->head = (uint16_t)((m->head + 1) % FIT_SLICES);
		m->n--;
	}
	if (m->slice_number >= oldest)
		m->slice[(m->head + m->n++) % FIT_SLICES] = (struct slice){
			.number = m->slice_number, .mean = m->sum / m->count};
	m->sum = 0;
	m->count = 0;
}

static void turn_slice(
	const struct gw_condition_opts *o, struct forecast *m, int64_t now_ns)
{
	int64_t number = now_ns / slice_ns(o);

	if (m->count) {
		close_slice(m, number - FIT_SLICES);
		m->found = m->n >= FIT_LEAST && evaluate(o, m);
		m->judged = true;
	}
	m->slice_number = number;
	m->slice_end_ns = (number + 1) * slice_ns(o);
}

static bool absorb(const struct gw_condition_opts *o, void *memory,
	const struct gw_sample *sample, int64_t now_ns)
{
	struct forecast *m = memory;

	if (now_ns >= m->slice_end_ns)
		turn_slice(o, m, now_ns);
	m->sum += sample->value;
	m->count++;
	return m->judged;
}

static void ask_forecast(const struct gw_condition_opts *o, void *memory,
	const struct gw_condition_input *in, struct gw_condition_answer *answer)
{
	struct forecast *m = memory;

	answer->limit = o->limit;
	if (in->sample)
		answer->value = in->sample->value;
	if (m->judged) {
		m->judged = false;
		m->turns = m->found == answer->truth ? 0 : (uint8_t)(m->turns + 1);
		if (m->turns >= FIT_TURNS) {
			answer->truth = m->found;
			m->turns = 0;
		}
	}
	answer->eta_ms = answer->truth ? m->eta_ms : -1;
}

static void describe(const struct gw_condition_opts *o, struct gw_text *t)
{
	gw_text_add(t, "reaches ");
	gw_text_add_double(t, o->limit);
	gw_text_add(t, " within ");
	gw_text_add_duration(t, o->window_ns);
}

static const struct gw_setting settings[] = {
	{.key = "reaches",
		.type = GW_SET_DOUBLE,
		.offset = GW_CONDITION_FIELD(limit),
		.required = true,
		.help = "The limit the trend is heading for."},
	{.key = "within",
		.type = GW_SET_DURATION,
		.offset = GW_CONDITION_FIELD(window_ns),
		.required = true,
		.min = 10e9,
		.max = 30 * 86400e9,
		.help = "How far ahead to warn."},
	{.key = "fit",
		.type = GW_SET_DURATION,
		.offset = GW_CONDITION_FIELD(fit_ns),
		.min = 10e9,
		.max = 30 * 86400e9,
		.help = "How much of the past the trend is taken from; default as within."},
	{0},
};

const struct gw_condition_kind gw_reaches = {
	.key = "reaches",
	.settings = settings,
	.on_points = true,
	.numbers_only = true,
	.memory = forecast_memory,
	.absorb = absorb,
	.ask = ask_forecast,
	.worse = gw_kind_never_worse,
	.describe = describe,
};

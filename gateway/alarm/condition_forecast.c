/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reaches X, within T: the trend of the last `fit` will cross X within T. The window is cut into
 * slices, each with the mean of its samples. The trend is the median of all slopes between slices
 * (Theil-Sen), so single outliers do not turn it. It counts only if it is significant
 * (Mann-Kendall, three sigma) and both halves of the window agree, so that one step (a door, a
 * valve) is not taken for a trend. Becomes true or false only after two evaluations in a row.
 *
 * Only a value that approaches X from its home side reaches X: a gas that falls back towards the
 * limit it crossed does not. Home is the side of X on which the value usually is. It changes only
 * after a whole window without a trend on the other side.
 *
 * Memory: 192 bytes an alarm. The trend is computed once a slice, not per sample.
 */
#include "alarm/condition_internal.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#define FIT_SLICES        20
#define FIT_SLICES_MIN    12 /* slices with data that a trend needs */
#define FIT_PAIRS         (FIT_SLICES * (FIT_SLICES - 1) / 2)
#define FIT_SIGMA         3.0
#define FIT_CONFIRMATIONS 2 /* evaluations in a row */

#define NO_ETA UINT32_MAX /* ms; 30 days fit */

struct forecast {
	int64_t slice_end_ns; /* of the open slice; first what every sample touches */
	double sum;
	uint32_t count; /* samples in the open slice */
	uint32_t
		slices_held; /* closed ones with data, by age; bit 0: before the open one */
	uint32_t eta_ms;
	int16_t kendall_score; /* Mann-Kendall: pairs of slices that rise minus those that fall */
	uint8_t newest : 5; /* index of the slice that bit 0 of slices_held stands for */
	uint8_t contrary_turns : 2; /* evaluations in a row that contradict the condition */
	bool home_known : 1;
	uint8_t turns_away : 5; /* evaluations in a row without a trend on the other side */
	bool home_over : 1;     /* home is the side over X */
	bool evaluated : 1,
		reaches : 1; /* there is a new trend evaluation; it says that X is reached */
	double mean[FIT_SLICES]; /* of each closed slice, circular; NaN: no data */
};
static_assert(offsetof(struct forecast, mean) == 32, "a sample touches one line");

static size_t forecast_memory(const struct gw_condition_opts *o)
{
	(void)o;
	return sizeof(struct forecast);
}

static int64_t slice_ns(const struct gw_condition_opts *o)
{
	return (o->fit_ns ? o->fit_ns : o->window_ns) / FIT_SLICES;
}

/* Quickselect: v[k] becomes the k-th smallest, none greater before it, none smaller behind it. Not
 * qsort, which may allocate and sorts all to find one. */
static void select_kth(double *v, size_t n, size_t k)
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

	select_kth(v, n, n / 2);
	if (n % 2)
		return v[n / 2];
	below = v[0];
	for (size_t i = 1; i < n / 2; i++)
		below = gw_max(below, v[i]);
	return (below + v[n / 2]) / 2;
}

static double median_slope(const double *t, const double *y, size_t n)
{
	double slopes[FIT_PAIRS];
	size_t k = 0;

	for (size_t j = 1; j < n; j++)
		for (size_t i = 0; i < j; i++)
			slopes[k++] = (y[j] - y[i]) / (t[j] - t[i]);
	return median(slopes, k);
}

/* Mann-Kendall: whether more pairs of slices rise than fall, or the reverse, than by chance. */
static bool significant(int kendall_score, size_t count)
{
	double n = (double)count, var = n * (n - 1) * (2 * n + 5) / 18;
	double over = gw_max(abs(kendall_score) - 1, 0);

	return over * over >= FIT_SIGMA * FIT_SIGMA * var;
}

/* Same direction, and at least a third as steep. */
static bool agrees(double part, double whole)
{
	return part / whole >= 1.0 / 3;
}

static double *mean_at(struct forecast *m, int64_t age)
{
	return &m->mean[(m->newest + FIT_SLICES - age) % FIT_SLICES];
}

static size_t count_slices(const struct forecast *m)
{
	return (size_t)__builtin_popcount(m->slices_held);
}

static int oldest(const struct forecast *m)
{
	return 31 - __builtin_clz(m->slices_held);
}

static int64_t count_over(const struct forecast *m, double y)
{
	int64_t n = 0; /* as wide as what is compared */

	for (int i = 0; i < FIT_SLICES; i++)
		n += m->mean[i] > y;
	return n;
}

static int64_t count_under(const struct forecast *m, double y)
{
	int64_t n = 0;

	for (int i = 0; i < FIT_SLICES; i++)
		n += m->mean[i] < y;
	return n;
}

/* Whether the slices show a trend. ret_slope is per slice; ret_now is the level of the trend at the
 * newest slice, or the median of the window if there is none. */
static bool trend(struct forecast *m, double *ret_slope, double *ret_now)
{
	double t[FIT_SLICES] = {0}, y[FIT_SLICES] = {0}, level[FIT_SLICES], whole;
	size_t n = 0, half;

	for (int age = FIT_SLICES - 1; age >= 0; age--)
		if (m->slices_held >> age & 1) {
			t[n] = -age;
			y[n++] = *mean_at(m, age);
		}
	half = n / 2;
	/* The slopes are most of the work; without a significant score they are not needed. */
	whole = significant(m->kendall_score, n) ? median_slope(t, y, n) : 0;
	for (size_t i = 0; i < n; i++)
		level[i] = y[i] - whole * (t[i] - t[n - 1]);
	*ret_now = median(level, n);
	*ret_slope = whole;
	return fpclassify(whole) != FP_ZERO && agrees(median_slope(t, y, half), whole) &&
		agrees(median_slope(t + half, y + half, n - half), whole);
}

static bool evaluate_trend(const struct gw_condition_opts *o, struct forecast *m)
{
	double slope, now, eta_ns;
	bool moving = false, over;
	int64_t n = (int64_t)count_slices(m), most = 2 * count_over(m, o->limit) - n;

	if (most != 0 && !significant(m->kendall_score, (size_t)n)) {
		over = most > 0; /* the median is on the side of most slices */
	} else {
		moving = trend(m, &slope, &now);
		over = now > o->limit;
	}
	m->eta_ms = NO_ETA;
	m->turns_away = over == m->home_over || moving ? 0 : (m->turns_away + 1) & 31;
	if (!m->home_known || m->turns_away == FIT_SLICES) {
		m->home_known = true;
		m->home_over = over;
		m->turns_away = 0;
	}
	if (!moving || (signbit(slope) != 0) != m->home_over)
		return false;
	/* 0 if the trend has crossed it already */
	eta_ns = fmax((o->limit - now) / slope, 0) * (double)slice_ns(o);
	if (eta_ns > (double)o->window_ns)
		return false;
	m->eta_ms = (uint32_t)(eta_ns / 1e6);
	return true;
}

/* The open slice ends, and `slices` slices later the next begins. It joins the closed ones, unless
 * it is older than the window by then. */
static void shift_slices(struct forecast *m, int64_t slices)
{
	while (m->slices_held && oldest(m) + slices >= FIT_SLICES) {
		double *y = mean_at(m, oldest(m));

		m->kendall_score = (int16_t)(m->kendall_score - count_over(m, *y) +
			count_under(m, *y));
		*y = (double)NAN;
		m->slices_held &= ~(UINT32_C(1) << oldest(m));
	}
	m->slices_held = slices < FIT_SLICES ? m->slices_held << slices : 0;
	m->newest = (unsigned)((m->newest + slices) % FIT_SLICES) & 31;
	if (slices <= FIT_SLICES) {
		double y = m->sum / m->count;

		m->kendall_score = (int16_t)(m->kendall_score + count_under(m, y) -
			count_over(m, y));
		m->slices_held |= UINT32_C(1) << (slices - 1);
		*mean_at(m, slices - 1) = y;
	}
	m->sum = 0;
	m->count = 0;
}

static void end_slice(const struct gw_condition_opts *o, struct forecast *m, int64_t now_ns)
{
	int64_t late_ns = now_ns - m->slice_end_ns, width_ns = slice_ns(o);
	int64_t slices = late_ns < width_ns ? 1 : 1 + late_ns / width_ns;

	if (m->count) {
		shift_slices(m, slices);
		m->reaches = count_slices(m) >= FIT_SLICES_MIN && evaluate_trend(o, m);
		m->evaluated = true;
	} else {
		for (int i = 0; i < FIT_SLICES; i++)
			m->mean[i] = (double)NAN;
	}
	m->slice_end_ns += slices * width_ns;
}

static bool absorb(const struct gw_condition_opts *o, void *memory,
	const struct gw_sample *sample, int64_t now_ns)
{
	struct forecast *m = memory;

	if (now_ns >= m->slice_end_ns)
		end_slice(o, m, now_ns);
	m->sum += sample->value;
	m->count++;
	return m->evaluated && (m->reaches || m->contrary_turns);
}

static bool history_quiet_band(const struct gw_condition_opts *o, const void *memory,
	struct gw_quiet_band *ret_band)
{
	const struct forecast *m = memory;

	(void)o;
	ret_band->until_ns = m->slice_end_ns;
	ret_band->sum = m->sum;
	return true;
}

/* history_quiet_band ends with the slice, so none of them ends it. */
static void absorb_buffered(void *memory, const struct gw_buffered_run *run)
{
	struct forecast *m = memory;

	m->count += (uint32_t)run->n;
	if (!run->samples)
		m->sum = run->sum;
	else
		for (size_t i = 0; i < run->n; i++)
			m->sum += run->samples[i].value;
}

static void evaluate_forecast(const struct gw_condition_opts *o, void *memory,
	const struct gw_condition_input *in, struct gw_condition_result *result)
{
	struct forecast *m = memory;

	result->limit = o->limit;
	if (in->sample)
		result->value = in->sample->value;
	if (m->evaluated) {
		m->evaluated = false;
		m->contrary_turns = m->reaches == result->condition_true
			? 0
			: (m->contrary_turns + 1) & 3;
		if (m->contrary_turns >= FIT_CONFIRMATIONS) {
			result->condition_true = m->reaches;
			m->contrary_turns = 0;
		}
	}
	if (result->condition_true && m->eta_ms != NO_ETA)
		result->eta_ms = m->eta_ms;
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

const struct gw_condition_kind gw_condition_reaches = {
	.key = "reaches",
	.settings = settings,
	.on_points = true,
	.numbers_only = true,
	.memory = forecast_memory,
	.absorb = absorb,
	.history_quiet_band = history_quiet_band,
	.absorb_buffered = absorb_buffered,
	.needs_sum = true,
	.evaluate = evaluate_forecast,
	.worse = gw_never_worse,
	.describe = describe,
};

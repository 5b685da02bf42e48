/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A forecast against a slow and simple reference, which takes the slices anew from the whole list
 * of samples whenever one is over. The values are flats, ramps, steps and noise in small whole
 * numbers, so that edges are hit and not only passed; samples are irregular, bad, and missing for
 * whole slices. Most scenarios are short; some are long enough for home to move.
 */
#include "reference_fixture.h"

#define WINDOW 20 /* slices in it */
#define LEAST  12 /* with samples, for a trend */

static int64_t slice_ns;

/* ---- the reference ---- */

static double middle(double *v, int n)
{
	for (int i = 1, k; i < n; i++) { /* most often they are alike: qsort is slower */
		double x = v[i];

		for (k = i; k > 0 && v[k - 1] > x; k--)
			v[k] = v[k - 1];
		v[k] = x;
	}
	return (v[(n - 1) / 2] + v[n / 2]) / 2;
}

struct slices {
	int n;
	int at[WINDOW]; /* number of the slice, 0 for the window's oldest */
	double mean[WINDOW];
};

static int64_t slice_of(int64_t at_ns)
{
	return (FIXTURE_START_NS + at_ns) / slice_ns;
}

/* The WINDOW slices before the one sample k lies in, from the samples before k. */
static void gather(struct slices *w, const struct scenario *s, size_t k)
{
	int64_t oldest = slice_of(s->in[k].at_ns) - WINDOW;
	double sum[WINDOW] = {0};
	int count[WINDOW] = {0};

	for (size_t i = 0; i < k; i++) {
		int64_t at = slice_of(s->in[i].at_ns) - oldest;

		if (!good(&s->in[i]) || at < 0 || at >= WINDOW)
			continue;
		sum[at] += s->in[i].value;
		count[at]++;
	}
	w->n = 0;
	for (int i = 0; i < WINDOW; i++)
		if (count[i]) {
			w->at[w->n] = i;
			w->mean[w->n++] = sum[i] / count[i];
		}
}

/* Mann-Kendall, three sigma. */
static bool significant(const struct slices *w)
{
	int s = 0, n = w->n;

	for (int i = 0; i < n; i++)
		for (int j = 0; j < i; j++)
			s += (w->mean[i] > w->mean[j]) - (w->mean[i] < w->mean[j]);
	return (abs(s) - 1) / sqrt(n * (n - 1) * (2 * n + 5) / 18.0) >= 3;
}

/* Theil-Sen over slices from .. to - 1. */
static double slope_of(const struct slices *w, int from, int to)
{
	double v[WINDOW * WINDOW];
	int n = 0;

	for (int i = from; i < to; i++)
		for (int j = from; j < i; j++)
			v[n++] = (w->mean[i] - w->mean[j]) / (w->at[i] - w->at[j]);
	return middle(v, n);
}

struct trend {
	bool known, moving;
	double slope, level;
};

static struct trend trend_at(const struct scenario *s, size_t k)
{
	struct trend t = {.known = true};
	double v[WINDOW], whole = 0;
	struct slices w;

	gather(&w, s, k);
	if (w.n < LEAST)
		return (struct trend){.known = false};
	if (significant(&w))
		whole = slope_of(&w, 0, w.n);
	for (int i = 0; i < w.n; i++)
		v[i] = w.mean[i] - whole * (w.at[i] - w.at[w.n - 1]);
	t.level = middle(v, w.n);
	if (!(fabs(whole) > 0))
		return t;
	t.slope = whole;
	t.moving = slope_of(&w, 0, w.n / 2) / whole >= 1.0 / 3 &&
		slope_of(&w, w.n / 2, w.n) / whole >= 1.0 / 3;
	return t;
}

/* What is carried from one look to the next. */
struct trend_history {
	int home; /* -1 under the limit, 1 over it, 0 not known */
	int rested, against;
	bool condition_true;
	int64_t eta_ms;
};

/* Whether it will be there in time; and where home is. */
static bool reaches_limit(
	struct trend_history *c, const struct trend *t, const struct gw_alarm_opts *a)
{
	int side = t->level > a->when->limit ? 1 : -1;
	double eta_ns;

	c->rested = side == c->home || t->moving ? 0 : c->rested + 1;
	if (c->home == 0 || c->rested == WINDOW) {
		c->home = side;
		c->rested = 0;
	}
	c->eta_ms = -1;
	if (!t->moving || (t->slope > 0) == (c->home > 0))
		return false;
	eta_ns = side == c->home ? (a->when->limit - t->level) / t->slope * (double)slice_ns
				 : 0;
	if (eta_ns > (double)a->when->window_ns)
		return false;
	c->eta_ms = (int64_t)floor(eta_ns / 1e6);
	return true;
}

/* A look at the end of every slice with samples, by the first sample after it. */
static void expect(
	struct changes *changes, const struct scenario *s, const struct gw_alarm_opts *a)
{
	struct trend_history c = {.eta_ms = -1};
	int64_t last = INT64_MAX;

	changes->n = 0;
	for (size_t k = 0; k < s->n; k++) {
		int64_t at = slice_of(s->in[k].at_ns);

		if (!good(&s->in[k]))
			continue;
		if (at > last) {
			struct trend t = trend_at(s, k);
			bool found = t.known && reaches_limit(&c, &t, a);

			c.against = found == c.condition_true ? 0 : c.against + 1;
			if (c.against == 2) {
				c.condition_true = found;
				c.against = 0;
			}
			changes_add(changes, s->in[k].at_ns, c.condition_true, c.eta_ms);
		}
		last = at;
	}
}

/* ---- scenarios ---- */

static void random_scenario(struct scenario *s, struct gw_alarm_opts *a)
{
	int noise = pick(3) * pick(2), step = pick(7) - 3, left = 6 + pick(16);
	int64_t at = 1000 + pick(100), end = at + (pick(100) ? 13 + pick(10) : 120);
	double value = pick(20);
	bool steady = pick(4) > 0;

	fixture_when(a)->limit = pick(4) ? value + step * (4 + pick(40)) : pick(60);
	s->n = 0;
	while (at < end) {
		if (left-- == 0) {
			left = 3 + pick(24);
			step = pick(7) - 3;
			value += pick(3) ? 0 : pick(60) - 30;
		}
		value += step;
		for (int i = 0, n = pick(6) ? 1 : 2; i < n; i++) {
			double v = value + (noise ? pick(2 * noise + 1) - noise : 0);
			/* the first nanosecond of a slice, or the last, or one between */
			int64_t in_ns = i ? slice_ns - 1 : pick(2) ? 0 : pick(1000);

			scenario_add(s, at * slice_ns + in_ns - FIXTURE_START_NS, 0, v,
				pick(8) > 0);
		}
		at += steady || pick(8) ? 1 : pick(20) ? 1 + pick(3) : pick(30);
	}
	s->end_ns = at * slice_ns - FIXTURE_START_NS;
}

static struct gw_alarm_opts *random_forecast(void)
{
	struct gw_alarm_opts *a = fixture_alarm("x", 0, &gw_condition_reaches);

	slice_ns = S + pick(3) * S;
	fixture_when(a)->fit_ns = WINDOW * slice_ns;
	fixture_when(a)->window_ns = (1 + pick(40)) * slice_ns;
	if (pick(2)) {
		fixture_when(a)->fit_ns = 0;
		fixture_when(a)->window_ns = WINDOW * slice_ns;
	}
	a->on_delay_ns = pick(4) ? 0 : pick(6) * slice_ns;
	a->off_delay_ns = pick(4) ? 0 : pick(6) * slice_ns;
	return a;
}

/* Without a delay the event says how long it will take. */
static void assert_etas(
	const struct expected_events *f, const struct gw_alarm_opts *a, size_t n)
{
	for (size_t i = 0; i < n && a->on_delay_ns == 0; i++)
		if (f->at[i].raised)
			assert_int_equal(emitted[i].eta_ms, f->at[i].note);
}

static void a_forecast_gives_the_events_of_the_reference(void **unused)
{
	static struct scenario s;
	static struct changes t;
	const struct expected_events *f;

	(void)unused;
	for (unsigned long i = 0; i < reference_sequences(); i++) {
		struct gw_alarm_opts *a;

		site_reset();
		a = random_forecast();
		random_scenario(&s, a);
		expect(&t, &s, a);
		fixture_start();
		f = assert_changes(&t, &s, a, (enum delivery)pick(3));
		assert_etas(f, a, f->n);
	}
	assert_some_changed(5, 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_forecast_gives_the_events_of_the_reference, fixture_setup,
			fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

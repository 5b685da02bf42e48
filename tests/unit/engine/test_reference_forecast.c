/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A forecast against a slow and simple reference. It keeps all bins for ever and takes the groups
 * of each level anew from them; what it carries on is only what must be carried on: what is usual,
 * where home is, whether the condition is true. The values are flats, ramps, curves, steps and
 * noise in small numbers; samples are irregular, bad, and missing for a while.
 */
#define REFERENCE_USUAL_SEQUENCES 50000 /* half a millisecond each */
#include "reference_fixture.h"

#define WINDOW 12        /* groups */
#define TICK   1048576.0 /* ns */

/* ---- bins and their groups ---- */

struct bin {
	float y;
	uint32_t t;
};

static struct bin bins[SCENARIO_MAX]; /* all since the start */
static int n_bins;

/* Number i of those that are 2^level bins long. */
static struct bin group(int level, int i)
{
	struct bin a, b;

	if (level == 0)
		return bins[i];
	a = group(level - 1, 2 * i);
	b = group(level - 1, 2 * i + 1);
	return (struct bin){
		(float)(((double)a.y + (double)b.y) / 2), a.t + (b.t - a.t) / 2};
}

/* Whether a group of this level has just become old enough to be looked at. */
static bool has_new_group(int level)
{
	return level == 0 || (n_bins % (1 << level) == 0 && n_bins >= 7 << level);
}

/* ---- trends ---- */

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double middle(double *v, int n)
{
	qsort(v, (size_t)n, sizeof *v, by_value);
	return (v[(n - 1) / 2] + v[n / 2]) / 2;
}

static double slope_of(const struct bin *w, int n)
{
	double v[WINDOW];
	int k = 0;

	for (int i = 0; i + n / 2 < n; i++)
		v[k++] = ((double)w[i + n / 2].y - (double)w[i].y) /
			(w[i + n / 2].t - w[i].t);
	return middle(v, k);
}

static double sigma_of(const struct bin *w, int n)
{
	int s = 0;

	for (int i = 0; i < n; i++)
		for (int k = 0; k < i; k++)
			s += (w[i].y > w[k].y) - (w[i].y < w[k].y);
	if (abs(s) == n * (n - 1) / 2)
		return HUGE_VAL;
	return n < 8 ? 0 : (abs(s) - 1) / sqrt(n * (n - 1) * (2 * n + 5) / 18.0);
}

struct trend {
	double sigma, slope, older, newer, span, range;
};

/* Of n groups. Returns whether they have one. */
static bool find_trend(const struct bin *w, int n, struct trend *t)
{
	const struct bin *newer = w + n - 1 - n / 2;
	double step = 0;

	t->span = w[n - 1].t - w[0].t;
	t->range = 0;
	for (int i = 0; i < n; i++)
		for (int k = 0; k < n; k++)
			t->range = fmax(t->range, (double)w[i].y - (double)w[k].y);
	for (int i = 1; i < n; i++)
		step = fmax(step, fabs((double)w[i].y - (double)w[i - 1].y));
	for (int i = 1; i < n; i++)
		if (w[i].t == w[i - 1].t ||
			w[i].t - w[i - 1].t > t->span * (n == 3 ? 2.0 / 3 : 0.5))
			return false;
	t->sigma = sigma_of(w, n);
	t->slope = slope_of(w, n);
	t->older = slope_of(w, n / 2 + 1);
	t->newer = slope_of(newer, n / 2 + 1);
	return step <= t->range *
			(n == 3                 ? 0.65
					: n < 8 ? 0.45
						: 0.35) &&
		t->sigma >= 3 && fabs(t->slope) > 0 && t->older / t->slope >= 1.0 / 3 &&
		t->newer / t->slope >= 2.0 / 3;
}

/* ---- what is carried on ---- */

struct learned {
	double usual, open, closed; /* ranges */
	uint32_t since;
	int fresh, in_a_row;
};

static struct past {
	int levels;
	int64_t bin_ns, fit_ns, within_ns;
	int64_t started_ns, closed_ns, balance_ns;
	int64_t until_ns, reach_ns, shown_ns, ended_ns;
	int home; /* 1 over the limit, -1 under it, 0 not known */
	struct learned level[9];
	struct learned edge; /* usual: how near it comes */
	int edge_buckets;
	bool found, condition_true;
	float last;
} past;

static double forgotten(uint32_t t, uint32_t since)
{
	return fmin((t - since) / (10 * 86400e9 / TICK), 1);
}

static void learn(int level, const struct bin *w, int n)
{
	struct learned *l = &past.level[level], *e = &past.edge;
	double v[WINDOW], lo, hi, near, span = w[n - 1].t - w[0].t;
	uint32_t t = w[n - 1].t;

	if (++l->fresh < 6)
		return;
	l->fresh = 0;
	for (int i = 0; i < n; i++)
		v[i] = (double)w[i].y;
	qsort(v, (size_t)n, sizeof *v, by_value);
	lo = v[1];
	hi = v[n - 2];
	if (t - l->since > 2 * span) {
		l->usual = (double)(float)fmax(
			l->usual * (1 - forgotten(t, l->since)), l->closed);
		l->closed = l->open;
		l->open = 0;
		l->since = t;
	}
	l->open = (double)(float)fmax(l->open, hi - lo);
	if (level > 0)
		return;
	near = past.home > 0 ? lo : -hi;
	if (past.edge_buckets == 0) {
		past.edge_buckets = 1;
		*e = (struct learned){near, near, near, t, 0, 0};
	}
	e->open = fmin(e->open, near);
	if (t - e->since > 2 * fmax((double)past.fit_ns / TICK, span)) {
		e->usual = (double)(float)fmin(
			e->usual + forgotten(t, e->since) * fmax(near - e->usual, 0),
			e->closed);
		*e = (struct learned){e->usual, near, e->open, t, 0, 0};
		past.edge_buckets += past.edge_buckets < 3;
	}
}

/* ---- one look ---- */

static bool away(const struct trend *t)
{
	return past.home > 0 ? t->slope < 0 : t->slope >= 0;
}

/* The distance that is left, and how old that is. */
static double left_of(int n, double *ret_age)
{
	const struct bin *s = bins + n_bins;
	double v[3] = {(double)s[-1].y};

	*ret_age = 0;
	if (n >= 5) {
		v[1] = (double)s[-2].y;
		v[2] = (double)s[-3].y;
		*ret_age = s[-1].t - s[-2].t;
		v[0] = middle(v, 3);
	}
	return v[0] * past.home;
}

static bool arrives(int level, const struct bin *w, int n, double *ret_eta)
{
	const struct learned *l = &past.level[level];
	double left, age, slope, moved, times, ahead, older, newer, known, less = 0;
	struct trend t;

	if (!find_trend(w, n, &t) || !away(&t))
		return false;
	left = left_of(n, &age);
	slope = fmin(fabs(t.slope), fabs(t.newer));
	moved = fabs(t.slope) * t.span;
	known = (double)(past.closed_ns - past.started_ns) / TICK;
	times = l->usual > 0 ? moved / l->usual : known > 10 * t.span ? HUGE_VAL : 0;
	if (n < 8)
		ahead = 1.5;
	else if (times >= 2)
		ahead = 6;
	else if (past.edge_buckets == 3 && past.edge.usual > 0 &&
		left > past.edge.usual - l->usual / 4)
		ahead = 0.2;
	else
		ahead = 1;
	if (n >= 8 && t.sigma < 3.5 && times < 3)
		return false;
	if (n < 8 && ((l->usual <= 0 && known <= 20 * t.span) || times < (n == 3 ? 6 : 3)))
		return false;
	if (n >= 8)
		less = l->usual * (t.span >= (double)past.fit_ns / TICK / 2 ? 0.05 : 0.2);
	older = fabs(t.older) * t.span / 2 + less;
	newer = fabs(t.newer) * t.span / 2 - less;
	if (newer < older && 2 * left * (older - newer) > newer * newer)
		return false;
	*ret_eta = fmax(left / slope - age, 0);
	return left > 0 && *ret_eta <= (double)past.within_ns / TICK &&
		left <= ahead * fmin(slope * t.span, t.range);
}

static int64_t prolonged(const struct bin *w, int n)
{
	int64_t third_ns = (int64_t)((w[n - 1].t - w[0].t) / 3.0 * TICK);
	int64_t half_ns = past.within_ns / 2;

	return past.closed_ns + (third_ns > half_ns ? third_ns : half_ns);
}

static void note(const struct bin *w, int n, bool reached, double eta)
{
	int64_t until_ns = prolonged(w, n), at_ns = past.closed_ns + (int64_t)(eta * TICK);

	past.until_ns = until_ns > past.until_ns ? until_ns : past.until_ns;
	if (!reached)
		return;
	past.reach_ns = past.found && past.reach_ns < at_ns ? past.reach_ns : at_ns;
	past.found = true;
}

static void look_at(int level, const struct bin *w, int n)
{
	static const int sizes[] = {8, 5, 4, 3};
	struct learned *l = &past.level[level];
	double eta, fit = (double)past.fit_ns / TICK;
	int used = 0, fitting = n;
	struct trend t;

	while (level > 0 && fitting && w[n - 1].t - w[n - fitting].t > fit)
		fitting--;
	if (past.last * (float)past.home <= 0) {
		l->in_a_row = 0;
		if (past.closed_ns < past.until_ns && fitting >= 8 &&
			find_trend(w + n - fitting, fitting, &t) && away(&t) &&
			t.sigma >= 3.5)
			note(w + n - fitting, fitting, false, 0);
		return;
	}
	if (fitting >= (level ? 8 : 3) && arrives(level, w + n - fitting, fitting, &eta))
		used = fitting;
	for (int i = 0; i < 4 && level == 0 && !used; i++)
		if (sizes[i] < fitting &&
			(sizes[i] == 8 ||
				w[n - 1].t - w[n - sizes[i]].t >=
					fmin((double)(past.fit_ns / 32) / TICK,
						30e9 / TICK)) &&
			arrives(level, w + n - sizes[i], sizes[i], &eta))
			used = sizes[i];
	l->in_a_row = used ? l->in_a_row + 1 : 0;
	if (used &&
		(used < 8 || l->in_a_row >= 2 ||
			w[n - 1].t - w[n - used].t >= (used - 1) * fit / 32))
		note(w + n - used, used, true, eta);
}

static void find_home(float y, int64_t elapsed_ns)
{
	int64_t most = 12 * past.fit_ns, part = elapsed_ns < most ? elapsed_ns : most, lead;
	int home = past.home;

	past.balance_ns += y > 0 ? part : -part;
	if (past.balance_ns > most)
		past.balance_ns = most;
	if (past.balance_ns < -most)
		past.balance_ns = -most;
	lead = past.closed_ns - past.started_ns < past.fit_ns ? 0 : 2 * past.fit_ns;
	if (past.balance_ns > (home < 0 ? lead : 0))
		past.home = 1;
	else if (past.balance_ns < (home > 0 ? -lead : 0) || home == 0)
		past.home = -1;
	if (past.home != home)
		past.edge_buckets = 0;
}

static void look(void)
{
	past.found = false;
	for (int level = 0; level < past.levels; level++) {
		struct bin w[WINDOW];
		int all = n_bins >> level, n = all < WINDOW ? all : WINDOW;

		if (!has_new_group(level))
			continue;
		for (int i = 0; i < n; i++)
			w[i] = group(level, all - n + i);
		look_at(level, w, n);
		learn(level, w, n);
	}
}

static void start_past(const struct gw_alarm_opts *a, int64_t now_ns)
{
	past = (struct past){.levels = 1,
		.within_ns = a->when->window_ns,
		.fit_ns = a->when->fit_ns ? a->when->fit_ns : a->when->window_ns,
		.started_ns = now_ns,
		.until_ns = now_ns + a->when->window_ns / 2};
	past.bin_ns = past.fit_ns / WINDOW;
	for (; past.bin_ns > 800000000 && past.levels < 9; past.levels++)
		past.bin_ns /= 2;
	for (int k = 0; k < past.levels; k++)
		past.level[k].since = (uint32_t)(now_ns >> 20);
	n_bins = 0;
}

/* A bin ends with the first sample that comes a bin's width after the end of the one before. */
static void expect(
	struct changes *changes, const struct scenario *s, const struct gw_alarm_opts *a)
{
	double sum = 0;
	int count = 0;
	int64_t first_ns = 0;

	changes->n = 0;
	past.levels = 0;
	for (size_t k = 0; k < s->n; k++) {
		int64_t now_ns = FIXTURE_START_NS + s->in[k].at_ns, free_ns, eta_ms;
		bool ended;

		if (!good(&s->in[k]))
			continue;
		if (past.levels == 0)
			start_past(a, now_ns);
		past.found = false;
		past.last = (float)(s->in[k].value - a->when->limit);
		if (count++ == 0)
			first_ns = now_ns;
		sum += (double)past.last;
		if (n_bins == 0 || now_ns >= past.closed_ns + past.bin_ns) {
			float y = (float)(sum / count);
			int64_t elapsed_ns = n_bins ? now_ns - past.closed_ns : past.bin_ns;

			bins[n_bins++] = (struct bin){
				y, (uint32_t)((first_ns + (now_ns - first_ns) / 2) >> 20)};
			past.closed_ns = now_ns;
			sum = count = 0;
			find_home(y, elapsed_ns);
			look();
		}
		free_ns = past.ended_ns + past.within_ns / 2;
		ended = past.condition_true && !past.found && now_ns >= past.until_ns;
		if (past.found && past.condition_true) {
			past.shown_ns += (past.reach_ns - past.shown_ns) / 4;
		} else if (past.found &&
			!(past.ended_ns && now_ns < free_ns && past.reach_ns > free_ns)) {
			past.condition_true = true;
			past.shown_ns = past.reach_ns;
		}
		if (ended) {
			past.condition_true = false;
			past.ended_ns = now_ns;
		}
		eta_ms = past.shown_ns > now_ns ? (past.shown_ns - now_ns) / 1000000 : 0;
		changes_add(changes, s->in[k].at_ns, past.condition_true, eta_ms);
	}
}

/* ---- scenarios ---- */

static void random_scenario(struct scenario *s, struct gw_alarm_opts *a)
{
	double noise = pick(3) * pick(2) / 4.0, value = pick(20), speed = 0, bend = 0;
	int left = 20 + pick(40);
	int64_t at_ns = S, period_ns = (1 + pick(4) * pick(3)) * S / 2;
	bool steady = pick(4) > 0;

	fixture_when(a)->limit = value + (pick(2) ? 1 : -1) * (4 + pick(40));
	for (s->n = 0; s->n < SCENARIO_MAX - 2;) {
		if (left-- == 0) {
			left = 3 + pick(40);
			speed = (a->when->limit - value) * (pick(8) - 2) / 64;
			bend = pick(3) ? 0 : speed * (pick(5) - 2) / 16;
			value += pick(4) ? 0 : (pick(60) - 30) / 2.0;
		}
		value += speed;
		speed += bend;
		scenario_add(s, at_ns, 0,
			floor(4 * (value + noise * (pick(9) - 4) / 4)) / 4, pick(8) > 0);
		at_ns += period_ns *
			(steady || pick(8)         ? 1
					: pick(20) ? 1 + pick(3)
						   : pick(30));
	}
	s->end_ns = at_ns;
}

static struct gw_alarm_opts *random_forecast(void)
{
	struct gw_alarm_opts *a = fixture_alarm("x", 0, &gw_condition_reaches);

	fixture_when(a)->window_ns = (10 + pick(90)) * S;
	fixture_when(a)->fit_ns = pick(2) ? 0 : (10 + pick(90)) * S;
	a->on_delay_ns = pick(4) ? 0 : pick(6) * S;
	a->off_delay_ns = pick(4) ? 0 : pick(6) * S;
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

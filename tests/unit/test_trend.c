/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The forecast beside a slow and obvious reference, over random walks made of flats, ramps,
 * steps, noise, gaps and irregular samples: the same answer and the same time left after every
 * sample. Values are small whole numbers, so that edges are hit and not only passed.
 *
 * REFERENCE_SEQUENCES sets how many, in hundreds (default 100000: a thousand).
 */
#include "alarm/kinds.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define WINDOW 20 /* slices */
#define WIDTH  INT64_C(1000000000)
#define MOST   512

static uint64_t state = 42;

static int pick(int n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (int)((state >> 20) % (unsigned)n);
}

/* ---- the reference: keeps everything, works all of it out anew ---- */

static struct {
	double sum[MOST];
	int count[MOST];
	int home; /* -1 under, 1 over, 0 not known */
	int rested, against;
	bool truth;
	double eta_ms;
} ref;

static int order(const void *a, const void *b)
{
	return *(const double *)a < *(const double *)b
		? -1
		: *(const double *)a > *(const double *)b;
}

static double middle(double *v, int n)
{
	qsort(v, (size_t)n, sizeof *v, order);
	return (v[(n - 1) / 2] + v[n / 2]) / 2;
}

static double theil_sen(const int *at, const double *y, int from, int to)
{
	double v[WINDOW * WINDOW];
	int n = 0;

	for (int i = from; i < to; i++)
		for (int j = from; j < i; j++)
			v[n++] = (y[i] - y[j]) / (at[i] - at[j]);
	return middle(v, n);
}

static bool foretold(double limit, int64_t within_ns, int now)
{
	int at[WINDOW], n = 0, s = 0, over;
	double y[WINDOW], v[WINDOW], slope, early, late, level, eta_ns;
	bool moving;

	for (int k = now < WINDOW ? 0 : now - WINDOW; k < now; k++)
		if (ref.count[k]) {
			at[n] = k;
			y[n++] = ref.sum[k] / ref.count[k];
		}
	if (n < 12)
		return false;
	for (int i = 0; i < n; i++)
		for (int j = 0; j < i; j++)
			s += y[i] > y[j] ? 1 : y[i] < y[j] ? -1 : 0;
	moving = (abs(s) - 1) / sqrt(n * (n - 1) * (2 * n + 5) / 18.0) >= 3;
	slope = moving ? theil_sen(at, y, 0, n) : 0;
	early = theil_sen(at, y, 0, n / 2);
	late = theil_sen(at, y, n / 2, n);
	for (int i = 0; i < n; i++)
		v[i] = y[i] - slope * (at[i] - at[n - 1]);
	level = middle(v, n);
	over = level > limit ? 1 : -1;
	moving &= fabs(slope) > 0 && early / slope >= 1.0 / 3 && late / slope >= 1.0 / 3;
	ref.eta_ms = -1;
	if (over == ref.home || moving)
		ref.rested = 0;
	else
		ref.rested++;
	if (ref.home == 0 || ref.rested == WINDOW) {
		ref.home = over;
		ref.rested = 0;
	}
	if (!moving || (slope > 0) == (ref.home > 0))
		return false;
	eta_ns = over == ref.home ? (limit - level) / slope * (double)WIDTH : 0;
	if (eta_ns > (double)within_ns)
		return false;
	ref.eta_ms = floor(eta_ns / 1e6);
	return true;
}

static void judge(double limit, int64_t within_ns, int now)
{
	bool found = foretold(limit, within_ns, now);

	ref.against = found == ref.truth ? 0 : ref.against + 1;
	if (ref.against == 2) {
		ref.truth = found;
		ref.against = 0;
	}
}

/* ---- random walks ---- */

static struct gw_condition_opts o;
static void *memory;
static bool truth;
static int raised, withdrawn;

/* Returns whether the answers were to be judged anew. */
static bool tell(int64_t now_ns, double value)
{
	const struct gw_sample s = {.quality = GW_QUALITY_GOOD, .value = value};
	const struct gw_condition_input in = {
		.sample = &s, .member = GW_NO_MEMBER, .now_ns = now_ns};
	struct gw_condition_answer a = {.truth = truth, .due_ns = INT64_MAX, .eta_ms = -1};
	bool more = gw_reaches.absorb(&o, memory, &s, now_ns);

	if (!more && !truth)
		return false;
	gw_reaches.ask(&o, memory, &in, &a);
	raised += a.truth && !truth;
	withdrawn += !a.truth && truth;
	truth = a.truth;
	assert_true(a.limit == o.limit && a.value == value);
	assert_int_equal(a.eta_ms, ref.truth ? (int64_t)ref.eta_ms : -1);
	return more;
}

static void walk(void)
{
	int noise = pick(3) * pick(2), step = 0, left = 0, at = 1 + pick(3), before = 0;
	double value = pick(20);

	while (at < 150) {
		int n = pick(6) ? 1 : 2;

		if (left-- == 0) {
			left = 5 + pick(40);
			step = pick(7) - 3;
			value += pick(5) ? 0 : pick(60) - 30;
		}
		value += step;
		for (int i = 0; i < n; i++) {
			double v = value + (noise ? pick(2 * noise + 1) - noise : 0);
			/* the first nanosecond of a slice, or the last, or one between */
			int64_t now_ns = at * WIDTH +
				(i                        ? WIDTH - 1
						: pick(2) ? 0
							  : pick(900000000));
			bool fresh = before && before != at;

			if (fresh)
				judge(o.limit, o.window_ns, at);
			assert_int_equal(tell(now_ns, v), fresh);
			assert_int_equal(truth, ref.truth);
			ref.sum[at] += v;
			ref.count[at]++;
			before = at;
		}
		at += pick(8) ? 1 : pick(20) ? 1 + pick(3) : pick(30);
		if (at == before)
			at++;
	}
}

static void a_forecast_gives_the_answers_of_the_reference(void **unused)
{
	const char *set = getenv("REFERENCE_SEQUENCES");
	unsigned long n = (set ? strtoul(set, NULL, 10) : 100000) / 100;

	(void)unused;
	for (unsigned long i = 0; i < n; i++) {
		memset(&ref, 0, sizeof ref);
		o = (struct gw_condition_opts){.kind = &gw_reaches,
			.limit = pick(60),
			.window_ns = (1 + pick(40)) * WIDTH,
			.fit_ns = WINDOW * WIDTH};
		if (pick(2)) {
			o.fit_ns = 0;
			o.window_ns = WINDOW * WIDTH;
		}
		memory = calloc(1, gw_reaches.memory(&o));
		truth = false;
		walk();
		free(memory);
	}
	assert_true((unsigned long)raised > n / 2);
	assert_true((unsigned long)withdrawn > n / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_forecast_gives_the_answers_of_the_reference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

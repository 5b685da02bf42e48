/* SPDX-License-Identifier: Apache-2.0 */
/* How long before the limit a forecast warns of a ramp: speeds, sensor periods, `within`. */
#include "alarm/condition.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define S      INT64_C(1000000000)
#define BEFORE 7200 /* s without a trend, at least; twenty samples */

/* Quiet at from, then to the limit and a fifth of the way farther. */
struct ramp {
	double from, limit, per_min, noise;
	int within_s, period_s;
};

static unsigned raises;
static bool raised_past_limit;

static double noise(int i)
{
	return ((i * 7) % 11 - 5) / 5.0;
}

static double length_s(const struct ramp *r)
{
	return fabs(r->limit - r->from) / r->per_min * 60;
}

/* Seconds from the first warning until the limit; negative: after it, or never. */
static double lead_of(const struct ramp *r)
{
	const struct gw_condition_opts o = {.kind = &gw_condition_reaches,
		.limit = r->limit,
		.window_ns = r->within_s * S};
	void *memory = calloc(1, o.kind->memory(&o));
	double before_s = r->period_s * 20 > BEFORE ? r->period_s * 20 : BEFORE;
	double per_s = (r->limit > r->from ? 1 : -1) * r->per_min / 60, lead_s = -1;
	bool active = false;

	raises = 0;
	raised_past_limit = false;
	for (int i = 0; i * r->period_s < before_s + 1.2 * length_s(r); i++) {
		double t_s = i * r->period_s;
		const struct gw_sample s = {.quality = GW_QUALITY_GOOD,
			.value = r->from + r->noise * noise(i) +
				fmax(t_s - before_s, 0) * per_s};
		struct gw_condition_result a = {.condition_true = active, .eta_ms = -1};
		struct gw_condition_input in = {.sample = &s, .member = GW_NO_MEMBER};

		in.now_ns = 1000 * S + (int64_t)t_s * S;
		o.kind->absorb(&o, memory, &s, in.now_ns);
		o.kind->evaluate(&o, memory, &in, &a);
		if (a.condition_true && !active) {
			if (raises++ == 0)
				lead_s = before_s + length_s(r) - t_s;
			raised_past_limit |= (s.value - r->limit) * per_s >= 0;
		}
		active = a.condition_true;
	}
	free(memory);
	return lead_s;
}

static void assert_lead(const struct ramp *r, double least_share)
{
	double most_s = fmin(r->within_s, length_s(r)), lead_s = lead_of(r);

	if (lead_s < least_share * most_s)
		fail_msg("%g per min, every %d s, within %d s: %g of %g s", r->per_min,
			r->period_s, r->within_s, lead_s, most_s);
	assert_int_equal(raises, 1);
	assert_false(raised_past_limit);
}

static void a_leak_is_announced_at_all_speeds_and_periods(void **unused)
{
	static const int periods_s[] = {1, 5, 30};

	(void)unused;
	for (int k = 0; k < 9; k++) {
		const struct ramp gas = {.from = 2,
			.limit = 20,
			.per_min = 3 * (1 + k % 3),
			.noise = 0.2,
			.within_s = 600,
			.period_s = periods_s[k / 3]};
		const struct ramp water = {.from = 0.45,
			.limit = 0.2,
			.per_min = 0.005 * (1 << k % 3),
			.noise = 0.003,
			.within_s = 1800,
			.period_s = periods_s[k / 3]};

		assert_lead(&gas, 0.4);
		assert_lead(&water, 0.4);
	}
}

static void a_longer_within_warns_no_later(void **unused)
{
	struct ramp r = {
		.from = 2, .limit = 20, .per_min = 0.2, .noise = 0.05, .period_s = 10};
	static const int within_s[] = {600, 1800, 7200, 43200};
	double before_s = 0;

	(void)unused;
	for (int k = 0; k < 4; k++) {
		double lead_s;

		r.within_s = within_s[k];
		assert_lead(&r, 0.4);
		lead_s = lead_of(&r);
		assert_true(lead_s >= before_s);
		before_s = lead_s;
	}
}

static void a_sensor_that_is_read_once_a_minute_warns(void **unused)
{
	const struct ramp r = {.from = 20,
		.limit = 57,
		.per_min = 2,
		.noise = 0.1,
		.within_s = 600,
		.period_s = 60};

	(void)unused;
	assert_lead(&r, 0.4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_leak_is_announced_at_all_speeds_and_periods),
		cmocka_unit_test(a_longer_within_warns_no_later),
		cmocka_unit_test(a_sensor_that_is_read_once_a_minute_warns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

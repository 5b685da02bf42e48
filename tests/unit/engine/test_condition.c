/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions with a history: rate, forecast, dose, stuck; steady and irregular sampling. */
#include "engine_fixture.h"

#define MIN (60 * S)

/* Displaces the C library's, which takes memory from the heap: the engine may sort when it is
 * built, and never again. */
static unsigned sorts;

void qsort(void *at, size_t n, size_t size, int (*compare)(const void *, const void *))
{
	unsigned char *a = at, swap;

	sorts++;
	for (size_t i = 1; i < n; i++)
		for (size_t k = i; k > 0 && compare(a + (k - 1) * size, a + k * size) > 0;
			k--)
			for (size_t b = 0; b < size; b++) {
				swap = a[(k - 1) * size + b];
				a[(k - 1) * size + b] = a[k * size + b];
				a[k * size + b] = swap;
			}
}

static unsigned seed;

/* Uniform in [-1, 1], the same on every machine. */
static double noise(void)
{
	seed = seed * 1103515245u + 12345u;
	return ((double)(seed >> 8) / (double)(1u << 23)) - 1;
}

static int setup(void **unused)
{
	seed = 1;
	return fixture_setup(unused);
}

/* Feed f(t) every step from `from` to `to`; the time of the first raise, or -1. */
static int64_t first_raise(
	double (*f)(double t_s), int64_t from_ns, int64_t to_ns, int64_t step_ns)
{
	for (int64_t t = from_ns; t <= to_ns; t += step_ns) {
		fixture_feed(t, 0, f((double)t / 1e9));
		for (size_t i = 0; i < fixture.n_events; i++)
			if (fixture.event[i].change == GW_CHANGE_RAISED)
				return t;
	}
	return -1;
}

static struct gw_alarm_opts *rate(
	const struct gw_condition_kind *kind, double by, int64_t per_ns)
{
	struct gw_alarm_opts *a = fixture_alarm("rate", 0, kind);

	fixture_when(a)->limit = by;
	fixture_when(a)->window_ns = per_ns;
	return a;
}

static double ramp_per_min, ramp_start_s;

static double heat(double t_s)
{
	double v = t_s < ramp_start_s ? 25 : 25 + (t_s - ramp_start_s) / 60 * ramp_per_min;

	return round(v * 10) / 10; /* the sensor's step */
}

/* EN 54-5, class A1: response between these times after the rise begins at 25 °C (standards
 * table; the limits of the static element at 54 .. 65 °C join for the slow rises). */
static void a_heat_detector_answers_inside_the_table_of_en_54_5(void **unused)
{
	static const struct {
		double per_min;
		double from_s, to_s;
	} rows[] = {
		{1, 29 * 60, 40 * 60 + 20},
		{3, 7 * 60 + 13, 13 * 60 + 40},
		{5, 4 * 60 + 9, 8 * 60 + 20},
		{10, 60, 4 * 60 + 20},
		{20, 30, 140},
		{30, 20, 100},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int64_t at;

		setup(unused);
		rate(&gw_condition_rises, 10, MIN);
		fixture_when(fixture_alarm("heat", 0, &gw_condition_above))->limit = 57;
		fixture_start();
		ramp_per_min = rows[i].per_min;
		ramp_start_s = 300;
		at = first_raise(heat, 0, 3600 * S, S);
		assert_true(at >= 0);
		assert_true((double)at / 1e9 - 300 >= rows[i].from_s);
		assert_true((double)at / 1e9 - 300 <= rows[i].to_s);
		fixture_teardown(unused);
	}
	setup(unused);
}

static void a_slow_rise_never_raises_the_rate(void **unused)
{
	(void)unused;
	rate(&gw_condition_rises, 10, MIN);
	fixture_start();
	ramp_per_min = 0.2;
	ramp_start_s = 60;
	assert_int_equal(first_raise(heat, 0, 5 * 3600 * S, 5 * S), -1);
}

static double spike(double t_s)
{
	return t_s > 99.5 && t_s < 100.5 ? 90 : 20 + noise() * 0.2;
}

static void one_spike_is_not_a_rate(void **unused)
{
	(void)unused;
	rate(&gw_condition_rises, 10, MIN);
	fixture_start();
	assert_int_equal(first_raise(spike, 0, 300 * S, S), -1);
}

static double step9_9(double t_s)
{
	return t_s < 100 ? 20 : 29.9;
}

static double step10(double t_s)
{
	return t_s < 100 ? 20 : 30;
}

static void a_rate_raises_at_exactly_its_change(void **unused)
{
	(void)unused;
	rate(&gw_condition_rises, 10, MIN);
	fixture_start();
	assert_int_equal(first_raise(step9_9, 0, 300 * S, S), -1);
	fixture_teardown(unused);
	setup(unused);
	rate(&gw_condition_rises, 10, MIN);
	fixture_start();
	assert_int_equal(
		first_raise(step10, 0, 300 * S, S), 101 * S); /* the second of them */
}

static double burst(double t_s)
{
	return t_s < 50 ? 0.4 : 0.4 - (t_s - 50) * 0.01;
}

static void falling_mirrors_rising(void **unused)
{
	int64_t at;

	(void)unused;
	rate(&gw_condition_falls, 0.05, 10 * S);
	fixture_start();
	at = first_raise(burst, 0, 100 * S, S);
	assert_true(at >= 55 * S && at <= 57 * S);
	fixture_teardown(unused);
	setup(unused);
	rate(&gw_condition_rises, 0.05, 10 * S);
	fixture_start();
	assert_int_equal(first_raise(burst, 0, 60 * S, S), -1);
}

static void a_gap_longer_than_the_window_restarts(void **unused)
{
	(void)unused;
	rate(&gw_condition_rises, 10, MIN);
	fixture_start();
	for (int64_t t = 0; t < 30 * S; t += S)
		assert_int_equal(fixture_feed(t, 0, 20), 0);
	for (int64_t t = 95 * S; t < 120 * S; t += S)
		assert_int_equal(fixture_feed(t, 0, 40), 0);
}

static void a_rate_ends_when_the_rise_does(void **unused)
{
	(void)unused;
	rate(&gw_condition_rises, 10, MIN);
	fixture_start();
	ramp_per_min = 30;
	ramp_start_s = 30;
	assert_true(first_raise(heat, 0, 90 * S, S) > 0);
	for (int64_t t = 91 * S; t < 160 * S; t += S)
		fixture_feed(t, 0, 55);
	assert_int_equal(fixture_state(0), GW_STATE_RETURNED_UNACKED);
}

static void irregular_samples_give_the_same_answer(void **unused)
{
	int64_t t = 0, at = -1;

	(void)unused;
	rate(&gw_condition_rises, 10, MIN);
	fixture_start();
	ramp_per_min = 20;
	ramp_start_s = 120;
	while (t < 300 * S && at < 0) {
		t += S / 5 + (int64_t)((noise() + 1) * 2e9);
		fixture_feed(t, 0, heat((double)t / 1e9));
		if (fixture.n_events)
			at = t;
	}
	assert_true(at >= 150 * S && at <= 160 * S);
}

/* ---- forecast ---- */

static struct gw_alarm_opts *forecast(double limit, int64_t within_ns)
{
	struct gw_alarm_opts *a = fixture_alarm("ahead", 0, &gw_condition_reaches);

	fixture_when(a)->limit = limit;
	fixture_when(a)->window_ns = within_ns;
	return a;
}

static double slow_leak(double t_s) /* 2 %LEL, from 10 min on 1 %LEL a minute */
{
	return 2 + noise() * 0.3 + (t_s < 600 ? 0 : (t_s - 600) / 60);
}

static void a_slow_leak_is_predicted(void **unused)
{
	int64_t at;

	(void)unused;
	forecast(20, 10 * MIN);
	fixture_start();
	sorts = 0;
	at = first_raise(slow_leak, 0, 28 * MIN, S); /* it reaches 20 at 28 min */
	assert_int_equal(sorts, 0);
	assert_true(at > 18 * MIN && at < 22 * MIN);
	assert_true(fixture.event[0].eta_ms > 5 * 60000 &&
		fixture.event[0].eta_ms <= 10 * 60000);
	assert_true(fixture.event[0].limit == 20);
}

static double falling_pressure(double t_s)
{
	return 0.45 + noise() * 0.002 - (t_s < 600 ? 0 : (t_s - 600) / 60 * 0.01);
}

static void a_falling_pressure_is_predicted_too(void **unused)
{
	int64_t at;

	(void)unused;
	forecast(0.30, 10 * MIN);
	fixture_start();
	at = first_raise(falling_pressure, 0, 25 * MIN, 2 * S); /* 0.30 at 25 min */
	assert_true(at > 15 * MIN && at < 21 * MIN);
}

static double still(double t_s)
{
	(void)t_s;
	return 18 + noise();
}

static void noise_near_the_limit_is_no_trend(void **unused)
{
	(void)unused;
	forecast(20, 10 * MIN);
	fixture_start();
	assert_int_equal(first_raise(still, 0, 24 * 3600 * S, 5 * S), -1);
}

static double daily(double t_s)
{
	return 21 + 1.5 * sin(t_s / 86400 * 6.2831853) + noise() * 0.1;
}

static void a_daily_cycle_is_no_trend_towards_a_far_limit(void **unused)
{
	(void)unused;
	forecast(18, 10 * MIN);
	fixture_start();
	assert_int_equal(first_raise(daily, 0, 3 * 24 * 3600 * S, 10 * S), -1);
}

static double door(double t_s) /* opened after an hour for 5 minutes, then warm again */
{
	double since = t_s - 3600;

	if (since < 0)
		return 21 + noise() * 0.05;
	if (since < 300)
		return 21 - 2 * (1 - exp(-since / 60)) + noise() * 0.05;
	return 21 - 2 * exp(-(since - 300) / 600) + noise() * 0.05;
}

static void a_door_that_opens_once_is_no_trend(void **unused)
{
	(void)unused;
	forecast(12, 10 * MIN);
	fixture_start();
	assert_int_equal(first_raise(door, 0, 3 * 3600 * S, 5 * S), -1);
}

static double recovers(double t_s) /* a leak to 40 that is aired: back over 20 from above */
{
	if (t_s < 600)
		return 2;
	if (t_s < 660)
		return 40;
	return fmax(2, 40 - (t_s - 660) / 60);
}

static void coming_back_to_the_limit_is_not_reaching_it(void **unused)
{
	(void)unused;
	forecast(20, 10 * MIN);
	fixture_start();
	assert_int_equal(first_raise(recovers, 0, 3600 * S, S), -1);
}

static void a_forecast_is_withdrawn_when_the_trend_ends(void **unused)
{
	(void)unused;
	forecast(20, 10 * MIN);
	fixture_start();
	assert_true(first_raise(slow_leak, 0, 22 * MIN, S) > 0);
	for (int64_t t = 22 * MIN; t < 50 * MIN; t += S)
		fixture_feed(t, 0, 12 + noise() * 0.3);
	assert_int_equal(fixture_state(0), GW_STATE_RETURNED_UNACKED);
}

static void a_forecast_runs_for_days_without_losing_its_time_axis(void **unused)
{
	int64_t at = -1, t;

	(void)unused;
	forecast(20, 10 * MIN);
	fixture_start();
	for (t = 0; t < 20 * 24 * 3600 * S; t += 10 * S) {
		fixture_feed(t, 0, 2 + noise() * 0.3);
		assert_int_equal(fixture.n_events, 0);
	}
	for (int64_t k = 0; k < 18 * MIN && at < 0; k += S) {
		fixture_feed(t + k, 0, 2 + noise() * 0.3 + (double)k / 1e9 / 60);
		if (fixture.n_events)
			at = k;
	}
	assert_true(at > 8 * MIN && at < 12 * MIN);
}

/* ---- dose: CO after EN 50291 ---- */

static const double co_rows[] = {50, 75 * 60e9, 100, 25 * 60e9, 300, 2 * 60e9};

static void dose(void)
{
	fixture_when(fixture_alarm("co", 0, &gw_condition_dose))->rows = (struct gw_table){
		.rows = 3, .columns = 2, .cells = co_rows};
	fixture_start();
}

static double level_ppm;

static double co(double t_s)
{
	return t_s < 60 ? 0 : level_ppm;
}

static void carbon_monoxide_keeps_the_times_of_en_50291(void **unused)
{
	static const struct {
		double ppm;
		int64_t from_min, to_min; /* to 0: never in 4 h */
	} rows[] = {{30, 120, 0}, {50, 60, 0}, {51, 60, 90}, {101, 10, 40}, {301, 0, 3}};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int64_t at;

		setup(unused);
		dose();
		level_ppm = rows[i].ppm;
		at = first_raise(co, 0, 4 * 3600 * S, 10 * S);
		if (rows[i].to_min == 0) {
			assert_int_equal(at, -1);
		} else {
			assert_true(at - MIN >= rows[i].from_min * MIN);
			assert_true(at - MIN <= rows[i].to_min * MIN);
		}
		fixture_teardown(unused);
	}
	setup(unused);
}

static void a_dose_falls_due_between_samples(void **unused)
{
	(void)unused;
	dose();
	fixture_feed(0, 0, 400);
	assert_int_equal(fixture_pass(2 * MIN - 1), 0);
	assert_int_equal(fixture_pass(2 * MIN), 1);
	assert_true(fixture.event[0].limit == 300);
}

static void one_low_reading_does_not_restart_the_dose(void **unused)
{
	int64_t at = -1;

	(void)unused;
	dose();
	for (int64_t t = 0; t < 40 * MIN && at < 0; t += 10 * S) {
		fixture_feed(t, 0, t == 10 * MIN ? 0 : 150);
		if (fixture.n_events)
			at = t;
	}
	assert_true(at > 25 * MIN && at <= 25 * MIN + 30 * S);
}

static void a_dose_ends_when_it_has_run_down_to_half(void **unused)
{
	(void)unused;
	dose();
	fixture_feed(0, 0, 150);
	assert_int_equal(fixture_pass(25 * MIN), 1);
	fixture_feed(25 * MIN, 0, 0);
	assert_int_equal(fixture_pass(37 * MIN), 0);
	assert_int_equal(fixture_pass(38 * MIN), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
}

static void a_dose_stands_still_while_nothing_is_known(void **unused)
{
	(void)unused;
	dose();
	fixture_feed(0, 0, 150); /* 25 min */
	fixture_feed_quality(10 * MIN, 0, 0, GW_QUALITY_BAD_LINK);
	assert_int_equal(fixture_pass(100 * MIN), 0);
	fixture_feed(100 * MIN, 0, 150);
	assert_int_equal(fixture_pass(115 * MIN - 1), 0);
	assert_int_equal(fixture_pass(115 * MIN), 1);
	fixture_feed(115 * MIN, 0, 0);
	fixture_feed_quality(
		120 * MIN, 0, 0, GW_QUALITY_BAD_LINK); /* nor does it run down */
	assert_int_equal(fixture_pass(500 * MIN), 0);
}

/* ---- stuck ---- */

static void a_frozen_transmitter_is_stuck_a_silent_one_is_not(void **unused)
{
	(void)unused;
	fixture_when(fixture_alarm("stuck", 0, &gw_condition_stuck))->window_ns = 60 * S;
	fixture_start();
	for (int64_t t = 0; t < 60; t++)
		assert_int_equal(fixture_feed(t * S, 0, 21.5), 0);
	assert_int_equal(fixture_feed(60 * S, 0, 21.5), 1);
	assert_int_equal(fixture_feed(61 * S, 0, 21.6), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
	assert_int_equal(fixture_pass(300 * S), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_heat_detector_answers_inside_the_table_of_en_54_5),
		TEST(a_slow_rise_never_raises_the_rate),
		TEST(one_spike_is_not_a_rate),
		TEST(a_rate_raises_at_exactly_its_change),
		TEST(falling_mirrors_rising),
		TEST(a_gap_longer_than_the_window_restarts),
		TEST(a_rate_ends_when_the_rise_does),
		TEST(irregular_samples_give_the_same_answer),
		TEST(a_slow_leak_is_predicted),
		TEST(a_falling_pressure_is_predicted_too),
		TEST(noise_near_the_limit_is_no_trend),
		TEST(a_daily_cycle_is_no_trend_towards_a_far_limit),
		TEST(a_door_that_opens_once_is_no_trend),
		TEST(coming_back_to_the_limit_is_not_reaching_it),
		TEST(a_forecast_is_withdrawn_when_the_trend_ends),
		TEST(a_forecast_runs_for_days_without_losing_its_time_axis),
		TEST(carbon_monoxide_keeps_the_times_of_en_50291),
		TEST(a_dose_falls_due_between_samples),
		TEST(one_low_reading_does_not_restart_the_dose),
		TEST(a_dose_ends_when_it_has_run_down_to_half),
		TEST(a_dose_stands_still_while_nothing_is_known),
		TEST(a_frozen_transmitter_is_stuck_a_silent_one_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

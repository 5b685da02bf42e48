/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A rate against a slow and simple reference, which looks at the whole list of samples for each
 * of them. It has the window in slices just as rate.c says: only then are the events the same to
 * the sample. That the slices add no more than their width to the window is a test of its own.
 */
#include "reference_fixture.h"

static double median3(double a, double b, double c)
{
	double lo = fmin(a, b), hi = fmax(a, b);

	return fmax(lo, fmin(hi, c));
}

/* The good samples up to k since the last gap that was longer than the window. */
static size_t gather(
	const struct scenario *s, size_t k, int64_t window_ns, const struct input *ret_in[])
{
	size_t n = 0;

	for (size_t i = 0; i <= k; i++) {
		if (!good(&s->in[i]))
			continue;
		if (n && s->in[i].at_ns - ret_in[n - 1]->at_ns > window_ns)
			n = 0;
		ret_in[n++] = &s->in[i];
	}
	return n;
}

/* Which slice of all time a sample lies in; each is over when the next begins. */
static int64_t slice_end_ns(int64_t at_ns, int64_t slice_ns)
{
	return ((FIXTURE_START_NS + at_ns) / slice_ns + 1) * slice_ns - FIXTURE_START_NS;
}

/* By how much it has moved from the medians whose slice was not over before the window began;
 * with slice_ns 0 from those in the window itself. Negative without three samples. */
static double change_at(const struct gw_alarm_opts *a, const struct scenario *s, size_t k,
	int64_t window_ns, int64_t slice_ns)
{
	const struct input *in[SCENARIO_MAX];
	size_t n = gather(s, k, a->when->window_ns, in);
	double sign = a->when->kind == &gw_condition_rises ? 1 : -1, by = 0, now = 0;

	if (n < 3)
		return -1;
	for (size_t i = n - 1; i >= 2; i--) {
		double was = median3(in[i]->value, in[i - 1]->value, in[i - 2]->value);
		int64_t until_ns = slice_ns ? slice_end_ns(in[i]->at_ns, slice_ns)
					    : in[i]->at_ns;

		if (i == n - 1)
			now = was;
		if (until_ns >= s->in[k].at_ns - window_ns)
			by = fmax(by, sign * (now - was));
	}
	return by;
}

static int64_t slice_of(const struct gw_alarm_opts *a)
{
	return a->when->window_ns / 22 + 1;
}

static double deadband_cell[1];

static int verdict(const struct gw_alarm_opts *a, const struct scenario *s, size_t k)
{
	double by = change_at(a, s, k, a->when->window_ns, slice_of(a));
	double deadband = a->when->deadband.rows ? deadband_cell[0] : a->when->limit / 10;

	if (by < 0)
		return 0;
	return by >= a->when->limit ? 1 : by < a->when->limit - deadband ? -1 : 0;
}

static int64_t unit_ns;

static struct gw_alarm_opts *random_rate(void)
{
	struct gw_alarm_opts *a = fixture_alarm(
		"x", 0, pick(2) ? &gw_condition_rises : &gw_condition_falls);

	fixture_when(a)->limit = 3 + pick(3);
	unit_ns = random_unit_ns();
	fixture_when(a)->window_ns = (1 + pick(100)) * unit_ns;
	deadband_cell[0] = pick(4);
	if (pick(2))
		fixture_when(a)->deadband = (struct gw_table){1, 1, deadband_cell};
	return a;
}

static void random_scenario(struct scenario *s, const struct gw_alarm_opts *a)
{
	scenario_random(s, 3 + pick(20), 8, unit_ns,
		1 + (int)(a->when->window_ns / unit_ns / 3), a->when->window_ns, 1);
}

static void a_rate_gives_the_events_of_the_reference(void **unused)
{
	static struct scenario s;
	static struct changes t;

	(void)unused;
	for (unsigned long i = 0; i < reference_sequences(); i++) {
		struct gw_alarm_opts *a;

		site_reset();
		a = random_rate();
		random_delays(a, unit_ns, 20);
		random_scenario(&s, a);
		changes_from_samples(&t, &s, a, verdict);
		fixture_start();
		assert_changes(&t, &s, a, (enum delivery)pick(3));
	}
	assert_some_changed(4, 8);
}

/* What the manual promises: true whenever the exact window says so, and only if the window and one
 * slice more do. */
static void the_reference_lies_between_two_exact_windows(void **unused)
{
	static struct scenario s;

	(void)unused;
	for (unsigned long i = 0; i < reference_sequences() / 10; i++) {
		struct gw_alarm_opts *a;
		int64_t window_ns;

		site_reset();
		a = random_rate();
		window_ns = a->when->window_ns;
		random_scenario(&s, a);
		for (size_t k = 0; k < s.n; k++) {
			double by = change_at(a, &s, k, window_ns, slice_of(a));

			assert_true(change_at(a, &s, k, window_ns, 0) <= by);
			assert_true(change_at(a, &s, k, window_ns + slice_of(a), 0) >= by);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_rate_gives_the_events_of_the_reference,
			fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			the_reference_lies_between_two_exact_windows, fixture_setup,
			fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

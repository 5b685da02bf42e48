/* SPDX-License-Identifier: Apache-2.0 */
/* Silent and stuck against a slow and simple reference. */
#include "reference_fixture.h"

static int64_t unit_ns;

/* The latest usable sample at or before at_ns of points 0 .. n_points - 1, or the start. */
static int64_t last_current_ns(
	const struct scenario *s, int64_t at_ns, uint32_t n_points, int64_t start_ns)
{
	int64_t last_ns = start_ns;

	for (size_t i = 0; i < s->n && s->in[i].at_ns <= at_ns; i++)
		if (good(&s->in[i]) && s->in[i].point < n_points)
			last_ns = s->in[i].at_ns;
	return last_ns;
}

/* Step by step: silent for as long as the last usable sample is too old. */
static void expect_silent(
	struct changes *t, const struct scenario *s, const struct gw_alarm_opts *a)
{
	t->n = 0;
	for (int64_t at_ns = S; at_ns <= s->end_ns; at_ns += unit_ns)
		changes_add(t, at_ns,
			at_ns - last_current_ns(s, at_ns, a->n_points, S) >=
				a->when->window_ns,
			0);
}

static void silent_gives_the_events_of_the_reference(void **unused)
{
	static struct scenario s;
	static struct changes t;

	(void)unused;
	for (unsigned long i = 0; i < reference_sequences(); i++) {
		struct gw_alarm_opts *a;

		site_reset();
		a = fixture_alarm("x", 0, &gw_condition_silent);
		a->n_points = (uint32_t)(1 + pick(3)); /* a point or a device */
		unit_ns = random_unit_ns();
		fixture_when(a)->window_ns = (1 + pick(12)) * unit_ns;
		random_delays(a, unit_ns, 12);
		scenario_random(
			&s, 1 + pick(12), 8, unit_ns, 8, a->when->window_ns, unit_ns);
		for (size_t k = 0; k < s.n; k++) /* some are of another device */
			s.in[k].point = (uint32_t)pick(4);
		expect_silent(&t, &s, a);
		fixture_start();
		gw_engine_step(fixture.engine, fixture_time(S));
		assert_changes(&t, &s, a, LIVE);
	}
	assert_some_changed(4, 4);
}

/* Stuck from the first sample on that comes a whole window after another, nothing but its value
 * between them. */
static int verdict(const struct gw_alarm_opts *a, const struct scenario *s, size_t k)
{
	for (size_t i = k + 1; i-- > 0;) {
		if (!good(&s->in[i]))
			continue;
		if (s->in[i].value < s->in[k].value || s->in[i].value > s->in[k].value)
			return -1;
		if (s->in[k].at_ns - s->in[i].at_ns >= a->when->window_ns)
			return 1;
	}
	return -1;
}

static void stuck_gives_the_events_of_the_reference(void **unused)
{
	static struct scenario s;
	static struct changes t;

	(void)unused;
	for (unsigned long i = 0; i < reference_sequences(); i++) {
		struct gw_alarm_opts *a;

		site_reset();
		a = fixture_alarm("x", 0, &gw_condition_stuck);
		unit_ns = random_unit_ns();
		fixture_when(a)->window_ns = (1 + pick(20)) * unit_ns;
		random_delays(a, unit_ns, 12);
		scenario_random(&s, 1 + pick(24), 2, unit_ns, 8, a->when->window_ns, 1);
		for (size_t k = 1; k < s.n; k++) /* the same value more often */
			if (pick(3) && isfinite(s.in[k].value))
				s.in[k].value = s.in[k - 1].value;
		changes_from_samples(&t, &s, a, verdict);
		fixture_start();
		assert_changes(&t, &s, a, (enum delivery)pick(3));
	}
	assert_some_changed(4, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(silent_gives_the_events_of_the_reference,
			fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(stuck_gives_the_events_of_the_reference,
			fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

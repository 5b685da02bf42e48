/* SPDX-License-Identifier: Apache-2.0 */
/* A dose against a slow and simple reference, which counts step by step. */
#include "reference_fixture.h"

#define ROWS 3

static int64_t unit_ns;

static void expect(
	struct changes *t, const struct scenario *s, const struct gw_alarm_opts *a)
{
	const struct gw_table *rows = &a->when->rows;
	int64_t over[ROWS] = {0};
	bool known = false;
	double value = 0;
	size_t k = 0;

	t->n = 0;
	for (int64_t at_ns = S; at_ns <= s->end_ns; at_ns += unit_ns) {
		bool full = false, low = true;

		for (size_t r = 0; r < rows->rows; r++) {
			int64_t most = (int64_t)rows->cells[2 * r + 1] / unit_ns;

			if (known)
				over[r] += value > rows->cells[2 * r] ? 1 : -1;
			if (over[r] < 0)
				over[r] = 0;
			if (over[r] > most)
				over[r] = most;
			full |= over[r] == most;
			low &= 2 * over[r] <= most;
		}
		for (; k < s->n && s->in[k].at_ns == at_ns; k++) {
			known = good(&s->in[k]);
			if (known)
				value = s->in[k].value;
		}
		if (full || low)
			changes_add(t, at_ns, full, 0);
	}
}

static void a_dose_gives_the_events_of_counting(void **unused)
{
	static struct scenario s;
	static struct changes t;

	(void)unused;
	for (unsigned long i = 0; i < reference_sequences(); i++) {
		struct gw_alarm_opts *a;
		double cells[2 * ROWS];

		unit_ns = random_unit_ns();
		for (int r = 0; r < ROWS; r++) {
			cells[2 * r] = pick(8);
			cells[2 * r + 1] = (double)((1 + pick(24)) * unit_ns);
			if (unit_ns > 1) /* half of it is whole steps, too */
				cells[2 * r + 1] *= 2;
		}
		site_reset();
		a = fixture_alarm("x", 0, &gw_condition_dose);
		fixture_when(a)->rows = (struct gw_table){
			(size_t)(1 + pick(ROWS)), 2, cells};
		random_delays(a, unit_ns, 12);
		scenario_random(
			&s, 1 + pick(12), 10, unit_ns, 8, (int64_t)cells[1], unit_ns);
		expect(&t, &s, a);
		fixture_start();
		assert_changes(&t, &s, a, (enum delivery)pick(3));
	}
	assert_some_changed(4, 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_dose_gives_the_events_of_counting,
			fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

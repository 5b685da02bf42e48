/* SPDX-License-Identifier: Apache-2.0 */
/* Limits with hysteresis against a slow and simple reference: the latest sample that was sure
 * decides. */
#include "reference_fixture.h"

static double clear_cell[1], deadband_cell[1], band_cells[2] = {8, 12};

static void random_limit(struct gw_alarm_opts *a)
{
	static const struct gw_condition_kind *const kinds[] = {&gw_condition_above,
		&gw_condition_below, &gw_condition_outside, &gw_condition_is};

	fixture_when(a)->kind = kinds[pick(4)];
	fixture_when(a)->limit = 10 + pick(3);
	fixture_when(a)->is = pick(2);
	fixture_when(a)->band = (struct gw_table){1, 2, band_cells};
	clear_cell[0] = a->when->limit +
		(a->when->kind == &gw_condition_below ? 1.0 : -1.0) * pick(3);
	deadband_cell[0] = pick(3);
	if (pick(3) == 0)
		return;
	if (pick(2) && a->when->kind != &gw_condition_outside)
		fixture_when(a)->clear = (struct gw_table){1, 1, clear_cell};
	else
		fixture_when(a)->deadband = (struct gw_table){1, 1, deadband_cell};
}

/* As the manual says. */
static int verdict(const struct gw_alarm_opts *a, const struct scenario *s, size_t k)
{
	double v = s->in[k].value;
	double deadband = a->when->deadband.rows ? deadband_cell[0] : 0;
	double clear = a->when->clear.rows ? clear_cell[0] : 0;

	if (a->when->kind == &gw_condition_is)
		return (v > 0) == a->when->is ? 1 : -1;
	if (a->when->kind == &gw_condition_above) {
		if (!a->when->clear.rows)
			clear = a->when->limit - deadband;
		return v > a->when->limit ? 1 : v <= clear ? -1 : 0;
	}
	if (a->when->kind == &gw_condition_below) {
		if (!a->when->clear.rows)
			clear = a->when->limit + deadband;
		return v < a->when->limit ? 1 : v >= clear ? -1 : 0;
	}
	if (v < 8 || v > 12)
		return 1;
	return v >= 8 + deadband && v <= 12 - deadband ? -1 : 0;
}

static void limits_give_the_events_of_the_reference(void **unused)
{
	static struct scenario s;
	static struct changes t;

	(void)unused;
	for (unsigned long i = 0; i < reference_sequences(); i++) {
		struct gw_alarm_opts *a;

		site_reset();
		a = fixture_alarm("x", 0, &gw_condition_above);
		random_limit(a);
		random_delays(a, S, 5);
		scenario_random(&s, 1 + pick(24),
			a->when->kind == &gw_condition_is ? 2 : 22, S / 10, 40,
			a->on_delay_ns, 1);
		changes_from_samples(&t, &s, a, verdict);
		fixture_start();
		assert_changes(&t, &s, a, (enum delivery)pick(3));
	}
	assert_some_changed(4, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(limits_give_the_events_of_the_reference,
			fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

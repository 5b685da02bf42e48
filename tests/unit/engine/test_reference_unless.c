/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `unless` against a slow and simple reference that goes nanosecond by nanosecond: alarms that
 * other alarms and contacts hold back, and that themselves hold others back. Samples come at even
 * nanoseconds, some of them of no use, and then nothing holds by that point. The delays of the
 * first two alarms, which nothing holds back, are odd or none.
 */
#include "reference_fixture.h"

#define POINTS 4
#define ALARMS 4 /* on one point each; the first two are never held back */
#define GATES  3

static struct gw_member gates[ALARMS][GATES];

/* What is known of each alarm and point. */
static struct slow {
	const struct gw_alarm_opts *opts;
	bool condition_true, active, held;
	bool released; /* nothing holds it back any more: it is let go with the timers */
	int64_t turn_ns;
	struct expected_events expected_events;
} slow[ALARMS];
static bool contact[POINTS], readable[POINTS];

static void random_gates(size_t alarm, struct gw_alarm_opts *a)
{
	a->unless = gates[alarm];
	a->n_unless = (size_t)(1 + pick(GATES));
	for (size_t g = 0; g < a->n_unless; g++) {
		bool is_alarm = pick(3);
		uint32_t index = (uint32_t)pick(is_alarm ? (int)alarm : POINTS - 1);

		if (!is_alarm && index >= a->first_point) /* not its own */
			index++;
		gates[alarm][g] = (struct gw_member){.is_alarm = is_alarm,
			.index = index,
			.device = index,
			.key = is_alarm ? fixture.alarm_key[index]
					: fixture.point_key[index]};
	}
}

static void random_alarms(void)
{
	for (size_t i = 0; i < ALARMS; i++) {
		static const char *const names[ALARMS] = {"a", "b", "c", "d"};
		struct gw_alarm_opts *a = fixture_alarm(
			names[i], pick(POINTS), &gw_condition_is);

		fixture_when(a)->is = true;
		if (i < 2) {
			a->on_delay_ns = pick(2) ? 1 + 2 * pick(6) : 0;
			a->off_delay_ns = pick(2) ? 1 + 2 * pick(6) : 0;
		} else {
			random_delays(a, 1, 12);
			random_gates(i, a);
		}
		slow[i] = (struct slow){.opts = a};
	}
}

static void random_scenario(struct scenario *s)
{
	int64_t at_ns = S;

	s->n = 0;
	for (int n = 1 + pick(24); n > 0; n--) {
		at_ns += 2 * pick(6);
		scenario_add(s, at_ns, (uint32_t)pick(POINTS), pick(2), false);
	}
	s->end_ns = at_ns + pick(40);
}

static bool suppressed(const struct slow *a)
{
	for (size_t g = 0; g < a->opts->n_unless; g++) {
		const struct gw_member *m = &a->opts->unless[g];

		if (m->is_alarm ? slow[m->index].active &&
					readable[slow[m->index].opts->first_point]
				: contact[m->index] && readable[m->index])
			return true;
	}
	return false;
}

/* What it was about to do at this moment comes after what now holds it back. */
static void look_at_gates(struct slow *a)
{
	bool is = suppressed(a);

	a->held |= is;
	a->released = a->held && !is;
}

/* Its delay may have ended. */
static void look(struct slow *a, int64_t at_ns)
{
	int64_t duration_ns = at_ns - a->turn_ns;

	if (a->condition_true == a->active || (a->condition_true && a->held) ||
		duration_ns <
			(a->condition_true ? a->opts->on_delay_ns : a->opts->off_delay_ns))
		return;
	a->active = a->condition_true;
	a->expected_events.at[a->expected_events.n++] = (struct expected_event){
		at_ns, a->active, 0};
	for (struct slow *other = a + 1; other < slow + ALARMS; other++)
		look_at_gates(other);
}

static void take(const struct input *in)
{
	bool is = in->value > 0;

	if (good(in))
		contact[in->point] = is;
	if (readable[in->point] != good(in)) { /* what holds is known first */
		readable[in->point] = good(in);
		for (struct slow *a = slow; a < slow + ALARMS; a++)
			look_at_gates(a);
	}
	if (!good(in))
		return;
	for (struct slow *a = slow; a < slow + ALARMS; a++) {
		if (a->opts->first_point == in->point) {
			bool turns = is != a->condition_true;

			if (turns)
				a->turn_ns = in->at_ns;
			a->condition_true = is;
			if (turns) /* else its delay may end with the timers */
				look(a, in->at_ns);
		}
		look_at_gates(a);
	}
}

static void expect(const struct scenario *s)
{
	size_t k = 0;

	memset(contact, 0, sizeof contact);
	memset(readable, 0, sizeof readable);
	for (int64_t at_ns = S; at_ns <= s->end_ns; at_ns++) {
		for (; k < s->n && s->in[k].at_ns == at_ns; k++)
			take(&s->in[k]);
		for (struct slow *a = slow; a < slow + ALARMS; a++) {
			if (a->released)
				a->held = a->released = false;
			look(a, at_ns);
		}
	}
}

static void alarms_are_suppressed_as_in_the_reference(void **unused)
{
	static struct scenario s;

	(void)unused;
	for (unsigned long i = 0; i < reference_sequences(); i++) {
		size_t n;

		site_reset();
		random_alarms();
		random_scenario(&s);
		expect(&s);
		fixture_start();
		n = run_scenario(&s, LIVE);
		for (size_t a = 0; a < ALARMS; a++) {
			assert_events(&slow[a].expected_events, slow[a].opts, n);
			if (slow[a].opts->n_unless)
				count_expected(&slow[a].expected_events);
		}
	}
	assert_some_changed(2, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(alarms_are_suppressed_as_in_the_reference,
			fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

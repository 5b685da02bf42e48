/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A vote against a slow and simple reference. Its members are discrete points and alarms with
 * delays of their own, some on one device. Samples come at even nanoseconds and those delays are
 * odd or none: what samples do and what timers do never happens at one time.
 */
#include "reference_fixture.h"

#define MEMBERS 4

static struct gw_member members[MEMBERS];
static struct gw_alarm_opts *member_alarm[MEMBERS];

/* What is known of each member: when it turned, and how. */
static struct changes known[MEMBERS];

static void random_members(size_t n)
{
	for (size_t m = 0; m < n; m++) {
		bool is_alarm = pick(2);

		members[m] = (struct gw_member){.is_alarm = is_alarm,
			.index = (uint32_t)(is_alarm ? fixture.n_alarms : m),
			.device = (uint32_t)pick(3),
			.key = fixture.point_key[m]};
		if (!is_alarm)
			continue;
		member_alarm[m] = fixture_alarm("member", (int)m, &gw_condition_is);
		fixture_when(member_alarm[m])->is = true;
		member_alarm[m]->on_delay_ns = pick(2) ? 1 + 2 * pick(8) : 0;
		member_alarm[m]->off_delay_ns = pick(2) ? 1 + 2 * pick(8) : 0;
	}
}

static void random_scenario(struct scenario *s, size_t n_points)
{
	int64_t at_ns = S;

	s->n = 0;
	for (int n = 1 + pick(20); n > 0; n--) {
		at_ns += 2 * pick(6);
		scenario_add(s, at_ns, (uint32_t)pick((int)n_points), pick(2), false);
	}
	s->end_ns = at_ns + pick(60);
}

/* A point turns with its samples; an alarm when it is raised and cleared. The note says which
 * sample it was. */
static void learn(struct changes *t, const struct scenario *s, uint32_t m)
{
	struct changes of_point = {.n = 0};
	struct expected_events f;

	for (size_t i = 0; i < s->n; i++)
		if (s->in[i].point == m && good(&s->in[i]))
			changes_add(
				&of_point, s->in[i].at_ns, s->in[i].value > 0, (int64_t)i);
	if (!members[m].is_alarm) {
		*t = of_point;
		return;
	}
	apply_delays(&f, &of_point, member_alarm[m], s->end_ns);
	t->n = 0;
	for (size_t i = 0; i < f.n; i++)
		changes_add(t, f.at[i].at_ns, f.at[i].raised, f.at[i].note);
}

/* Now or less than the window ago; of the turns that have happened. */
static bool counts(
	const struct changes *t, size_t happened, int64_t at_ns, int64_t window_ns)
{
	if (happened == 0)
		return false;
	return t->at[happened - 1].condition_true ||
		at_ns - t->at[happened - 1].at_ns < window_ns;
}

static void vote(struct changes *t, const struct gw_alarm_opts *a,
	const size_t happened[MEMBERS], int64_t at_ns)
{
	bool device[3] = {false};
	int n;

	for (size_t m = 0; m < a->when->n_members; m++)
		device[members[m].device] |= counts(
			&known[m], happened[m], at_ns, a->when->window_ns);
	n = device[0] + device[1] + device[2];
	changes_add(t, at_ns, n >= a->when->at_least, n);
}

/* Which member turns next at this time, by this sample or by any (-1); n for none. */
static size_t next_member(
	const size_t happened[MEMBERS], size_t n, int64_t at_ns, int64_t sample)
{
	for (size_t m = 0; m < n; m++) {
		const struct change *next = &known[m].at[happened[m]];

		if (happened[m] < known[m].n && next->at_ns == at_ns &&
			(sample < 0 || next->note == sample))
			return m;
	}
	return n;
}

static bool is_first(const struct scenario *s, size_t k)
{
	for (size_t i = 0; i < k; i++)
		if (s->in[i].point == s->in[k].point && good(&s->in[i]))
			return false;
	return good(&s->in[k]);
}

/* Nanosecond by nanosecond. A vote is evaluated when a member changes or is read for the first
 * time, and when a window ends. */
static void expect(
	struct changes *t, const struct scenario *s, const struct gw_alarm_opts *a)
{
	size_t happened[MEMBERS] = {0}, k = 0, n = a->when->n_members;

	t->n = 0;
	for (int64_t at_ns = S; at_ns <= s->end_ns; at_ns++) {
		size_t m = n;

		/* the samples of this time in their order, then a timer, then a window */
		for (; k < s->n && s->in[k].at_ns == at_ns; k++) {
			m = next_member(happened, n, at_ns, (int64_t)k);
			if (m < n)
				happened[m]++;
			if (m < n || is_first(s, k))
				vote(t, a, happened, at_ns);
		}
		while ((m = next_member(happened, n, at_ns, -1)) < n) {
			happened[m]++;
			vote(t, a, happened, at_ns);
		}
		vote(t, a, happened, at_ns);
	}
}

/* Without a delay the event says how many they were, and names as many. */
static void assert_counts(
	const struct expected_events *f, const struct gw_alarm_opts *a, size_t n)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		if (emitted[i].info != &a->info)
			continue;
		if (a->on_delay_ns == 0 && f->at[k].raised) {
			assert_int_equal((int64_t)emitted[i].value, f->at[k].note);
			assert_int_equal(emitted[i].n_confirmed_by, f->at[k].note);
			assert_true(emitted[i].limit == (double)a->when->at_least);
		}
		k++;
	}
}

static void a_vote_gives_the_events_of_the_reference(void **unused)
{
	static struct scenario s;
	static struct changes t;
	static struct expected_events f;

	(void)unused;
	for (unsigned long i = 0; i < reference_sequences(); i++) {
		size_t n = (size_t)(1 + pick(MEMBERS)), events;
		struct gw_alarm_opts *a;

		site_reset();
		random_members(n);
		a = fixture_alarm("vote", -1, &gw_condition_at_least);
		fixture_when(a)->members = members;
		fixture_when(a)->n_members = n;
		fixture_when(a)->at_least = 1 + pick(3);
		fixture_when(a)->window_ns = pick(2) ? pick(24) : 0;
		random_delays(a, 1, 12);
		random_scenario(&s, n);
		for (uint32_t m = 0; m < n; m++)
			learn(&known[m], &s, m);
		expect(&t, &s, a);
		apply_delays(&f, &t, a, s.end_ns);
		count_expected(&f);
		fixture_start();
		events = run_scenario(&s, LIVE);
		assert_events(&f, a, events);
		assert_counts(&f, a, events);
	}
	assert_some_changed(4, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_vote_gives_the_events_of_the_reference,
			fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

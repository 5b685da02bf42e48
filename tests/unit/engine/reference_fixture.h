/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reference_fixture.h: random scenarios of samples, given to the engine, and the events a slow and
 * obvious reference makes of them. A reference says when its condition turns, from the whole
 * list of samples; what delays make of the turns is said here, once for all kinds.
 *
 * Samples come irregularly: at the same time, a moment apart, exactly as far apart as something
 * allows or a hair less or more; some are bad, uncertain, or no numbers.
 */
#ifndef REFERENCE_FIXTURE_H
#define REFERENCE_FIXTURE_H

#include "engine_fixture.h"
#include "reference_random.h"

#define SCENARIO_MAX 256

/* ---- what happens ---- */

struct scenario {
	struct input {
		int64_t at_ns;
		uint32_t point;
		double value;
		enum gw_quality quality;
	} in[SCENARIO_MAX];
	size_t n;
	int64_t end_ns; /* the last look of the engine */
};

/* Whether a condition may look at it at all. */
static bool good(const struct input *in)
{
	return (in->quality == GW_QUALITY_GOOD || in->quality == GW_QUALITY_UNCERTAIN) &&
		isfinite(in->value);
}

static void scenario_add(
	struct scenario *s, int64_t at_ns, uint32_t point, double value, bool always_good)
{
	static const enum gw_quality bad[] = {GW_QUALITY_BAD_TIMEOUT,
		GW_QUALITY_BAD_PAYLOAD, GW_QUALITY_SILENT, GW_QUALITY_NONE};
	static const double no_numbers[] = {(double)NAN, HUGE_VAL, -HUGE_VAL};
	struct input *in = &s->in[s->n++];

	*in = (struct input){at_ns, point, value, GW_QUALITY_GOOD};
	if (pick(16) == 0)
		in->quality = GW_QUALITY_UNCERTAIN;
	if (always_good)
		return;
	if (pick(10) == 0)
		in->quality = bad[pick(4)];
	else if (pick(32) == 0)
		in->value = no_numbers[pick(3)];
}

/* A nanosecond meets edges best; what the engine may put off it does at the pace of seconds. */
static inline int64_t random_unit_ns(void)
{
	static const int64_t units_ns[] = {1, 1, S / 10, S, 60 * S};

	return units_ns[pick(5)];
}

/* n samples of point 0, values 0 .. values - 1. Up to `most` units lie between two, or edge_ns,
 * or a hair less or more than that. */
static inline void scenario_random(struct scenario *s, int n, int values, int64_t unit_ns,
	int most, int64_t edge_ns, int64_t hair_ns)
{
	int64_t at_ns = S;

	s->n = 0;
	for (int i = 0; i < n; i++) {
		int how = pick(8);

		if (how == 0 && edge_ns > 0)
			at_ns += edge_ns + (pick(3) - 1) * hair_ns;
		else if (how > 1)
			at_ns += pick(most + 1) * unit_ns;
		scenario_add(s, at_ns, 0, pick(values), false);
	}
	s->end_ns = at_ns + pick(3 * most + 2) * unit_ns + edge_ns + hair_ns;
}

/* ---- what must come of it ---- */

struct changes {
	struct change {
		int64_t at_ns;
		bool condition_true;
		int64_t note; /* of the kind: what its event must say besides */
	} at[4 * SCENARIO_MAX];
	size_t n;
};

/* The condition is `truth` from at_ns on, false before the first. */
static void changes_add(struct changes *t, int64_t at_ns, bool condition_true, int64_t note)
{
	if (condition_true == (t->n ? t->at[t->n - 1].condition_true : false))
		return;
	t->at[t->n++] = (struct change){at_ns, condition_true, note};
}

/* A condition only samples can turn: verdict says of good sample k +1 for true, -1 for false, 0
 * for as before, and may look at all that came before k. */
static inline void changes_from_samples(struct changes *t, const struct scenario *s,
	const struct gw_alarm_opts *a,
	int (*verdict)(const struct gw_alarm_opts *a, const struct scenario *s, size_t k))
{
	t->n = 0;
	for (size_t k = 0; k < s->n; k++) {
		int v = good(&s->in[k]) ? verdict(a, s, k) : 0;

		if (v)
			changes_add(t, s->in[k].at_ns, v > 0, 0);
	}
}

struct expected_events {
	struct expected_event {
		int64_t at_ns;
		bool raised;
		int64_t note;
	} at[4 * SCENARIO_MAX];
	size_t n;
};

/* A turn that lasts for its whole delay becomes a fact, unless it is one already. The sample that
 * ends it comes before the delay that ends at that moment; without a delay it is a fact at once. */
static inline void apply_delays(struct expected_events *f, const struct changes *t,
	const struct gw_alarm_opts *a, int64_t end_ns)
{
	bool active = false;

	f->n = 0;
	for (size_t i = 0; i < t->n; i++) {
		bool condition_true = t->at[i].condition_true;
		int64_t lasts_to_ns = i + 1 < t->n ? t->at[i + 1].at_ns : end_ns;
		int64_t delay_ns = condition_true ? a->on_delay_ns : a->off_delay_ns;
		int64_t due_ns = t->at[i].at_ns + delay_ns;

		if (condition_true == active || due_ns > lasts_to_ns ||
			(due_ns == lasts_to_ns && i + 1 < t->n && delay_ns > 0))
			continue;
		active = condition_true;
		f->at[f->n++] = (struct expected_event){
			due_ns, condition_true, t->at[i].note};
	}
}

static inline void random_delays(struct gw_alarm_opts *a, int64_t unit_ns, int most)
{
	a->on_delay_ns = pick(2) ? pick(most + 1) * unit_ns : 0;
	a->off_delay_ns = pick(2) ? pick(most + 1) * unit_ns : 0;
	a->latch = pick(2);
}

/* ---- the engine runs a scenario ---- */

enum delivery {
	LIVE,    /* sample by sample, timers up to each, samples of one time together */
	BATCHED, /* several at once, those of one time never apart */
	LATE,    /* all of them long after the last */
};

static struct gw_event emitted[1024];

/* Returns how many events came, in `emitted`. */
static size_t run_scenario(const struct scenario *s, enum delivery how)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		const struct input *in = &s->in[i];
		const struct gw_sample sample = {.point = in->point,
			.quality = (uint16_t)in->quality,
			.boot_ns = FIXTURE_START_NS + in->at_ns,
			.value = in->value};
		bool later = i == 0 || in->at_ns > s->in[i - 1].at_ns;
		bool last = i + 1 == s->n || s->in[i + 1].at_ns > in->at_ns;

		if (how == LIVE && later)
			gw_engine_step(fixture.engine, fixture_time(in->at_ns - 1));
		gw_engine_ingest(fixture.engine, &sample, 1,
			fixture_time(how == LATE ? s->end_ns : in->at_ns));
		if (last && (how == LIVE || (how == BATCHED && pick(4) == 0)))
			gw_engine_step(fixture.engine, fixture_time(in->at_ns));
		n += gw_ring_pop(&fixture.out, emitted + n, 1024 - n, sizeof *emitted);
	}
	gw_engine_step(fixture.engine, fixture_time(s->end_ns));
	return n + gw_ring_pop(&fixture.out, emitted + n, 1024 - n, sizeof *emitted);
}

/* The n events in `emitted` that are of alarm a are exactly the expected ones, in order. */
static void assert_events(
	const struct expected_events *f, const struct gw_alarm_opts *a, size_t n)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		if (emitted[i].info != &a->info)
			continue;
		assert_true(k < f->n);
		assert_int_equal(emitted[i].boot_ns - FIXTURE_START_NS, f->at[k].at_ns);
		assert_int_equal(emitted[i].change,
			f->at[k].raised ? GW_CHANGE_RAISED : GW_CHANGE_CLEARED);
		k++;
	}
	assert_int_equal(k, f->n);
}

/* For tests that want to know that something happened at all. */
static struct {
	unsigned long raised, cleared;
} reference_seen;

static void count_expected(const struct expected_events *f)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->at[i].raised)
			reference_seen.raised++;
		else
			reference_seen.cleared++;
}

/* The engine, given the scenario, emits for alarm a what delays make of these changes,
 * which is returned. */
static inline const struct expected_events *assert_changes(const struct changes *t,
	const struct scenario *s, const struct gw_alarm_opts *a, enum delivery how)
{
	static struct expected_events f;

	apply_delays(&f, t, a, s->end_ns);
	count_expected(&f);
	assert_events(&f, a, run_scenario(s, how));
	return &f;
}

/* The scenarios were of use: one in that many raised, and one in that many cleared. */
static inline void assert_some_changed(unsigned long to_raise, unsigned long to_clear)
{
	assert_true(reference_seen.raised > reference_sequences() / to_raise);
	assert_true(reference_seen.cleared > reference_sequences() / to_clear);
	reference_seen.raised = reference_seen.cleared = 0;
}

/* A fresh site without alarms. */
static void site_reset(void)
{
	gw_engine_free(fixture.engine);
	fixture.engine = NULL;
	fixture.n_alarms = 0;
}

#endif

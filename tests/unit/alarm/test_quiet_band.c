/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Quiet bands: what a kind promises of samples that are buffered
 * holds, at the edges of its band and to the last nanosecond.
 *
 * REFERENCE_SEQUENCES sets how many walks (default 20000 a kind).
 */
#include "history_fixture.h"

#define STEPS 200

static struct walk walk;

static unsigned long n_buffered;

/* Samples that one memory absorbs at once and another may take its time with. */
static struct pair {
	const struct gw_condition_opts *o;
	void *immediate, *buffered;
	struct gw_buffered_sample samples[5];
	struct gw_buffered_run run;
	double last; /* value */
	bool buffers_each;
	struct gw_quiet_band band;
	bool is_quiet, condition_true;
} pair;

static void absorb_buffered(void)
{
	pair.run.value = pair.last;
	pair.run.samples = pair.buffers_each ? pair.samples : NULL;
	if (pair.run.n)
		pair.o->kind->absorb_buffered(pair.buffered, &pair.run);
	pair.run = (struct gw_buffered_run){.sum = pair.run.sum};
}

static void buffer_sample(double value)
{
	if (pair.run.n == sizeof pair.samples / sizeof *pair.samples)
		absorb_buffered();
	pair.samples[pair.run.n++] = (struct gw_buffered_sample){value, walk.now_ns};
	pair.run.sum += value;
	if (islessgreater(value, pair.last))
		pair.run.since_ns = walk.now_ns;
	pair.last = value;
}

static struct gw_condition_result evaluate(void *memory, const struct gw_sample *sample)
{
	struct gw_condition_result a = {
		.condition_true = pair.condition_true, .eta_ms = -1};

	pair.o->kind->evaluate(pair.o, memory,
		&(struct gw_condition_input){
			.sample = sample, .member = GW_NO_MEMBER, .now_ns = walk.now_ns},
		&a);
	return a;
}

/* The quiet band from now on: after a sample, before any, or after absorb_buffered alone. */
static void update_band(void)
{
	pair.band = GW_QUIET_BAND_UNLIMITED;
	pair.is_quiet = !pair.condition_true &&
		pair.o->kind->history_quiet_band(pair.o, pair.buffered, &pair.band);
	pair.run.sum = pair.buffers_each ? (double)NAN : pair.band.sum;
}

static void process_sample(double value)
{
	const struct gw_condition_opts *o = pair.o;
	const struct gw_sample s = {.quality = GW_QUALITY_GOOD, .value = value};
	bool evaluate_now = o->kind->absorb(o, pair.immediate, &s, walk.now_ns);
	struct gw_condition_result a, b;

	if (pair.is_quiet && walk.now_ns < pair.band.until_ns && value >= pair.band.lo &&
		value <= pair.band.hi) {
		assert_false(evaluate_now);
		n_buffered++;
		buffer_sample(value);
		return;
	}
	absorb_buffered();
	pair.last = value;
	assert_int_equal(o->kind->absorb(o, pair.buffered, &s, walk.now_ns), evaluate_now);
	if (evaluate_now || pair.condition_true || chance(2)) {
		a = evaluate(pair.immediate, &s);
		b = evaluate(pair.buffered, &s);
		assert_int_equal(a.condition_true, b.condition_true);
		assert_int_equal(a.eta_ms, b.eta_ms);
		assert_int_equal(a.due_ns, b.due_ns);
		pair.condition_true = a.condition_true;
	}
	update_band();
}

static void walk_both(const struct gw_condition_opts *o)
{
	size_t size = o->kind->memory(o);

	pair = (struct pair){.o = o,
		.immediate = calloc(1, size),
		.buffered = calloc(1, size),
		.buffers_each = o->kind->needs_each_sample || chance(2)};
	walk = (struct walk){.now_ns = (1 + chance(2) * 1000) * S, .value = chance(14)};
	if (o->kind == &gw_condition_rises || o->kind == &gw_condition_falls)
		walk.offset = chance(4) ? 0 : COARSE;
	for (int i = 0; i < STEPS; i++) {
		double value = next(&walk);

		if (chance(8) == 0 && pair.is_quiet && pair.band.lo > -DBL_MAX)
			value = pair.band.lo;
		if (chance(8) == 0 && pair.is_quiet && pair.band.hi < DBL_MAX)
			value = pair.band.hi;
		if (chance(8) == 0 && pair.is_quiet && pair.band.until_ns > walk.now_ns &&
			pair.band.until_ns < INT64_MAX)
			walk.now_ns = pair.band.until_ns - chance(2);
		if (chance(8) == 0) {
			absorb_buffered();
			update_band();
		}
		process_sample(value);
	}
	free(pair.immediate);
	free(pair.buffered);
}

static void a_sample_in_the_quiet_band_changes_nothing(void **unused)
{
	(void)unused;
	for (size_t k = 0; k < KINDS; k++) {
		unsigned long n = reference_sequences_or(20000);

		n_buffered = 0;
		for (unsigned long i = 0; i < n; i++) {
			const struct gw_condition_opts o = random_opts(kinds[k]);

			walk_both(&o);
		}
		assert_true(n_buffered > n * STEPS / 4); /* or too few were buffered */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sample_in_the_quiet_band_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

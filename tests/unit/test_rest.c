/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Histories that rest: what a kind promises of the samples it does not need to see at once
 * holds, at the edges of its band and to the last nanosecond.
 *
 * REFERENCE_SEQUENCES sets how many walks (default 20000 a kind).
 */
#include "rest_kit.h"

#define STEPS 200

static struct walk walk;

static unsigned long rested;

/* Samples that one memory absorbs at once and another may take its time with. */
static struct beside {
	const struct gw_condition_opts *o;
	void *prompt, *late;
	struct gw_kept kept[5];
	struct gw_rested run;
	double last; /* value */
	bool each;
	struct gw_rest rest;
	bool rests, truth;
} beside;

static void recall(void)
{
	beside.run.value = beside.last;
	beside.run.kept = beside.each ? beside.kept : NULL;
	if (beside.run.n)
		beside.o->kind->recall(beside.late, &beside.run);
	beside.run = (struct gw_rested){.sum = beside.run.sum};
}

static void keep(double value)
{
	if (beside.run.n == sizeof beside.kept / sizeof *beside.kept)
		recall();
	beside.kept[beside.run.n++] = (struct gw_kept){value, walk.now_ns};
	beside.run.sum += value;
	if (islessgreater(value, beside.last))
		beside.run.since_ns = walk.now_ns;
	beside.last = value;
}

static struct gw_condition_answer ask(void *memory, const struct gw_sample *sample)
{
	struct gw_condition_answer a = {.truth = beside.truth, .eta_ms = -1};

	beside.o->kind->ask(beside.o, memory,
		&(struct gw_condition_input){
			.sample = sample, .member = GW_NO_MEMBER, .now_ns = walk.now_ns},
		&a);
	return a;
}

/* Whether it may rest from now on: after a sample, or before any, or after a recall alone. */
static void look(void)
{
	beside.rest = GW_REST_ALWAYS;
	beside.rests = !beside.truth &&
		beside.o->kind->rest(beside.o, beside.late, &beside.rest);
	beside.run.sum = beside.each ? (double)NAN : beside.rest.sum;
}

static void tell(double value)
{
	const struct gw_condition_opts *o = beside.o;
	const struct gw_sample s = {.quality = GW_QUALITY_GOOD, .value = value};
	bool more = o->kind->absorb(o, beside.prompt, &s, walk.now_ns);
	struct gw_condition_answer a, b;

	if (beside.rests && walk.now_ns < beside.rest.until_ns && value >= beside.rest.lo &&
		value <= beside.rest.hi) {
		assert_false(more);
		rested++;
		keep(value);
		return;
	}
	recall();
	beside.last = value;
	assert_int_equal(o->kind->absorb(o, beside.late, &s, walk.now_ns), more);
	if (more || beside.truth || chance(2)) {
		a = ask(beside.prompt, &s);
		b = ask(beside.late, &s);
		assert_int_equal(a.truth, b.truth);
		assert_int_equal(a.eta_ms, b.eta_ms);
		assert_int_equal(a.due_ns, b.due_ns);
		beside.truth = a.truth;
	}
	look();
}

static void walk_beside_a_rest(const struct gw_condition_opts *o)
{
	size_t size = o->kind->memory(o);

	beside = (struct beside){.o = o,
		.prompt = calloc(1, size),
		.late = calloc(1, size),
		.each = o->kind->recalls_each || chance(2)};
	walk = (struct walk){.now_ns = (1 + chance(2) * 1000) * S, .value = chance(14)};
	if (o->kind == &gw_rises || o->kind == &gw_falls)
		walk.offset = chance(4) ? 0 : COARSE;
	for (int i = 0; i < STEPS; i++) {
		double value = next(&walk);

		if (chance(8) == 0 && beside.rests && beside.rest.lo > -DBL_MAX)
			value = beside.rest.lo;
		if (chance(8) == 0 && beside.rests && beside.rest.hi < DBL_MAX)
			value = beside.rest.hi;
		if (chance(8) == 0 && beside.rests && beside.rest.until_ns > walk.now_ns &&
			beside.rest.until_ns < INT64_MAX)
			walk.now_ns = beside.rest.until_ns - chance(2);
		if (chance(8) == 0) {
			recall();
			look();
		}
		tell(value);
	}
	free(beside.prompt);
	free(beside.late);
}

static void a_history_at_rest_has_nothing_to_say(void **unused)
{
	(void)unused;
	for (size_t k = 0; k < KINDS; k++) {
		unsigned long n = reference_sequences_or(20000);

		rested = 0;
		for (unsigned long i = 0; i < n; i++) {
			const struct gw_condition_opts o = random_opts(kinds[k]);

			walk_beside_a_rest(&o);
		}
		assert_true(rested > n * STEPS / 4); /* or there is no rest to speak of */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_history_at_rest_has_nothing_to_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

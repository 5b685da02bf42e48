/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Histories that rest: what a kind promises of the samples it does not need to see at once
 * holds, at the edges of its band and to the last nanosecond; and an engine that keeps samples
 * for histories at rest gives the events of one whose histories never rest, also over a reload
 * and when another alarm of the point stirs.
 *
 * REFERENCE_SEQUENCES sets how many walks (default 20000 a kind, and for engines).
 */
#include "engine_kit.h"

#define STEPS 200

static uint64_t state = 42;

static unsigned pick(unsigned n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)((state >> 20) % n);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SLOWER 20
#else
#define SLOWER 1
#endif

static unsigned long sequences(unsigned long otherwise)
{
	const char *set = getenv("REFERENCE_SEQUENCES");

	return set ? strtoul(set, NULL, 10) : otherwise / SLOWER;
}

static const double rows[] = {6, 40e9, 9, 10e9};

static const struct gw_condition_kind *const kinds[] = {
	&gw_rises, &gw_falls, &gw_reaches, &gw_stuck, &gw_dose};
#define KINDS (sizeof kinds / sizeof *kinds)

static struct gw_condition_opts random_opts(const struct gw_condition_kind *kind)
{
	return (struct gw_condition_opts){.kind = kind,
		.limit = kind == &gw_reaches ? 12 : 1 + pick(6),
		.window_ns = (int64_t)(4 + pick(40)) * S,
		.fit_ns = (int64_t)(20 + pick(60)) * S,
		.rows = {2, 2, rows}};
}

/* Where a step of 1 is the least there is. */
#define COARSE 4503599627370496.0

/* Flats, steps, ramps and noise, now and then a pause. */
static struct walk {
	int64_t now_ns;
	double value, step, offset;
	unsigned noise;
} walk;

static double next(void)
{
	if (pick(20) == 0)
		walk.step = (pick(5) - 2.0) / 4;
	if (pick(40) == 0)
		walk.noise = pick(3);
	if (pick(60) == 0)
		walk.value = pick(14);
	if (walk.value < 0 || walk.value > 14)
		walk.step = -walk.step;
	walk.value += walk.step;
	walk.now_ns += pick(60) ? (int64_t)pick(4) * S / 2 : (int64_t)pick(60) * S;
	return walk.offset + walk.value + (walk.noise ? pick(walk.noise + 1) / 10.0 : 0);
}

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
	if (more || beside.truth || pick(2)) {
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
		.each = o->kind->recalls_each || pick(2)};
	walk = (struct walk){.now_ns = (1 + pick(2) * 1000) * S, .value = pick(14)};
	if (o->kind == &gw_rises || o->kind == &gw_falls)
		walk.offset = pick(4) ? 0 : COARSE;
	for (int i = 0; i < STEPS; i++) {
		double value = next();

		if (pick(8) == 0 && beside.rests && beside.rest.lo > -DBL_MAX)
			value = beside.rest.lo;
		if (pick(8) == 0 && beside.rests && beside.rest.hi < DBL_MAX)
			value = beside.rest.hi;
		if (pick(8) == 0 && beside.rests && beside.rest.until_ns > walk.now_ns &&
			beside.rest.until_ns < INT64_MAX)
			walk.now_ns = beside.rest.until_ns - pick(2);
		if (pick(8) == 0) {
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
		unsigned long n = sequences(20000);

		rested = 0;
		for (unsigned long i = 0; i < n; i++) {
			const struct gw_condition_opts o = random_opts(kinds[k]);

			walk_beside_a_rest(&o);
		}
		assert_true(rested > n * STEPS / 4); /* or there is no rest to speak of */
	}
}

static struct gw_condition_kind restless[KINDS];

static struct gw_engine *engine_of(bool rests)
{
	for (size_t i = 0; i < kit.n_alarms; i++)
		for (size_t k = 0; k < KINDS; k++)
			if (strcmp(kit.alarms[i].when.kind->key, kinds[k]->key) == 0)
				kit.alarms[i].when.kind = rests ? kinds[k] : &restless[k];
	return kit_engine();
}

static void ignore(
	void *arg, const struct gw_alarm_memory *memory, const struct gw_alarm_info *info)
{
	(void)arg, (void)memory, (void)info;
}

static struct gw_engine *reload(struct gw_engine *old, int64_t at_ns)
{
	struct gw_engine *e = kit_engine();

	assert_int_equal(gw_engine_adopt(e, old, kit_time(at_ns), ignore, NULL), 0);
	gw_engine_free(old);
	return e;
}

/* Shelves them all: what is told then says what each was asked last. */
static void shelve(struct gw_engine *e, int64_t at_ns)
{
	static struct gw_ring commands, replies;

	assert_int_equal(
		gw_ring_init(&commands, KIT_ALARMS, sizeof(struct gw_command), NULL),
		GW_OK);
	assert_int_equal(
		gw_ring_init(&replies, KIT_ALARMS, sizeof(struct gw_reply), NULL), GW_OK);
	gw_engine_commands(e, &commands, &replies, NULL);
	for (uint32_t i = 0; i < kit.n_alarms; i++)
		gw_ring_push(&commands,
			&(struct gw_command){
				.alarm = i, .kind = GW_COMMAND_SHELVE, .for_ns = S},
			1, sizeof(struct gw_command));
	gw_engine_step(e, kit_time(at_ns));
	gw_ring_fini(&commands);
	gw_ring_fini(&replies);
}

static size_t live(bool rests, const struct gw_sample *samples, const unsigned *batches,
	unsigned reload_at, struct gw_event *events)
{
	struct gw_engine *e = engine_of(rests);
	size_t n = 0;

	for (unsigned i = 0, b = 0; i < STEPS; b++) {
		unsigned many = batches[b] < STEPS - i ? batches[b] : STEPS - i;
		struct gw_time now = kit_time(samples[i + many - 1].mono_ns - KIT_START_NS);

		gw_engine_feed(e, samples + i, many, now);
		gw_engine_step(e, now);
		i += many;
		if (b == reload_at)
			e = reload(e, now.mono_ns - KIT_START_NS);
		n += gw_ring_pop(&kit.out, events + n, 1024 - n, sizeof *events);
	}
	shelve(e, samples[STEPS - 1].mono_ns - KIT_START_NS);
	n += gw_ring_pop(&kit.out, events + n, 1024 - n, sizeof *events);
	gw_engine_free(e);
	return n;
}

static void a_history_that_rests_misses_nothing(void **unused)
{
	static struct gw_event one[1024], other[1024];
	unsigned long events = 0, n = sequences(20000);

	(void)unused;
	for (size_t i = 0; i < KINDS; i++) {
		restless[i] = *kinds[i];
		restless[i].rest = NULL;
	}
	for (unsigned long i = 0; i < n; i++) {
		struct gw_sample samples[STEPS];
		unsigned batches[STEPS], reload_at = pick(30);
		size_t many;

		kit.n_alarms = 0;
		for (size_t k = 0; k < KINDS; k++)
			if (pick(3) == 0)
				kit_alarm(kinds[k]->key, 0, kinds[k])->when = random_opts(
					kinds[k]);
		if (pick(3) == 0)
			kit_alarm("above", 0, &gw_above)->when.limit = 10 + pick(4);
		walk = (struct walk){.now_ns = KIT_START_NS, .value = pick(14)};
		for (unsigned k = 0; k < STEPS; k++) {
			samples[k] = (struct gw_sample){.quality = pick(20)
					? GW_QUALITY_GOOD
					: GW_QUALITY_BAD_TIMEOUT,
				.value = next()};
			samples[k].mono_ns = walk.now_ns;
			batches[k] = 1 + pick(3) * pick(30);
		}
		many = live(true, samples, batches, reload_at, one);
		assert_int_equal(many, live(false, samples, batches, reload_at, other));
		for (size_t k = 0; k < many; k++) {
			assert_string_equal(one[k].info->key, other[k].info->key);
			assert_int_equal(one[k].change, other[k].change);
			assert_int_equal(one[k].mono_ns, other[k].mono_ns);
			assert_int_equal(one[k].eta_ms, other[k].eta_ms);
			assert_memory_equal(
				&one[k].value, &other[k].value, sizeof one[k].value);
		}
		events += many;
	}
	assert_true(events > n);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_history_at_rest_has_nothing_to_say),
		TEST(a_history_that_rests_misses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

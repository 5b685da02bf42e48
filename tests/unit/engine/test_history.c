/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An engine that buffers samples, side by side with one that absorbs each at once: both are given
 * the same samples, commands and reloads, and emit the same events, byte for byte.
 * Several points speak in one batch, at the edges of their bands, too, and alarms hold each other
 * back, count each other and share a device.
 *
 * REFERENCE_SEQUENCES sets how many scenarios (default 8000).
 */
#include "engine/history.h"
#include "engine/timers.h"
#include "history_fixture.h"

#define ANALOG       3 /* points p0 ..; alarms of values are on them */
#define CONTACTS     2 /* behind them: 0 or 1, members of votes and `unless` */
#define MAX_SPEAKING (ANALOG + CONTACTS)
#define STEPS        200 /* samples of a scenario, and of a batch at most */
#define BURST        600 /* a millisecond apart */
/* Alarms of one point at most; two more listen to several. */
#define OF_VALUES (FIXTURE_ALARMS - 2)
#define MANY      1024 /* events of a step at most */

static struct gw_condition_kind restless[KINDS];
static struct gw_member members[FIXTURE_ALARMS][2];

/* One of the two engines. */
static struct side {
	bool rests;
	struct gw_alarm_opts alarms[FIXTURE_ALARMS];
	struct gw_condition_opts when[FIXTURE_ALARMS];
	struct gw_engine *e;
	struct gw_ring out, commands, replies;
	struct gw_event events[MANY];
} side[2];

/* What happens to both. */
static struct {
	int64_t now_ns;   /* of the samples */
	int64_t clock_ns; /* of the engines: samples may wait for them in a ring */
	unsigned pace;    /* so many times as quick as a walk is */
	struct walk walk[ANALOG];
	unsigned burst; /* samples of it to come, mostly of burst_point */
	uint32_t burst_point;
} scenario;

/* Counts that show that the buffering engine did buffer. */
static struct {
	unsigned long events;
	unsigned long rested; /* samples that waited at the end of a batch */
	unsigned long rooms;  /* times that a long row of them was taken in */
	unsigned long blocks; /* batches of three blocks or more */
} seen;

/* ---- alarms ---- */

/* An alarm before this one, or a contact. */
static struct gw_member random_member(uint32_t before)
{
	bool is_alarm = before && chance(2);
	uint32_t i = is_alarm ? chance(before) : ANALOG + chance(CONTACTS);

	return (struct gw_member){is_alarm, i, i + (is_alarm ? FIXTURE_POINTS : 0),
		is_alarm ? fixture.alarm_key[i] : fixture.point_key[i]};
}

static void random_members(uint32_t alarm)
{
	for (size_t i = 0; i < 2; i++)
		members[alarm][i] = random_member(alarm);
}

static struct gw_alarm_opts *random_alarm(
	const char *name, int point, const struct gw_condition_kind *kind)
{
	uint32_t i = (uint32_t)fixture.n_alarms;
	struct gw_alarm_opts *a = fixture_alarm(name, point, kind);

	a->on_delay_ns = chance(4) ? 0 : chance(20) * S;
	a->off_delay_ns = chance(4) ? 0 : chance(20) * S;
	a->re_alarm_ns = chance(8) ? 0 : 30 * S;
	a->latch = chance(8) == 0;
	random_members(i);
	if (point >= 0 && chance(4) == 0) {
		a->unless = members[i];
		a->n_unless = 1 + chance(2);
	}
	return a;
}

static void random_alarms_of(int point)
{
	for (size_t k = 0; k < KINDS; k++)
		if (chance(3) == 0 && fixture.n_alarms < OF_VALUES)
			*fixture_when(random_alarm(
				kinds[k]->key, point, kinds[k])) = random_opts(kinds[k]);
	if (chance(4) == 0 && fixture.n_alarms < OF_VALUES)
		*fixture_when(random_alarm("reaches-too", point,
			&gw_condition_reaches)) = random_opts(&gw_condition_reaches);
	if (chance(3) == 0 && fixture.n_alarms < OF_VALUES)
		fixture_when(random_alarm("above", point, &gw_condition_above))->limit =
			10 + chance(4);
}

static void random_alarms(void)
{
	fixture.n_alarms = 0;
	for (int p = 0; p < ANALOG; p++)
		random_alarms_of(p);
	if (chance(2)) {
		struct gw_alarm_opts *a = random_alarm(
			"silent", (int)chance(2), &gw_condition_silent);

		a->n_points = 2;
		fixture_when(a)->window_ns = (int64_t)(1 + chance(20)) * S;
	}
	if (chance(2)) {
		struct gw_alarm_opts *a = random_alarm("vote", -1, &gw_condition_at_least);

		fixture_when(a)->at_least = 1 + chance(2);
		fixture_when(a)->window_ns = chance(2) * 10 * S;
		fixture_when(a)->members = members[a - fixture.alarms];
		fixture_when(a)->n_members = 2;
	}
}

/* ---- two engines ---- */

static void disable_buffering(struct gw_condition_opts *o)
{
	for (size_t k = 0; k < KINDS; k++)
		if (o->kind == kinds[k])
			o->kind = &restless[k];
}

static void make_engine(struct side *s)
{
	const struct gw_engine_opts opts = {.site = &fixture_site,
		.points = fixture.points,
		.n_points = FIXTURE_POINTS,
		.alarms = s->alarms,
		.n_alarms = fixture.n_alarms};

	assert_int_equal(gw_engine_new(&opts, &s->e, NULL), GW_OK);
	gw_engine_set_identity(s->e, 7, 100, "00000000-0000-0000-0000-000000000000");
	assert_int_equal(gw_engine_add_output(s->e, &s->out, NULL, NULL), GW_OK);
	gw_engine_set_commands(s->e, &s->commands, &s->replies, NULL);
	s->e->prefetch_histories = chance(2); /* as if there were many */
}

static void begin(struct side *s)
{
	memcpy(s->alarms, fixture.alarms, sizeof s->alarms);
	memcpy(s->when, fixture.when, sizeof s->when);
	for (size_t i = 0; i < fixture.n_alarms; i++) {
		s->alarms[i].when = &s->when[i];
		if (!s->rests)
			disable_buffering(&s->when[i]);
	}
	make_engine(s);
}

static void no_unconfigured(
	void *arg, const struct gw_alarm_record *record, const struct gw_alarm_info *info)
{
	(void)arg, (void)record, (void)info;
	fail();
}

static void reload(struct side *s)
{
	struct gw_engine *old = s->e;

	make_engine(s);
	gw_engine_adopt(s->e, old, fixture_time(scenario.clock_ns), no_unconfigured, NULL);
	gw_engine_free(old);
}

/* ---- their events ---- */

static void assert_same_event(const struct gw_event *a, const struct gw_event *b)
{
	static char one[GW_EVENT_JSON_MAX], other[GW_EVENT_JSON_MAX];
	struct gw_text t, u;

	gw_text_init(&t, one, sizeof one);
	gw_text_init(&u, other, sizeof other);
	gw_event_json(&t, a);
	gw_event_json(&u, b);
	assert_string_equal(one, other);
	assert_int_equal(a->boot_ns, b->boot_ns);
	assert_int_equal(a->underlying, b->underlying);
	assert_memory_equal(&a->value, &b->value, sizeof a->value);
	assert_memory_equal(&a->peak, &b->peak, sizeof a->peak);
}

static void assert_same_view(void)
{
	for (size_t p = 0; p < MAX_SPEAKING; p++) {
		struct gw_point_view a, b;

		gw_view_point(gw_engine_view(side[0].e), p, &a);
		gw_view_point(gw_engine_view(side[1].e), p, &b);
		assert_memory_equal(&a.value, &b.value, sizeof a.value);
		assert_int_equal(a.quality, b.quality);
		assert_int_equal(a.boot_ns, b.boot_ns);
		assert_int_equal(a.current_ns, b.current_ns);
		assert_int_equal(a.samples, b.samples);
	}
	for (uint32_t i = 0; i < fixture.n_alarms; i++)
		if (fixture.alarms[i].n_points <
			2) /* two: each may know of another last one */
			assert_int_equal(gw_timers_due_ns(side[0].e, i),
				gw_timers_due_ns(side[1].e, i));
}

/* What nothing but the samples decides, once all of them are taken in. */
static void assert_same_memories(void)
{
	for (size_t p = 0; p < ANALOG; p++)
		gw_history_flush(side[0].e, p);
	for (size_t i = 0; i < fixture.n_alarms; i++)
		if (fixture.alarms[i].when->kind == &gw_condition_reaches ||
			fixture.alarms[i].when->kind == &gw_condition_stuck)
			assert_memory_equal(side[0].e->alarms[i].memory,
				side[1].e->alarms[i].memory,
				gw_condition_memory(fixture.alarms[i].when));
}

/* The engines look now, or a little later than the last sample. */
static void look_at_clock(void)
{
	int64_t at_ns = scenario.now_ns + (chance(4) ? 0 : (int64_t)chance(100) * S / 50);

	if (at_ns > scenario.clock_ns)
		scenario.clock_ns = at_ns;
}

static void step(void)
{
	size_t n[2];

	look_at_clock();
	for (size_t i = 0; i < 2; i++) {
		gw_engine_step(side[i].e, fixture_time(scenario.clock_ns));
		n[i] = gw_ring_pop(
			&side[i].out, side[i].events, MANY, sizeof(struct gw_event));
		assert_int_equal(gw_ring_count(&side[i].out), 0);
		gw_ring_drop(&side[i].replies, gw_ring_count(&side[i].replies));
	}
	for (size_t k = 0; k < n[0] && k < n[1]; k++)
		assert_same_event(&side[0].events[k], &side[1].events[k]);
	assert_int_equal(n[0], n[1]);
	assert_same_view();
	seen.events += n[0];
}

static void command(uint32_t alarm, enum gw_alarm_command_kind kind, int64_t duration_ns)
{
	const struct gw_alarm_command c = {
		.alarm = alarm, .kind = kind, .duration_ns = duration_ns};

	for (size_t i = 0; i < 2; i++)
		assert_true(gw_ring_push(&side[i].commands, &c, 1, sizeof c));
}

/* The event at the end of a shelf shows what each evaluated last. */
static void shelve_all(void)
{
	for (uint32_t i = 0; i < fixture.n_alarms; i++)
		command(i, GW_COMMAND_SHELVE, S + chance(3) * S / 2);
	for (int i = 0; i < 6; i++) {
		step();
		scenario.now_ns += S / 2;
	}
	scenario.now_ns += 200 * S;
	step();
}

/* ---- what happens ---- */

/* The point in the buffering engine. */
static const struct gw_point_state *slot(uint32_t point)
{
	return &side[0].e->view.points[point];
}

/* On the edge of the quiet band, just outside it, or not a number. */
static double edge(uint32_t point, double otherwise)
{
	static const double odd[] = {(double)NAN, HUGE_VAL, -HUGE_VAL, DBL_MAX, -DBL_MAX};
	double v = chance(2) ? slot(point)->lo : slot(point)->hi;

	if (chance(12) == 0)
		return odd[chance(sizeof odd / sizeof *odd)];
	if (fabs(v) > 1e6) /* has no such edge */
		return otherwise;
	return chance(2) ? v : nextafter(v, chance(2) ? HUGE_VAL : -HUGE_VAL);
}

/* To the last nanosecond before the quiet band ends, or past it, if that is soon. */
static int64_t wait_for_end(uint32_t point, int64_t otherwise_ns)
{
	int64_t end_ns = ((int64_t)slot(point)->quiet_until << GW_QUIET_SHIFT) -
		FIXTURE_START_NS;

	return end_ns > scenario.now_ns && end_ns < scenario.now_ns + 60 * S
		? end_ns - chance(2)
		: otherwise_ns;
}

static struct gw_sample sample_of(uint32_t point)
{
	struct gw_sample s = {.point = point, .quality = GW_QUALITY_GOOD};
	struct walk *w = &scenario.walk[point % ANALOG];
	int64_t at_ns;

	w->now_ns = 0;
	s.value = next(w);
	at_ns = scenario.now_ns + w->now_ns / scenario.pace;
	if (point >= ANALOG)
		s.value = chance(2);
	if (scenario.burst) {
		at_ns = scenario.now_ns + GW_NS_PER_MS;
	} else if (chance(20) == 0) {
		s.quality = chance(2) ? GW_QUALITY_UNCERTAIN : GW_QUALITY_BAD_TIMEOUT;
	} else if (point < ANALOG && chance(12) == 0) {
		s.value = edge(point, s.value);
		at_ns = wait_for_end(point, at_ns);
	}
	scenario.now_ns = at_ns;
	s.boot_ns = FIXTURE_START_NS + at_ns;
	return s;
}

static uint32_t pick_point(void)
{
	if (scenario.burst && chance(8))
		return scenario.burst_point;
	return chance(8) ? chance(ANALOG) : ANALOG + chance(CONTACTS);
}

static unsigned batch(struct gw_sample *samples)
{
	unsigned n = 1 + chance(chance(3) ? 60 : STEPS);

	for (unsigned i = 0; i < n; i++) {
		samples[i] = sample_of(pick_point());
		scenario.burst -= scenario.burst > 0;
	}
	return n;
}

static void feed(const struct gw_sample *samples, unsigned n)
{
	unsigned n_buffered[ANALOG];

	for (uint32_t p = 0; p < ANALOG; p++)
		n_buffered[p] = slot(p)->n_buffered;
	look_at_clock();
	for (size_t i = 0; i < 2; i++)
		gw_engine_ingest(side[i].e, samples, n, fixture_time(scenario.clock_ns));
	for (uint32_t p = 0; p < ANALOG; p++) {
		seen.rested += slot(p)->n_buffered;
		seen.rooms += n_buffered[p] > GW_SUM_CAPACITY / 2 &&
			slot(p)->n_buffered < GW_SUM_CAPACITY / 2;
		assert_int_equal(side[1].e->view.points[p].n_buffered, 0);
	}
	seen.blocks += n > 128;
}

static void anything_else(void)
{
	if (fixture.n_alarms && chance(2) == 0)
		command(chance((unsigned)fixture.n_alarms),
			(enum gw_alarm_command_kind)chance(4), 1 + (int64_t)chance(20) * S);
	if (chance(20) == 0) {
		for (size_t i = 0; i < 2; i++)
			reload(&side[i]);
		assert_same_memories();
	}
	if (chance(10) == 0) {
		scenario.burst = BURST;
		scenario.burst_point = chance(ANALOG);
	}
	if (chance(3) == 0) { /* time passes without samples */
		scenario.now_ns += (int64_t)chance(80) * S / 4;
		step();
	}
}

static void run_scenario(void)
{
	struct gw_sample samples[STEPS];

	memset(&scenario, 0, sizeof scenario);
	scenario.pace = 1 + 7 * chance(2);
	for (size_t p = 0; p < ANALOG; p++)
		scenario.walk[p].value = chance(14);
	random_alarms();
	for (size_t i = 0; i < 2; i++)
		begin(&side[i]);
	for (unsigned n = 0; n < STEPS || scenario.burst;) {
		unsigned many = batch(samples);

		feed(samples, many);
		step();
		anything_else();
		n += many;
	}
	assert_same_memories();
	shelve_all();
	for (size_t i = 0; i < 2; i++)
		gw_engine_free(side[i].e);
}

static void a_buffering_engine_emits_the_same_events(void **unused)
{
	unsigned long n = reference_sequences_or(8000);

	(void)unused;
	for (size_t i = 0; i < KINDS; i++) {
		restless[i] = *kinds[i];
		restless[i].history_quiet_band = NULL;
	}
	for (unsigned long i = 0; i < n; i++)
		run_scenario();
	if (n < 100) /* chance */
		return;
	assert_true(seen.events > 20 * n);
	assert_true(seen.rested > 50 * n);
	assert_true(seen.rooms > n / 40);
	assert_true(seen.blocks > n / 2);
}

static int setup(void **unused)
{
	side[0].rests = true;
	for (size_t i = 0; i < 2; i++)
		if (gw_ring_init(&side[i].out, MANY, sizeof(struct gw_event), NULL) ||
			gw_ring_init(&side[i].commands, 64, sizeof(struct gw_alarm_command),
				NULL) ||
			gw_ring_init(
				&side[i].replies, 64, sizeof(struct gw_alarm_reply), NULL))
			return 1;
	return fixture_setup(unused);
}

static int teardown(void **unused)
{
	for (size_t i = 0; i < 2; i++) {
		gw_ring_fini(&side[i].out);
		gw_ring_fini(&side[i].commands);
		gw_ring_fini(&side[i].replies);
	}
	return fixture_teardown(unused);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_buffering_engine_emits_the_same_events, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

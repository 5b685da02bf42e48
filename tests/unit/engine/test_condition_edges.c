/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every condition at, just below and just above each of its edges, through the engine. Each case
 * runs again with disturbances that must change nothing: bad samples and NaN between all others,
 * a wall clock that leaps both ways, late samples.
 * The samples are irregular and leave gaps as they are.
 */
#include "engine_fixture.h"

#define MOST 8
#define HAIR 1e-9

struct scene {
	const char *name;
	const struct gw_condition_kind *kind;
	struct gw_condition_opts o;
	double clear; /* or deadband; 0: not given */
	struct {
		double at_s, value;
	} in[MOST]; /* up to one at 0 */
	int64_t end_ns;
	int64_t raised_ns, cleared_ns; /* 0: never */
};

#define LIMIT(x) \
	{ \
		.limit = (x) \
	}
#define WINDOW(s) \
	{ \
		.window_ns = (int64_t)((s)*1e9) \
	}
#define RATE(x) \
	{ \
		.limit = (x), .window_ns = 60 * S \
	}

static const double band[] = {40, 60}, dose[] = {50, 60e9};

static const struct scene scenes[] = {
	{"above: under its limit", &gw_condition_above, LIMIT(50), 45,
		{{1, 20}, {2, 50 - HAIR}, {9, 20}}, 20 * S, 0, 0},
	{"above: at its limit", &gw_condition_above, LIMIT(50), 45,
		{{1, 20}, {2, 50}, {9, 20}}, 20 * S, 0, 0},
	{"above: over its limit", &gw_condition_above, LIMIT(50), 45,
		{{1, 20}, {2, 50 + HAIR}, {9, 20}}, 20 * S, 2 * S, 9 * S},
	{"above: over its clear", &gw_condition_above, LIMIT(50), 45,
		{{1, 60}, {2, 45 + HAIR}, {300, 45 + HAIR}}, 400 * S, S, 0},
	{"above: at its clear", &gw_condition_above, LIMIT(50), 45, {{1, 60}, {300, 45}},
		400 * S, S, 300 * S},
	{"above: under its clear", &gw_condition_above, LIMIT(50), 45,
		{{1, 60}, {300, 45 - HAIR}}, 400 * S, S, 300 * S},
	{"below: over its limit", &gw_condition_below, LIMIT(50), 55,
		{{1, 70}, {2, 50 + HAIR}, {9, 70}}, 20 * S, 0, 0},
	{"below: at its limit", &gw_condition_below, LIMIT(50), 55,
		{{1, 70}, {2, 50}, {9, 70}}, 20 * S, 0, 0},
	{"below: under its limit", &gw_condition_below, LIMIT(50), 55,
		{{1, 70}, {2, 50 - HAIR}, {9, 70}}, 20 * S, 2 * S, 9 * S},
	{"below: under its clear", &gw_condition_below, LIMIT(50), 55,
		{{1, 40}, {300, 55 - HAIR}}, 400 * S, S, 0},
	{"below: at its clear", &gw_condition_below, LIMIT(50), 55, {{1, 40}, {300, 55}},
		400 * S, S, 300 * S},
	{"below: over its clear", &gw_condition_below, LIMIT(50), 55,
		{{1, 40}, {300, 55 + HAIR}}, 400 * S, S, 300 * S},
	{"outside: at its ends", &gw_condition_outside, {.band = {1, 2, band}}, 2,
		{{1, 40}, {2, 60}, {3, 40 + HAIR}, {4, 60 - HAIR}}, 20 * S, 0, 0},
	{"outside: under the low", &gw_condition_outside, {.band = {1, 2, band}}, 2,
		{{1, 50}, {2, 40 - HAIR}, {3, 42 - HAIR}, {9, 42}}, 20 * S, 2 * S, 9 * S},
	{"outside: over the high", &gw_condition_outside, {.band = {1, 2, band}}, 2,
		{{1, 50}, {2, 60 + HAIR}, {3, 58 + HAIR}, {9, 58}}, 20 * S, 2 * S, 9 * S},
	{"outside: from end to end", &gw_condition_outside, {.band = {1, 2, band}}, 2,
		{{1, 61}, {2, 39}, {3, 58 - HAIR}}, 20 * S, S, 3 * S},
	{"is true", &gw_condition_is, {.is = true}, 0, {{1, 0}, {2, 1}, {900, 1}, {901, 0}},
		999 * S, 2 * S, 901 * S},
	{"is false", &gw_condition_is, {.is = false}, 0,
		{{1, 1}, {2, 0}, {900, 0}, {901, 1}}, 999 * S, 2 * S, 901 * S},
	{"rises: by less", &gw_condition_rises, RATE(10), 0,
		{{1, 20}, {2, 20}, {7, 20}, {8, 30 - HAIR}, {9, 30 - HAIR}}, 20 * S, 0, 0},
	{"rises: by just as much", &gw_condition_rises, RATE(10), 0,
		{{1, 20}, {2, 20}, {7, 20}, {8, 30}, {9, 30}}, 20 * S, 9 * S, 0},
	{"rises: by more", &gw_condition_rises, RATE(10), 0,
		{{1, 20}, {2, 20}, {7, 20}, {8, 30 + HAIR}, {9, 30 + HAIR}}, 20 * S, 9 * S,
		0},
	{"rises: ends at its deadband", &gw_condition_rises, RATE(10), 0,
		{{1, 20}, {2, 20}, {3, 20}, {8, 30}, {9, 30}, {10, 29}, {11, 29}}, 20 * S,
		9 * S, 0},
	{"rises: ends under its deadband", &gw_condition_rises, RATE(10), 0,
		{{1, 20}, {2, 20}, {3, 20}, {8, 30}, {9, 30}, {10, 29 - HAIR},
			{11, 29 - HAIR}},
		20 * S, 9 * S, 11 * S},
	{"rises: after a gap of the window", &gw_condition_rises, RATE(10), 0,
		{{1, 20}, {2, 20}, {3, 20}, {4, 30}, {64, 30}}, 99 * S, 64 * S, 0},
	{"rises: after a gap a hair longer", &gw_condition_rises, RATE(10), 0,
		{{1, 20}, {2, 20}, {3, 20}, {4, 30}, {64 + HAIR, 30}, {65, 30}, {66, 30}},
		99 * S, 0, 0},
	{"falls: by less", &gw_condition_falls, RATE(10), 0,
		{{1, 30}, {2, 30}, {7, 30}, {8, 20 + HAIR}, {9, 20 + HAIR}}, 20 * S, 0, 0},
	{"falls: by just as much", &gw_condition_falls, RATE(10), 0,
		{{1, 30}, {2, 30}, {7, 30}, {8, 20}, {9, 20}}, 20 * S, 9 * S, 0},
	{"falls: by more", &gw_condition_falls, RATE(10), 0,
		{{1, 30}, {2, 30}, {7, 30}, {8, 20 - HAIR}, {9, 20 - HAIR}}, 20 * S, 9 * S,
		0},
	{"dose: under its level", &gw_condition_dose, {.rows = {1, 2, dose}}, 0,
		{{1, 50 - HAIR}, {500, 50 - HAIR}}, 600 * S, 0, 0},
	{"dose: at its level", &gw_condition_dose, {.rows = {1, 2, dose}}, 0,
		{{1, 50}, {500, 50}}, 600 * S, 0, 0},
	{"dose: over its level", &gw_condition_dose, {.rows = {1, 2, dose}}, 0,
		{{1, 0}, {3, 50 + HAIR}, {40, 50 + HAIR}}, 600 * S, 63 * S, 0},
	{"dose: for a hair less", &gw_condition_dose, {.rows = {1, 2, dose}}, 0,
		{{1, 90}, {61 - HAIR, 0}}, 600 * S, 0, 0},
	{"dose: for its time", &gw_condition_dose, {.rows = {1, 2, dose}}, 0,
		{{1, 90}, {61, 0}}, 600 * S, 61 * S, 91 * S},
	{"dose: for a hair more", &gw_condition_dose, {.rows = {1, 2, dose}}, 0,
		{{1, 90}, {61 + HAIR, 0}}, 600 * S, 61 * S, 91 * S + 1},
	{"dose: with a gap", &gw_condition_dose, {.rows = {1, 2, dose}}, 0,
		{{1, 90}, {31, 0}, {41, 90}, {90, 90}}, 95 * S, 81 * S, 0},
	{"stuck: for a hair less", &gw_condition_stuck, WINDOW(60), 0,
		{{1, 20}, {7, 20}, {61 - HAIR, 20}, {62, 21}}, 99 * S, 0, 0},
	{"stuck: for its time", &gw_condition_stuck, WINDOW(60), 0,
		{{1, 20}, {7, 20}, {61, 20}, {62, 21}}, 99 * S, 61 * S, 62 * S},
	{"stuck: for a hair more", &gw_condition_stuck, WINDOW(60), 0,
		{{1, 20}, {7, 20}, {61 + HAIR, 20}, {62, 20 + HAIR}}, 99 * S, 61 * S + 1,
		62 * S},
	{"stuck: over a gap", &gw_condition_stuck, WINDOW(60), 0, {{1, 20}, {999, 20}},
		2000 * S, 999 * S, 0},
	{"silent: for a hair less", &gw_condition_silent, WINDOW(60), 0,
		{{1, 20}, {61 - HAIR, 20}}, 62 * S, 0, 0},
	{"silent: for its time", &gw_condition_silent, WINDOW(60), 0, {{1, 20}, {9, 20}},
		69 * S, 69 * S, 0},
	{"silent: for a hair more", &gw_condition_silent, WINDOW(60), 0,
		{{1, 20}, {61 + HAIR, 20}}, 62 * S, 61 * S, 61 * S + 1},
};

static void begin(const struct scene *c)
{
	static double cell[1];
	struct gw_alarm_opts *a;

	gw_engine_free(fixture.engine);
	fixture.n_alarms = 0;
	a = fixture_alarm("x", 0, c->kind);
	*fixture_when(a) = c->o;
	fixture_when(a)->kind = c->kind;
	cell[0] = c->clear;
	if (c->clear > 0)
		*(c->kind == &gw_condition_outside
				? &fixture_when(a)->deadband
				: &fixture_when(a)->clear) = (struct gw_table){1, 1, cell};
	fixture_start();
}

struct disturbance {
	const char *name;
	bool bad, leaps, late;
	enum gw_quality quality;
};

static struct gw_event emitted[64];
static size_t n_emitted;

static struct gw_time now(const struct disturbance *d, int64_t at_ns)
{
	static const int64_t leap_ms[] = {0, 366 * 86400000LL, -40 * 366 * 86400000LL, 1};
	static unsigned turn;
	struct gw_time t = fixture_time(at_ns);

	if (d->leaps)
		t.wall_ms += leap_ms[turn++ % 4];
	return t;
}

static void feed(const struct disturbance *d, int64_t at_ns, uint32_t point, double value,
	unsigned quality)
{
	const struct gw_sample s = {.point = point,
		.quality = (uint16_t)quality,
		.boot_ns = FIXTURE_START_NS + at_ns,
		.device_ns = d->leaps ? -at_ns : at_ns,
		.value = value};

	if (!d->late)
		gw_engine_step(fixture.engine, now(d, at_ns - 1));
	gw_engine_ingest(fixture.engine, &s, 1, now(d, at_ns));
	if (!d->late)
		gw_engine_step(fixture.engine, now(d, at_ns));
	n_emitted += gw_ring_pop(
		&fixture.out, emitted + n_emitted, 64 - n_emitted, sizeof emitted[0]);
}

static int64_t ns(double s)
{
	return (int64_t)round(s * 1e9);
}

/* What a driver should not say, and what it says of a device that is ill. */
static void feed_nonsense(const struct disturbance *d, int64_t at_ns, uint32_t point)
{
	feed(d, at_ns, point, 1e6, GW_QUALITY_BAD_RANGE);
	feed(d, at_ns, point, 0, GW_QUALITY_BAD_TIMEOUT);
	feed(d, at_ns, point, (double)NAN, GW_QUALITY_GOOD);
	feed(d, at_ns, point, HUGE_VAL, GW_QUALITY_GOOD);
	feed(d, at_ns, point, -HUGE_VAL, GW_QUALITY_UNCERTAIN);
}

static void feed_disturbed(
	const struct disturbance *d, int64_t at_ns, uint32_t point, double value)
{
	if (d->bad)
		feed_nonsense(d, at_ns - 1, point);
	feed(d, at_ns, point, value, d->quality);
	if (d->bad)
		feed_nonsense(d, at_ns, point);
}

/* The end of a scene: what came of it, and what should have. */
static void check(const struct scene *c, const struct disturbance *d, int64_t end_ns)
{
	int64_t raised_ns = 0, cleared_ns = 0;

	gw_engine_step(fixture.engine, now(d, end_ns));
	n_emitted += gw_ring_pop(
		&fixture.out, emitted + n_emitted, 64 - n_emitted, sizeof emitted[0]);
	for (size_t i = 0; i < n_emitted; i++)
		*(emitted[i].change == GW_CHANGE_RAISED
				? &raised_ns
				: &cleared_ns) = emitted[i].boot_ns - FIXTURE_START_NS;
	if (raised_ns != c->raised_ns || cleared_ns != c->cleared_ns ||
		n_emitted != (size_t)(c->raised_ns > 0) + (c->cleared_ns > 0))
		fail_msg("%s, %s: %zu events, raised at %lld ns, cleared at %lld ns",
			c->name, d->name, n_emitted, (long long)raised_ns,
			(long long)cleared_ns);
	n_emitted = 0;
}

static const struct disturbance disturbances[] = {
	{.name = "undisturbed", .quality = GW_QUALITY_GOOD},
	{.name = "uncertain", .quality = GW_QUALITY_UNCERTAIN},
	{.name = "bad samples between", .bad = true, .quality = GW_QUALITY_GOOD},
	{.name = "the wall clock leaps", .leaps = true, .quality = GW_QUALITY_GOOD},
	{.name = "all at once", .late = true, .quality = GW_QUALITY_GOOD},
};
#define DISTURBANCES (sizeof disturbances / sizeof disturbances[0])

/* These two emit between samples, too, and cannot when all come at once. */
static bool has_timer(const struct gw_condition_kind *kind)
{
	return kind == &gw_condition_dose || kind == &gw_condition_silent;
}

/* And a dose must not go on with a value that is known to be gone. */
static bool compare(const struct gw_condition_kind *kind, const struct disturbance *d)
{
	return (d->late && has_timer(kind)) || (d->bad && kind == &gw_condition_dose);
}

static void disturbances_do_not_change_a_case(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof scenes / sizeof scenes[0]; i++)
		for (size_t d = 0; d < DISTURBANCES; d++) {
			if (compare(scenes[i].kind, &disturbances[d]))
				continue;
			begin(&scenes[i]);
			gw_engine_step(fixture.engine, now(&disturbances[d], 0));
			for (size_t k = 0; k < MOST && scenes[i].in[k].at_s > 0; k++)
				feed_disturbed(&disturbances[d], ns(scenes[i].in[k].at_s),
					0, scenes[i].in[k].value);
			check(&scenes[i], &disturbances[d], scenes[i].end_ns);
		}
}

/* ---- reaches: it rises by one a second up to 20, then it stands still ---- */

static const struct scene ahead[] = {
	/* Nothing is usual yet, so no more may be left than it has come. Windows of nine pairs of
	 * samples, then of ten, have seen it come the farthest. */
	{.name = "reaches: less is left", .o = {.limit = 31.9}, .raised_ns = 175 * S / 10},
	{.name = "reaches: more is left", .o = {.limit = 32.1}, .raised_ns = 195 * S / 10},
	{.name = "reaches: after all", .o = {.limit = 35.9}, .raised_ns = 195 * S / 10},
	{.name = "reaches: too much is left", .o = {.limit = 36.1}},
};

static void disturbances_do_not_change_a_forecast(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof ahead / sizeof ahead[0]; i++)
		for (size_t d = 0; d < DISTURBANCES; d++) {
			struct scene c = ahead[i];

			c.kind = &gw_condition_reaches;
			c.o.window_ns = 20 * S;
			begin(&c);
			for (int k = 0; k < 21; k++)
				feed_disturbed(&disturbances[d], k * S + S / 2, 0, k);
			check(&c, &disturbances[d], 21 * S);
		}
}

/* ---- votes: p1 is true from 1 s to 5 s, p2 from a time on ---- */

static void disturbances_do_not_change_a_vote(void **unused)
{
	static const struct {
		double at_s;
		int64_t raised_ns, cleared_ns;
	} rows[] = {
		{14, 14 * S, 15 * S},
		{15 - HAIR, 15 * S - 1, 15 * S},
		{15, 0, 0},
		{15 + HAIR, 0, 0},
	};
	static const struct gw_member members[] = {
		{false, 1, 1, "a"}, {false, 2, 2, "b"}, {false, 3, 2, "c"}};

	(void)unused;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		for (size_t d = 0; d < DISTURBANCES; d++) {
			struct scene c = {.name = "at_least",
				.raised_ns = rows[i].raised_ns,
				.cleared_ns = rows[i].cleared_ns};

			if (disturbances[d].late)
				continue;
			gw_engine_free(fixture.engine);
			fixture.n_alarms = 0;
			*fixture_when(fixture_alarm("vote", -1,
				&gw_condition_at_least)) = (struct gw_condition_opts){
				.kind = &gw_condition_at_least,
				.at_least = 2,
				.window_ns = 10 * S,
				.members = members,
				.n_members = 3};
			fixture_start();
			feed_disturbed(&disturbances[d], S, 1, 1);
			feed_disturbed(&disturbances[d], 5 * S, 1, 0);
			feed_disturbed(&disturbances[d], ns(rows[i].at_s), 2, 1);
			feed_disturbed(&disturbances[d], ns(rows[i].at_s), 3, 1);
			check(&c, &disturbances[d], 60 * S);
		}
}

/* A row is full between two samples, and the engine, held up, sees both at once, and some after
 * them: what it would have emitted in time it emits, with that time. */
static void a_full_dose_raises_however_late(void **unused)
{
	for (unsigned after = 1; after <= 8; after++)
		for (int broken = 0; broken < 2; broken++) {
			fixture_teardown(unused);
			fixture_setup(unused);
			fixture_when(fixture_alarm("co", 0, &gw_condition_dose))->rows =
				(struct gw_table){1, 2, dose};
			fixture_start();
			fixture_feed(0, 0, 60);
			fixture_feed(55 * S, 0, 60);
			for (unsigned i = 0; i < after; i++) {
				const struct gw_sample sample = {.quality = broken && i == 0
						? GW_QUALITY_BAD_LINK
						: GW_QUALITY_GOOD,
					.boot_ns = FIXTURE_START_NS + (65 + 10 * i) * S,
					.value = 40};

				gw_engine_ingest(
					fixture.engine, &sample, 1, fixture_time(300 * S));
			}
			assert_true(fixture_pass(300 * S) > 0);
			assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
			assert_int_equal(
				fixture.event[0].boot_ns, FIXTURE_START_NS + 60 * S);
			assert_true(
				fixture.event[0].limit > 49 && fixture.event[0].limit < 51);
			if (broken && after == 1)
				continue; /* and nothing more is known */
			assert_int_equal(fixture.n_events, 2);
			assert_event(1, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
			assert_int_equal(fixture.event[1].boot_ns,
				FIXTURE_START_NS + (broken ? 105 : 95) * S);
		}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(disturbances_do_not_change_a_case),
		TEST(disturbances_do_not_change_a_forecast),
		TEST(disturbances_do_not_change_a_vote),
		TEST(a_full_dose_raises_however_late),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device of three points of which one is refused: `unreadable` next to `silent`, second by
 * second; and a value outside its range in every kind of condition.
 */
#include "engine_fixture.h"

#define W (10 * S) /* the device's time of silence, polled every second */

/* What each point says in a second. */
enum {
	RETAINED = 'o',
	GOOD = 'g',
	REFUSED = 'r',
	TIMEOUT = 't',
	LINK = 'l',
	NOTHING = '-'
};

static const enum gw_quality qualities[] = {
	[GOOD] = GW_QUALITY_GOOD,
	[REFUSED] = GW_QUALITY_BAD_REFUSED,
	[TIMEOUT] = GW_QUALITY_BAD_TIMEOUT,
	[LINK] = GW_QUALITY_BAD_LINK,
	[RETAINED] = GW_QUALITY_RETAINED,
};

#define MOST 4
static struct {
	unsigned raised, cleared;
	int64_t at_ns; /* of the last raise */
} seen[MOST];          /* by alarm: silent, unreadable of points 0, 1, 2 */

static void note(void)
{
	for (size_t i = 0; i < fixture.n_events; i++)
		for (size_t a = 0; a < fixture.n_alarms && a < MOST; a++) {
			if (strcmp(fixture.event[i].info->key, fixture.alarm_key[a]) != 0)
				continue;
			if (fixture.event[i].change == GW_CHANGE_RAISED) {
				seen[a].raised++;
				seen[a].at_ns = fixture.event[i].boot_ns - FIXTURE_START_NS;
			}
			seen[a].cleared += fixture.event[i].change == GW_CHANGE_CLEARED;
		}
}

static void add_unreadable(uint32_t point, bool polled, int64_t never_ns)
{
	struct gw_alarm_opts *a = fixture_alarm(
		"unreadable", (int)point, &gw_condition_unreadable);

	fixture_when(a)->window_ns = W;
	fixture_when(a)->polled = polled;
	fixture_when(a)->never_current_ns = never_ns;
}

static void begin(bool polled, int64_t never_ns)
{
	struct gw_alarm_opts *silent = fixture_alarm("silent", 0, &gw_condition_silent);

	memset(seen, 0, sizeof seen);
	silent->n_points = 3;
	fixture_when(silent)->window_ns = W;
	for (uint32_t p = 0; p < 3; p++)
		add_unreadable(p, polled, never_ns);
	fixture_start();
}

static void second(int at_s, const char says[3])
{
	for (uint32_t p = 0; p < 3; p++)
		if (says[p] != NOTHING) {
			fixture_feed_quality(
				at_s * S, p, 1, qualities[(unsigned char)says[p]]);
			note();
		}
	fixture_pass(at_s * S);
	note();
	for (int64_t due_ns; (due_ns = gw_engine_next_timer_ns(fixture.engine)) <
		FIXTURE_START_NS + (at_s + 1) * S;) {
		fixture_pass(due_ns - FIXTURE_START_NS);
		note();
	}
}

/* From from_s on up to, but not including, to_s. */
static void seconds(int from_s, int to_s, const char says[3])
{
	for (int at_s = from_s; at_s < to_s; at_s++)
		second(at_s, says);
}

#define expect(a, b, c, d) expect_at(a, b, c, d, __LINE__)
static void expect_at(unsigned silent, unsigned p0, unsigned p1, unsigned p2, int line)
{
	const unsigned want[MOST] = {silent, p0, p1, p2};

	for (size_t a = 0; a < MOST; a++)
		if (seen[a].raised != want[a])
			fail_msg("line %d: %s raised %u times, not %u", line,
				fixture.alarm_key[a], seen[a].raised, want[a]);
}

static void one_point_refused_one_good(void **unused)
{
	(void)unused;
	begin(true, 10 * W);
	seconds(0, 20, "ggg");
	seconds(20, 28, "rgg");
	expect(0, 0, 0, 0);
	seconds(28, 60, "rgg");
	expect(0, 1, 0, 0);
	assert_int_equal(seen[1].at_ns, 19 * S + W); /* since its last usable sample */
	assert_int_equal(seen[1].cleared, 0);
	second(60, "ggg");
	assert_int_equal(seen[1].cleared, 1);
	seconds(61, 200, "ggg");
	expect(0, 1, 0, 0);
}

static void unreadable_from_the_start_is_reported(void **unused)
{
	(void)unused;
	begin(true, 10 * W);
	seconds(0, 60, "rgg");
	expect(0, 1, 0, 0);
	assert_int_equal(seen[1].at_ns, W);
}

/* Whatever way a polled point gives no value. */
static void one_point_unanswered_one_good(void **unused)
{
	(void)unused;
	begin(true, 10 * W);
	seconds(0, 20, "ggg");
	seconds(20, 60, "tgg");
	expect(0, 1, 0, 0);
}

static void a_dead_device_is_silent_only(void **unused)
{
	(void)unused;
	begin(true, 10 * W);
	seconds(0, 20, "ggg");
	/* its points do not die in one moment */
	second(20, "tgg");
	second(21, "ttg");
	seconds(22, 100, "ttt");
	expect(1, 0, 0, 0);
	/* it comes back, and one point has its time */
	seconds(100, 109, "rgg");
	expect(1, 0, 0, 0);
	seconds(109, 130, "rgg");
	expect(1, 1, 0, 0);
	assert_in_range(seen[1].at_ns, 100 * S + W, 101 * S + W);
}

static void a_lost_link_is_not_the_points_fault(void **unused)
{
	(void)unused;
	for (int polled = 0; polled < 2; polled++) {
		fixture_teardown(NULL);
		fixture_setup(NULL);
		begin(polled, 0);
		second(0, "ggg");
		seconds(1, 9, "-gg"); /* said on change only */
		seconds(9, 18, "lll");
		expect(0, 0, 0, 0);
		seconds(18, 60, "lll");
		expect(1, 0, 0, 0);
		seconds(60, 100, "-gg");
		expect(1, 0, 0, 0);
	}
}

/* Every second answer is refused; now and then a whole one is lost. */
/* A moment without a link between: nothing was refused. */
static void a_link_that_blinks_is_nothing(void **unused)
{
	(void)unused;
	begin(false, W);
	second(0, "ggg");
	seconds(1, 9, "-gg");
	second(9, "lll");
	seconds(10, 100, "-gg");
	expect(0, 0, 0, 0);
}

/* What was refused and has not been readable since goes on counting, whatever became of the link
 * or the device in between: nobody asks it again. */
static void a_refusal_holds_until_it_is_readable(void **unused)
{
	(void)unused;
	begin(false, W);
	seconds(0, 5, "ggg");
	second(5, "rgg");
	second(6, "lll");
	second(7, "ogg"); /* retained, of unknown age */
	seconds(8, 30, "-gg");
	expect(0, 1, 0, 0);
	assert_in_range(seen[1].at_ns, 14 * S, 15 * S);
	fixture_teardown(NULL);
	fixture_setup(NULL);
	begin(false, W);
	seconds(0, 5, "ggg");
	second(5, "rgg");
	seconds(6, 60, "---");
	expect(1, 0, 0, 0);
	seconds(60, 69, "-gg"); /* its time begins anew */
	expect(1, 0, 0, 0);
	seconds(69, 90, "-gg");
	expect(1, 1, 0, 0);
}

/* The device stops for less than its time of silence just when the point's time is over. */
static void a_hiccup_of_the_device_gives_the_point_its_time(void **unused)
{
	(void)unused;
	begin(true, 10 * W);
	seconds(0, 20, "ggg");
	seconds(20, 24, "rgg");
	seconds(24, 32, "ttt");
	seconds(32, 39, "rgg");
	expect(0, 0, 0, 0);
	seconds(39, 50, "rgg");
	expect(0, 1, 0, 0);
}

static void a_point_that_alternates_is_readable(void **unused)
{
	(void)unused;
	begin(true, 10 * W);
	for (int t = 0; t < 300; t++)
		second(t, t % 37 == 0 ? "ttt" : t % 2 ? "rgg" : "ggg");
	for (int t = 300; t < 600; t++)
		second(t, t % 9 ? "rgg" : "ggg");
	expect(0, 0, 0, 0);
}

static void a_point_that_reports_on_change_may_say_nothing(void **unused)
{
	(void)unused;
	begin(false, W);
	second(0, "ggg");
	seconds(1, 300, "-gg");
	expect(0, 0, 0, 0);
	second(300, "rgg"); /* and is refused once */
	seconds(301, 309, "-gg");
	expect(0, 0, 0, 0);
	seconds(309, 400, "-gg");
	expect(0, 1, 0, 0);
	assert_int_equal(seen[1].at_ns, 300 * S + W);
	second(400, "ggg");
	assert_int_equal(seen[1].cleared, 1);
	/* refused, and good again before its time: nothing */
	seconds(401, 410, "-gg");
	second(410, "rgg");
	seconds(411, 415, "-gg");
	second(415, "ggg");
	seconds(416, 500, "-gg");
	expect(0, 1, 0, 0);
}

static void points_never_usable_are_unreadable(void **unused)
{
	(void)unused;
	begin(false, W);
	seconds(0, 40, "-gg");
	expect(0, 1, 0, 0);
	assert_in_range(seen[1].at_ns, W, W + S);
	second(40, "ggg");
	assert_int_equal(seen[1].cleared, 1);
	fixture_teardown(NULL);
	fixture_setup(NULL);
	begin(false, 0); /* nobody said how often it is heard of */
	seconds(0, 400, "-gg");
	expect(0, 0, 0, 0);
	fixture_teardown(NULL);
	fixture_setup(NULL);
	begin(true, 10 * W); /* a slow bus has not come to it yet */
	seconds(0, 99, "-gg");
	expect(0, 0, 0, 0);
	seconds(99, 120, "-gg");
	expect(0, 1, 0, 0);
}

/* The broker was away first. */
static void never_usable_points_behind_a_lost_link(void **unused)
{
	(void)unused;
	begin(false, W);
	second(0, "lll");
	seconds(1, 40, "-gg");
	expect(0, 1, 0, 0);
	fixture_teardown(NULL);
	fixture_setup(NULL);
	begin(false, 25 * S); /* and goes down again before the time is over */
	seconds(0, 25, "-gg");
	seconds(25, 27, "---");
	second(27, "lll");
	seconds(28, 60, "---");
	expect(1, 0, 0, 0);
}

static void never_usable_points_on_a_device_that_comes_late(void **unused)
{
	(void)unused;
	begin(false, W);
	seconds(0, 100, "---");
	expect(1, 0, 0, 0);
	seconds(100, 109, "-gg");
	expect(1, 0, 0, 0);
	seconds(109, 130, "-gg");
	expect(1, 1, 0, 0);
	assert_in_range(seen[1].at_ns, 100 * S + W, 101 * S + W);
}

/* After a restart it stands still, without a second raise, and a value ends it. */
static void a_restart_neither_repeats_nor_forgets_it(void **unused)
{
	struct gw_alarm_record m = {.state = GW_STATE_ACTIVE_UNACKED,
		.underlying = GW_STATE_ACTIVE_UNACKED,
		.level = GW_LEVEL_RED,
		.onset_ms = FIXTURE_WALL_MS - 1000,
		.since_ms = FIXTURE_WALL_MS - 1000,
		.value = (double)NAN,
		.peak = (double)NAN};

	(void)unused;
	begin(true, 10 * W);
	m.key = fixture.alarm_key[1];
	assert_true(gw_engine_restore(fixture.engine, &m, fixture_time(0)));
	seconds(0, 60, "rgg");
	expect(0, 0, 0, 0);
	assert_int_equal(seen[1].cleared, 0);
	second(60, "ggg");
	assert_int_equal(seen[1].cleared, 1);
}

static void no_unconfigured(
	void *arg, const struct gw_alarm_record *r, const struct gw_alarm_info *i)
{
	(void)arg, (void)r, (void)i;
	fail();
}

/* A reload in the middle of its time takes none away and adds none. */
static void a_reload_goes_on_counting(void **unused)
{
	struct gw_engine *next;

	(void)unused;
	begin(true, 10 * W);
	seconds(0, 20, "ggg");
	seconds(20, 25, "rgg");
	next = fixture_engine();
	gw_engine_adopt(next, fixture.engine, fixture_time(25 * S), no_unconfigured, NULL);
	gw_engine_free(fixture.engine);
	fixture.engine = next;
	seconds(25, 60, "rgg");
	expect(0, 1, 0, 0);
	assert_int_equal(seen[1].at_ns, 19 * S + W);
}

/* Nobody ran for a while: a bad sample just before it counts from its end. */
static void a_pause_is_not_the_points_fault(void **unused)
{
	(void)unused;
	for (int polled = 0; polled < 2; polled++) {
		fixture_teardown(NULL);
		fixture_setup(NULL);
		begin(polled, W);
		seconds(0, 20, "ggg");
		second(20, "rgg");
		gw_engine_paused(fixture.engine, 25 * S, FIXTURE_START_NS + 46 * S);
		fixture_pass(46 * S);
		note();
		expect(0, 0, 0, 0);
		second(47, "rgg");
		seconds(48, 54, "rgg");
		expect(0, 0, 0, 0);
		seconds(54, 80, "rgg");
		expect(0, 1, 0, 0);
	}
}

/* What it costs while all is well: nothing is due but the look at the device's silence. */
static void no_timer_runs_while_all_is_good(void **unused)
{
	unsigned steps = 0;

	(void)unused;
	begin(true, 10 * W);
	seconds(0, 30, "ggg");
	for (int64_t at_ns = 30 * S;
		gw_engine_next_timer_ns(fixture.engine) < FIXTURE_START_NS + 38 * S;
		at_ns = gw_engine_next_timer_ns(fixture.engine) - FIXTURE_START_NS, steps++)
		fixture_pass(at_ns);
	assert_in_range(steps, 0, 1);
}

/* ---- outside the range ---- */

static void feed_over(int from_s, int to_s, double from, double to)
{
	for (int t = from_s; t <= to_s; t++) {
		double v = from + (to - from) * (t - from_s) / (to_s - from_s);

		fixture_feed_quality(t * S, 0, v,
			v > 100         ? GW_QUALITY_OVER_RANGE
				: v < 0 ? GW_QUALITY_UNDER_RANGE
					: GW_QUALITY_GOOD);
		note();
	}
}

static void a_value_out_of_its_range_drives_every_condition(void **unused)
{
	static const double clear[] = {90}, band[] = {-5, 102}, dose[] = {104, 5e9};
	static const struct {
		const struct gw_condition_kind *kind;
		struct gw_condition_opts when;
		double from, to;
	} rows[] = {
		{&gw_condition_above, {.limit = 103, .clear = {1, 1, clear}}, 50, 110},
		{&gw_condition_below, {.limit = -2}, 10, -10},
		{&gw_condition_outside, {.band = {1, 2, band}}, 50, 110},
		{&gw_condition_rises, {.limit = 8, .window_ns = 20 * S}, 101, 160},
		{&gw_condition_falls, {.limit = 8, .window_ns = 20 * S}, -1, -60},
		{&gw_condition_reaches, {.limit = 250, .window_ns = 60 * S}, 101, 220},
		{&gw_condition_dose, {.rows = {1, 2, dose}}, 50, 130},
		{&gw_condition_stuck, {.window_ns = 30 * S}, 105, 105}, /* railed */
	};

	(void)unused;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct gw_alarm_opts *a;

		fixture_teardown(NULL);
		fixture_setup(NULL);
		memset(seen, 0, sizeof seen);
		a = fixture_alarm("x", 0, rows[i].kind);
		*fixture_when(a) = rows[i].when;
		fixture_when(a)->kind = rows[i].kind;
		fixture_start();
		feed_over(0, 120, rows[i].from, rows[i].to);
		if (seen[0].raised != 1)
			fail_msg("%s: raised %u times", rows[i].kind->key, seen[0].raised);
	}
}

/* It comes back through the deadband, and the event has its quality. */
static void a_deadband_reaches_into_the_range(void **unused)
{
	static const double clear[] = {95};
	struct gw_alarm_opts *a = fixture_alarm("high", 0, &gw_condition_above);

	(void)unused;
	memset(seen, 0, sizeof seen);
	fixture_when(a)->limit = 101;
	fixture_when(a)->clear = (struct gw_table){1, 1, clear};
	fixture_start();
	feed_over(0, 10, 50, 100);
	assert_int_equal(fixture_feed_quality(11 * S, 0, 105, GW_QUALITY_OVER_RANGE), 1);
	assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
	assert_int_equal(fixture.event[0].quality, GW_QUALITY_OVER_RANGE);
	assert_int_equal(fixture_feed(12 * S, 0, 99), 0);
	assert_int_equal(fixture_feed(13 * S, 0, 94), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
	assert_int_equal(fixture.event[0].quality, GW_QUALITY_GOOD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)
		TEST(one_point_refused_one_good),
		TEST(unreadable_from_the_start_is_reported),
		TEST(one_point_unanswered_one_good),
		TEST(a_dead_device_is_silent_only),
		TEST(a_lost_link_is_not_the_points_fault),
		TEST(a_link_that_blinks_is_nothing),
		TEST(a_refusal_holds_until_it_is_readable),
		TEST(a_hiccup_of_the_device_gives_the_point_its_time),
		TEST(a_point_that_alternates_is_readable),
		TEST(a_point_that_reports_on_change_may_say_nothing),
		TEST(points_never_usable_are_unreadable),
		TEST(never_usable_points_behind_a_lost_link),
		TEST(never_usable_points_on_a_device_that_comes_late),
		TEST(a_restart_neither_repeats_nor_forgets_it),
		TEST(a_reload_goes_on_counting),
		TEST(a_pause_is_not_the_points_fault),
		TEST(no_timer_runs_while_all_is_good),
		TEST(a_value_out_of_its_range_drives_every_condition),
		TEST(a_deadband_reaches_into_the_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What an engine takes over: from an older one at a reload, from the store at a restart. */
#include "engine_fixture.h"

#define LONG_AGO (10000 * S)

static struct gw_alarm_opts was[FIXTURE_ALARMS];
static char was_key[FIXTURE_ALARMS][64];
static struct gw_point_info was_point[FIXTURE_POINTS];
static char was_point_key[FIXTURE_POINTS][32];
static char was_members[FIXTURE_ALARMS][8][64];
static struct gw_member was_member[FIXTURE_ALARMS][8];

/* The engine begins with a configuration of its own, so that kit.alarms can be the next one. */
static void start_old(void)
{
	const struct gw_engine_opts opts = {.site = &fixture_site,
		.points = was_point,
		.n_points = FIXTURE_POINTS,
		.alarms = was,
		.n_alarms = fixture.n_alarms,
		.n_inputs = 1};

	for (int i = 0; i < FIXTURE_POINTS; i++) {
		was_point[i] = fixture.points[i];
		memcpy(was_point_key[i], fixture.point_key[i], sizeof was_point_key[i]);
		was_point[i].key = was_point_key[i];
	}
	for (size_t i = 0; i < fixture.n_alarms; i++) {
		was[i] = fixture.alarms[i];
		memcpy(was_key[i], fixture.alarm_key[i], sizeof was_key[i]);
		was[i].info.key = was_key[i];
		for (size_t m = 0; m < was[i].when.n_members; m++) {
			was_member[i][m] = was[i].when.members[m];
			snprintf(was_members[i][m], sizeof was_members[i][m], "%s",
				was[i].when.members[m].key);
			was_member[i][m].key = was_members[i][m];
		}
		if (was[i].when.n_members)
			was[i].when.members = was_member[i];
	}
	fixture.n_alarms = 0;
	assert_int_equal(gw_engine_new(&opts, &fixture.engine, NULL), GW_OK);
	gw_engine_set_identity(
		fixture.engine, 7, 100, "00000000-0000-0000-0000-000000000000");
	assert_int_equal(
		gw_engine_add_output(fixture.engine, &fixture.out, NULL, NULL), GW_OK);
}

static void no_orphan(
	void *arg, const struct gw_alarm_record *memory, const struct gw_alarm_info *info)
{
	(void)arg, (void)info;
	fail_msg("%s found no home", memory->key);
}

/* Events of the exchange itself and of the first step are in kit.event. */
static void reload(int64_t at_ns)
{
	struct gw_engine *next = fixture_engine();

	gw_engine_adopt(next, fixture.engine, fixture_time(at_ns), no_orphan, NULL);
	gw_engine_free(fixture.engine);
	fixture.engine = next;
	fixture_pass(at_ns);
}

static void silent_on(int point)
{
	fixture_alarm("silent", point, &gw_condition_silent)->when.window_ns = 30 * S;
}

static void a_device_that_is_new_is_not_silent_at_once(void **unused)
{
	(void)unused;
	silent_on(0);
	start_old();
	fixture_feed(S, 0, 1);
	fixture_feed(LONG_AGO, 0, 1);
	silent_on(0);
	silent_on(1);
	reload(LONG_AGO + S);
	assert_int_equal(fixture.n_events, 0);
	fixture_feed(LONG_AGO + 25 * S, 0, 1);
	assert_int_equal(fixture_pass(LONG_AGO + 31 * S - 1), 0);
	assert_int_equal(fixture_pass(LONG_AGO + 31 * S), 1);
	assert_string_equal(fixture.event[0].info->key, "s/d1/p:silent");
}

static void silent_through_a_reload_emits_nothing(void **unused)
{
	(void)unused;
	silent_on(0);
	start_old();
	fixture_pass(0);
	assert_int_equal(fixture_pass(30 * S), 1);
	silent_on(0);
	reload(40 * S);
	assert_int_equal(fixture.n_events, 0);
	assert_int_equal(fixture_state(0), GW_STATE_ACTIVE_UNACKED);
}

static void rename_point(int point)
{
	snprintf(fixture.point_key[point], sizeof fixture.point_key[0], "s/d%d/q", point);
}

/* The one alarm, which nobody was told of at the reload, is told now and not before. */
static void assert_silent_at(int64_t at_ns)
{
	assert_int_equal(fixture.n_events, 0);
	assert_int_equal(fixture_pass(at_ns - 1), 0);
	assert_int_equal(fixture_pass(at_ns), 1);
	assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
}

static void a_device_was_heard_under_its_old_point_names(void **unused)
{
	(void)unused;
	silent_on(0);
	start_old();
	fixture_feed(S, 0, 1);
	fixture_feed(LONG_AGO, 0, 1);
	silent_on(0);
	rename_point(0);
	reload(LONG_AGO + S);
	assert_int_equal(fixture.n_events, 0);
	fixture.n_alarms = 0;
	silent_on(0);
	reload(LONG_AGO + 2 * S); /* the new name has not spoken yet */
	assert_silent_at(LONG_AGO + 30 * S);
}

static void one_point_is_renamed_and_the_other_says_nothing(void **unused)
{
	(void)unused;
	silent_on(0);
	fixture.alarms[0].n_points = 2;
	start_old();
	fixture_feed(S, 0, 1);
	fixture_feed(S, 1, 1);
	fixture_feed(LONG_AGO, 0, 1);
	assert_int_equal(fixture_state(0), GW_STATE_NORMAL);
	silent_on(0);
	fixture.alarms[0].n_points = 2;
	rename_point(0);
	reload(LONG_AGO + S);
	assert_silent_at(LONG_AGO + 30 * S);
}

static void a_renamed_device_never_heard_gets_no_extra_time(void **unused)
{
	(void)unused;
	silent_on(0);
	start_old();
	fixture_pass(0);
	silent_on(0);
	rename_point(0);
	reload(20 * S);
	assert_silent_at(30 * S);
}

static void silent_through_a_renaming_emits_nothing(void **unused)
{
	(void)unused;
	silent_on(0);
	start_old();
	fixture_feed(S, 0, 1);
	assert_int_equal(fixture_pass(31 * S), 1);
	silent_on(0);
	rename_point(0);
	reload(40 * S);
	assert_int_equal(fixture.n_events, 0);
	assert_int_equal(fixture_state(0), GW_STATE_ACTIVE_UNACKED);
	assert_int_equal(fixture_feed(41 * S, 0, 1), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
}

static struct gw_member is_vote[8];

static void smoke(int point)
{
	fixture_alarm("smoke", point, &gw_condition_is)->when.is = true;
}

/* A vote over the alarms 0 .. n - 1, or over the points alike. */
static void confirmed(size_t n, bool alarms, int64_t at_least, int64_t within_ns)
{
	struct gw_alarm_opts *a = fixture_alarm("confirmed", -1, &gw_condition_at_least);

	for (uint32_t i = 0; i < n; i++)
		is_vote[i] = (struct gw_member){.is_alarm = alarms,
			.index = i,
			.device = i,
			.key = alarms ? fixture.alarm_key[i] : fixture.point_key[i]};
	a->when.at_least = at_least;
	a->when.window_ns = within_ns;
	a->when.members = is_vote;
	a->when.n_members = n;
}

static bool raised(const char *key)
{
	for (size_t i = 0; i < fixture.n_events; i++)
		if (fixture.event[i].change == GW_CHANGE_RAISED &&
			strcmp(fixture.event[i].info->key, key) == 0)
			return true;
	return false;
}

static void a_vote_that_gets_a_member_more_still_counts_the_first(void **unused)
{
	(void)unused;
	for (int i = 0; i < 2; i++)
		smoke(i);
	confirmed(2, true, 2, 0);
	start_old();
	fixture_feed(S, 0, 1); /* the first detector */
	fixture_feed(S, 1, 0);
	for (int i = 0; i < 3; i++)
		smoke(i);
	confirmed(3, true, 2, 0);
	reload(2 * S);
	assert_int_equal(fixture.n_events, 0);
	fixture_feed(3 * S, 1, 1);
	assert_true(raised("confirmed"));
}

static void a_vote_that_is_new_counts_what_stands(void **unused)
{
	(void)unused;
	for (int i = 0; i < 2; i++)
		smoke(i);
	start_old();
	fixture_feed(S, 0, 1);
	fixture_feed(S, 1, 1);
	for (int i = 0; i < 2; i++)
		smoke(i);
	confirmed(2, true, 2, 0);
	reload(2 * S);
	assert_int_equal(fixture.n_events, 1);
	assert_true(raised("confirmed"));
}

static void a_vote_over_points_counts_what_they_are(void **unused)
{
	(void)unused;
	confirmed(2, false, 2, 0);
	start_old();
	fixture_feed(S, 0, 1);
	confirmed(3, false, 2, 0);
	reload(2 * S);
	assert_int_equal(fixture.n_events, 0);
	fixture_feed(3 * S, 2, 1); /* the others say nothing again */
	assert_true(raised("confirmed"));
}

static void another_member_in_its_place_does_not_inherit_its_state(void **unused)
{
	(void)unused;
	for (int i = 0; i < 3; i++)
		smoke(i);
	confirmed(2, true, 2, 0);
	start_old();
	for (uint32_t i = 0; i < 3; i++)
		fixture_feed(S, i, i == 0);
	for (int i = 0; i < 3; i++)
		smoke(i);
	confirmed(2, true, 2, 0);
	is_vote[0] = is_vote[1]; /* 1 and 2 instead of 0 and 1 */
	is_vote[1] = (struct gw_member){
		.is_alarm = true, .index = 2, .device = 2, .key = fixture.alarm_key[2]};
	reload(2 * S);
	fixture_feed(3 * S, 1, 1);
	assert_false(raised("confirmed"));
	fixture_feed(4 * S, 2, 1);
	assert_true(raised("confirmed"));
}

static void the_window_of_a_vote_outlives_a_reload(void **unused)
{
	(void)unused;
	for (int i = 0; i < 2; i++)
		smoke(i);
	confirmed(2, true, 2, 60 * S);
	start_old();
	fixture_feed(S, 0, 1);
	fixture_feed(S, 1, 0);
	fixture_feed(2 * S, 0, 0);
	for (int i = 0; i < 3; i++)
		smoke(i);
	confirmed(3, true, 2, 60 * S);
	reload(3 * S);
	fixture_feed(30 * S, 1, 1);
	assert_true(raised("confirmed"));
}

static void a_new_alarm_on_a_value_that_stands_raises_at_once(void **unused)
{
	(void)unused;
	fixture_alarm("high", 0, &gw_condition_above)->when.limit = 50;
	start_old();
	fixture_feed(S, 0, 45);
	fixture_alarm("high", 0, &gw_condition_above)->when.limit = 50;
	fixture_alarm("warm", 0, &gw_condition_above)->when.limit = 40;
	reload(2 * S);
	assert_int_equal(fixture.n_events, 1);
	assert_true(raised("s/d0/p:warm"));
	assert_true(fixture.event[0].value == 45);
}

static void a_limit_lowered_under_the_value_raises_at_once(void **unused)
{
	(void)unused;
	fixture_alarm("high", 0, &gw_condition_above)->when.limit = 50;
	start_old();
	fixture_feed(S, 0, 45);
	fixture_alarm("high", 0, &gw_condition_above)->when.limit = 40;
	reload(2 * S);
	assert_int_equal(fixture.n_events, 1);
	assert_true(raised("s/d0/p:high"));
}

/* Nothing is known of how long it has stood so. */
static void a_new_alarm_with_a_history_waits_for_samples(void **unused)
{
	(void)unused;
	fixture_alarm("high", 0, &gw_condition_above)->when.limit = 50;
	start_old();
	fixture_feed(S, 0, 45);
	fixture_alarm("stuck", 0, &gw_condition_stuck)->when.window_ns = 60 * S;
	fixture_alarm("high", 0, &gw_condition_above)->when.limit = 50;
	reload(2 * S);
	assert_int_equal(fixture.n_events, 0);
	fixture_feed(3 * S, 0, 45);
	assert_int_equal(fixture_feed(63 * S - 1, 0, 45), 0);
	assert_int_equal(fixture_feed(63 * S, 0, 45), 1);
}

static void alarm_with_a_table(double cell, size_t rows)
{
	static double clear[2];
	struct gw_alarm_opts *a = fixture_alarm("high", 0, &gw_condition_above);

	clear[1] = cell;
	a->when.limit = 50;
	a->when.clear = (struct gw_table){rows, 1, &clear[1]};
}

static void another_clear_is_another_condition(void **unused)
{
	double old[2];

	(void)unused;
	alarm_with_a_table(40, 1);
	old[0] = 40;
	fixture.alarms[0].when.clear.cells = old;
	start_old();
	fixture_feed(S, 0, 60);
	fixture_feed(2 * S, 0, 46);
	assert_int_equal(fixture.n_events, 0);
	alarm_with_a_table(48, 1);
	reload(3 * S);
	assert_int_equal(fixture.n_events, 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
}

static void a_clear_that_is_gone_is_another_condition(void **unused)
{
	(void)unused;
	alarm_with_a_table(40, 1);
	start_old();
	fixture_feed(S, 0, 60);
	fixture_feed(2 * S, 0, 46);
	alarm_with_a_table(40, 0);
	reload(3 * S);
	assert_int_equal(fixture.n_events, 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
}

static void a_history_outlives_a_reload(void **unused)
{
	static const double rows[2] = {50, 100e9};

	(void)unused;
	for (int twice = 0; twice < 2; twice++) {
		fixture_alarm("stuck", 0, &gw_condition_stuck)->when.window_ns = 60 * S;
		fixture_alarm("dose", 1, &gw_condition_dose)->when.rows = (struct gw_table){
			.rows = 1, .columns = 2, .cells = rows};
		if (twice)
			break;
		start_old();
		fixture_feed(0, 0, 45);
		fixture_feed(0, 1, 60);
		fixture_feed(30 * S, 0, 45);
	}
	reload(31 * S);
	assert_int_equal(fixture.n_events, 0);
	assert_int_equal(fixture_feed(60 * S - 1, 0, 45), 0);
	assert_int_equal(fixture_feed(60 * S, 0, 45), 1);
	assert_true(raised("s/d0/p:stuck"));
	assert_int_equal(fixture_pass(100 * S - 1), 0);
	assert_int_equal(fixture_pass(100 * S), 1);
	assert_true(raised("s/d1/p:dose"));
}

static void a_history_of_another_condition_does_not(void **unused)
{
	(void)unused;
	fixture_alarm("stuck", 0, &gw_condition_stuck)->when.window_ns = 60 * S;
	start_old();
	fixture_feed(0, 0, 45);
	fixture_feed(30 * S, 0, 45);
	fixture_alarm("stuck", 0, &gw_condition_stuck)->when.window_ns = 50 * S;
	reload(31 * S);
	fixture_feed(32 * S, 0, 45);
	assert_int_equal(fixture_feed(82 * S - 1, 0, 45), 0);
	assert_int_equal(fixture_feed(82 * S, 0, 45), 1);
}

/* Their reading is 1 as it was last heard, but what it is now nobody knows. */
static void a_vote_does_not_count_a_member_whose_link_is_broken(void **unused)
{
	(void)unused;
	fixture_alarm("high", 7, &gw_condition_above);
	start_old();
	for (uint32_t i = 0; i < 3; i++)
		fixture_feed(S, i, 1);
	fixture_feed_quality(2 * S, 1, 0, GW_QUALITY_BAD_LINK);
	confirmed(2, false, 2, 0);
	fixture_alarm("high", 7, &gw_condition_above);
	reload(3 * S);
	assert_int_equal(fixture.n_events, 0);
	fixture_feed(4 * S, 1, 1);
	assert_true(raised("confirmed"));
}

static void a_new_vote_over_points_counts_what_they_are(void **unused)
{
	(void)unused;
	fixture_alarm("high", 7, &gw_condition_above);
	start_old();
	fixture_feed(S, 0, 1);
	fixture_feed(S, 1, 1);
	confirmed(2, false, 2, 0);
	fixture_alarm("high", 7, &gw_condition_above);
	reload(2 * S);
	assert_int_equal(fixture.n_events, 1);
	assert_true(raised("confirmed"));
}

static void another_level_under_a_shelf_is_emitted_at_its_end(void **unused)
{
	struct gw_alarm_record m = {.key = "s/d0/p:high",
		.state = GW_STATE_SHELVED,
		.underlying = GW_STATE_ACTIVE_UNACKED,
		.level = GW_LEVEL_YELLOW,
		.since_ms = FIXTURE_WALL_MS,
		.shelved_until_ms = FIXTURE_WALL_MS + 1};

	(void)unused;
	fixture_alarm("high", 0, &gw_condition_above)->when.limit = 50;
	fixture_start();
	assert_true(gw_engine_restore(fixture.engine, &m, fixture_time(0)));
	assert_int_equal(fixture_pass(0), 0);
	assert_int_equal(fixture_pass(S / 1000 - 1), 0);
	assert_int_equal(fixture_pass(S / 1000), 1); /* a millisecond was left */
	assert_event(0, GW_CHANGE_UNSHELVED, GW_STATE_ACTIVE_UNACKED);
	assert_int_equal(fixture.event[0].level, GW_LEVEL_RED);
}

static void a_value_that_is_not_usable_raises_nothing(void **unused)
{
	(void)unused;
	fixture_alarm("high", 0, &gw_condition_above)->when.limit = 50;
	start_old();
	fixture_feed(S, 0, 45);
	fixture_feed_quality(2 * S, 0, 0, GW_QUALITY_BAD_TIMEOUT);
	fixture_alarm("high", 0, &gw_condition_above)->when.limit = 40;
	reload(3 * S);
	assert_int_equal(fixture.n_events, 0);
}

static void a_limit_moved_while_active_or_in_a_delay(void **unused)
{
	struct gw_alarm_opts *a;

	(void)unused;
	fixture_alarm("high", 0, &gw_condition_above)->when.limit = 50;
	a = fixture_alarm("slow", 1, &gw_condition_above);
	a->when.limit = 50;
	a->on_delay_ns = 10 * S;
	start_old();
	assert_int_equal(fixture_feed(S, 0, 60), 1);
	assert_int_equal(fixture_feed(2 * S, 1, 60), 0);
	fixture_alarm("high", 0, &gw_condition_above)->when.limit = 55;
	a = fixture_alarm("slow", 1, &gw_condition_above);
	a->when.limit = 55;
	a->on_delay_ns = 10 * S;
	reload(5 * S);
	assert_int_equal(fixture.n_events, 0);
	assert_int_equal(fixture_pass(12 * S - 1), 0);
	assert_int_equal(fixture_pass(12 * S), 1);
	assert_true(raised("s/d1/p:slow"));
	fixture_feed(13 * S, 0, 54);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
}

static void another_level_of_what_stands_is_emitted_once(void **unused)
{
	(void)unused;
	for (int i = 0; i < 2; i++)
		fixture_alarm("high", i, &gw_condition_above)->when.limit = 50;
	start_old();
	fixture_feed(S, 0, 60);
	fixture_feed(S, 1, 10); /* stands not: nobody cares */
	for (int twice = 0; twice < 2; twice++) {
		fixture.n_alarms = 0;
		for (int i = 0; i < 2; i++) {
			fixture_alarm("high", i, &gw_condition_above)->when.limit = 50;
			fixture.alarms[i].level = GW_LEVEL_ORANGE;
		}
		reload(2 * S);
		assert_int_equal(fixture.n_events, !twice);
	}
	assert_int_equal(fixture_feed(3 * S, 0, 10), 1);
	assert_int_equal(fixture.event[0].seq, 103);
}

static void what_waits_for_a_full_output_outlives_a_reload(void **unused)
{
	struct gw_ring slow, fresh;
	struct gw_engine *next;
	struct gw_event e;
	uint64_t expect = 101;

	(void)unused;
	assert_int_equal(gw_ring_init(&slow, 2, sizeof e, NULL), GW_OK);
	assert_int_equal(gw_ring_init(&fresh, 64, sizeof e, NULL), GW_OK);
	fixture_alarm("high", 0, &gw_condition_above)->when.limit = 50;
	start_old();
	assert_int_equal(gw_engine_add_output(fixture.engine, &slow, NULL, NULL), GW_OK);
	for (int i = 0; i < 10; i++)
		assert_int_equal(fixture_feed((i + 1) * S, 0, i % 2 ? 0 : 60), 1);
	for (int twice = 0; twice < 2; twice++) { /* a second one must not begin anew */
		fixture.n_alarms = 0;
		fixture_alarm("high", 0, &gw_condition_above)->when.limit = 50;
		next = fixture_engine();
		assert_int_equal(gw_engine_add_output(next, &slow, NULL, NULL), GW_OK);
		assert_int_equal(gw_engine_add_output(next, &fresh, NULL, NULL), GW_OK);
		gw_engine_adopt(
			next, fixture.engine, fixture_time(20 * S), no_orphan, NULL);
		gw_engine_free(fixture.engine);
		fixture.engine = next;
	}
	assert_int_equal(fixture_pass(20 * S), 0); /* the first output had them all */
	assert_int_equal(gw_ring_count(&fresh), 0);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(gw_ring_pop(&slow, &e, 1, sizeof e), 1);
		assert_int_equal(e.seq, expect++);
		fixture_pass((20 + i) * S);
	}
	assert_false(gw_engine_output_blocked(fixture.engine));
	gw_ring_fini(&slow);
	gw_ring_fini(&fresh);
}

static void what_an_output_lost_is_counted_for_it_alone_and_through_a_reload(void **unused)
{
	struct gw_engine *next;
	struct gw_ring slow;
	struct gw_event e;
	uint64_t came = 0, lost;

	(void)unused;
	assert_int_equal(gw_ring_init(&slow, 2, sizeof e, NULL), GW_OK);
	fixture_alarm("high", 0, &gw_condition_above)->when.limit = 50;
	start_old();
	assert_int_equal(gw_engine_add_output(fixture.engine, &slow, NULL, NULL), GW_OK);
	for (int i = 0; i < 5000; i++)
		assert_int_equal(fixture_feed((i + 1) * S, 0, i % 2 ? 0 : 60), 1);
	lost = gw_engine_lost_events(fixture.engine, &slow);
	assert_in_range(lost, 1, 4999);
	assert_int_equal(gw_engine_lost_events(fixture.engine, &fixture.out), 0);
	assert_int_equal(gw_engine_lost_events(fixture.engine, NULL), 0);
	fixture.n_alarms = 0;
	fixture_alarm("high", 0, &gw_condition_above)->when.limit = 50;
	next = fixture_engine();
	assert_int_equal(gw_engine_add_output(next, &slow, NULL, NULL), GW_OK);
	gw_engine_adopt(next, fixture.engine, fixture_time(6000 * S), no_orphan, NULL);
	gw_engine_free(fixture.engine);
	fixture.engine = next;
	assert_int_equal(gw_engine_lost_events(fixture.engine, &slow), lost);
	while (gw_engine_output_blocked(fixture.engine) || gw_ring_count(&slow)) {
		came += gw_ring_pop(&slow, &e, 1, sizeof e);
		fixture_pass(6001 * S);
	}
	assert_int_equal(came + lost, 5000);
	assert_int_equal(gw_engine_lost_events(fixture.engine, &slow), lost);
	gw_ring_fini(&slow);
}

static struct gw_engine *second_engine(void)
{
	struct gw_engine *e;

	assert_int_equal(gw_engine_new(&(struct gw_engine_opts){.site = &fixture_site,
					       .points = fixture.points,
					       .n_points = FIXTURE_POINTS,
					       .alarms = was,
					       .n_alarms = 1,
					       .n_inputs = 1},
				 &e, NULL),
		GW_OK);
	assert_int_equal(gw_engine_add_output(e, &fixture.out, NULL, NULL), GW_OK);
	return e;
}

/* Six events, of which two find room. */
static void emit_six(void)
{
	for (int i = 0; i < 6; i++)
		gw_engine_ingest(fixture.engine,
			&(struct gw_sample){.quality = GW_QUALITY_GOOD,
				.mono_ns = FIXTURE_START_NS + i * S,
				.value = i % 2 ? 0 : 60},
			1, fixture_time(i * S));
	gw_engine_step(fixture.engine, fixture_time(6 * S));
}

static void go_on_with(struct gw_engine *next)
{
	gw_engine_adopt(next, fixture.engine, fixture_time(7 * S), no_orphan, NULL);
	gw_engine_free(fixture.engine);
	fixture.engine = next;
}

static void expect_all_six(void)
{
	struct gw_event e;

	for (uint64_t seq = 101; seq <= 106; seq++) {
		gw_engine_step(fixture.engine, fixture_time(7 * S));
		assert_int_equal(gw_ring_pop(&fixture.out, &e, 1, sizeof e), 1);
		assert_int_equal(e.seq, seq);
	}
	gw_engine_step(fixture.engine, fixture_time(8 * S));
	assert_int_equal(gw_ring_count(&fixture.out), 0);
}

static void with_a_small_output(void)
{
	gw_engine_free(fixture.engine);
	gw_ring_fini(&fixture.out);
	assert_int_equal(
		gw_ring_init(&fixture.out, 2, sizeof(struct gw_event), NULL), GW_OK);
	fixture_alarm("high", 0, &gw_condition_above)->when.limit = 50;
	start_old();
}

/* A reload that adds an uplink: what arose before it is for those that were there. */
static void a_new_output_begins_with_the_new_engine(void **unused)
{
	struct gw_engine *next;
	struct gw_ring uplink;
	struct gw_event e;

	(void)unused;
	with_a_small_output();
	assert_int_equal(gw_ring_init(&uplink, 64, sizeof e, NULL), GW_OK);
	next = second_engine();
	assert_int_equal(gw_engine_add_output(next, &uplink, NULL, NULL), GW_OK);
	emit_six();
	go_on_with(next);
	expect_all_six();
	assert_int_equal(gw_ring_count(&uplink), 0);
	gw_engine_ingest(next,
		&(struct gw_sample){.quality = GW_QUALITY_GOOD,
			.mono_ns = FIXTURE_START_NS + 9 * S,
			.value = 60},
		1, fixture_time(9 * S));
	gw_engine_step(next, fixture_time(9 * S));
	assert_int_equal(gw_ring_pop(&uplink, &e, 1, sizeof e), 1);
	assert_int_equal(e.seq, 107);
	gw_ring_fini(&uplink);
}

/* An engine that was made before the running one pushed its last knows how far that one came. */
static void an_output_continues_through_an_engine_without_events(void **unused)
{
	struct gw_engine *next;

	(void)unused;
	with_a_small_output();
	next = second_engine();
	emit_six();
	go_on_with(next);
	go_on_with(second_engine());
	expect_all_six();
}

/* However the points are ordered now, each has the value it had. */
static void points_keep_their_values_in_any_order(void **unused)
{
	struct gw_point_info mixed[FIXTURE_POINTS];
	struct gw_engine *next;
	struct gw_point_view v;

	(void)unused;
	fixture_alarm("high", 0, &gw_condition_above)->when.limit = 500;
	start_old();
	for (int i = 0; i < FIXTURE_POINTS; i++)
		fixture_feed((i + 1) * S, (uint32_t)i, 10 + i);
	for (int prepared = 0; prepared < 2; prepared++) {
		for (int i = 0; i < FIXTURE_POINTS; i++)
			mixed[i] = fixture.points[(5 * i + 3) % FIXTURE_POINTS];
		mixed[2].key = "s/new/p";
		assert_int_equal(
			gw_engine_new(&(struct gw_engine_opts){.site = &fixture_site,
					      .points = mixed,
					      .n_points = FIXTURE_POINTS,
					      .alarms = was,
					      .n_alarms = 1,
					      .n_inputs = 1},
				&next, NULL),
			GW_OK);
		if (prepared)
			gw_engine_prepare_adopt(next);
		gw_engine_adopt(
			next, fixture.engine, fixture_time(20 * S), no_orphan, NULL);
		for (int i = 0; i < FIXTURE_POINTS; i++) {
			gw_view_point(gw_engine_view(next), (size_t)i, &v);
			if (i == 2)
				assert_int_equal(v.samples, 0);
			else
				assert_int_equal(
					(int)v.value, 10 + (5 * i + 3) % FIXTURE_POINTS);
		}
		gw_engine_free(next);
	}
}

static void clear_orphan(
	void *arg, const struct gw_alarm_record *memory, const struct gw_alarm_info *info)
{
	gw_engine_clear_orphan(arg, memory, info, fixture_time(2 * S));
}

static void last_seq_counts_orphans(void **unused)
{
	struct gw_engine *next;

	(void)unused;
	fixture_alarm("high", 0, &gw_condition_above)->when.limit = 50;
	start_old();
	fixture_feed(S, 0, 60);
	next = fixture_engine();
	gw_engine_adopt(next, fixture.engine, fixture_time(2 * S), clear_orphan, next);
	assert_int_equal(gw_engine_last_seq(next), 102); /* whose texts are the old ones */
	gw_engine_free(fixture.engine);
	fixture.engine = next;
}

/* ---- a restart ---- */

static struct gw_alarm_record stood(const char *key)
{
	return (struct gw_alarm_record){.key = key,
		.state = GW_STATE_ACTIVE_UNACKED,
		.underlying = GW_STATE_ACTIVE_UNACKED,
		.occurrence = {1},
		.level = GW_LEVEL_RED,
		.onset_ms = FIXTURE_WALL_MS - 100000,
		.since_ms = FIXTURE_WALL_MS - 100000,
		.value = 60,
		.peak = 60,
		.seq = 90};
}

static void restore(const struct gw_alarm_record *m)
{
	fixture_start();
	assert_true(gw_engine_restore(fixture.engine, m, fixture_time(0)));
	assert_int_equal(fixture_pass(0), 0);
}

static void another_level_after_a_restart_is_emitted(void **unused)
{
	struct gw_alarm_record m = stood("s/d0/p:high");

	(void)unused;
	m.level = GW_LEVEL_YELLOW;
	fixture_alarm("high", 0, &gw_condition_above)->when.limit = 50;
	fixture_start();
	assert_true(gw_engine_restore(fixture.engine, &m, fixture_time(0)));
	assert_int_equal(fixture_pass(0), 1);
	assert_event(0, GW_CHANGE_LEVEL, GW_STATE_ACTIVE_UNACKED);
	assert_int_equal(fixture.event[0].level, GW_LEVEL_RED);
	assert_int_equal(fixture.event[0].occurrence[0], 1);
	assert_true(fixture.event[0].value == 60);
}

static void a_clock_that_fell_back_makes_no_shelf_longer(void **unused)
{
	struct gw_alarm_record m = stood("s/d0/p:high");

	(void)unused;
	m.state = GW_STATE_SHELVED;
	/* made an hour long, fifty years from now */
	m.since_ms = FIXTURE_WALL_MS + INT64_C(1600000000000);
	m.shelved_until_ms = m.since_ms + 3600000;
	fixture_alarm("high", 0, &gw_condition_above)->when.limit = 50;
	restore(&m);
	assert_int_equal(fixture_feed(S, 0, 60), 0);
	assert_int_equal(fixture_pass(3599 * S), 0);
	assert_int_equal(fixture_pass(3600 * S), 1);
	assert_event(0, GW_CHANGE_UNSHELVED, GW_STATE_ACTIVE_UNACKED);
}

static void a_shelf_that_ended_meanwhile_ends_at_start(void **unused)
{
	struct gw_alarm_record m = stood("s/d0/p:high");

	(void)unused;
	m.state = GW_STATE_SHELVED;
	m.shelved_until_ms = FIXTURE_WALL_MS - 5000;
	fixture_alarm("high", 0, &gw_condition_above)->when.limit = 50;
	fixture_start();
	assert_true(gw_engine_restore(fixture.engine, &m, fixture_time(0)));
	assert_int_equal(fixture_pass(0), 1);
	assert_event(0, GW_CHANGE_UNSHELVED, GW_STATE_ACTIVE_UNACKED);
	assert_int_equal(fixture.event[0].occurrence[0], 1);
}

static void every_state_goes_on_with_its_occurrence(void **unused)
{
	static const enum gw_state states[] = {GW_STATE_ACTIVE_ACKED,
		GW_STATE_RETURNED_UNACKED, GW_STATE_LATCHED_UNACKED,
		GW_STATE_LATCHED_ACKED};

	(void)unused;
	fixture_alarm("high", 0, &gw_condition_above)->when.limit = 50;
	fixture.alarms[0].latch = true;
	for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
		struct gw_alarm_record m = stood("s/d0/p:high");
		bool active = states[i] == GW_STATE_ACTIVE_ACKED;

		m.state = m.underlying = (uint8_t)states[i];
		restore(&m);
		assert_int_equal(fixture_state(0), states[i]);
		assert_int_equal(
			fixture_feed(S, 0, 10), active); /* clears if it was active */
		assert_int_equal(fixture_feed(2 * S, 0, 60), 1);
		assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
		assert_int_equal(
			fixture.event[0].occurrence[0], 1); /* not normal yet: one life */
		gw_engine_free(fixture.engine);
		fixture.engine = NULL;
	}
}

static void silent_before_a_restart_and_read_since(void **unused)
{
	struct gw_alarm_record m = stood("s/d0/p:silent");

	(void)unused;
	silent_on(0);
	start_old();
	assert_true(gw_engine_restore(fixture.engine, &m, fixture_time(0)));
	assert_int_equal(fixture_pass(0), 0);
	assert_int_equal(fixture_feed(S, 0, 1), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
	fixture_feed(20 * S, 0, 1);
	silent_on(0);
	rename_point(0);
	reload(21 * S);
	assert_silent_at(50 * S);
}

static void silent_before_a_restart_and_not_read_since(void **unused)
{
	struct gw_alarm_record m = stood("s/d0/p:silent");

	(void)unused;
	silent_on(0);
	start_old();
	assert_true(gw_engine_restore(fixture.engine, &m, fixture_time(0)));
	assert_int_equal(fixture_pass(0), 0);
	silent_on(0);
	rename_point(0);
	reload(S);
	assert_int_equal(fixture.n_events, 0);
	assert_int_equal(fixture_state(0), GW_STATE_ACTIVE_UNACKED);
}

static void silent_by_the_key_of_another_condition_waits_from_now(void **unused)
{
	struct gw_alarm_record m = stood("confirmed");

	(void)unused;
	confirmed(1, false, 1, 0);
	start_old();
	assert_true(gw_engine_restore(fixture.engine, &m, fixture_time(0)));
	assert_int_equal(fixture_feed(0, 0, 0), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
	silent_on(1);
	snprintf(fixture.alarm_key[0], sizeof fixture.alarm_key[0], "confirmed");
	reload(LONG_AGO);
	assert_silent_at(LONG_AGO + 30 * S);
}

static void a_first_reading_of_zero_reaches_a_vote(void **unused)
{
	struct gw_alarm_record m = stood("confirmed");

	(void)unused;
	confirmed(2, false, 2, 0);
	restore(&m);
	assert_int_equal(fixture_feed(S, 0, 0), 0);
	assert_int_equal(fixture_feed(S, 1, 0), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
}

static void a_vote_over_a_vote_sees_that_it_is_false(void **unused)
{
	static const struct gw_member of_inner[] = {{false, 0, 0, "s/d0/p"}},
				      of_outer[] = {{true, 0, 0, "inner"}};
	struct gw_alarm_record m = stood("outer");
	struct gw_alarm_opts *a;

	(void)unused;
	a = fixture_alarm("inner", -1, &gw_condition_at_least);
	a->when.at_least = 1;
	a->when.members = of_inner;
	a->when.n_members = 1;
	a = fixture_alarm("outer", -1, &gw_condition_at_least);
	a->when.at_least = 1;
	a->when.members = of_outer;
	a->when.n_members = 1;
	restore(&m);
	assert_int_equal(fixture_feed(S, 0, 0), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
	assert_string_equal(fixture.event[0].info->name, "outer");
}

static const double co_rows[] = {50, 3600e9, 100, 600e9};

static void a_dose_that_is_still_over_does_not_clear(void **unused)
{
	struct gw_alarm_record m = stood("s/d0/p:co");

	(void)unused;
	fixture_alarm("co", 0, &gw_condition_dose)->when.rows = (struct gw_table){
		.rows = 2, .columns = 2, .cells = co_rows};
	restore(&m);
	for (int i = 1; i < 100; i++)
		assert_int_equal(fixture_feed(i * S, 0, 120), 0);
	assert_int_equal(fixture_state(0), GW_STATE_ACTIVE_UNACKED);
}

static void a_dose_that_went_away_clears(void **unused)
{
	struct gw_alarm_record m = stood("s/d0/p:co");

	(void)unused;
	fixture_alarm("co", 0, &gw_condition_dose)->when.rows = (struct gw_table){
		.rows = 2, .columns = 2, .cells = co_rows};
	restore(&m);
	assert_int_equal(fixture_feed(S, 0, 10), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
}

static void still_stuck_until_it_moves(void **unused)
{
	struct gw_alarm_record m = stood("s/d0/p:stuck");

	(void)unused;
	fixture_alarm("stuck", 0, &gw_condition_stuck)->when.window_ns = 60 * S;
	restore(&m);
	assert_int_equal(fixture_feed(S, 0, 5), 0);
	assert_int_equal(fixture_feed(2 * S, 0, 5), 0);
	assert_int_equal(fixture_feed(3 * S, 0, 6), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_device_that_is_new_is_not_silent_at_once),
		TEST(silent_through_a_reload_emits_nothing),
		TEST(a_device_was_heard_under_its_old_point_names),
		TEST(one_point_is_renamed_and_the_other_says_nothing),
		TEST(a_renamed_device_never_heard_gets_no_extra_time),
		TEST(silent_through_a_renaming_emits_nothing),
		TEST(a_vote_that_gets_a_member_more_still_counts_the_first),
		TEST(a_vote_that_is_new_counts_what_stands),
		TEST(a_vote_over_points_counts_what_they_are),
		TEST(another_member_in_its_place_does_not_inherit_its_state),
		TEST(the_window_of_a_vote_outlives_a_reload),
		TEST(a_new_alarm_on_a_value_that_stands_raises_at_once),
		TEST(a_limit_lowered_under_the_value_raises_at_once),
		TEST(a_new_alarm_with_a_history_waits_for_samples),
		TEST(another_clear_is_another_condition),
		TEST(a_clear_that_is_gone_is_another_condition),
		TEST(a_history_outlives_a_reload),
		TEST(a_history_of_another_condition_does_not),
		TEST(a_vote_does_not_count_a_member_whose_link_is_broken),
		TEST(a_new_vote_over_points_counts_what_they_are),
		TEST(another_level_under_a_shelf_is_emitted_at_its_end),
		TEST(a_value_that_is_not_usable_raises_nothing),
		TEST(a_limit_moved_while_active_or_in_a_delay),
		TEST(another_level_of_what_stands_is_emitted_once),
		TEST(another_level_after_a_restart_is_emitted),
		TEST(what_waits_for_a_full_output_outlives_a_reload),
		TEST(what_an_output_lost_is_counted_for_it_alone_and_through_a_reload),
		TEST(a_new_output_begins_with_the_new_engine),
		TEST(an_output_continues_through_an_engine_without_events),
		TEST(points_keep_their_values_in_any_order),
		TEST(last_seq_counts_orphans),
		TEST(a_clock_that_fell_back_makes_no_shelf_longer),
		TEST(a_shelf_that_ended_meanwhile_ends_at_start),
		TEST(every_state_goes_on_with_its_occurrence),
		TEST(silent_before_a_restart_and_read_since),
		TEST(silent_before_a_restart_and_not_read_since),
		TEST(silent_by_the_key_of_another_condition_waits_from_now),
		TEST(a_first_reading_of_zero_reaches_a_vote),
		TEST(a_vote_over_a_vote_sees_that_it_is_false),
		TEST(a_dose_that_is_still_over_does_not_clear),
		TEST(a_dose_that_went_away_clears),
		TEST(still_stuck_until_it_moves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

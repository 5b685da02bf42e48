/* SPDX-License-Identifier: Apache-2.0 */
/* What an engine takes over: from an older one at a reload, from the store at a restart. */
#include "engine_kit.h"

#define LONG_AGO (10000 * S)

static struct gw_alarm_opts was[KIT_ALARMS];
static char was_key[KIT_ALARMS][64];
static struct gw_point_info was_point[KIT_POINTS];
static char was_point_key[KIT_POINTS][32];
static char was_members[KIT_ALARMS][8][64];
static struct gw_member was_member[KIT_ALARMS][8];

/* The engine begins with a configuration of its own, so that kit.alarms can be the next one. */
static void start_old(void)
{
	const struct gw_engine_opts opts = {.site = &kit_site,
		.points = was_point,
		.n_points = KIT_POINTS,
		.alarms = was,
		.n_alarms = kit.n_alarms,
		.n_inputs = 1};

	for (int i = 0; i < KIT_POINTS; i++) {
		was_point[i] = kit.points[i];
		memcpy(was_point_key[i], kit.point_key[i], sizeof was_point_key[i]);
		was_point[i].key = was_point_key[i];
	}
	for (size_t i = 0; i < kit.n_alarms; i++) {
		was[i] = kit.alarms[i];
		memcpy(was_key[i], kit.alarm_key[i], sizeof was_key[i]);
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
	kit.n_alarms = 0;
	assert_int_equal(gw_engine_new(&opts, &kit.engine, NULL), GW_OK);
	gw_engine_identity(kit.engine, 7, 100, "00000000-0000-0000-0000-000000000000");
	assert_int_equal(gw_engine_output(kit.engine, &kit.out, NULL, NULL), GW_OK);
}

static void no_orphan(
	void *arg, const struct gw_alarm_memory *memory, const struct gw_alarm_info *info)
{
	(void)arg, (void)info;
	fail_msg("%s found no home", memory->key);
}

/* Events of the exchange itself and of the first step are in kit.event. */
static void reload(int64_t at_ns)
{
	struct gw_engine *next = kit_engine();

	gw_engine_adopt(next, kit.engine, kit_time(at_ns), no_orphan, NULL);
	gw_engine_free(kit.engine);
	kit.engine = next;
	kit_pass(at_ns);
}

static void silent_on(int point)
{
	kit_alarm("silent", point, &gw_silent)->when.window_ns = 30 * S;
}

static void a_device_that_is_new_is_not_silent_at_once(void **unused)
{
	(void)unused;
	silent_on(0);
	start_old();
	kit_feed(S, 0, 1);
	kit_feed(LONG_AGO, 0, 1);
	silent_on(0);
	silent_on(1);
	reload(LONG_AGO + S);
	assert_int_equal(kit.n_events, 0);
	kit_feed(LONG_AGO + 25 * S, 0, 1);
	assert_int_equal(kit_pass(LONG_AGO + 31 * S - 1), 0);
	assert_int_equal(kit_pass(LONG_AGO + 31 * S), 1);
	assert_string_equal(kit.event[0].info->key, "s/d1/p:silent");
}

static void silent_through_a_reload_says_nothing(void **unused)
{
	(void)unused;
	silent_on(0);
	start_old();
	kit_pass(0);
	assert_int_equal(kit_pass(30 * S), 1);
	silent_on(0);
	reload(40 * S);
	assert_int_equal(kit.n_events, 0);
	assert_int_equal(kit_state(0), GW_STATE_ACTIVE_UNACKED);
}

static void rename_point(int point)
{
	snprintf(kit.point_key[point], sizeof kit.point_key[0], "s/d%d/q", point);
}

/* The one alarm, which nobody was told of at the reload, is told now and not before. */
static void assert_silent_at(int64_t at_ns)
{
	assert_int_equal(kit.n_events, 0);
	assert_int_equal(kit_pass(at_ns - 1), 0);
	assert_int_equal(kit_pass(at_ns), 1);
	assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
}

static void a_device_has_spoken_whatever_its_points_are_called_now(void **unused)
{
	(void)unused;
	silent_on(0);
	start_old();
	kit_feed(S, 0, 1);
	kit_feed(LONG_AGO, 0, 1);
	silent_on(0);
	rename_point(0);
	reload(LONG_AGO + S);
	assert_int_equal(kit.n_events, 0);
	kit.n_alarms = 0;
	silent_on(0);
	reload(LONG_AGO + 2 * S); /* the new name has not spoken yet */
	assert_silent_at(LONG_AGO + 30 * S);
}

static void one_point_is_renamed_and_the_other_is_mute(void **unused)
{
	(void)unused;
	silent_on(0);
	kit.alarms[0].n_points = 2;
	start_old();
	kit_feed(S, 0, 1);
	kit_feed(S, 1, 1);
	kit_feed(LONG_AGO, 0, 1);
	assert_int_equal(kit_state(0), GW_STATE_NORMAL);
	silent_on(0);
	kit.alarms[0].n_points = 2;
	rename_point(0);
	reload(LONG_AGO + S);
	assert_silent_at(LONG_AGO + 30 * S);
}

static void a_device_that_never_spoke_has_no_longer_time_under_another_name(void **unused)
{
	(void)unused;
	silent_on(0);
	start_old();
	kit_pass(0);
	silent_on(0);
	rename_point(0);
	reload(20 * S);
	assert_silent_at(30 * S);
}

static void silent_through_a_renaming_says_nothing(void **unused)
{
	(void)unused;
	silent_on(0);
	start_old();
	kit_feed(S, 0, 1);
	assert_int_equal(kit_pass(31 * S), 1);
	silent_on(0);
	rename_point(0);
	reload(40 * S);
	assert_int_equal(kit.n_events, 0);
	assert_int_equal(kit_state(0), GW_STATE_ACTIVE_UNACKED);
	assert_int_equal(kit_feed(41 * S, 0, 1), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
}

static struct gw_member votes[8];

static void smoke(int point)
{
	kit_alarm("smoke", point, &gw_is)->when.is = true;
}

/* A vote over the alarms 0 .. n - 1, or over the points alike. */
static void confirmed(size_t n, bool alarms, int64_t at_least, int64_t within_ns)
{
	struct gw_alarm_opts *a = kit_alarm("confirmed", -1, &gw_at_least);

	for (uint32_t i = 0; i < n; i++)
		votes[i] = (struct gw_member){.is_alarm = alarms,
			.index = i,
			.device = i,
			.key = alarms ? kit.alarm_key[i] : kit.point_key[i]};
	a->when.at_least = at_least;
	a->when.window_ns = within_ns;
	a->when.members = votes;
	a->when.n_members = n;
}

static bool raised(const char *key)
{
	for (size_t i = 0; i < kit.n_events; i++)
		if (kit.event[i].change == GW_CHANGE_RAISED &&
			strcmp(kit.event[i].info->key, key) == 0)
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
	kit_feed(S, 0, 1); /* the first detector */
	kit_feed(S, 1, 0);
	for (int i = 0; i < 3; i++)
		smoke(i);
	confirmed(3, true, 2, 0);
	reload(2 * S);
	assert_int_equal(kit.n_events, 0);
	kit_feed(3 * S, 1, 1);
	assert_true(raised("confirmed"));
}

static void a_vote_that_is_new_counts_what_stands(void **unused)
{
	(void)unused;
	for (int i = 0; i < 2; i++)
		smoke(i);
	start_old();
	kit_feed(S, 0, 1);
	kit_feed(S, 1, 1);
	for (int i = 0; i < 2; i++)
		smoke(i);
	confirmed(2, true, 2, 0);
	reload(2 * S);
	assert_int_equal(kit.n_events, 1);
	assert_true(raised("confirmed"));
}

static void a_vote_over_points_counts_what_they_are(void **unused)
{
	(void)unused;
	confirmed(2, false, 2, 0);
	start_old();
	kit_feed(S, 0, 1);
	confirmed(3, false, 2, 0);
	reload(2 * S);
	assert_int_equal(kit.n_events, 0);
	kit_feed(3 * S, 2, 1); /* the others say nothing again */
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
		kit_feed(S, i, i == 0);
	for (int i = 0; i < 3; i++)
		smoke(i);
	confirmed(2, true, 2, 0);
	votes[0] = votes[1]; /* 1 and 2 instead of 0 and 1 */
	votes[1] = (struct gw_member){
		.is_alarm = true, .index = 2, .device = 2, .key = kit.alarm_key[2]};
	reload(2 * S);
	kit_feed(3 * S, 1, 1);
	assert_false(raised("confirmed"));
	kit_feed(4 * S, 2, 1);
	assert_true(raised("confirmed"));
}

static void the_window_of_a_vote_outlives_a_reload(void **unused)
{
	(void)unused;
	for (int i = 0; i < 2; i++)
		smoke(i);
	confirmed(2, true, 2, 60 * S);
	start_old();
	kit_feed(S, 0, 1);
	kit_feed(S, 1, 0);
	kit_feed(2 * S, 0, 0);
	for (int i = 0; i < 3; i++)
		smoke(i);
	confirmed(3, true, 2, 60 * S);
	reload(3 * S);
	kit_feed(30 * S, 1, 1);
	assert_true(raised("confirmed"));
}

static void a_new_alarm_on_a_value_that_stands_raises_at_once(void **unused)
{
	(void)unused;
	kit_alarm("high", 0, &gw_above)->when.limit = 50;
	start_old();
	kit_feed(S, 0, 45);
	kit_alarm("high", 0, &gw_above)->when.limit = 50;
	kit_alarm("warm", 0, &gw_above)->when.limit = 40;
	reload(2 * S);
	assert_int_equal(kit.n_events, 1);
	assert_true(raised("s/d0/p:warm"));
	assert_true(kit.event[0].value == 45);
}

static void a_limit_lowered_under_the_value_raises_at_once(void **unused)
{
	(void)unused;
	kit_alarm("high", 0, &gw_above)->when.limit = 50;
	start_old();
	kit_feed(S, 0, 45);
	kit_alarm("high", 0, &gw_above)->when.limit = 40;
	reload(2 * S);
	assert_int_equal(kit.n_events, 1);
	assert_true(raised("s/d0/p:high"));
}

/* Nothing is known of how long it has stood so. */
static void a_new_alarm_with_a_history_waits_for_samples(void **unused)
{
	(void)unused;
	kit_alarm("high", 0, &gw_above)->when.limit = 50;
	start_old();
	kit_feed(S, 0, 45);
	kit_alarm("stuck", 0, &gw_stuck)->when.window_ns = 60 * S;
	kit_alarm("high", 0, &gw_above)->when.limit = 50;
	reload(2 * S);
	assert_int_equal(kit.n_events, 0);
	kit_feed(3 * S, 0, 45);
	assert_int_equal(kit_feed(63 * S - 1, 0, 45), 0);
	assert_int_equal(kit_feed(63 * S, 0, 45), 1);
}

static void alarm_with_a_table(double cell, size_t rows)
{
	static double clear[2];
	struct gw_alarm_opts *a = kit_alarm("high", 0, &gw_above);

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
	kit.alarms[0].when.clear.cells = old;
	start_old();
	kit_feed(S, 0, 60);
	kit_feed(2 * S, 0, 46);
	assert_int_equal(kit.n_events, 0);
	alarm_with_a_table(48, 1);
	reload(3 * S);
	assert_int_equal(kit.n_events, 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
}

static void a_clear_that_is_gone_is_another_condition(void **unused)
{
	(void)unused;
	alarm_with_a_table(40, 1);
	start_old();
	kit_feed(S, 0, 60);
	kit_feed(2 * S, 0, 46);
	alarm_with_a_table(40, 0);
	reload(3 * S);
	assert_int_equal(kit.n_events, 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
}

static void a_history_outlives_a_reload(void **unused)
{
	static const double rows[2] = {50, 100e9};

	(void)unused;
	for (int twice = 0; twice < 2; twice++) {
		kit_alarm("stuck", 0, &gw_stuck)->when.window_ns = 60 * S;
		kit_alarm("dose", 1, &gw_dose)->when.rows = (struct gw_table){
			.rows = 1, .columns = 2, .cells = rows};
		if (twice)
			break;
		start_old();
		kit_feed(0, 0, 45);
		kit_feed(0, 1, 60);
		kit_feed(30 * S, 0, 45);
	}
	reload(31 * S);
	assert_int_equal(kit.n_events, 0);
	assert_int_equal(kit_feed(60 * S - 1, 0, 45), 0);
	assert_int_equal(kit_feed(60 * S, 0, 45), 1);
	assert_true(raised("s/d0/p:stuck"));
	assert_int_equal(kit_pass(100 * S - 1), 0);
	assert_int_equal(kit_pass(100 * S), 1);
	assert_true(raised("s/d1/p:dose"));
}

static void a_history_of_another_condition_does_not(void **unused)
{
	(void)unused;
	kit_alarm("stuck", 0, &gw_stuck)->when.window_ns = 60 * S;
	start_old();
	kit_feed(0, 0, 45);
	kit_feed(30 * S, 0, 45);
	kit_alarm("stuck", 0, &gw_stuck)->when.window_ns = 50 * S;
	reload(31 * S);
	kit_feed(32 * S, 0, 45);
	assert_int_equal(kit_feed(82 * S - 1, 0, 45), 0);
	assert_int_equal(kit_feed(82 * S, 0, 45), 1);
}

/* Their reading is 1 as it was last heard, but what it is now nobody knows. */
static void a_vote_does_not_count_a_member_whose_link_is_broken(void **unused)
{
	(void)unused;
	kit_alarm("high", 7, &gw_above);
	start_old();
	for (uint32_t i = 0; i < 3; i++)
		kit_feed(S, i, 1);
	kit_feed_quality(2 * S, 1, 0, GW_QUALITY_BAD_LINK);
	confirmed(2, false, 2, 0);
	kit_alarm("high", 7, &gw_above);
	reload(3 * S);
	assert_int_equal(kit.n_events, 0);
	kit_feed(4 * S, 1, 1);
	assert_true(raised("confirmed"));
}

static void a_new_vote_over_points_counts_what_they_are(void **unused)
{
	(void)unused;
	kit_alarm("high", 7, &gw_above);
	start_old();
	kit_feed(S, 0, 1);
	kit_feed(S, 1, 1);
	confirmed(2, false, 2, 0);
	kit_alarm("high", 7, &gw_above);
	reload(2 * S);
	assert_int_equal(kit.n_events, 1);
	assert_true(raised("confirmed"));
}

static void another_level_under_a_shelf_is_told_at_its_end(void **unused)
{
	struct gw_alarm_memory m = {.key = "s/d0/p:high",
		.state = GW_STATE_SHELVED,
		.under = GW_STATE_ACTIVE_UNACKED,
		.level = GW_LEVEL_YELLOW,
		.since_ms = KIT_WALL_MS,
		.shelved_until_ms = KIT_WALL_MS + 1};

	(void)unused;
	kit_alarm("high", 0, &gw_above)->when.limit = 50;
	kit_start();
	assert_true(gw_engine_restore(kit.engine, &m, kit_time(0)));
	assert_int_equal(kit_pass(0), 0);
	assert_int_equal(kit_pass(S / 1000 - 1), 0);
	assert_int_equal(kit_pass(S / 1000), 1); /* a millisecond was left */
	assert_event(0, GW_CHANGE_UNSHELVED, GW_STATE_ACTIVE_UNACKED);
	assert_int_equal(kit.event[0].level, GW_LEVEL_RED);
}

static void a_value_that_is_not_usable_raises_nothing(void **unused)
{
	(void)unused;
	kit_alarm("high", 0, &gw_above)->when.limit = 50;
	start_old();
	kit_feed(S, 0, 45);
	kit_feed_quality(2 * S, 0, 0, GW_QUALITY_BAD_TIMEOUT);
	kit_alarm("high", 0, &gw_above)->when.limit = 40;
	reload(3 * S);
	assert_int_equal(kit.n_events, 0);
}

static void a_limit_moved_while_active_or_in_a_delay(void **unused)
{
	struct gw_alarm_opts *a;

	(void)unused;
	kit_alarm("high", 0, &gw_above)->when.limit = 50;
	a = kit_alarm("slow", 1, &gw_above);
	a->when.limit = 50;
	a->on_delay_ns = 10 * S;
	start_old();
	assert_int_equal(kit_feed(S, 0, 60), 1);
	assert_int_equal(kit_feed(2 * S, 1, 60), 0);
	kit_alarm("high", 0, &gw_above)->when.limit = 55;
	a = kit_alarm("slow", 1, &gw_above);
	a->when.limit = 55;
	a->on_delay_ns = 10 * S;
	reload(5 * S);
	assert_int_equal(kit.n_events, 0);
	assert_int_equal(kit_pass(12 * S - 1), 0);
	assert_int_equal(kit_pass(12 * S), 1);
	assert_true(raised("s/d1/p:slow"));
	kit_feed(13 * S, 0, 54);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
}

static void another_level_of_what_stands_is_told_once(void **unused)
{
	(void)unused;
	for (int i = 0; i < 2; i++)
		kit_alarm("high", i, &gw_above)->when.limit = 50;
	start_old();
	kit_feed(S, 0, 60);
	kit_feed(S, 1, 10); /* stands not: nobody cares */
	for (int twice = 0; twice < 2; twice++) {
		kit.n_alarms = 0;
		for (int i = 0; i < 2; i++) {
			kit_alarm("high", i, &gw_above)->when.limit = 50;
			kit.alarms[i].level = GW_LEVEL_ORANGE;
		}
		reload(2 * S);
		assert_int_equal(kit.n_events, !twice);
	}
	assert_int_equal(kit_feed(3 * S, 0, 10), 1);
	assert_int_equal(kit.event[0].seq, 103);
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
	kit_alarm("high", 0, &gw_above)->when.limit = 50;
	start_old();
	assert_int_equal(gw_engine_output(kit.engine, &slow, NULL, NULL), GW_OK);
	for (int i = 0; i < 10; i++)
		assert_int_equal(kit_feed((i + 1) * S, 0, i % 2 ? 0 : 60), 1);
	for (int twice = 0; twice < 2; twice++) { /* a second one must not begin anew */
		kit.n_alarms = 0;
		kit_alarm("high", 0, &gw_above)->when.limit = 50;
		next = kit_engine();
		assert_int_equal(gw_engine_output(next, &slow, NULL, NULL), GW_OK);
		assert_int_equal(gw_engine_output(next, &fresh, NULL, NULL), GW_OK);
		gw_engine_adopt(next, kit.engine, kit_time(20 * S), no_orphan, NULL);
		gw_engine_free(kit.engine);
		kit.engine = next;
	}
	assert_int_equal(kit_pass(20 * S), 0); /* the first output had them all */
	assert_int_equal(gw_ring_count(&fresh), 0);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(gw_ring_pop(&slow, &e, 1, sizeof e), 1);
		assert_int_equal(e.seq, expect++);
		kit_pass((20 + i) * S);
	}
	assert_false(gw_engine_waiting(kit.engine));
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
	kit_alarm("high", 0, &gw_above)->when.limit = 50;
	start_old();
	assert_int_equal(gw_engine_output(kit.engine, &slow, NULL, NULL), GW_OK);
	for (int i = 0; i < 5000; i++)
		assert_int_equal(kit_feed((i + 1) * S, 0, i % 2 ? 0 : 60), 1);
	lost = gw_engine_lost(kit.engine, &slow);
	assert_in_range(lost, 1, 4999);
	assert_int_equal(gw_engine_lost(kit.engine, &kit.out), 0);
	assert_int_equal(gw_engine_lost(kit.engine, NULL), 0);
	kit.n_alarms = 0;
	kit_alarm("high", 0, &gw_above)->when.limit = 50;
	next = kit_engine();
	assert_int_equal(gw_engine_output(next, &slow, NULL, NULL), GW_OK);
	gw_engine_adopt(next, kit.engine, kit_time(6000 * S), no_orphan, NULL);
	gw_engine_free(kit.engine);
	kit.engine = next;
	assert_int_equal(gw_engine_lost(kit.engine, &slow), lost);
	while (gw_engine_waiting(kit.engine) || gw_ring_count(&slow)) {
		came += gw_ring_pop(&slow, &e, 1, sizeof e);
		kit_pass(6001 * S);
	}
	assert_int_equal(came + lost, 5000);
	assert_int_equal(gw_engine_lost(kit.engine, &slow), lost);
	gw_ring_fini(&slow);
}

static struct gw_engine *engine_beside(void)
{
	struct gw_engine *e;

	assert_int_equal(gw_engine_new(&(struct gw_engine_opts){.site = &kit_site,
					       .points = kit.points,
					       .n_points = KIT_POINTS,
					       .alarms = was,
					       .n_alarms = 1,
					       .n_inputs = 1},
				 &e, NULL),
		GW_OK);
	assert_int_equal(gw_engine_output(e, &kit.out, NULL, NULL), GW_OK);
	return e;
}

/* Six events, of which two find room. */
static void say_six(void)
{
	for (int i = 0; i < 6; i++)
		gw_engine_feed(kit.engine,
			&(struct gw_sample){.quality = GW_QUALITY_GOOD,
				.mono_ns = KIT_START_NS + i * S,
				.value = i % 2 ? 0 : 60},
			1, kit_time(i * S));
	gw_engine_step(kit.engine, kit_time(6 * S));
}

static void go_on_with(struct gw_engine *next)
{
	gw_engine_adopt(next, kit.engine, kit_time(7 * S), no_orphan, NULL);
	gw_engine_free(kit.engine);
	kit.engine = next;
}

static void expect_all_six(void)
{
	struct gw_event e;

	for (uint64_t seq = 101; seq <= 106; seq++) {
		gw_engine_step(kit.engine, kit_time(7 * S));
		assert_int_equal(gw_ring_pop(&kit.out, &e, 1, sizeof e), 1);
		assert_int_equal(e.seq, seq);
	}
	gw_engine_step(kit.engine, kit_time(8 * S));
	assert_int_equal(gw_ring_count(&kit.out), 0);
}

static void with_little_room(void)
{
	gw_engine_free(kit.engine);
	gw_ring_fini(&kit.out);
	assert_int_equal(gw_ring_init(&kit.out, 2, sizeof(struct gw_event), NULL), GW_OK);
	kit_alarm("high", 0, &gw_above)->when.limit = 50;
	start_old();
}

/* A reload that adds an uplink: what arose before it is for those that were there. */
static void a_new_output_begins_with_the_new_engine(void **unused)
{
	struct gw_engine *next;
	struct gw_ring uplink;
	struct gw_event e;

	(void)unused;
	with_little_room();
	assert_int_equal(gw_ring_init(&uplink, 64, sizeof e, NULL), GW_OK);
	next = engine_beside();
	assert_int_equal(gw_engine_output(next, &uplink, NULL, NULL), GW_OK);
	say_six();
	go_on_with(next);
	expect_all_six();
	assert_int_equal(gw_ring_count(&uplink), 0);
	gw_engine_feed(next,
		&(struct gw_sample){.quality = GW_QUALITY_GOOD,
			.mono_ns = KIT_START_NS + 9 * S,
			.value = 60},
		1, kit_time(9 * S));
	gw_engine_step(next, kit_time(9 * S));
	assert_int_equal(gw_ring_pop(&uplink, &e, 1, sizeof e), 1);
	assert_int_equal(e.seq, 107);
	gw_ring_fini(&uplink);
}

/* An engine that was made before the running one pushed its last knows how far that one came. */
static void an_output_goes_on_through_an_engine_that_said_nothing(void **unused)
{
	struct gw_engine *next;

	(void)unused;
	with_little_room();
	next = engine_beside();
	say_six();
	go_on_with(next);
	go_on_with(engine_beside());
	expect_all_six();
}

/* However the points are ordered now, each has the value it had. */
static void points_keep_their_values_in_any_order(void **unused)
{
	struct gw_point_info mixed[KIT_POINTS];
	struct gw_engine *next;
	struct gw_point_view v;

	(void)unused;
	kit_alarm("high", 0, &gw_above)->when.limit = 500;
	start_old();
	for (int i = 0; i < KIT_POINTS; i++)
		kit_feed((i + 1) * S, (uint32_t)i, 10 + i);
	for (int prepared = 0; prepared < 2; prepared++) {
		for (int i = 0; i < KIT_POINTS; i++)
			mixed[i] = kit.points[(5 * i + 3) % KIT_POINTS];
		mixed[2].key = "s/new/p";
		assert_int_equal(gw_engine_new(&(struct gw_engine_opts){.site = &kit_site,
						       .points = mixed,
						       .n_points = KIT_POINTS,
						       .alarms = was,
						       .n_alarms = 1,
						       .n_inputs = 1},
					 &next, NULL),
			GW_OK);
		if (prepared)
			gw_engine_prepare(next);
		gw_engine_adopt(next, kit.engine, kit_time(20 * S), no_orphan, NULL);
		for (int i = 0; i < KIT_POINTS; i++) {
			gw_view_point(gw_engine_view(next), (size_t)i, &v);
			if (i == 2)
				assert_int_equal(v.samples, 0);
			else
				assert_int_equal(
					(int)v.value, 10 + (5 * i + 3) % KIT_POINTS);
		}
		gw_engine_free(next);
	}
}

static void clear_orphan(
	void *arg, const struct gw_alarm_memory *memory, const struct gw_alarm_info *info)
{
	gw_engine_orphan(arg, memory, info, kit_time(2 * S));
}

static void last_seq_counts_orphans(void **unused)
{
	struct gw_engine *next;

	(void)unused;
	kit_alarm("high", 0, &gw_above)->when.limit = 50;
	start_old();
	kit_feed(S, 0, 60);
	next = kit_engine();
	gw_engine_adopt(next, kit.engine, kit_time(2 * S), clear_orphan, next);
	assert_int_equal(gw_engine_last_seq(next), 102); /* whose texts are the old ones */
	gw_engine_free(kit.engine);
	kit.engine = next;
}

/* ---- a restart ---- */

static struct gw_alarm_memory stood(const char *key)
{
	return (struct gw_alarm_memory){.key = key,
		.state = GW_STATE_ACTIVE_UNACKED,
		.under = GW_STATE_ACTIVE_UNACKED,
		.occurrence = {1},
		.level = GW_LEVEL_RED,
		.onset_ms = KIT_WALL_MS - 100000,
		.since_ms = KIT_WALL_MS - 100000,
		.value = 60,
		.peak = 60,
		.seq = 90};
}

static void restore(const struct gw_alarm_memory *m)
{
	kit_start();
	assert_true(gw_engine_restore(kit.engine, m, kit_time(0)));
	assert_int_equal(kit_pass(0), 0);
}

static void another_level_after_a_restart_is_told(void **unused)
{
	struct gw_alarm_memory m = stood("s/d0/p:high");

	(void)unused;
	m.level = GW_LEVEL_YELLOW;
	kit_alarm("high", 0, &gw_above)->when.limit = 50;
	kit_start();
	assert_true(gw_engine_restore(kit.engine, &m, kit_time(0)));
	assert_int_equal(kit_pass(0), 1);
	assert_event(0, GW_CHANGE_LEVEL, GW_STATE_ACTIVE_UNACKED);
	assert_int_equal(kit.event[0].level, GW_LEVEL_RED);
	assert_int_equal(kit.event[0].occurrence[0], 1);
	assert_true(kit.event[0].value == 60);
}

static void a_clock_that_fell_back_makes_no_shelf_longer(void **unused)
{
	struct gw_alarm_memory m = stood("s/d0/p:high");

	(void)unused;
	m.state = GW_STATE_SHELVED;
	/* made an hour long, fifty years from now */
	m.since_ms = KIT_WALL_MS + INT64_C(1600000000000);
	m.shelved_until_ms = m.since_ms + 3600000;
	kit_alarm("high", 0, &gw_above)->when.limit = 50;
	restore(&m);
	assert_int_equal(kit_feed(S, 0, 60), 0);
	assert_int_equal(kit_pass(3599 * S), 0);
	assert_int_equal(kit_pass(3600 * S), 1);
	assert_event(0, GW_CHANGE_UNSHELVED, GW_STATE_ACTIVE_UNACKED);
}

static void a_shelf_that_ended_meanwhile_ends_at_start(void **unused)
{
	struct gw_alarm_memory m = stood("s/d0/p:high");

	(void)unused;
	m.state = GW_STATE_SHELVED;
	m.shelved_until_ms = KIT_WALL_MS - 5000;
	kit_alarm("high", 0, &gw_above)->when.limit = 50;
	kit_start();
	assert_true(gw_engine_restore(kit.engine, &m, kit_time(0)));
	assert_int_equal(kit_pass(0), 1);
	assert_event(0, GW_CHANGE_UNSHELVED, GW_STATE_ACTIVE_UNACKED);
	assert_int_equal(kit.event[0].occurrence[0], 1);
}

static void every_state_goes_on_with_its_occurrence(void **unused)
{
	static const enum gw_state states[] = {GW_STATE_ACTIVE_ACKED,
		GW_STATE_RETURNED_UNACKED, GW_STATE_LATCHED_UNACKED,
		GW_STATE_LATCHED_ACKED};

	(void)unused;
	kit_alarm("high", 0, &gw_above)->when.limit = 50;
	kit.alarms[0].latch = true;
	for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
		struct gw_alarm_memory m = stood("s/d0/p:high");
		bool active = states[i] == GW_STATE_ACTIVE_ACKED;

		m.state = m.under = (uint8_t)states[i];
		restore(&m);
		assert_int_equal(kit_state(0), states[i]);
		assert_int_equal(kit_feed(S, 0, 10), active); /* clears if it was active */
		assert_int_equal(kit_feed(2 * S, 0, 60), 1);
		assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
		assert_int_equal(
			kit.event[0].occurrence[0], 1); /* not normal yet: one life */
		gw_engine_free(kit.engine);
		kit.engine = NULL;
	}
}

static void silent_before_a_restart_and_heard_since(void **unused)
{
	struct gw_alarm_memory m = stood("s/d0/p:silent");

	(void)unused;
	silent_on(0);
	start_old();
	assert_true(gw_engine_restore(kit.engine, &m, kit_time(0)));
	assert_int_equal(kit_pass(0), 0);
	assert_int_equal(kit_feed(S, 0, 1), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
	kit_feed(20 * S, 0, 1);
	silent_on(0);
	rename_point(0);
	reload(21 * S);
	assert_silent_at(50 * S);
}

static void silent_before_a_restart_and_not_heard_since(void **unused)
{
	struct gw_alarm_memory m = stood("s/d0/p:silent");

	(void)unused;
	silent_on(0);
	start_old();
	assert_true(gw_engine_restore(kit.engine, &m, kit_time(0)));
	assert_int_equal(kit_pass(0), 0);
	silent_on(0);
	rename_point(0);
	reload(S);
	assert_int_equal(kit.n_events, 0);
	assert_int_equal(kit_state(0), GW_STATE_ACTIVE_UNACKED);
}

static void silent_by_the_key_of_another_condition_waits_from_now(void **unused)
{
	struct gw_alarm_memory m = stood("confirmed");

	(void)unused;
	confirmed(1, false, 1, 0);
	start_old();
	assert_true(gw_engine_restore(kit.engine, &m, kit_time(0)));
	assert_int_equal(kit_feed(0, 0, 0), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
	silent_on(1);
	snprintf(kit.alarm_key[0], sizeof kit.alarm_key[0], "confirmed");
	reload(LONG_AGO);
	assert_silent_at(LONG_AGO + 30 * S);
}

static void a_first_reading_of_zero_is_heard_by_a_vote(void **unused)
{
	struct gw_alarm_memory m = stood("confirmed");

	(void)unused;
	confirmed(2, false, 2, 0);
	restore(&m);
	assert_int_equal(kit_feed(S, 0, 0), 0);
	assert_int_equal(kit_feed(S, 1, 0), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
}

static void a_vote_over_a_vote_hears_that_it_is_not_true(void **unused)
{
	static const struct gw_member of_inner[] = {{false, 0, 0, "s/d0/p"}},
				      of_outer[] = {{true, 0, 0, "inner"}};
	struct gw_alarm_memory m = stood("outer");
	struct gw_alarm_opts *a;

	(void)unused;
	a = kit_alarm("inner", -1, &gw_at_least);
	a->when.at_least = 1;
	a->when.members = of_inner;
	a->when.n_members = 1;
	a = kit_alarm("outer", -1, &gw_at_least);
	a->when.at_least = 1;
	a->when.members = of_outer;
	a->when.n_members = 1;
	restore(&m);
	assert_int_equal(kit_feed(S, 0, 0), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
	assert_string_equal(kit.event[0].info->name, "outer");
}

static const double co_rows[] = {50, 3600e9, 100, 600e9};

static void a_dose_that_is_still_over_does_not_clear(void **unused)
{
	struct gw_alarm_memory m = stood("s/d0/p:co");

	(void)unused;
	kit_alarm("co", 0, &gw_dose)->when.rows = (struct gw_table){
		.rows = 2, .columns = 2, .cells = co_rows};
	restore(&m);
	for (int i = 1; i < 100; i++)
		assert_int_equal(kit_feed(i * S, 0, 120), 0);
	assert_int_equal(kit_state(0), GW_STATE_ACTIVE_UNACKED);
}

static void a_dose_that_went_away_clears(void **unused)
{
	struct gw_alarm_memory m = stood("s/d0/p:co");

	(void)unused;
	kit_alarm("co", 0, &gw_dose)->when.rows = (struct gw_table){
		.rows = 2, .columns = 2, .cells = co_rows};
	restore(&m);
	assert_int_equal(kit_feed(S, 0, 10), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
}

static void still_stuck_until_it_moves(void **unused)
{
	struct gw_alarm_memory m = stood("s/d0/p:stuck");

	(void)unused;
	kit_alarm("stuck", 0, &gw_stuck)->when.window_ns = 60 * S;
	restore(&m);
	assert_int_equal(kit_feed(S, 0, 5), 0);
	assert_int_equal(kit_feed(2 * S, 0, 5), 0);
	assert_int_equal(kit_feed(3 * S, 0, 6), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, kit_setup, kit_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_device_that_is_new_is_not_silent_at_once),
		TEST(silent_through_a_reload_says_nothing),
		TEST(a_device_has_spoken_whatever_its_points_are_called_now),
		TEST(one_point_is_renamed_and_the_other_is_mute),
		TEST(a_device_that_never_spoke_has_no_longer_time_under_another_name),
		TEST(silent_through_a_renaming_says_nothing),
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
		TEST(another_level_under_a_shelf_is_told_at_its_end),
		TEST(a_value_that_is_not_usable_raises_nothing),
		TEST(a_limit_moved_while_active_or_in_a_delay),
		TEST(another_level_of_what_stands_is_told_once),
		TEST(another_level_after_a_restart_is_told),
		TEST(what_waits_for_a_full_output_outlives_a_reload),
		TEST(what_an_output_lost_is_counted_for_it_alone_and_through_a_reload),
		TEST(a_new_output_begins_with_the_new_engine),
		TEST(an_output_goes_on_through_an_engine_that_said_nothing),
		TEST(points_keep_their_values_in_any_order),
		TEST(last_seq_counts_orphans),
		TEST(a_clock_that_fell_back_makes_no_shelf_longer),
		TEST(a_shelf_that_ended_meanwhile_ends_at_start),
		TEST(every_state_goes_on_with_its_occurrence),
		TEST(silent_before_a_restart_and_heard_since),
		TEST(silent_before_a_restart_and_not_heard_since),
		TEST(silent_by_the_key_of_another_condition_waits_from_now),
		TEST(a_first_reading_of_zero_is_heard_by_a_vote),
		TEST(a_vote_over_a_vote_hears_that_it_is_not_true),
		TEST(a_dose_that_is_still_over_does_not_clear),
		TEST(a_dose_that_went_away_clears),
		TEST(still_stuck_until_it_moves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

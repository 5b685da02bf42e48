/* SPDX-License-Identifier: Apache-2.0 */
/* The engine: limits, delays, votes, silence, restart, reload, commands, order and ids. */
#include "engine_fixture.h"

static void a_limit_is_quiet_at_itself_and_has_hysteresis(void **unused)
{
	struct gw_alarm_opts *a = fixture_alarm("high", 0, &gw_condition_above);
	uint8_t life[16];

	(void)unused;
	a->when.limit = 50;
	a->when.clear = (struct gw_table){
		.rows = 1, .columns = 1, .cells = (const double[]){45}};
	fixture_start();
	assert_int_equal(fixture_feed(S, 0, 50), 0);
	assert_int_equal(fixture_feed(2 * S, 0, nextafter(50, 51)), 1);
	assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
	memcpy(life, fixture.event[0].occurrence, sizeof life);
	assert_int_equal(life[6] >> 4, 7); /* a UUIDv7 */
	assert_int_equal(fixture.event[0].seq, 101);
	assert_int_equal(fixture.event[0].run, 7);
	assert_int_equal(fixture.event[0].onset_ms, FIXTURE_WALL_MS + 2000);
	assert_int_equal(fixture_feed(3 * S, 0, 70), 0);
	assert_int_equal(fixture_feed(4 * S, 0, nextafter(45, 46)), 0);
	assert_int_equal(fixture_feed(5 * S, 0, 45), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
	assert_int_equal(fixture.event[0].seq, 102);
	assert_true(fixture.event[0].peak == 70);
	assert_true(fixture.event[0].value == 45);
	assert_memory_equal(fixture.event[0].occurrence, life, 16);
}

static void below_and_outside_mirror_above(void **unused)
{
	struct gw_alarm_opts *low = fixture_alarm("low", 0, &gw_condition_below);
	struct gw_alarm_opts *band = fixture_alarm("band", 1, &gw_condition_outside);

	(void)unused;
	low->when.limit = 0.10;
	low->when.clear = (struct gw_table){1, 1, (const double[]){0.12}};
	band->when.band = (struct gw_table){1, 2, (const double[]){40, 60}};
	band->when.deadband = (struct gw_table){1, 1, (const double[]){2}};
	fixture_start();
	assert_int_equal(fixture_feed(S, 0, 0.10), 0);
	assert_int_equal(fixture_feed(2 * S, 0, 0.09), 1);
	assert_int_equal(fixture_feed(3 * S, 0, 0.05), 0);
	assert_int_equal(fixture_feed(4 * S, 0, 0.119), 0);
	assert_int_equal(fixture_feed(5 * S, 0, 0.12), 1);
	assert_true(fixture.event[0].peak == 0.05);
	assert_int_equal(fixture_feed(6 * S, 1, 60), 0);
	assert_int_equal(fixture_feed(7 * S, 1, 40), 0);
	assert_int_equal(fixture_feed(8 * S, 1, 60.1), 1);
	assert_true(fixture.event[0].limit == 60);
	assert_int_equal(fixture_feed(9 * S, 1, 58.1), 0);
	assert_int_equal(fixture_feed(10 * S, 1, 58), 1);
	assert_int_equal(fixture_feed(11 * S, 1, 39.9), 1);
	assert_true(fixture.event[0].limit == 40);
	assert_int_equal(fixture_feed(12 * S, 1, 41.9), 0);
	assert_int_equal(fixture_feed(13 * S, 1, 42), 1);
}

static void a_condition_true_at_start_raises(void **unused)
{
	(void)unused;
	fixture_alarm("smoke", 0, &gw_condition_is)->when.is = true;
	fixture_start();
	assert_int_equal(fixture_pass(0), 0);
	assert_int_equal(fixture_feed(S, 0, 1), 1);
	assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
}

static void a_bad_sample_changes_nothing_but_the_view(void **unused)
{
	struct gw_point_view v;

	(void)unused;
	fixture_alarm("high", 0, &gw_condition_above)->when.limit = 50;
	fixture_start();
	fixture_feed(S, 0, 60);
	assert_int_equal(fixture_feed_quality(2 * S, 0, 0, GW_QUALITY_BAD_TIMEOUT), 0);
	assert_int_equal(fixture_state(0), GW_STATE_ACTIVE_UNACKED);
	gw_view_point(gw_engine_view(fixture.engine), 0, &v);
	assert_int_equal(v.quality, GW_QUALITY_BAD_TIMEOUT);
	assert_true(v.value == 60);
	assert_int_equal(v.good_ns, FIXTURE_START_NS + S);
	assert_int_equal(fixture_feed(3 * S, 0, (double)NAN), 0);
	gw_view_point(gw_engine_view(fixture.engine), 0, &v);
	assert_int_equal(v.quality, GW_QUALITY_BAD_PAYLOAD);
	assert_int_equal(
		fixture_feed(4 * S, 0, 60), 0); /* the gap did not raise it again */
}

static void an_infinite_value_enters_no_history(void **unused)
{
	struct gw_alarm_opts *a;
	struct gw_point_view v;

	(void)unused;
	a = fixture_alarm("rate", 0, &gw_condition_rises);
	a->when.limit = 10;
	a->when.window_ns = 60 * S;
	fixture_start();
	for (int64_t t = 1; t <= 9; t++) {
		assert_int_equal(
			fixture_feed(t * S, 0, t > 3 && t < 7 ? -HUGE_VAL : 20), 0);
		gw_view_point(gw_engine_view(fixture.engine), 0, &v);
		assert_int_equal(v.quality,
			t > 3 && t < 7 ? GW_QUALITY_BAD_PAYLOAD : GW_QUALITY_GOOD);
		assert_true(v.value == 20);
	}
	assert_int_equal(fixture_feed(10 * S, 0, HUGE_VAL), 0);
	gw_view_point(gw_engine_view(fixture.engine), 0, &v);
	assert_int_equal(v.quality, GW_QUALITY_BAD_PAYLOAD);
}

static void several_levels_on_one_point_each_raise(void **unused)
{
	struct gw_alarm_opts *low = fixture_alarm("low", 0, &gw_condition_above);

	(void)unused;
	low->when.limit = 20;
	low->level = GW_LEVEL_YELLOW;
	fixture_alarm("high", 0, &gw_condition_above)->when.limit = 50;
	fixture_start();
	assert_int_equal(fixture_feed(S, 0, 30), 1);
	assert_int_equal(fixture.event[0].level, GW_LEVEL_YELLOW);
	assert_int_equal(fixture_feed(2 * S, 0, 60), 1);
	assert_int_equal(fixture.event[0].level, GW_LEVEL_RED);
	assert_int_equal(fixture_feed(3 * S, 0, 10), 2);
}

static void an_on_delay_is_timed_by_the_samples_own_time(void **unused)
{
	struct gw_alarm_opts *a = fixture_alarm("low", 0, &gw_condition_below);
	const struct gw_sample late[] = {
		{.quality = GW_QUALITY_GOOD, .mono_ns = FIXTURE_START_NS + S, .value = 0},
		{.quality = GW_QUALITY_GOOD,
			.mono_ns = FIXTURE_START_NS + 20 * S,
			.value = 9},
	};

	(void)unused;
	a->when.limit = 5;
	a->on_delay_ns = 10 * S;
	fixture_start();
	assert_int_equal(fixture_feed(0, 0, 9), 0);
	gw_engine_ingest(
		fixture.engine, late, 2, fixture_time(30 * S)); /* both come 10 s late */
	fixture_pass(30 * S);
	assert_int_equal(fixture.n_events, 2);
	assert_int_equal(fixture.event[0].mono_ns, FIXTURE_START_NS + 11 * S);
	assert_int_equal(fixture.event[0].wall_ms, FIXTURE_WALL_MS + 11000);
	assert_int_equal(fixture.event[0].onset_ms, FIXTURE_WALL_MS + 1000);
	assert_int_equal(fixture.event[1].mono_ns, FIXTURE_START_NS + 20 * S);
}

static void the_peak_counts_from_the_onset(void **unused)
{
	struct gw_alarm_opts *a = fixture_alarm("high", 0, &gw_condition_above);

	(void)unused;
	a->when.limit = 50;
	a->on_delay_ns = 10 * S;
	fixture_start();
	fixture_feed(S, 0, 80);
	fixture_feed(2 * S, 0, 60);
	assert_int_equal(fixture_pass(11 * S), 1);
	assert_true(fixture.event[0].value == 60);
	assert_true(fixture.event[0].peak == 80);
}

static void a_timer_raises_without_a_sample(void **unused)
{
	struct gw_alarm_opts *a = fixture_alarm("low", 0, &gw_condition_below);

	(void)unused;
	a->when.limit = 5;
	a->on_delay_ns = 10 * S;
	fixture_start();
	fixture_feed(S, 0, 1);
	assert_int_equal(
		gw_engine_next_timer_ns(fixture.engine), FIXTURE_START_NS + 11 * S);
	assert_int_equal(fixture_pass(11 * S - 1), 0);
	assert_int_equal(fixture_pass(11 * S), 1);
	assert_int_equal(gw_engine_next_timer_ns(fixture.engine), INT64_MAX);
}

static void silence_raises_and_the_first_sample_ends_it(void **unused)
{
	struct gw_alarm_opts *a = fixture_alarm("silent", 0, &gw_condition_silent);
	struct gw_point_view v;

	(void)unused;
	a->when.window_ns = 10 * S;
	a->n_points = 2; /* the device has p0 and p1 */
	fixture_start();
	assert_int_equal(fixture_pass(0), 0);
	fixture_feed(5 * S, 1, 1);
	assert_int_equal(fixture_feed_quality(9 * S, 0, 0, GW_QUALITY_BAD_TIMEOUT), 0);
	assert_int_equal(fixture_pass(15 * S - 1), 0);
	assert_int_equal(fixture_pass(15 * S), 1);
	assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
	assert_int_equal(fixture.event[0].quality, GW_QUALITY_SILENT);
	gw_view_point(gw_engine_view(fixture.engine), 1, &v);
	assert_int_equal(v.quality, GW_QUALITY_SILENT); /* it keeps no good value */
	assert_int_equal(fixture_feed_quality(16 * S, 0, 0, GW_QUALITY_BAD_TIMEOUT), 0);
	assert_int_equal(fixture_feed(17 * S, 0, 3), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
	assert_int_equal(fixture_pass(27 * S - 1), 0);
	assert_int_equal(fixture_pass(27 * S), 1);
}

static void a_device_never_heard_becomes_silent(void **unused)
{
	(void)unused;
	fixture_alarm("silent", 0, &gw_condition_silent)->when.window_ns = 10 * S;
	fixture_start();
	fixture_pass(0);
	assert_int_equal(fixture_pass(10 * S), 1);
}

static struct gw_member members[4];

static struct gw_alarm_opts *vote(int64_t n, size_t of, int64_t within_ns)
{
	struct gw_alarm_opts *a = fixture_alarm("confirmed", -1, &gw_condition_at_least);

	a->when.at_least = n;
	a->when.window_ns = within_ns;
	a->when.members = members;
	a->when.n_members = of;
	return a;
}

static void two_detectors_confirm_and_name_each_other(void **unused)
{
	(void)unused;
	for (uint32_t i = 0; i < 3; i++)
		members[i] = (struct gw_member){false, i, i, fixture.point_key[i]};
	vote(2, 3, 60 * S);
	fixture_start();
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(fixture_feed(0, i, 0), 0);
	assert_int_equal(fixture_feed(S, 0, 1), 0);
	assert_int_equal(fixture_feed(2 * S, 0, 0), 0);
	assert_int_equal(fixture_feed(61 * S, 2, 1), 1); /* 59 s after p0 went false */
	assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
	assert_int_equal(fixture.event[0].n_confirmed_by, 2);
	assert_string_equal(fixture.event[0].confirmed_by[0], "s/d0/p");
	assert_string_equal(fixture.event[0].confirmed_by[1], "s/d2/p");
	assert_true(fixture.event[0].value == 2);
	assert_int_equal(fixture_pass(62 * S - 1), 0);
	assert_int_equal(fixture_pass(62 * S), 1); /* p0 counts no more */
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
}

static void the_window_ends_to_the_nanosecond(void **unused)
{
	(void)unused;
	for (uint32_t i = 0; i < 2; i++)
		members[i] = (struct gw_member){false, i, i, fixture.point_key[i]};
	vote(2, 2, 60 * S);
	fixture_start();
	fixture_feed(0, 0, 0);
	fixture_feed(0, 1, 0);
	fixture_feed(S, 0, 1);
	fixture_feed(2 * S, 0, 0);
	assert_int_equal(fixture_feed(62 * S, 1, 1), 0);
}

static void members_on_one_device_count_once(void **unused)
{
	(void)unused;
	members[0] = (struct gw_member){false, 0, 5, fixture.point_key[0]};
	members[1] = (struct gw_member){false, 1, 5, fixture.point_key[1]};
	members[2] = (struct gw_member){false, 2, 6, fixture.point_key[2]};
	vote(2, 3, 0);
	fixture_start();
	for (uint32_t i = 0; i < 3; i++)
		fixture_feed(0, i, 0);
	assert_int_equal(fixture_feed(S, 0, 1), 0);
	assert_int_equal(fixture_feed(2 * S, 1, 1), 0);
	assert_int_equal(fixture_feed(3 * S, 2, 1), 1);
}

static void a_vote_over_alarms_follows_their_delays(void **unused)
{
	struct gw_alarm_opts *a = fixture_alarm("a", 0, &gw_condition_above),
			     *b = fixture_alarm("b", 1, &gw_condition_above);

	(void)unused;
	a->when.limit = b->when.limit = 10;
	b->on_delay_ns = 5 * S;
	members[0] = (struct gw_member){true, 0, 0, a->info.key};
	members[1] = (struct gw_member){true, 1, 1, b->info.key};
	vote(2, 2, 0);
	fixture_start();
	assert_int_equal(fixture_feed(S, 0, 20), 1);
	assert_int_equal(fixture_feed(2 * S, 1, 20), 0);
	assert_int_equal(fixture_pass(7 * S), 2);
	assert_string_equal(fixture.event[0].info->name, "b");
	assert_string_equal(fixture.event[1].info->name, "confirmed");
	assert_int_equal(fixture_feed(8 * S, 0, 5), 2);
}

/* Two samples taken at once, as after a stall: between them the delay of the member ended. */
static void a_vote_counts_a_member_that_was_active_for_a_while(void **unused)
{
	const struct gw_sample samples[] = {
		{.quality = GW_QUALITY_GOOD, .mono_ns = FIXTURE_START_NS + S, .value = 20},
		{.quality = GW_QUALITY_GOOD,
			.mono_ns = FIXTURE_START_NS + 9 * S,
			.value = 5},
	};
	struct gw_alarm_opts *a = fixture_alarm("a", 0, &gw_condition_above);

	(void)unused;
	a->when.limit = 10;
	a->on_delay_ns = 5 * S;
	members[0] = (struct gw_member){true, 0, 0, a->info.key};
	vote(1, 1, 60 * S);
	fixture_start();
	gw_engine_ingest(fixture.engine, samples, 2, fixture_time(10 * S));
	assert_int_equal(fixture_pass(10 * S), 3);
	assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
	assert_event(1, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
	assert_string_equal(fixture.event[1].info->name, "confirmed");
	assert_int_equal(fixture.event[1].mono_ns, FIXTURE_START_NS + 6 * S);
	assert_event(2, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
	assert_int_equal(fixture_pass(69 * S - 1), 0);
	assert_int_equal(fixture_pass(69 * S), 1); /* it was true until 9 s */
}

static void a_vote_ends_although_a_member_was_never_read(void **unused)
{
	(void)unused;
	for (uint32_t i = 0; i < 3; i++)
		members[i] = (struct gw_member){false, i, i, fixture.point_key[i]};
	vote(2, 3, 0);
	fixture_start();
	fixture_feed(S, 0, 1);
	assert_int_equal(fixture_feed(2 * S, 1, 1), 1);
	assert_int_equal(fixture_feed(3 * S, 1, 0), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
}

static void commands_become_events(void **unused)
{
	struct gw_ring commands, replies;
	struct gw_alarm_command c = {
		.cookie = 9, .alarm = 0, .kind = GW_COMMAND_ACK, .note = "seen"};
	struct gw_alarm_reply r;
	struct gw_alarm_view v;

	(void)unused;
	assert_int_equal(gw_ring_init(&commands, 8, sizeof c, NULL), GW_OK);
	assert_int_equal(gw_ring_init(&replies, 8, sizeof r, NULL), GW_OK);
	fixture_alarm("high", 0, &gw_condition_above)->when.limit = 50;
	fixture_start();
	gw_engine_set_commands(fixture.engine, &commands, &replies, NULL);
	fixture_feed(S, 0, 60);
	gw_ring_push(&commands, &c, 1, sizeof c);
	assert_true(gw_engine_has_input(fixture.engine));
	assert_int_equal(fixture_pass(2 * S), 1);
	assert_event(0, GW_CHANGE_ACKED, GW_STATE_ACTIVE_ACKED);
	assert_string_equal(fixture.event[0].note, "seen");
	assert_int_equal(gw_ring_pop(&replies, &r, 1, sizeof r), 1);
	assert_int_equal(r.cookie, 9);
	assert_int_equal(r.done, 1);
	gw_ring_push(&commands, &c, 1, sizeof c);
	assert_int_equal(fixture_pass(3 * S), 0);
	gw_ring_pop(&replies, &r, 1, sizeof r);
	assert_int_equal(r.done, 0);
	assert_non_null(r.why);
	c.kind = GW_COMMAND_SHELVE;
	c.duration_ns = 60 * S;
	gw_ring_push(&commands, &c, 1, sizeof c);
	assert_int_equal(fixture_pass(4 * S), 1);
	gw_view_alarm(gw_engine_view(fixture.engine), 0, &v);
	assert_int_equal(v.state, GW_STATE_SHELVED);
	assert_int_equal(v.shelved_until_ms, FIXTURE_WALL_MS + 64000);
	assert_int_equal(fixture.event[0].shelved_until_ms, FIXTURE_WALL_MS + 64000);
	assert_int_equal(
		fixture_feed(5 * S, 0, 10), 0); /* cleared under the shelf: silent */
	assert_int_equal(fixture_pass(64 * S), 1);
	assert_event(0, GW_CHANGE_UNSHELVED, GW_STATE_NORMAL);
	assert_int_equal(
		fixture_feed(65 * S, 0, 7), 0); /* calm: the alarm is not asked of it */
	gw_ring_push(&commands, &c, 1, sizeof c);
	assert_int_equal(fixture_pass(66 * S), 1);
	assert_true(fixture.event[0].value == 7); /* what is told of it is as it is now */
	c.alarm = 99;
	gw_ring_push(&commands, &c, 1, sizeof c);
	fixture_pass(67 * S);
	while (gw_ring_pop(&replies, &r, 1, sizeof r))
		;
	assert_int_equal(r.done, 0);
	gw_ring_fini(&commands);
	gw_ring_fini(&replies);
}

static struct gw_alarm_record standing(size_t alarm)
{
	return (struct gw_alarm_record){.key = fixture.alarm_key[alarm],
		.state = GW_STATE_ACTIVE_ACKED,
		.underlying = GW_STATE_ACTIVE_ACKED,
		.level = GW_LEVEL_RED,
		.occurrence = {1, 2, 3},
		.onset_ms = FIXTURE_WALL_MS - 5000,
		.since_ms = FIXTURE_WALL_MS - 4000,
		.value = 60,
		.peak = 80,
		.seq = 55};
}

static void still_true_after_a_restart_does_not_raise_again(void **unused)
{
	struct gw_alarm_record m;

	(void)unused;
	fixture_alarm("high", 0, &gw_condition_above)->when.limit = 50;
	fixture_start();
	m = standing(0);
	assert_true(gw_engine_restore(fixture.engine, &m, fixture_time(0)));
	assert_int_equal(fixture_state(0), GW_STATE_ACTIVE_ACKED);
	assert_int_equal(fixture_feed(S, 0, 70), 0);
	assert_int_equal(fixture_feed(2 * S, 0, 40), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_NORMAL);
	assert_int_equal(fixture.event[0].occurrence[1], 2);
	assert_true(fixture.event[0].peak == 80);
	assert_int_equal(fixture.event[0].onset_ms, FIXTURE_WALL_MS - 5000);
}

static void gone_while_down_clears_with_the_first_sample(void **unused)
{
	struct gw_alarm_record m;

	(void)unused;
	fixture_alarm("high", 0, &gw_condition_above)->when.limit = 50;
	fixture_start();
	m = standing(0);
	gw_engine_restore(fixture.engine, &m, fixture_time(0));
	assert_int_equal(fixture_feed(S, 0, 10), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_NORMAL);
}

/* Whatever was moved about in the queue before. */
static void what_is_due_at_one_time_happens_in_the_order_of_the_alarms(void **unused)
{
	(void)unused;
	for (int i = 0; i < FIXTURE_POINTS; i++)
		fixture_alarm("silent", i, &gw_condition_silent)->when.window_ns = 10 * S;
	fixture_start();
	for (uint32_t i = FIXTURE_POINTS; i-- > 0;)
		fixture_feed(S, i, 1);
	fixture_feed(2 * S, 3, 1);
	fixture_feed(2 * S, 0, 1);
	for (uint32_t i = 0; i < FIXTURE_POINTS; i++)
		fixture_feed(3 * S, (5 * i + 2) % FIXTURE_POINTS, 1);
	assert_int_equal(fixture_pass(20 * S), FIXTURE_POINTS);
	for (uint32_t i = 0; i < FIXTURE_POINTS; i++)
		assert_ptr_equal(fixture.event[i].info, &fixture.alarms[i].info);
}

static void silent_before_and_after_a_restart_emits_nothing(void **unused)
{
	struct gw_alarm_record m;

	(void)unused;
	fixture_alarm("silent", 0, &gw_condition_silent)->when.window_ns = 10 * S;
	fixture_start();
	m = standing(0);
	gw_engine_restore(fixture.engine, &m, fixture_time(0));
	assert_int_equal(fixture_pass(0), 0);
	assert_int_equal(fixture_pass(60 * S), 0);
	assert_int_equal(fixture_feed(61 * S, 0, 1), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_NORMAL);
}

static void a_confirmed_fire_survives_a_restart_until_all_members_are_read(void **unused)
{
	struct gw_alarm_record m;

	(void)unused;
	for (uint32_t i = 0; i < 2; i++)
		members[i] = (struct gw_member){false, i, i, fixture.point_key[i]};
	vote(2, 2, 0);
	fixture_start();
	m = standing(0);
	gw_engine_restore(fixture.engine, &m, fixture_time(0));
	assert_int_equal(fixture_feed(S, 0, 1), 0);
	assert_int_equal(fixture_feed(2 * S, 1, 1), 0);
	assert_int_equal(fixture_feed(3 * S, 1, 0), 1);
}

static void an_unknown_alarm_is_cleared_as_an_orphan(void **unused)
{
	struct gw_alarm_record m;
	struct gw_alarm_info info;

	(void)unused;
	fixture_alarm("high", 0, &gw_condition_above)->when.limit = 50;
	fixture_start();
	m = standing(0);
	info = fixture.alarms[0].info;
	m.key = "gone";
	assert_false(gw_engine_restore(fixture.engine, &m, fixture_time(0)));
	gw_engine_clear_orphan(fixture.engine, &m, &info, fixture_time(0));
	assert_int_equal(fixture_pass(0), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_NORMAL);
	assert_int_equal(fixture.event[0].seq, 101);
}

static unsigned orphaned;

static void count_orphan(
	void *arg, const struct gw_alarm_record *memory, const struct gw_alarm_info *info)
{
	(void)arg, (void)memory, (void)info;
	orphaned++;
}

static void a_reload_keeps_state_delay_and_values(void **unused)
{
	struct gw_alarm_opts *low;
	struct gw_engine *next;
	struct gw_point_view v;

	(void)unused;
	fixture_alarm("high", 0, &gw_condition_above)->when.limit = 50;
	low = fixture_alarm("low", 1, &gw_condition_below);
	low->when.limit = 5;
	low->on_delay_ns = 10 * S;
	fixture_start();
	fixture_feed(S, 0, 60);
	fixture_feed(2 * S, 1, 1);
	orphaned = 0;
	next = fixture_engine();
	assert_int_equal(gw_engine_adopt(next, fixture.engine, fixture_time(3 * S),
				 count_orphan, NULL),
		0);
	gw_engine_free(fixture.engine);
	fixture.engine = next;
	assert_int_equal(fixture_state(0), GW_STATE_ACTIVE_UNACKED);
	gw_view_point(gw_engine_view(fixture.engine), 0, &v);
	assert_true(v.value == 60);
	assert_int_equal(fixture_feed(4 * S, 0, 61), 0);
	assert_int_equal(fixture_pass(12 * S - 1), 0);
	assert_int_equal(fixture_pass(12 * S), 1);
	assert_int_equal(fixture.event[0].seq, 102); /* after 101 of the old engine */
	assert_int_equal(fixture_feed(13 * S, 0, 10), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
}

static void a_reload_names_standing_alarms_that_are_gone(void **unused)
{
	struct gw_engine *next;

	(void)unused;
	fixture_alarm("high", 0, &gw_condition_above)->when.limit = 50;
	fixture_start();
	fixture_feed(S, 0, 60);
	fixture.n_alarms = 0;
	orphaned = 0;
	next = fixture_engine();
	assert_int_equal(gw_engine_adopt(next, fixture.engine, fixture_time(3 * S),
				 count_orphan, NULL),
		1);
	assert_int_equal(orphaned, 1);
	gw_engine_free(fixture.engine);
	fixture.engine = next;
}

static void an_unsynced_alarm_is_dated_anew_once_the_clock_is_right(void **unused)
{
	struct gw_time later;

	(void)unused;
	fixture_alarm("high", 0, &gw_condition_above)->when.limit = 50;
	fixture.synced = false;
	fixture_start();
	fixture_feed(S, 0, 60);
	assert_false(fixture.event[0].synced);
	later = fixture_time(10 * S);
	later.wall_ms += 1000000; /* NTP moved it */
	later.synced = true;
	gw_engine_step(fixture.engine, later);
	fixture_collect();
	assert_int_equal(fixture.n_events, 1);
	assert_event(0, GW_CHANGE_AMENDED, GW_STATE_ACTIVE_UNACKED);
	assert_int_equal(fixture.event[0].onset_ms, FIXTURE_WALL_MS + 1001000);
	later.mono_ns += S;
	gw_engine_step(fixture.engine, later);
	fixture_collect();
	assert_int_equal(fixture.n_events, 0);
}

static void a_full_output_holds_back_only_itself(void **unused)
{
	struct gw_ring slow;
	struct gw_event e;
	uint64_t expect = 101;

	(void)unused;
	assert_int_equal(gw_ring_init(&slow, 2, sizeof e, NULL), GW_OK);
	fixture_alarm("high", 0, &gw_condition_above)->when.limit = 50;
	fixture_start();
	assert_int_equal(gw_engine_add_output(fixture.engine, &slow, NULL, NULL), GW_OK);
	for (int i = 0; i < 10; i++)
		assert_int_equal(fixture_feed((i + 1) * S, 0, i % 2 ? 0 : 60), 1);
	assert_true(gw_engine_output_blocked(fixture.engine));
	for (int i = 0; i < 10; i++) {
		assert_int_equal(gw_ring_pop(&slow, &e, 1, sizeof e), 1);
		assert_int_equal(e.seq, expect++);
		fixture_pass((20 + i) * S);
	}
	assert_false(gw_engine_output_blocked(fixture.engine));
	gw_ring_fini(&slow);
}

static void a_ring_is_drained_and_a_stray_point_counted(void **unused)
{
	struct gw_ring in;
	struct gw_sample s = {
		.quality = GW_QUALITY_GOOD, .mono_ns = FIXTURE_START_NS, .value = 60};

	(void)unused;
	assert_int_equal(gw_ring_init(&in, 16, sizeof s, NULL), GW_OK);
	fixture_alarm("high", 3, &gw_condition_above)->when.limit = 50;
	fixture_start();
	assert_int_equal(gw_engine_add_input(fixture.engine, &in, 3, 2, NULL), GW_OK);
	assert_int_equal(gw_engine_add_input(fixture.engine, &in, 3, 2, NULL), GW_ERR_FULL);
	gw_ring_push(&in, &s, 1, sizeof s); /* point 0 of this source is p3 */
	s.point = 2;
	gw_ring_push(&in, &s, 1, sizeof s);
	assert_int_equal(fixture_pass(S), 1);
	assert_int_equal(gw_engine_stray_samples(fixture.engine), 1);
	assert_int_equal(gw_ring_processed(&in), 2);
	assert_int_equal(gw_engine_last_seq(fixture.engine), 101);
	gw_ring_fini(&in);
}

/* What came in time to take a timer back does so, wherever in the ring it lies. */
static void a_step_reads_past_the_wrap_of_a_ring(void **unused)
{
	struct gw_ring in;
	struct gw_sample s[] = {
		{.quality = GW_QUALITY_GOOD, .mono_ns = FIXTURE_START_NS, .value = 60},
		{.quality = GW_QUALITY_GOOD,
			.mono_ns = FIXTURE_START_NS + S / 2,
			.value = 40}};
	const struct gw_sample quiet_band = {
		.quality = GW_QUALITY_GOOD, .mono_ns = FIXTURE_START_NS, .value = 40};
	struct gw_alarm_opts *a;

	(void)unused;
	assert_int_equal(gw_ring_init(&in, 4, sizeof s[0], NULL), GW_OK);
	a = fixture_alarm("high", 0, &gw_condition_above);
	a->when.limit = 50;
	a->on_delay_ns = S;
	fixture_start();
	assert_int_equal(gw_engine_add_input(fixture.engine, &in, 0, 1, NULL), GW_OK);
	for (int i = 0; i < 3; i++)
		gw_ring_push(&in, &quiet_band, 1, sizeof quiet_band);
	assert_int_equal(fixture_pass(0), 0);
	assert_int_equal(gw_ring_push(&in, s, 2, sizeof s[0]), 2);
	assert_int_equal(fixture_pass(2 * S), 0);
	assert_int_equal(gw_ring_processed(&in), 5);
	gw_ring_fini(&in);
}

/* The same samples and times, twice: the same events, byte for byte of what leaves. (The
 * structs themselves have padding.) */
static void a_replay_yields_the_same_bytes(void **unused)
{
	static char first[256][2048], again[2048];
	struct gw_text json;
	size_t n_first = 0;

	(void)unused;
	for (int round = 0; round < 2; round++) {
		unsigned seed = 5;
		size_t n = 0;

		fixture.n_alarms = 0;
		fixture_alarm("high", 0, &gw_condition_above)->when.limit = 50;
		fixture_alarm("silent", 1, &gw_condition_silent)->when.window_ns = 3 * S;
		for (uint32_t i = 0; i < 2; i++)
			members[i] = (struct gw_member){
				false, i + 2, i, fixture.point_key[i + 2]};
		vote(2, 2, 2 * S)->off_delay_ns = S;
		fixture_start();
		for (int64_t t = 0; t < 400 * S && n < 200; t += S / 4) {
			uint32_t p = (uint32_t)rand_r(&seed) % 4;
			double value = p >= 2 ? rand_r(&seed) % 2 : rand_r(&seed) % 100;

			fixture_feed(t, p, value);
			for (size_t i = 0; i < fixture.n_events; i++, n++) {
				gw_text_init(&json, round == 0 ? first[n_first++] : again,
					sizeof again);
				gw_event_json(&json, &fixture.event[i]);
				assert_false(json.cut);
				if (round > 0)
					assert_string_equal(first[n], again);
			}
		}
		assert_true(n > 50);
		gw_engine_free(fixture.engine);
		fixture.engine = NULL;
	}
}

/* ---- who is asked ---- */

static unsigned asked;

static void evaluate_counted(const struct gw_condition_opts *o, void *memory,
	const struct gw_condition_input *in, struct gw_condition_result *result)
{
	(void)o, (void)memory;
	asked++;
	result->condition_true = false;
	result->value = in->sample ? in->sample->value : 0;
	result->due_ns = o->limit > 0 ? in->now_ns
				      : INT64_MAX; /* at once, again and again */
}

static void quiet_to_ten(const struct gw_condition_opts *o, double *ret_lo, double *ret_hi)
{
	(void)o;
	*ret_lo = 0;
	*ret_hi = 10;
}

static const struct gw_condition_kind counted = {
	.key = "counted", .evaluate = evaluate_counted, .quiet_band = quiet_to_ten};
static const struct gw_condition_kind eager = {
	.key = "eager", .evaluate = evaluate_counted};

static void a_sample_in_the_quiet_band_evaluates_nothing(void **unused)
{
	(void)unused;
	fixture_alarm("x", 0, &counted);
	fixture_alarm("x", 1,
		&eager); /* asked by every sample, but not by those of another point */
	fixture_start();
	asked = 0;
	fixture_feed(S, 0, 5); /* for the first time */
	assert_int_equal(asked, 1);
	fixture_feed(2 * S, 0, 0);
	fixture_feed(3 * S, 0, 10);
	assert_int_equal(asked, 1);
	fixture_feed(4 * S, 0, 11);
	assert_int_equal(asked, 2);
	fixture_feed(5 * S, 1, 5);
	fixture_feed(6 * S, 1, 5);
	assert_int_equal(asked, 4);
}

static void a_condition_that_is_always_due_waits_a_millisecond(void **unused)
{
	(void)unused;
	fixture_alarm("x", 0, &eager)->when.limit = 1;
	fixture_start();
	asked = 0;
	fixture_feed(0, 0, 5);
	assert_int_equal(asked, 1);
	fixture_pass(10 * GW_NS_PER_MS - 1);
	assert_int_equal(asked, 10);
	fixture_pass(10 * GW_NS_PER_MS);
	assert_int_equal(asked, 11);
}

static void only_silence_makes_a_point_silent(void **unused)
{
	struct gw_point_view v;

	(void)unused;
	fixture_alarm("silent", 0, &gw_condition_silent)->when.window_ns = 10 * S;
	fixture_alarm("high", 0, &gw_condition_above)->when.limit = 50;
	fixture_start();
	for (int i = 1; i < 3; i++) {
		fixture_feed(i * S, 0, i == 2 ? 60 : 40);
		gw_view_point(gw_engine_view(fixture.engine), 0, &v);
		assert_int_equal(v.quality, GW_QUALITY_GOOD);
	}
	assert_int_equal(fixture_pass(12 * S), 1);
	gw_view_point(gw_engine_view(fixture.engine), 0, &v);
	assert_int_equal(v.quality, GW_QUALITY_SILENT);
}

static void what_it_was_while_false_is_no_peak(void **unused)
{
	static const double rows[2] = {50, 10e9};

	(void)unused;
	fixture_alarm("dose", 0, &gw_condition_dose)->when.rows = (struct gw_table){
		1, 2, rows};
	fixture_start();
	fixture_feed(0, 0, 60);
	assert_int_equal(fixture_pass(10 * S), 1);
	fixture_feed(10 * S, 0, 10);
	assert_int_equal(fixture_pass(15 * S), 1);
	fixture_feed(20 * S, 0, 500); /* for too short a time */
	fixture_feed(22 * S, 0, 60);
	assert_int_equal(fixture_pass(30 * S), 1);
	assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
	assert_true(fixture.event[0].peak == 60);
}

/* Many timers, set and taken back in a random order: told in the order of their times. */
static void timers_end_in_the_order_of_their_times(void **unused)
{
	uint64_t random = 42;

	(void)unused;
	for (int i = 0; i < FIXTURE_ALARMS; i++) {
		fixture_alarm("x", i % FIXTURE_POINTS, &gw_condition_above)->when.limit =
			50 + i;
		fixture.alarms[i].on_delay_ns = S;
	}
	for (int round = 0; round < 2000; round++) {
		int64_t last_ns = 0;
		size_t n = 0;

		fixture_start();
		for (int i = 0; i < FIXTURE_ALARMS; i++) {
			random = random * UINT64_C(6364136223846793005) + 1;
			fixture.alarms[i].on_delay_ns = (1 + (int64_t)(random >> 60)) * S;
		}
		gw_engine_free(fixture.engine);
		fixture_start(); /* with these delays */
		for (int i = 0; i < 24; i++) {
			struct gw_sample s = {.quality = GW_QUALITY_GOOD,
				.mono_ns = FIXTURE_START_NS + i};

			random = random * UINT64_C(6364136223846793005) + 1;
			s.point = (uint32_t)(random >> 61);
			s.value = random >> 60 & 1 ? 0 : 100; /* all or none of a point's */
			gw_engine_ingest(fixture.engine, &s, 1, fixture_time(i));
		}
		fixture_pass(20 * S);
		for (; n < fixture.n_events; n++) {
			assert_true(fixture.event[n].mono_ns >= last_ns);
			last_ns = fixture.event[n].mono_ns;
		}
		gw_engine_free(fixture.engine);
		fixture.engine = NULL;
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_limit_is_quiet_at_itself_and_has_hysteresis),
		TEST(below_and_outside_mirror_above),
		TEST(a_condition_true_at_start_raises),
		TEST(a_bad_sample_changes_nothing_but_the_view),
		TEST(an_infinite_value_enters_no_history),
		TEST(several_levels_on_one_point_each_raise),
		TEST(an_on_delay_is_timed_by_the_samples_own_time),
		TEST(the_peak_counts_from_the_onset),
		TEST(a_timer_raises_without_a_sample),
		TEST(silence_raises_and_the_first_sample_ends_it),
		TEST(a_device_never_heard_becomes_silent),
		TEST(two_detectors_confirm_and_name_each_other),
		TEST(the_window_ends_to_the_nanosecond),
		TEST(members_on_one_device_count_once),
		TEST(a_vote_over_alarms_follows_their_delays),
		TEST(a_vote_counts_a_member_that_was_active_for_a_while),
		TEST(a_vote_ends_although_a_member_was_never_read),
		TEST(commands_become_events),
		TEST(still_true_after_a_restart_does_not_raise_again),
		TEST(gone_while_down_clears_with_the_first_sample),
		TEST(what_is_due_at_one_time_happens_in_the_order_of_the_alarms),
		TEST(silent_before_and_after_a_restart_emits_nothing),
		TEST(a_confirmed_fire_survives_a_restart_until_all_members_are_read),
		TEST(an_unknown_alarm_is_cleared_as_an_orphan),
		TEST(a_reload_keeps_state_delay_and_values),
		TEST(a_reload_names_standing_alarms_that_are_gone),
		TEST(an_unsynced_alarm_is_dated_anew_once_the_clock_is_right),
		TEST(a_full_output_holds_back_only_itself),
		TEST(a_ring_is_drained_and_a_stray_point_counted),
		TEST(a_step_reads_past_the_wrap_of_a_ring),
		TEST(a_replay_yields_the_same_bytes),
		TEST(a_sample_in_the_quiet_band_evaluates_nothing),
		TEST(a_condition_that_is_always_due_waits_a_millisecond),
		TEST(only_silence_makes_a_point_silent),
		TEST(what_it_was_while_false_is_no_peak),
		TEST(timers_end_in_the_order_of_their_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

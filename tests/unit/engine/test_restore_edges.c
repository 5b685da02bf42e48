/* SPDX-License-Identifier: Apache-2.0 */
/* What goes on over a reload or a late memory and what begins anew: every part of a condition that
 * tells it from another, memories that contradict each other, floods and chatter under them. */
#include "alarm/chatter_flood.h"

#include "engine_fixture.h"

static struct gw_ring commands, replies;
static size_t n_unconfigured;
static struct gw_alarm_record unconfigured;

static void on_unconfigured(
	void *arg, const struct gw_alarm_record *record, const struct gw_alarm_info *info)
{
	(void)arg, (void)info;
	n_unconfigured++;
	unconfigured = *record;
}

static struct gw_alarm_opts was[FIXTURE_ALARMS];
static struct gw_condition_opts was_when[FIXTURE_ALARMS];
static char was_key[FIXTURE_ALARMS][64];
static struct gw_member was_members[FIXTURE_ALARMS][4];

/* The engine begins with options of its own, so that fixture.alarms can be the next ones. */
static void start_old(void)
{
	struct gw_engine_opts opts = {.site = &fixture_site,
		.points = fixture.points,
		.n_points = FIXTURE_POINTS,
		.alarms = was,
		.n_alarms = fixture.n_alarms,
		.n_inputs = 1};

	for (size_t i = 0; i < fixture.n_alarms; i++) {
		was[i] = fixture.alarms[i];
		memcpy(was_key[i], fixture.alarm_key[i], sizeof was_key[i]);
		was[i].info.key = was_key[i];
		was_when[i] = *was[i].when;
		was[i].when = &was_when[i];
		for (size_t m = 0; m < was_when[i].n_members; m++)
			was_members[i][m] = was_when[i].members[m];
		was_when[i].members = was_members[i];
	}
	fixture.n_alarms = 0;
	assert_int_equal(gw_engine_new(&opts, &fixture.engine, NULL), GW_OK);
	gw_engine_set_identity(
		fixture.engine, 7, 100, "00000000-0000-0000-0000-000000000000");
	assert_int_equal(
		gw_engine_add_output(fixture.engine, &fixture.out, NULL, NULL), GW_OK);
}

static size_t reload(int64_t at_ns)
{
	struct gw_engine *next = fixture_engine();

	n_unconfigured = 0;
	gw_engine_adopt(next, fixture.engine, fixture_time(at_ns), on_unconfigured, NULL);
	gw_engine_free(fixture.engine);
	fixture.engine = next;
	return fixture_pass(at_ns);
}

static void person(enum gw_alarm_command_kind kind, uint32_t alarm, int64_t at_ns)
{
	const struct gw_alarm_command c = {
		.kind = kind, .alarm = alarm, .duration_ns = 3600 * S};

	if (!commands.entries) {
		assert_int_equal(gw_ring_init(&commands, 4, sizeof c, NULL), GW_OK);
		assert_int_equal(
			gw_ring_init(&replies, 4, sizeof(struct gw_alarm_reply), NULL),
			GW_OK);
	}
	gw_engine_set_commands(fixture.engine, &commands, &replies, NULL);
	gw_ring_push(&commands, &c, 1, sizeof c);
	fixture_pass(at_ns);
}

static int teardown(void **state)
{
	gw_ring_fini(&commands);
	gw_ring_fini(&replies);
	return fixture_teardown(state);
}

/* ---- a condition that is another one ---- */

static const double one[] = {1}, two[] = {2}, copy[] = {1};

static void make_rate(int variation)
{
	struct gw_condition_opts *o;

	fixture.n_alarms = 0;
	o = fixture_when(fixture_alarm("rate", 0, &gw_condition_rises));
	o->limit = 10;
	o->window_ns = 60 * S;
	o->deadband = (struct gw_table){1, 1, one};
	switch (variation) {
	case 0: o->deadband.cells = copy; break; /* the same */
	case 1: o->limit = 9; break;
	case 2: o->limit = 10.5; break;
	case 3: o->window_ns = 59 * S; break;
	case 4: o->deadband.cells = two; break;
	case 5: o->deadband = (struct gw_table){0, 0, NULL}; break;
	default: break;
	}
}

/* The history of a rate goes on over a reload only if it is that of the same condition: here for
 * one kind through the engine, for every setting of every kind in conf/test_setting_rows.c. */
static void a_condition_that_is_another_one_begins_anew(void **unused)
{
	(void)unused;
	for (int variation = 0; variation <= 5; variation++) {
		make_rate(-1);
		start_old();
		fixture_feed(S, 0, 20);
		fixture_feed(2 * S, 0, 20);
		fixture_feed(3 * S, 0, 20);
		make_rate(variation);
		assert_int_equal(reload(3 * S), 0);
		fixture_feed(4 * S, 0, 31);
		if (fixture_feed(5 * S, 0, 31) !=
			(variation == 0)) /* the median of three */
			fail_msg("variation %d", variation);
		gw_engine_free(fixture.engine);
		fixture.engine = NULL;
	}
}

/* An alarm of that name is a vote now: it stands on as long as a member is true. */
static void a_limit_that_is_a_vote_now(void **unused)
{
	static struct gw_member member = {false, 1, 1, "s/d1/p"};
	struct gw_alarm_opts *a = fixture_alarm("x", -1, &gw_condition_above);

	(void)unused;
	a->n_points = 1;
	fixture_when(a)->limit = 50;
	start_old();
	fixture_feed(S, 1, 1);
	assert_int_equal(fixture_feed(S, 0, 60), 1);
	a = fixture_alarm("x", -1, &gw_condition_at_least);
	fixture_when(a)->members = &member;
	fixture_when(a)->n_members = 1;
	fixture_when(a)->at_least = 1;
	assert_int_equal(reload(2 * S), 0);
	assert_int_equal(fixture_state(0), GW_STATE_ACTIVE_UNACKED);
	assert_int_equal(fixture_feed(3 * S, 1, 0), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
}

/* An alarm that is shelved but not raised counts, too: else the platform never learns that the
 * shelf has ended. */
static void a_shelved_alarm_that_was_removed_is_reported(void **unused)
{
	(void)unused;
	fixture_when(fixture_alarm("high", 0, &gw_condition_above))->limit = 50;
	start_old();
	fixture_pass(0);
	person(GW_COMMAND_SHELVE, 0, S);
	fixture_when(fixture_alarm("other", 0, &gw_condition_above))->limit = 50;
	reload(2 * S);
	assert_int_equal(n_unconfigured, 1);
	assert_string_equal(unconfigured.key, "s/d0/p:high");
	assert_int_equal(unconfigured.state, GW_STATE_SHELVED);
	assert_int_equal(unconfigured.underlying, GW_STATE_NORMAL);
	assert_int_equal(unconfigured.shelved_until_ms, FIXTURE_WALL_MS + 3601 * 1000);
}

/* ---- outputs over a reload ---- */

/* What waits for a ring is not owed to another one, nor to this one once others wrote to it. */
static void events_wait_for_the_same_ring_only(void **unused)
{
	struct gw_engine *next;
	struct gw_ring full, other;
	struct gw_event e = {.seq = 1};

	(void)unused;
	for (int foreign = 0; foreign < 2; foreign++) {
		fixture.n_alarms = 0;
		fixture_when(fixture_alarm("high", 0, &gw_condition_above))->limit = 50;
		assert_int_equal(gw_ring_init(&full, 2, sizeof e, NULL), GW_OK);
		assert_int_equal(gw_ring_init(&other, 8, sizeof e, NULL), GW_OK);
		fixture_start();
		assert_int_equal(
			gw_engine_add_output(fixture.engine, &full, NULL, NULL), GW_OK);
		for (int i = 0; i < 4; i++)
			fixture_feed((i + 1) * S, 0, i % 2 ? 40 : 60);
		assert_true(gw_engine_output_blocked(fixture.engine));
		assert_int_equal(gw_ring_pop(&full, &e, 1, sizeof e), 1);
		if (foreign)
			assert_int_equal(gw_ring_push(&full, &e, 1, sizeof e), 1);
		assert_int_equal(gw_ring_pop(&full, &e, 1, sizeof e), 1);

		next = fixture_engine();
		assert_int_equal(gw_engine_add_output(next, &full, NULL, NULL), GW_OK);
		assert_int_equal(gw_engine_add_output(next, &other, NULL, NULL), GW_OK);
		gw_engine_adopt(
			next, fixture.engine, fixture_time(9 * S), on_unconfigured, NULL);
		gw_engine_free(fixture.engine);
		fixture.engine = next;
		fixture_pass(9 * S);
		assert_int_equal(gw_ring_count(&full), foreign ? 1 : 2);
		assert_int_equal(gw_ring_count(&other), 0);
		gw_ring_fini(&full);
		gw_ring_fini(&other);
		gw_engine_free(fixture.engine);
		fixture.engine = NULL;
	}
}

/* ---- late memories ---- */

#define OLD 0xee /* first byte of the occurrence that is remembered */

static struct gw_alarm_record remembered(const char *key, enum gw_state underlying)
{
	return (struct gw_alarm_record){.key = key,
		.state = (uint8_t)underlying,
		.underlying = (uint8_t)underlying,
		.occurrence = {OLD},
		.level = GW_LEVEL_RED,
		.onset_ms = FIXTURE_WALL_MS - 100000,
		.since_ms = FIXTURE_WALL_MS - 100000,
		.value = 60,
		.peak = 60,
		.seq = 90};
}

static size_t late(int64_t at_ns, struct gw_alarm_record memory)
{
	struct gw_late_record one_memory = {.record = memory};
	struct gw_late_records batch = {.at = &one_memory, .n = 1};

	assert_true(gw_engine_restore_late(fixture.engine, &batch));
	fixture_pass(at_ns);
	assert_true(gw_engine_restore_done(fixture.engine));
	assert_int_equal(batch.n_unconfigured, 0);
	return fixture.n_events;
}

/* It was latched, acknowledged or not, and came and went anew: a person must reset it, and must
 * see it first. One that was not latched needs no reset. */
static void a_latch_that_comes_late(void **unused)
{
	static const enum gw_state unders[] = {GW_STATE_LATCHED_UNACKED,
		GW_STATE_LATCHED_ACKED, GW_STATE_RETURNED_UNACKED};

	(void)unused;
	for (size_t i = 0; i < 3; i++) {
		fixture.n_alarms = 0;
		fixture_when(fixture_alarm("high", 0, &gw_condition_above))->limit = 50;
		fixture_start();
		fixture_feed(S, 0, 60);
		fixture_feed(2 * S, 0, 40);
		assert_int_equal(fixture_state(0), GW_STATE_RETURNED_UNACKED);
		assert_int_equal(late(3 * S, remembered("s/d0/p:high", unders[i])), 2);
		assert_event(0, GW_CHANGE_CLEARED, GW_STATE_NORMAL);
		assert_int_equal(fixture.event[0].occurrence[0], OLD);
		assert_int_equal(fixture.event[1].change, GW_CHANGE_AMENDED);
		assert_int_equal(fixture_state(0),
			i < 2 ? GW_STATE_LATCHED_UNACKED : GW_STATE_RETURNED_UNACKED);
		gw_engine_free(fixture.engine);
		fixture.engine = NULL;
	}
}

/* A state that no alarm has under its shelf: as if nothing were remembered. */
static void a_memory_that_cannot_be(void **unused)
{
	struct gw_alarm_record m = remembered("s/d0/p:high", GW_STATE_SUPPRESSED);

	(void)unused;
	fixture_when(fixture_alarm("high", 0, &gw_condition_above))->limit = 50;
	fixture_start();
	assert_true(gw_engine_restore(fixture.engine, &m, fixture_time(0)));
	assert_int_equal(fixture_pass(S), 0);
	assert_int_equal(fixture_state(0), GW_STATE_NORMAL);
	assert_int_equal(fixture_feed(2 * S, 0, 60), 1);
	assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
}

/* ---- floods and chatter ---- */

#define MANY 11

static void add_flood(void)
{
	static const char *const names[MANY] = {"red0", "red1", "red2", "red3", "red4",
		"red5", "red6", "red7", "red8", "red9", "red10"};
	struct gw_alarm_opts *a;

	for (int i = 0; i < MANY; i++)
		fixture_when(fixture_alarm(names[i], 2, &gw_condition_above))->limit = 50 +
			i;
	a = fixture_alarm("flood", -1, &gw_condition_flood);
	fixture_when(a)->limit = GW_LEVEL_BLUE;
	a->level = GW_LEVEL_YELLOW;
	a->info.class_ = GW_CLASS_FAULT;
}

static void surge(void)
{
	for (int i = 0; i < MANY; i++)
		assert_int_equal(fixture_feed(i * S, 2, 51 + i), 1);
}

static void add_low(void)
{
	struct gw_alarm_opts *a = fixture_alarm("low", 1, &gw_condition_above);

	fixture_when(a)->limit = 50;
	a->level = GW_LEVEL_BLUE;
	a->info.class_ = GW_CLASS_SUPERVISORY;
}

/* It is held back in a flood, and it comes to light that it stood before the start: those who know
 * of it are told of its end. */
static void held_in_a_flood_and_stood_before(void **unused)
{
	(void)unused;
	add_low();
	add_flood();
	fixture_start();
	surge();
	fixture_feed(20 * S, 1, 60);
	late(21 * S, remembered("s/d1/p:low", GW_STATE_ACTIVE_UNACKED));
	assert_int_equal(fixture_state(0), GW_STATE_ACTIVE_UNACKED);
	assert_int_equal(fixture_feed(22 * S, 1, 40), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
	assert_int_equal(fixture.event[0].occurrence[0], OLD);
}

/* It had returned before the start: what is held back now is told at the end of the flood. */
static void held_in_a_flood_and_had_returned(void **unused)
{
	(void)unused;
	add_low();
	add_flood();
	fixture_start();
	surge();
	fixture_feed(20 * S, 1, 60);
	late(21 * S, remembered("s/d1/p:low", GW_STATE_RETURNED_UNACKED));
	assert_int_equal(fixture_state(0), GW_STATE_ACTIVE_UNACKED);
	fixture_pass(2 * GW_FLOOD_WINDOW_NS);
	assert_int_equal(fixture.n_events, 2);
	assert_string_equal(fixture.event[1].info->name, "low");
	assert_event(1, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
}

/* A flood and a chattering of before the start are over. */
static void a_flood_and_a_chattering_end_at_a_restart(void **unused)
{
	struct gw_alarm_opts *a = fixture_alarm("chattering", -1, &gw_condition_chattering);

	(void)unused;
	a->level = GW_LEVEL_BLUE;
	a->info.class_ = GW_CLASS_FAULT;
	add_flood();
	fixture_start();
	fixture_pass(0);
	assert_int_equal(late(S, remembered("chattering", GW_STATE_ACTIVE_UNACKED)), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
	assert_int_equal(late(2 * S, remembered("flood", GW_STATE_ACTIVE_UNACKED)), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
	assert_string_equal(fixture.event[0].info->name, "flood");
}

static void add_chatterers(void)
{
	struct gw_alarm_opts *a = fixture_alarm("chattering", -1, &gw_condition_chattering);

	a->level = GW_LEVEL_BLUE;
	a->info.class_ = GW_CLASS_FAULT;
	for (int i = 0; i < 2; i++) {
		a = fixture_alarm("high", i, &gw_condition_above);
		fixture_when(a)->limit = 50;
		a->chatter_alarm = 1;
	}
}

/* Turns on and off twice and on: it chatters. The events of the last turn are in fixture.event. */
static void chatter_alarm(int64_t at_ns, uint32_t point)
{
	for (int i = 0; i < 5; i++)
		fixture_feed(at_ns + i * S, point, i % 2 ? 40 : 60);
}

/* The fault is on a shelf, out of service or held back: one more that chatters is no news. */
static void one_more_chatters_under_a_shelf(void **unused)
{
	(void)unused;
	add_chatterers();
	fixture_start();
	chatter_alarm(0, 0);
	assert_int_equal(fixture.n_events, 2);
	person(GW_COMMAND_SHELVE, 0, 5 * S);
	chatter_alarm(6 * S, 1);
	assert_int_equal(fixture.n_events, 1);
	assert_string_equal(fixture.event[0].info->name, "high");
}

static void one_more_chatters_out_of_service(void **unused)
{
	(void)unused;
	add_chatterers();
	fixture.alarms[0].out_of_service = true;
	fixture_start();
	chatter_alarm(0, 0);
	assert_int_equal(fixture.n_events, 1);
	chatter_alarm(6 * S, 1);
	assert_int_equal(fixture.n_events, 1);
	assert_string_equal(fixture.event[0].info->name, "high");
}

static void one_more_chatters_in_a_flood(void **unused)
{
	(void)unused;
	add_chatterers();
	add_flood();
	fixture_start();
	surge();
	chatter_alarm(20 * S, 0);
	chatter_alarm(26 * S, 1);
	assert_int_equal(fixture.n_events, 1);
	assert_string_equal(fixture.event[0].info->name, "high");
	fixture_pass(3 * GW_FLOOD_WINDOW_NS);
	assert_int_equal(
		fixture_state(0), GW_STATE_NORMAL); /* ended within it: only counted */
}

/* The configuration names no fault for it any more: the fault has nobody to name and ends. */
static void chattering_of_an_alarm_no_longer_configured(void **unused)
{
	(void)unused;
	add_chatterers();
	start_old();
	chatter_alarm(0, 0);
	add_chatterers();
	fixture.alarms[1].chatter_alarm = 0;
	assert_int_equal(reload(5 * S), 1);
	assert_string_equal(fixture.event[0].info->name, "chattering");
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
	assert_int_equal(fixture_pass(100 * S), 0);
}

#define IT(name) cmocka_unit_test_setup_teardown(name, fixture_setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(a_condition_that_is_another_one_begins_anew),
		IT(a_limit_that_is_a_vote_now),
		IT(a_shelved_alarm_that_was_removed_is_reported),
		IT(events_wait_for_the_same_ring_only),
		IT(a_latch_that_comes_late),
		IT(a_memory_that_cannot_be),
		IT(held_in_a_flood_and_stood_before),
		IT(held_in_a_flood_and_had_returned),
		IT(a_flood_and_a_chattering_end_at_a_restart),
		IT(one_more_chatters_under_a_shelf),
		IT(one_more_chatters_out_of_service),
		IT(one_more_chatters_in_a_flood),
		IT(chattering_of_an_alarm_no_longer_configured),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

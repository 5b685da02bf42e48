/* SPDX-License-Identifier: Apache-2.0 */
/* What holds an alarm back: `unless`, out of service; and what tells it again: re_alarm. */
#include "engine_fixture.h"

static struct gw_member gate[4];

enum { GATE, HELD };

/* An alarm on point 0 holds back one on point `point`. */
static struct gw_alarm_opts *suppressed_on(int point)
{
	struct gw_alarm_opts *a;

	fixture_alarm("gate", 0, &gw_condition_above)->when.limit = 50;
	a = fixture_alarm("held", point, &gw_condition_above);
	a->when.limit = 20;
	gate[0] = (struct gw_member){true, GATE, 0, fixture.alarm_key[GATE]};
	a->unless = gate;
	a->n_unless = 1;
	return a;
}

static void an_active_alarm_suppresses_another_until_it_ends(void **unused)
{
	(void)unused;
	suppressed_on(1);
	fixture_start();
	fixture_feed(0, 0, 60);
	assert_int_equal(fixture_feed(S, 1, 30), 0);
	assert_int_equal(fixture_state(HELD), GW_STATE_SUPPRESSED);
	assert_int_equal(fixture_feed(2 * S, 0, 40), 2);
	assert_string_equal(fixture.event[0].info->name, "gate");
	assert_string_equal(fixture.event[1].info->name, "held");
	assert_event(1, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
	assert_true(fixture.event[1].onset_ms == FIXTURE_WALL_MS + 1000);
	assert_true(fixture.event[1].wall_ms == FIXTURE_WALL_MS + 2000);
	assert_int_equal(fixture_state(HELD), GW_STATE_ACTIVE_UNACKED);
}

static void on_one_point_the_suppressing_alarm_is_first(void **unused)
{
	(void)unused;
	suppressed_on(0);
	fixture_start();
	assert_int_equal(fixture_feed(0, 0, 60), 1);
	assert_string_equal(fixture.event[0].info->name, "gate");
	assert_int_equal(fixture_state(HELD), GW_STATE_SUPPRESSED);
	assert_int_equal(fixture_feed(S, 0, 10), 1); /* both are over at once */
	assert_int_equal(fixture_pass(S), 0);
	assert_int_equal(fixture_state(HELD), GW_STATE_NORMAL);
	fixture_feed(2 * S, 0, 60);
	assert_int_equal(fixture_feed(3 * S, 0, 30), 2); /* one only */
	assert_event(1, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
}

/* Ended and begun again before anybody looked. */
static void a_release_may_be_taken_back(void **unused)
{
	const struct gw_sample samples[] = {
		{.point = 0,
			.quality = GW_QUALITY_GOOD,
			.mono_ns = FIXTURE_START_NS,
			.value = 60},
		{.point = 1,
			.quality = GW_QUALITY_GOOD,
			.mono_ns = FIXTURE_START_NS,
			.value = 30},
		{.point = 0,
			.quality = GW_QUALITY_GOOD,
			.mono_ns = FIXTURE_START_NS,
			.value = 40},
		{.point = 0,
			.quality = GW_QUALITY_GOOD,
			.mono_ns = FIXTURE_START_NS,
			.value = 60},
	};

	(void)unused;
	suppressed_on(1);
	fixture_start();
	gw_engine_ingest(fixture.engine, samples, 4, fixture_time(0));
	assert_int_equal(fixture_pass(0), 3);
	assert_int_equal(fixture_state(HELD), GW_STATE_SUPPRESSED);
}

static void an_emitted_raise_is_not_taken_back(void **unused)
{
	(void)unused;
	suppressed_on(1);
	fixture_start();
	assert_int_equal(fixture_feed(0, 1, 30), 1);
	assert_int_equal(fixture_feed(S, 0, 60), 1);
	assert_int_equal(fixture_state(HELD), GW_STATE_SUPPRESSED);
	assert_int_equal(fixture_feed(2 * S, 1, 10), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
}

static void a_delay_of_the_gate_counts(void **unused)
{
	(void)unused;
	suppressed_on(1);
	fixture.alarms[GATE].on_delay_ns = 5 * S;
	fixture_start();
	fixture_feed(0, 0, 60);
	assert_int_equal(fixture_feed(S, 1, 30), 1); /* the gate is not active yet */
	assert_string_equal(fixture.event[0].info->name, "held");
}

#define PATIENCE (5 * S)

/* Contacts on points 2 and 3 hold back an alarm on point 1, which is true since 1 s. */
static struct gw_alarm_opts *suppressed_by_contacts(void)
{
	struct gw_alarm_opts *a = fixture_alarm("held", 1, &gw_condition_above);

	a->when.limit = 20;
	gate[0] = (struct gw_member){false, 2, 0, fixture.point_key[2]};
	gate[1] = (struct gw_member){false, 3, 1, fixture.point_key[3]};
	a->unless = gate;
	a->n_unless = 2;
	a->unless_stale_ns = PATIENCE;
	fixture_start();
	fixture_feed(0, 2, 1);
	fixture_feed(0, 3, 1);
	assert_int_equal(fixture_feed(S, 1, 30), 0);
	return a;
}

static size_t dies(int64_t at_ns, uint32_t point)
{
	return fixture_feed_quality(at_ns, point, 0, GW_QUALITY_BAD_TIMEOUT);
}

static void assert_raised_unread(void)
{
	assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
	assert_string_equal(fixture.event[0].note, "what held it back cannot be read");
	assert_true(fixture.event[0].onset_ms == FIXTURE_WALL_MS + 1000);
}

static void a_contact_suppresses_as_well(void **unused)
{
	(void)unused;
	suppressed_by_contacts();
	assert_int_equal(fixture_feed(2 * S, 2, 0), 0); /* the other still does */
	assert_int_equal(fixture_feed(4 * S, 3, 0), 1);
	assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
	assert_string_equal(fixture.event[0].note, "");
	assert_int_equal(fixture_feed(5 * S, 1, 10), 1);
	fixture_feed(6 * S, 3, 1); /* heard again after it was quiet for a while */
	assert_int_equal(fixture_feed(7 * S, 1, 30), 0);
}

static void a_dead_contact_suppresses_nothing(void **unused)
{
	(void)unused;
	suppressed_by_contacts();
	assert_int_equal(dies(2 * S, 2), 0);
	assert_int_equal(fixture_pass(100 * S), 0); /* the other still does */
	assert_int_equal(dies(100 * S, 3), 0);
	assert_int_equal(dies(101 * S, 3), 0); /* no longer, however often it says so */
	assert_int_equal(fixture_pass(105 * S - 1), 0);
	assert_int_equal(fixture_state(0), GW_STATE_SUPPRESSED);
	assert_int_equal(fixture_pass(105 * S), 1);
	assert_raised_unread();
}

static void one_missing_answer_ends_no_suppression(void **unused)
{
	(void)unused;
	suppressed_by_contacts();
	fixture_feed(2 * S, 2, 0);
	assert_int_equal(dies(3 * S, 3), 0);
	assert_int_equal(fixture_feed(4 * S, 3, 1), 0); /* as it was: no news but this */
	assert_int_equal(fixture_pass(20 * S), 0);
	assert_int_equal(dies(20 * S, 3), 0);
	assert_int_equal(fixture_feed(24 * S, 2, 0), 0); /* nor does this give it longer */
	assert_int_equal(fixture_pass(25 * S - 1), 0);
	assert_int_equal(fixture_pass(25 * S), 1);
	assert_raised_unread();
}

static void a_recovered_contact_suppresses_again(void **unused)
{
	(void)unused;
	suppressed_by_contacts();
	fixture_feed(2 * S, 2, 0);
	dies(3 * S, 3);
	assert_int_equal(fixture_pass(10 * S), 1);
	assert_int_equal(fixture_feed(11 * S, 3, 1), 0); /* it takes nothing back */
	assert_int_equal(fixture_feed(12 * S, 1, 10), 1);
	assert_int_equal(fixture_feed(13 * S, 1, 30), 0);
	assert_int_equal(fixture_state(0), GW_STATE_SUPPRESSED);
}

static void an_uncertain_contact_was_read(void **unused)
{
	(void)unused;
	suppressed_by_contacts();
	fixture_feed_quality(2 * S, 3, 1, GW_QUALITY_UNCERTAIN);
	fixture_feed(3 * S, 2, 0);
	assert_int_equal(fixture_pass(100 * S), 0);
	assert_int_equal(fixture_state(0), GW_STATE_SUPPRESSED);
}

static void a_contact_of_a_silent_device_suppresses_nothing(void **unused)
{
	(void)unused;
	fixture_alarm("silent", 3, &gw_condition_silent)->when.window_ns = 30 * S;
	fixture.alarms[0].level = GW_LEVEL_BLUE;
	suppressed_by_contacts();
	fixture_feed(2 * S, 2, 0);
	assert_int_equal(fixture_pass(30 * S), 1);
	assert_string_equal(fixture.event[0].info->name, "silent");
	assert_int_equal(fixture_pass(35 * S), 1);
	assert_raised_unread();
}

static void an_alarm_with_a_dead_input_suppresses_nothing(void **unused)
{
	(void)unused;
	suppressed_on(1)->unless_stale_ns = PATIENCE;
	fixture_start();
	fixture_feed(0, 0, 60);
	assert_int_equal(fixture_feed(S, 1, 30), 0);
	assert_int_equal(dies(2 * S, 0), 0);
	assert_int_equal(
		fixture_state(GATE), GW_STATE_ACTIVE_UNACKED); /* itself it stays */
	assert_int_equal(fixture_pass(7 * S - 1), 0);
	assert_int_equal(fixture_pass(7 * S), 1);
	assert_raised_unread();
	assert_int_equal(fixture_feed(8 * S, 0, 60), 0);
	assert_int_equal(fixture_feed(9 * S, 1, 10), 1);
	assert_int_equal(fixture_feed(10 * S, 1, 30), 0); /* it can be read again */
}

static void a_silent_alarm_suppresses_while_it_stands(void **unused)
{
	struct gw_alarm_opts *a;

	(void)unused;
	fixture_alarm("silent", 0, &gw_condition_silent)->when.window_ns = 10 * S;
	a = fixture_alarm("held", 1, &gw_condition_above);
	a->when.limit = 20;
	gate[0] = (struct gw_member){true, GATE, 0, fixture.alarm_key[GATE]};
	a->unless = gate;
	a->n_unless = 1;
	fixture_start();
	fixture_feed(0, 0, 1);
	dies(S, 0);
	assert_int_equal(fixture_pass(10 * S), 1);
	assert_int_equal(fixture_feed(11 * S, 1, 30), 0);
	dies(12 * S, 0);
	assert_int_equal(fixture_pass(100 * S), 0);
	assert_int_equal(fixture_state(HELD), GW_STATE_SUPPRESSED);
}

static void an_unreadable_alarm_suppresses_while_it_stands(void **unused)
{
	struct gw_alarm_opts *a = fixture_alarm("unreadable", 0, &gw_condition_unreadable);

	(void)unused;
	a->when.window_ns = 10 * S;
	a->when.is = true;
	a = fixture_alarm("held", 2, &gw_condition_above);
	a->when.limit = 20;
	gate[0] = (struct gw_member){true, GATE, 0, fixture.alarm_key[GATE]};
	a->unless = gate;
	a->n_unless = 1;
	a = fixture_alarm(
		"silent", 0, &gw_condition_silent); /* of a device with another point */
	a->when.window_ns = 10 * S;
	a->n_points = 2;
	fixture_start();
	fixture_feed(0, 0, 1);
	for (int i = 1; i < 12; i++) {
		fixture_feed(i * S, 1, 1);
		dies(i * S, 0);
	}
	assert_int_equal(fixture_state(GATE), GW_STATE_ACTIVE_UNACKED);
	assert_int_equal(fixture_feed(12 * S, 2, 30), 0);
	dies(13 * S, 0);
	assert_int_equal(fixture_pass(14 * S), 0);
	assert_int_equal(fixture_state(HELD), GW_STATE_SUPPRESSED);
}

/* A vote with enough votes that were read holds; one that lives on a dead one does not. */
static void a_vote_suppresses_with_readable_members(void **unused)
{
	static const struct gw_member of[] = {
		{false, 2, 0, "s/d2/p"}, {false, 3, 1, "s/d3/p"}, {false, 4, 1, "s/d4/p"}};
	struct gw_alarm_opts *a;

	(void)unused;
	a = fixture_alarm("zone", -1, &gw_condition_at_least);
	a->when.at_least = 1;
	a->when.members = of;
	a->when.n_members = 3;
	a = fixture_alarm("held", 1, &gw_condition_above);
	a->when.limit = 20;
	gate[0] = (struct gw_member){true, GATE, 0, fixture.alarm_key[GATE]};
	a->unless = gate;
	a->n_unless = 1;
	a->unless_stale_ns = PATIENCE;
	fixture_start();
	fixture_feed(0, 2, 1);
	fixture_feed(0, 3, 1);
	assert_int_equal(fixture_feed(S, 1, 30), 0);
	assert_int_equal(dies(2 * S, 2), 0);
	assert_int_equal(fixture_pass(50 * S), 0);
	assert_int_equal(dies(50 * S, 3), 0);
	assert_int_equal(fixture_feed(52 * S, 2, 1), 0);
	assert_int_equal(fixture_pass(80 * S), 0);
	assert_int_equal(dies(80 * S, 2), 0);
	assert_int_equal(fixture_pass(85 * S), 1);
	assert_raised_unread();
}

static void two_dead_votes_of_one_device_and_a_living_one(void **unused)
{
	static const struct gw_member of[] = {
		{false, 2, 0, "s/d2/p"}, {false, 3, 0, "s/d3/p"}, {false, 4, 1, "s/d4/p"}};
	struct gw_alarm_opts *a;

	(void)unused;
	a = fixture_alarm("zone", -1, &gw_condition_at_least);
	a->when.at_least = 2;
	a->when.members = of;
	a->when.n_members = 3;
	a = fixture_alarm("held", 1, &gw_condition_above);
	a->when.limit = 20;
	gate[0] = (struct gw_member){true, GATE, 0, fixture.alarm_key[GATE]};
	a->unless = gate;
	a->n_unless = 1;
	fixture_start();
	fixture_feed(0, 2, 1);
	fixture_feed(0, 3, 1);
	fixture_feed(0, 4, 1);
	assert_int_equal(fixture_feed(S, 1, 30), 0);
	assert_int_equal(dies(2 * S, 4), 1); /* the other two count as one */
	assert_raised_unread();
}

static void a_vote_may_be_suppressed(void **unused)
{
	static const struct gw_member of[] = {
		{false, 1, 0, "s/d1/p"}, {false, 2, 1, "s/d2/p"}};
	struct gw_alarm_opts *a;

	(void)unused;
	fixture_alarm("gate", 0, &gw_condition_above)->when.limit = 50;
	a = fixture_alarm("zone", -1, &gw_condition_at_least);
	a->when.at_least = 2;
	a->when.members = of;
	a->when.n_members = 2;
	gate[0] = (struct gw_member){true, GATE, 0, fixture.alarm_key[GATE]};
	a->unless = gate;
	a->n_unless = 1;
	fixture_start();
	fixture_feed(0, 0, 60);
	fixture_feed(S, 1, 1);
	assert_int_equal(fixture_feed(S, 2, 1), 0);
	assert_int_equal(fixture_state(1), GW_STATE_SUPPRESSED);
	assert_int_equal(fixture_feed(2 * S, 0, 40), 2);
	assert_int_equal(fixture.event[1].n_confirmed_by, 2);
}

static void reload(int64_t at_ns)
{
	struct gw_engine *next = fixture_engine();

	gw_engine_adopt(next, fixture.engine, fixture_time(at_ns), NULL, NULL);
	gw_engine_free(fixture.engine);
	fixture.engine = next;
	fixture_pass(at_ns);
}

static void suppression_holds_from_the_first_step(void **unused)
{
	const struct gw_alarm_record memory = {.key = fixture.alarm_key[GATE],
		.state = GW_STATE_ACTIVE_UNACKED,
		.underlying = GW_STATE_ACTIVE_UNACKED,
		.level = GW_LEVEL_RED};

	(void)unused;
	suppressed_on(1)->unless_stale_ns = PATIENCE;
	fixture_start();
	assert_true(gw_engine_restore(fixture.engine, &memory, fixture_time(0)));
	assert_int_equal(fixture_feed(0, 1, 30), 0);
	assert_int_equal(fixture_state(HELD), GW_STATE_SUPPRESSED);
	fixture.alarms[HELD].n_unless = 0; /* and a reload lets go what it no longer says */
	reload(S);
	assert_int_equal(fixture.n_events, 1);
	assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
}

static void what_stood_before_a_restart_suppresses_until_read(void **unused)
{
	const struct gw_alarm_record memory = {.key = fixture.alarm_key[GATE],
		.state = GW_STATE_ACTIVE_UNACKED,
		.underlying = GW_STATE_ACTIVE_UNACKED,
		.level = GW_LEVEL_RED};

	(void)unused;
	suppressed_on(1)->unless_stale_ns = PATIENCE;
	fixture_start();
	assert_true(gw_engine_restore(fixture.engine, &memory, fixture_time(0)));
	assert_int_equal(fixture_feed(S, 1, 30), 0);
	reload(2 * S); /* waits on */
	assert_int_equal(fixture_feed(3 * S, 0, 60), 0);
	assert_int_equal(fixture_pass(60 * S), 0);
	dies(60 * S, 0);
	reload(62 * S);
	assert_int_equal(fixture.n_events, 0);
	assert_int_equal(fixture_pass(65 * S), 1);
	assert_raised_unread();
	gw_engine_free(fixture.engine);
	fixture_start();
	assert_true(gw_engine_restore(fixture.engine, &memory, fixture_time(100 * S)));
	assert_int_equal(fixture_feed(101 * S, 1, 30), 0); /* nobody reads the gate */
	assert_int_equal(fixture_pass(106 * S - 1), 0);
	assert_int_equal(fixture_pass(106 * S), 1);
	assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
}

static void out_of_service_is_silent_and_says_so(void **unused)
{
	struct gw_alarm_opts *a = fixture_alarm("high", 0, &gw_condition_above);

	(void)unused;
	a->when.limit = 50;
	a->out_of_service = true;
	fixture_start();
	assert_int_equal(fixture_feed(0, 0, 60), 0);
	assert_int_equal(fixture_state(0), GW_STATE_OUT_OF_SERVICE);
	a->out_of_service = false;
	reload(S);
	assert_int_equal(fixture.n_events, 1);
	assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
	assert_true(fixture.event[0].wall_ms == FIXTURE_WALL_MS + 1000);
	assert_string_equal(fixture.event[0].note, "");
	a->out_of_service = true;
	reload(2 * S);
	assert_int_equal(fixture.n_events, 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_OUT_OF_SERVICE);
	assert_string_equal(fixture.event[0].note, "taken out of service");
	assert_int_equal(fixture_feed(3 * S, 0, 40), 0);
	assert_int_equal(fixture_feed(4 * S, 0, 60), 0);
}

static void back_in_service_it_is_raised_with_its_onset(void **unused)
{
	struct gw_alarm_opts *a = fixture_alarm("high", 0, &gw_condition_above);

	(void)unused;
	a->when.limit = 50;
	fixture_start();
	assert_int_equal(fixture_feed(S, 0, 60), 1);
	a->out_of_service = true;
	reload(2 * S);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_OUT_OF_SERVICE);
	a->out_of_service = false;
	reload(3 * S);
	assert_int_equal(fixture.n_events, 1);
	assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
	assert_true(fixture.event[0].onset_ms == FIXTURE_WALL_MS + 1000);
	assert_true(fixture.event[0].peak == 60);
}

/* ---- a shelf ---- */

static struct gw_ring commands, replies;

static void person(enum gw_alarm_command_kind kind, int64_t duration_ns)
{
	const struct gw_alarm_command c = {.kind = kind, .duration_ns = duration_ns};

	if (!commands.slots) {
		assert_int_equal(gw_ring_init(&commands, 4, sizeof c, NULL), GW_OK);
		assert_int_equal(
			gw_ring_init(&replies, 64, sizeof(struct gw_alarm_reply), NULL),
			GW_OK);
	}
	gw_engine_set_commands(fixture.engine, &commands, &replies, NULL);
	gw_ring_push(&commands, &c, 1, sizeof c);
}

/* Shelved at 1 s for a minute, and true under it since 2 s. */
static struct gw_alarm_opts *raised_on_a_shelf(void)
{
	struct gw_alarm_opts *a = fixture_alarm("high", 0, &gw_condition_above);

	a->when.limit = 50;
	fixture_start();
	person(GW_COMMAND_SHELVE, 60 * S);
	assert_int_equal(fixture_feed(S, 0, 10), 1);
	assert_int_equal(fixture_feed(2 * S, 0, 60), 0);
	return a;
}

static void assert_raised_off_the_shelf(int64_t onset_ns)
{
	assert_int_equal(fixture.n_events, 2);
	assert_event(0, GW_CHANGE_UNSHELVED, GW_STATE_NORMAL);
	assert_event(1, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
	assert_true(fixture.event[1].onset_ms == FIXTURE_WALL_MS + onset_ns / GW_NS_PER_MS);
	assert_string_equal(fixture.event[1].note, "began while it was shelved");
	assert_memory_not_equal(fixture.event[1].occurrence, (uint8_t[16]){0}, 16);
	assert_int_equal(fixture_feed(200 * S, 0, 70), 0);
}

static void what_began_on_a_shelf_is_raised_at_its_end(void **unused)
{
	(void)unused;
	raised_on_a_shelf();
	fixture_feed(3 * S, 0, 80); /* its peak */
	fixture_feed(4 * S, 0, 60);
	assert_int_equal(fixture_pass(61 * S - 1), 0);
	fixture_pass(61 * S);
	assert_true(fixture.event[1].peak == 80);
	assert_raised_off_the_shelf(2 * S);
}

static void and_when_a_person_ends_it(void **unused)
{
	(void)unused;
	raised_on_a_shelf();
	person(GW_COMMAND_UNSHELVE, 0);
	fixture_pass(10 * S);
	assert_raised_off_the_shelf(2 * S);
}

static void and_after_a_reload(void **unused)
{
	(void)unused;
	raised_on_a_shelf();
	reload(3 * S);
	assert_int_equal(fixture.n_events, 0);
	fixture_pass(61 * S);
	assert_raised_off_the_shelf(2 * S);
}

/* What the journal keeps of an event. */
static struct gw_alarm_record keep(const struct gw_event *v)
{
	struct gw_alarm_record m = {.key = v->info->key,
		.state = v->state,
		.underlying = v->underlying,
		.level = v->level,
		.onset_ms = v->onset_ms,
		.since_ms = v->wall_ms,
		.shelved_until_ms = v->shelved_until_ms,
		.value = v->value,
		.peak = v->peak,
		.seq = v->seq};

	memcpy(m.occurrence, v->occurrence, sizeof m.occurrence);
	return m;
}

static void restart(const struct gw_alarm_record *m, int64_t at_ns)
{
	gw_engine_free(fixture.engine);
	fixture_start();
	if (m)
		assert_true(gw_engine_restore(fixture.engine, m, fixture_time(at_ns)));
	fixture_pass(at_ns);
	assert_int_equal(fixture.n_events, 0);
}

static void and_after_a_restart(void **unused)
{
	struct gw_alarm_record m;

	(void)unused;
	raised_on_a_shelf();
	person(GW_COMMAND_SHELVE, 60 * S); /* shelved once more: what is known stays */
	assert_int_equal(fixture_pass(10 * S), 1);
	assert_event(0, GW_CHANGE_SHELVED, GW_STATE_SHELVED);
	m = keep(&fixture.event[0]);
	assert_int_equal(m.underlying, GW_STATE_NORMAL);
	restart(&m, 20 * S);
	assert_int_equal(fixture_feed(21 * S, 0, 60), 0);
	fixture_pass(70 * S);
	assert_raised_off_the_shelf(21 * S); /* nobody was told when it began before */
}

static void and_after_an_amendment_on_its_shelf(void **unused)
{
	(void)unused;
	fixture.synced = false;
	raised_on_a_shelf();
	person(GW_COMMAND_SHELVE, 60 * S);
	assert_int_equal(fixture_pass(10 * S), 1);
	fixture.synced = true;
	assert_int_equal(fixture_pass(11 * S), 1);
	assert_event(0, GW_CHANGE_AMENDED, GW_STATE_SHELVED);
	assert_int_equal(fixture.event[0].underlying, GW_STATE_NORMAL);
	fixture_pass(70 * S);
	assert_raised_off_the_shelf(2 * S);
}

/* Killed when the journal had the one event and not the other. */
static void and_after_a_restart_between_the_two(void **unused)
{
	(void)unused;
	raised_on_a_shelf();
	fixture_pass(61 * S);
	assert_event(0, GW_CHANGE_UNSHELVED, GW_STATE_NORMAL);
	assert_int_equal(
		fixture.event[0].underlying, GW_STATE_NORMAL); /* so it keeps nothing */
	restart(NULL, 62 * S);
	assert_int_equal(fixture_feed(63 * S, 0, 60), 1);
	assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
}

static void what_stood_before_its_shelf_is_not_raised_again(void **unused)
{
	struct gw_alarm_record m;

	(void)unused;
	fixture_alarm("high", 0, &gw_condition_above)->when.limit = 50;
	fixture_start();
	assert_int_equal(fixture_feed(0, 0, 60), 1);
	person(GW_COMMAND_SHELVE, 60 * S);
	assert_int_equal(fixture_pass(S), 1);
	m = keep(&fixture.event[0]);
	reload(2 * S);
	restart(&m, 3 * S);
	assert_int_equal(fixture_feed(4 * S, 0, 60), 0);
	assert_int_equal(fixture_pass(61 * S), 1);
	assert_event(0, GW_CHANGE_UNSHELVED, GW_STATE_ACTIVE_UNACKED);
}

/* A life that was told and ended on a shelf, whatever came after it there. */
static void the_end_of_a_shelf_names_the_life_that_ended_on_it(void **unused)
{
	uint8_t first[16];

	(void)unused;
	fixture_alarm("high", 0, &gw_condition_above)->when.limit = 50;
	for (int again = 0; again < 2; again++) {
		int64_t from_ns = again * 1000 * S;

		if (!again)
			fixture_start();
		assert_int_equal(fixture_feed(from_ns, 0, 60), 1);
		memcpy(first, fixture.event[0].occurrence, sizeof first);
		person(GW_COMMAND_ACK, 0);
		assert_int_equal(fixture_pass(from_ns + S), 1);
		person(GW_COMMAND_SHELVE, 60 * S);
		assert_int_equal(fixture_pass(from_ns + 2 * S), 1);
		assert_int_equal(fixture_feed(from_ns + 3 * S, 0, 10), 0);
		if (again)
			assert_int_equal(fixture_feed(from_ns + 4 * S, 0, 70), 0);
		assert_int_equal(fixture_pass(from_ns + 62 * S), 1 + again);
		assert_event(0, GW_CHANGE_UNSHELVED, GW_STATE_NORMAL);
		assert_memory_equal(fixture.event[0].occurrence, first, sizeof first);
		if (again) { /* a fire of its own */
			assert_event(1, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
			assert_memory_not_equal(
				fixture.event[1].occurrence, first, sizeof first);
			assert_true(fixture.event[1].occurrence[6] >> 4 == 7);
		}
		person(GW_COMMAND_SHELVE, S); /* nothing of the first is left */
		fixture_pass(from_ns + 63 * S);
		assert_memory_not_equal(fixture.event[0].occurrence, first, sizeof first);
		assert_int_equal(fixture_pass(from_ns + 64 * S), 1);
	}
}

static void what_came_and_went_on_a_shelf_has_a_name(void **unused)
{
	uint8_t name[16];

	(void)unused;
	raised_on_a_shelf();
	assert_int_equal(fixture_feed(3 * S, 0, 10), 0);
	assert_int_equal(fixture_pass(61 * S), 1);
	assert_event(0, GW_CHANGE_UNSHELVED, GW_STATE_RETURNED_UNACKED);
	assert_true(fixture.event[0].occurrence[6] >> 4 == 7);
	memcpy(name, fixture.event[0].occurrence, sizeof name);
	person(GW_COMMAND_ACK, 0);
	assert_int_equal(fixture_pass(62 * S), 1);
	assert_memory_equal(fixture.event[0].occurrence, name, sizeof name);
}

static void a_shelved_gate_still_suppresses(void **unused)
{
	(void)unused;
	suppressed_on(1);
	fixture_start();
	fixture_feed(0, 0, 60); /* the gate is true */
	fixture_feed(0, 1, 30);
	gw_engine_set_commands(fixture.engine, NULL, NULL, NULL);
	person(GW_COMMAND_SHELVE, 60 * S); /* of the gate, which holds back all the same */
	assert_int_equal(fixture_pass(S), 1);
	assert_int_equal(fixture_state(HELD), GW_STATE_SUPPRESSED);
	assert_int_equal(fixture_feed(2 * S, 0, 40), 1);
	assert_string_equal(fixture.event[0].info->name, "held");
	assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
}

static void re_alarm_keeps_the_occurrence(void **unused)
{
	struct gw_alarm_opts *a = fixture_alarm("high", 0, &gw_condition_above);
	uint8_t life[16];
	uint64_t seq;

	(void)unused;
	a->when.limit = 50;
	a->re_alarm_ns = 60 * S;
	fixture_start();
	fixture_feed(0, 0, 60);
	memcpy(life, fixture.event[0].occurrence, sizeof life);
	seq = fixture.event[0].seq;
	assert_int_equal(fixture_pass(60 * S - 1), 0);
	assert_int_equal(fixture_pass(60 * S), 1);
	assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
	assert_memory_equal(fixture.event[0].occurrence, life, sizeof life);
	assert_int_equal(fixture.event[0].seq, seq + 1);
	assert_string_equal(fixture.event[0].note, "still true: raised again");
	assert_true(fixture.event[0].onset_ms == FIXTURE_WALL_MS);
}

static void after_a_suspend_one_repeat_is_enough(void **unused)
{
	struct gw_alarm_opts *a = fixture_alarm("high", 0, &gw_condition_above);

	(void)unused;
	a->when.limit = 50;
	a->re_alarm_ns = 60 * S;
	fixture_start();
	fixture_feed(0, 0, 60);
	assert_int_equal(fixture_pass(600 * S), 1);
	assert_true(fixture.event[0].wall_ms == FIXTURE_WALL_MS + 600000);
	assert_int_equal(fixture_pass(660 * S - 1), 0);
	/* late, but none is missed: told as of its time */
	assert_int_equal(fixture_pass(720 * S - 1), 1);
	assert_true(fixture.event[0].wall_ms == FIXTURE_WALL_MS + 660000);
	/* one more is, by the nanosecond */
	assert_int_equal(fixture_pass(840 * S), 1);
	assert_true(fixture.event[0].wall_ms == FIXTURE_WALL_MS + 840000);
	assert_int_equal(fixture_pass(900 * S - 1), 0);
}

static void re_alarm_counts_from_a_restart(void **unused)
{
	struct gw_alarm_opts *a = fixture_alarm("high", 0, &gw_condition_above);
	const struct gw_alarm_record memory = {.key = fixture.alarm_key[0],
		.state = GW_STATE_ACTIVE_ACKED,
		.underlying = GW_STATE_ACTIVE_ACKED,
		.level = GW_LEVEL_RED,
		.value = 60};

	(void)unused;
	a->when.limit = 50;
	a->re_alarm_ns = 60 * S;
	fixture_start();
	assert_true(gw_engine_restore(fixture.engine, &memory, fixture_time(0)));
	assert_int_equal(fixture_feed(0, 0, 60), 0);
	assert_int_equal(fixture_pass(60 * S - 1), 0);
	assert_int_equal(fixture_pass(60 * S), 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_active_alarm_suppresses_another_until_it_ends),
		TEST(on_one_point_the_suppressing_alarm_is_first),
		TEST(a_release_may_be_taken_back),
		TEST(an_emitted_raise_is_not_taken_back),
		TEST(a_delay_of_the_gate_counts),
		TEST(a_contact_suppresses_as_well),
		TEST(a_dead_contact_suppresses_nothing),
		TEST(one_missing_answer_ends_no_suppression),
		TEST(a_recovered_contact_suppresses_again),
		TEST(an_uncertain_contact_was_read),
		TEST(a_contact_of_a_silent_device_suppresses_nothing),
		TEST(an_alarm_with_a_dead_input_suppresses_nothing),
		TEST(a_silent_alarm_suppresses_while_it_stands),
		TEST(an_unreadable_alarm_suppresses_while_it_stands),
		TEST(a_vote_suppresses_with_readable_members),
		TEST(two_dead_votes_of_one_device_and_a_living_one),
		TEST(a_vote_may_be_suppressed),
		TEST(suppression_holds_from_the_first_step),
		TEST(what_stood_before_a_restart_suppresses_until_read),
		TEST(out_of_service_is_silent_and_says_so),
		TEST(back_in_service_it_is_raised_with_its_onset),
		TEST(what_began_on_a_shelf_is_raised_at_its_end),
		TEST(and_when_a_person_ends_it),
		TEST(and_after_a_reload),
		TEST(and_after_a_restart),
		TEST(and_after_an_amendment_on_its_shelf),
		TEST(and_after_a_restart_between_the_two),
		TEST(what_stood_before_its_shelf_is_not_raised_again),
		TEST(the_end_of_a_shelf_names_the_life_that_ended_on_it),
		TEST(what_came_and_went_on_a_shelf_has_a_name),
		TEST(a_shelved_gate_still_suppresses),
		TEST(re_alarm_keeps_the_occurrence),
		TEST(after_a_suspend_one_repeat_is_enough),
		TEST(re_alarm_counts_from_a_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

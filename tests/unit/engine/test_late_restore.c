/* SPDX-License-Identifier: Apache-2.0 */
/* Records that come while the engine runs, of alarms that were not raised anew. */
#include "late_restore_fixture.h"

/* ---- no event meanwhile ---- */

static char transcript[2][64 * 1024];

static void write_down(struct gw_text *t)
{
	for (size_t i = 0; i < fixture.n_events; i++) {
		gw_event_id(t, &fixture.event[i]);
		gw_text_add(t, " ");
		gw_event_json(t, &fixture.event[i]);
		gw_text_addf(t, " under %u at %lld\n", fixture.event[i].underlying,
			(long long)fixture.event[i].boot_ns);
	}
}

/* An active alarm clears, raises again, and so on. */
static void play(struct gw_text *t)
{
	static const struct {
		int64_t at_ns;
		uint32_t point;
		double value;
	} step[] = {{3 * S, 0, 47}, {4 * S, 1, 1}, {5 * S, 2, 120}, {6 * S, 3, 5},
		{7 * S, 4, 60}, {9 * S, 0, 44}, {10 * S, 1, 0}, {11 * S, 2, 20},
		{12 * S, 3, 5}, {13 * S, 3, 6}, {14 * S, 4, 10}, {20 * S, 0, 60},
		{21 * S, 4, 60}};

	for (size_t i = 0; i < sizeof step / sizeof *step; i++) {
		fixture_feed(step[i].at_ns, step[i].point, step[i].value);
		write_down(t);
	}
	for (int64_t at_ns = 22 * S; at_ns < 200 * S; at_ns += S) {
		fixture_pass(at_ns);
		write_down(t);
	}
}

static void all_kinds(void)
{
	static const double rows[] = {50, 3600e9, 100, 600e9};
	static const struct gw_member members[] = {
		{false, 1, 1, "s/d1/p"}, {false, 6, 6, "s/d6/p"}};
	struct gw_alarm_opts *a;

	high()->off_delay_ns = 3 * S;
	fixture.alarms[0].re_alarm_ns = 30 * S;
	a = fixture_alarm("confirmed", -1, &gw_condition_at_least);
	fixture_when(a)->at_least = 1;
	fixture_when(a)->members = members;
	fixture_when(a)->n_members = 2;
	fixture_when(fixture_alarm("co", 2, &gw_condition_dose))->rows = (struct gw_table){
		.rows = 2, .columns = 2, .cells = rows};
	fixture_when(fixture_alarm("stuck", 3, &gw_condition_stuck))->window_ns = 60 * S;
	a = fixture_alarm("latched", 4, &gw_condition_above);
	fixture_when(a)->limit = 50;
	a->latch = true;
	fixture_when(fixture_alarm("silent", 5, &gw_condition_silent))->window_ns = 30 * S;
	a = fixture_alarm("shelved", 6, &gw_condition_above);
	fixture_when(a)->limit = 50;
	fixture_alarm("level", 7, &gw_condition_above)->level = GW_LEVEL_YELLOW;
}

static size_t all_records(struct gw_alarm_record *r)
{
	static const char *const keys[] = {
		"confirmed", "s/d5/p:silent", "s/d0/p:high", "s/d2/p:co", "s/d3/p:stuck"};
	size_t n = 0;

	for (; n < sizeof keys / sizeof *keys; n++)
		r[n] = stood(keys[n]);
	r[n++] = was("s/d4/p:latched", GW_STATE_LATCHED_ACKED);
	r[n] = was("s/d6/p:shelved", GW_STATE_ACTIVE_ACKED);
	r[n].state = GW_STATE_SHELVED;
	r[n++].shelved_until_ms = FIXTURE_WALL_MS + 100000;
	r[n++] = was("s/d7/p:level", GW_STATE_RETURNED_UNACKED);
	return n;
}

static void a_late_restore_gives_the_states_of_an_early_one(void **unused)
{
	struct gw_alarm_record m[LATE];
	size_t n = all_records(m);

	(void)unused;
	all_kinds();
	for (int run = 0; run < 2; run++) {
		struct gw_text t;

		gw_text_init(&t, transcript[run], sizeof transcript[run]);
		fixture_start();
		for (size_t i = 0; i < n; i++)
			if (run)
				remember(m[i]);
			else
				assert_true(gw_engine_restore(
					fixture.engine, &m[i], fixture_time(0)));
		fixture_pass(0);
		write_down(&t);
		if (run) { /* what a start emits at once is emitted when the record comes */
			restore_late(0);
			assert_int_equal(batch.n_raised_anew, 0);
			write_down(&t);
		}
		fixture_pass(2 * S);
		write_down(&t);
		play(&t);
		gw_engine_free(fixture.engine);
		fixture.engine = NULL;
	}
	assert_true(strlen(transcript[0]) > 3000);
	assert_string_equal(transcript[0], transcript[1]);
}

static void an_alarm_that_still_stands_emits_nothing(void **unused)
{
	(void)unused;
	high();
	fixture_start();
	assert_int_equal(fixture_feed(S, 0, 47), 0); /* over clear: it would have stayed */
	assert_int_equal(late_one(2 * S, stood(key)), 0);
	assert_int_equal(fixture_state(0), GW_STATE_ACTIVE_UNACKED);
	assert_int_equal(fixture_feed(3 * S, 0, 60), 0);
	assert_int_equal(fixture_feed(4 * S, 0, 40), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
	assert_old(0);
}

/* Part of the alarms was read at the start, and then all of them. */
static void a_record_that_is_known_changes_nothing(void **unused)
{
	struct gw_alarm_record m = stood(key);

	(void)unused;
	high();
	fixture_start();
	assert_true(gw_engine_restore(fixture.engine, &m, fixture_time(0)));
	fixture_pass(0);
	assert_int_equal(late_one(S, stood(key)), 0);
	assert_int_equal(fixture_state(0), GW_STATE_ACTIVE_UNACKED);
	assert_int_equal(batch.n_raised_anew, 0);
	assert_int_equal(fixture_feed(2 * S, 0, 40), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
	assert_int_equal(late_one(3 * S, stood(key)), 0);
	assert_int_equal(fixture_state(0), GW_STATE_RETURNED_UNACKED);
}

static void an_alarm_that_went_away_clears_at_once(void **unused)
{
	(void)unused;
	high();
	fixture_start();
	assert_int_equal(fixture_feed(S, 0, 40), 0);
	assert_int_equal(late_one(2 * S, stood(key)), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
	assert_old(0);
}

static void an_acknowledged_one_that_went_away_is_normal(void **unused)
{
	(void)unused;
	high();
	fixture_start();
	assert_int_equal(fixture_feed(S, 0, 40), 0);
	assert_int_equal(late_one(2 * S, was(key, GW_STATE_ACTIVE_ACKED)), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_NORMAL);
}

static void an_alarm_that_latches_is_latched(void **unused)
{
	(void)unused;
	high()->latch = true;
	fixture_start();
	assert_int_equal(fixture_feed(S, 0, 40), 0);
	assert_int_equal(late_one(2 * S, stood(key)), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_LATCHED_UNACKED);
	assert_old(0);
}

static void a_running_on_delay_is_not_begun_anew(void **unused)
{
	(void)unused;
	high()->on_delay_ns = 10 * S;
	fixture_start();
	assert_int_equal(fixture_feed(S, 0, 60), 0);
	assert_int_equal(late_one(8 * S, was(key, GW_STATE_LATCHED_ACKED)), 0);
	assert_int_equal(fixture_pass(11 * S), 1);
	assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
	assert_old(0); /* not normal in between: one occurrence */
}

static void a_late_record_stands_during_the_on_delay(void **unused)
{
	(void)unused;
	high()->on_delay_ns = 10 * S;
	fixture_start();
	assert_int_equal(fixture_feed(S, 0, 60), 0);
	assert_int_equal(late_one(2 * S, stood(key)), 0);
	assert_int_equal(fixture_pass(20 * S), 0);
	assert_int_equal(fixture_state(0), GW_STATE_ACTIVE_UNACKED);
}

static void a_clock_that_becomes_right_leaves_the_older_onset(void **unused)
{
	(void)unused;
	fixture.synced = false;
	high()->on_delay_ns = 10 * S;
	fixture_start();
	assert_int_equal(fixture_feed(S, 0, 60), 0);
	assert_int_equal(late_one(2 * S, stood(key)), 0);
	assert_int_equal(fixture_feed(3 * S, 0, 40), 1);
	fixture.synced = true;
	assert_int_equal(fixture_pass(4 * S), 1);
	assert_event(0, GW_CHANGE_AMENDED, GW_STATE_RETURNED_UNACKED);
	assert_old(0);
}

static void a_shelf_goes_on(void **unused)
{
	struct gw_alarm_record m = was(key, GW_STATE_NORMAL);

	(void)unused;
	m.state = GW_STATE_SHELVED;
	m.shelved_until_ms = FIXTURE_WALL_MS + 60000;
	memset(m.occurrence, 0, sizeof m.occurrence);
	high();
	fixture_start();
	assert_int_equal(fixture_feed(S, 0, 10), 0);
	assert_int_equal(late_one(2 * S, m), 0);
	assert_int_equal(fixture_state(0), GW_STATE_SHELVED);
	assert_int_equal(fixture_feed(3 * S, 0, 60), 0);
	assert_int_equal(fixture_pass(60 * S), 2);
	assert_event(0, GW_CHANGE_UNSHELVED, GW_STATE_NORMAL);
	assert_event(1, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
	assert_true(fixture.event[1].onset_ms == FIXTURE_WALL_MS + 3000);
}

static void a_shelf_alone_leaves_the_onset(void **unused)
{
	struct gw_alarm_record m = was(key, GW_STATE_NORMAL);

	(void)unused;
	m.state = GW_STATE_SHELVED;
	m.shelved_until_ms = FIXTURE_WALL_MS + 5000;
	m.onset_ms = 0;
	high()->on_delay_ns = 10 * S;
	fixture_start();
	assert_int_equal(fixture_feed(S, 0, 60), 0);
	assert_int_equal(late_one(2 * S, m), 0);
	assert_int_equal(fixture_pass(5 * S), 1);
	assert_event(0, GW_CHANGE_UNSHELVED, GW_STATE_NORMAL);
	assert_int_equal(fixture_pass(11 * S), 1);
	assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
	assert_true(fixture.event[0].onset_ms == FIXTURE_WALL_MS + 1000);
}

static void a_late_record_of_an_alarm_out_of_service_clears(void **unused)
{
	(void)unused;
	high()->out_of_service = true;
	fixture_start();
	assert_int_equal(fixture_feed(S, 0, 60), 0);
	assert_int_equal(late_one(2 * S, stood(key)), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_OUT_OF_SERVICE);
	assert_old(0);
}

static void a_late_record_that_stands_suppresses_others(void **unused)
{
	static const struct gw_member hold[] = {{true, 0, 0, key}};
	struct gw_alarm_opts *a;

	(void)unused;
	high();
	a = fixture_alarm("held", 1, &gw_condition_above);
	fixture_when(a)->limit = 50;
	a->unless = hold;
	a->n_unless = 1;
	fixture_start();
	fixture_feed(S, 0, 47);
	assert_int_equal(late_one(2 * S, stood(key)), 0);
	assert_int_equal(fixture_feed(3 * S, 1, 60), 0);
	assert_int_equal(fixture_state(1), GW_STATE_SUPPRESSED);
}

static void a_vote_counts_what_stands(void **unused)
{
	static const struct gw_member members[] = {{true, 0, 0, key}, {true, 1, 1, "k"}};
	struct gw_alarm_opts *a;

	(void)unused;
	high();
	fixture_when(fixture_alarm("high", 1, &gw_condition_above))->limit = 50;
	a = fixture_alarm("confirmed", -1, &gw_condition_at_least);
	fixture_when(a)->at_least = 2;
	fixture_when(a)->members = members;
	fixture_when(a)->n_members = 2;
	fixture_start();
	assert_int_equal(fixture_feed(S, 0, 47), 0);
	assert_int_equal(fixture_feed(S, 1, 60), 1);
	assert_int_equal(late_one(2 * S, stood(key)), 1);
	assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
	assert_string_equal(fixture.event[0].info->key, "confirmed");
}

static void a_vote_does_not_count_what_went_away(void **unused)
{
	static const struct gw_member members[] = {{true, 0, 0, key}};
	struct gw_alarm_opts *a;

	(void)unused;
	high();
	a = fixture_alarm("confirmed", -1, &gw_condition_at_least);
	fixture_when(a)->at_least = 1;
	fixture_when(a)->members = members;
	fixture_when(a)->n_members = 1;
	fixture_start();
	assert_int_equal(fixture_feed(S, 0, 40), 0);
	remember(was("confirmed", GW_STATE_RETURNED_UNACKED)); /* before its member */
	remember(stood(key));
	assert_int_equal(restore_late(2 * S), 1);
	assert_string_equal(fixture.event[0].info->key, key);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
}

static void a_value_that_has_not_moved_is_still_stuck(void **unused)
{
	(void)unused;
	fixture_when(fixture_alarm("stuck", 0, &gw_condition_stuck))->window_ns = 60 * S;
	fixture_start();
	fixture_feed(S, 0, 5);
	fixture_feed(2 * S, 0, 5);
	assert_int_equal(late_one(3 * S, stood("s/d0/p:stuck")), 0);
	assert_int_equal(fixture_feed(4 * S, 0, 5), 0);
	assert_int_equal(fixture_state(0), GW_STATE_ACTIVE_UNACKED);
	assert_int_equal(fixture_feed(5 * S, 0, 6), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
}

static void a_value_that_has_moved_is_stuck_no_more(void **unused)
{
	(void)unused;
	fixture_when(fixture_alarm("stuck", 0, &gw_condition_stuck))->window_ns = 60 * S;
	fixture_start();
	fixture_feed(S, 0, 5);
	fixture_feed(2 * S, 0, 6);
	fixture_feed(3 * S, 0, 6);
	fixture_pass(3 * S);
	late_one(4 * S, stood("s/d0/p:stuck"));
	assert_int_equal(fixture_feed(5 * S, 0, 6), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
}

static void a_dose_that_is_over_stands(void **unused)
{
	static const double rows[] = {50, 3600e9, 100, 600e9};

	(void)unused;
	fixture_when(fixture_alarm("co", 0, &gw_condition_dose))->rows = (struct gw_table){
		.rows = 2, .columns = 2, .cells = rows};
	fixture_start();
	for (int i = 1; i < 10; i++)
		assert_int_equal(fixture_feed(i * S, 0, 120), 0);
	assert_int_equal(late_one(10 * S, stood("s/d0/p:co")), 0);
	for (int i = 11; i < 100; i++)
		assert_int_equal(fixture_feed(i * S, 0, 120), 0);
	assert_int_equal(fixture_state(0), GW_STATE_ACTIVE_UNACKED);
}

static void silent_and_not_read_since_stays(void **unused)
{
	(void)unused;
	fixture_when(fixture_alarm("silent", 0, &gw_condition_silent))->window_ns = 30 * S;
	fixture_start();
	fixture_pass(0);
	assert_int_equal(late_one(2 * S, stood("s/d0/p:silent")), 0);
	assert_int_equal(fixture_pass(60 * S), 0);
	assert_int_equal(fixture_state(0), GW_STATE_ACTIVE_UNACKED);
	assert_int_equal(fixture_feed(61 * S, 0, 1), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
}

static void silent_and_read_since_clears(void **unused)
{
	(void)unused;
	fixture_when(fixture_alarm("silent", 0, &gw_condition_silent))->window_ns = 30 * S;
	fixture_start();
	fixture_feed(S, 0, 1);
	assert_int_equal(late_one(2 * S, stood("s/d0/p:silent")), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
	assert_old(0);
}

static void an_unknown_alarm_is_cleared(void **unused)
{
	(void)unused;
	high();
	fixture_start();
	assert_int_equal(fixture_feed(S, 0, 47), 0);
	remember(stood(gone.key));
	remember(stood(key));
	assert_int_equal(restore_late(2 * S), 1);
	assert_int_equal(batch.n_unconfigured, 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_NORMAL);
	assert_string_equal(fixture.event[0].info->key, gone.key);
	assert_string_equal(fixture.event[0].note, "no longer configured");
	assert_int_equal(fixture_state(0), GW_STATE_ACTIVE_UNACKED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_late_restore_gives_the_states_of_an_early_one),
		TEST(an_alarm_that_still_stands_emits_nothing),
		TEST(a_record_that_is_known_changes_nothing),
		TEST(an_alarm_that_went_away_clears_at_once),
		TEST(an_acknowledged_one_that_went_away_is_normal),
		TEST(an_alarm_that_latches_is_latched),
		TEST(a_running_on_delay_is_not_begun_anew),
		TEST(a_late_record_stands_during_the_on_delay),
		TEST(a_clock_that_becomes_right_leaves_the_older_onset),
		TEST(a_shelf_goes_on),
		TEST(a_shelf_alone_leaves_the_onset),
		TEST(a_late_record_of_an_alarm_out_of_service_clears),
		TEST(a_late_record_that_stands_suppresses_others),
		TEST(a_vote_counts_what_stands),
		TEST(a_vote_does_not_count_what_went_away),
		TEST(a_value_that_has_not_moved_is_still_stuck),
		TEST(a_value_that_has_moved_is_stuck_no_more),
		TEST(a_dose_that_is_over_stands),
		TEST(silent_and_not_read_since_stays),
		TEST(silent_and_read_since_clears),
		TEST(an_unknown_alarm_is_cleared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

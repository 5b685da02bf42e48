/* SPDX-License-Identifier: Apache-2.0 */
/* The engine: rings, order, ids, commands, restart, reload. */
#include "engine/engine_internal.h"
#include "engine_fixture.h"

static void a_condition_true_at_start_raises(void **unused)
{
	(void)unused;
	fixture_when(fixture_alarm("smoke", 0, &gw_condition_is))->is = true;
	fixture_start();
	assert_int_equal(fixture_pass(0), 0);
	assert_int_equal(fixture_feed(S, 0, 1), 1);
	assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
}

static struct gw_member members[4];

static struct gw_alarm_opts *vote(int64_t n, size_t of, int64_t within_ns)
{
	struct gw_alarm_opts *a = fixture_alarm("confirmed", -1, &gw_condition_at_least);

	fixture_when(a)->at_least = n;
	fixture_when(a)->window_ns = within_ns;
	fixture_when(a)->members = members;
	fixture_when(a)->n_members = of;
	return a;
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
	fixture_when(fixture_alarm("high", 0, &gw_condition_above))->limit = 50;
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
		fixture_feed(65 * S, 0, 7), 0); /* in the quiet band: not evaluated */
	gw_ring_push(&commands, &c, 1, sizeof c);
	assert_int_equal(fixture_pass(66 * S), 1);
	assert_true(fixture.event[0].value == 7); /* the event has the present value */
	c.alarm = 99;
	gw_ring_push(&commands, &c, 1, sizeof c);
	fixture_pass(67 * S);
	while (gw_ring_pop(&replies, &r, 1, sizeof r))
		;
	assert_int_equal(r.done, 0);
	gw_ring_fini(&commands);
	gw_ring_fini(&replies);
}

static void still_true_after_a_restart_does_not_raise_again(void **unused)
{
	struct gw_alarm_record m;

	(void)unused;
	fixture_when(fixture_alarm("high", 0, &gw_condition_above))->limit = 50;
	fixture_start();
	m = fixture_standing(0);
	assert_true(gw_engine_restore(fixture.engine, &m, fixture_time(0)));
	assert_int_equal(fixture_state(0), GW_STATE_ACTIVE_ACKED);
	assert_int_equal(fixture_feed(S, 0, 70), 0);
	assert_int_equal(fixture_feed(2 * S, 0, 40), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_NORMAL);
	assert_int_equal(fixture.event[0].occurrence[1], 2);
	assert_true(fixture.event[0].peak == 80);
	assert_int_equal(fixture.event[0].onset_ms, FIXTURE_WALL_MS - 5000);
}

static void a_condition_that_ended_while_down_clears_with_the_first_sample(void **unused)
{
	struct gw_alarm_record m;

	(void)unused;
	fixture_when(fixture_alarm("high", 0, &gw_condition_above))->limit = 50;
	fixture_start();
	m = fixture_standing(0);
	gw_engine_restore(fixture.engine, &m, fixture_time(0));
	assert_int_equal(fixture_feed(S, 0, 10), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_NORMAL);
}

/* Whatever was moved about in the queue before. */
static void timers_of_one_time_run_in_the_order_of_the_alarms(void **unused)
{
	(void)unused;
	for (int i = 0; i < FIXTURE_POINTS; i++)
		fixture_when(fixture_alarm("silent", i, &gw_condition_silent))->window_ns =
			10 * S;
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

static void a_record_of_no_configured_alarm_is_cleared(void **unused)
{
	struct gw_alarm_record m;
	struct gw_alarm_info info;

	(void)unused;
	fixture_when(fixture_alarm("high", 0, &gw_condition_above))->limit = 50;
	fixture_start();
	m = fixture_standing(0);
	info = fixture.alarms[0].info;
	m.key = "gone";
	assert_false(gw_engine_restore(fixture.engine, &m, fixture_time(0)));
	gw_engine_clear_unconfigured(fixture.engine, &m, &info, fixture_time(0));
	assert_int_equal(fixture_pass(0), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_NORMAL);
	assert_int_equal(fixture.event[0].seq, 101);
}

static unsigned unconfigured;

static void count_unconfigured(
	void *arg, const struct gw_alarm_record *record, const struct gw_alarm_info *info)
{
	(void)arg, (void)record, (void)info;
	unconfigured++;
}

static void a_reload_keeps_state_delay_and_values(void **unused)
{
	struct gw_alarm_opts *low;
	struct gw_engine *next;
	struct gw_point_view v;

	(void)unused;
	fixture_when(fixture_alarm("high", 0, &gw_condition_above))->limit = 50;
	low = fixture_alarm("low", 1, &gw_condition_below);
	fixture_when(low)->limit = 5;
	low->on_delay_ns = 10 * S;
	fixture_start();
	fixture_feed(S, 0, 60);
	fixture_feed(2 * S, 1, 1);
	unconfigured = 0;
	next = fixture_engine();
	assert_int_equal(gw_engine_adopt(next, fixture.engine, fixture_time(3 * S),
				 count_unconfigured, NULL),
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
	fixture_when(fixture_alarm("high", 0, &gw_condition_above))->limit = 50;
	fixture_start();
	fixture_feed(S, 0, 60);
	fixture.n_alarms = 0;
	unconfigured = 0;
	next = fixture_engine();
	assert_int_equal(gw_engine_adopt(next, fixture.engine, fixture_time(3 * S),
				 count_unconfigured, NULL),
		1);
	assert_int_equal(unconfigured, 1);
	gw_engine_free(fixture.engine);
	fixture.engine = next;
}

static void an_unsynced_alarm_is_dated_anew_once_the_clock_is_right(void **unused)
{
	struct gw_time later;

	(void)unused;
	fixture_when(fixture_alarm("high", 0, &gw_condition_above))->limit = 50;
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
	later.boot_ns += S;
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
	fixture_when(fixture_alarm("high", 0, &gw_condition_above))->limit = 50;
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

static void a_ring_is_drained_and_an_unknown_point_counted(void **unused)
{
	struct gw_ring in;
	struct gw_sample s = {
		.quality = GW_QUALITY_GOOD, .boot_ns = FIXTURE_START_NS, .value = 60};

	(void)unused;
	assert_int_equal(gw_ring_init(&in, 16, sizeof s, NULL), GW_OK);
	fixture_when(fixture_alarm("high", 3, &gw_condition_above))->limit = 50;
	fixture_start();
	assert_int_equal(gw_engine_add_input(fixture.engine, &in, 3, 2, NULL), GW_OK);
	assert_int_equal(gw_engine_add_input(fixture.engine, &in, 3, 2, NULL), GW_ERR_FULL);
	gw_ring_push(&in, &s, 1, sizeof s); /* point 0 of this source is p3 */
	s.point = 2;
	gw_ring_push(&in, &s, 1, sizeof s);
	assert_int_equal(fixture_pass(S), 1);
	assert_int_equal(fixture.engine->unknown_samples, 1);
	assert_int_equal(gw_ring_processed(&in), 2);
	assert_int_equal(gw_engine_last_seq(fixture.engine), 101);
	gw_ring_fini(&in);
}

/* What came in time to take a timer back does so, wherever in the ring it lies. */
static void a_step_reads_past_the_wrap_of_a_ring(void **unused)
{
	struct gw_ring in;
	struct gw_sample s[] = {
		{.quality = GW_QUALITY_GOOD, .boot_ns = FIXTURE_START_NS, .value = 60},
		{.quality = GW_QUALITY_GOOD,
			.boot_ns = FIXTURE_START_NS + S / 2,
			.value = 40}};
	const struct gw_sample quiet_band = {
		.quality = GW_QUALITY_GOOD, .boot_ns = FIXTURE_START_NS, .value = 40};
	struct gw_alarm_opts *a;

	(void)unused;
	assert_int_equal(gw_ring_init(&in, 4, sizeof s[0], NULL), GW_OK);
	a = fixture_alarm("high", 0, &gw_condition_above);
	fixture_when(a)->limit = 50;
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
		fixture_when(fixture_alarm("high", 0, &gw_condition_above))->limit = 50;
		fixture_when(fixture_alarm("silent", 1, &gw_condition_silent))->window_ns =
			3 * S;
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

/* ---- what is evaluated ---- */

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
		&eager); /* evaluated for every sample, but not for those of another point */
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
	fixture_when(fixture_alarm("x", 0, &eager))->limit = 1;
	fixture_start();
	asked = 0;
	fixture_feed(0, 0, 5);
	assert_int_equal(asked, 1);
	fixture_pass(10 * GW_NS_PER_MS - 1);
	assert_int_equal(asked, 10);
	fixture_pass(10 * GW_NS_PER_MS);
	assert_int_equal(asked, 11);
}

/* Many timers, set and removed in a random order, run in the order of their times. */
static void timers_end_in_the_order_of_their_times(void **unused)
{
	uint64_t random = 42;

	(void)unused;
	for (int i = 0; i < FIXTURE_ALARMS; i++) {
		fixture_when(fixture_alarm("x", i % FIXTURE_POINTS, &gw_condition_above))
			->limit = 50 + i;
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
				.boot_ns = FIXTURE_START_NS + i};

			random = random * UINT64_C(6364136223846793005) + 1;
			s.point = (uint32_t)(random >> 61);
			s.value = random >> 60 & 1 ? 0 : 100; /* all or none of a point's */
			gw_engine_ingest(fixture.engine, &s, 1, fixture_time(i));
		}
		fixture_pass(20 * S);
		for (; n < fixture.n_events; n++) {
			assert_true(fixture.event[n].boot_ns >= last_ns);
			last_ns = fixture.event[n].boot_ns;
		}
		gw_engine_free(fixture.engine);
		fixture.engine = NULL;
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_condition_true_at_start_raises),
		TEST(commands_become_events),
		TEST(still_true_after_a_restart_does_not_raise_again),
		TEST(a_condition_that_ended_while_down_clears_with_the_first_sample),
		TEST(timers_of_one_time_run_in_the_order_of_the_alarms),
		TEST(a_record_of_no_configured_alarm_is_cleared),
		TEST(a_reload_keeps_state_delay_and_values),
		TEST(a_reload_names_standing_alarms_that_are_gone),
		TEST(an_unsynced_alarm_is_dated_anew_once_the_clock_is_right),
		TEST(a_full_output_holds_back_only_itself),
		TEST(a_ring_is_drained_and_an_unknown_point_counted),
		TEST(a_step_reads_past_the_wrap_of_a_ring),
		TEST(a_replay_yields_the_same_bytes),
		TEST(a_sample_in_the_quiet_band_evaluates_nothing),
		TEST(a_condition_that_is_always_due_waits_a_millisecond),
		TEST(timers_end_in_the_order_of_their_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

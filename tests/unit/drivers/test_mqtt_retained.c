/* SPDX-License-Identifier: Apache-2.0 */
/* A value of unknown age: which it is, and what it may do to an alarm. */
#include "drivers/mqtt_retained.h"
#include "engine/alarm.h"
#include "engine_fixture.h"

/* ---- which it is ---- */

enum { OLD_BROKER, V5, V5_LATER };

static enum gw_mqtt_age take(
	struct gw_mqtt_retained *r, int version, bool flag, uint64_t hash)
{
	bool changed;

	return gw_mqtt_retained_age(
		r, flag, version != OLD_BROKER, version == V5_LATER, hash, &changed);
}

static void the_first_is_of_unknown_age(void **unused)
{
	struct gw_mqtt_retained r = {0};

	(void)unused;
	assert_int_equal(take(&r, OLD_BROKER, true, 1), GW_MQTT_AGE_UNKNOWN);
	gw_mqtt_retained_new_link(&r);
	assert_int_equal(take(&r, OLD_BROKER, true, 1), GW_MQTT_AGE_UNKNOWN);
}

static void a_retained_message_overtaken_by_live_ones_is_old(void **unused)
{
	struct gw_mqtt_retained r = {0};

	(void)unused;
	assert_int_equal(take(&r, V5, true, 1), GW_MQTT_AGE_UNKNOWN);
	assert_int_equal(take(&r, V5_LATER, false, 2), GW_MQTT_AGE_LIVE);
	for (int i = 0; i < 3; i++) {
		gw_mqtt_retained_new_link(&r);
		assert_int_equal(take(&r, V5, true, 1), GW_MQTT_AGE_OLD);
	}
	gw_mqtt_retained_new_link(&r);
	assert_int_equal(take(&r, V5, true, 3), GW_MQTT_AGE_UNKNOWN); /* another */
}

static void before_mqtt_5_nothing_is_old(void **unused)
{
	struct gw_mqtt_retained r = {0};

	(void)unused;
	take(&r, OLD_BROKER, true, 1);
	assert_int_equal(take(&r, OLD_BROKER, false, 2), GW_MQTT_AGE_LIVE);
	gw_mqtt_retained_new_link(&r);
	assert_int_equal(take(&r, OLD_BROKER, true, 1), GW_MQTT_AGE_UNKNOWN);
}

static void a_changed_retained_message_with_no_live_one_between_is_newest(void **unused)
{
	struct gw_mqtt_retained r = {0};

	(void)unused;
	take(&r, OLD_BROKER, true, 1);
	gw_mqtt_retained_new_link(&r);
	assert_int_equal(take(&r, OLD_BROKER, true, 2), GW_MQTT_AGE_NEWEST);
	take(&r, OLD_BROKER, false, 3);
	gw_mqtt_retained_new_link(&r);
	assert_int_equal(take(&r, OLD_BROKER, true, 4), GW_MQTT_AGE_UNKNOWN);
}

/* MQTT 5 with the flag as published. */
static void live_ones_that_are_retained_are_live(void **unused)
{
	struct gw_mqtt_retained r = {0};

	(void)unused;
	take(&r, V5, true, 1);
	assert_int_equal(take(&r, V5, true, 2), GW_MQTT_AGE_LIVE);
	assert_int_equal(take(&r, V5, true, 1), GW_MQTT_AGE_LIVE);
	assert_int_equal(take(&r, V5_LATER, true, 1), GW_MQTT_AGE_LIVE);
	/* The publisher retains, so a later plain one makes nothing old. */
	take(&r, V5_LATER, false, 2);
	gw_mqtt_retained_new_link(&r);
	assert_int_equal(take(&r, V5, true, 1), GW_MQTT_AGE_UNKNOWN);
}

/* What was queued for us may have the flag, too, and comes first: a live one, the newest of them
 * equal to what is retained, which may be older than a plain one after it. */
static void a_repeat_soon_after_subscribe_is_the_retained_one(void **unused)
{
	struct gw_mqtt_retained r = {0};

	(void)unused;
	assert_int_equal(take(&r, V5, true, 1), GW_MQTT_AGE_UNKNOWN);
	assert_int_equal(take(&r, V5, false, 2), GW_MQTT_AGE_LIVE);
	assert_int_not_equal(take(&r, V5, true, 1), GW_MQTT_AGE_LIVE);
}

static void a_late_retained_message_is_known_by_its_payload(void **unused)
{
	struct gw_mqtt_retained r = {0};

	(void)unused;
	take(&r, V5, true, 1);
	gw_mqtt_retained_new_link(&r);
	assert_int_equal(take(&r, V5_LATER, true, 1), GW_MQTT_AGE_UNKNOWN);
	assert_int_equal(take(&r, V5_LATER, true, 1), GW_MQTT_AGE_LIVE);
	gw_mqtt_retained_new_link(&r);
	assert_int_equal(take(&r, V5_LATER, true, 2), GW_MQTT_AGE_LIVE);
}

/* Of another configuration, and perhaps from before a kill: then nothing is the newest. */
static void saved_retained_states_are_found_by_topic(void **unused)
{
	struct gw_mqtt_retained was[3] = {
		{.topic = 7, .payload = 1, .live_unretained = true},
		{.topic = 8, .payload = 2},
		{.topic = 9, .payload = 3, .live_retained = true}};
	unsigned char bytes[3 * GW_MQTT_RETAINED_PACKED] = {0};

	(void)unused;
	assert_int_equal(gw_mqtt_retained_pack(was, 3, bytes), sizeof(bytes));
	for (int is_final = 0; is_final < 2; is_final++) {
		struct gw_mqtt_retained is[3] = {{.topic = 8}, {.topic = 6}, {.topic = 7}};

		gw_mqtt_retained_unpack(is, 3, bytes, sizeof(bytes), is_final);
		assert_int_equal(take(&is[2], V5, true, 1), GW_MQTT_AGE_OLD);
		assert_int_equal(take(&is[1], V5, true, 3), GW_MQTT_AGE_UNKNOWN);
		assert_int_equal(take(&is[0], V5, true, 4),
			is_final ? GW_MQTT_AGE_NEWEST : GW_MQTT_AGE_UNKNOWN);
	}
}

/* ---- what it may do ---- */

static size_t retained(int64_t at_ns, uint32_t point, double value)
{
	return fixture_feed_quality(at_ns, point, value, GW_QUALITY_RETAINED);
}

static void a_retained_message_raises_and_clears_its_own_raise(void **unused)
{
	(void)unused;
	fixture_when(fixture_alarm("smoke", 0, &gw_condition_is))->is = true;
	fixture_start();
	assert_int_equal(retained(S, 0, 0), 0);
	assert_int_equal(retained(2 * S, 0, 1), 1);
	assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
	assert_string_equal(gw_quality_name(fixture.event[0].quality), "uncertain");
	assert_int_equal(retained(3 * S, 0, 0), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
	assert_int_equal(retained(4 * S, 0, 1), 1);
	assert_int_equal(fixture_feed(5 * S, 0, 0), 1);
}

static void a_retained_message_clears_nothing_that_a_sample_raised(void **unused)
{
	struct gw_alarm_opts *late = fixture_alarm("late", 1, &gw_condition_above);

	(void)unused;
	fixture_when(late)->limit = 50;
	late->on_delay_ns = 10 * S;
	fixture_when(fixture_alarm("smoke", 0, &gw_condition_is))->is = true;
	fixture_start();
	assert_int_equal(fixture_feed(S, 0, 1), 1);
	assert_int_equal(retained(2 * S, 0, 0), 0);
	assert_int_equal(fixture_feed_quality(3 * S, 0, 0, GW_QUALITY_BAD_LINK), 0);
	assert_int_equal(retained(4 * S, 0, 0), 0);
	assert_int_equal(fixture_state(1), GW_STATE_ACTIVE_UNACKED);
	/* Nor does an answer to a person make it a reading. */
	gw_alarm_run_command(fixture.engine,
		&(struct gw_alarm_command){.kind = GW_COMMAND_ACK, .alarm = 1},
		&(struct gw_time){.boot_ns = FIXTURE_START_NS + 5 * S});
	fixture_pass(5 * S);
	assert_true(fixture.event[0].value == 1);
	assert_int_equal(retained(6 * S, 0, 0), 0);
	assert_int_equal(fixture_feed(7 * S, 0, 0), 1);
	/* Nor what is still in its delay. */
	assert_int_equal(fixture_feed(10 * S, 1, 60), 0);
	assert_int_equal(retained(15 * S, 1, 10), 0);
	assert_int_equal(fixture_pass(20 * S), 1);
	assert_true(fixture.event[0].value == 60);
	/* One that repeats it does not make it a doubtful one. */
	assert_int_equal(retained(21 * S, 1, 70), 0);
	assert_int_equal(retained(22 * S, 1, 10), 0);
}

static const struct gw_alarm_record stood = {.key = "s/d0/p:smoke",
	.state = GW_STATE_ACTIVE_UNACKED,
	.underlying = GW_STATE_ACTIVE_UNACKED,
	.level = GW_LEVEL_RED};

static void a_restored_alarm_ignores_a_retained_message(void **unused)
{
	(void)unused;
	fixture_when(fixture_alarm("smoke", 0, &gw_condition_is))->is = true;
	fixture_start();
	assert_true(gw_engine_restore(fixture.engine, &stood, fixture_time(0)));
	assert_int_equal(retained(S, 0, 0), 0);
	assert_int_equal(fixture_state(0), GW_STATE_ACTIVE_UNACKED);
	assert_int_equal(fixture_feed(2 * S, 0, 0), 1);
	assert_event(0, GW_CHANGE_CLEARED, GW_STATE_RETURNED_UNACKED);
}

static void a_late_record_stands_before_a_retained_message(void **unused)
{
	struct gw_late_record memory = {.record = stood};
	struct gw_late_records batch = {.at = &memory, .n = 1};

	(void)unused;
	fixture_when(fixture_alarm("smoke", 0, &gw_condition_is))->is = true;
	fixture_start();
	assert_int_equal(retained(S, 0, 0), 0);
	assert_true(gw_engine_restore_late(fixture.engine, &batch));
	fixture_pass(2 * S);
	assert_int_equal(fixture_state(0), GW_STATE_ACTIVE_UNACKED);
	assert_int_equal(retained(3 * S, 0, 0), 0);
	assert_int_equal(fixture_feed(4 * S, 0, 0), 1);
}

static void a_device_has_not_spoken_by_it(void **unused)
{
	struct gw_alarm_opts *a = fixture_alarm("silent", 0, &gw_condition_silent);
	struct gw_point_view v;

	(void)unused;
	fixture_when(a)->window_ns = 10 * S;
	fixture_start();
	fixture_feed(S, 0, 1);
	retained(8 * S, 0, 1);
	assert_int_equal(fixture_pass(11 * S), 1);
	assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
	assert_int_equal(retained(12 * S, 0, 1), 0);
	gw_view_point(gw_engine_view(fixture.engine), 0, &v);
	assert_int_equal(v.current_ns, FIXTURE_START_NS + S);
	assert_int_equal(fixture_feed(13 * S, 0, 1), 1);
}

/* Shown, but not taken in: neither its age nor what came between is known. */
static void a_history_that_has_begun_leaves_it_out(void **unused)
{
	struct gw_alarm_opts *rate = fixture_alarm("rate", 0, &gw_condition_rises);
	struct gw_alarm_opts *stuck = fixture_alarm("stuck", 1, &gw_condition_stuck);

	(void)unused;
	fixture_when(rate)->limit = 10;
	fixture_when(rate)->window_ns = 60 * S;
	fixture_when(stuck)->window_ns = 10 * S;
	fixture_start();
	for (int64_t t = 1; t < 5; t++)
		assert_int_equal(fixture_feed(t * S, 0, 50), 0);
	for (int64_t t = 5; t < 9; t++)
		assert_int_equal(retained(t * S, 0, 20), 0);
	for (int64_t t = 9; t < 15; t++)
		assert_int_equal(fixture_feed(t * S, 0, 51), 0);
	assert_int_equal(fixture_feed(20 * S, 1, 5), 0);
	assert_int_equal(retained(28 * S, 1, 7), 0);
	assert_int_equal(fixture_feed(29 * S, 1, 7), 0);
	assert_int_equal(fixture_feed(38 * S, 1, 7), 0); /* 9 s, not 18 */
	assert_int_equal(fixture_feed(39 * S, 1, 7), 1);
}

static void a_true_retained_message_counts_in_a_vote(void **unused)
{
	static const struct gw_member of[] = {
		{false, 0, 0, "s/d0/p"}, {false, 1, 1, "s/d1/p"}};
	struct gw_alarm_opts *a = fixture_alarm("zone", -1, &gw_condition_at_least);

	(void)unused;
	fixture_when(a)->at_least = 2;
	fixture_when(a)->members = of;
	fixture_when(a)->n_members = 2;
	fixture_start();
	assert_int_equal(fixture_feed(S, 0, 1), 0);
	assert_int_equal(retained(2 * S, 1, 0), 0);
	assert_int_equal(retained(3 * S, 1, 1), 1);
	assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
	assert_int_equal(retained(4 * S, 0, 0), 0);
	assert_int_equal(retained(5 * S, 1, 0), 0);
	assert_int_equal(fixture_feed(6 * S, 0, 0), 1); /* what is shown is false already */
}

static void a_retained_message_suppresses_nothing(void **unused)
{
	static const struct gw_member gate = {false, 1, 1, "s/d1/p"};
	struct gw_alarm_opts *a = fixture_alarm("smoke", 0, &gw_condition_is);

	(void)unused;
	fixture_when(a)->is = true;
	a->unless = &gate;
	a->n_unless = 1;
	fixture_start();
	assert_int_equal(fixture_feed(S, 1, 0), 0);
	assert_int_equal(retained(2 * S, 1, 1), 0);
	assert_int_equal(fixture_feed(3 * S, 0, 1), 1);
	assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
}

/* What holds by an alarm whose point has only such a value does so again with the next reading. */
static void suppression_waits_for_a_sample(void **unused)
{
	static struct gw_member gate;
	struct gw_alarm_opts *a;

	(void)unused;
	fixture_when(fixture_alarm("gate", 1, &gw_condition_above))->limit = 50;
	a = fixture_alarm("held", 0, &gw_condition_is);
	a->unless_stale_ns = 10 * S;
	fixture_when(a)->is = true;
	gate = (struct gw_member){true, 0, 0, fixture.alarm_key[0]};
	a->unless = &gate;
	a->n_unless = 1;
	fixture_start();
	assert_int_equal(fixture_feed(S, 1, 60), 1);
	assert_int_equal(fixture_feed(2 * S, 0, 1), 0);
	assert_int_equal(retained(3 * S, 1, 60), 0);
	for (int64_t t = 4; t < 200 && fixture.n_events == 0; t++)
		fixture_pass(t * S);
	assert_int_equal(fixture.n_events, 1);
	assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
	assert_int_equal(fixture_feed(300 * S, 0, 0), 1);
	assert_int_equal(fixture_feed(301 * S, 1, 60), 0);
	assert_int_equal(fixture_feed(302 * S, 0, 1), 0); /* held again */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_is_of_unknown_age),
		cmocka_unit_test(a_retained_message_overtaken_by_live_ones_is_old),
		cmocka_unit_test(before_mqtt_5_nothing_is_old),
		cmocka_unit_test(
			a_changed_retained_message_with_no_live_one_between_is_newest),
		cmocka_unit_test(live_ones_that_are_retained_are_live),
		cmocka_unit_test(a_repeat_soon_after_subscribe_is_the_retained_one),
		cmocka_unit_test(a_late_retained_message_is_known_by_its_payload),
		cmocka_unit_test(saved_retained_states_are_found_by_topic),
#define ENGINE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)
		ENGINE(a_retained_message_raises_and_clears_its_own_raise),
		ENGINE(a_retained_message_clears_nothing_that_a_sample_raised),
		ENGINE(a_restored_alarm_ignores_a_retained_message),
		ENGINE(a_late_record_stands_before_a_retained_message),
		ENGINE(a_device_has_not_spoken_by_it),
		ENGINE(a_history_that_has_begun_leaves_it_out),
		ENGINE(a_true_retained_message_counts_in_a_vote),
		ENGINE(a_retained_message_suppresses_nothing),
		ENGINE(suppression_waits_for_a_sample),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Heartbeats, refusals and what the operator is told, step by step without the thread. */
#include "uplink_parts_fixture.h"

#include "uplink/refusal.h"

#define u (fixture.up)

static void fail_with(int status)
{
	fixture_say(GW_SINK_RETRY, status);
	gw_link_state_failed(u, &fixture.says, fixture.now_ns);
}

static void send_all(uint64_t committed)
{
	u->delivery.n_picked = gw_delivery_pick(u, committed, fixture.now_ns);
	assert_true(u->delivery.n_picked > 0);
	gw_delivery_send(u, committed);
}

static void owe(uint64_t seq, unsigned alarm)
{
	gw_outbox_advance(&u->outbox, GW_OUTBOX_END);
	fixture_owe(seq, GW_LEVEL_RED, alarm);
}

/* ---- heartbeats ---- */

static void test_heartbeats_need_an_interval_a_format_and_a_running_engine(void **state)
{
	struct gw_payload mute = gw_payload_cloudevents;
	struct gw_uplink_opts o = fixture_opts();

	(void)state;
	assert_true(gw_heartbeat_wanted(u));
	u->payload = &mute;
	mute.heartbeat = NULL;
	assert_false(gw_heartbeat_wanted(u));
	u->payload = &gw_payload_cloudevents;
	u->stop_ns = fixture.now_ns + SEC;
	assert_false(gw_heartbeat_wanted(u));
	u->stop_ns = 0;
	u->health.fill = NULL;
	assert_false(gw_heartbeat_wanted(u));
	o.heartbeat_ns = 0;
	fixture_again(&o);
	assert_false(gw_heartbeat_wanted(u));
	o = fixture_opts();
	o.url = "file:///nowhere";
	fixture_again(&o);
	assert_false(gw_heartbeat_wanted(u)); /* nobody is there to miss them */
}

/* No engine to speak for: silence, which the platform notices; and soon again. */
static void test_without_a_running_engine_no_heartbeat_is_sent(void **state)
{
	(void)state;
	fixture.nobody = true;
	gw_heartbeat_send(u);
	assert_int_equal(fixture.requests, 0);
	assert_int_equal(u->heartbeats.next_ns, fixture.now_ns + SEC);
	fixture.nobody = false;
	gw_heartbeat_send(u);
	assert_int_equal(fixture.requests, 1);
	assert_non_null(strstr(fixture.last, "\"heartbeat\":1,"));
	assert_int_equal(u->heartbeats.next_ns, fixture.now_ns + 30 * SEC);
}

/* Never half of one. */
static void test_a_heartbeat_that_does_not_fit(void **state)
{
	static char text[GW_PAYLOAD_MAX];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	fixture.site.unit = text;
	gw_heartbeat_send(u);
	assert_int_equal(fixture.requests, 0);
	assert_int_equal(u->heartbeats.next_ns, fixture.now_ns + 30 * SEC);
}

/* The last event that failed was taken elsewhere (the store marked it): an accepted heartbeat is
 * news of the platform again. */
static void test_a_heartbeat_when_nothing_is_owed_any_more(void **state)
{
	(void)state;
	u->delivery.failing = true;
	fail_with(503);
	fixture_say(GW_SINK_SENT, 200);
	gw_heartbeat_send(u);
	assert_true(u->status.up);
	assert_int_equal(u->link.failures, 0);
}

/* It lives and takes no events: not back, and no more time lost before they are tried. */
static void test_a_heartbeat_while_events_fail(void **state)
{
	(void)state;
	owe(1, 0);
	fixture_say(GW_SINK_RETRY, 503);
	send_all(1);
	assert_false(gw_retry_timer_ready(&u->delivery.retry, fixture.now_ns));
	fixture_say(GW_SINK_SENT, 200);
	gw_heartbeat_send(u);
	assert_false(u->status.up);
	assert_true(gw_retry_timer_ready(&u->delivery.retry, fixture.now_ns));
}

/* ---- events ---- */

/* A search for a witness that ends because the platform is away: nothing is parked. */
static void test_a_failure_ends_a_search(void **state)
{
	(void)state;
	owe(1, 0);
	owe(2, 1);
	fixture_say(GW_SINK_REFUSED, 400);
	u->opts.batch = 1;
	send_all(2);
	assert_true(gw_refusal_in_progress(&u->outbox));
	fixture_say(GW_SINK_RETRY, 0);
	send_all(2);
	assert_false(gw_refusal_in_progress(&u->outbox));
	assert_int_equal(u->delivery.probes, 0);
	assert_int_equal(u->outbox.n, 2);
	assert_int_equal(fixture.n_marks, 0);
	assert_false(gw_retry_timer_ready(&u->delivery.retry, fixture.now_ns));
}

/* While stopping an acceptance proves nothing: no event is parked. */
static void test_while_stopping_an_acceptance_parks_nothing(void **state)
{
	(void)state;
	owe(1, 0);
	fixture_say(GW_SINK_REFUSED, 400);
	send_all(1);
	gw_delivery_accepted(u, false);
	send_all(1); /* refused again: the next acceptance would be the proof */
	u->stop_ns = fixture.now_ns + SEC;
	gw_delivery_accepted(u, false);
	assert_int_equal(u->outbox.n, 1);
	assert_int_equal(fixture.n_marks, 0);
	u->stop_ns = 0;
	gw_delivery_accepted(u, false);
	assert_int_equal(u->outbox.n, 0);
	assert_mark(0, 1, GW_MARK_PARKED);
	assert_log(1, "event #1 is parked, and offered again later: commanded");
}

/* Requests are halved for ten minutes; one event that is too large is a refusal like others. */
static void test_requests_that_are_too_large_are_halved(void **state)
{
	(void)state;
	for (uint64_t seq = 1; seq <= 8; seq++)
		owe(seq, (unsigned)seq % 3);
	fixture_say(GW_SINK_REFUSED, 413);
	send_all(8);
	assert_int_equal(fixture.bodies, 8);
	fixture_say(GW_SINK_SENT, 200);
	send_all(8);
	assert_int_equal(fixture.bodies, 4);
	while (u->outbox.n > 0)
		send_all(8);
	for (uint64_t seq = 9; seq <= 16; seq++)
		owe(seq, (unsigned)seq % 3);
	send_all(16);
	assert_int_equal(fixture.bodies, 4);
	fixture.now_ns += 600 * SEC;
	for (uint64_t seq = 17; seq <= 20; seq++)
		owe(seq, (unsigned)seq % 3);
	send_all(20);
	assert_int_equal(fixture.bodies, 8);
	assert_int_equal(u->outbox.n, 0);
	u->delivery.batch_limit = 0;
	owe(21, 0);
	fixture_say(GW_SINK_REFUSED, 413);
	send_all(21);
	assert_int_equal(u->delivery.batch_limit, 0);
	assert_true(gw_refusal_in_progress(&u->outbox));
}

/* What leaves before its commit says so, is marked once, and its repeat has the same bytes; what
 * came from the store is committed. */
static void test_an_event_sent_before_its_commit_is_marked_and_keeps_its_bytes(void **state)
{
	const struct gw_outbox_item item = {.seq = 2,
		.alarm = 9,
		.level = GW_LEVEL_RED,
		.stored = true,
		.durable = true,
		.durable_at = strlen("{\"durable\":")};

	(void)state;
	owe(1, 0);
	fixture.now_ns += GW_UPLINK_COMMIT_WAIT_NS;
	fixture_say(GW_SINK_RETRY, 503);
	send_all(0);
	assert_string_equal(fixture.last, "{\"durable\":false}");
	assert_int_equal(fixture.n_marks, 1);
	assert_mark(0, 1, GW_MARK_UNDURABLE);
	assert_true(gw_outbox_add(&u->outbox, &item, "{\"durable\":}", 12));
	fixture_say(GW_SINK_SENT, 200);
	send_all(0);
	assert_int_equal(fixture.bodies, 2);
	assert_string_equal(fixture.last, "{\"durable\":false}");
	assert_int_equal(fixture.n_marks, 3);
	assert_mark(1, 1, GW_MARK_DELIVERED);
	assert_mark(2, 2, GW_MARK_DELIVERED);
}

/* ---- what the operator reads ---- */

/* One line when it goes, one when it is back, with what was lost meanwhile. */
static void test_down_and_back(void **state)
{
	(void)state;
	owe(1, 0);
	for (int i = 0; i < 3; i++)
		fail_with(0);
	assert_log(1, "city: platform unreachable (commanded), 1 alerts waiting");
	fail_with(0);
	assert_log(0, "");
	fixture.lost = 3;
	fixture.now_ns += 3723 * SEC;
	fixture_say(GW_SINK_SENT, 200);
	send_all(1);
	gw_link_state_update(u, fixture.now_ns);
	assert_log(1,
		"city: platform back after 01:02:03, 1 alerts delivered, but the "
		"gateway lost 3 meanwhile");
	gw_link_state_update(u, fixture.now_ns);
	assert_log(0, "");
}

/* There is still much to send: after five seconds it is said with what went until then. */
static void test_back_with_much_to_send(void **state)
{
	(void)state;
	owe(1, 0);
	owe(2, 1);
	u->opts.batch = 1;
	u->health.fill = NULL;
	for (int i = 0; i < 3; i++)
		fail_with(503);
	assert_log(1, "takes nothing");
	fixture_say(GW_SINK_SENT, 200);
	send_all(2);
	gw_link_state_update(u, fixture.now_ns);
	fixture.now_ns += 4 * SEC;
	gw_link_state_update(u, fixture.now_ns);
	assert_log(0, "");
	fixture.now_ns += 1 * SEC;
	gw_link_state_update(u, fixture.now_ns);
	assert_log(1, "back after 00:00:00, 1 alerts delivered\n");
}

/* Away again before it was said that it is back: both lines, in this order. */
static void test_down_again_at_once(void **state)
{
	const char *back;

	(void)state;
	owe(1, 0);
	owe(2, 1);
	u->opts.batch = 1;
	for (int i = 0; i < 3; i++)
		fail_with(0);
	assert_log(1, "unreachable");
	fixture_say(GW_SINK_SENT, 200);
	send_all(2);
	for (int i = 0; i < 3; i++)
		fail_with(0);
	back = strstr(fixture.log, "platform back after");
	assert_non_null(back);
	assert_non_null(strstr(back, "platform unreachable"));
	assert_log(2, "1 alerts waiting");
}

static double take_fault(uint32_t point)
{
	struct gw_sample s;
	double last = -1;

	while (gw_ring_pop(fixture.faults, &s, 1, sizeof(s)) == 1)
		if (s.point == point)
			last = s.value;
	return last;
}

/* The engine is behind: it gets the last state as soon as it has room. */
static void test_fault_points_wait_for_room(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		for (int k = 0; k < 3; k++)
			fail_with(0);
		gw_link_state_update(u, fixture.now_ns);
		if (i < 19)
			gw_link_state_succeeded(u, 0, fixture.now_ns);
		gw_link_state_update(u, fixture.now_ns);
	}
	assert_int_equal(gw_ring_count(fixture.faults), 16);
	take_fault(GW_UPLINK_POINT_DOWN);
	gw_link_state_update(u, fixture.now_ns);
	assert_true(take_fault(GW_UPLINK_POINT_DOWN) > 0);
	gw_link_state_update(u, fixture.now_ns);
	assert_int_equal(gw_ring_count(fixture.faults), 0);
}

/* Parked before the store has said how many there are: said at once. */
static void test_parked_is_said_before_the_count(void **state)
{
	(void)state;
	gw_link_state_update(u, fixture.now_ns);
	assert_int_equal(gw_ring_count(fixture.faults), 0);
	gw_delivery_park(u, 4, "no");
	gw_link_state_update(u, fixture.now_ns);
	assert_true(take_fault(GW_UPLINK_POINT_PARKED) > 0);
}

static void test_without_a_fault_point_an_uplink_that_is_down_is_logged(void **state)
{
	const struct gw_uplink_health health = {.fill = fixture_fill};
	struct gw_uplink_opts o = fixture_opts();

	(void)state;
	gw_uplink_free(u);
	assert_int_equal(gw_uplink_new(&o, 0, NULL, &health, 64, &u, NULL), GW_OK);
	assert_int_equal(gw_uplink_start(u, NULL), GW_OK);
	for (int i = 0; i < 3; i++)
		fail_with(0);
	gw_link_state_update(u, fixture.now_ns);
	assert_true(u->link.down);
	assert_log(1, "unreachable");
}

/* A proxy asks who we are (407), and nothing was ever taken: down after a minute, and it stays one
 * outage when requests begin to fail as well. */
static void test_a_stranger_that_never_was_known(void **state)
{
	struct gw_uplink_status s;
	int64_t since;

	(void)state;
	fixture.now_ns += SEC;
	fixture_say(GW_SINK_REFUSED, 407);
	gw_heartbeat_send(u);
	assert_log(1, "city: the platform refuses heartbeats (commanded)");
	fixture.now_ns += 60 * SEC;
	gw_link_state_update(u, fixture.now_ns);
	assert_log(1, "city: platform takes nothing (heartbeats are refused: commanded)");
	gw_uplink_status(u, &s);
	assert_true(s.down);
	assert_false(s.up);
	since = u->link.down_ns;
	fixture.now_ns += 60 * SEC;
	fail_with(0);
	assert_log(0, "");
	assert_int_equal(u->link.down_ns, since);
	fixture_say(GW_SINK_SENT, 200);
	gw_heartbeat_send(u);
	gw_outbox_advance(&u->outbox, GW_OUTBOX_END);
	gw_link_state_update(u, fixture.now_ns);
	assert_log(2, "platform back after 00:02:00");
}

/* One that was up: since when it is not, the status says. */
static void test_a_stranger_that_was_known(void **state)
{
	struct gw_uplink_status s;

	(void)state;
	fixture_say(GW_SINK_SENT, 200);
	gw_heartbeat_send(u);
	fixture.now_ns += SEC;
	fixture_say(GW_SINK_REFUSED, 401);
	gw_heartbeat_send(u);
	fixture.now_ns += 60 * SEC;
	gw_link_state_update(u, fixture.now_ns);
	gw_uplink_status(u, &s);
	assert_true(s.down);
	assert_int_equal(s.since_ns, fixture.now_ns);
}

#define IT(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(test_heartbeats_need_an_interval_a_format_and_a_running_engine),
		IT(test_without_a_running_engine_no_heartbeat_is_sent),
		IT(test_a_heartbeat_that_does_not_fit),
		IT(test_a_heartbeat_when_nothing_is_owed_any_more),
		IT(test_a_heartbeat_while_events_fail),
		IT(test_a_failure_ends_a_search),
		IT(test_while_stopping_an_acceptance_parks_nothing),
		IT(test_requests_that_are_too_large_are_halved),
		IT(test_an_event_sent_before_its_commit_is_marked_and_keeps_its_bytes),
		IT(test_down_and_back),
		IT(test_back_with_much_to_send),
		IT(test_down_again_at_once),
		IT(test_fault_points_wait_for_room),
		IT(test_parked_is_said_before_the_count),
		IT(test_without_a_fault_point_an_uplink_that_is_down_is_logged),
		IT(test_a_stranger_that_never_was_known),
		IT(test_a_stranger_that_was_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Parked records that are offered again, and what a person has sent again, step by step. */
#include "uplink_parts_fixture.h"

#define o (&fixture.up->parked_retry)

static struct gw_wake requester;

static void turn(void)
{
	fixture_turn();
}

/* So many are parked, and the store has been asked for the first of them. */
static void begin_round(uint64_t parked)
{
	fixture_turn();
	fixture_answer(0, 0, 0)->parked = parked;
	fixture_turn();
	fixture_turn();
	assert_int_equal(fixture.up->status.parked, parked);
	assert_int_equal(fixture.parked_asks, 1);
	assert_true(o->requested);
}

static void assert_ready(bool is)
{
	assert_int_equal(gw_parked_retry_ready(fixture.up, fixture.now_ns), is);
}

static void test_a_delivered_event_is_settled(void **state)
{
	(void)state;
	begin_round(2);
	assert_ready(false);
	fixture_answer(2, 5, GW_LEVEL_RED);
	turn();
	assert_ready(true);
	fixture_say(GW_SINK_SENT, 200);
	gw_parked_retry_send(fixture.up);
	assert_mark(0, 5, GW_MARK_DELIVERED);
	assert_mark(1, 5, GW_MARK_UNPARKED);
	assert_int_equal(fixture.up->status.parked, 1);
	assert_int_equal(fixture.up->status.sent, 1);
	assert_log(1, "event #5, which was parked, is delivered");
}

static void begin_anew(void)
{
	gw_parked_retry_begin(fixture.up, 0);
	assert_int_equal(o->n_items, 2); /* the request reads the first */
}

/* A token is rotated while a parked event is on its way: the round begins anew after it. */
static void test_a_round_that_begins_anew_during_a_request(void **state)
{
	(void)state;
	begin_round(3);
	fixture_answer(2, 5, GW_LEVEL_RED);
	turn();
	fixture_say(GW_SINK_SENT, 200);
	fixture.meanwhile = begin_anew;
	gw_parked_retry_send(fixture.up);
	fixture.meanwhile = NULL;
	assert_mark(1, 5, GW_MARK_UNPARKED);
	assert_int_equal(o->n_items, 0);
	assert_int_equal(o->after_seq, 0);
	turn();
	assert_int_equal(fixture.parked_asks, 2);
}

/* A round begins anew while the store answers and while records are at hand: from the first. */
static void test_a_round_that_begins_anew(void **state)
{
	(void)state;
	begin_round(3);
	gw_parked_retry_begin(
		fixture.up, 0); /* what the store says now is of the round before */
	fixture_answer(2, 5, GW_LEVEL_RED);
	turn();
	assert_int_equal(o->n_items, 0);
	assert_ready(false);
	turn();
	assert_int_equal(fixture.parked_asks, 2);
	fixture_answer(2, 5, GW_LEVEL_RED);
	turn();
	assert_int_equal(o->n_items, 2);
	fixture_say(GW_SINK_SENT, 200);
	gw_parked_retry_send(fixture.up);
	assert_int_equal(o->after_seq, 5);
	gw_parked_retry_begin(fixture.up, 7); /* still to come: the round goes on */
	assert_int_equal(o->next_item, 1);
	gw_parked_retry_begin(fixture.up, 4);
	assert_int_equal(o->n_items, 0);
	assert_int_equal(o->after_seq, 3);
	turn();
	assert_int_equal(fixture.after_parked, 3);
}

/* The store dropped parked ones for want of room, while another was parked here. */
static void test_events_dropped_by_the_store_are_no_longer_counted_as_parked(void **state)
{
	(void)state;
	begin_round(4);
	gw_backlog_mark(&fixture.up->backlog, 9, GW_MARK_PARKED);
	fixture.up->status.parked++;
	fixture_answer(0, 0, 0)->parked = 1;
	turn();
	assert_int_equal(fixture.up->status.parked, 2);
	assert_false(o->running);
}

/* All is taken, by hand or elsewhere, while the store is asked: its answer is for nobody. */
static void test_an_answer_after_the_round(void **state)
{
	(void)state;
	begin_round(1);
	fixture.up->status.parked = 0;
	gw_parked_retry_update(fixture.up, fixture.now_ns);
	assert_false(o->running);
	fixture_answer(1, 5, GW_LEVEL_RED);
	turn();
	assert_int_equal(o->n_items, 0);
	assert_ready(false);
	assert_int_equal(gw_parked_retry_next_ns(fixture.up), INT64_MAX);
}

/* The store cannot read: the round goes on when it can, from where it was. */
static void test_a_store_that_cannot_read(void **state)
{
	(void)state;
	begin_round(1);
	fixture_answer(0, 0, 0)->failed = true;
	turn();
	assert_true(o->running);
	turn();
	assert_int_equal(fixture.parked_asks, 1);
	fixture.now_ns += SEC;
	turn();
	turn();
	assert_int_equal(fixture.parked_asks, 2);
	fixture_answer(1, 5, GW_LEVEL_RED);
	turn();
	assert_ready(true);
}

/* One whose texts do not fit is passed over; the one after it has its turn. */
static void test_an_event_whose_text_does_not_fit_is_passed_over(void **state)
{
	static char text[GW_PAYLOAD_MAX];
	struct gw_batch *b;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	fixture_alarms[1].text = text;
	begin_round(2);
	b = fixture_answer(2, 5, GW_LEVEL_RED);
	b->events[0] = fixture_event(5, GW_LEVEL_RED, 1);
	turn();
	assert_int_equal(o->n_items, 1);
	fixture_say(GW_SINK_SENT, 200);
	gw_parked_retry_send(fixture.up);
	assert_mark(0, 6, GW_MARK_DELIVERED);
	assert_int_equal(fixture.up->status.parked, 1);
}

/* Whatever is more urgent than a parked event, one thing at a time. */
static void test_more_urgent_work_goes_before_an_offer(void **state)
{
	struct gw_sink_result no = {.verdict = GW_SINK_RETRY};

	(void)state;
	begin_round(1);
	fixture_answer(1, 5, GW_LEVEL_RED);
	turn();
	assert_ready(true);
	fixture.up->delivery.has_untried = true;
	assert_ready(false);
	fixture.up->delivery.has_untried = false;
	fixture.up->delivery.failing = true;
	assert_ready(false);
	fixture.up->delivery.failing = false;
	gw_link_state_failed(fixture.up, &no, fixture.now_ns); /* a heartbeat failed */
	assert_ready(false);
	gw_link_state_reached(fixture.up);
	assert_ready(true);
	fixture.up->outbox.seeks_witness = true; /* a refusal is looked into */
	assert_ready(false);
	fixture.up->outbox.seeks_witness = false;
	gw_retry_timer_failed(
		&fixture.up->delivery.retry, 0, fixture.now_ns); /* back-off */
	assert_ready(false);
	gw_retry_timer_succeeded(&fixture.up->delivery.retry);
	gw_retry_timer_failed(&fixture.up->delivery.retry, 60 * SEC,
		fixture.now_ns); /* asked for silence */
	gw_retry_timer_expire(&fixture.up->delivery.retry, fixture.now_ns);
	assert_ready(false);
	assert_int_equal(gw_retry_timer_next_ns(&fixture.up->delivery.retry),
		fixture.now_ns + 60 * SEC);
	gw_retry_timer_succeeded(&fixture.up->delivery.retry);
	assert_ready(true);
	fixture.up->stop_ns = fixture.now_ns + SEC;
	assert_ready(false);
	gw_parked_retry_update(fixture.up, fixture.now_ns);
	assert_int_equal(o->n_items, 1);
}

static void an_alarm_comes(void)
{
	const struct gw_event e = fixture_event(9, GW_LEVEL_RED, 0);

	assert_int_equal(gw_ring_push(gw_uplink_events(fixture.up), &e, 1, sizeof(e)), 1);
}

/* What is new cuts an offer short, which costs nothing: no wait, and the same one again. */
static void test_a_new_event_interrupts_an_offer(void **state)
{
	(void)state;
	begin_round(1);
	fixture_answer(1, 5, GW_LEVEL_RED);
	turn();
	fixture.turns = true;
	fixture.meanwhile = an_alarm_comes;
	gw_parked_retry_send(fixture.up);
	assert_true(fixture.given_up);
	assert_true(fixture.up->delivery.has_untried);
	assert_int_equal(o->next_item, 0);
	assert_true(o->next_ns <= fixture.now_ns);
	assert_int_equal(fixture.up->status.retries, 0);
	assert_int_equal(fixture.n_marks, 0);
	assert_log(0, "");
}

/* An offer that fails waits 30 s, or as long as the platform asked for. */
static void test_an_offer_that_fails(void **state)
{
	(void)state;
	begin_round(1);
	fixture_answer(1, 5, GW_LEVEL_RED);
	turn();
	fixture_say(GW_SINK_RETRY, 503);
	gw_parked_retry_send(fixture.up);
	assert_int_equal(o->next_ns, fixture.now_ns + 30 * SEC);
	fixture.says.retry_after_ns = 60 * SEC;
	gw_parked_retry_send(fixture.up);
	assert_int_equal(o->next_ns, fixture.now_ns + 60 * SEC);
	assert_ready(false);
	fixture.now_ns += 60 * SEC;
	assert_ready(true);
	assert_int_equal(fixture.up->status.parked, 1);
	assert_int_equal(fixture.n_marks, 0);
}

/* Refused with no witness: ever slower, to a minute; the whole round within reach of a person. */
static void test_refused_again_with_no_witness(void **state)
{
	static const int64_t pause_sec[] = {1, 1, 2, 4, 8, 16, 32, 64, 64};

	(void)state;
	begin_round(9);
	fixture_say(GW_SINK_REFUSED, 400);
	for (size_t i = 0; i < 9; i++) {
		if (i == 0 || i == 8) {
			fixture_answer(i == 0 ? 8 : 1, 5 + i, GW_LEVEL_RED);
			turn();
		}
		assert_ready(true);
		gw_parked_retry_send(fixture.up);
		assert_int_equal(o->next_ns, fixture.now_ns + pause_sec[i] * SEC);
		fixture.now_ns += pause_sec[i] * SEC;
		turn();
	}
	assert_int_equal(fixture.up->status.parked, 9);
	assert_int_equal(fixture.n_marks, 0);
	fixture_answer(0, 0, 0)->parked = 9;
	turn();
	assert_false(o->running);
	assert_int_equal(o->due_ns, fixture.now_ns + 30 * SEC);
	fixture.now_ns = o->due_ns;
	turn();
	assert_true(o->running);
}

/* Another event is parked while passes are a day apart: the next one is within the hour. */
static void test_news_bring_a_round_nearer(void **state)
{
	(void)state;
	fixture.up->status.parked = 1;
	o->due_ns = fixture.now_ns + 24 * 3600 * SEC;
	o->interval_ns = 24 * 3600 * SEC;
	gw_parked_retry_on_parked(fixture.up, 8, true);
	assert_int_equal(o->due_ns, fixture.now_ns + 3600 * SEC);
	assert_int_equal(o->interval_ns, 3600 * SEC);
	/* An accepted event begins a pass at the first event that had only a heartbeat as its
	 * witness. */
	gw_parked_retry_on_parked(fixture.up, 9, true);
	assert_int_equal(o->heartbeat_parked_seq, 8);
	gw_parked_retry_on_parked(fixture.up, 3, true);
	assert_int_equal(o->heartbeat_parked_seq, 3);
	gw_parked_retry_accepted(fixture.up, true);
	assert_true(o->running);
	assert_int_equal(o->after_seq, 2);
}

/* ---- what a person asks for ---- */

static bool poked(void)
{
	return atomic_load(&requester.sleeping) == 0;
}

/* The ranges of the journal, window by window; then who asked is woken, once. */
static void test_a_range_is_sent_again(void **state)
{
	struct gw_resend what = {.from_seq = 10};
	struct gw_resend_result done;
	struct gw_batch *b;

	(void)state;
	assert_int_equal(gw_wake_init(&requester, NULL), GW_OK);
	gw_uplink_attach_requester(fixture.up, &requester);
	begin_round(5);
	fixture_answer(0, 0, 0);
	turn();
	gw_wake_prepare(&requester);
	assert_true(gw_uplink_resend(fixture.up, &what));
	assert_false(gw_uplink_resend(fixture.up, &what));
	turn();
	assert_int_equal(fixture.owe_from, 10);
	b = fixture_answer(0, 0, 0);
	b->owed = 3;
	b->unparked = 2;
	b->next = 12;
	turn();
	assert_int_equal(fixture.owe_from, 12);
	assert_false(poked());
	assert_false(gw_uplink_take_resend_result(fixture.up, &done));
	b = fixture_answer(0, 0, 0);
	b->owed = 1;
	b->unparked = 9; /* more than were counted */
	turn();
	assert_true(poked());
	assert_true(gw_uplink_take_resend_result(fixture.up, &done));
	assert_int_equal(done.owed, 4);
	assert_int_equal(done.parked, 0);
	assert_false(done.failed);
	assert_false(gw_uplink_take_resend_result(fixture.up, &done));
	assert_false(gw_outbox_is_complete(&fixture.up->outbox)); /* it will be fetched */
	gw_wake_fini(&requester);
}

/* First what vanished uplinks are owed, then the range; a store that cannot write ends it. */
static void test_a_resend_begins_with_the_debts_of_removed_uplinks(void **state)
{
	struct gw_resend what = {.from_seq = 10, .removed_uplinks = true};
	struct gw_resend_result done;

	(void)state;
	begin_round(1);
	fixture_answer(0, 0, 0)->parked = 1;
	turn();
	assert_true(gw_uplink_resend(fixture.up, &what));
	turn();
	assert_int_equal(fixture.owe_from, GW_STORE_RESEND_REMOVED);
	fixture_answer(0, 0, 0)->owed = 2;
	turn();
	assert_int_equal(fixture.owe_from, 10);
	fixture_answer(0, 0, 0);
	turn();
	assert_true(gw_uplink_take_resend_result(fixture.up, &done));
	assert_int_equal(done.owed, 2);
	assert_int_equal(done.parked, 1);

	assert_true(gw_uplink_resend(fixture.up, &what));
	turn();
	assert_int_equal(
		fixture.owe_from, 10); /* its line is in use: what is owed is asked for */
	fixture_answer(0, 0, 0);
	turn();
	turn();
	while (fixture.owe_from != GW_STORE_RESEND_REMOVED) {
		fixture_answer(0, 0, 0);
		turn();
	}
	fixture_answer(0, 0, 0)->failed = true;
	turn();
	assert_true(gw_uplink_take_resend_result(fixture.up, &done));
	assert_true(done.failed);
	assert_int_equal(done.owed, 0);
}

/* Its line to the store is in use by an offer: it waits for its turn, and gets it. */
static void test_a_resend_waits_for_an_offer(void **state)
{
	struct gw_resend what = {.from_seq = 10};
	struct gw_resend_result done;

	(void)state;
	begin_round(1);
	assert_true(gw_uplink_resend(fixture.up, &what));
	turn();
	turn();
	assert_int_equal(fixture.owe_asks, 0);
	fixture_answer(0, 0, 0);
	turn();
	turn();
	assert_int_equal(fixture.owe_asks, 1);
	fixture_answer(0, 0, 0);
	turn();
	assert_true(gw_uplink_take_resend_result(fixture.up, &done));
}

#define IT(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(test_a_delivered_event_is_settled),
		IT(test_a_round_that_begins_anew),
		IT(test_a_round_that_begins_anew_during_a_request),
		IT(test_events_dropped_by_the_store_are_no_longer_counted_as_parked),
		IT(test_an_answer_after_the_round),
		IT(test_a_store_that_cannot_read),
		IT(test_an_event_whose_text_does_not_fit_is_passed_over),
		IT(test_more_urgent_work_goes_before_an_offer),
		IT(test_a_new_event_interrupts_an_offer),
		IT(test_an_offer_that_fails),
		IT(test_refused_again_with_no_witness),
		IT(test_news_bring_a_round_nearer),
		IT(test_a_range_is_sent_again),
		IT(test_a_resend_begins_with_the_debts_of_removed_uplinks),
		IT(test_a_resend_waits_for_an_offer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

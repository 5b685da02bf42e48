/* SPDX-License-Identifier: Apache-2.0 */
/* Parked records that are offered again, and what a person has sent again, step by step. */
#include "uplink_kit.h"

#define o (&kit.up->offers)

static struct gw_wake asker;

static void turn(void)
{
	kit_turn();
}

/* So many are parked, and the store has been asked for the first of them. */
static void begin_round(uint64_t parked)
{
	kit_turn();
	kit_answer(0, 0, 0)->parked = parked;
	kit_turn();
	kit_turn();
	assert_int_equal(kit.up->now.parked, parked);
	assert_int_equal(kit.parked_asks, 1);
	assert_true(o->fetching);
}

static void assert_ready(bool is)
{
	assert_int_equal(gw_offers_ready(kit.up, kit.now_ns), is);
}

static void test_a_taken_one_is_settled(void **state)
{
	(void)state;
	begin_round(2);
	assert_ready(false);
	kit_answer(2, 5, GW_LEVEL_RED);
	turn();
	assert_ready(true);
	kit_say(GW_SENT, 200);
	gw_offers_send(kit.up);
	assert_mark(0, 5, GW_MARK_DELIVERED);
	assert_mark(1, 5, GW_MARK_UNPARKED);
	assert_int_equal(kit.up->now.parked, 1);
	assert_int_equal(kit.up->now.sent, 1);
	assert_log(1, "event #5, which was parked, is delivered");
}

/* A round begins anew while the store answers and while records are at hand: from the first. */
static void test_a_round_that_begins_anew(void **state)
{
	(void)state;
	begin_round(3);
	gw_offers_begin(kit.up, 0); /* what the store says now is of the round before */
	kit_answer(2, 5, GW_LEVEL_RED);
	turn();
	assert_int_equal(o->n, 0);
	assert_ready(false);
	turn();
	assert_int_equal(kit.parked_asks, 2);
	kit_answer(2, 5, GW_LEVEL_RED);
	turn();
	assert_int_equal(o->n, 2);
	kit_say(GW_SENT, 200);
	gw_offers_send(kit.up);
	assert_int_equal(o->after, 5);
	gw_offers_begin(kit.up, 7); /* still to come: the round goes on */
	assert_int_equal(o->at, 1);
	gw_offers_begin(kit.up, 4);
	assert_int_equal(o->n, 0);
	assert_int_equal(o->after, 3);
	turn();
	assert_int_equal(kit.after_parked, 3);
}

/* All is taken, by hand or elsewhere, while the store is asked: its answer is for nobody. */
static void test_an_answer_after_the_round(void **state)
{
	(void)state;
	begin_round(1);
	kit.up->now.parked = 0;
	gw_offers_turn(kit.up, kit.now_ns);
	assert_false(o->running);
	kit_answer(1, 5, GW_LEVEL_RED);
	turn();
	assert_int_equal(o->n, 0);
	assert_ready(false);
	assert_int_equal(gw_offers_next_ns(kit.up), INT64_MAX);
}

/* The store cannot read: the round goes on when it can, from where it was. */
static void test_a_store_that_cannot_read(void **state)
{
	(void)state;
	begin_round(1);
	kit_answer(0, 0, 0)->failed = true;
	turn();
	assert_true(o->running);
	turn();
	assert_int_equal(kit.parked_asks, 1);
	kit.now_ns += SEC;
	turn();
	turn();
	assert_int_equal(kit.parked_asks, 2);
	kit_answer(1, 5, GW_LEVEL_RED);
	turn();
	assert_ready(true);
}

/* One whose texts do not fit is passed over; the one after it has its turn. */
static void test_one_that_cannot_be_written(void **state)
{
	static char text[GW_PAYLOAD_MAX];
	struct gw_batch *b;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	kit_alarms[1].text = text;
	begin_round(2);
	b = kit_answer(2, 5, GW_LEVEL_RED);
	b->events[0] = kit_event(5, GW_LEVEL_RED, 1);
	turn();
	assert_int_equal(o->n, 1);
	kit_say(GW_SENT, 200);
	gw_offers_send(kit.up);
	assert_mark(0, 6, GW_MARK_DELIVERED);
	assert_int_equal(kit.up->now.parked, 1);
}

/* Whatever is more urgent than a parked record, one thing at a time. */
static void test_what_goes_before_an_offer(void **state)
{
	struct gw_answer no = {.verdict = GW_RETRY};

	(void)state;
	begin_round(1);
	kit_answer(1, 5, GW_LEVEL_RED);
	turn();
	assert_ready(true);
	kit.up->fresh = true;
	assert_ready(false);
	kit.up->fresh = false;
	kit.up->events_failing = true;
	assert_ready(false);
	kit.up->events_failing = false;
	gw_watch_failed(kit.up, &no, kit.now_ns); /* a heartbeat failed */
	assert_ready(false);
	gw_watch_reached(kit.up);
	assert_ready(true);
	kit.up->outbox.searching = true; /* a refusal is looked into */
	assert_ready(false);
	kit.up->outbox.searching = false;
	gw_pace_failed(&kit.up->event_pace, 0, kit.now_ns); /* back-off */
	assert_ready(false);
	gw_pace_worked(&kit.up->event_pace);
	gw_pace_failed(&kit.up->event_pace, 60 * SEC, kit.now_ns); /* asked for silence */
	gw_pace_hurry(&kit.up->event_pace, kit.now_ns);
	assert_ready(false);
	assert_int_equal(gw_pace_next_ns(&kit.up->event_pace), kit.now_ns + 60 * SEC);
	gw_pace_worked(&kit.up->event_pace);
	assert_ready(true);
	kit.up->stop_ns = kit.now_ns + SEC;
	assert_ready(false);
	gw_offers_turn(kit.up, kit.now_ns);
	assert_int_equal(o->n, 1);
}

static void an_alarm_comes(void)
{
	const struct gw_event e = kit_event(9, GW_LEVEL_RED, 0);

	assert_int_equal(gw_ring_push(gw_uplink_events(kit.up), &e, 1, sizeof(e)), 1);
}

/* What is new cuts an offer short, which costs nothing: no wait, and the same one again. */
static void test_what_is_new_cuts_it_short(void **state)
{
	(void)state;
	begin_round(1);
	kit_answer(1, 5, GW_LEVEL_RED);
	turn();
	kit.turns = true;
	kit.meanwhile = an_alarm_comes;
	gw_offers_send(kit.up);
	assert_true(kit.given_up);
	assert_true(kit.up->fresh);
	assert_int_equal(o->at, 0);
	assert_true(o->next_ns <= kit.now_ns);
	assert_int_equal(kit.up->now.retries, 0);
	assert_int_equal(kit.n_marks, 0);
	assert_log(0, "");
}

/* An offer that fails waits 30 s, or as long as the platform asked for. */
static void test_an_offer_that_fails(void **state)
{
	(void)state;
	begin_round(1);
	kit_answer(1, 5, GW_LEVEL_RED);
	turn();
	kit_say(GW_RETRY, 503);
	gw_offers_send(kit.up);
	assert_int_equal(o->next_ns, kit.now_ns + 30 * SEC);
	kit.says.retry_after_ns = 60 * SEC;
	gw_offers_send(kit.up);
	assert_int_equal(o->next_ns, kit.now_ns + 60 * SEC);
	assert_ready(false);
	kit.now_ns += 60 * SEC;
	assert_ready(true);
	assert_int_equal(kit.up->now.parked, 1);
	assert_int_equal(kit.n_marks, 0);
}

/* Refused with no witness: ever slower, to a minute; the whole round within reach of a person. */
static void test_refused_again_with_no_witness(void **state)
{
	static const int64_t pause_sec[] = {1, 1, 2, 4, 8, 16, 32, 64, 64};

	(void)state;
	begin_round(9);
	kit_say(GW_REFUSED, 400);
	for (size_t i = 0; i < 9; i++) {
		if (i == 0 || i == 8) {
			kit_answer(i == 0 ? 8 : 1, 5 + i, GW_LEVEL_RED);
			turn();
		}
		assert_ready(true);
		gw_offers_send(kit.up);
		assert_int_equal(o->next_ns, kit.now_ns + pause_sec[i] * SEC);
		kit.now_ns += pause_sec[i] * SEC;
		turn();
	}
	assert_int_equal(kit.up->now.parked, 9);
	assert_int_equal(kit.n_marks, 0);
	kit_answer(0, 0, 0);
	turn();
	assert_false(o->running);
	assert_int_equal(o->due_ns, kit.now_ns + 30 * SEC);
	kit.now_ns = o->due_ns;
	turn();
	assert_true(o->running);
}

/* Another record is parked while rounds are a day apart: the next one is within the hour. */
static void test_news_bring_a_round_nearer(void **state)
{
	(void)state;
	kit.up->now.parked = 1;
	o->due_ns = kit.now_ns + 24 * 3600 * SEC;
	o->step_ns = 24 * 3600 * SEC;
	gw_offers_parked(kit.up, 8, true);
	assert_int_equal(o->due_ns, kit.now_ns + 3600 * SEC);
	assert_int_equal(o->step_ns, 3600 * SEC);
	/* of those parked on a heartbeat's word alone, the first is where a record's word begins */
	gw_offers_parked(kit.up, 9, true);
	assert_int_equal(o->on_trust, 8);
	gw_offers_parked(kit.up, 3, true);
	assert_int_equal(o->on_trust, 3);
	gw_offers_accepted(kit.up, true);
	assert_true(o->running);
	assert_int_equal(o->after, 2);
}

/* ---- what a person asks for ---- */

static bool poked(void)
{
	return atomic_load(&asker.sleeping) == 0;
}

/* The ranges of the journal, window by window; then who asked is woken, once. */
static void test_a_range_is_sent_again(void **state)
{
	struct gw_resend what = {.from_seq = 10};
	struct gw_resent done;
	struct gw_batch *b;

	(void)state;
	assert_int_equal(gw_wake_init(&asker, NULL), GW_OK);
	gw_uplink_attach_asker(kit.up, &asker);
	begin_round(5);
	kit_answer(0, 0, 0);
	turn();
	gw_wake_prepare(&asker);
	assert_true(gw_uplink_resend(kit.up, &what));
	assert_false(gw_uplink_resend(kit.up, &what));
	turn();
	assert_int_equal(kit.owe_from, 10);
	b = kit_answer(0, 0, 0);
	b->owed = 3;
	b->unparked = 2;
	b->next = 12;
	turn();
	assert_int_equal(kit.owe_from, 12);
	assert_false(poked());
	assert_false(gw_uplink_resent(kit.up, &done));
	b = kit_answer(0, 0, 0);
	b->owed = 1;
	b->unparked = 9; /* more than were counted */
	turn();
	assert_true(poked());
	assert_true(gw_uplink_resent(kit.up, &done));
	assert_int_equal(done.owed, 4);
	assert_int_equal(done.parked, 0);
	assert_false(done.failed);
	assert_false(gw_uplink_resent(kit.up, &done));
	assert_false(gw_outbox_complete(&kit.up->outbox)); /* it will be fetched */
	gw_wake_fini(&asker);
}

/* First what vanished uplinks are owed, then the range; a store that cannot write ends it. */
static void test_what_vanished_uplinks_are_owed(void **state)
{
	struct gw_resend what = {.from_seq = 10, .vanished = true};
	struct gw_resent done;

	(void)state;
	begin_round(1);
	kit_answer(0, 0, 0);
	turn();
	assert_true(gw_uplink_resend(kit.up, &what));
	turn();
	assert_int_equal(kit.owe_from, GW_STORE_VANISHED);
	kit_answer(0, 0, 0)->owed = 2;
	turn();
	assert_int_equal(kit.owe_from, 10);
	kit_answer(0, 0, 0);
	turn();
	assert_true(gw_uplink_resent(kit.up, &done));
	assert_int_equal(done.owed, 2);
	assert_int_equal(done.parked, 1);

	assert_true(gw_uplink_resend(kit.up, &what));
	turn();
	assert_int_equal(
		kit.owe_from, 10); /* its line is in use: what is owed is asked for */
	kit_answer(0, 0, 0);
	turn();
	turn();
	while (kit.owe_from != GW_STORE_VANISHED) {
		kit_answer(0, 0, 0);
		turn();
	}
	kit_answer(0, 0, 0)->failed = true;
	turn();
	assert_true(gw_uplink_resent(kit.up, &done));
	assert_true(done.failed);
	assert_int_equal(done.owed, 0);
}

/* Its line to the store is in use by an offer: it waits for its turn, and gets it. */
static void test_a_resend_waits_for_an_offer(void **state)
{
	struct gw_resend what = {.from_seq = 10};
	struct gw_resent done;

	(void)state;
	begin_round(1);
	assert_true(gw_uplink_resend(kit.up, &what));
	turn();
	turn();
	assert_int_equal(kit.owe_asks, 0);
	kit_answer(0, 0, 0);
	turn();
	turn();
	assert_int_equal(kit.owe_asks, 1);
	kit_answer(0, 0, 0);
	turn();
	assert_true(gw_uplink_resent(kit.up, &done));
}

#define IT(name) cmocka_unit_test_setup_teardown(name, kit_setup, kit_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(test_a_taken_one_is_settled),
		IT(test_a_round_that_begins_anew),
		IT(test_an_answer_after_the_round),
		IT(test_a_store_that_cannot_read),
		IT(test_one_that_cannot_be_written),
		IT(test_what_goes_before_an_offer),
		IT(test_what_is_new_cuts_it_short),
		IT(test_an_offer_that_fails),
		IT(test_refused_again_with_no_witness),
		IT(test_news_bring_a_round_nearer),
		IT(test_a_range_is_sent_again),
		IT(test_what_vanished_uplinks_are_owed),
		IT(test_a_resend_waits_for_an_offer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* An uplink's line to the store: full lines, late and failing answers, nothing lost or twice. */
#include "uplink_parts_fixture.h"

static struct gw_backlog b;
static struct gw_outbox outbox;
static uint64_t added[FIXTURE_EVENTS], counted;
static size_t n_added;
static unsigned n_counts, n_others;
static enum gw_backlog_query last_other;
static bool last_failed;

static void add(void *arg, const struct gw_event *e, uint64_t newer)
{
	(void)arg;
	(void)newer;
	added[n_added++] = e->seq;
}

static void count(void *arg, uint64_t parked)
{
	(void)arg;
	n_counts++;
	counted = parked;
}

static void result(void *arg, enum gw_backlog_query other, const struct gw_batch *batch)
{
	(void)arg;
	n_others++;
	last_other = other;
	last_failed = batch->failed;
}

static int setup(void **state)
{
	fixture_setup(state);
	n_added = n_counts = n_others = 0;
	assert_int_equal(gw_outbox_init(&outbox, 1024, 1 << 20, NULL), GW_OK);
	gw_backlog_init(&b, NULL, 0, &outbox, add, NULL);
	b.on_parked_count = count;
	b.on_query_reply = result;
	return 0;
}

static int teardown(void **state)
{
	gw_backlog_fini(&b);
	gw_backlog_fini(&b);
	gw_outbox_fini(&outbox);
	return fixture_teardown(state);
}

static void turn(void)
{
	gw_backlog_update(&b, fixture.now_ns, false);
}

/* Everything that was owed has been fetched. */
static void fetch_all(void)
{
	turn();
	fixture_answer(0, 0, 0);
	turn();
	assert_true(gw_outbox_is_complete(&outbox));
}

static void assert_marks_in_order(size_t n)
{
	assert_int_equal(fixture.n_marks, n);
	for (size_t i = 0; i < n; i++)
		assert_mark(i, i + 1, GW_MARK_DELIVERED);
}

/* The line takes some marks and is full again: all arrive, in their order, each once. */
static void test_marks_wait_for_a_full_line(void **state)
{
	uint64_t seq = 0;

	(void)state;
	fetch_all();
	fixture.room = 0;
	while (seq < 256)
		gw_backlog_mark(&b, ++seq, GW_MARK_DELIVERED);
	assert_int_equal(gw_backlog_next_ns(&b, fixture.now_ns), fixture.now_ns + 100 * MS);
	fixture.room = 100;
	turn();
	assert_int_equal(fixture.n_marks, 100);
	while (seq < 356) /* into the place of those that went */
		gw_backlog_mark(&b, ++seq, GW_MARK_DELIVERED);
	while (seq < 700) /* and beyond */
		gw_backlog_mark(&b, ++seq, GW_MARK_DELIVERED);
	fixture.room = FIXTURE_MARKS;
	turn();
	assert_marks_in_order(700);
	assert_int_equal(b.dropped_marks, 0);
	assert_int_equal(gw_backlog_next_ns(&b, fixture.now_ns), INT64_MAX);
}

/* Memory for marks is bounded: what does not fit is counted, what did fit arrives. */
static void test_more_marks_than_are_kept(void **state)
{
	uint64_t seq = 0;

	(void)state;
	fetch_all();
	fixture.room = 0;
	while (seq < GW_BACKLOG_MARKS_MAX + 3)
		gw_backlog_mark(&b, ++seq, GW_MARK_DELIVERED);
	assert_int_equal(b.dropped_marks, 3);
	fixture.room = FIXTURE_MARKS;
	turn();
	assert_marks_in_order(GW_BACKLOG_MARKS_MAX);
	gw_backlog_mark(&b, ++seq, GW_MARK_DELIVERED);
	assert_mark(GW_BACKLOG_MARKS_MAX, seq, GW_MARK_DELIVERED);
}

/* No question before the marks, or what is settled would come again. */
static void test_marks_go_before_questions(void **state)
{
	(void)state;
	fixture.room = 0;
	gw_backlog_mark(&b, 1, GW_MARK_DELIVERED);
	assert_true(gw_backlog_start_query(&b, GW_BACKLOG_QUERY_PARKED, 0, 0));
	turn();
	assert_int_equal(fixture.asks, 0);
	gw_outbox_advance(&outbox, GW_OUTBOX_END);
	turn();
	assert_int_equal(fixture.parked_asks, 0);
	gw_outbox_note_missing(&outbox, 0);
	fixture.room = FIXTURE_MARKS;
	turn();
	assert_int_equal(fixture.n_marks, 1);
	assert_int_equal(fixture.asks, 1);
	assert_int_equal(fixture.parked_asks, 0); /* one at a time */
	fixture_answer(0, 0, 0);
	turn();
	assert_int_equal(fixture.parked_asks, 1);
}

/* More than 256 events are delivered while the store answers: none of them comes again. */
static void test_many_are_settled_while_the_store_answers(void **state)
{
	(void)state;
	turn();
	assert_int_equal(fixture.asks, 1);
	for (uint64_t seq = 1; seq <= 300; seq++)
		gw_backlog_mark(&b, seq, GW_MARK_DELIVERED);
	fixture_answer(310, 1, GW_LEVEL_RED);
	turn();
	assert_int_equal(n_added, 10);
	for (size_t i = 0; i < 10; i++)
		assert_int_equal(added[i], 301 + i);
	assert_int_equal(outbox.complete_up_to.seq, 310);
}

/* The line is full: asked again soon, and not sooner. */
static void test_a_question_that_is_not_taken(void **state)
{
	(void)state;
	fixture.busy = true;
	turn();
	turn();
	assert_int_equal(fixture.asks, 1);
	assert_int_equal(gw_backlog_next_ns(&b, fixture.now_ns), fixture.now_ns + 100 * MS);
	fixture.busy = false;
	fixture.now_ns += 100 * MS;
	fetch_all();
	assert_int_equal(fixture.asks, 2);

	fixture.busy = true;
	assert_true(gw_backlog_start_query(&b, GW_BACKLOG_QUERY_RESEND, 5, 0));
	assert_false(gw_backlog_start_query(&b, GW_BACKLOG_QUERY_PARKED, 0, 0));
	turn();
	turn();
	assert_int_equal(fixture.owe_asks, 1);
	assert_int_equal(gw_backlog_next_ns(&b, fixture.now_ns), fixture.now_ns + 100 * MS);
	fixture.busy = false;
	fixture.now_ns += 100 * MS;
	turn();
	assert_int_equal(fixture.owe_asks, 2);
	assert_int_equal(fixture.owe_from, 5);
	assert_int_equal(gw_backlog_next_ns(&b, fixture.now_ns), INT64_MAX);
	turn(); /* the store is not ready yet */
	assert_int_equal(n_others, 0);
	fixture_answer(0, 0, 0);
	turn();
	assert_int_equal(n_others, 1);
	assert_int_equal(last_other, GW_BACKLOG_QUERY_RESEND);
	assert_true(gw_backlog_start_query(&b, GW_BACKLOG_QUERY_PARKED, 0, 0));
}

/* What is owed is not asked for while another answer is awaited, and is not forgotten. */
static void test_one_question_at_a_time(void **state)
{
	(void)state;
	fetch_all();
	assert_true(gw_backlog_start_query(&b, GW_BACKLOG_QUERY_PARKED, 3, 0));
	turn();
	assert_int_equal(fixture.after_parked, 3);
	gw_outbox_note_missing(&outbox, 0);
	turn();
	assert_int_equal(fixture.asks, 1);
	fixture_answer(0, 0, 0)->failed = true;
	turn();
	assert_true(last_failed);
	assert_int_equal(fixture.asks, 2);
	/* the one that failed may be asked again, in its time; what is owed goes on */
	assert_true(gw_backlog_start_query(&b, GW_BACKLOG_QUERY_PARKED, 3, 0));
	fixture_answer(1, 9, GW_LEVEL_BLUE);
	turn();
	assert_int_equal(n_added, 1);
	fixture_answer(0, 0, 0);
	turn();
	assert_int_equal(fixture.parked_asks, 1);
	assert_int_equal(gw_backlog_next_ns(&b, fixture.now_ns), fixture.now_ns + SEC);
	fixture.now_ns += SEC;
	turn();
	assert_int_equal(fixture.parked_asks, 2);
}

/* The sooner of two times wins. */
static void test_the_next_turn_is_the_soonest(void **state)
{
	(void)state;
	fetch_all();
	assert_true(gw_backlog_start_query(&b, GW_BACKLOG_QUERY_PARKED, 0, 0));
	turn();
	fixture_answer(0, 0, 0)->failed = true;
	turn(); /* a second */
	assert_true(gw_backlog_start_query(&b, GW_BACKLOG_QUERY_PARKED, 0, 0));
	fixture.room = 0;
	gw_backlog_mark(&b, 1, GW_MARK_DELIVERED);
	assert_int_equal(gw_backlog_next_ns(&b, fixture.now_ns), fixture.now_ns + 100 * MS);
	fixture.room = FIXTURE_MARKS;
	gw_outbox_note_missing(&outbox, 0);
	turn(); /* asked for what is owed: patience of 200 ms */
	assert_int_equal(fixture.asks, 2);
	assert_int_equal(gw_backlog_next_ns(&b, fixture.now_ns), fixture.now_ns + 200 * MS);
	fixture.now_ns += 200 * MS;
	assert_true(gw_backlog_late(&b, fixture.now_ns));
	assert_int_equal(gw_backlog_next_ns(&b, fixture.now_ns), INT64_MAX);
}

/* Debts that come to light while the store answers: the answer does not cover them. */
static void test_owed_events_found_later_are_sent(void **state)
{
	(void)state;
	turn();
	fixture.debts = 1;
	fixture_answer(1, 5, GW_LEVEL_RED)->parked = 4;
	turn();
	assert_int_equal(n_added, 1);  /* what it has is welcome */
	assert_int_equal(n_counts, 0); /* but it was counted before */
	assert_false(gw_outbox_is_complete(&outbox));
	assert_int_equal(fixture.asks, 2);
	assert_int_equal(fixture.after.level, GW_LEVEL_RED + 1); /* from the beginning */
	gw_backlog_mark(&b, 5, GW_MARK_PARKED);                  /* since it was asked */
	fixture_answer(0, 0, 0)->parked = 4;
	turn();
	assert_int_equal(n_counts, 1);
	assert_int_equal(counted, 5);
	assert_true(gw_outbox_is_complete(&outbox));
	fixture.debts = 2;
	turn();
	assert_false(gw_outbox_is_complete(&outbox));
	assert_int_equal(fixture.asks, 3);
	fixture_answer(0, 0, 0)->parked = 9;
	turn();
	assert_int_equal(counted, 9);
}

/* The place the store looked from has moved since: its answer proves nothing. */
static void test_an_answer_from_another_place(void **state)
{
	(void)state;
	turn();
	fixture_answer(2, 5, GW_LEVEL_RED);
	turn();
	assert_int_equal(fixture.after.seq, 6);
	gw_outbox_note_missing(&outbox, 0); /* from the beginning: another level and seq */
	fixture_answer(0, 0, 0);
	turn();
	assert_false(gw_outbox_is_complete(&outbox));
	gw_outbox_advance(
		&outbox, (struct gw_owed_cursor){.level = GW_LEVEL_RED + 1, .seq = 1});
	fixture_answer(0, 0, 0); /* another seq alone */
	turn();
	assert_false(gw_outbox_is_complete(&outbox));
	fixture_answer(0, 0, 0);
	turn();
	assert_true(gw_outbox_is_complete(&outbox));
}

#define IT(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(test_marks_wait_for_a_full_line),
		IT(test_more_marks_than_are_kept),
		IT(test_marks_go_before_questions),
		IT(test_many_are_settled_while_the_store_answers),
		IT(test_a_question_that_is_not_taken),
		IT(test_one_question_at_a_time),
		IT(test_the_next_turn_is_the_soonest),
		IT(test_owed_events_found_later_are_sent),
		IT(test_an_answer_from_another_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

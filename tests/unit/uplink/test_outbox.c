/* SPDX-License-Identifier: Apache-2.0 */
#include "uplink/outbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ALL \
	((struct gw_outbox_pick_opts){ \
		.committed = UINT64_MAX, .max_items = 256, .max_bytes = 1 << 20})

static struct gw_outbox box;
static struct gw_outbox_item *picked[256];

static int setup(void **state)
{
	(void)state;
	assert_int_equal(gw_outbox_init(&box, 8, 1 << 20, NULL), GW_OK);
	gw_outbox_advance(&box, GW_OUTBOX_END);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	gw_outbox_fini(&box);
	gw_outbox_fini(&box);
	return 0;
}

static bool add(uint64_t seq, int level, const char *alarm)
{
	struct gw_outbox_item item = {.seq = seq,
		.level = (uint8_t)level,
		.alarm = gw_outbox_alarm_hash(alarm),
		.occurred_ns = (int64_t)seq * 1000,
		.durable = true};
	char body[16];

	snprintf(body, sizeof(body), "<%d>", (int)seq);
	return gw_outbox_add(&box, &item, body, strlen(body));
}

/* What a pick gives, as "3,1,2"; at most n of it. */
static const char *pick(struct gw_outbox_pick_opts now)
{
	static char text[512];
	size_t n = gw_outbox_pick(&box, &now, picked), i, at = 0;

	text[0] = '\0';
	for (i = 0; i < n; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, i ? ",%d" : "%d",
			(int)picked[i]->seq);
	return text;
}

static const char *peek(void)
{
	const char *text = pick(ALL);
	size_t i;

	for (i = 0; i < box.n; i++)
		box.items[i]->picked = false;
	return text;
}

static void test_worst_first_then_seq(void **state)
{
	(void)state;
	add(1, GW_LEVEL_YELLOW, "a");
	add(2, GW_LEVEL_RED, "b");
	add(3, GW_LEVEL_BLUE, "c");
	add(4, GW_LEVEL_YELLOW, "d");
	add(6, GW_LEVEL_RED, "e");
	add(5, GW_LEVEL_ORANGE, "f");
	assert_string_equal(pick(ALL), "2,6,5,1,4,3");
	gw_outbox_sent(&box);
	assert_int_equal(box.n, 0);
	assert_int_equal(box.bytes, 0);
}

static void test_one_alarm_by_seq_though_its_level_rose(void **state)
{
	(void)state;
	add(1, GW_LEVEL_BLUE, "a");
	add(2, GW_LEVEL_YELLOW, "other");
	add(3, GW_LEVEL_YELLOW, "a");
	assert_string_equal(peek(), "1,2,3");
	add(4, GW_LEVEL_RED, "a");
	assert_string_equal(peek(), "1,3,4,2");
	add(5, GW_LEVEL_BLUE, "a");
	assert_string_equal(peek(), "1,3,4,2,5");
	/* and an older one that the store brings later */
	add(7, GW_LEVEL_ORANGE, "late");
	add(6, GW_LEVEL_BLUE, "late");
	assert_string_equal(peek(), "1,3,4,6,7,2,5");
}

static void test_waits_for_commit_or_its_time(void **state)
{
	struct gw_outbox_pick_opts now = ALL;

	(void)state;
	add(1, GW_LEVEL_YELLOW, "a");
	add(2, GW_LEVEL_RED, "b");
	now.committed = 0;
	now.overdue_ns = 0;
	assert_string_equal(pick(now), "");
	assert_int_equal(gw_outbox_next_overdue(&box, 0), 1000);
	now.committed = 1;
	assert_string_equal(pick(now), "1");
	gw_outbox_retry(&box);
	assert_int_equal(gw_outbox_next_overdue(&box, 1), 2000);
	now.overdue_ns = 1999;
	assert_string_equal(pick(now), "1");
	gw_outbox_retry(&box);
	now.overdue_ns = 2000;
	assert_string_equal(pick(now), "2,1");
	gw_outbox_sent(&box);
	assert_int_equal(gw_outbox_next_overdue(&box, 1), INT64_MAX);
}

/* What came from the store is committed, whatever is known of the rest. */
static void test_an_event_from_the_store_counts_as_committed(void **state)
{
	const struct gw_outbox_item item = {
		.seq = 1, .level = GW_LEVEL_RED, .occurred_ns = 500, .stored = true};
	struct gw_outbox_pick_opts now = ALL;

	(void)state;
	assert_true(gw_outbox_add(&box, &item, "<1>", 3));
	add(2, GW_LEVEL_RED, "b");
	now.committed = 0;
	now.overdue_ns = 0;
	assert_int_equal(gw_outbox_next_overdue(&box, 0), 2000);
	assert_string_equal(pick(now), "1");
}

static void test_request_is_bounded(void **state)
{
	struct gw_outbox_pick_opts now = ALL;

	(void)state;
	for (uint64_t seq = 1; seq <= 5; seq++)
		add(seq, GW_LEVEL_RED, "a");
	now.max_items = 2;
	assert_string_equal(pick(now), "1,2");
	gw_outbox_retry(&box);
	now.max_items = 256;
	now.max_bytes = 7; /* bodies are 3 bytes */
	assert_string_equal(pick(now), "1,2");
	gw_outbox_retry(&box);
	now.max_bytes = 1; /* one leaves always */
	assert_string_equal(pick(now), "1");
}

static void test_retry_keeps_the_bytes(void **state)
{
	(void)state;
	add(1, GW_LEVEL_RED, "a");
	assert_string_equal(pick(ALL), "1");
	gw_outbox_retry(&box);
	assert_string_equal(pick(ALL), "1");
	assert_int_equal(picked[0]->n, 3);
	assert_memory_equal(picked[0]->body, "<1>", 3);
	gw_outbox_sent(&box);
	assert_int_equal(box.bytes, 0);
}

/* A full outbox leaves out what would leave last and knows from where on it is beyond_complete. */
static void test_a_full_outbox_leaves_out_what_would_leave_last(void **state)
{
	(void)state;
	for (uint64_t seq = 1; seq <= 8; seq++)
		assert_true(add(seq, GW_LEVEL_YELLOW, "a"));
	assert_false(add(9, GW_LEVEL_YELLOW, "a"));
	assert_int_equal(box.complete_up_to.level, GW_LEVEL_YELLOW);
	assert_int_equal(box.complete_up_to.seq, 8);
	assert_int_equal(box.left_out, 9);
	assert_false(gw_outbox_has(&box, 9));

	assert_true(add(10, GW_LEVEL_RED, "b")); /* in the place of 8 */
	assert_int_equal(box.complete_up_to.level, GW_LEVEL_YELLOW);
	assert_int_equal(box.complete_up_to.seq, 7);
	assert_int_equal(box.left_out, 9);
	assert_false(gw_outbox_has(&box, 8));
	assert_string_equal(pick(ALL), "10,1,2,3,4,5,6,7");
	gw_outbox_sent(&box);

	/* what comes after the hole waits until it is filled */
	add(11, GW_LEVEL_YELLOW, "a");
	add(12, GW_LEVEL_RED, "c");
	assert_string_equal(peek(), "12");
	gw_outbox_advance(
		&box, (struct gw_owed_cursor){.level = GW_LEVEL_YELLOW, .seq = 9});
	add(8, GW_LEVEL_YELLOW, "a");
	add(9, GW_LEVEL_YELLOW, "a");
	assert_string_equal(peek(), "12,8,9");
	gw_outbox_advance(&box, GW_OUTBOX_END);
	assert_true(gw_outbox_is_complete(&box));
	assert_string_equal(peek(), "12,8,9,11");
}

static void test_a_late_store_holds_nothing_back(void **state)
{
	struct gw_outbox_pick_opts now = ALL;

	(void)state;
	gw_outbox_advance(&box, (struct gw_owed_cursor){.level = GW_LEVEL_RED + 1});
	add(1, GW_LEVEL_RED, "a");
	assert_string_equal(pick(now), "");
	now.beyond_complete = true;
	assert_string_equal(pick(now), "1");
}

static void test_an_event_in_a_request_is_not_left_out(void **state)
{
	struct gw_outbox_pick_opts now = ALL;

	(void)state;
	for (uint64_t seq = 1; seq <= 8; seq++)
		add(seq, GW_LEVEL_YELLOW, "a");
	assert_string_equal(pick(now), "1,2,3,4,5,6,7,8");
	assert_false(add(9, GW_LEVEL_RED, "b"));
	assert_int_equal(box.complete_up_to.level, GW_LEVEL_RED);
	gw_outbox_retry(&box);
	assert_true(add(10, GW_LEVEL_RED, "b"));
	assert_false(gw_outbox_has(&box, 8));
}

static void test_the_outbox_is_bounded_in_bytes(void **state)
{
	(void)state;
	box.max_bytes = 3 * (sizeof(struct gw_outbox_item) + 4);
	for (uint64_t seq = 1; seq <= 3; seq++)
		assert_true(add(seq, GW_LEVEL_YELLOW, "a"));
	assert_false(add(4, GW_LEVEL_YELLOW, "a"));
	assert_int_equal(box.n, 3);
}

static void test_the_oldest_event_is_known(void **state)
{
	(void)state;
	assert_int_equal(gw_outbox_oldest_ns(&box), INT64_MAX);
	add(7, GW_LEVEL_RED, "a");
	add(3, GW_LEVEL_BLUE, "b");
	add(4, GW_LEVEL_BLUE, "c");
	assert_int_equal(gw_outbox_oldest_ns(&box), 3000);
}

#define IT(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(test_worst_first_then_seq),
		IT(test_one_alarm_by_seq_though_its_level_rose),
		IT(test_waits_for_commit_or_its_time),
		IT(test_an_event_from_the_store_counts_as_committed),
		IT(test_request_is_bounded),
		IT(test_retry_keeps_the_bytes),
		IT(test_a_full_outbox_leaves_out_what_would_leave_last),
		IT(test_a_late_store_holds_nothing_back),
		IT(test_an_event_in_a_request_is_not_left_out),
		IT(test_the_outbox_is_bounded_in_bytes),
		IT(test_the_oldest_event_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

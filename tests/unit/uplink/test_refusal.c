/* SPDX-License-Identifier: Apache-2.0 */
/* Who is parked, and on whose word: the search through an outbox, without thread and time. */
#include "uplink/refusal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MOST 256

static struct gw_outbox box;
static struct gw_outbox_item *picked[MOST];

static struct {
	unsigned requests, parked, sent;
	uint64_t seqs[MOST];
} run;

static int setup(void **state)
{
	(void)state;
	memset(&run, 0, sizeof(run));
	assert_int_equal(gw_outbox_init(&box, MOST, 1 << 20, NULL), GW_OK);
	gw_outbox_advance(&box, GW_OUTBOX_END);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	gw_outbox_fini(&box);
	return 0;
}

static void add(uint64_t seq, int level, const char *alarm)
{
	struct gw_outbox_item item = {.seq = seq,
		.level = (uint8_t)level,
		.alarm = gw_outbox_alarm_hash(alarm),
		.occurred_ns = (int64_t)seq * 1000,
		.durable = true};

	assert_true(gw_outbox_add(&box, &item, "<>", 2));
}

/* Events first..last, each of an alarm of its own. */
static void add_range(uint64_t first, uint64_t last)
{
	char alarm[16];

	for (uint64_t seq = first; seq <= last; seq++) {
		snprintf(alarm, sizeof(alarm), "a%d", (int)seq);
		add(seq, GW_LEVEL_YELLOW, alarm);
	}
}

static size_t pick(bool any_witness)
{
	return gw_refusal_pick(&box,
		&(struct gw_outbox_pick_opts){.committed = UINT64_MAX,
			.any_witness = any_witness,
			.max_items = 64,
			.max_bytes = 1 << 20},
		picked);
}

/* The one that is tried next, alone; 0: none. */
static uint64_t next_alone(bool any_witness)
{
	size_t n = pick(any_witness);

	assert_true(n <= 1);
	return n == 1 ? picked[0]->seq : 0;
}

static bool accepted(void)
{
	struct gw_outbox_item *it;

	box.one_by_one = false;
	while ((it = gw_refusal_next_proved(&box)) != NULL) {
		run.seqs[run.parked++] = it->seq;
		free(it);
	}
	return true;
}

/* To the end: requests that hold one of bad (sorted) are refused. True: all are settled. */
static bool run_refusals(const uint64_t *bad, size_t n_bad)
{
	for (memset(&run, 0, sizeof(run)); run.requests < 500; run.requests++) {
		size_t n = pick(true), i, k;
		bool refused = false;

		if (n == 0)
			return box.n == 0;
		for (i = 0; i < n; i++)
			for (k = 0; k < n_bad; k++)
				refused |= picked[i]->seq == bad[k];
		if (refused) {
			gw_refusal_note(&box);
			continue;
		}
		run.sent += (unsigned)n;
		gw_outbox_sent(&box);
		accepted();
	}
	return false;
}

static void test_one_bad_record_is_found_and_parked(void **state)
{
	(void)state;
	for (uint64_t bad = 1; bad <= 62; bad++) {
		add_range(1, 64);
		assert_true(run_refusals(&bad, 1));
		assert_int_equal(run.parked, 1);
		assert_int_equal(run.seqs[0], bad);
		assert_int_equal(run.sent, 63);
		assert_in_range(run.requests, 4, 16);
		assert_int_equal(box.bytes, 0);
		assert_false(gw_refusal_in_progress(&box));
	}
}

static void test_several_bad_records(void **state)
{
	static const uint64_t bad[] = {2, 3, 17, 40, 41, 42};

	(void)state;
	add_range(1, 64);
	assert_true(run_refusals(bad, 6));
	assert_int_equal(run.parked, 6);
	assert_int_equal(run.sent, 58);
	assert_in_range(run.requests, 6, 80);
}

/* The last one has nobody after it who could bear witness. */
static void test_without_a_witness_a_refused_event_is_not_parked(void **state)
{
	uint64_t bad = 5;

	(void)state;
	add_range(1, 5);
	assert_false(run_refusals(&bad, 1));
	assert_int_equal(run.parked, 0);
	assert_int_equal(run.sent, 4);
	assert_int_equal(box.n, 1);
	gw_refusal_abandon(&box);
	assert_int_equal(next_alone(true), 5); /* again, and for ever */
	gw_refusal_note(&box);
	gw_refusal_abandon(&box);
	add_range(6, 8);
	assert_true(run_refusals(&bad, 1));
	assert_int_equal(run.parked, 1);
	assert_int_equal(run.sent, 3);
}

static void test_one_refusal_among_accepted_ones_parks_nothing(void **state)
{
	(void)state;
	add_range(1, 3);
	pick(false);
	gw_refusal_note(&box); /* 1,2,3 */
	assert_int_equal(next_alone(false), 1);
	assert_true(gw_refusal_note(&box));
	assert_int_equal(next_alone(false), 2);
	gw_outbox_sent(&box);
	assert_null(gw_refusal_next_proved(&box));
	assert_int_equal(next_alone(false), 1); /* its second chance, before all others */
	gw_outbox_sent(&box);
	assert_null(gw_refusal_next_proved(&box));
	assert_false(gw_refusal_in_progress(&box));
	assert_int_equal(pick(false), 1);
	assert_int_equal(picked[0]->seq, 3);
}

/* All is refused: nobody is parked, and each time somebody else is tried first. */
static void test_everything_refused_parks_nothing(void **state)
{
	uint64_t first[4];

	(void)state;
	add_range(1, 12);
	add(13, GW_LEVEL_RED, "r");
	pick(false);
	gw_refusal_note(&box);
	while (pick(false) > 1)
		gw_refusal_note(&box);
	assert_int_equal(picked[0]->seq, 13); /* worst first */
	gw_refusal_note(&box);
	assert_int_equal(next_alone(false), 1);
	gw_refusal_note(&box);
	for (size_t i = 0; i < 4; i++) {
		gw_refusal_abandon(&box);
		first[i] = next_alone(false);
		gw_refusal_note(&box);
		next_alone(false);
		gw_refusal_note(&box);
	}
	assert_int_equal(first[0], 2);
	assert_int_equal(first[1], 4);
	assert_int_equal(first[2], 6);
	assert_int_equal(first[3], 8);
	gw_refusal_abandon(&box);
	/* what is new is tried before what was refused */
	add(20, GW_LEVEL_BLUE, "new");
	assert_int_equal(next_alone(false), 10);
	gw_outbox_retry(&box);
	add(21, GW_LEVEL_RED, "fresh");
	assert_int_equal(next_alone(false), 21);
	gw_outbox_sent(&box);
	accepted();
	assert_int_equal(run.parked, 0);
	assert_int_equal(pick(false), 14); /* business as usual, worst first */
	assert_int_equal(picked[0]->seq, 13);
	assert_int_equal(picked[1]->seq, 1);
}

/* "cleared" does not pass a "raised" that was refused, if anybody else can be asked. */
static void test_an_alarm_keeps_its_order(void **state)
{
	(void)state;
	add(1, GW_LEVEL_RED, "a");
	add(2, GW_LEVEL_RED, "a");
	add(3, GW_LEVEL_BLUE, "b");
	pick(false);
	gw_refusal_note(&box);
	assert_int_equal(next_alone(false), 1);
	gw_refusal_note(&box);
	assert_int_equal(next_alone(false), 3);
	gw_refusal_note(&box);
	assert_int_equal(next_alone(false), 0);
	assert_int_equal(next_alone(true), 2); /* no other witness is left */
}

static void test_the_urgent_passes_suspects(void **state)
{
	(void)state;
	add_range(1, 4);
	assert_int_equal(pick(false), 4);
	assert_false(gw_refusal_note(&box));
	add(5, GW_LEVEL_RED, "b");
	add(6, GW_LEVEL_YELLOW, "a");
	assert_int_equal(pick(false), 1);
	assert_int_equal(picked[0]->seq, 5);
	gw_outbox_sent(&box);
	assert_null(gw_refusal_next_proved(&box));
	assert_int_equal(pick(false), 2);
	assert_int_equal(picked[0]->seq, 1);
	gw_outbox_sent(&box);
	assert_null(gw_refusal_next_proved(&box));
	assert_int_equal(next_alone(false), 3);
	gw_outbox_sent(&box);
	assert_null(gw_refusal_next_proved(&box));
	assert_int_equal(next_alone(false), 4);
	gw_refusal_note(&box);
	assert_int_equal(next_alone(false), 6);
	gw_outbox_sent(&box);
	/* it was refused among others, then alone, and each time something was accepted after */
	free(gw_refusal_next_proved(&box));
	assert_null(gw_refusal_next_proved(&box));
	assert_int_equal(box.n, 0);
}

/* What the outbox had to leave out meanwhile is nobody's witness. */
static void test_a_suspect_that_is_left_out(void **state)
{
	(void)state;
	add_range(1, 1);
	pick(false);
	assert_true(gw_refusal_note(&box));
	free(gw_outbox_remove(&box, 0));
	assert_int_equal(next_alone(true), 0);
	gw_refusal_abandon(&box);
	assert_false(gw_refusal_in_progress(&box));
}

/* What may not leave yet is nobody's witness, either, and is not tried a second time: a more
 * urgent one may be in the store. */
static void test_an_event_that_waits_for_the_store_is_not_tried(void **state)
{
	(void)state;
	add_range(1, 2);
	pick(false);
	gw_refusal_note(&box); /* both */
	assert_int_equal(next_alone(true), 1);
	assert_true(gw_refusal_note(&box));
	gw_outbox_note_missing(&box, 0);
	assert_int_equal(next_alone(true), 0);
	gw_outbox_advance(&box, GW_OUTBOX_END);
	assert_int_equal(next_alone(true), 2);
	gw_outbox_sent(&box);
	assert_null(gw_refusal_next_proved(&box)); /* 1 is under suspicion: a second try */
	gw_outbox_note_missing(&box, 0);
	assert_int_equal(next_alone(true), 0);
	gw_outbox_advance(&box, GW_OUTBOX_END);
	assert_int_equal(next_alone(true), 1);
	gw_outbox_retry(&box);
}

/* For days nothing is accepted: the count of refusals ends, the taking in turn does not. */
static void test_events_refused_for_days_are_tried_in_turn(void **state)
{
	bool tried[3] = {false};

	(void)state;
	add_range(1, 2);
	pick(true);
	gw_refusal_note(&box); /* both */
	for (int i = 0; i < 600; i++) {
		uint64_t seq = next_alone(true);

		assert_in_range(seq, 1, 2);
		tried[seq] |= i < 4;
		gw_refusal_note(&box);
		gw_refusal_abandon(&box);
	}
	assert_true(tried[1] && tried[2]);
	assert_int_equal(box.n, 2);
	assert_int_equal(box.items[0]->searches_abandoned, UINT8_MAX);
	assert_true(run_refusals(NULL, 0));
	assert_int_equal(run.sent, 2);
}

#define IT(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(test_one_bad_record_is_found_and_parked),
		IT(test_several_bad_records),
		IT(test_without_a_witness_a_refused_event_is_not_parked),
		IT(test_one_refusal_among_accepted_ones_parks_nothing),
		IT(test_everything_refused_parks_nothing),
		IT(test_an_alarm_keeps_its_order),
		IT(test_the_urgent_passes_suspects),
		IT(test_a_suspect_that_is_left_out),
		IT(test_an_event_that_waits_for_the_store_is_not_tried),
		IT(test_events_refused_for_days_are_tried_in_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

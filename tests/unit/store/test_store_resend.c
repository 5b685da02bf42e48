/* SPDX-License-Identifier: Apache-2.0 */
/* What is parked can be read, and what was delivered or parked can be owed again. */
#include "store_fixture.h"

static void fill(struct gw_store *s, uint64_t from, uint64_t to)
{
	for (uint64_t seq = from; seq <= to; seq++) {
		struct gw_event e = make_event(s, seq, seq % 1000, GW_LEVEL_YELLOW);

		push(s, &e);
		if (seq % 1000 == 0)
			turn(s);
	}
}

static void mark_all(struct gw_store *s, uint64_t from, uint64_t to, enum gw_mark_kind kind)
{
	for (uint64_t seq = from; seq <= to; seq++) {
		assert_true(gw_store_mark(s, 0, seq, kind));
		if (seq % 500 == 0)
			turn(s);
	}
}

/* The seqs parked for the first sink, as text. */
static const char *parked(struct gw_store *s)
{
	static char text[512];
	struct gw_batch *b;
	size_t n = 0;

	assert_true(gw_store_request_parked(s, 0, 0, 100));
	turn(s);
	b = gw_store_take_batch(s, 0);
	assert_non_null(b);
	assert_false(b->failed);
	text[0] = '\0';
	for (size_t i = 0; i < b->n; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%llu", n ? " " : "",
			(unsigned long long)b->events[i].seq);
	gw_batch_free(b);
	return text;
}

/* What a question for what is owed is told, too. */
static uint64_t parked_in_all(struct gw_store *s)
{
	struct gw_batch *b = request_owed(s, 0, GW_LEVEL_RED + 1, 0, 1);
	uint64_t n = b->parked;

	assert_false(b->failed);
	gw_batch_free(b);
	return n;
}

static struct gw_store_status status_of(struct gw_store *s)
{
	struct gw_store_status st;

	gw_store_status(s, &st);
	return st;
}

/* Window after window, as an uplink does; returns how many are owed again. */
static uint64_t owe(struct gw_store *s, uint64_t from_seq, int64_t from_ms,
	uint64_t *ret_unparked, unsigned *ret_windows)
{
	uint64_t all = 0;

	*ret_unparked = 0;
	*ret_windows = 0;
	while (from_seq != 0) {
		struct gw_batch *b;

		assert_true(gw_store_request_resend(s, 0, from_seq, from_ms));
		assert_false(gw_store_request_owed(
			s, 0, (struct gw_owed_cursor){4, 0}, 1)); /* one at a time */
		turn(s);
		b = gw_store_take_batch(s, 0);
		assert_non_null(b);
		assert_false(b->failed);
		assert_int_equal(b->n, 0);
		all += b->owed;
		*ret_unparked += b->unparked;
		from_seq = b->next;
		++*ret_windows;
		gw_batch_free(b);
	}
	return all;
}

static void parked_ones_are_read_and_stay(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);
	struct gw_event e = make_event(s, 3, 3, GW_LEVEL_RED);
	struct gw_batch *b;

	(void)state;
	fill(s, 1, 2);
	push(s, &e);
	turn(s);
	mark_all(s, 1, 3, GW_MARK_PARKED);
	assert_string_equal(parked(s), "1 2 3"); /* by seq, whatever the level */
	assert_string_equal(parked(s), "1 2 3");
	assert_int_equal(parked_in_all(s), 3);
	assert_true(gw_store_request_parked(s, 0, 1, 1));
	turn(s);
	b = gw_store_take_batch(s, 0);
	assert_int_equal(b->n, 1);
	assert_int_equal(b->events[0].seq, 2);
	gw_batch_free(b);
	assert_string_equal(owed(s, 0), "");
	assert_int_equal(status_of(s).parked[0], 3);

	/* what was said and is not written yet counts */
	gw_store_mark(s, 0, 2, GW_MARK_UNPARKED);
	assert_string_equal(parked(s), "1 3");
	assert_int_equal(status_of(s).parked[0], 2);
	gw_store_mark(s, 0, 2, GW_MARK_UNPARKED); /* twice is once */
	assert_string_equal(parked(s), "1 3");
	assert_int_equal(status_of(s).parked[0], 2);
	assert_string_equal(owed(s, 1), "3:3 1:1 1:2"); /* not the other one's business */
	gw_store_free(s);

	s = open_store(two_sinks, 2, 16 * MIB);
	assert_int_equal(parked_in_all(s), 2);
	assert_string_equal(parked(s), "1 3");
	assert_int_equal(status_of(s).parked[0], 2);
	gw_store_free(s);
}

static void a_range_is_owed_again(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);
	uint64_t unparked;
	unsigned windows;

	(void)state;
	fill(s, 1, 10);
	turn(s);
	mark_all(s, 1, 8, GW_MARK_DELIVERED);
	mark_all(s, 9, 9, GW_MARK_PARKED);
	assert_string_equal(owed(s, 0), "1:10");
	assert_int_equal(owe(s, 7, 0, &unparked, &windows), 3); /* 10 is owed anyway */
	assert_int_equal(unparked, 1);
	assert_string_equal(owed(s, 0), "1:7 1:8 1:9 1:10");
	assert_int_equal(status_of(s).owed[0], 4);
	assert_int_equal(status_of(s).parked[0], 0);
	assert_string_equal(parked(s), "");
	/* by time: make_event gives 1795300000000 + seq */
	assert_int_equal(owe(s, 1, 1795300000005, &unparked, &windows), 2);
	assert_string_equal(owed(s, 0), "1:5 1:6 1:7 1:8 1:9 1:10");
	assert_int_equal(owe(s, 11, 0, &unparked, &windows), 0);
	gw_store_free(s);

	s = open_store(two_sinks, 2, 16 * MIB); /* and it outlives a restart */
	assert_string_equal(owed(s, 0), "1:5 1:6 1:7 1:8 1:9 1:10");
	assert_int_equal(owe(s, 1, 0, &unparked, &windows), 4); /* right after it, too */
	assert_int_equal(status_of(s).owed[0], 10);
	mark_all(s, 1, 10, GW_MARK_DELIVERED);
	assert_string_equal(owed(s, 0), "");
	assert_int_equal(status_of(s).owed[0], 0);
	gw_store_free(s);
}

static void a_long_range_goes_window_by_window(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 64 * MIB);
	uint64_t unparked;
	unsigned windows;

	(void)state;
	fill(s, 1, 12000);
	turn(s);
	mark_all(s, 1, 12000, GW_MARK_DELIVERED);
	turn(s);
	assert_string_equal(owed(s, 0), "");
	assert_int_equal(owe(s, 1, 0, &unparked, &windows), 12000);
	assert_in_range(windows, 3, 5);
	assert_int_equal(status_of(s).owed[0], 12000);
	gw_store_free(s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(parked_ones_are_read_and_stay),
		TEST(a_range_is_owed_again),
		TEST(a_long_range_goes_window_by_window),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

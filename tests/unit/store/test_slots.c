/* SPDX-License-Identifier: Apache-2.0 */
/* Slots of uplinks that come and go while the store runs. */
#include "slots_fixture.h"

/* Events are in the ring when the uplinks change, and the store has looked at nothing yet. */
static void each_event_is_owed_to_the_uplinks_of_its_time(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);
	size_t third, fourth;

	(void)state;
	third = reserve(s);
	fourth = reserve(s);
	assert_int_equal(third, 2);
	assert_int_equal(fourth, 3);
	emit(s, 1);
	set_uplinks(s, 2,
		(struct uplink_slot[]){
			{0, "city", "a"}, {1, "file", "b"}, {third, "county", "c"}},
		3);
	emit(s, 2);
	set_uplinks(
		s, 3, (struct uplink_slot[]){{0, "city", "a"}, {fourth, "state", "d"}}, 2);
	emit(s, 3);
	turn(s);
	assert_string_equal(owed(s, 0), "3:1 3:2 3:3");
	assert_string_equal(owed(s, 1), "3:1 3:2"); /* it may still be at its last try */
	assert_string_equal(owed(s, third), "3:2");
	assert_string_equal(owed(s, fourth), "3:3");
	gw_store_free(s);
}

static void a_name_that_comes_back_is_owed_all_of_before(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);
	size_t slot;

	(void)state;
	emit(s, 1);
	emit(s, 2);
	gw_store_mark(s, 0, 1, GW_MARK_PARKED); /* it may be taken now */
	turn(s);
	set_uplinks(s, 3, (struct uplink_slot[]){{1, "file", "b"}}, 1);
	gw_store_detach_uplink(s, 0);
	emit(s, 3);
	turn(s);
	turn(s);
	assert_string_equal(removed_uplinks(s), "city:1");
	slot = reserve(s);
	assert_int_equal(slot, 0); /* given back: no thread marks there any more */
	set_uplinks(s, 4, (struct uplink_slot[]){{slot, "city", "a"}, {1, "file", "b"}}, 2);
	emit(s, 4);
	turn(s);
	/* 3 arose when it was not there */
	assert_string_equal(owed(s, slot), "3:1 3:2 3:4");
	assert_string_equal(owed(s, 1), "3:1 3:2 3:3 3:4");
	assert_string_equal(removed_uplinks(s), "");
	gw_store_free(s);
}

/* The thread of a removed uplink may still report; with nothing owed its name is forgotten. */
static void a_mark_after_the_removal_counts(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);

	(void)state;
	emit(s, 1);
	turn(s);
	set_uplinks(s, 2, (struct uplink_slot[]){{1, "file", "b"}}, 1);
	turn(s);
	gw_store_mark(s, 0, 1, GW_MARK_DELIVERED);
	gw_store_detach_uplink(s, 0);
	for (int i = 0; i < 3; i++) {
		clock_ms += 1000; /* marks are batched */
		turn(s);
	}
	assert_string_equal(removed_uplinks(s), "");
	assert_null(s->registry[0].name);
	assert_int_equal(reserve(s), 0);
	gw_store_free(s);
}

static void a_new_name_at_the_same_address_inherits(void **state)
{
	static const char *const urls[] = {"https://a", "https://b"};
	static const char *const renamed[] = {"platform", "file"};
	struct gw_store *s = open_with_urls(two_sinks, urls, 2);
	size_t slot;

	(void)state;
	for (uint64_t seq = 1; seq <= 3; seq++)
		emit(s, seq);
	turn(s);
	slot = reserve(s);
	set_uplinks(s, 4,
		(struct uplink_slot[]){
			{slot, "town", "https://a"}, {1, "file", "https://b"}},
		2);
	emit(s, 4);
	turn(s);
	assert_string_equal(owed(s, slot), "3:1 3:2 3:3 3:4");
	/* the old thread was at its last try: nothing of it comes twice */
	gw_store_mark(s, 0, 1, GW_MARK_DELIVERED);
	gw_store_detach_uplink(s, 0);
	turn(s);
	assert_string_equal(owed(s, slot), "3:2 3:3 3:4");
	gw_store_free(s);
	/* the same over a restart */
	s = open_with_urls(renamed, urls, 2);
	assert_string_equal(owed(s, 0), "3:2 3:3 3:4");
	assert_string_equal(removed_uplinks(s), "");
	gw_store_free(s);
}

/* It is owed the same events itself. */
static void an_uplink_that_was_there_inherits_nothing(void **state)
{
	static const char *const urls[] = {"https://a", "https://a"};
	struct gw_store *s = open_with_urls(two_sinks, urls, 2);

	(void)state;
	emit(s, 1);
	gw_store_mark(s, 1, 1, GW_MARK_DELIVERED);
	turn(s);
	set_uplinks(s, 2, (struct uplink_slot[]){{1, "file", "https://a"}}, 1);
	gw_store_detach_uplink(s, 0);
	turn(s);
	turn(s);
	assert_string_equal(owed(s, 1), "");
	assert_string_equal(removed_uplinks(s), "city:1");
	gw_store_free(s);
}

/* Nothing reaches the disk: the debts are in memory only. */
static void owed_events_of_removed_and_new_uplinks_survive_a_failing_disk(void **state)
{
	static const char *const urls[] = {"https://a", "https://b"};
	struct gw_store *s = open_with_urls(two_sinks, urls, 2);
	size_t third, fourth;

	(void)state;
	emit(s, 1);
	turn(s);
	disk.write_rc = SQLITE_IOERR_WRITE;
	emit(s, 2);
	turn(s);
	third = reserve(s);
	set_uplinks(s, 3,
		(struct uplink_slot[]){
			{0, "city", "https://a"}, {third, "new", "https://b"}},
		2);
	gw_store_detach_uplink(s, 1);
	emit(s, 3);
	turn(s);
	fourth = reserve(s);
	set_uplinks(s, 4,
		(struct uplink_slot[]){
			{fourth, "city", "https://c"}, {third, "new", "https://b"}},
		2);
	gw_store_detach_uplink(s, 0);
	emit(s, 4);
	turn(s);
	/* the file can still be read, though not written */
	assert_string_equal(owed(s, third), "3:1 3:2 3:3 3:4");
	assert_string_equal(owed(s, fourth), "3:1 3:2 3:3 3:4");
	disk.write_rc = 0;
	clock_ms += 60000;
	turn(s);
	assert_string_equal(owed(s, third), "3:1 3:2 3:3 3:4");
	assert_string_equal(owed(s, fourth), "3:1 3:2 3:3 3:4");
	gw_store_free(s);
	s = open_with_urls((const char *const[]){"new", "city"}, NULL, 2);
	assert_string_equal(owed(s, 0), "3:1 3:2 3:3 3:4");
	assert_string_equal(owed(s, 1), "3:1 3:2 3:3 3:4");
	gw_store_free(s);
}

/* A removed uplink keeps its slot until what it is owed is written. */
static void a_slot_is_given_back_when_all_is_written(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);
	size_t slot;

	(void)state;
	disk.write_rc = SQLITE_IOERR_WRITE;
	emit(s, 1);
	turn(s);
	set_uplinks(s, 2, NULL, 0);
	gw_store_detach_uplink(s, 0);
	gw_store_detach_uplink(s, 1);
	turn(s);
	for (size_t i = 2; i < GW_STORE_SLOTS; i++)
		assert_int_equal(reserve(s), i);
	assert_int_equal(gw_store_reserve_slot(s, &slot, NULL), GW_ERR_FULL);
	disk.write_rc = 0;
	clock_ms += 60000;
	turn(s);
	turn(s);
	assert_int_equal(reserve(s), 0);
	assert_int_equal(reserve(s), 1);
	gw_store_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_event_is_owed_to_the_uplinks_of_its_time),
		TEST(a_name_that_comes_back_is_owed_all_of_before),
		TEST(a_mark_after_the_removal_counts),
		TEST(a_new_name_at_the_same_address_inherits),
		TEST(an_uplink_that_was_there_inherits_nothing),
		TEST(owed_events_of_removed_and_new_uplinks_survive_a_failing_disk),
		TEST(a_slot_is_given_back_when_all_is_written),
	};

	vfs_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

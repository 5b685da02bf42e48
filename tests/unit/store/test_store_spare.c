/* SPDX-License-Identifier: Apache-2.0 */
/* Events that a failing disk does not take outlive a kill of the daemon, in a file that is not on
 * that disk. */
#include "spare_fixture.h"

static void a_kill_while_the_disk_fails_loses_nothing(void **state)
{
	struct gw_store *s;

	(void)state;
	killed(life);
	assert_int_equal(names_with("unsaved") > 0, true);
	s = begin();
	assert_int_equal(gw_store_last_seq(s), 5);
	assert_standing(s);
	pass(s, 15);
	assert_owed_as_it_left(s);
	assert_int_equal(names_with("unsaved"), 0);
	gw_store_free(s);
	s = begin(); /* now from the journal */
	assert_int_equal(gw_store_last_seq(s), 5);
	assert_standing(s);
	assert_owed_as_it_left(s);
	gw_store_free(s);
}

/* The spare file cannot be read at first: the start waits with the rest, new events come before. */
static void a_spare_file_is_read_later(void **state)
{
	char moved[TEMP_DIR_MAX + 64];
	struct gw_store *s;

	(void)state;
	killed(life);
	snprintf(moved, sizeof(moved), "%s.moved", spare);
	assert_int_equal(rename(spare, moved), 0);
	assert_int_equal(mkdir(spare, 0700), 0);
	s = begin();
	assert_int_equal(gw_store_last_seq(s) > 5, true);
	emit(s, gw_store_last_seq(s) + 1, 4, false); /* the end of what 5 raised */
	pass(s, 3);
	assert_int_equal(rmdir(spare), 0);
	assert_int_equal(rename(moved, spare), 0);
	pass(s, 40);
	assert_standing(s);
	assert_int_equal(names_with("unsaved"), 0);
	gw_store_free(s);
	s = begin();
	assert_int_equal(alarms_given(s), 2);
	gw_store_free(s);
}

static void an_unreadable_spare_file_is_kept(void **state)
{
	struct gw_store *s;

	(void)state;
	assert_int_equal(mkdir(spare, 0700), 0);
	s = begin();
	pass(s, 60);
	emit(s, gw_store_last_seq(s) + 1, 6, true);
	pass(s, 15);
	assert_true(gw_store_committed(s) > gw_store_last_seq(s));
	assert_int_equal(names_with("unsaved.unread"), 1);
	gw_store_free(s);
}

static bool no_memory(void *arg, size_t n)
{
	*(size_t *)arg += n;
	return false;
}

/* Main has no memory for them: all stay, those of the spare file, too. */
static void alarms_stay_until_there_is_memory_for_them(void **state)
{
	struct gw_store *s;
	size_t n = 0;

	(void)state;
	killed(life);
	s = begin();
	gw_store_load_alarms(s, no_memory, count_alarm, &n);
	assert_int_equal(n, 3);
	assert_standing(s);
	assert_int_equal(alarms_given(s), 0);
	gw_store_free(s);
}

/* The next start finds the disk as it was left, and its events and marks are kept there, too. */
static void life_on_the_same_disk(void)
{
	struct gw_store *s;

	disk.read_only = true;
	s = begin();
	if (gw_store_last_seq(s) != 5)
		_exit(1);
	emit(s, 6, 4, false);
	gw_store_mark(s, 0, 5, GW_MARK_DELIVERED);
	turn(s);
}

static void two_kills_on_a_bad_disk_lose_nothing(void **state)
{
	struct gw_batch *b;
	struct gw_store *s;
	size_t n = 0;

	(void)state;
	killed(life);
	killed(life_on_the_same_disk);
	s = begin();
	assert_int_equal(gw_store_last_seq(s), 6);
	gw_store_load_alarms(s, NULL, count_alarm, &n);
	assert_int_equal(n, 2);
	pass(s, 15);
	b = request_owed(s, 1, GW_LEVEL_RED + 1, 0, 100);
	assert_int_equal(b->n, 1);
	assert_int_equal(b->events[0].seq, 6);
	gw_batch_free(b);
	assert_string_equal(owed(s, 0), "3:6");
	gw_store_free(s);
}

/* The journal cannot even be read: what is in the spare file is owed, and its states come with
 * the others. */
static void an_unreadable_journal_leaves_the_spare_file_owed(void **state)
{
	struct gw_store *s;

	(void)state;
	killed(life);
	disk.open_rc = SQLITE_CANTOPEN;
	s = begin();
	assert_true(gw_store_last_seq(s) > 5);
	vfs_heal();
	pass(s, 15);
	assert_int_equal(gw_store_committed(s), gw_store_last_seq(s));
	assert_standing(s);
	assert_owed_as_it_left(s);
	gw_store_free(s);
}

/* An uplink that is not configured for one start is owed it when it comes back. */
static void a_spare_file_keeps_what_a_removed_uplink_is_owed(void **state)
{
	struct gw_store *s;

	(void)state;
	owe_two = true;
	killed(life);
	owe_two = false;
	s = begin_with(&two_sinks[1], 1);
	pass(s, 15);
	assert_string_equal(owed(s, 0), "");
	gw_store_free(s);
	s = begin();
	pass(s, 15);
	assert_string_equal(owed(s, 0), "3:2 3:5");
	gw_store_free(s);
}

/* A kill between the commit and the end of the file: what was settled since is not owed again. */
static void a_spare_file_owes_nothing_that_was_committed(void **state)
{
	char copy[1024];
	struct gw_store *s;

	(void)state;
	killed(life);
	snprintf(copy, sizeof(copy), "cp %s %s.kept; cp %s-wal %s.kept-wal", spare, spare,
		spare, spare);
	assert_int_equal(system(copy), 0);
	s = begin();
	pass(s, 15);
	gw_store_mark(s, 0, 5, GW_MARK_DELIVERED);
	pass(s, 2);
	gw_store_free(s);
	snprintf(copy, sizeof(copy), "mv %s.kept %s; mv %s.kept-wal %s-wal", spare, spare,
		spare, spare);
	assert_int_equal(system(copy), 0);
	s = begin();
	assert_standing(s);
	assert_string_equal(owed(s, 0), "");
	pass(s, 15);
	assert_int_equal(names_with("unsaved"), 0);
	gw_store_free(s);
}

/* 1, 3 and 5 raise an alarm each, and no sink has taken them. Then the disk fails, and 7, 9 and
 * 11 clear these alarms: the first sink has taken 7, is owed 9 and has parked 11. */
static void life_that_overtakes(void)
{
	struct gw_store *s = begin();

	for (uint64_t seq = 1; seq <= 5; seq += 2)
		emit(s, seq, seq, true);
	pass(s, 3);
	disk.read_only = true;
	for (uint64_t seq = 2; seq <= 6; seq += 2)
		emit(s, seq + 5, seq - 1, false);
	gw_store_mark(s, 0, 7, GW_MARK_DELIVERED);
	gw_store_mark(s, 0, 11, GW_MARK_PARKED);
	turn(s);
	if (gw_store_committed(s) != 5)
		_exit(1);
}

static void assert_overtaken(struct gw_store *s)
{
	struct gw_batch *b = request_owed(s, 0, GW_LEVEL_RED + 1, 0, 100);

	assert_false(b->failed);
	assert_int_equal(b->n, 4);
	for (size_t i = 0; i < b->n; i++) {
		assert_int_equal(b->events[i].seq, i < 3 ? 1 + 2 * i : 9);
		assert_int_equal(b->newer ? b->newer[i] : 0, i == 0 ? 7 : 0);
	}
	gw_batch_free(b);
	b = request_owed(s, 1, GW_LEVEL_RED + 1, 0, 100);
	assert_int_equal(b->n, 6);
	for (size_t i = 0; i < b->n && b->newer; i++)
		assert_int_equal(b->newer[i], 0);
	gw_batch_free(b);
}

/* What an earlier run delivered ahead of what is still owed, while it is in memory and after. */
static void an_event_taken_over_may_have_been_delivered_ahead(void **state)
{
	struct gw_store *s;

	(void)state;
	killed(life_that_overtakes);
	disk.read_only = true;
	s = begin();
	assert_int_equal(s->n_entries, 3);
	assert_overtaken(s);
	disk.read_only = false;
	pass(s, 15);
	assert_int_equal(s->n_entries, 0);
	assert_overtaken(s);
	gw_store_free(s);
}

/* The disk fails; 1 is parked for both sinks, 2 for the first one, whose platform then takes both
 * after all. */
static void life_that_unparks(void)
{
	struct gw_store *s = begin();

	disk.read_only = true;
	emit(s, 1, 1, true);
	emit(s, 2, 2, true);
	gw_store_mark(s, 0, 1, GW_MARK_PARKED);
	gw_store_mark(s, 0, 2, GW_MARK_PARKED);
	gw_store_mark(s, 1, 1, GW_MARK_PARKED);
	pass(s, 1);
	gw_store_mark(s, 0, 1, GW_MARK_UNPARKED);
	gw_store_mark(s, 0, 2, GW_MARK_UNPARKED);
	pass(s, 1);
}

static void assert_parked(struct gw_store *s, size_t slot, size_t n)
{
	struct gw_batch *b;

	assert_true(gw_store_request_parked(s, slot, 0, 100));
	turn(s);
	b = gw_store_take_batch(s, slot);
	assert_non_null(b);
	assert_int_equal(b->n, n);
	gw_batch_free(b);
}

static void an_event_unparked_while_the_disk_fails_stays_unparked(void **state)
{
	struct gw_store *s;

	(void)state;
	killed(life_that_unparks);
	s = begin();
	pass(s, 15);
	assert_int_equal(s->n_entries, 0);
	assert_string_equal(owed(s, 0), "");
	assert_parked(s, 0, 0);
	assert_parked(s, 1, 1);
	gw_store_free(s);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_kill_while_the_disk_fails_loses_nothing),
		TEST(a_spare_file_is_read_later),
		TEST(an_unreadable_spare_file_is_kept),
		TEST(alarms_stay_until_there_is_memory_for_them),
		TEST(two_kills_on_a_bad_disk_lose_nothing),
		TEST(an_unreadable_journal_leaves_the_spare_file_owed),
		TEST(a_spare_file_keeps_what_a_removed_uplink_is_owed),
		TEST(a_spare_file_owes_nothing_that_was_committed),
		TEST(an_event_taken_over_may_have_been_delivered_ahead),
		TEST(an_event_unparked_while_the_disk_fails_stays_unparked),
	};

	vfs_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

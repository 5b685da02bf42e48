/* SPDX-License-Identifier: Apache-2.0 */
/* A spare file, or the database beside it, of which a part cannot be read. */
#include "spare_fixture.h"
#include "tests/unit/fixture/failing_sqlite.h"

/* To whom an event is owed cannot be read at the first try: it is not taken for owed to nobody. */
static void a_spare_file_whose_debts_are_read_later(void **state)
{
	struct gw_store *s;

	(void)state;
	killed(life);
	sql_arm(3, SQLITE_IOERR_READ); /* of 3 and 4 they can be read */
	sql.only = "SELECT o.sinks";
	sql.only_steps = true;
	s = begin();
	sql_heal();
	pass(s, 40);
	assert_owed_as_it_left(s);
	assert_standing(s);
	gw_store_free(s);
}

/* They are on a corrupt page: the event is owed to every uplink. */
static void a_spare_file_with_corrupt_debts(void **state)
{
	struct gw_store *s;

	(void)state;
	killed(life);
	sql_arm(3, SQLITE_CORRUPT);
	sql.only = "SELECT o.sinks";
	sql.only_steps = true;
	s = begin();
	sql_heal();
	pass(s, 40);
	assert_string_equal(owed(s, 0), "3:5");
	assert_string_equal(owed(s, 1), "3:5");
	gw_store_free(s);
}

/* It is corrupt behind event 4: what stands before it is sent, and the file is kept. */
static void a_spare_file_that_is_corrupt_in_the_middle(void **state)
{
	struct gw_store *s;

	(void)state;
	owe_two = true;
	killed(life);
	owe_two = false;
	sql_arm(3, SQLITE_CORRUPT);
	sql.only = "SELECT e.seq, e.info, e.run, e.boot, e.class, e.level";
	sql.only_steps = true;
	s = begin();
	sql_heal();
	assert_int_equal(names_with("unsaved.unread"), 1);
	assert_int_equal(gw_store_last_seq(s), 4);
	pass(s, 40);
	assert_int_equal(alarms_given(s), 2); /* 2 and 3; 1 was cleared by 3 */
	gw_store_free(s);
}

/* An unreadable file that somebody took away does not keep the next one from being written. */
static void after_an_unreadable_spare_file_was_taken_away_another_is_written(void **state)
{
	struct gw_store *s;

	(void)state;
	assert_int_equal(mkdir(spare, 0700), 0);
	s = begin();
	assert_int_equal(rmdir(spare), 0);
	pass(s, 15);
	disk.read_only = true;
	emit(s, gw_store_last_seq(s) + 1, 6, true);
	pass(s, 5);
	assert_true(names_with("unsaved") > 0);
	vfs_heal();
	gw_store_free(s);
}

/* The database is corrupt where its alarms stand, so they are read again when it is copied: what
 * the spare file says of them is newer. */
static void the_spare_file_knows_better_than_a_corrupt_database(void **state)
{
	struct gw_store *s;
	struct standing st = {.n = 0};

	(void)state;
	killed(life);
	sql_arm(1, SQLITE_CORRUPT);
	sql.only = "SELECT info, state, under";
	sql.only_steps = true;
	sql.more = 1;
	s = begin();
	sql_heal();
	gw_store_load_alarms(s, NULL, stand, &st);
	pass(s, 15);
	gw_store_load_alarms(s, NULL, stand, &st);
	assert_true(st.n >= 3);
	for (size_t i = 0; i < st.n; i++)
		assert_string_not_equal(st.keys[i], keys[1]); /* the spare file ends it */
	gw_store_free(s);
	s = begin();
	assert_standing(s); /* 1 is normal */
	gw_store_free(s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_spare_file_whose_debts_are_read_later),
		TEST(a_spare_file_with_corrupt_debts),
		TEST(a_spare_file_that_is_corrupt_in_the_middle),
		TEST(after_an_unreadable_spare_file_was_taken_away_another_is_written),
		TEST(the_spare_file_knows_better_than_a_corrupt_database),
	};

	vfs_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

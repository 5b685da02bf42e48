/* SPDX-License-Identifier: Apache-2.0 */
/* The database is deleted, exchanged or loses its folder while it is in use: that is noticed, and
 * what it owed goes into a new one. */

#include "sql_fixture.h"
#include "store/recovery.h"

/* The file is deleted, and before anybody looks an uplink comes: that must not hide it. */
static void deleted_and_then_an_uplink_comes(void **state)
{
	struct gw_store *s = with_five(MIB);
	struct gw_store_uplinks *set = gw_store_uplinks_new();
	size_t slot;

	(void)state;
	remove_name("tocsin.db");
	remove_name("tocsin.db-wal");
	assert_int_equal(gw_store_reserve_slot(s, &slot, NULL), GW_OK);
	assert_true(gw_store_uplinks_add(set, 0, "city", "") &&
		gw_store_uplinks_add(set, 1, "file", "") &&
		gw_store_uplinks_add(set, slot, "third", ""));
	gw_store_uplinks_set(s, set, 6);
	turn(s);
	pass(s, 5);
	assert_true(status(s).replaced);
	emit(s, 6, 6);
	turn(s);
	gw_store_free(s);
	s = open_store(two_sinks, 2, MIB);
	assert_string_equal(owed(s, 0), "3:1 3:2 3:3 3:4 3:5 3:6");
	gw_store_free(s);
}

static void an_equal_inode_on_another_device_is_another_file(void **state)
{
	struct gw_store *s = with_five(MIB);

	(void)state;
	s->file_dev ^= 1;
	gw_recovery_check_file(s, now_ns + 3 * GW_NS_PER_SEC);
	assert_true(s->displaced);
	s->file_dev ^= 1;
	s->displaced = false;
	gw_store_free(s);
}

static void a_wal_that_is_deleted(void **state)
{
	struct gw_store *s = with_five(MIB);

	(void)state;
	s->wal_ino = 0; /* it was not there yet */
	pass(s, 3);
	assert_true(s->wal_ino != 0);
	remove_name("tocsin.db-wal");
	pass(s, 3);
	emit(s, 6, 6);
	pass(s, 2);
	assert_false(status(s).failing);
	assert_false(status(s).replaced);
	gw_store_free(s);
	s = open_store(two_sinks, 2, MIB);
	assert_string_equal(owed(s, 0), "3:1 3:2 3:3 3:4 3:5 3:6");
	gw_store_free(s);
}

static void each_statement_after_a_deletion(void **state)
{
	bool hurt = true;

	(void)state;
	for (long n = 1; hurt; n++) {
		struct gw_store *s;

		assert_int_equal(temp_dir_remove(dir), 0);
		assert_int_equal(mkdir(dir, 0700), 0);
		s = with_five(MIB);
		gw_store_mark(s, 0, 2, GW_MARK_DELIVERED);
		gw_store_mark(s, 0, 3, GW_MARK_PARKED);
		pass(s, 2);
		remove_name("tocsin.db");
		remove_name("tocsin.db-wal");
		now_ns += 3 * GW_NS_PER_SEC;
		sql_arm(n, SQLITE_IOERR_READ);
		gw_writer_step(s, false);
		hurt = sql.failed[0] != '\0';
		sql_heal();
		pass(s, 12);
		assert_true(status(s).replaced);
		assert_false(status(s).failing);
		if (strcmp(owed(s, 0), "3:1 3:4 3:5") != 0 || status(s).parked[0] != 1)
			fail_msg("call %ld (%s): owed %s, %d parked", n, sql.failed,
				owed(s, 0), (int)status(s).parked[0]);
		assert_int_equal(status(s).owed[1], 5);
		gw_store_free(s);
	}
}

static void a_folder_that_became_a_file(void **state)
{
	struct gw_store *s = with_five(MIB);
	FILE *f;

	(void)state;
	assert_int_equal(temp_dir_remove(dir), 0);
	f = fopen(dir, "w");
	assert_non_null(f);
	fclose(f);
	emit(s, 6, 6);
	pass(s, 20);
	assert_true(status(s).failing);
	assert_int_equal(unlink(dir), 0);
	pass(s, 15);
	assert_false(status(s).failing);
	assert_string_equal(owed(s, 0), "3:1 3:2 3:3 3:4 3:5 3:6");
	gw_store_free(s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(deleted_and_then_an_uplink_comes),
		TEST(an_equal_inode_on_another_device_is_another_file),
		TEST(a_wal_that_is_deleted),
		TEST(each_statement_after_a_deletion),
		TEST(a_folder_that_became_a_file),
	};

	if (access("/dev/shm", W_OK) == 0) /* thousands of syncs */
		setenv("TMPDIR", "/dev/shm", 1);
	vfs_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

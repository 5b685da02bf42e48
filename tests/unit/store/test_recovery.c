/* SPDX-License-Identifier: Apache-2.0 */
/* A database file that is deleted or replaced, before the start or while it is open. */
#include "disk_fixture.h"

static void remove_name(const char *name)
{
	char path[320];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(unlink(path), 0);
}

static void deleted_before_the_start(void **state)
{
	struct gw_store *s;
	uint64_t base;

	(void)state;
	killed_after(7);
	s = open_store(two_sinks, 2, 16 * MIB);
	turn(s);
	gw_store_free(s);
	remove_name("tocsin.db");
	s = open_store(two_sinks, 2, 16 * MIB);
	turn(s);
	assert_true(status(s).replaced);
	assert_false(status(s).failing);
	base = gw_store_last_seq(s);
	assert_true(base > 1000000); /* nobody knows the last one given */
	emit(s, base + 1);
	turn(s);
	assert_int_equal(gw_store_committed(s), base + 1);
	gw_store_free(s);
	s = open_store(two_sinks, 2, 16 * MIB); /* said once */
	assert_false(status(s).replaced);
	assert_int_equal(gw_store_last_seq(s), base + 1);
	gw_store_free(s);
	remove_state(); /* a first start is none of this */
	s = open_store(two_sinks, 2, 16 * MIB);
	turn(s);
	assert_false(status(s).replaced);
	assert_int_equal(gw_store_last_seq(s), 0);
	gw_store_free(s);
}

static struct gw_store *with_five_owed(void)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);

	for (uint64_t seq = 1; seq <= 6; seq++)
		emit(s, seq);
	turn(s);
	gw_store_mark(s, 0, 2, GW_MARK_DELIVERED);
	gw_store_mark(s, 0, 3, GW_MARK_PARKED);
	pass_seconds(s, 1);
	return s;
}

static void assert_five_owed(struct gw_store *s)
{
	assert_true(status(s).replaced);
	assert_false(status(s).failing);
	assert_string_equal(owed(s, 0), "3:1 3:4 3:5 3:6");
	assert_int_equal(status(s).parked[0], 1);
	emit(s, 7);
	turn(s);
	assert_int_equal(gw_store_committed(s), 7);
	gw_store_free(s);
	s = open_store(two_sinks, 2, 16 * MIB);
	assert_false(status(s).replaced);
	assert_int_equal(alarms_given(s), 7);
	assert_int_equal(gw_store_last_seq(s), 7);
	assert_string_equal(owed(s, 0), "3:1 3:4 3:5 3:6 3:7");
	assert_string_equal(owed(s, 1), "3:1 3:2 3:3 3:4 3:5 3:6 3:7");
	gw_store_free(s);
}

static void deleted_while_open(void **state)
{
	struct gw_store *s = with_five_owed();

	(void)state;
	remove_name("tocsin.db");
	remove_name("tocsin.db-wal");
	pass_seconds(s, 3);
	assert_five_owed(s);
}

static void folder_deleted_while_open(void **state)
{
	struct gw_store *s = with_five_owed();

	(void)state;
	assert_int_equal(temp_dir_remove(dir), 0);
	disk.open_rc = SQLITE_CANTOPEN; /* nor can another be made yet */
	pass_seconds(s, 3);
	assert_true(status(s).failing);
	emit(s, 7);
	pass_seconds(s, 20);
	assert_int_equal(gw_store_committed(s), 6);
	vfs_heal();
	pass_seconds(s, 15);
	assert_int_equal(gw_store_committed(s), 7);
	assert_string_equal(owed(s, 0), "3:1 3:4 3:5 3:6 3:7");
	assert_true(status(s).replaced);
	gw_store_free(s);
	s = open_store(two_sinks, 2, 16 * MIB);
	assert_string_equal(owed(s, 0), "3:1 3:4 3:5 3:6 3:7");
	assert_int_equal(alarms_given(s), 7);
	gw_store_free(s);
}

static void replaced_by_a_backup_while_open(void **state)
{
	char db[300], backup[310];
	struct gw_store *s;

	(void)state;
	snprintf(db, sizeof(db), "%s/tocsin.db", dir);
	snprintf(backup, sizeof(backup), "%s.backup", dir);
	gw_store_free(open_store(two_sinks, 2, 16 * MIB));
	copy_file(db, backup);
	s = with_five_owed();
	remove_name("tocsin.db-wal");
	assert_int_equal(rename(backup, db), 0);
	pass_seconds(s, 3);
	assert_five_owed(s);
}

/* The WAL alone: what is in it was committed, and must be there after the next power cut. */
static void wal_deleted_while_open(void **state)
{
	pid_t pid = fork();
	struct gw_store *s;
	int how;

	(void)state;
	if (pid == 0) {
		s = with_five_owed();
		remove_name("tocsin.db-wal");
		pass_seconds(s, 3);
		emit(s, 7);
		turn(s);
		_exit(status(s).failing || status(s).replaced ||
			gw_store_committed(s) != 7);
	}
	assert_int_equal(waitpid(pid, &how, 0), pid);
	assert_int_equal(how, 0);
	s = open_store(two_sinks, 2, 16 * MIB);
	assert_string_equal(owed(s, 0), "3:1 3:4 3:5 3:6 3:7");
	gw_store_free(s);
}

/* A look at the name that fails says nothing of the file. */
static void file_check_writes_nothing(void **state)
{
	struct gw_store *s = with_five_owed();
	uint64_t writes;

	(void)state;
	pass_seconds(s, 15);
	writes = disk.writes;
	pass_seconds(s, 100);
	assert_int_equal(disk.writes, writes);
	assert_false(status(s).replaced);
	gw_store_free(s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(deleted_before_the_start),
		TEST(deleted_while_open),
		TEST(folder_deleted_while_open),
		TEST(replaced_by_a_backup_while_open),
		TEST(wal_deleted_while_open),
		TEST(file_check_writes_nothing),
	};

	vfs_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

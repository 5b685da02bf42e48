/* SPDX-License-Identifier: Apache-2.0 */
/* Corrupt and unreadable files: put into quarantine, and salvaged. */
#include "disk_fixture.h"

static void spoil(off_t from, size_t n, off_t cut_to)
{
	char path[300], garbage[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/tocsin.db", dir);
	fd = open(path, O_WRONLY);
	assert_true(fd >= 0);
	memset(garbage, 0xa5, sizeof(garbage));
	for (size_t at = 0; at < n; at += sizeof(garbage))
		assert_true(pwrite(fd, garbage,
				    n - at < sizeof(garbage) ? n - at : sizeof(garbage),
				    from + (off_t)at) > 0);
	if (cut_to >= 0)
		assert_int_equal(ftruncate(fd, cut_to), 0);
	close(fd);
}

static off_t db_size(void)
{
	char path[300];
	struct stat st;

	snprintf(path, sizeof(path), "%s/tocsin.db", dir);
	assert_int_equal(stat(path, &st), 0);
	return st.st_size;
}

static uint64_t fill(uint64_t n)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);
	uint64_t run = gw_store_run(s);

	for (uint64_t seq = 1; seq <= n; seq++)
		emit(s, seq);
	turn(s);
	gw_db_begin(&s->db, NULL); /* as after a power cut: no goodbye */
	gw_recovery_close(s);
	s->run_decided = false; /* nor is it opened again */
	gw_store_free(s);
	return run;
}

static void assert_quarantined_and_replaced(uint64_t run)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);

	assert_int_equal(files_like("corrupt-20"), 1);
	assert_true(gw_store_run(s) > run);
	turn(s);
	assert_true(status(s).replaced);
	emit(s, gw_store_last_seq(s) + 1);
	turn(s);
	assert_int_equal(gw_store_committed(s), gw_store_last_seq(s) + 1);
	gw_store_free(s);
	s = open_store(two_sinks, 2, 16 * MIB);
	assert_false(s->replaced); /* until the next start */
	assert_int_equal(files_like("corrupt-20"), 1);
	gw_store_free(s);
}

static void a_file_with_a_corrupt_header_is_quarantined(void **state)
{
	uint64_t run = fill(100);

	(void)state;
	spoil(0, 100, -1);
	assert_quarantined_and_replaced(run);
}

/* A WAL left beside a new file would be replayed into it. */
static void the_wal_of_a_corrupt_file_is_moved_with_it(void **state)
{
	struct gw_store *s;
	pid_t pid = fork();
	int how;

	(void)state;
	if (pid == 0) { /* dies with a WAL that does not hold the first page */
		s = open_store(two_sinks, 2, 16 * MIB);
		for (uint64_t seq = 1; seq <= 20; seq++)
			emit(s, seq);
		turn(s);
		gw_db_checkpoint(&s->db, true, NULL);
		gw_store_mark(s, 0, 3, GW_MARK_DELIVERED);
		s->flush_marks = true;
		turn(s);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &how, 0), pid);
	assert_int_equal(how, 0);
	assert_int_equal(names_with("tocsin.db-wal"), 1);
	spoil(0, 100, -1);
	s = open_store(two_sinks, 2, 16 * MIB);
	assert_true(s->replaced);
	assert_int_equal(names_with("Z-wal"), 1);
	assert_string_equal(owed(s, 0), ""); /* not even the first page could be read */
	gw_store_free(s);
}

static void a_file_corrupt_in_the_middle_is_quarantined(void **state)
{
	uint64_t run = fill(500);

	(void)state;
	spoil(db_size() / 3, (size_t)db_size() / 3, -1);
	assert_quarantined_and_replaced(run);
}

static void a_truncated_file_is_quarantined(void **state)
{
	uint64_t run = fill(500);

	(void)state;
	spoil(0, 0, db_size() / 2);
	assert_quarantined_and_replaced(run);
}

static void an_emptied_file_is_quarantined(void **state)
{
	uint64_t run = fill(100);

	(void)state;
	spoil(0, 0, 0);
	assert_quarantined_and_replaced(run);
}

static void a_file_of_another_program_is_quarantined(void **state)
{
	char path[300];
	sqlite3 *db;

	(void)state;
	snprintf(path, sizeof(path), "%s/tocsin.db", dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(
		sqlite3_exec(db, "CREATE TABLE t(x)", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_quarantined_and_replaced(0);
}

static void a_file_of_a_newer_schema_is_quarantined(void **state)
{
	uint64_t run = fill(10);
	char path[300];
	sqlite3 *db;

	(void)state;
	snprintf(path, sizeof(path), "%s/tocsin.db", dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(
		sqlite3_exec(db, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA user_version=99",
			NULL, NULL, NULL),
		SQLITE_OK);
	sqlite3_close(db);
	assert_quarantined_and_replaced(run);
}

/* One bad page of old history does not cost the debts and states that can still be read. */
static void readable_part_of_a_corrupt_file_is_salvaged(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);
	uint64_t seq;
	off_t size;

	(void)state;
	for (seq = 1; seq <= 2000; seq++) {
		emit(s, seq);
		if (seq <= 1990)
			gw_store_mark(s, 0, seq, GW_MARK_DELIVERED);
		if (seq <= 1995)
			gw_store_mark(s, 1, seq, GW_MARK_DELIVERED);
		if (seq % 200 == 0)
			turn(s);
	}
	turn(s);
	gw_db_begin(&s->db, NULL);
	gw_recovery_close(s);
	s->run_decided = false; /* nor is it opened again */
	gw_store_free(s);
	size = db_size();
	spoil(size / 2 / 1024 * 1024, 1024, -1);
	s = open_store(two_sinks, 2, 16 * MIB);
	assert_true(s->replaced);
	assert_int_equal(gw_store_last_seq(s), 2000);
	assert_int_equal(alarms_given(s), 100);
	assert_string_equal(owed(s, 0),
		"3:1991 3:1992 3:1993 3:1994 3:1995 3:1996 3:1997 3:1998 "
		"3:1999 3:2000");
	assert_string_equal(owed(s, 1), "3:1996 3:1997 3:1998 3:1999 3:2000");
	gw_store_free(s);
}

/* Found in use: the page was not looked at when it was opened. */
static void a_file_corrupted_while_open_is_replaced(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);

	(void)state;
	for (uint64_t seq = 1; seq <= 500; seq++)
		emit(s, seq);
	turn(s);
	disk.read_rc = SQLITE_CORRUPT;
	sqlite3_exec(s->db.handle, "PRAGMA shrink_memory", NULL, NULL, NULL);
	sqlite3_db_release_memory(s->db.handle);
	for (uint64_t seq = 501; seq <= 520; seq++)
		emit(s, seq);
	gw_store_mark(s, 0, 7, GW_MARK_DELIVERED);
	gw_writer_step(s, false);
	disk.read_rc = 0;
	pass_seconds(s, 15);
	assert_false(status(s).failing);
	assert_int_equal(gw_store_committed(s), 520);
	gw_store_free(s);
}

/* While it runs: however long it lasts, it is the disk and not the file. */
static void unreadable_is_not_corrupt(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);

	(void)state;
	emit(s, 1);
	turn(s);
	reads_fail();
	emit(s, 2);
	pass_seconds(s, 500);
	vfs_heal();
	pass_seconds(s, 15);
	assert_false(status(s).failing);
	assert_false(s->replaced);
	assert_int_equal(gw_store_committed(s), 2);
	assert_string_equal(owed(s, 0), "3:1 3:2");
	gw_store_free(s);
}

/* One bad place that never heals must not keep all that is new in memory. The old file waits
 * under another name, over a restart too, and what it owes arrives when it can be read. */
static void unreadable_file_is_replaced_and_salvaged_later(void **state)
{
	struct gw_store *s;
	uint32_t debts;
	uint64_t base;

	(void)state;
	killed_after(7);
	only_reads_fail();
	s = open_store(two_sinks, 2, 16 * MIB);
	base = gw_store_last_seq(s);
	emit(s, base + 1);
	disk.aside_rc = SQLITE_IOERR;
	pass_seconds(s, 620);
	assert_true(status(s).replaced);
	assert_int_equal(files_like("-owing"), 1);
	disk.read_rc = 0;
	pass_seconds(s, 15); /* the new file works, the old one cannot be read yet */
	assert_int_equal(gw_store_committed(s), base + 1);
	assert_string_equal(owed_by_number(s, base), "+1");
	emit(s, base + 2);
	turn(s);
	gw_store_free(s);
	s = open_store(two_sinks, 2, 16 * MIB); /* nor by the next start */
	assert_int_equal(files_like("-owing"), 1);
	assert_int_equal(alarms_given(s), 2);
	pass_seconds(s, 700);
	assert_int_equal(files_like("-owing"), 1);
	debts = gw_store_backlog_revision(s);
	disk.aside_rc = 0;
	pass_seconds(s, 700);
	assert_true(gw_store_backlog_revision(s) >
		debts); /* uplinks that asked before ask again */
	assert_int_equal(files_like("-owing"), 0);
	assert_int_equal(files_like("corrupt-"), 1);
	assert_string_equal(owed_by_number(s, base), "1 2 3 4 5 6 7 +1 +2");
	assert_int_equal(alarms_given(s), 7);
	gw_store_mark(s, 0, 2, GW_MARK_DELIVERED);
	turn(s);
	gw_store_free(s);
	s = open_store(two_sinks, 2, 16 * MIB); /* and nothing comes twice */
	assert_string_equal(owed_by_number(s, base), "1 3 4 5 6 7 +1 +2");
	gw_store_free(s);
}

static void quarantine_is_bounded(void **state)
{
	(void)state;
	for (int i = 0; i < 8; i++) {
		struct gw_store *s;

		fill(20);
		spoil(0, 100, -1);
		if (i % 2)
			now_ns += 5 * GW_NS_PER_SEC;
		s = open_store(two_sinks, 2, 16 * MIB);
		assert_true(s->replaced);
		gw_store_free(s);
	}
	assert_int_equal(files_like(".corrupt-"), GW_QUARANTINE_DONE_MAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_file_with_a_corrupt_header_is_quarantined),
		TEST(the_wal_of_a_corrupt_file_is_moved_with_it),
		TEST(a_file_corrupt_in_the_middle_is_quarantined),
		TEST(a_truncated_file_is_quarantined),
		TEST(an_emptied_file_is_quarantined),
		TEST(a_file_of_another_program_is_quarantined),
		TEST(a_file_of_a_newer_schema_is_quarantined),
		TEST(readable_part_of_a_corrupt_file_is_salvaged),
		TEST(a_file_corrupted_while_open_is_replaced),
		TEST(unreadable_is_not_corrupt),
		TEST(unreadable_file_is_replaced_and_salvaged_later),
		TEST(quarantine_is_bounded),
	};

	vfs_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

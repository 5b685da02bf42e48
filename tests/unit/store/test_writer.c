/* SPDX-License-Identifier: Apache-2.0 */
/* Commits on a disk that is full, read-only, broken or gone, and what is written when. */
#include "disk_fixture.h"

/* Main makes alarms of what the status says, and is woken when it changes. */
static void main_is_woken_by_each_change(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);
	struct gw_wake wake;

	(void)state;
	assert_int_equal(gw_wake_init(&wake, NULL), GW_OK);
	gw_store_attach_reader(s, &wake);
	turn(s);
	assert_false(status(s).failing);
	assert_false(status(s).opening);
	assert_false(status(s).replaced);
	gw_wake_prepare(&wake);
	disk.write_rc = SQLITE_FULL;
	emit(s, 1);
	pass_seconds(s, 100);
	assert_true(status(s).failing);
	assert_true(gw_wake_wait(&wake, 0));
	gw_wake_prepare(&wake);
	vfs_heal();
	pass_seconds(s, 100);
	assert_false(status(s).failing);
	assert_true(gw_wake_wait(&wake, 0));
	gw_store_free(s);
	gw_wake_fini(&wake);
}

/* Memory carries everything while nothing can be written, and all of it is written after. */
static void survive(void (*hurt)(void))
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);
	struct gw_store_status st;
	struct gw_batch *b;

	emit(s, 1);
	emit(s, 2);
	turn(s);
	assert_int_equal(gw_store_committed(s), 2);
	hurt();
	for (uint64_t seq = 3; seq <= 50; seq++) {
		emit(s, seq);
		turn(s);
	}
	pass_seconds(s, 60);
	st = status(s);
	assert_true(st.failing);
	assert_true(st.why[0] != '\0');
	assert_int_equal(st.pending, 48);
	assert_int_equal(gw_store_committed(s), 2);
	assert_false(gw_store_wait(s, 3, now_ns - 1));
	/* delivery goes on from memory, and is remembered */
	gw_store_mark(s, 1, 2, GW_MARK_DELIVERED);
	gw_store_mark(s, 1, 3, GW_MARK_DELIVERED);
	gw_store_mark(s, 1, 4, GW_MARK_UNDURABLE);
	b = request_owed(s, 1, GW_LEVEL_RED + 1, 0, 100);
	if (!b->failed) {
		assert_int_equal(b->n, 48);
		assert_int_equal(b->events[0].seq, 1);
	} else {
		assert_int_equal(b->n, 47);
	}
	assert_int_equal(b->events[b->n - 47].seq, 4);
	assert_false(b->events[b->n - 47].durable);
	assert_same_info(b->events[b->n - 1].info, &infos[50]);
	gw_batch_free(b);
	vfs_heal();
	pass_seconds(s, 12);
	st = status(s);
	assert_false(st.failing);
	assert_int_equal(st.pending, 0);
	assert_int_equal(gw_store_committed(s), 50);
	assert_int_equal(st.owed[0], 50);
	assert_int_equal(st.owed[1], 48);
	b = request_owed(s, 1, GW_LEVEL_RED + 1, 0, 100);
	assert_int_equal(b->n, 48);
	assert_int_equal(b->events[1].seq, 4);
	assert_false(b->events[1].durable);
	gw_batch_free(b);
	gw_store_free(s);
	assert_all_there(50);
	assert_int_equal(files_like("corrupt"), 0);
}

static void disk_full(void)
{
	disk.write_rc = SQLITE_FULL;
}

static void disk_read_only(void)
{
	disk.read_only = true;
}

static void disk_broken(void)
{
	disk.write_rc = SQLITE_IOERR_WRITE;
}

static void disk_gone(void)
{
	disk.write_rc = SQLITE_IOERR_WRITE;
	disk.open_rc = SQLITE_CANTOPEN;
}

static void the_store_survives_a_full_disk(void **state)
{
	(void)state;
	survive(disk_full);
}

static void the_store_survives_a_read_only_disk(void **state)
{
	(void)state;
	survive(disk_read_only);
}

static void the_store_survives_write_errors(void **state)
{
	(void)state;
	survive(disk_broken);
}

static void the_store_survives_a_disk_that_is_gone(void **state)
{
	(void)state;
	survive(disk_gone);
}

static void ballast_is_given_up_on_a_full_disk(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 2 * MIB);
	struct gw_store_status st;
	uint64_t seq = 0;
	char ballast[300];

	(void)state;
	snprintf(ballast, sizeof(ballast), "%s/ballast", dir);
	for (int i = 0; i < 8000; i++) {
		if (i == 3000) { /* others fill the disk */
			turn(s);
			assert_int_equal(access(ballast, F_OK), 0);
			disk.ballast = ballast;
			disk.ballast_bytes = s->ballast_bytes;
			disk.free_bytes = 0;
		}
		emit(s, ++seq);
		gw_store_mark(s, 0, seq, GW_MARK_DELIVERED);
		gw_store_mark(s, 1, seq, GW_MARK_DELIVERED);
		if (i % 20 == 0)
			turn(s);
	}
	turn(s);
	st = status(s);
	assert_false(st.failing);
	assert_int_equal(disk.ballast_bytes, 0); /* it was needed */
	assert_int_equal(st.committed, seq);
	assert_true(st.trimmed > 1000);
	assert_int_equal(st.lost, 0);
	vfs_heal();
	pass_seconds(s, 20);
	assert_int_equal(access(ballast, F_OK), 0);
	assert_false(s->disk_full_mode);
	gw_store_free(s);
}

static void reopens_after_a_failed_sync(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);
	sqlite3 *before;

	(void)state;
	emit(s, 1);
	turn(s);
	before = s->db.handle;
	disk.sync_rc = SQLITE_IOERR_FSYNC;
	disk.syncs_to_fail = 1;
	emit(s, 2);
	assert_int_equal(gw_store_committed(s), 1);
	turn(s);
	/* reopened, looked at, the WAL emptied into the file, and written again */
	assert_int_equal(disk.syncs_to_fail, 0);
	assert_true(s->db.handle != before || status(s).commits == 2);
	assert_int_equal(gw_store_committed(s), 2);
	assert_false(status(s).failing);
	assert_int_equal(status(s).owed[0], 2); /* counted once though written twice */

	disk.syncs_to_fail = 1000;
	emit(s, 3);
	turn(s);
	assert_int_equal(gw_store_committed(s), 2);
	assert_true(status(s).failing);
	disk.syncs_to_fail = 0;
	pass_seconds(s, 2);
	assert_int_equal(gw_store_committed(s), 3);
	assert_int_equal(status(s).owed[0], 3);
	gw_store_free(s);
	assert_all_there(3);
}

static void reopens_after_a_failed_checkpoint(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);
	sqlite3 *before = s->db.handle;
	uint64_t seq = 0;

	(void)state;
	disk.sync_rc = SQLITE_IOERR_FSYNC;
	while (!s->recheck_needed && seq < 10000) {
		emit(s, ++seq);
		if (s->db.wal_pages > GW_DB_WAL_PAGES - 8) {
			disk.syncs_to_pass = 1; /* the commit's own */
			disk.syncs_to_fail = 1;
		}
		gw_writer_step(s, false);
		assert_int_equal(gw_store_committed(s), seq);
	}
	assert_true(seq > 500);
	assert_true(seq < 10000);
	assert_ptr_equal(s->db.handle, before);
	assert_true(s->db.wal_pages >= GW_DB_WAL_PAGES);
	disk.syncs_to_pass = disk.syncs_to_fail = 0;
	turn(s); /* reopens, and empties the WAL into the file */
	assert_false(s->recheck_needed);
	assert_true(s->db.wal_pages < 100);
	assert_int_equal(status(s).owed[0], seq);
	gw_store_free(s);
	s = open_store(two_sinks, 2, 16 * MIB);
	assert_int_equal(gw_store_last_seq(s), seq);
	gw_store_free(s);
}

static void reopens_after_a_failed_wal_extension(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);

	(void)state;
	turn(s); /* makes the ballast */
	assert_true(s->db.wal_bytes > 0);
	while (!s->recheck_needed && s->commits < 100) {
		emit(s, gw_store_committed(s) + 1);
		disk.sync_rc = SQLITE_IOERR_FSYNC;
		disk.syncs_to_pass = 1; /* the commit's own */
		disk.syncs_to_fail = 1;
		gw_writer_step(s, false);
	}
	assert_true(s->recheck_needed);
	disk.syncs_to_pass = disk.syncs_to_fail = 0;
	turn(s);
	assert_false(s->recheck_needed);
	assert_int_equal(status(s).owed[0], gw_store_committed(s));
	gw_store_free(s);
}

static void wal_is_bounded(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 64 * MIB);
	char path[300];
	struct stat wal;
	uint64_t seq = 0;

	(void)state;
	snprintf(path, sizeof(path), "%s/tocsin.db-wal", dir);
	for (int i = 0; i < 40; i++) {
		for (int k = 0; k < 1000; k++)
			emit(s, ++seq);
		turn(s);
	}
	for (int i = 0; i < 3000; i++) {
		emit(s, ++seq);
		turn(s);
	}
	assert_int_equal(stat(path, &wal), 0);
	assert_true(wal.st_size <= 8 * MIB);
	assert_int_equal(status(s).committed, seq);
	gw_store_free(s);
}

/* A commit finds its blocks written, and a crash finds zeros behind the last of them. */
static void wal_is_extended_ahead(void **state)
{
	char path[300];
	struct stat wal;
	uint64_t seq = 0, lengthened = 0;
	off_t before = 0;
	pid_t pid = fork();
	struct gw_store *s;
	int how;

	(void)state;
	snprintf(path, sizeof(path), "%s/tocsin.db-wal", dir);
	if (pid == 0) {
		s = open_store(two_sinks, 2, 16 * MIB);
		turn(s);
		while (seq < 300) {
			emit(s, ++seq);
			turn(s);
			if (stat(path, &wal) ||
				wal.st_size < (1024 + 24) * s->db.wal_pages + 32 * 1024)
				_exit(1);
			lengthened += wal.st_size != before;
			before = wal.st_size;
		}
		_exit(lengthened < 60 ? 0 : 2); /* no goodbye */
	}
	assert_int_equal(waitpid(pid, &how, 0), pid);
	assert_int_equal(how, 0);
	s = open_store(two_sinks, 2, 16 * MIB);
	assert_false(s->replaced);
	assert_int_equal(gw_store_last_seq(s), 300);
	assert_int_equal(status(s).owed[0], 300);
	gw_store_free(s);
}

static void idle_store_writes_nothing(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);
	uint64_t writes;

	(void)state;
	emit(s, 1);
	pass_seconds(s, 15);
	writes = disk.writes;
	pass_seconds(s, 3600);
	assert_int_equal(disk.writes, writes);
	gw_store_free(s);
}

static void marks_are_written_together(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);
	uint64_t commits;

	(void)state;
	for (uint64_t seq = 1; seq <= 20; seq++)
		emit(s, seq);
	turn(s);
	commits = status(s).commits;
	for (uint64_t seq = 1; seq <= 20; seq++) {
		gw_store_mark(s, 0, seq, GW_MARK_DELIVERED);
		now_ns += GW_NS_PER_MS;
		turn(s);
	}
	assert_int_equal(status(s).commits, commits);
	now_ns += 100 * GW_NS_PER_MS;
	turn(s);
	assert_int_equal(status(s).commits, commits + 1);
	assert_int_equal(status(s).owed[0], 0);
	assert_int_equal(status(s).owed[1], 20);
	gw_store_free(s);
}

/* Without FULL a power cut takes what was acknowledged. */
static void each_commit_is_synced(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);

	(void)state;
	for (uint64_t seq = 1; seq <= 50; seq++) {
		uint64_t syncs = disk.syncs;

		emit(s, seq);
		turn(s);
		assert_int_equal(gw_store_committed(s), seq);
		assert_true(disk.syncs > syncs);
	}
	gw_store_free(s);
}

/* A mark on an event that never comes must not keep the thread awake. */
static void mark_without_event_lets_the_thread_sleep(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);

	(void)state;
	gw_store_mark(s, 0, 99, GW_MARK_UNDURABLE);
	turn(s);
	now_ns += GW_NS_PER_SEC;
	assert_true(gw_writer_step(s, false) >= GW_NS_PER_SEC);
	gw_store_free(s);
}

static void pending_events_are_bounded(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);
	uint64_t seq = 0, kept;

	(void)state;
	disk.write_rc = SQLITE_FULL;
	/* everything is delivered: history goes, the last state of each alarm stays */
	for (int i = 0; i < 20000; i++) {
		emit(s, ++seq);
		gw_store_mark(s, 0, seq, GW_MARK_DELIVERED);
		gw_store_mark(s, 1, seq, GW_MARK_DELIVERED);
		if (i % 100 == 0) {
			now_ns += 2 * GW_NS_PER_SEC;
			turn(s);
		}
	}
	turn(s);
	assert_true(s->n_entries <= s->max_uncommitted);
	assert_int_equal(gw_ring_count(gw_store_events(s)), 0);
	/* nothing is delivered: what does not fit waits in the ring, then with the engine */
	kept = seq;
	for (int i = 0; i < 20000; i++) {
		struct gw_event e = make_event(s, seq + 1, 7, GW_LEVEL_RED);

		if (gw_ring_push(gw_store_events(s), &e, 1, sizeof(e)) == 0)
			break;
		seq++;
		if (i % 100 == 0) {
			now_ns += 2 * GW_NS_PER_SEC;
			turn(s);
		}
	}
	assert_true(seq - kept >= 1024);
	assert_true(seq - kept <= 5 * 1024);
	vfs_heal();
	pass_seconds(s, 15);
	assert_int_equal(status(s).committed, seq);
	assert_int_equal(status(s).owed[0], seq - kept);
	gw_store_free(s);
	s = open_store(two_sinks, 2, 16 * MIB);
	assert_int_equal(alarms_given(s), 100);
	assert_int_equal(gw_store_last_seq(s), seq);
	gw_store_free(s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(main_is_woken_by_each_change),
		TEST(the_store_survives_a_full_disk),
		TEST(the_store_survives_a_read_only_disk),
		TEST(the_store_survives_write_errors),
		TEST(the_store_survives_a_disk_that_is_gone),
		TEST(ballast_is_given_up_on_a_full_disk),
		TEST(reopens_after_a_failed_sync),
		TEST(reopens_after_a_failed_checkpoint),
		TEST(reopens_after_a_failed_wal_extension),
		TEST(wal_is_bounded),
		TEST(wal_is_extended_ahead),
		TEST(idle_store_writes_nothing),
		TEST(marks_are_written_together),
		TEST(each_commit_is_synced),
		TEST(mark_without_event_lets_the_thread_sleep),
		TEST(pending_events_are_bounded),
	};

	vfs_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

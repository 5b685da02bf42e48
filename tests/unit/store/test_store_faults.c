/* SPDX-License-Identifier: Apache-2.0 */
#include "store/quarantine.h"
#include "store/recovery.h"
#include "store/run_counter.h"

#include "faulty_vfs.h"
#include "store_fixture.h"

#include "store/run_counter.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

/* Time is the test's: these displace base/clock.c. */
static int64_t now_ns = 1000 * GW_NS_PER_SEC;
static int64_t wall_base_ms = 1795300000000;

int64_t gw_clock_mono_ns(void)
{
	return now_ns;
}

int64_t gw_clock_wall_ms(void)
{
	return wall_base_ms + now_ns / GW_NS_PER_MS;
}

bool gw_clock_synced(void)
{
	return true;
}

void gw_clock_boot_id(char ret_id[37])
{
	snprintf(ret_id, 37, "00000000-0000-0000-0000-000000000000");
}

static int setup(void **state)
{
	vfs_heal();
	return fixture_setup(state);
}

static int teardown(void **state)
{
	vfs_heal();
	return fixture_teardown(state);
}

static void emit(struct gw_store *s, uint64_t seq)
{
	struct gw_event e = make_event(s, seq, seq % 100, GW_LEVEL_RED);

	push(s, &e);
}

static void pass(struct gw_store *s, int64_t seconds)
{
	for (int64_t i = 0; i < seconds; i++) {
		now_ns += GW_NS_PER_SEC;
		turn(s);
	}
}

static struct gw_store_status status(struct gw_store *s)
{
	struct gw_store_status st;

	gw_store_status(s, &st);
	return st;
}

/* Every event from 1 to seq stands in the file once. */
static void assert_all_there(uint64_t seq)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);
	struct gw_batch *b = request_owed(s, 0, GW_LEVEL_RED + 1, 0, 1024);

	assert_false(b->failed);
	assert_int_equal(b->n, seq);
	for (size_t i = 0; i < b->n; i++)
		assert_int_equal(b->events[i].seq, i + 1);
	gw_batch_free(b);
	assert_int_equal(gw_store_last_seq(s), seq);
	gw_store_free(s);
}

/* Main makes alarms of what the status says, and is woken when it changes. */
static void main_is_told(void **state)
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
	pass(s, 100);
	assert_true(status(s).failing);
	assert_true(gw_wake_wait(&wake, 0));
	gw_wake_prepare(&wake);
	vfs_heal();
	pass(s, 100);
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
	pass(s, 60);
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
	pass(s, 12);
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

static void survives_full(void **state)
{
	(void)state;
	survive(disk_full);
}

static void survives_read_only(void **state)
{
	(void)state;
	survive(disk_read_only);
}

static void survives_write_errors(void **state)
{
	(void)state;
	survive(disk_broken);
}

static void survives_a_disk_gone(void **state)
{
	(void)state;
	survive(disk_gone);
}

static void ballast_keeps_it_going(void **state)
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
	pass(s, 20);
	assert_int_equal(access(ballast, F_OK), 0);
	assert_false(s->disk_full_mode);
	gw_store_free(s);
}

static void failed_sync_is_not_believed(void **state)
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
	pass(s, 2);
	assert_int_equal(gw_store_committed(s), 3);
	assert_int_equal(status(s).owed[0], 3);
	gw_store_free(s);
	assert_all_there(3);
}

static void failed_checkpoint_is_not_believed(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);
	sqlite3 *before = s->db.handle;
	uint64_t seq = 0;

	(void)state;
	disk.sync_rc = SQLITE_IOERR_FSYNC;
	while (!s->suspect && seq < 10000) {
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
	assert_false(s->suspect);
	assert_true(s->db.wal_pages < 100);
	assert_int_equal(status(s).owed[0], seq);
	gw_store_free(s);
	s = open_store(two_sinks, 2, 16 * MIB);
	assert_int_equal(gw_store_last_seq(s), seq);
	gw_store_free(s);
}

static void failed_lengthening_is_not_believed(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);

	(void)state;
	turn(s); /* makes the ballast */
	assert_true(s->db.wal_bytes > 0);
	while (!s->suspect && s->commits < 100) {
		emit(s, gw_store_committed(s) + 1);
		disk.sync_rc = SQLITE_IOERR_FSYNC;
		disk.syncs_to_pass = 1; /* the commit's own */
		disk.syncs_to_fail = 1;
		gw_writer_step(s, false);
	}
	assert_true(s->suspect);
	disk.syncs_to_pass = disk.syncs_to_fail = 0;
	turn(s);
	assert_false(s->suspect);
	assert_int_equal(status(s).owed[0], gw_store_committed(s));
	gw_store_free(s);
}

static void wal_stays_small(void **state)
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
static void the_wal_is_longer_than_it_is_used(void **state)
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

static void quiet_writes_nothing(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);
	uint64_t writes;

	(void)state;
	emit(s, 1);
	pass(s, 15);
	writes = disk.writes;
	pass(s, 3600);
	assert_int_equal(disk.writes, writes);
	gw_store_free(s);
}

static void marks_wait_for_each_other(void **state)
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
static void a_stray_mark_costs_nothing(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);

	(void)state;
	gw_store_mark(s, 0, 99, GW_MARK_UNDURABLE);
	turn(s);
	now_ns += GW_NS_PER_SEC;
	assert_true(gw_writer_step(s, false) >= GW_NS_PER_SEC);
	gw_store_free(s);
}

static void memory_is_bounded(void **state)
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
	assert_true(s->n_entries <= s->max_pending);
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
	pass(s, 15);
	assert_int_equal(status(s).committed, seq);
	assert_int_equal(status(s).owed[0], seq - kept);
	gw_store_free(s);
	s = open_store(two_sinks, 2, 16 * MIB);
	assert_int_equal(alarms_given(s), 100);
	assert_int_equal(gw_store_last_seq(s), seq);
	gw_store_free(s);
}

/* ---- the number of a start ---- */

enum { STARTS = 8 };

static void remove_state(void)
{
	assert_int_equal(temp_dir_remove(dir), 0);
	assert_int_equal(mkdir(dir, 0750), 0);
}

static void copy(const char *from, const char *to)
{
	char command[1200];

	snprintf(command, sizeof(command), "cp -p %s %s", from, to);
	assert_int_equal(system(command), 0);
}

/* One start that raises one alarm; its number goes to runs, which must not hold it yet. */
static void start_anew(uint64_t runs[STARTS], size_t *n)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);

	assert_true(*n < STARTS);
	assert_true(gw_store_run(s) > 0 && gw_store_run(s) <= GW_RUN_MAX);
	for (size_t i = 0; i < *n; i++)
		assert_true(runs[i] != gw_store_run(s));
	runs[(*n)++] = gw_store_run(s);
	emit(s, gw_store_last_seq(s) + 1);
	turn(s);
	gw_store_free(s);
}

/* A platform that knows an id already discards what comes under it: no number of a start may come
 * back, whatever happens to the state folder and the clock. */
static void no_run_comes_back(int64_t at_ms)
{
	int64_t was_ms = wall_base_ms;
	uint64_t runs[STARTS];
	char db[300], backup[310];
	size_t n = 0;

	snprintf(db, sizeof(db), "%s/tocsin.db", dir);
	snprintf(backup, sizeof(backup), "%s.backup", dir);
	wall_base_ms = at_ms - now_ns / GW_NS_PER_MS; /* and time stands still */
	start_anew(runs, &n);
	remove_state(); /* emptied */
	start_anew(runs, &n);
	copy(db, backup);
	start_anew(runs, &n);
	remove_state(); /* a backup restored, twice */
	copy(backup, db);
	start_anew(runs, &n);
	remove_state();
	copy(backup, db);
	start_anew(runs, &n);
	disk.read_only = true; /* nothing can be noted */
	start_anew(runs, &n);
	start_anew(runs, &n);
	vfs_heal();
	wall_base_ms -= 10LL * 365 * 86400 * 1000; /* the clock falls back ten years */
	start_anew(runs, &n);
	unlink(backup);
	wall_base_ms = was_ms;
}

static void runs_never_repeat(void **state)
{
	(void)state;
	no_run_comes_back(1795300000000);
}

static void runs_never_repeat_in_1970(void **state)
{
	(void)state;
	no_run_comes_back(12000);
}

static void runs_follow_the_rule(void **state)
{
	const uint64_t second = UINT64_C(1) << 20, previous = UINT64_C(7777777) * second;
	int64_t was_ms = wall_base_ms;
	uint64_t seen = 0, run;

	(void)state;
	wall_base_ms = 1795300000000 - now_ns / GW_NS_PER_MS;
	for (int i = 0; i < 64; i++) {
		run = gw_run_counter_next(0);
		assert_true(run > 1795300000 * second);
		assert_true(run <= 1795300001 * second);
		seen |= run;
		run = gw_run_counter_next(previous << 9); /* ahead of the clock */
		assert_true(run > previous << 9 && run <= (previous << 9) + second);
	}
	assert_int_equal(seen & (second - 1), second - 1); /* all of its bits are chance */
	/* a clock nobody can believe, and a number that cannot be one */
	wall_base_ms = INT64_MAX / 2;
	assert_true(gw_run_counter_next(41) <= 42 + second);
	assert_true(gw_run_counter_next(GW_RUN_MAX) <= GW_RUN_MAX);
	wall_base_ms = -86400000 - now_ns / GW_NS_PER_MS;
	assert_true(gw_run_counter_next(41) <= 42 + second);
	wall_base_ms = (int64_t)UINT32_MAX * 1000 - now_ns / GW_NS_PER_MS;
	run = gw_run_counter_next(0);
	assert_true(run > UINT32_MAX * second && run < GW_RUN_MAX / 2 + second);
	wall_base_ms = was_ms;
}

/* ---- a start on a disk that does not work ---- */

static void starts_on_a_broken_disk(void **state)
{
	struct gw_store *s;
	uint64_t run;

	(void)state;
	disk.open_rc = SQLITE_CANTOPEN;
	s = open_store(two_sinks, 2, 16 * MIB);
	run = gw_store_run(s);
	assert_true(run >> 20 >= 1500000000); /* nothing to count from but the clock */
	assert_int_equal(gw_store_last_seq(s), 0);
	gw_writer_publish_status(s);
	assert_true(status(s).failing);
	emit(s, 1);
	turn(s);
	assert_int_equal(gw_store_committed(s), 0);
	vfs_heal();
	pass(s, 15);
	assert_int_equal(gw_store_committed(s), 1);
	gw_store_free(s);
	s = open_store(two_sinks, 2, 16 * MIB);
	assert_true(gw_store_run(s) > run);
	gw_store_free(s);
	assert_all_there(1);
}

static void starts_read_only(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);
	uint64_t run = gw_store_run(s);
	char run_path[300], ballast[300];

	(void)state;
	emit(s, 1);
	gw_store_free(s); /* cleanly: there is no WAL */
	disk.read_only = true;
	s = open_store(two_sinks, 2, 16 * MIB);
	assert_true(gw_store_run(s) > run);
	assert_int_equal(gw_store_last_seq(s), 1);
	assert_int_equal(alarms_given(s), 1);
	assert_true(s->failing);
	assert_string_equal(owed(s, 0), "3:1");
	emit(s, 2);
	turn(s);
	assert_string_equal(owed(s, 0), "3:1 3:2");
	run = gw_store_run(s);
	gw_store_free(s);
	vfs_heal();
	s = open_store(two_sinks, 2, 16 * MIB);
	assert_true(gw_store_run(s) != run);
	assert_int_equal(gw_store_last_seq(s), 1); /* nothing could be written */
	gw_store_free(s);
	snprintf(run_path, sizeof(run_path), "%s/run", dir);
	snprintf(ballast, sizeof(ballast), "%s/ballast", dir);
	assert_int_equal(unlink(run_path), 0);
}

static void starts_full(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);
	uint64_t run = gw_store_run(s);
	int64_t noted = 0;

	(void)state;
	emit(s, 1);
	gw_store_free(s);
	disk.write_rc = SQLITE_FULL;
	s = open_store(two_sinks, 2, 16 * MIB);
	assert_true(gw_store_run(s) > run);
	assert_int_equal(gw_store_last_seq(s), 1);
	emit(s, 2);
	turn(s);
	assert_string_equal(owed(s, 0), "3:1 3:2");
	vfs_heal();
	pass(s, 15);
	assert_int_equal(gw_store_committed(s), 2);
	assert_int_equal(gw_db_meta_get(&s->db, "run", &noted, NULL), GW_OK);
	assert_int_equal(noted, gw_store_run(s));
	gw_store_free(s);
	assert_all_there(2);
}

/* Another process commits n red events and dies: all is in the WAL. */
static void killed_after(uint64_t n)
{
	pid_t pid = fork();
	int how;

	if (pid == 0) {
		struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);

		for (uint64_t seq = 1; seq <= n; seq++)
			emit(s, seq);
		turn(s);
		_exit(gw_store_committed(s) == n ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &how, 0), pid);
	assert_int_equal(how, 0);
}

/* What is owed to the first sink by number, "a b ...". */
static const char *owed_by_number(struct gw_store *s, uint64_t less)
{
	static char text[1024];
	struct gw_batch *b = request_owed(s, 0, GW_LEVEL_RED + 1, 0, 100);
	size_t n = 0;

	text[0] = '\0';
	assert_false(b->failed);
	for (size_t i = 0; i < b->n; i++) {
		uint64_t seq = b->events[i].seq;

		n += (size_t)snprintf(text + n, sizeof(text) - n,
			seq > less ? "%s+%llu" : "%s%llu", i ? " " : "",
			(unsigned long long)(seq > less ? seq - less : seq));
	}
	gw_batch_free(b);
	return text;
}

/* The journal holds 7 owed events of a start that was killed; it cannot be read, and can 4 s
 * later. The file is not to blame: what was owed arrives, and so does what came meanwhile. */
static void heals_after_the_start(void (*hurt)(void))
{
	struct gw_store *s;
	uint64_t base;

	killed_after(7);
	hurt();
	s = open_store(two_sinks, 2, 16 * MIB);
	base = gw_store_last_seq(s);
	assert_true(base > 1000000); /* above what could have been given */
	assert_int_equal(alarms_given(s), 0);
	assert_true(status(s).failing);
	emit(s, base + 1);
	pass(s, 4);
	emit(s, base + 2);
	turn(s);
	assert_int_equal(gw_store_committed(s), base);
	vfs_heal();
	pass(s, 15);
	assert_false(status(s).failing);
	assert_false(status(s).replaced);
	assert_int_equal(names_with("corrupt"), 0);
	assert_int_equal(gw_store_committed(s), base + 2);
	assert_int_equal(gw_store_backlog_generation(s), 1);
	assert_int_equal(alarms_given(s), 7);
	assert_string_equal(owed_by_number(s, base), "1 2 3 4 5 6 7 +1 +2");
	gw_store_mark(s, 0, 3, GW_MARK_DELIVERED);
	gw_store_mark(s, 0, base + 1, GW_MARK_DELIVERED);
	gw_store_free(s);
	s = open_store(two_sinks, 2, 16 * MIB); /* and it is one file from then on */
	assert_int_equal(gw_store_last_seq(s), base + 2);
	assert_string_equal(owed_by_number(s, base), "1 2 4 5 6 7 +2");
	gw_store_free(s);
}

static void cannot_open(void)
{
	disk.open_rc = SQLITE_CANTOPEN;
}

static void cannot_even_try(void)
{
	disk.open_rc = SQLITE_IOERR;
}

static void reads_fail(void)
{
	disk.read_rc = SQLITE_IOERR_READ;
	disk.write_rc = SQLITE_IOERR_WRITE;
}

static void only_reads_fail(void)
{
	disk.read_rc = SQLITE_IOERR_READ;
}

static void no_memory_for_sqlite(void)
{
	disk.read_rc = SQLITE_NOMEM;
}

static void unread_at_the_start_is_owed_later(void **state)
{
	void (*const faults[])(void) = {cannot_open, cannot_even_try, reads_fail,
		only_reads_fail, no_memory_for_sqlite};

	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
		heals_after_the_start(faults[i]);
		remove_state();
	}
}

/* A read-only disk can be read, WAL and all. */
static void a_killed_start_is_read_on_a_read_only_disk(void **state)
{
	struct gw_store *s;

	(void)state;
	killed_after(7);
	disk.read_only = true;
	s = open_store(two_sinks, 2, 16 * MIB);
	assert_int_equal(gw_store_last_seq(s), 7);
	assert_int_equal(alarms_given(s), 7);
	assert_string_equal(owed_by_number(s, 7), "1 2 3 4 5 6 7");
	emit(s, 8);
	pass(s, 4);
	assert_int_equal(gw_store_committed(s), 7);
	vfs_heal();
	pass(s, 15);
	assert_int_equal(gw_store_committed(s), 8);
	assert_int_equal(names_with("corrupt"), 0);
	assert_string_equal(owed_by_number(s, 7), "1 2 3 4 5 6 7 +1");
	gw_store_free(s);
}

/* Somebody else holds the file: neither corrupt nor ours to read, and nothing is written. */
static void a_locked_file_is_waited_for(void **state)
{
	struct gw_store *s;
	char run_path[300];
	int pipes[2], how;
	uint64_t run;
	pid_t pid;
	char c;

	(void)state;
	killed_after(7);
	snprintf(run_path, sizeof(run_path), "%s/run", dir);
	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	if (pid == 0) {
		s = open_store(two_sinks, 2, 16 * MIB);
		turn(s);
		if (write(pipes[1], "x", 1) != 1)
			_exit(1);
		pause();
	}
	assert_int_equal(read(pipes[0], &c, 1), 1);
	run = gw_run_counter_read(run_path);
	s = open_store(two_sinks, 2, 16 * MIB);
	emit(s, gw_store_last_seq(s) + 1);
	pass(s, 100);
	assert_true(status(s).failing);
	assert_int_equal(names_with("corrupt"), 0);
	assert_int_equal(gw_run_counter_read(run_path), run);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &how, 0), pid);
	pass(s, 15);
	assert_false(status(s).failing);
	assert_string_equal(owed_by_number(s, 7), "1 2 3 4 5 6 7 +1");
	gw_store_free(s);
	close(pipes[0]);
	close(pipes[1]);
}

/* A store that never started leaves no trace. */
static void one_that_cannot_run_writes_nothing(void **state)
{
	struct gw_store *s;
	char run_path[300];
	uint64_t run;

	(void)state;
	killed_after(7);
	snprintf(run_path, sizeof(run_path), "%s/run", dir);
	run = gw_run_counter_read(run_path);
	assert_true(run > 0);
	s = new_store(two_sinks, 2, 16 * MIB);
	gw_store_free(s);
	assert_int_equal(gw_run_counter_read(run_path), run);
	assert_true(names_with("-wal") == 1);
}

/* ---- a file that is deleted ---- */

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
	pass(s, 1);
	return s;
}

static void assert_carried(struct gw_store *s)
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
	pass(s, 3);
	assert_carried(s);
}

static void folder_deleted_while_open(void **state)
{
	struct gw_store *s = with_five_owed();

	(void)state;
	assert_int_equal(temp_dir_remove(dir), 0);
	disk.open_rc = SQLITE_CANTOPEN; /* nor can another be made yet */
	pass(s, 3);
	assert_true(status(s).failing);
	emit(s, 7);
	pass(s, 20);
	assert_int_equal(gw_store_committed(s), 6);
	vfs_heal();
	pass(s, 15);
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
	copy(db, backup);
	s = with_five_owed();
	remove_name("tocsin.db-wal");
	assert_int_equal(rename(backup, db), 0);
	pass(s, 3);
	assert_carried(s);
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
		pass(s, 3);
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
static void a_quiet_look_writes_nothing(void **state)
{
	struct gw_store *s = with_five_owed();
	uint64_t writes;

	(void)state;
	pass(s, 15);
	writes = disk.writes;
	pass(s, 100);
	assert_int_equal(disk.writes, writes);
	assert_false(status(s).replaced);
	gw_store_free(s);
}

/* ---- corruption ---- */

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

static void put_aside_and_begun_anew(uint64_t run)
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

static void corrupt_header(void **state)
{
	uint64_t run = fill(100);

	(void)state;
	spoil(0, 100, -1);
	put_aside_and_begun_anew(run);
}

/* A WAL left beside a new file would be replayed into it. */
static void corrupt_with_a_wal(void **state)
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

static void corrupt_middle(void **state)
{
	uint64_t run = fill(500);

	(void)state;
	spoil(db_size() / 3, (size_t)db_size() / 3, -1);
	put_aside_and_begun_anew(run);
}

static void corrupt_truncated(void **state)
{
	uint64_t run = fill(500);

	(void)state;
	spoil(0, 0, db_size() / 2);
	put_aside_and_begun_anew(run);
}

static void corrupt_empty(void **state)
{
	uint64_t run = fill(100);

	(void)state;
	spoil(0, 0, 0);
	put_aside_and_begun_anew(run);
}

static void corrupt_not_ours(void **state)
{
	char path[300];
	sqlite3 *db;

	(void)state;
	snprintf(path, sizeof(path), "%s/tocsin.db", dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(
		sqlite3_exec(db, "CREATE TABLE t(x)", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	put_aside_and_begun_anew(0);
}

static void corrupt_newer(void **state)
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
	put_aside_and_begun_anew(run);
}

/* One bad page of old history does not cost the debts and states that can still be read. */
static void salvaged(void **state)
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
static void corrupt_while_running(void **state)
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
	pass(s, 15);
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
	pass(s, 500);
	vfs_heal();
	pass(s, 15);
	assert_false(status(s).failing);
	assert_false(s->replaced);
	assert_int_equal(gw_store_committed(s), 2);
	assert_string_equal(owed(s, 0), "3:1 3:2");
	gw_store_free(s);
}

/* One bad place that never heals must not keep all that is new in memory. The old file waits
 * under another name, over a restart too, and what it owes arrives when it can be read. */
static void unreadable_for_long_is_put_aside_and_carried_later(void **state)
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
	pass(s, 620);
	assert_true(status(s).replaced);
	assert_int_equal(files_like("-owing"), 1);
	disk.read_rc = 0;
	pass(s, 15); /* the new file works, the old one cannot be read yet */
	assert_int_equal(gw_store_committed(s), base + 1);
	assert_string_equal(owed_by_number(s, base), "+1");
	emit(s, base + 2);
	turn(s);
	gw_store_free(s);
	s = open_store(two_sinks, 2, 16 * MIB); /* nor by the next start */
	assert_int_equal(files_like("-owing"), 1);
	assert_int_equal(alarms_given(s), 2);
	pass(s, 700);
	assert_int_equal(files_like("-owing"), 1);
	debts = gw_store_backlog_generation(s);
	disk.aside_rc = 0;
	pass(s, 700);
	assert_true(gw_store_backlog_generation(s) >
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

static void few_are_kept_aside(void **state)
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
		TEST(main_is_told),
		TEST(survives_full),
		TEST(survives_read_only),
		TEST(survives_write_errors),
		TEST(survives_a_disk_gone),
		TEST(ballast_keeps_it_going),
		TEST(failed_sync_is_not_believed),
		TEST(failed_checkpoint_is_not_believed),
		TEST(failed_lengthening_is_not_believed),
		TEST(wal_stays_small),
		TEST(the_wal_is_longer_than_it_is_used),
		TEST(quiet_writes_nothing),
		TEST(marks_wait_for_each_other),
		TEST(each_commit_is_synced),
		TEST(a_stray_mark_costs_nothing),
		TEST(memory_is_bounded),
		TEST(runs_never_repeat),
		TEST(runs_never_repeat_in_1970),
		TEST(runs_follow_the_rule),
		TEST(starts_on_a_broken_disk),
		TEST(starts_read_only),
		TEST(starts_full),
		TEST(unread_at_the_start_is_owed_later),
		TEST(a_killed_start_is_read_on_a_read_only_disk),
		TEST(a_locked_file_is_waited_for),
		TEST(one_that_cannot_run_writes_nothing),
		TEST(deleted_before_the_start),
		TEST(deleted_while_open),
		TEST(folder_deleted_while_open),
		TEST(replaced_by_a_backup_while_open),
		TEST(wal_deleted_while_open),
		TEST(a_quiet_look_writes_nothing),
		TEST(corrupt_header),
		TEST(corrupt_with_a_wal),
		TEST(corrupt_middle),
		TEST(corrupt_truncated),
		TEST(corrupt_empty),
		TEST(corrupt_not_ours),
		TEST(corrupt_newer),
		TEST(salvaged),
		TEST(corrupt_while_running),
		TEST(unreadable_is_not_corrupt),
		TEST(unreadable_for_long_is_put_aside_and_carried_later),
		TEST(few_are_kept_aside),
	};

	vfs_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

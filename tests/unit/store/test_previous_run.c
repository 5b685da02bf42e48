/* SPDX-License-Identifier: Apache-2.0 */
/* What a start reads of earlier runs, on any disk, and the number it gets. */
#include "disk_fixture.h"

#include "store/store_status.h"

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
static void assert_runs_do_not_repeat(int64_t at_ms)
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
	copy_file(db, backup);
	start_anew(runs, &n);
	remove_state(); /* a backup restored, twice */
	copy_file(backup, db);
	start_anew(runs, &n);
	remove_state();
	copy_file(backup, db);
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

static void run_numbers_never_repeat(void **state)
{
	(void)state;
	assert_runs_do_not_repeat(1795300000000);
}

static void run_numbers_never_repeat_in_1970(void **state)
{
	(void)state;
	assert_runs_do_not_repeat(12000);
}

static void run_number_follows_the_rule(void **state)
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
	gw_store_publish_status(s);
	assert_true(status(s).failing);
	emit(s, 1);
	turn(s);
	assert_int_equal(gw_store_committed(s), 0);
	vfs_heal();
	pass_seconds(s, 15);
	assert_int_equal(gw_store_committed(s), 1);
	gw_store_free(s);
	s = open_store(two_sinks, 2, 16 * MIB);
	assert_true(gw_store_run(s) > run);
	gw_store_free(s);
	assert_all_there(1);
}

static void starts_on_a_read_only_disk(void **state)
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

static void starts_on_a_full_disk(void **state)
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
	pass_seconds(s, 15);
	assert_int_equal(gw_store_committed(s), 2);
	assert_int_equal(gw_db_meta_get(&s->db, "run", &noted, NULL), GW_OK);
	assert_int_equal(noted, gw_store_run(s));
	gw_store_free(s);
	assert_all_there(2);
}

/* The journal holds 7 owed events of a start that was killed; it cannot be read, and can 4 s
 * later. The file is not to blame: what was owed arrives, and so does what came meanwhile. */
static void assert_owed_after_disk_heals(void (*hurt)(void))
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
	pass_seconds(s, 4);
	emit(s, base + 2);
	turn(s);
	assert_int_equal(gw_store_committed(s), base);
	vfs_heal();
	pass_seconds(s, 15);
	assert_false(status(s).failing);
	assert_false(status(s).replaced);
	assert_int_equal(names_with("corrupt"), 0);
	assert_int_equal(gw_store_committed(s), base + 2);
	assert_int_equal(gw_store_backlog_revision(s), 1);
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

static void no_memory_for_sqlite(void)
{
	disk.read_rc = SQLITE_NOMEM;
}

static void unreadable_at_start_is_owed_later(void **state)
{
	void (*const faults[])(void) = {cannot_open, cannot_even_try, reads_fail,
		only_reads_fail, no_memory_for_sqlite};

	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
		assert_owed_after_disk_heals(faults[i]);
		remove_state();
	}
}

/* As after a restore: a start that cannot read the database must not begin below. */
static void numbers_ahead_of_the_clock_are_passed(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);
	uint64_t ahead = gw_run_counter_unknown_seq() + (UINT64_C(1) << 21), base;

	(void)state;
	turn(s);
	assert_int_equal(gw_db_begin(&s->db, NULL), GW_OK);
	assert_int_equal(gw_db_meta_put(&s->db, "last_seq", (int64_t)ahead, NULL), GW_OK);
	assert_int_equal(gw_db_commit(&s->db, NULL), GW_OK);
	gw_store_free(s);
	s = open_store(two_sinks, 2, 16 * MIB);
	assert_int_equal(gw_store_last_seq(s), ahead);
	emit(s, ahead + 1);
	pass_seconds(s, 2);
	/* half of what was reserved is used up */
	emit(s, ahead + 600000);
	pass_seconds(s, 100);
	gw_store_free(s);
	disk.open_rc = SQLITE_CANTOPEN;
	s = open_store(two_sinks, 2, 16 * MIB);
	base = gw_store_last_seq(s);
	assert_true(base >= ahead + 600000 + (UINT64_C(1) << 19));
	emit(s, base + 1);
	pass_seconds(s, 4);
	vfs_heal();
	pass_seconds(s, 15);
	assert_false(status(s).failing || status(s).replaced);
	assert_int_equal(names_with("corrupt"), 0);
	assert_int_equal(gw_store_committed(s), base + 1);
	gw_store_free(s);
}

/* A read-only disk can be read, WAL and all. */
static void wal_of_a_killed_run_is_read_on_a_read_only_disk(void **state)
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
	pass_seconds(s, 4);
	assert_int_equal(gw_store_committed(s), 7);
	vfs_heal();
	pass_seconds(s, 15);
	assert_int_equal(gw_store_committed(s), 8);
	assert_int_equal(names_with("corrupt"), 0);
	assert_string_equal(owed_by_number(s, 7), "1 2 3 4 5 6 7 +1");
	gw_store_free(s);
}

/* Somebody else holds the file: neither corrupt nor ours to read, and nothing is written. */
static void locked_file_is_waited_for(void **state)
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
	pass_seconds(s, 100);
	assert_true(status(s).failing);
	assert_int_equal(names_with("corrupt"), 0);
	assert_int_equal(gw_run_counter_read(run_path), run);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &how, 0), pid);
	pass_seconds(s, 15);
	assert_false(status(s).failing);
	assert_string_equal(owed_by_number(s, 7), "1 2 3 4 5 6 7 +1");
	gw_store_free(s);
	close(pipes[0]);
	close(pipes[1]);
}

/* A store that never started leaves no trace. */
static void store_that_never_started_writes_nothing(void **state)
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

/* Each disk call of a start after a kill fails once: that is no corruption. */
static void one_call_that_fails_is_no_corruption(void **state)
{
	long calls = 1000;

	(void)state;
	for (long n = 1; n <= calls; n++) {
		struct gw_store *s;
		uint64_t base;
		size_t alarms;

		remove_state();
		killed_after(7);
		disk.calls = 0;
		disk.fail_from = n;
		s = open_store(two_sinks, 2, 16 * MIB);
		alarms = alarms_given(s);
		base = gw_store_last_seq(s);
		emit(s, base + 1);
		pass_seconds(s, 20);
		if (disk.calls < n)
			calls = n;
		alarms += alarms_given(s);
		if (names_with("corrupt") != 0 || alarms != 7 ||
			strcmp(owed_by_number(s, base), "1 2 3 4 5 6 7 +1") != 0)
			fail_msg("call %ld: %zu files put aside, %zu alarms of 7, owed %s",
				n, names_with("corrupt"), alarms, owed_by_number(s, base));
		vfs_heal();
		gw_store_free(s);
	}
	assert_in_range(calls, 50, 999);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(run_numbers_never_repeat),
		TEST(run_numbers_never_repeat_in_1970),
		TEST(run_number_follows_the_rule),
		TEST(starts_on_a_broken_disk),
		TEST(starts_on_a_read_only_disk),
		TEST(starts_on_a_full_disk),
		TEST(unreadable_at_start_is_owed_later),
		TEST(numbers_ahead_of_the_clock_are_passed),
		TEST(wal_of_a_killed_run_is_read_on_a_read_only_disk),
		TEST(locked_file_is_waited_for),
		TEST(store_that_never_started_writes_nothing),
		TEST(one_call_that_fails_is_no_corruption),
	};

	vfs_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Steps of the store's thread that fail: memory is full, the disk is full, a file is corrupt
 * twice, or cannot be moved into quarantine. */
#include "failing_calls.h"
#include "sql_fixture.h"

#include "tests/unit/fixture/failing_memory.h"

#include "store/recovery.h"

/* The calls that are met first, and then it works again. */
static void hurt(struct gw_store *s, const char *text, int rc, int times)
{
	sql_arm(1, rc);
	sql.only = text;
	sql.more = times - 1;
	turn(s);
	assert_true(sql.failed[0] != '\0');
	sql_heal();
}

/* ---- memory ---- */

static struct gw_store *crowded;

__attribute__((unused)) static void one_turn(void)
{
	gw_writer_step(crowded, false);
}

/* Two alarms whose keys hash alike; all is delivered and the disk fails: of each the last state
 * stays, and it is not searched for what may go more than once a second. */
static void history_goes_and_states_stay(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);
	uint64_t seq = 0;
	size_t left;

	(void)state;
	strcpy(keys[0], "xAa");
	strcpy(keys[1], "xBB");
	s->max_uncommitted = 200;
	disk.write_rc = SQLITE_IOERR_WRITE;
	for (int i = 0; i < 198; i++) {
		seq++;
		emit_of(s, seq, seq % 2);
		gw_store_mark(s, 0, seq, GW_MARK_DELIVERED);
		gw_store_mark(s, 1, seq, GW_MARK_DELIVERED);
	}
	gw_writer_step(s, false);
	assert_int_equal(s->n_entries, 198);
	for (int i = 0; i < 100; i++) {
		seq++;
		emit_of(s, seq, seq % 2);
	}
#ifndef FAILING_MEMORY_OFF
	now_ns += 2 * GW_NS_PER_SEC; /* no memory to search: nothing goes, nothing breaks */
	crowded = s;
	run_failing(one_turn, 1, true);
	assert_int_equal(s->n_entries, 200);
	assert_int_equal(s->refused, 0);
#endif
	now_ns += 2 * GW_NS_PER_SEC;
	gw_writer_step(s, false);
	left = s->n_entries;
	assert_true(left < 150);
	assert_int_equal(gw_ring_count(&s->events), 0);
	for (int i = 0; i < 200; i++) {
		seq++;
		emit_of(s, seq, seq % 2);
	}
	gw_writer_step(s, false); /* in the same second: they wait */
	assert_int_equal(s->n_entries, 200);
	assert_true(gw_ring_count(&s->events) > 0);
	vfs_heal();
	pass(s, 20);
	assert_int_equal(gw_store_committed(s), seq);
	gw_store_free(s);
	s = open_store(two_sinks, 2, 16 * MIB);
	assert_int_equal(alarms_given(s), 2);
	assert_int_equal(status(s).owed[0], 300); /* those nobody delivered */
	gw_store_free(s);
}

/* The disk fails and memory fills up; then it is searched for what may go, and the disk heals. */
static void crowd_and_heal(struct gw_store *s, uint64_t from, uint64_t to)
{
	now_ns += 2 * GW_NS_PER_SEC;
	for (uint64_t seq = from; seq <= to; seq++)
		emit_of(s, seq, 0);
	gw_writer_step(s, false);
	assert_true(s->n_entries <= s->max_uncommitted);
	vfs_heal();
	pass(s, 20);
	assert_int_equal(gw_store_committed(s), to);
}

static void a_superseded_event_stays_while_it_is_parked(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);

	(void)state;
	s->max_uncommitted = 200;
	disk.write_rc = SQLITE_IOERR_WRITE;
	for (uint64_t seq = 1; seq <= 198; seq++) {
		emit_of(s, seq, 0);
		gw_store_mark(s, 0, seq, seq % 10 ? GW_MARK_DELIVERED : GW_MARK_PARKED);
		gw_store_mark(s, 1, seq, GW_MARK_DELIVERED);
	}
	gw_writer_step(s, false);
	crowd_and_heal(s, 199, 300);
	assert_int_equal(s->refused, 198 - 19);
	assert_int_equal(status(s).parked[0], 19);
	gw_store_free(s);
}

static void a_superseded_event_stays_while_removed_uplinks_are_owed_it(void **state)
{
	struct gw_store *s = open_store(two_sinks, 1, 16 * MIB);

	(void)state;
	emit_of(s, 1, 0);
	turn(s);
	gw_store_free(s);
	s = open_store(NULL, 0, 16 * MIB);
	s->max_uncommitted = 200;
	disk.write_rc = SQLITE_IOERR_WRITE;
	for (uint64_t seq = 2; seq <= 200; seq++)
		emit_of(s, seq, 0);
	gw_writer_step(s, false);
	crowd_and_heal(s, 201, 300);
	assert_int_equal(s->refused, 0);
	gw_store_free(s);
	s = open_store(two_sinks, 1, 16 * MIB);
	assert_int_equal(status(s).owed[0], 300);
	gw_store_free(s);
}

#ifndef FAILING_MEMORY_OFF

/* It stays in the uplink's mailbox, and the thread does not spin meanwhile. */
static void a_mark_without_memory_is_taken_later(void **state)
{
	struct gw_store *s = with_five(16 * MIB);

	(void)state;
	gw_store_mark(s, 1, 3, GW_MARK_DELIVERED);
	crowded = s;
	run_failing(one_turn, 1, true);
	assert_int_equal(s->n_marks, 0);
	assert_int_equal(gw_ring_count(&s->mailboxes[1].messages), 1);
	assert_false(gw_writer_has_input(s));
	pass(s, 2);
	assert_int_equal(gw_ring_count(&s->mailboxes[1].messages), 0);
	assert_int_equal(s->owed[1], 4);
	gw_store_free(s);
}

#endif

/* ---- what is said of an uplink that is no longer in the file ---- */

static void a_mark_on_an_event_no_longer_owed(void **state)
{
	struct gw_store *s = with_five(16 * MIB);

	(void)state;
	gw_store_mark(s, 1, 3, GW_MARK_DELIVERED);
	s->mailboxes[1].bit = 0;
	pass(s, 2);
	assert_int_equal(s->n_marks, 0);
	assert_false(status(s).failing);
	assert_int_equal(s->owed[1], 5);
	gw_store_free(s);
}

/* ---- no room ---- */

/* Only higher classes are left in the file: the state of the alarm is kept, its event is not. */
static void each_statement_of_a_state_without_its_event(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);
	uint64_t seq = 0;
	bool hurt = true;

	(void)state;
	for (long n = 1; hurt; n++) {
		s->retention.refuse_below_class = GW_CLASS_ALARM + 1;
		s->refusing = true;
		seq++;
		emit_of(s, seq, seq % 3);
		sql_arm(n, SQLITE_IOERR_READ);
		gw_writer_step(s, false);
		hurt = sql.failed[0] && !strstr(sql.failed, "PRAGMA");
		sql_heal();
		s->retention.refuse_below_class = GW_CLASS_ALARM + 1;
		pass(s, 3);
		assert_int_equal(gw_store_committed(s), seq);
		assert_false(status(s).failing);
	}
	assert_int_equal(s->refusing, s->retention.refuse_below_class > 0);
	gw_store_free(s);
	s = open_store(two_sinks, 2, 16 * MIB);
	assert_int_equal(gw_store_last_seq(s), seq);
	assert_int_equal(alarms_given(s), seq < 3 ? seq : 3);
	gw_store_free(s);
}

/* A row finds no room however much is deleted: that ends, and nothing owed was the price. */
static void a_disk_that_stays_full(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 64 * MIB);

	(void)state;
	for (uint64_t seq = 1; seq <= 6000; seq++) {
		emit(s, seq, seq);
		gw_store_mark(s, 0, seq, GW_MARK_DELIVERED);
		gw_store_mark(s, 1, seq, GW_MARK_DELIVERED);
		if (seq % 400 == 0)
			turn(s);
	}
	pass(s, 2);
	emit(s, 6001, 6001);
	sql_arm(1, SQLITE_FULL);
	sql.only = "INSERT INTO event";
	sql.for_ever = true;
	gw_writer_step(s, false);
	sql_heal();
	assert_true(status(s).failing);
	assert_non_null(strstr(status(s).why, "full"));
	assert_true(s->retention.trimmed > 1000);
	assert_int_equal(s->retention.lost, 0);
	pass(s, 12);
	assert_int_equal(gw_store_committed(s), 6001);
	assert_string_equal(owed(s, 0), "3:6001");
	gw_store_free(s);
}

static void a_ballast_is_given_up(void **state)
{
	struct gw_store *s = with_five(16 * MIB);
	struct gw_store *full;

	(void)state;
	assert_int_equal(names_with("ballast"), 1);
	sql_arm(1, SQLITE_IOERR_READ); /* how large the file is cannot be read */
	assert_false(gw_recovery_free_space(s));
	sql_heal();
	assert_int_equal(names_with("ballast"), 1);
	s->disk_full_mode = true; /* said before */
	assert_true(gw_recovery_free_space(s));
	assert_int_equal(names_with("ballast"), 0);
	pass(s, 12);
	assert_int_equal(names_with("ballast"), 1);
	assert_false(s->disk_full_mode);
	s->db.read_only = true; /* nor can anything be deleted */
	assert_true(gw_recovery_free_space(s));
	assert_false(gw_recovery_free_space(s));
	s->db.read_only = false;
	pass(s, 12);
	gw_store_free(s);
	/* a disk too full to open it */
	disk.open_rc = SQLITE_FULL;
	full = open_store(two_sinks, 2, 16 * MIB);
	pass(full, 2);
	assert_true(status(full).failing);
	assert_int_equal(names_with("ballast"), 0);
	vfs_heal();
	pass(full, 15);
	assert_false(status(full).failing);
	gw_store_free(full);
}

/* Beyond the bound and nothing may go: lower classes are refused, which is said once. */
static void a_full_database_of_owed_events_refuses_lower_classes(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, MIB / 4);

	(void)state;
	for (uint64_t seq = 1; seq <= 900; seq++) {
		emit_of(s, seq, seq);
		if (s->retention.refuse_below_class)
			break;
		turn(s);
	}
	remove_name("ballast");
	s->highest_class = -1;
	s->retention.refuse_below_class = -1;
	s->retention.soft_limit_pages = -s->retention.slack_pages;
	assert_true(gw_recovery_free_space(s));
	assert_false(gw_recovery_free_space(s));
	gw_store_free(s);
}

/* ---- a file that is spoilt ---- */

/* A read that failed may be called corruption: another connection must say so, too. */
static void a_file_that_seems_corrupt_once(void **state)
{
	struct gw_store *s = with_five(16 * MIB);

	(void)state;
	for (uint64_t seq = 6; seq <= 8; seq++) {
		emit(s, seq, seq);
		hurt(s, "INSERT INTO event", SQLITE_CORRUPT, 1);
		pass(s, 2);
		assert_int_equal(gw_store_committed(s), seq);
	}
	assert_false(status(s).replaced);
	assert_int_equal(files_like(".corrupt-"), 0);
	assert_string_equal(owed(s, 0), "3:1 3:2 3:3 3:4 3:5 3:6 3:7 3:8");
	gw_store_free(s);
}

/* Pages can be read, larger blocks cannot: so the file is not readable as a whole. */
static ssize_t pread_no_blocks(int fd, void *to, size_t n, off_t at)
{
	if (n <= 4096)
		return pread(fd, to, n, at);
	errno = EIO;
	return -1;
}

/* It opens well, each commit finds it corrupt, and part of it cannot be read: it is waited for, and
 * in the end replaced. */
static void a_file_that_seems_corrupt_and_stays_unreadable(void **state)
{
	struct gw_store *s = with_five(16 * MIB);
	static const char *const reads[] = {"pread", "pread64"};
	sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
	int seconds = 0;

	(void)state;
	for (size_t i = 0; i < 2; i++) /* this SQLite has one of them */
		vfs->xSetSystemCall(vfs, reads[i], (sqlite3_syscall_ptr)pread_no_blocks);
	sql_arm(1, SQLITE_CORRUPT);
	sql.only = "INSERT INTO event";
	sql.only_steps = sql.for_ever = true;
	emit(s, 6, 6);
	for (; seconds < 900 && files_like(".corrupt-") == 0; seconds++)
		pass(s, 1);
	sql_heal();
	for (size_t i = 0; i < 2; i++)
		vfs->xSetSystemCall(vfs, reads[i], NULL);
	pass(s, 30);
	assert_in_range(seconds, 590, 700);
	assert_int_equal(gw_store_committed(s), 6);
	gw_store_free(s);
}

/* It is corrupt where the alarms stand, at the start and at the second look. What copies the debts
 * of the file finds them: main gets them then. */
static void alarms_of_a_corrupt_file_are_given_when_they_are_found(void **state)
{
	struct gw_store *s = with_five(16 * MIB);
	size_t standing;

	(void)state;
	gw_store_free(s);
	s = open_store(two_sinks, 2, 16 * MIB);
	standing = alarms_given(s);
	gw_store_free(s);
	assert_int_equal(standing, 5);
	sql_arm(1, SQLITE_CORRUPT);
	sql.only = "SELECT info, state, under";
	sql.only_steps = true;
	sql.more = 1;
	s = open_store(two_sinks, 2, 16 * MIB);
	sql_heal();
	turn(s);
	assert_true(status(s).replaced);
	assert_int_equal(alarms_given(s), 5);
	gw_store_free(s);
}

static void a_file_that_is_corrupt_again_and_again(void **state)
{
	struct gw_store *s = with_five(16 * MIB);

	(void)state;
	emit(s, 6, 6);
	hurt(s, "INSERT INTO event", SQLITE_CORRUPT, 2);
	assert_true(status(s).replaced);
	assert_int_equal(gw_store_committed(s), 6);
	emit(s, 7, 7);
	hurt(s, "INSERT INTO event", SQLITE_CORRUPT, 2); /* the card spoils every file */
	pass(s, 1);
	assert_int_equal(files_like(".corrupt-"), 1);
	pass(s, 20);
	assert_int_equal(gw_store_committed(s), 7);
	now_ns += 700 * GW_NS_PER_SEC;
	emit(s, 8, 8);
	hurt(s, "INSERT INTO event", SQLITE_CORRUPT, 2);
	pass(s, 20);
	assert_int_equal(files_like(".corrupt-"), 2);
	assert_int_equal(gw_store_committed(s), 8);
	assert_string_equal(owed(s, 0), "3:1 3:2 3:3 3:4 3:5 3:6 3:7 3:8");
	gw_store_free(s);
}

static void a_corrupt_file_that_cannot_be_moved(void **state)
{
	struct gw_store *s = with_five(16 * MIB);

	(void)state;
	emit(s, 6, 6);
	call_fails("link", 1, EPERM); /* a file system without links */
	failing.then = "rename";
	failing.then_before = 2; /* the WAL was moved already */
	hurt(s, "INSERT INTO event", SQLITE_CORRUPT, 2);
	assert_true(call_failed());
	pass(s, 20);
	assert_false(status(s).failing);
	assert_int_equal(gw_store_committed(s), 6);
	assert_string_equal(owed(s, 0), "3:1 3:2 3:3 3:4 3:5 3:6");
	gw_store_free(s);
}

/* What was committed is not there after all: said, and what is new goes on behind it. */
static void a_disk_that_lost_what_it_had(void **state)
{
	struct gw_store *s = with_five(16 * MIB);

	(void)state;
	sqlite3_exec(s->db.handle,
		"DELETE FROM event WHERE seq = 5; DELETE FROM owed WHERE seq = 5", NULL,
		NULL, NULL);
	s->recheck_needed = true;
	turn(s);
	assert_false(status(s).failing);
	emit(s, 6, 6);
	turn(s);
	assert_int_equal(gw_store_committed(s), 6);
	assert_string_equal(owed(s, 0), "3:1 3:2 3:3 3:4 3:6");
	gw_store_free(s);
}

/* ---- the end ---- */

static void a_file_that_was_not_closed_cleanly_is_checked(void **state)
{
	(void)state;
	for (int how = 0; how < 2; how++) {
		struct gw_store *s = with_five(16 * MIB);

		s->recheck_needed = how == 0;
		if (how == 1)
			sql_arm(1, SQLITE_IOERR_READ); /* no goodbye can be written */
		gw_recovery_close(s);
		sql_heal();
		s->run_decided = false; /* nor is it opened again */
		gw_store_free(s);
		s = open_store(two_sinks, 2, 16 * MIB);
		assert_false(s->db.was_clean);
		assert_string_equal(owed(s, 0), "3:1 3:2 3:3 3:4 3:5");
		gw_store_free(s);
		assert_int_equal(temp_dir_remove(dir), 0);
		assert_int_equal(mkdir(dir, 0700), 0);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(history_goes_and_states_stay),
		TEST(a_superseded_event_stays_while_it_is_parked),
		TEST(a_superseded_event_stays_while_removed_uplinks_are_owed_it),
#ifndef FAILING_MEMORY_OFF
		TEST(a_mark_without_memory_is_taken_later),
#endif
		TEST(a_mark_on_an_event_no_longer_owed),
		TEST(each_statement_of_a_state_without_its_event),
		TEST(a_disk_that_stays_full),
		TEST(a_ballast_is_given_up),
		TEST(a_full_database_of_owed_events_refuses_lower_classes),
		TEST(a_file_that_seems_corrupt_once),
		TEST(a_file_that_seems_corrupt_and_stays_unreadable),
		TEST(alarms_of_a_corrupt_file_are_given_when_they_are_found),
		TEST(a_file_that_is_corrupt_again_and_again),
		TEST(a_corrupt_file_that_cannot_be_moved),
		TEST(a_disk_that_lost_what_it_had),
		TEST(a_file_that_was_not_closed_cleanly_is_checked),
	};

	if (access("/dev/shm", W_OK) == 0) /* thousands of syncs */
		setenv("TMPDIR", "/dev/shm", 1);
	vfs_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

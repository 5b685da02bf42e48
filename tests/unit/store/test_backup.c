/* SPDX-License-Identifier: Apache-2.0 */
/* The copy for `tocsin backup`: consistent in steps, and of no cost to commits. */
#include "sql_fixture.h"

#include "store/anonymous_db.h"
#include "store/backup.h"
#include "store/folder_lock.h"
#include "store/restored.h"

#include <errno.h>

#define EVENTS 1500 /* some hundred pages: several steps */

static struct gw_store *filled(void)
{
	struct gw_store *s = open_store(two_sinks, 2, 64 * MIB);

	for (uint64_t seq = 1; seq <= EVENTS; seq += 500) {
		emit(s, seq, seq + 499);
		turn(s);
	}
	return s;
}

/* One step of the copy: its pause is over. */
static void step(struct gw_store *s)
{
	now_ns += GW_NS_PER_SEC;
	turn(s);
}

static int64_t number_in(int fd, const char *query)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *st = NULL;
	int64_t number;

	assert_int_equal(gw_anonymous_db_read(fd, &db, NULL), GW_OK);
	assert_int_equal(sqlite3_prepare_v2(db, query, -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	number = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	sqlite3_close_v2(db);
	return number;
}

static void what_is_committed_meanwhile_is_in_it(void **state)
{
	struct gw_store *s = filled();
	struct gw_store_backup_result r;
	uint64_t seq = EVENTS;
	int steps = 0, done, pages;

	(void)state;
	assert_true(gw_store_request_backup(s));
	assert_false(gw_store_request_backup(s)); /* one at a time */
	for (; !atomic_load(&s->backup_result); steps++) {
		assert_true(steps < 1000);
		seq++;
		emit(s, seq, seq);
		step(s);
		gw_store_backup_progress(s, &done, &pages);
		assert_true(done <= pages);
		/* no step holds up what is emitted before it */
		assert_int_equal(gw_store_committed(s), seq);
		assert_int_equal(names_with("backup"), 0);
	}
	assert_true(steps > 3);
	/* who asked for this one has not got it yet */
	assert_false(gw_store_request_backup(s));
	assert_true(gw_store_take_backup(s, &r));
	assert_false(r.failed);
	assert_int_equal(number_in(r.fd, "SELECT count(*) FROM event"), seq);
	assert_int_equal(number_in(r.fd, "SELECT count(*) FROM owed"), seq);
	assert_int_equal(number_in(r.fd, "SELECT count(*) FROM pragma_integrity_check"), 1);
	close(r.fd);
	assert_true(gw_store_request_backup(s));
	gw_store_free(s); /* whose result nobody takes */
}

static void expect_end(struct gw_store *s, const char *why)
{
	struct gw_store_backup_result r;

	assert_true(gw_store_take_backup(s, &r));
	assert_true(r.failed);
	assert_int_equal(r.fd, -1);
	assert_non_null(strstr(r.why, why));
	assert_null(s->backup.copy);
	assert_int_equal(names_with("backup"), 0);
}

static void begin_copy(struct gw_store *s)
{
	assert_true(gw_store_request_backup(s));
	step(s);
	assert_non_null(s->backup.copy);
}

static void it_ends_when_nobody_waits_or_tocsind_stops(void **state)
{
	struct gw_store *s = filled();

	(void)state;
	begin_copy(s);
	gw_store_cancel_backup(s);
	turn(s);
	expect_end(s, "gone");
	begin_copy(s);
	gw_writer_step(s, true);
	expect_end(s, "stops");
	begin_copy(s);
	s->recheck_needed = true; /* a failed sync: the file is opened anew */
	step(s);
	expect_end(s, "closed");
	assert_false(s->failing);
	begin_copy(s);
	gw_store_free(s);
}

static void a_commit_without_space_ends_it_and_keeps_the_ballast(void **state)
{
	struct gw_store *s = filled();

	(void)state;
	pass(s, 15);
	assert_true(s->ballast_reserved);
	begin_copy(s);
	sql.only = "INSERT INTO event";
	sql_arm(1, SQLITE_FULL);
	emit(s, EVENTS + 1, EVENTS + 1);
	turn(s);
	sql_heal();
	expect_end(s, "full");
	assert_true(s->ballast_reserved);
	assert_false(s->failing || s->disk_full_mode);
	assert_int_equal(gw_store_committed(s), EVENTS + 1);
	gw_store_free(s);
}

static void none_is_begun_while_the_disk_fails(void **state)
{
	struct gw_store *s = filled();

	(void)state;
	disk.write_rc = SQLITE_FULL;
	emit(s, EVENTS + 1, EVENTS + 1);
	pass(s, 2);
	assert_true(s->failing);
	assert_true(gw_store_request_backup(s));
	turn(s);
	expect_end(s, "cannot be read now");
	vfs_heal();
	pass(s, 15);
	gw_store_free(s);
}

/* ---- the lock, and a restore that was cut off ---- */

static int64_t events_in(struct gw_store *s)
{
	sqlite3_stmt *st = NULL;
	int64_t n;

	assert_int_equal(sqlite3_prepare_v2(
				 s->db.handle, "SELECT count(*) FROM event", -1, &st, NULL),
		SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return n;
}

static void in_dir(const char *words)
{
	char command[TEMP_DIR_MAX + 256];

	snprintf(command, sizeof(command), "cd %s && %s", dir, words);
	assert_int_equal(system(command), 0);
}

static void write_text(const char *name, const char *text)
{
	char path[TEMP_DIR_MAX + 64];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void make_folder(const char *name)
{
	char path[TEMP_DIR_MAX + 64];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(mkdir(path, 0700), 0);
}

static void one_process_has_the_folder(void **state)
{
	struct gw_store *s;
	struct gw_error err;
	int fd = -1;

	(void)state;
	s = open_store(two_sinks, 2, 16 * MIB);
	emit(s, 1, 3);
	turn(s);
	assert_int_equal(gw_folder_lock(dir, &fd, &err), GW_ERR_SYSTEM);
	assert_int_equal(err.native, EWOULDBLOCK);
	assert_int_equal(fd, -1);
	gw_store_free(s);
	assert_int_equal(gw_folder_lock(dir, &fd, &err), GW_OK);
	assert_true(fd >= 0);
	/* A start during a backup knows what is there, and commits when the folder is free. */
	s = open_store(two_sinks, 2, 16 * MIB);
	assert_true(s->previous_read);
	emit(s, 4, 5);
	pass(s, 2);
	assert_true(s->failing && s->n_entries == 2);
	gw_folder_unlock(&fd);
	pass(s, 15);
	assert_false(s->failing);
	assert_int_equal(events_in(s), 5);
	gw_store_free(s);
	/* During a restore it runs without. */
	assert_int_equal(gw_folder_lock(dir, &fd, &err), GW_OK);
	make_folder("restored.new");
	s = open_store(two_sinks, 2, 16 * MIB);
	assert_false(s->previous_read);
	assert_true(s->last_seq > 5);
	in_dir("rmdir restored.new");
	gw_folder_unlock(&fd);
	pass(s, 15);
	assert_true(s->previous_read && !s->failing);
	gw_store_free(s);
}

static bool holds(const char *name, const char *text)
{
	char path[TEMP_DIR_MAX + 64], bytes[64] = "";
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "r");
	if (!f)
		return text == NULL;
	bytes[fread(bytes, 1, sizeof(bytes) - 1, f)] = '\0';
	fclose(f);
	return text && strcmp(bytes, text) == 0;
}

/* Cut off after each of its steps, it is taken in by the next try, with all that belongs to it. */
static void a_restore_is_taken_in_from_every_step(void **state)
{
	static const char *const steps[] = {
		"mv sources restored/sources.old",
		"mv restored/sources sources",
		"mv restored/last-good.conf .",
		/* quarantine.c, between its two unlinks */
		("ln tocsin.db-wal tocsin.db.corrupt-x-owing-wal &&"
		 " mv tocsin.db tocsin.db.corrupt-x-owing"),
		"rm tocsin.db-wal && mv restored/tocsin.db .",
	};

	(void)state;
	for (int done = 0; done <= 5; done++) {
		bool taken = false;

		write_text("tocsin.db", "old");
		write_text("tocsin.db-wal", "old");
		write_text("last-good.conf", "old");
		make_folder("sources");
		write_text("sources/a", "old");
		write_text("sources/b", "old");
		make_folder("restored");
		make_folder("restored/sources");
		write_text("restored/tocsin.db", "new");
		write_text("restored/last-good.conf", "new");
		write_text("run", "old");
		write_text("restored/run", "new");
		write_text("restored/sources/a", "new");
		make_folder("restored.new"); /* of an earlier one */
		write_text("restored.new/tocsin.db", "half");
		for (int i = 0; i < done; i++)
			in_dir(steps[i]);
		assert_int_equal(gw_restored_take_in(dir, &taken, NULL), GW_OK);
		assert_true(taken);
		assert_true(holds("tocsin.db", "new") && holds("tocsin.db-wal", NULL));
		assert_true(holds("last-good.conf", "new") && holds("run", "new"));
		assert_true(holds("sources/a", "new") && holds("sources/b", NULL));
		assert_int_equal(names_with("restored"), 0);
		assert_int_equal(files_like(".corrupt-"), 1);
		assert_int_equal(gw_restored_take_in(dir, &taken, NULL), GW_OK);
		assert_false(taken);
		in_dir("rm -r sources tocsin.db* last-good.conf");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			what_is_committed_meanwhile_is_in_it, begin, end),
		cmocka_unit_test_setup_teardown(
			it_ends_when_nobody_waits_or_tocsind_stops, begin, end),
		cmocka_unit_test_setup_teardown(
			a_commit_without_space_ends_it_and_keeps_the_ballast, begin, end),
		cmocka_unit_test_setup_teardown(
			none_is_begun_while_the_disk_fails, begin, end),
		cmocka_unit_test_setup_teardown(one_process_has_the_folder, begin, end),
		cmocka_unit_test_setup_teardown(
			a_restore_is_taken_in_from_every_step, begin, end),
	};

	vfs_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

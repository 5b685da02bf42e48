/* SPDX-License-Identifier: Apache-2.0 */
/* Opening: odd files, odd folders, no descriptors; each statement of a first start, of an older
 * schema and of a start after a crash failing. */
#include "faulty_vfs.h"
#include "scripted_store.h"

#include "failing_sqlite.h"

#include "store/db_open.h"
#include "store/db_readonly.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/wait.h>

static int begin(void **state)
{
	vfs_heal();
	sql_heal();
	now_ns = 1000 * GW_NS_PER_SEC;
	return fixture_setup(state);
}

static int end(void **state)
{
	vfs_heal();
	sql_heal();
	return fixture_teardown(state);
}

static void emit(struct gw_store *s, uint64_t seq)
{
	struct gw_event e = make_event(s, seq, seq % 50, GW_LEVEL_RED);

	push(s, &e);
}

static struct gw_store_status status(struct gw_store *s)
{
	struct gw_store_status st;

	gw_store_status(s, &st);
	return st;
}

static const char *path_of(const char *name)
{
	static char path[300];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void fill(uint64_t n)
{
	struct gw_store *s = open_store(two_sinks, 2, MIB);

	for (uint64_t seq = 1; seq <= n; seq++)
		emit(s, seq);
	turn(s);
	gw_store_free(s);
}

/* ---- each statement of a start ---- */

static void start_hurt_at_each(void (*prepare)(void), uint64_t n_before, int rc)
{
	sql.n_kinds = 0;
	for (long n = 0; n <= sql.n_kinds; n++) { /* first without any that fails */
		struct gw_store *s;
		uint64_t base;

		if (n > 0 && !sql_is_worth(n))
			continue;
		assert_int_equal(temp_dir_remove(dir), 0);
		assert_int_equal(mkdir(dir, 0700), 0);
		prepare();
		sql_arm(n, rc);
		s = open_store(two_sinks, 2, MIB);
		assert_int_equal(sql.failed[0] != '\0', n > 0);
		sql_heal();
		base = gw_store_last_seq(s);
		emit(s, base + 1);
		pass(s, 12);
		assert_false(status(s).failing);
		assert_int_equal(gw_store_committed(s), base + 1);
		if (status(s).owed[0] != n_before + 1)
			fail_msg("%s: %llu owed", sql.failed,
				(unsigned long long)status(s).owed[0]);
		assert_int_equal(names_with("corrupt"), 0);
		gw_store_free(s);
	}
}

static void nothing(void)
{
}

static void each_statement_of_a_first_start(void **state)
{
	(void)state;
	start_hurt_at_each(nothing, 0, SQLITE_IOERR_READ);
	start_hurt_at_each(nothing, 0, SQLITE_DONE); /* a question without an answer */
}

static void seven_and_a_crash(void)
{
	pid_t pid = fork();
	int how;

	if (pid == 0) {
		struct gw_store *s = open_store(two_sinks, 2, MIB);

		for (uint64_t seq = 1; seq <= 7; seq++)
			emit(s, seq);
		turn(s);
		_exit(gw_store_committed(s) == 7 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &how, 0), pid);
	assert_int_equal(how, 0);
}

static void each_statement_of_a_start_after_a_crash(void **state)
{
	(void)state;
	start_hurt_at_each(seven_and_a_crash, 7, SQLITE_IOERR_READ);
	/* time is up before every page was looked at: what is there is used */
	start_hurt_at_each(seven_and_a_crash, 7, SQLITE_INTERRUPT);
}

/* Back to the schema before the chain of hashes. */
static void seven_of_schema_1(void)
{
	fill(7);
	change_database(
		"ALTER TABLE event DROP COLUMN prev; ALTER TABLE event DROP COLUMN hash;"
		"ALTER TABLE event DROP COLUMN before_hash; DROP TABLE joint;"
		"DROP TABLE removed; PRAGMA user_version=1");
}

static void each_statement_of_a_migration(void **state)
{
	(void)state;
	start_hurt_at_each(seven_of_schema_1, 7, SQLITE_IOERR_READ);
}

/* ---- odd files ---- */

/* Of ours, and a table is gone: put aside, and what can be read of it is carried over. */
static void a_table_is_missing(void **state)
{
	struct gw_store *s;

	(void)state;
	fill(5);
	change_database("DROP TABLE removed");
	s = open_store(two_sinks, 2, 16 * MIB);
	turn(s);
	assert_true(status(s).replaced);
	assert_int_equal(files_like("corrupt"), 1);
	assert_string_equal(owed(s, 0), "3:1 3:2 3:3 3:4 3:5");
	gw_store_free(s);
}

static void an_empty_file_is_a_first_start(void **state)
{
	struct gw_store *s;
	FILE *f = fopen(path_of("tocsin.db"), "w");

	(void)state;
	assert_int_equal(fclose(f), 0);
	s = open_store(two_sinks, 2, 16 * MIB);
	assert_int_equal(gw_store_last_seq(s), 0);
	assert_false(status(s).replaced);
	assert_int_equal(names_with("corrupt"), 0);
	gw_store_free(s);
}

/* A file system that cannot keep a WAL's index: said, and events are kept in memory. */
static void a_journal_that_is_not_a_wal(void **state)
{
	struct gw_store *s;

	(void)state;
	sql.instead = "delete";
	s = open_store(two_sinks, 2, 16 * MIB);
	emit(s, gw_store_last_seq(s) + 1);
	pass(s, 1);
	assert_true(status(s).failing);
	assert_non_null(strstr(status(s).why, "journal mode is delete, not WAL"));
	sql.instead = NULL;
	pass(s, 15);
	assert_false(status(s).failing);
	assert_int_equal(status(s).pending, 0);
	gw_store_free(s);
}

static void a_note_and_more_keys_than_one_program_has(void **state)
{
	struct gw_store *s;
	struct gw_batch *b;

	(void)state;
	fill(1);
	change_database(
		"UPDATE event SET confirmed_by = CAST(x'6100620063006400650066006700680069'"
		" || x'006a006b006c006d006e006f007000710072007300740075007600' AS BLOB)");
	s = open_store(two_sinks, 2, 16 * MIB);
	b = request_owed(s, 0, GW_LEVEL_RED + 1, 0, 10);
	assert_false(b->failed);
	assert_int_equal(b->n, 1);
	assert_int_equal(b->events[0].n_confirmed_by, GW_EVENT_CONFIRMED_BY_MAX);
	assert_string_equal(b->events[0].confirmed_by[0], "a");
	gw_batch_free(b);
	gw_store_free(s);
}

/* ---- odd folders ---- */

static void a_folder_with_signs_in_its_name(void **state)
{
	char was[TEMP_DIR_MAX];
	struct gw_store *s;
	struct gw_db db;

	(void)state;
	memcpy(was, dir, sizeof(was));
	snprintf(dir + strlen(dir), sizeof(dir) - strlen(dir), "/a?b#c%%41");
	fill(3);
	s = open_store(two_sinks, 2, 16 * MIB);
	assert_string_equal(owed(s, 0), "3:1 3:2 3:3");
	gw_store_free(s);
	assert_int_equal(gw_db_open_readonly(&db, path_of("tocsin.db"), NULL), GW_OK);
	gw_db_close(&db, true);
	memcpy(dir, was, sizeof(was));
}

static void a_path_that_does_not_exist(void **state)
{
	char *path = malloc(PATH_MAX);
	struct gw_store *s;
	struct gw_error err;
	struct gw_db db;

	(void)state;
	fill(1);
	/* below a file, not a folder */
	snprintf(path, PATH_MAX, "%s/tocsin.db/x.db", dir);
	assert_int_equal(gw_db_open_readonly(&db, path, &err), GW_ERR_SYSTEM);
	memset(path, '#', PATH_MAX);
	path[2000] = '\0'; /* too long once it is escaped */
	assert_int_equal(gw_db_open_readonly(&db, path, &err), GW_ERR_SYSTEM);
	assert_null(db.handle);
	snprintf(path, PATH_MAX, "%s/tocsin.db", dir);
	s = NULL;
	assert_int_equal(gw_store_open(&(struct gw_store_opts){.state_dir = path,
					       .max_bytes = MIB,
					       .ring_capacity = 64},
				 &s, NULL),
		GW_OK);
	assert_int_equal(gw_previous_run_read(s, &err), GW_ERR_SYSTEM);
	assert_int_equal(err.native, ENOTDIR);
	assert_false(gw_store_await_previous_run(s, 0, 0));
	assert_true(gw_store_last_seq(s) > 1000000); /* nobody knows */
	gw_writer_step(s, false);
	assert_true(status(s).failing);
	gw_store_free(s);
	free(path);
}

static void a_store_that_cannot_be_opened(void **state)
{
	static const char *sinks[GW_STORE_SLOTS + 1];
	struct rlimit was, none = {0};
	struct gw_store_opts o = {.state_dir = dir, .max_bytes = MIB, .ring_capacity = 64};
	struct gw_store *s = NULL;
	char *name = malloc(PATH_MAX);
	struct gw_error err;

	(void)state;
	for (size_t i = 0; i <= GW_STORE_SLOTS; i++)
		sinks[i] = keys[i];
	o.uplinks = sinks;
	o.n_uplinks = GW_STORE_SLOTS + 1;
	assert_int_equal(gw_store_open(&o, &s, &err), GW_ERR_CONFIG);
	assert_non_null(strstr(err.text, "more than 32 uplinks"));
	o.n_uplinks = GW_STORE_SLOTS; /* as many as there are slots, and not one more */
	assert_int_equal(gw_store_open(&o, &s, &err), GW_OK);
	assert_int_equal(gw_store_reserve_slot(s, &(size_t){0}, &err), GW_ERR_FULL);
	gw_store_free(s);
	s = NULL;
	o.n_uplinks = 0;
	memset(name, 'n', PATH_MAX);
	name[PATH_MAX - 1] = '\0';
	o.state_dir = name;
	assert_int_equal(gw_store_open(&o, &s, &err), GW_ERR_CONFIG);
	o.state_dir = dir;
	getrlimit(RLIMIT_NOFILE, &was);
	none.rlim_max = was.rlim_max;
	setrlimit(RLIMIT_NOFILE, &none); /* no descriptor for its wake */
	assert_int_equal(gw_store_open(&o, &s, &err), GW_ERR_SYSTEM);
	setrlimit(RLIMIT_NOFILE, &was);
	o.ring_capacity = SIZE_MAX / sizeof(struct gw_event) / 4;
	assert_int_not_equal(gw_store_open(&o, &s, &err), GW_OK);
	assert_null(s);
	free(name);
}

/* ---- the file system layer of SQLite ---- */

static void an_sqlite_without_vfs_layers(void **state)
{
	sqlite3_vfs *layers[16];
	struct gw_error err;
	struct gw_db db;
	size_t n = 0;

	(void)state;
	fill(1);
	while ((layers[n] = sqlite3_vfs_find(NULL)) != NULL) {
		sqlite3_vfs_unregister(layers[n]);
		assert_true(++n < 16);
	}
	assert_int_equal(
		gw_db_open_readonly(&db, path_of("tocsin.db"), &err), GW_ERR_SYSTEM);
	while (n-- > 0)
		sqlite3_vfs_register(layers[n], n == 0);
	assert_int_equal(gw_db_open_readonly(&db, path_of("tocsin.db"), &err), GW_OK);
	gw_db_close(&db, true);
}

static void a_closed_database_takes_every_call(void **state)
{
	struct gw_db db = {0};
	bool fresh = false;

	(void)state;
	gw_db_rollback(&db);
	assert_int_equal(gw_db_extend_wal(&db, NULL), GW_OK);
	gw_db_close(&db, false);
	/* nor is a WAL made longer that is not there */
	assert_int_equal(sqlite3_open(":memory:", &db.handle), SQLITE_OK);
	assert_int_equal(gw_db_extend_wal(&db, NULL), GW_OK);
	db.read_only = true;
	assert_int_equal(gw_db_extend_wal(&db, NULL), GW_OK);
	gw_db_close(&db, false);
	disk.open_rc = SQLITE_CANTOPEN;
	assert_int_equal(gw_db_open(&db, path_of("tocsin.db"), MIB, GW_DB_CHECK_IF_UNCLEAN,
				 &fresh, NULL),
		GW_ERR_SYSTEM);
	assert_null(db.handle);
	disk.open_rc = 0;
	/* a disk on which sizes cannot be read */
	assert_int_equal(gw_db_open(&db, path_of("tocsin.db"), MIB, GW_DB_CHECK_IF_UNCLEAN,
				 &fresh, NULL),
		GW_OK);
	assert_true(fresh);
	assert_int_equal(gw_db_meta_put(&db, "x", 1, NULL), GW_OK);
	disk.size_rc = SQLITE_IOERR_FSTAT;
	assert_int_equal(gw_db_extend_wal(&db, NULL), GW_OK);
	assert_int_equal(db.wal_bytes, 0);
	disk.size_rc = 0;
	assert_int_equal(gw_db_extend_wal(&db, NULL), GW_OK);
	assert_true(db.wal_bytes > 0);
	gw_db_close(&db, false);
}

/* A sync failed and then the disk became read-only: nothing is put aside. */
static void suspect_and_read_only(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);

	(void)state;
	emit(s, 1);
	turn(s);
	disk.sync_rc = SQLITE_IOERR_FSYNC;
	disk.syncs_to_fail = 1000;
	emit(s, 2);
	pass(s, 1);
	disk.read_only = true;
	s->recheck_needed = true;
	pass(s, 20);
	assert_true(status(s).failing);
	assert_string_equal(status(s).why, "database: the disk is read-only");
	assert_int_equal(names_with("corrupt"), 0);
	vfs_heal();
	pass(s, 15);
	assert_int_equal(gw_store_committed(s), 2);
	assert_string_equal(owed(s, 0), "3:1 3:2");
	gw_store_free(s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_statement_of_a_first_start),
		TEST(each_statement_of_a_start_after_a_crash),
		TEST(each_statement_of_a_migration),
		TEST(a_table_is_missing),
		TEST(an_empty_file_is_a_first_start),
		TEST(a_journal_that_is_not_a_wal),
		TEST(a_note_and_more_keys_than_one_program_has),
		TEST(a_folder_with_signs_in_its_name),
		TEST(a_path_that_does_not_exist),
		TEST(a_store_that_cannot_be_opened),
		TEST(an_sqlite_without_vfs_layers),
		TEST(a_closed_database_takes_every_call),
		TEST(suspect_and_read_only),
	};

	if (access("/dev/shm", W_OK) == 0) /* thousands of syncs */
		setenv("TMPDIR", "/dev/shm", 1);
	vfs_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

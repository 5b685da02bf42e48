/* SPDX-License-Identifier: Apache-2.0 */
/* The files beside the database: the number of the last start, the ballast, databases put aside;
 * each with each of its system calls failing, and with names nobody would choose. */
#include "failing_calls.h"

#include "store_fixture.h"

#include "base/file.h"
#include "store/ballast.h"
#include "store/quarantine.h"
#include "store/run_counter.h"

static int64_t wall_ms = 1795300000000;
static char run_path[200], db_path[200];

int64_t gw_clock_boot_ns(void)
{
	return 1000 * GW_NS_PER_SEC;
}

int64_t gw_clock_wall_ms(void)
{
	return wall_ms;
}

bool gw_clock_synced(void)
{
	return true;
}

void gw_clock_boot_id(char ret_id[37])
{
	snprintf(ret_id, 37, "00000000-0000-0000-0000-000000000000");
}

static int begin(void **state)
{
	int rc = fixture_setup(state);

	snprintf(run_path, sizeof(run_path), "%s/run", dir);
	snprintf(db_path, sizeof(db_path), "%s/tocsin.db", dir);
	return rc;
}

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static void touch(const char *name)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	put(path, "x");
}

static bool exists(const char *name)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return access(path, F_OK) == 0;
}

/* ---- the number of the last start ---- */

static void a_number_that_is_none_is_passed_over(void **state)
{
	static const char *const odd[] = {"", "\n", "junk\n", "0\n", "-5\n", "12x\n",
		"9007199254740992\n", "99999999999999999999999999999999999999\n"};

	(void)state;
	assert_int_equal(gw_run_counter_read(run_path), 0); /* there is none */
	for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
		put(run_path, odd[i]);
		assert_int_equal(gw_run_counter_read(run_path), 0);
	}
	put(run_path, "9007199254740991\n");
	assert_int_equal(gw_run_counter_read(run_path), GW_RUN_MAX);
	assert_int_equal(gw_run_counter_read_seq(run_path), 0); /* of an older tocsin */
	put(run_path, "41\n4000000000\n");
	assert_int_equal(gw_run_counter_read(run_path), 41);
	assert_int_equal(gw_run_counter_read_seq(run_path), 4000000000);
	assert_int_equal(gw_run_counter_read(dir), 0); /* it opens and cannot be read */
	assert_int_equal(gw_run_counter_read_seq(dir), 0);
}

/* What stood there stands, and nothing is left beside it; and why is said. */
static void each_call_of_a_number_that_is_written(void **state)
{
	static const struct {
		const char *call;
		int before, error;
		const char *why;
		uint64_t stands;
	} cases[] = {
		{"write", 0, EIO, "write", 41}, {"fsync", 0, EIO, "sync", 41},
		{"close", 0, EDQUOT, "quota", 41}, {"rename", 0, EACCES, "rename", 41},
		{"fsync", 1, EIO, "sync", 42}, /* the folder: it is there already */
	};
	struct gw_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(gw_run_counter_write(run_path, 41, 1000, NULL), GW_OK);
		call_fails(cases[i].call, cases[i].before, cases[i].error);
		errno = 0;
		assert_int_equal(
			gw_run_counter_write(run_path, 42, 1000, &err), GW_ERR_SYSTEM);
		assert_true(call_failed());
		assert_non_null(strstr(err.text, cases[i].why));
		assert_int_equal(gw_run_counter_read(run_path), cases[i].stands);
		assert_false(exists("run.new"));
	}
	call_fails("fsync", 0, EIO); /* both: why it failed first is what is said */
	failing.then = "close";
	assert_int_equal(gw_run_counter_write(run_path, 43, 1000, &err), GW_ERR_SYSTEM);
	assert_true(call_failed());
	assert_int_equal(gw_run_counter_read(run_path), 42);
}

static void a_number_in_odd_places(void **state)
{
	char *name = malloc(PATH_MAX + 1), here[PATH_MAX], away[300];

	(void)state;
	memset(name, 'n', PATH_MAX);
	name[PATH_MAX] = '\0';
	assert_int_equal(gw_run_counter_write(name, 1, 1000, NULL), GW_ERR_SYSTEM);
	snprintf(away, sizeof(away), "%s/away/run", dir);
	assert_int_equal(gw_run_counter_write(away, 1, 1000, NULL), GW_ERR_SYSTEM);
	assert_non_null(getcwd(here, sizeof(here)));
	assert_int_equal(chdir(dir), 0);
	assert_int_equal(gw_run_counter_write("run", 7, 1000, NULL), GW_OK);
	assert_int_equal(gw_run_counter_read(run_path), 7);
	assert_int_equal(chdir(here), 0);
	free(name);
}

/* No entropy yet: a start does not wait, and its number is above the last one all the same. */
static void a_start_without_entropy(void **state)
{
	uint64_t base = (uint64_t)(wall_ms / 1000) << 20, run;

	(void)state;
	call_fails("getrandom", 0, EAGAIN);
	run = gw_run_counter_next(0);
	assert_true(call_failed());
	assert_true(run > base && run <= base + (1 << 20));
	wall_ms = (int64_t)UINT32_MAX * 1000 +
		1000000; /* nor does one count on such a clock */
	call_fails("getrandom", 0, EAGAIN);
	run = gw_run_counter_unknown_seq();
	assert_true(call_failed());
	assert_true(run >= UINT64_C(1) << 33 && run < UINT64_C(1) << 41);
	wall_ms = 1795300000000;
}

static void folders_are_made(void **state)
{
	char path[300], *name = malloc(PATH_MAX + 1);
	struct gw_error err;

	(void)state;
	memset(name, 'n', PATH_MAX);
	name[PATH_MAX] = '\0';
	assert_int_equal(gw_file_make_folders("", 0750, NULL), GW_ERR_SYSTEM);
	assert_int_equal(gw_file_make_folders(name, 0750, NULL), GW_ERR_SYSTEM);
	free(name);
	snprintf(path, sizeof(path), "%s/a/b", dir);
	call_fails("mkdir", 0, EACCES);
	assert_int_equal(gw_file_make_folders(path, 0750, &err), GW_ERR_SYSTEM);
	assert_int_equal(err.native, EACCES);
	assert_false(exists("a"));
	/* a read-only disk says so whether it is there or not: opening decides */
	call_fails("mkdir", 0, EROFS);
	assert_int_equal(gw_file_make_folders(dir, 0750, NULL), GW_OK);
	assert_true(call_failed());
	assert_int_equal(gw_file_make_folders(path, 0750, NULL), GW_OK);
	assert_true(exists("a/b"));
}

static void a_ballast_is_whole_or_not_there(void **state)
{
	char path[300], away[300];
	struct stat st;

	(void)state;
	snprintf(path, sizeof(path), "%s/ballast", dir);
	snprintf(away, sizeof(away), "%s/away/ballast", dir);
	assert_false(gw_ballast_reserve(dir, path, INT64_C(1) << 60)); /* no room */
	assert_false(gw_ballast_reserve(dir, away, 10000));
	call_fails("statvfs", 0, EIO);
	assert_false(gw_ballast_reserve(dir, path, 10000));
	call_fails("fallocate", 0, ENOSPC);
	assert_false(gw_ballast_reserve(dir, path, 10000));
	assert_true(call_failed());
	assert_false(exists("ballast"));
	assert_true(gw_ballast_reserve(dir, path, 10000));
	assert_true(gw_ballast_reserve(dir, path, 10000));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 10000);
	/* a file system that cannot reserve: there are bytes in it then */
	call_fails("fallocate", 0, EOPNOTSUPP);
	assert_true(gw_ballast_reserve(dir, path, 9000));
	assert_true(call_failed());
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 9000);
	assert_true(st.st_blocks * 512 >= 9000);
}

static void a_ballast_that_cannot_be_written_out(void **state)
{
	char path[300];

	(void)state;
	snprintf(path, sizeof(path), "%s/ballast", dir);
	call_fails("fallocate", 0, EOPNOTSUPP); /* it cannot reserve, and then it is full */
	failing.then = "write";
	assert_false(gw_ballast_reserve(dir, path, 9000));
	assert_true(call_failed());
	assert_false(exists("ballast"));
}

/* ---- databases put aside ---- */

static void a_name_is_found_by_time(void **state)
{
	static const char *const names[] = {"tocsin.db.corrupt-20250103T000000Z-owing",
		"tocsin.db.corrupt-20250101T000000Z-owing",
		"tocsin.db.corrupt-20250104T000000Z-owing",
		"tocsin.db.corrupt-20250102T000000Z-owing",
		"tocsin.db.corrupt-20240101T000000Z-owing-shm",
		"tocsin.db.corrupt-20240101T000000Z-owing-wal",
		"tocsin.db.corrupt-20240101T000000Z", "tocsin.db.corrupt", "t"};
	char aside[PATH_MAX] = "", expected[300], here[PATH_MAX], below[300];
	bool unread = true;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		touch(names[i]);
	for (int day = 1; day <= 4; day++) {
		assert_true(gw_quarantine_next_owing(db_path, aside, &unread));
		snprintf(expected, sizeof(expected),
			"%s/tocsin.db.corrupt-2025010%dT000000Z-owing", dir, day);
		assert_string_equal(aside, expected);
	}
	assert_false(gw_quarantine_next_owing(db_path, aside, &unread));
	aside[0] = '\0';
	assert_false(gw_quarantine_next_owing("/no-such-name.db", aside, &unread));
	assert_false(gw_quarantine_next_owing("/no-such-folder/tocsin.db", aside, &unread));
	assert_false(unread);
	/* that it cannot be seen is not that there is none */
	snprintf(below, sizeof(below), "%s/t/tocsin.db", dir);
	assert_false(gw_quarantine_next_owing(below, aside, &unread));
	assert_true(unread);
	/* a state folder by a relative name */
	assert_non_null(getcwd(here, sizeof(here)));
	assert_int_equal(chdir(dir), 0);
	assert_true(gw_quarantine_next_owing("tocsin.db", aside, &unread));
	assert_string_equal(aside, "./tocsin.db.corrupt-20250101T000000Z-owing");
	assert_int_equal(chdir(here), 0);
}

static void a_file_that_cannot_be_moved_stays(void **state)
{
	char aside[PATH_MAX] = "untouched", *path = malloc(PATH_MAX);
	struct gw_error err;

	(void)state;
	touch("tocsin.db");
	touch("tocsin.db-wal");
	for (int before = 1; before < 3; before++) {
		call_fails("link", before - 1, EPERM); /* a file system without links */
		failing.then = "rename";
		failing.then_before = before;
		assert_int_equal(gw_quarantine_file(db_path, aside, &err), GW_ERR_SYSTEM);
		assert_true(call_failed());
		assert_string_equal(aside, "untouched");
		assert_int_equal(err.native, EPERM);
		assert_true(exists("tocsin.db") && exists("tocsin.db-wal"));
		assert_int_equal(names_with("corrupt"), 0);
	}
	call_fails("unlink", 0, EACCES); /* and one that lets nothing be deleted */
	failing.then = "rename";
	assert_int_equal(gw_quarantine_file(db_path, aside, &err), GW_ERR_SYSTEM);
	assert_true(call_failed());
	assert_true(exists("tocsin.db") && exists("tocsin.db-wal"));
	assert_int_equal(names_with("corrupt"), 0);
	call_fails("link", 0, EPERM);
	assert_int_equal(gw_quarantine_file(db_path, aside, NULL), GW_OK);
	assert_true(call_failed());
	assert_false(exists("tocsin.db") || exists("tocsin.db-wal"));
	assert_int_equal(names_with("-owing"), 2);
	assert_int_equal(gw_quarantine_mark_done(db_path, aside, NULL), GW_OK);
	touch("tocsin.db");
	touch("tocsin.db-wal");
	memset(path, 'p', PATH_MAX);
	path[PATH_MAX - 10] = '\0';
	assert_int_equal(gw_quarantine_file(path, aside, NULL), GW_ERR_SYSTEM);
	path[PATH_MAX - 35] = '\0'; /* with -owing at its end it is too long */
	assert_int_equal(gw_quarantine_file(path, aside, NULL), GW_ERR_SYSTEM);
	free(path);
	assert_int_equal(gw_quarantine_file(db_path, aside, NULL), GW_OK);
	call_fails("rename", 0, EACCES);
	assert_int_equal(gw_quarantine_mark_done(db_path, aside, &err), GW_ERR_SYSTEM);
	assert_int_equal(files_like("-owing"), 1);
	assert_int_equal(gw_quarantine_mark_done(db_path, aside, NULL), GW_OK);
	assert_int_equal(files_like("-owing"), 0);
	assert_int_equal(files_like(".corrupt-"), 2);
}

static void without_a_free_name_nothing_is_quarantined(void **state)
{
	char aside[PATH_MAX] = "", name[100];

	(void)state;
	touch("tocsin.db");
	touch("tocsin.db.corrupt-20261121T222640Z-owing"); /* the one it would have */
	assert_int_equal(gw_quarantine_file(db_path, aside, NULL), GW_OK);
	assert_non_null(strstr(aside, "-002-owing"));
	touch("tocsin.db");
	touch("tocsin.db.corrupt-20261121T222640Z");
	for (int i = 2; i < 1000; i++) {
		snprintf(name, sizeof(name), "tocsin.db.corrupt-20261121T222640Z-%03d", i);
		touch(name);
	}
	assert_int_equal(gw_quarantine_file(db_path, aside, NULL), GW_ERR_SYSTEM);
	assert_true(exists("tocsin.db")); /* and so is what it owes */
}

/* Files that cannot be deleted do not keep the store busy for ever. */
static void quarantine_files_that_cannot_be_deleted_are_left(void **state)
{
	char path[300], aside[PATH_MAX];

	(void)state;
	for (int day = 1; day <= 9; day++) {
		snprintf(path, sizeof(path), "%s/tocsin.db.corrupt-2025010%dT000000Z-owing",
			dir, day);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	touch("tocsin.db");
	assert_int_equal(gw_quarantine_file(db_path, aside, NULL), GW_OK);
	assert_int_equal(access(aside, F_OK), 0);
	assert_int_equal(files_like("-owing"), 10);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_number_that_is_none_is_passed_over),
		TEST(each_call_of_a_number_that_is_written),
		TEST(a_number_in_odd_places),
		TEST(a_start_without_entropy),
		TEST(folders_are_made),
		TEST(a_ballast_is_whole_or_not_there),
		TEST(a_ballast_that_cannot_be_written_out),
		TEST(a_name_is_found_by_time),
		TEST(a_file_that_cannot_be_moved_stays),
		TEST(without_a_free_name_nothing_is_quarantined),
		TEST(quarantine_files_that_cannot_be_deleted_are_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

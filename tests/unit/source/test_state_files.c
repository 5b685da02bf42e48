/* SPDX-License-Identifier: Apache-2.0 */
/* What drivers remember across restarts, in files of a state folder. */
#include "base/clock.h"
#include "source/state_files.h"
#include "tests/unit/fixture/temp_dir.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static char dir[TEMP_DIR_MAX];

static struct gw_state_files *begin(void)
{
	struct gw_state_files *m;

	assert_int_equal(gw_state_files_start(dir, &m, NULL), GW_OK);
	return m;
}

static size_t recall(
	struct gw_state_files *m, const char *name, char text[64], bool *is_final)
{
	size_t n = gw_state_files_load(gw_state_files_get(m, name), text, 63, is_final);

	text[n] = '\0';
	return n;
}

static void remember(
	struct gw_state_files *m, const char *name, const char *text, bool is_final)
{
	gw_state_files_save(gw_state_files_get(m, name), text, strlen(text), is_final);
}

static void path_of(const char *name, char path[256])
{
	snprintf(path, 256, "%s/sources/%s", dir, name);
}

static struct stat stat_of(const char *name)
{
	char path[256];
	struct stat st = {0};

	path_of(name, path);
	stat(path, &st);
	return st;
}

static void await_size(const char *name, off_t size)
{
	for (int i = 0; i < 10000 && stat_of(name).st_size != size; i++)
		usleep(1000);
	assert_int_equal(stat_of(name).st_size, size);
}

static void a_state_file_outlives_a_restart_and_is_final_once(void **unused)
{
	struct gw_state_files *m = begin();
	char text[64];
	bool is_final;

	(void)unused;
	assert_int_equal(recall(m, "a", text, &is_final), 0);
	assert_false(is_final);
	remember(m, "a", "one", false);
	remember(m, "b.c", "two", true); /* no name of a file of ours */
	gw_state_files_stop(m, GW_NS_PER_SEC);
	for (int i = 0; i < 2; i++) {
		m = begin();
		recall(m, "a", text, &is_final);
		assert_string_equal(text, "one");
		assert_false(is_final);
		recall(m, "b.c", text, &is_final);
		assert_string_equal(text, "two");
		assert_int_equal(is_final, i == 0);
		gw_state_files_stop(m, GW_NS_PER_SEC);
	}
}

/* Of a restore that was cut off, which the store's thread takes in later: the files that are there
 * are newer than the alarms that are restored. */
static void what_is_restored_counts_before_it_is_in_place(void **unused)
{
	struct gw_state_files *m = begin();
	char text[64], from[256], to[256];
	bool is_final;

	(void)unused;
	recall(m, "a", text, &is_final);
	remember(m, "a", "restored", false);
	gw_state_files_stop(m, GW_NS_PER_SEC);
	snprintf(from, sizeof(from), "%s/sources", dir);
	snprintf(to, sizeof(to), "%s/restored", dir);
	assert_int_equal(mkdir(to, 0700), 0);
	snprintf(to, sizeof(to), "%s/restored/sources", dir);
	assert_int_equal(rename(from, to), 0);
	assert_int_equal(mkdir(from, 0700), 0);
	snprintf(from, sizeof(from), "%s/restored/sources/a", dir);
	path_of("b", to);
	assert_int_equal(link(from, to), 0); /* of a source that the backup has not */
	m = begin();
	recall(m, "a", text, &is_final);
	assert_string_equal(text, "restored");
	recall(m, "b", text, &is_final);
	assert_string_equal(text, "");
	gw_state_files_stop(m, GW_NS_PER_SEC);
	/* as it was */
	assert_int_equal(unlink(to), 0);
	snprintf(from, sizeof(from), "%s/restored/sources", dir);
	snprintf(to, sizeof(to), "%s/sources", dir);
	assert_int_equal(rename(from, to), 0);
	*strrchr(from, '/') = '\0';
	assert_int_equal(rmdir(from), 0);
}

/* The store's thread makes the state directory; a source may be quicker. */
static void a_directory_that_is_not_made_yet(void **unused)
{
	char text[64], made[TEMP_DIR_MAX + 8];
	struct gw_state_files *m;
	bool is_final;

	(void)unused;
	snprintf(made, sizeof(made), "%s/new", dir);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(gw_state_files_start(made, &m, NULL), GW_OK);
		assert_int_equal(recall(m, "a", text, &is_final), i == 0 ? 0 : 3);
		remember(m, "a", "one", false);
		gw_state_files_stop(m, GW_NS_PER_SEC);
	}
}

/* As after a kill: the file must not be marked final while the source runs. */
static void a_loaded_state_file_is_no_longer_final_on_disk(void **unused)
{
	struct gw_state_files *m = begin(), *after;
	char text[64];
	bool is_final;

	(void)unused;
	remember(m, "r", "one", true);
	gw_state_files_stop(m, GW_NS_PER_SEC);
	m = begin();
	recall(m, "r", text, &is_final);
	assert_true(is_final);
	after = begin(); /* another process, which reads what is there */
	recall(after, "r", text, &is_final);
	assert_string_equal(text, "one");
	assert_false(is_final);
	gw_state_files_stop(after, GW_NS_PER_SEC);
	/* A reload: it ends, and begins again in the same process. */
	remember(m, "r", "two", true);
	assert_int_equal(recall(m, "r", text, &is_final), 3);
	assert_true(is_final);
	recall(m, "r", text, &is_final);
	assert_false(is_final);
	gw_state_files_stop(m, GW_NS_PER_SEC);
}

static void a_state_file_is_written_at_once_and_then_every_ten_seconds(void **unused)
{
	struct gw_state_files *m = begin();
	struct stat first;

	(void)unused;
	remember(m, "s", "1", false);
	await_size("s", 24 + 1);
	first = stat_of("s");
	for (int i = 0; i < 100; i++)
		remember(m, "s", "12", false);
	usleep(300000);
	assert_int_equal(stat_of("s").st_ino, first.st_ino);
	gw_state_files_stop(m, GW_NS_PER_SEC);
	assert_int_equal(stat_of("s").st_size, 24 + 2);
}

static void a_damaged_state_file_is_empty(void **unused)
{
	struct gw_state_files *m = begin();
	char path[256], text[64];
	bool is_final;
	FILE *f;

	(void)unused;
	remember(m, "d", "good", false);
	gw_state_files_stop(m, GW_NS_PER_SEC);
	path_of("d", path);
	for (long at = 0; at < 28; at++) {
		f = fopen(path, "r+");
		assert_non_null(f);
		fseek(f, at, SEEK_SET);
		int byte = fgetc(f);
		fseek(f, at, SEEK_SET);
		fputc(byte ^ 0x10, f);
		fclose(f);
		if (at < 20 || at >= 24) { /* between is the mark of a final state */
			m = begin();
			assert_int_equal(recall(m, "d", text, &is_final), 0);
			gw_state_files_stop(m, GW_NS_PER_SEC);
		}
		f = fopen(path, "r+");
		assert_non_null(f);
		fseek(f, at, SEEK_SET);
		fputc(byte, f);
		fclose(f);
	}
	assert_int_equal(truncate(path, 27), 0);
	m = begin();
	assert_int_equal(recall(m, "d", text, &is_final), 0);
	gw_state_files_stop(m, GW_NS_PER_SEC);
}

/* What it lies in comes later: a disk that is mounted late. */
static void a_folder_that_is_not_there_yet_is_tried_again(void **unused)
{
	char parent[TEMP_DIR_MAX + 8], sub[TEMP_DIR_MAX + 16], path[TEMP_DIR_MAX + 32];
	struct gw_state_files *m;
	struct stat st;

	(void)unused;
	snprintf(parent, sizeof(parent), "%s/later", dir);
	snprintf(sub, sizeof(sub), "%s/state", parent);
	snprintf(path, sizeof(path), "%s/sources/a", sub);
	assert_int_equal(gw_state_files_start(sub, &m, NULL), GW_OK);
	remember(m, "a", "one", false);
	usleep(100000);
	assert_int_equal(mkdir(parent, 0700), 0);
	for (int i = 0; i < 10000 && stat(path, &st) != 0; i++)
		usleep(1000);
	assert_int_equal(stat(path, &st), 0);
	gw_state_files_stop(m, GW_NS_PER_SEC);
}

static int setup(void **unused)
{
	(void)unused;
	return temp_dir_make(dir);
}

static int teardown(void **unused)
{
	(void)unused;
	return temp_dir_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_state_file_outlives_a_restart_and_is_final_once),
		cmocka_unit_test(what_is_restored_counts_before_it_is_in_place),
		cmocka_unit_test(a_directory_that_is_not_made_yet),
		cmocka_unit_test(a_loaded_state_file_is_no_longer_final_on_disk),
		cmocka_unit_test(
			a_state_file_is_written_at_once_and_then_every_ten_seconds),
		cmocka_unit_test(a_damaged_state_file_is_empty),
		cmocka_unit_test(a_folder_that_is_not_there_yet_is_tried_again),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

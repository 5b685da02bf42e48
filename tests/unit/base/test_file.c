/* SPDX-License-Identifier: Apache-2.0 */
/* A file is read or replaced as a whole or not at all, whatever call fails. */
#include "failing_calls.h"

#include "base/file.h"
#include "tests/unit/fixture/temp_dir.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <setjmp.h>
#include <stddef.h>

#include <cmocka.h>

static char dir[TEMP_DIR_MAX], path[TEMP_DIR_MAX + 16], new_path[TEMP_DIR_MAX + 16];

static void put(const char *to, const char *text)
{
	FILE *f = fopen(to, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static const char *content(void)
{
	static char text[64];
	FILE *f = fopen(path, "r");
	size_t n;

	assert_non_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	return text;
}

static bool exists(const char *what)
{
	struct stat st;

	return lstat(what, &st) == 0;
}

static enum gw_err replace(
	const char *to, const char *head, const char *tail, struct gw_error *err)
{
	struct gw_file_part parts[] = {{head, strlen(head)}, {tail, strlen(tail)}};

	return gw_file_replace(to, 0640, parts, 2, err);
}

static void a_file_has_the_parts_and_the_mode(void **state)
{
	struct stat st;

	(void)state;
	umask(022);
	assert_int_equal(replace(path, "one ", "two", NULL), GW_OK);
	assert_string_equal(content(), "one two");
	assert_int_equal(replace(path, "", "three", NULL), GW_OK);
	assert_string_equal(content(), "three");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_false(exists(new_path));
}

static void each_step_that_fails(void **state)
{
	static const struct {
		const char *call;
		int before, error;
		const char *why, *stands;
	} cases[] = {
		{"write", 0, EIO, "write", "old"},
		{"write", 1, ENOSPC, "write", "old"},
		{"fsync", 0, EIO, "sync", "old"},
		{"close", 0, EDQUOT, "write", "old"},
		{"rename", 0, EACCES, "rename", "old"},
		/* the folder: the name is given already */
		{"fsync", 1, EIO, "sync", "new"},
	};
	struct gw_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		put(path, "old");
		call_fails(cases[i].call, cases[i].before, cases[i].error);
		assert_int_equal(replace(path, "n", "ew", &err), GW_ERR_SYSTEM);
		assert_true(call_failed());
		assert_int_equal(err.native, cases[i].error);
		assert_non_null(strstr(err.text, cases[i].why));
		assert_string_equal(content(), cases[i].stands);
		assert_false(exists(new_path));
	}
	put(path, "old");
	call_fails("fsync", 0, EIO); /* both: why it failed first is what is said */
	failing.then = "close";
	failing.error = EIO;
	assert_int_equal(replace(path, "n", "ew", &err), GW_ERR_SYSTEM);
	assert_true(call_failed());
	assert_non_null(strstr(err.text, "sync"));
	assert_string_equal(content(), "old");
}

static void steps_that_are_repeated_or_do_without(void **state)
{
	(void)state;
	call_fails("write", 0, EINTR);
	assert_int_equal(replace(path, "n", "ew", NULL), GW_OK);
	assert_true(call_failed());
	assert_string_equal(content(), "new");
	call_fails("write", 0, 0); /* half of it */
	assert_int_equal(replace(path, "newer", " yet", NULL), GW_OK);
	assert_true(call_failed());
	assert_string_equal(content(), "newer yet");
	call_fails("fsync", 1, EINVAL); /* a file system that syncs no folder */
	assert_int_equal(replace(path, "x", "y", NULL), GW_OK);
	assert_true(call_failed());
	assert_string_equal(content(), "xy");
}

/* What a power cut left, what somebody put there. */
static void what_stands_in_the_way_of_the_new_file(void **state)
{
	char victim[TEMP_DIR_MAX + 16];
	struct gw_error err;

	(void)state;
	put(path, "old");
	put(new_path, "half of an earlier one, and longer");
	assert_int_equal(replace(path, "n", "ew", NULL), GW_OK);
	assert_string_equal(content(), "new");
	snprintf(victim, sizeof(victim), "%s/victim", dir);
	put(victim, "");
	assert_int_equal(symlink(victim, new_path), 0);
	assert_int_equal(replace(path, "n", "ewer", NULL), GW_OK);
	assert_string_equal(content(), "newer");
	assert_false(exists(new_path));
	put(new_path, "stale");
	call_fails("unlink", 0, EROFS);
	assert_int_equal(replace(path, "n", "one", &err), GW_ERR_SYSTEM);
	assert_true(call_failed());
	assert_int_equal(err.native, EROFS);
	assert_string_equal(content(), "newer");
	assert_int_equal(mkdir(new_path, 0700), 0);
	assert_int_equal(replace(path, "n", "one", NULL), GW_ERR_SYSTEM);
	assert_string_equal(content(), "newer");
	assert_int_equal(rmdir(new_path), 0);
}

static void odd_names(void **state)
{
	char *name = malloc(PATH_MAX + 1), here[PATH_MAX], away[TEMP_DIR_MAX + 16];

	(void)state;
	assert_non_null(name);
	memset(name, 'n', PATH_MAX);
	name[PATH_MAX] = '\0';
	assert_int_equal(replace(name, "a", "b", NULL), GW_ERR_SYSTEM);
	name[0] = '/';
	name[PATH_MAX - 1] = '/';
	assert_int_equal(gw_file_sync_folder_of(name, NULL), GW_ERR_SYSTEM);
	free(name);
	snprintf(away, sizeof(away), "%s/away/x", dir);
	assert_int_equal(replace(away, "a", "b", NULL), GW_ERR_SYSTEM);
	assert_int_equal(gw_file_sync_folder(away, NULL), GW_ERR_SYSTEM);
	assert_int_equal(gw_file_sync_folder_of("/etc", NULL), GW_OK);
	assert_non_null(getcwd(here, sizeof(here)));
	assert_int_equal(chdir(dir), 0);
	assert_int_equal(replace("file", "he", "re", NULL), GW_OK);
	assert_string_equal(content(), "here");
	assert_int_equal(chdir(here), 0);
}

static char *read_back(unsigned flags, size_t max_bytes, int native)
{
	struct gw_error err = {.native = 0};
	size_t n = 0;
	char *text = gw_file_read(path, flags, max_bytes, &n, &err);

	assert_int_equal(err.native, native);
	assert_true(native == 0 ? text && strlen(text) == n : !text);
	return text;
}

static void a_file_is_read_to_its_end(void **state)
{
	static const size_t sizes[] = {0, 1, 4095, 4096, 4097, 100000};
	char *text = malloc(100001), *read;

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		memset(text, 'x', sizes[i]);
		text[sizes[i]] = '\0';
		put(path, text);
		read = read_back(GW_FILE_REGULAR | GW_FILE_NO_LINK, sizes[i], 0);
		assert_string_equal(read, text);
		free(read);
		if (sizes[i] > 0)
			read_back(0, sizes[i] - 1, EFBIG);
	}
	free(text);
	unlink(path);
	read_back(0, 100, ENOENT);
	assert_null(gw_file_read(path, 0, 100, &(size_t){0}, NULL));
}

/* What has no size: a pipe, a file of /proc. */
static void what_is_no_regular_file_is_read_if_wanted(void **state)
{
	char text[10000], *read;
	pid_t writer;
	size_t n;

	(void)state;
	memset(text, 'y', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(mkfifo(path, 0600), 0);
	read_back(GW_FILE_REGULAR, 100, EINVAL); /* nobody writes: does not wait */
	writer = fork();
	if (writer == 0) {
		FILE *f = fopen(path, "w");

		_exit(f && fputs(text, f) >= 0 && fclose(f) == 0 ? 0 : 1);
	}
	read = read_back(0, sizeof(text), 0);
	assert_string_equal(read, text);
	free(read);
	assert_int_equal(waitpid(writer, NULL, 0), writer);
	unlink(path);
	assert_int_equal(symlink("/proc/self/status", path), 0);
	read_back(GW_FILE_NO_LINK, sizeof(text), ELOOP);
	read = gw_file_read(path, GW_FILE_REGULAR, 1 << 20, &n, NULL);
	assert_non_null(read);
	assert_non_null(strstr(read, "ctxt_switches"));
	free(read);
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	read_back(0, 100, EISDIR);
	assert_int_equal(rmdir(path), 0);
}

static int setup(void **state)
{
	(void)state;
	if (temp_dir_make(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/file", dir);
	snprintf(new_path, sizeof(new_path), "%s/file.new", dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return temp_dir_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_has_the_parts_and_the_mode),
		cmocka_unit_test(each_step_that_fails),
		cmocka_unit_test(steps_that_are_repeated_or_do_without),
		cmocka_unit_test(what_stands_in_the_way_of_the_new_file),
		cmocka_unit_test(odd_names),
		cmocka_unit_test(a_file_is_read_to_its_end),
		cmocka_unit_test(what_is_no_regular_file_is_read_if_wanted),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Files of credentials that change, vanish or were never right. */
#include "uplink/credentials.h"

#include "tests/unit/fixture/temp_dir.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[TEMP_DIR_MAX], path[128];
static struct gw_bearer bearer;
static struct gw_error err;

static int setup(void **state)
{
	(void)state;
	memset(&bearer, 0, sizeof(bearer));
	assert_int_equal(temp_dir_make(dir), 0);
	snprintf(path, sizeof(path), "%s/token", dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return temp_dir_remove(dir);
}

static void put(const char *text, size_t n)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	fclose(f);
}

static void set_times(time_t sec, long nsec)
{
	const struct timespec t[2] = {{.tv_nsec = UTIME_OMIT}, {sec, nsec}};

	assert_int_equal(utimensat(AT_FDCWD, path, t, 0), 0);
}

/* Every part of a file's identity counts alone. */
static void test_each_part_of_a_files_identity_makes_another_version(void **state)
{
	struct gw_file_version a, b;

	(void)state;
	put("x", 1);
	set_times(1000, 5);
	a = gw_credentials_version(path);
	assert_true(gw_credentials_version_equal(a, gw_credentials_version(path)));
	set_times(1000, 6);
	assert_false(gw_credentials_version_equal(a, gw_credentials_version(path)));
	set_times(1001, 5);
	assert_false(gw_credentials_version_equal(a, gw_credentials_version(path)));
	put("xy", 2);
	set_times(1000, 5);
	assert_false(gw_credentials_version_equal(a, gw_credentials_version(path)));
	b = a;
	b.ino++;
	assert_false(gw_credentials_version_equal(a, b));
	b = a;
	b.dev++;
	assert_false(gw_credentials_version_equal(a, b));
}

static void test_a_fingerprint_changes_with_the_files(void **state)
{
	const char *const paths[] = {path, "", NULL};
	uint64_t none = gw_credentials_fingerprint(paths, 3), one;

	(void)state;
	put("x", 1);
	one = gw_credentials_fingerprint(paths, 3);
	assert_int_not_equal(none, one);
	assert_int_equal(one, gw_credentials_fingerprint(paths, 3));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(none, gw_credentials_fingerprint(paths, 3));
}

static void assert_bad(enum gw_err rc, const char *part)
{
	assert_int_equal(gw_credentials_bearer(&bearer, path, &err), rc);
	assert_string_equal(bearer.line, "");
	if (strstr(err.text, part) == NULL || strstr(err.text, path) == NULL)
		fail_msg("\"%s\" does not say \"%s\" of %s", err.text, part, path);
}

static void assert_token(const char *token)
{
	char line[128];

	snprintf(line, sizeof(line), "Authorization: Bearer %s", token);
	assert_int_equal(gw_credentials_bearer(&bearer, path, &err), GW_OK);
	assert_string_equal(bearer.line, line);
}

static void test_without_a_file_there_is_no_token(void **state)
{
	(void)state;
	assert_int_equal(gw_credentials_bearer(&bearer, "", &err), GW_OK);
	assert_int_equal(gw_credentials_bearer(&bearer, NULL, &err), GW_OK);
	assert_string_equal(bearer.line, "");
	assert_bad(GW_ERR_SYSTEM, "No such file");
}

/* A folder in its place opens, and cannot be read. */
static void test_a_folder_is_no_token(void **state)
{
	(void)state;
	assert_int_equal(mkdir(path, 0700), 0);
	assert_bad(GW_ERR_SYSTEM, "directory");
}

static void test_a_file_that_holds_no_token_is_refused(void **state)
{
	static char longest[8192 + 10];

	(void)state;
	put("", 0);
	assert_bad(GW_ERR_CONFIG, "visible ASCII");
	put("\nt0ken\n", 7);
	assert_bad(GW_ERR_CONFIG, "visible ASCII");
	put("two words\n", 10);
	assert_bad(GW_ERR_CONFIG, "visible ASCII");
	put("t\x7f\n", 3);
	assert_bad(GW_ERR_CONFIG, "visible ASCII");
	put("t0k\0\0\0", 6); /* cut by a power cut */
	assert_bad(GW_ERR_CONFIG, "visible ASCII");
	put("t\xc3\xa4\n", 4);
	assert_bad(GW_ERR_CONFIG, "visible ASCII");
	memset(longest, 'x', sizeof(longest));
	put(longest, sizeof(longest)); /* longer than is read: a cut token is none */
	assert_bad(GW_ERR_CONFIG, "visible ASCII");
	put(longest, 8192);
	assert_bad(GW_ERR_CONFIG, "visible ASCII");
	put(longest, 8191);
	assert_int_equal(gw_credentials_bearer(&bearer, path, &err), GW_OK);
}

static void test_spaces_at_the_end(void **state)
{
	(void)state;
	put("t0ken \t \r\nmore\n", 15);
	assert_token("t0ken");
}

/* A token that was good stays while the file is away, empty or a folder, and ends with the next
 * good one. */
static void test_a_good_token_stays(void **state)
{
	(void)state;
	put("one\n", 4);
	assert_token("one");
	assert_int_equal(unlink(path), 0);
	assert_token("one");
	put("", 0);
	assert_token("one");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_token("one");
	assert_int_equal(rmdir(path), 0);
	put("second\n", 7);
	assert_token("second");
}

#define IT(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(test_each_part_of_a_files_identity_makes_another_version),
		IT(test_a_fingerprint_changes_with_the_files),
		IT(test_without_a_file_there_is_no_token),
		IT(test_a_folder_is_no_token),
		IT(test_a_file_that_holds_no_token_is_refused),
		IT(test_spaces_at_the_end),
		IT(test_a_good_token_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The copy of the configuration that ran last: what is read back, and when it is written. */
#include "app/last_good.h"

#include "tests/unit/fixture/scripted_clock.h"
#include "tests/unit/fixture/temp_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CONFIG "/etc/tocsin/tocsin.yaml"

static char dir[TEMP_DIR_MAX];
static struct gw_last_good copy;

static int begin(void **state)
{
	(void)state;
	now_ns = 1000 * GW_NS_PER_SEC;
	copy = (struct gw_last_good){.retry_ns = 0};
	return temp_dir_make(dir);
}

static int end(void **state)
{
	(void)state;
	assert_true(gw_last_good_stop(&copy, 60000));
	return temp_dir_remove(dir);
}

static const char *in_dir(const char *name)
{
	static char path[TEMP_DIR_MAX + 40];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void save(const char *folder, const char *text)
{
	struct gw_files f = {.n = 0};

	assert_true(gw_files_add(&f, CONFIG, text, strlen(text)));
	assert_true(gw_files_add(&f, "/p/gas.yaml", "profile: gas\n", 13));
	gw_last_good_save(&copy, folder, &f);
	assert_int_equal(f.n, 0);
}

/* Main's ticks until nothing is being written; seconds do not pass. */
static void wait_until_written(void)
{
	for (int i = 0; i < 20000 && copy.thread.running; i++) {
		nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
		gw_last_good_tick(&copy, now_ns);
	}
	assert_false(copy.thread.running);
}

static void assert_copy_is(const char *text)
{
	struct gw_files f = {.n = 0};
	struct gw_error err = {0};

	if (gw_last_good_read(dir, CONFIG, &f, &err) != GW_OK)
		fail_msg("%s", err.text);
	assert_int_equal(f.n, 2);
	assert_string_equal(f.at[0].bytes, text);
	assert_string_equal(f.at[1].bytes, "profile: gas\n");
	gw_files_free(&f);
}

static void the_configuration_and_its_profiles_are_read_back(void **state)
{
	struct stat st;

	(void)state;
	save(dir, "gateway: {id: a}\n");
	wait_until_written();
	assert_copy_is("gateway: {id: a}\n");
	assert_int_equal(stat(in_dir(GW_LAST_GOOD), &st), 0);
	assert_int_equal(st.st_mode & 07777 & ~0640U, 0); /* it may hold names of keys */
	assert_int_equal(access(in_dir(GW_LAST_GOOD ".new"), F_OK), -1);
}

static void a_copy_of_another_file_is_refused(void **state)
{
	struct gw_files f = {.n = 0};
	struct gw_error err = {0};

	(void)state;
	save(dir, "gateway: {id: a}\n");
	wait_until_written();
	assert_int_equal(
		gw_last_good_read(dir, "/etc/other.yaml", &f, &err), GW_ERR_CONFIG);
	assert_non_null(strstr(err.text, "is a copy of " CONFIG));
	assert_int_equal(f.n, 0);
}

static void a_file_that_is_no_whole_copy_is_refused(void **state)
{
	struct gw_files f = {.n = 0};
	struct gw_error err = {0};
	char elsewhere[TEMP_DIR_MAX + 40];
	struct stat st;

	(void)state;
	assert_int_equal(gw_last_good_read(dir, CONFIG, &f, &err), GW_ERR_SYSTEM);
	assert_int_equal(err.native, ENOENT); /* a first start: not worth a line */
	save(dir, "gateway: {id: a}\n");
	wait_until_written();
	assert_int_equal(stat(in_dir(GW_LAST_GOOD), &st), 0);
	assert_int_equal(truncate(in_dir(GW_LAST_GOOD), st.st_size - 2), 0);
	assert_int_equal(gw_last_good_read(dir, CONFIG, &f, &err), GW_ERR_CORRUPT);
	assert_non_null(strstr(err.text, in_dir(GW_LAST_GOOD)));
	save(dir, "gateway: {id: a}\n"); /* the same as before: written all the same */
	wait_until_written();
	assert_int_equal(gw_last_good_read(dir, CONFIG, &f, &err), GW_OK);
	gw_files_free(&f);
	unlink(in_dir(GW_LAST_GOOD));
	assert_int_equal(mkfifo(in_dir(GW_LAST_GOOD), 0600), 0); /* and does not block */
	assert_int_not_equal(gw_last_good_read(dir, CONFIG, &f, &err), GW_OK);
	unlink(in_dir(GW_LAST_GOOD));
	save(dir, "gateway: {id: a}\n");
	wait_until_written();
	snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", dir);
	assert_int_equal(rename(in_dir(GW_LAST_GOOD), elsewhere), 0);
	assert_int_equal(symlink(elsewhere, in_dir(GW_LAST_GOOD)), 0);
	assert_int_not_equal(gw_last_good_read(dir, CONFIG, &f, &err), GW_OK);
	assert_int_equal(f.n, 0);
}

static ino_t inode(void)
{
	struct stat st;

	assert_int_equal(stat(in_dir(GW_LAST_GOOD), &st), 0);
	return st.st_ino;
}

/* A card wears: each start saves its configuration, most of them the same. */
static void an_equal_copy_is_not_written_again(void **state)
{
	ino_t first;

	(void)state;
	save(dir, "gateway: {id: a}\n");
	wait_until_written();
	first = inode();
	save(dir, "gateway: {id: a}\n");
	wait_until_written();
	assert_int_equal(inode(), first);
	save(dir, "gateway: {id: b}\n");
	wait_until_written();
	assert_int_not_equal(inode(), first);
	assert_copy_is("gateway: {id: b}\n");
}

static void of_several_saved_at_once_the_newest_is_kept(void **state)
{
	static const char *const texts[] = {"a: 1\n", "a: 2\n", "a: 3\n", "a: 4\n"};

	(void)state;
	for (size_t i = 0; i < 4; i++)
		save(dir, texts[i]);
	wait_until_written();
	assert_copy_is("a: 4\n");
}

/* Left by a power cut; or put there by somebody, to have another file overwritten. */
static void a_new_file_that_is_there_already_is_not_written_through(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(symlink("victim", in_dir(GW_LAST_GOOD ".new")), 0);
	save(dir, "gateway: {id: a}\n");
	wait_until_written();
	assert_copy_is("gateway: {id: a}\n");
	assert_int_equal(lstat(in_dir(GW_LAST_GOOD), &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(access(in_dir("victim"), F_OK), -1);
}

static void a_failed_write_is_tried_again_each_minute(void **state)
{
	char folder[TEMP_DIR_MAX + 40];
	FILE *f;

	(void)state;
	snprintf(folder, sizeof(folder), "%s", in_dir("state"));
	f = fopen(folder, "w"); /* no folder */
	assert_non_null(f);
	fclose(f);
	save(folder, "a: 1\n");
	wait_until_written();
	assert_true(copy.failed);
	assert_int_equal(unlink(folder), 0);
	now_ns += 59 * GW_NS_PER_SEC;
	gw_last_good_tick(&copy, now_ns);
	assert_false(copy.thread.running);
	now_ns += 1 * GW_NS_PER_SEC;
	gw_last_good_tick(&copy, now_ns);
	assert_true(copy.thread.running);
	wait_until_written();
	assert_false(copy.failed);
	assert_int_equal(access(in_dir("state/" GW_LAST_GOOD), F_OK), 0);
	gw_last_good_tick(&copy, now_ns + 3600 * GW_NS_PER_SEC);
	assert_false(copy.thread.running); /* once is enough */
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_configuration_and_its_profiles_are_read_back),
		TEST(a_copy_of_another_file_is_refused),
		TEST(a_file_that_is_no_whole_copy_is_refused),
		TEST(an_equal_copy_is_not_written_again),
		TEST(of_several_saved_at_once_the_newest_is_kept),
		TEST(a_new_file_that_is_there_already_is_not_written_through),
		TEST(a_failed_write_is_tried_again_each_minute),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

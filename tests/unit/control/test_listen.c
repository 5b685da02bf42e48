/* SPDX-License-Identifier: Apache-2.0 */
/* The group that the control socket is given to. */
#include "control/listen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char path[] = "/tmp/test_listen_XXXXXX";

static void write_groups(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static gid_t group_of(const char *text)
{
	gid_t gid = 0;

	write_groups(text);
	return gw_listen_group(path, "operators", &gid) ? gid : 0;
}

static void a_group_is_found_by_its_whole_name(void **state)
{
	(void)state;
	assert_int_equal(group_of("operators:x:998:\n"), 998);
	assert_int_equal(group_of("root:x:0:\noperators:x:998:li,wang\nlast:x:3:\n"), 998);
	assert_int_equal(group_of("operators::12:li"), 12);
	assert_int_equal(group_of("operators-2:x:5:\nmy-operators:x:6:\n"), 0);
	assert_int_equal(group_of("li:x:7:operators:x:8:\n"), 0);
	assert_int_equal(group_of(""), 0);
}

static void a_damaged_line_is_no_group(void **state)
{
	static const char *const damaged[] = {"operators\n", "operators:x\n",
		"operators:x:\n", "operators:x:-1:\n", "operators:x: 8:\n",
		"operators:x:8\n", "operators:x:4294967295:\n",
		"operators:x:99999999999999999999:\n", "operators:x:8x:\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++)
		assert_int_equal(group_of(damaged[i]), 0);
}

/* Of a large site: getgrnam_r would ask for more memory. */
static void a_group_may_have_many_users(void **state)
{
	char *text = malloc(300000);
	size_t n = (size_t)sprintf(text, "staff:x:50:");

	(void)state;
	for (int i = 0; i < 20000; i++)
		n += (size_t)sprintf(text + n, "user%d,", i);
	strcpy(text + n, "\noperators:x:998:\n");
	assert_int_equal(group_of(text), 998);
	free(text);
}

static void without_a_file_there_is_none(void **state)
{
	gid_t gid;

	(void)state;
	assert_false(gw_listen_group("/nonexistent/group", "operators", &gid));
}

static int make_file(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 || close(fd);
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_group_is_found_by_its_whole_name),
		cmocka_unit_test(a_damaged_line_is_no_group),
		cmocka_unit_test(a_group_may_have_many_users),
		cmocka_unit_test(without_a_file_there_is_none),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}

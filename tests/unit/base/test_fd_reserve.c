/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fd_reserve.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#define ALLOWED 64
#define RESERVE 8

static int use_one(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static int limit_descriptors(void **state)
{
	struct rlimit limit;

	(void)state;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = ALLOWED;
	gw_fd_reserve_set(RESERVE);
	return setrlimit(RLIMIT_NOFILE, &limit);
}

static int close_all(void **state)
{
	(void)state;
	for (int fd = 3; fd < ALLOWED; fd++)
		close(fd);
	return 0;
}

static void the_last_descriptors_are_kept(void **state)
{
	(void)state;
	while (gw_fd_reserve_available())
		assert_true(use_one() < ALLOWED - RESERVE);
	assert_true(gw_fd_reserve_is_whole());
}

/* All have asked before any opened. */
static void who_used_the_reserve_sees_it(void **state)
{
	int fd;

	(void)state;
	assert_true(gw_fd_reserve_available());
	do
		fd = use_one();
	while (gw_fd_reserve_is_whole());
	assert_int_equal(fd, ALLOWED - RESERVE);
	while (use_one() < ALLOWED - 1)
		;
	assert_false(gw_fd_reserve_is_whole()); /* there is no number to look at */
	close(10);
	assert_true(gw_fd_reserve_is_whole());
}

static void without_a_reserve_all_may_be_used(void **state)
{
	(void)state;
	gw_fd_reserve_set(0);
	while (use_one() < ALLOWED - 1)
		;
	assert_true(gw_fd_reserve_available());
	assert_true(gw_fd_reserve_is_whole());
	gw_fd_reserve_set(RESERVE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(the_last_descriptors_are_kept, close_all),
		cmocka_unit_test_teardown(who_used_the_reserve_sees_it, close_all),
		cmocka_unit_test_teardown(without_a_reserve_all_may_be_used, close_all),
	};

	return cmocka_run_group_tests(tests, limit_descriptors, NULL);
}

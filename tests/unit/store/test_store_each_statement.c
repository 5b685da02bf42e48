/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store from start to end, once for each statement that SQLite may refuse: as a page that
 * cannot be read, and as a file that is corrupt. Nothing owed, refused or standing is lost by it,
 * nothing is added, and the chain of hashes is whole.
 */
#include "store_scenario.h"

#include "failing_sqlite.h"

static char expected[8192], found[8192];

static void never(void)
{
}

/* with_aside: another file's debts are carried over meanwhile. */
static void each(int rc, bool with_aside)
{
	long calls, trials = 0, wrong = 0;

	scenario_state.heal = never;
	scenario_state.resend = with_aside;
	scenario_prepare();
	scenario_restore(with_aside);
	sql_arm(0, 0);
	scenario_work();
	sql_heal();
	calls = sql.calls;
	assert_true(calls > 500 && calls < SQL_CALLS_MAX);
	scenario_describe(expected);
	for (long n = 1; n <= calls; n++) {
		if (!sql_is_worth(n))
			continue;
		trials++;
		scenario_restore(with_aside);
		sql_arm(n, rc);
		scenario_work();
		sql_heal();
		scenario_describe(found);
		if (strcmp(found, expected) != 0) {
			printf("call %ld (%s) answers %d: expected%s\nfound%s", n,
				sql.failed, rc, expected, found);
			wrong++;
		}
	}
	print_message("%ld of %ld calls\n", trials, calls);
	assert_int_equal(wrong, 0);
	scenario_end();
}

static void a_page_that_cannot_be_read(void **state)
{
	(void)state;
	each(SQLITE_IOERR_READ, true);
}

static void a_file_that_is_corrupt(void **state)
{
	(void)state;
	each(SQLITE_CORRUPT, false);
}

static int begin(void **state)
{
	now_ns = 1000 * GW_NS_PER_SEC;
	return fixture_setup(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_page_that_cannot_be_read, begin, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			a_file_that_is_corrupt, begin, fixture_teardown),
	};

	if (access("/dev/shm", W_OK) == 0) /* thousands of syncs */
		setenv("TMPDIR", "/dev/shm", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

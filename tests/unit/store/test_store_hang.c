/* SPDX-License-Identifier: Apache-2.0 */
/* The store's own thread: none to be had, a disk that hangs at the start, one that fails at the
 * stop. */
#include "failing_calls.h"

#include "faulty_vfs.h"
#include "store_fixture.h"

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

static void fill(uint64_t n)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);

	for (uint64_t seq = 1; seq <= n; seq++)
		emit(s, seq);
	turn(s);
	gw_store_free(s);
}

static int begin(void **state)
{
	vfs_heal();
	return fixture_setup(state);
}

static int end(void **state)
{
	vfs_heal();
	return fixture_teardown(state);
}

static void a_store_without_a_thread_fails_to_start(void **state)
{
	struct gw_store *s = new_store(two_sinks, 2, 16 * MIB);
	struct gw_error err;

	(void)state;
	call_fails("pthread_create", 0, EAGAIN);
	assert_int_equal(gw_store_start(s, &err), GW_ERR_SYSTEM);
	assert_true(call_failed());
	assert_non_null(strstr(err.text, "start thread store"));
	gw_store_free(s);
	assert_int_equal(names_with("tocsin.db"), 0);
}

static void wait_until(bool (*is)(struct gw_store *s), struct gw_store *s)
{
	for (int i = 0; i < 30000 && !is(s); i++)
		usleep(1000);
	assert_true(is(s));
}

static bool is_failing(struct gw_store *s)
{
	return status(s).failing;
}

static bool came_late(struct gw_store *s)
{
	return gw_store_backlog_revision(s) > 0;
}

/* The disk hangs in the first call: main goes on, and what was owed comes to light later. */
static void a_start_does_not_wait_for_a_disk_that_hangs(void **state)
{
	struct gw_store *s;
	int64_t from;

	(void)state;
	fill(4);
	s = new_store(two_sinks, 2, 16 * MIB);
	disk.hangs = true;
	assert_int_equal(gw_store_start(s, NULL), GW_OK);
	from = gw_clock_boot_ns();
	assert_false(gw_store_await_previous_run(s, 60 * GW_NS_PER_MS, 60 * GW_NS_PER_SEC));
	assert_true(gw_clock_boot_ns() - from < 30 * GW_NS_PER_SEC);
	assert_true(gw_store_last_seq(s) > 1000000);
	disk.hangs = false;
	wait_until(came_late, s);
	assert_int_equal(alarms_given(s), 4);
	gw_store_free(s);
	s = new_store(
		two_sinks, 2, 16 * MIB); /* nor longer than asked, if it never idles */
	disk.hangs = true;
	assert_int_equal(gw_store_start(s, NULL), GW_OK);
	assert_false(gw_store_await_previous_run(s, INT64_MAX / 2, 30 * GW_NS_PER_MS));
	disk.hangs = false;
	gw_store_free(s);
	s = new_store(two_sinks, 2, 16 * MIB); /* and one that is read is waited for */
	assert_int_equal(gw_store_start(s, NULL), GW_OK);
	assert_true(gw_store_await_previous_run(s, 30 * GW_NS_PER_SEC, 60 * GW_NS_PER_SEC));
	assert_int_equal(gw_store_last_seq(s), 4);
	gw_store_free(s);
}

/* Stopped while it cannot write: it ends, and the file is as it was. */
static void a_stop_while_the_disk_fails(void **state)
{
	struct gw_store *s;

	(void)state;
	fill(4);
	disk.open_rc = SQLITE_CANTOPEN;
	s = new_store(two_sinks, 2, 16 * MIB);
	assert_int_equal(gw_store_start(s, NULL), GW_OK);
	assert_false(
		gw_store_await_previous_run(s, 30 * GW_NS_PER_SEC, 60 * GW_NS_PER_SEC));
	wait_until(is_failing, s);
	emit(s, gw_store_last_seq(s) + 1);
	gw_store_mark(s, 0, 2, GW_MARK_DELIVERED);
	gw_wake_poke(gw_store_wake(s));
	gw_store_request_stop(s);
	gw_store_join(s);
	gw_store_free(s);
	vfs_heal();
	s = open_store(two_sinks, 2, 16 * MIB);
	assert_string_equal(owed(s, 0), "3:1 3:2 3:3 3:4");
	assert_int_equal(names_with("corrupt"), 0);
	gw_store_free(s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_store_without_a_thread_fails_to_start),
		TEST(a_start_does_not_wait_for_a_disk_that_hangs),
		TEST(a_stop_while_the_disk_fails),
	};

	vfs_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

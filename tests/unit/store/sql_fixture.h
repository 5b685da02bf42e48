/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sql_fixture.h: the store by hand over a disk and an SQLite that fail on command (faulty_vfs.h,
 * failing_sqlite.h), with a clock of the test's.
 */
#ifndef GW_TESTS_SQL_FIXTURE_H
#define GW_TESTS_SQL_FIXTURE_H

#include "faulty_vfs.h"
#include "scripted_store.h"

#include "failing_sqlite.h"

__attribute__((unused)) static int begin(void **state)
{
	now_ns = 1000 * GW_NS_PER_SEC;
	vfs_heal();
	sql_heal();
	return fixture_setup(state);
}

__attribute__((unused)) static int end(void **state)
{
	vfs_heal();
	sql_heal();
	return fixture_teardown(state);
}

__attribute__((unused)) static void emit_of(
	struct gw_store *s, uint64_t seq, uint64_t alarm)
{
	struct gw_event e = make_event(s, seq, alarm, GW_LEVEL_RED);

	push(s, &e);
}

__attribute__((unused)) static void emit(struct gw_store *s, uint64_t from, uint64_t to)
{
	for (uint64_t seq = from; seq <= to; seq++)
		emit_of(s, seq, seq % 20);
}

__attribute__((unused)) static struct gw_store_status status(struct gw_store *s)
{
	struct gw_store_status st;

	gw_store_status(s, &st);
	return st;
}

__attribute__((unused)) static void remove_name(const char *name)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(unlink(path), 0);
}

__attribute__((unused)) static struct gw_store *with_five(int64_t max_bytes)
{
	struct gw_store *s = open_store(two_sinks, 2, max_bytes);

	emit(s, 1, 5);
	turn(s);
	return s;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * disk_fixture.h: the store by hand over a disk that fails on command (faulty_vfs.h), with a clock
 * of the test's. For tests of the writer, of starts, recovery and quarantine.
 */
#ifndef GW_TESTS_DISK_FIXTURE_H
#define GW_TESTS_DISK_FIXTURE_H

#include "faulty_vfs.h"
#include "store/quarantine.h"
#include "store/recovery.h"
#include "store/run_counter.h"
#include "store_fixture.h"
#include "tests/unit/fixture/scripted_clock.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

__attribute__((unused)) static int setup(void **state)
{
	vfs_heal();
	return fixture_setup(state);
}

__attribute__((unused)) static int teardown(void **state)
{
	vfs_heal();
	return fixture_teardown(state);
}

__attribute__((unused)) static void emit(struct gw_store *s, uint64_t seq)
{
	struct gw_event e = make_event(s, seq, seq % 100, GW_LEVEL_RED);

	push(s, &e);
}

__attribute__((unused)) static void pass_seconds(struct gw_store *s, int64_t seconds)
{
	for (int64_t i = 0; i < seconds; i++) {
		now_ns += GW_NS_PER_SEC;
		turn(s);
	}
}

__attribute__((unused)) static struct gw_store_status status(struct gw_store *s)
{
	struct gw_store_status st;

	gw_store_status(s, &st);
	return st;
}

/* Every event from 1 to seq stands in the file once. */
__attribute__((unused)) static void assert_all_there(uint64_t seq)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);
	struct gw_batch *b = request_owed(s, 0, GW_LEVEL_RED + 1, 0, 1024);

	assert_false(b->failed);
	assert_int_equal(b->n, seq);
	for (size_t i = 0; i < b->n; i++)
		assert_int_equal(b->events[i].seq, i + 1);
	gw_batch_free(b);
	assert_int_equal(gw_store_last_seq(s), seq);
	gw_store_free(s);
}

/* ---- the number of a start ---- */

enum { STARTS = 8 };

__attribute__((unused)) static void remove_state(void)
{
	assert_int_equal(temp_dir_remove(dir), 0);
	assert_int_equal(mkdir(dir, 0750), 0);
}

__attribute__((unused)) static void copy_file(const char *from, const char *to)
{
	char command[1200];

	snprintf(command, sizeof(command), "cp -p %s %s", from, to);
	assert_int_equal(system(command), 0);
}

/* Another process commits n red events and dies: all is in the WAL. */
__attribute__((unused)) static void killed_after(uint64_t n)
{
	pid_t pid = fork();
	int how;

	if (pid == 0) {
		struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);

		for (uint64_t seq = 1; seq <= n; seq++)
			emit(s, seq);
		turn(s);
		_exit(gw_store_committed(s) == n ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &how, 0), pid);
	assert_int_equal(how, 0);
}

/* What is owed to the first sink by number, "a b ...". */
__attribute__((unused)) static const char *owed_by_number(struct gw_store *s, uint64_t less)
{
	static char text[1024];
	struct gw_batch *b = request_owed(s, 0, GW_LEVEL_RED + 1, 0, 100);
	size_t n = 0;

	text[0] = '\0';
	assert_false(b->failed);
	for (size_t i = 0; i < b->n; i++) {
		uint64_t seq = b->events[i].seq;

		n += (size_t)snprintf(text + n, sizeof(text) - n,
			seq > less ? "%s+%llu" : "%s%llu", i ? " " : "",
			(unsigned long long)(seq > less ? seq - less : seq));
	}
	gw_batch_free(b);
	return text;
}

__attribute__((unused)) static void reads_fail(void)
{
	disk.read_rc = SQLITE_IOERR_READ;
	disk.write_rc = SQLITE_IOERR_WRITE;
}

__attribute__((unused)) static void only_reads_fail(void)
{
	disk.read_rc = SQLITE_IOERR_READ;
}

#endif

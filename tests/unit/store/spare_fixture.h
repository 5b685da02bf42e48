/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spare_fixture.h: a start whose disk fails, then a kill, and what the next start must make of the
 * spare file.
 */
#ifndef GW_TESTS_SPARE_FIXTURE_H
#define GW_TESTS_SPARE_FIXTURE_H

#include "faulty_vfs.h"
#include "scripted_store.h"

#include <sys/wait.h>

static char spare[TEMP_DIR_MAX + 32];

__attribute__((unused)) static int setup(void **state)
{
	vfs_heal();
	if (fixture_setup(state))
		return -1;
	snprintf(spare, sizeof(spare), "%s/unsaved", dir);
	return 0;
}

__attribute__((unused)) static int teardown(void **state)
{
	vfs_heal();
	return fixture_teardown(state);
}

__attribute__((unused)) static struct gw_store *begin_with(
	const char *const *sinks, size_t n)
{
	struct gw_store_opts o = {.state_dir = dir,
		.uplinks = sinks,
		.n_uplinks = n,
		.max_bytes = 16 * MIB,
		.spare = spare,
		.ring_capacity = 1024};
	struct gw_store *s = NULL;

	assert_int_equal(gw_store_open(&o, &s, NULL), GW_OK);
	gw_previous_run_read(s, NULL);
	gw_store_await_previous_run(s, 0, 0);
	gw_writer_step(s, false);
	return s;
}

__attribute__((unused)) static struct gw_store *begin(void)
{
	return begin_with(two_sinks, 2);
}

__attribute__((unused)) static void emit(
	struct gw_store *s, uint64_t seq, uint64_t alarm, bool raised)
{
	struct gw_event e = make_event(s, seq, alarm, GW_LEVEL_RED);

	if (!raised) {
		e.change = GW_CHANGE_CLEARED;
		e.state = e.underlying = GW_STATE_NORMAL;
	}
	push(s, &e);
	turn(s);
}

/* In a process of its own, which ends without a goodbye. */
__attribute__((unused)) static void killed(void (*life)(void))
{
	pid_t pid = fork();
	int how;

	if (pid == 0) {
		life();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &how, 0), pid);
	assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 0);
}

static bool owe_two; /* 2 is not delivered to the first sink */

/* 1 raises alarm 1, 2 raises alarm 2: committed and delivered. Then the disk fails: 3 clears
 * alarm 1 and 4 raises alarm 3, which left to both; 5 raises alarm 4, and the first sink has not
 * taken it. */
__attribute__((unused)) static void life(void)
{
	struct gw_store *s = begin();

	emit(s, 1, 1, true);
	emit(s, 2, 2, true);
	for (uint64_t seq = 1; seq <= 2; seq++)
		for (size_t slot = 0; slot < 2; slot++)
			if (seq == 1 || slot == 1 || !owe_two)
				gw_store_mark(s, slot, seq, GW_MARK_DELIVERED);
	pass(s, 3);
	disk.read_only = true;
	emit(s, 3, 1, false);
	emit(s, 4, 3, true);
	emit(s, 5, 4, true);
	for (uint64_t seq = 3; seq <= 5; seq++)
		for (size_t slot = 0; slot < 2; slot++) {
			gw_store_mark(s, slot, seq, GW_MARK_UNDURABLE);
			if (seq < 5 || slot == 1)
				gw_store_mark(s, slot, seq, GW_MARK_DELIVERED);
		}
	turn(s);
	if (gw_store_committed(s) != 2)
		_exit(1);
}

struct standing {
	char keys[8][32];
	uint64_t seqs[8];
	size_t n;
};

__attribute__((unused)) static void stand(
	void *arg, const struct gw_alarm_record *r, const struct gw_alarm_info *info)
{
	struct standing *st = arg;

	assert_string_equal(r->key, info->key);
	snprintf(st->keys[st->n], sizeof(st->keys[0]), "%s", r->key);
	st->seqs[st->n++] = r->seq;
}

/* Alarm 1 is normal; 2, 3 and 4 stand. */
__attribute__((unused)) static void assert_standing(struct gw_store *s)
{
	struct standing st = {.n = 0};

	gw_store_load_alarms(s, NULL, stand, &st);
	assert_int_equal(st.n, 3);
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(st.keys[i], keys[i + 2]);
	assert_int_equal(st.seqs[0], 2);
	assert_int_equal(st.seqs[1], 4);
	assert_int_equal(st.seqs[2], 5);
}

__attribute__((unused)) static void assert_owed_as_it_left(struct gw_store *s)
{
	struct gw_batch *b = request_owed(s, 0, GW_LEVEL_RED + 1, 0, 100);

	assert_int_equal(b->n, 1);
	assert_int_equal(b->events[0].seq, 5);
	assert_false(b->events[0].durable);
	assert_string_equal(b->events[0].info->text, infos[4].text);
	gw_batch_free(b);
	assert_string_equal(owed(s, 1), "");
}

#endif

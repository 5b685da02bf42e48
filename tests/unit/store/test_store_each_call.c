/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A start with debts, alarms and parked events, new events, marks and questions, once for every
 * disk call it makes, that one failing, or that one and all after it until the disk heals:
 * afterwards all that was owed is owed, and nothing more.
 */
#include "faulty_vfs.h"
#include "store_fixture.h"
#include "tests/unit/fixture/scripted_clock.h"

#define OLD 12 /* events of the start before */
#define NEW 12

static void emit(struct gw_store *s, uint64_t seq)
{
	struct gw_event e = make_event(s, seq, seq % 5, seq % 4);

	push(s, &e);
}

/* Turns while time passes, whatever comes of them. */
static void pass(struct gw_store *s, int seconds)
{
	for (int i = 0; i < seconds; i++) {
		now_ns += GW_NS_PER_SEC;
		for (int k = 0; k < 20 && gw_writer_step(s, false) == 0; k++)
			;
	}
}

/* What the start before left: 1 to 12, of which city has 1, 2 and 3, and refused 4. */
static void prepare(void)
{
	struct gw_store *s;

	assert_int_equal(temp_dir_remove(dir), 0);
	assert_int_equal(mkdir(dir, 0700), 0);
	s = open_store(two_sinks, 2, 16 * MIB);
	for (uint64_t seq = 1; seq <= OLD; seq++)
		emit(s, seq);
	for (uint64_t seq = 1; seq <= 3; seq++)
		assert_true(gw_store_mark(s, 0, seq, GW_MARK_DELIVERED));
	assert_true(gw_store_mark(s, 0, 4, GW_MARK_PARKED));
	pass(s, 3);
	gw_store_free(s);
}

static void ask_and_forget(struct gw_store *s, bool parked)
{
	if (parked)
		gw_store_request_parked(s, 0, 0, 8);
	else
		gw_store_request_owed(
			s, 0, (struct gw_owed_cursor){GW_LEVEL_RED + 1, 0}, 100);
	pass(s, 2);
	gw_batch_free(gw_store_take_batch(s, 0));
}

/* The start that is hurt: 12 events more, of which file has the last. */
static void work(void)
{
	struct gw_store_opts o = {.state_dir = dir,
		.uplinks = two_sinks,
		.n_uplinks = 2,
		.max_bytes = 16 * MIB,
		.ring_capacity = 1024};
	struct gw_store *s = NULL;
	uint64_t last;

	assert_int_equal(gw_store_open(&o, &s, NULL), GW_OK);
	gw_previous_run_read(s, NULL);
	gw_store_await_previous_run(s, 0, 0);
	alarms_given(s);
	last = gw_store_last_seq(s);
	for (uint64_t seq = 1; seq <= NEW; seq++) {
		emit(s, last + seq);
		if (seq % 3 == 0)
			pass(s, 1);
	}
	gw_store_mark(s, 1, last + NEW, GW_MARK_DELIVERED);
	ask_and_forget(s, false);
	ask_and_forget(s, true);
	gw_store_request_history(s, 100, 0);
	pass(s, 20);
	gw_batch_free(gw_store_take_history(s));
	vfs_heal();
	pass(s, 700); /* longer than a file that cannot be read is waited for */
	gw_store_free(s);
}

static size_t count_owed(struct gw_store *s, size_t slot)
{
	struct gw_batch *b = request_owed(s, slot, GW_LEVEL_RED + 1, 0, 100);
	size_t n = b->n;

	assert_false(b->failed);
	gw_batch_free(b);
	return n;
}

static void nothing_is_lost(long n, bool for_ever)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);
	size_t city = count_owed(s, 0), file = count_owed(s, 1), alarms = alarms_given(s);
	struct gw_store_status st;

	gw_store_status(s, &st);
	if (city != OLD - 4 + NEW || file != OLD + NEW - 1 || alarms != 5 ||
		st.parked[0] != 1 || files_like("corrupt") != 0)
		fail_msg("call %ld%s: city is owed %zu of %d, file %zu of %d, %zu alarms "
			 "of 5, %llu parked of 1, %zu files put aside",
			n, for_ever ? " and all after it" : "", city, OLD - 4 + NEW, file,
			OLD + NEW - 1, alarms, (unsigned long long)st.parked[0],
			files_like("corrupt"));
	gw_store_free(s);
}

static void each_disk_call(void **state)
{
	long calls;

	(void)state;
	prepare();
	disk.calls = 0;
	work();
	calls = disk.calls;
	assert_true(calls > 50);
	nothing_is_lost(0, false);
	for (int for_ever = 0; for_ever < 2; for_ever++) {
		for (long n = 1; n <= calls; n++) {
			vfs_heal();
			prepare();
			disk.calls = 0;
			disk.fail_for_ever = for_ever;
			disk.fail_from = n;
			work();
			vfs_heal();
			nothing_is_lost(n, for_ever);
		}
	}
	print_message("%ld disk calls\n", calls);
}

static int begin(void **state)
{
	now_ns = 1000 * GW_NS_PER_SEC;
	vfs_heal();
	return fixture_setup(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_disk_call, begin, fixture_teardown),
	};

	if (access("/dev/shm", W_OK) == 0) /* thousands of syncs */
		setenv("TMPDIR", "/dev/shm", 1);
	vfs_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

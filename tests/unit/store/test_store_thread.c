/* SPDX-License-Identifier: Apache-2.0 */
#include "store_fixture.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

/* An uplink as simple as can be: takes from its ring what is committed, marks it; when told to
 * ask, lives from batches alone. */
struct slot {
	struct gw_store *s;
	size_t index;
	struct gw_wake wake;
	uint64_t until; /* ends when it has marked this many */
	bool only_batches;
	uint64_t marked;
	unsigned char seen[20001];
	pthread_t id;
};

static void mark(struct slot *k, uint64_t seq)
{
	while (!gw_store_mark(k->s, k->index, seq, GW_MARK_DELIVERED))
		sched_yield();
	k->marked++;
	assert_true(seq <= 20000);
	assert_int_equal(k->seen[seq], 0);
	k->seen[seq] = 1;
}

static void *sink_run(void *arg)
{
	struct slot *k = arg;
	uint64_t next = 1;

	while (k->marked < k->until) {
		struct gw_batch *b;

		gw_wake_prepare(&k->wake);
		if (!k->only_batches) {
			uint64_t committed = gw_store_committed(k->s);

			if (next > committed) {
				gw_wake_wait(&k->wake, GW_NS_PER_SEC);
				continue;
			}
			gw_wake_finish(&k->wake);
			while (next <= committed)
				mark(k, next++);
			continue;
		}
		b = gw_store_take_batch(k->s, k->index);
		if (!b) {
			if (gw_store_request_owed(k->s, k->index,
				    (struct gw_owed_cursor){GW_LEVEL_RED + 1, 0}, 64))
				gw_wake_finish(&k->wake);
			else
				gw_wake_wait(&k->wake, GW_NS_PER_SEC);
			continue;
		}
		gw_wake_finish(&k->wake);
		assert_false(b->failed);
		for (size_t i = 0; i < b->n; i++) {
			assert_string_equal(
				b->events[i].info->key, keys[b->events[i].seq % 1000]);
			mark(k, b->events[i].seq);
		}
		if (b->n == 0)
			sched_yield();
		gw_batch_free(b);
	}
	return NULL;
}

static void every_event_reaches_both_uplinks_through_the_running_store(void **state)
{
	static struct slot sinks[2];
	struct gw_store *s = open_store(two_sinks, 2, 64 * MIB);
	struct gw_store_status st;
	const uint64_t n = 5000;

	(void)state;
	memset(sinks, 0, sizeof(sinks));
	for (size_t i = 0; i < 2; i++) {
		sinks[i] = (struct slot){
			.s = s, .index = i, .until = n, .only_batches = i == 1};
		assert_int_equal(gw_wake_init(&sinks[i].wake, NULL), GW_OK);
		gw_store_attach_uplink(s, i, &sinks[i].wake);
	}
	assert_int_equal(gw_store_start(s, NULL), GW_OK);
	for (size_t i = 0; i < 2; i++)
		pthread_create(&sinks[i].id, NULL, sink_run, &sinks[i]);
	for (uint64_t seq = 1; seq <= n; seq++) {
		struct gw_event e = make_event(
			s, seq, seq % 1000, (enum gw_level)(seq % 4));

		while (gw_ring_push(gw_store_events(s), &e, 1, sizeof(e)) == 0)
			sched_yield();
		gw_wake_poke(gw_store_wake(s));
		if (seq % 1000 == 0)
			assert_true(gw_store_wait(
				s, seq, gw_clock_boot_ns() + 30 * GW_NS_PER_SEC));
		if (seq % 100 == 0)
			gw_store_status(s, &st);
	}
	for (size_t i = 0; i < 2; i++)
		pthread_join(sinks[i].id, NULL);
	gw_store_request_stop(s);
	gw_store_join(s);
	gw_store_status(s, &st);
	assert_int_equal(st.committed, n);
	assert_int_equal(st.owed[0], 0);
	assert_int_equal(st.owed[1], 0);
	assert_false(st.failing);
	gw_store_free(s);
	for (size_t i = 0; i < 2; i++)
		gw_wake_fini(&sinks[i].wake);
}

static void main_reads_history_of_the_running_store(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 64 * MIB);
	struct gw_wake wake;
	struct gw_batch *b = NULL;

	(void)state;
	assert_int_equal(gw_wake_init(&wake, NULL), GW_OK);
	gw_store_attach_reader(s, &wake);
	assert_int_equal(gw_store_start(s, NULL), GW_OK);
	for (uint64_t seq = 1; seq <= 10; seq++) {
		struct gw_event e = make_event(s, seq, 1, GW_LEVEL_RED);

		push(s, &e);
		gw_wake_poke(gw_store_wake(s));
	}
	assert_true(gw_store_wait(s, 10, gw_clock_boot_ns() + 10 * GW_NS_PER_SEC));
	assert_true(gw_store_request_history(s, 3, 0));
	while (!b) {
		gw_wake_prepare(&wake);
		b = gw_store_take_history(s);
		if (b)
			gw_wake_finish(&wake);
		else
			assert_true(gw_wake_wait(&wake, 10 * GW_NS_PER_SEC));
	}
	assert_int_equal(b->n, 3);
	assert_int_equal(b->events[2].seq, 10);
	gw_batch_free(b);
	gw_store_free(s);
	gw_wake_fini(&wake);
}

static void wait_ends_in_time(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 64 * MIB);
	int64_t from;

	(void)state;
	assert_int_equal(gw_store_start(s, NULL), GW_OK);
	from = gw_clock_boot_ns();
	assert_false(gw_store_wait(s, 1, from + 50 * GW_NS_PER_MS));
	assert_true(gw_clock_boot_ns() - from >= 49 * GW_NS_PER_MS);
	assert_true(gw_store_wait(s, 0, 0));
	gw_store_free(s);
}

static void stops_with_everything_written(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 64 * MIB);

	(void)state;
	assert_int_equal(gw_store_start(s, NULL), GW_OK);
	for (uint64_t seq = 1; seq <= 900; seq++) {
		struct gw_event e = make_event(s, seq, 1, GW_LEVEL_RED);

		push(s, &e); /* nobody is poked */
	}
	gw_store_request_stop(s);
	gw_store_join(s);
	assert_int_equal(gw_store_committed(s), 900);
	for (uint64_t seq = 901; seq <= 1000; seq++) {
		struct gw_event e = make_event(s, seq, 1, GW_LEVEL_RED);

		push(s, &e); /* the thread is gone */
	}
	gw_store_mark(s, 0, 950, GW_MARK_DELIVERED);
	gw_store_free(s);
	s = open_store(two_sinks, 2, 64 * MIB);
	assert_int_equal(gw_store_last_seq(s), 1000);
	assert_true(s->db.was_clean);
	assert_int_equal(s->owed[0], 999);
	gw_store_free(s);
}

/* A child writes down each seq once it is told that it is committed, and is killed. */
static void child(int out)
{
	struct gw_store *s = open_store(two_sinks, 2, 64 * MIB);
	uint64_t seq = gw_store_last_seq(s), reported = seq;

	if (gw_store_start(s, NULL))
		_exit(1);
	for (;;) {
		for (int i = 0; i < 1 + (int)(seq % 5); i++) {
			struct gw_event e;

			seq++;
			e = make_event(s, seq, seq % 1000, (enum gw_level)(seq % 4));
			gw_ring_push(gw_store_events(s), &e, 1, sizeof(e));
		}
		gw_wake_poke(gw_store_wake(s));
		gw_store_mark(s, 1, seq, GW_MARK_DELIVERED);
		if (!gw_store_wait(s, seq, gw_clock_boot_ns() + 20 * GW_NS_PER_SEC))
			_exit(2);
		reported = gw_store_committed(s);
		if (write(out, &reported, sizeof(reported)) != sizeof(reported))
			_exit(3);
	}
}

static void nothing_is_lost_to_kill(void **state)
{
	uint64_t reported = 0;
	uint64_t run = 0;

	(void)state;
	for (int i = 0; i < 20; i++) {
		struct timespec nap = {.tv_nsec = (i * 7919 % 40 + 5) * 1000000L};
		struct gw_store *s;
		struct gw_batch *b;
		int pipes[2], status;
		uint64_t got, at = 0;
		pid_t pid;
		ssize_t n;

		assert_int_equal(pipe(pipes), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			close(pipes[0]);
			child(pipes[1]);
		}
		close(pipes[1]);
		/* killed some time after its first word */
		n = read(pipes[0], &got, sizeof(got));
		assert_int_equal(n, sizeof(got));
		reported = got;
		nanosleep(&nap, NULL);
		kill(pid, SIGKILL);
		while (read(pipes[0], &got, sizeof(got)) == sizeof(got))
			reported = got;
		close(pipes[0]);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));

		s = open_store(two_sinks, 2, 64 * MIB);
		assert_false(s->replaced);
		assert_true(gw_store_last_seq(s) >= reported);
		assert_true(gw_store_run(s) > run + 1 || run == 0);
		run = gw_store_run(s);
		/* sink 0 was told of nothing: all of it is owed, gapless */
		for (int level = GW_LEVEL_RED; level >= 0; level--) {
			uint64_t after = 0;

			do {
				b = request_owed(s, 0, level, after, 1024);
				for (size_t k = 0; k < b->n && b->events[k].level == level;
					k++) {
					assert_true(b->events[k].seq > after);
					after = b->events[k].seq;
					at++;
				}
				n = (ssize_t)(b->n == 1024 &&
					b->events[b->n - 1].level == level);
				gw_batch_free(b);
			} while (n);
		}
		assert_int_equal(at, gw_store_last_seq(s));
		gw_store_free(s);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_event_reaches_both_uplinks_through_the_running_store),
		TEST(main_reads_history_of_the_running_store),
		TEST(wait_ends_in_time),
		TEST(stops_with_everything_written),
		TEST(nothing_is_lost_to_kill),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

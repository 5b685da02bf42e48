/* SPDX-License-Identifier: Apache-2.0 */
/* When the acknowledgements of a group of messages may leave, and which messages wait for them. */
#include "drivers/mqtt_ack.h"

#include "base/clock.h"
#include "source/emit.h"

#include <sys/socket.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MS GW_NS_PER_MS

static struct fixture {
	struct gw_ring ring;
	struct gw_emit emit;
	struct gw_mqtt_ack ack;
	int sockets[2];               /* the link's, the broker's */
	uint64_t last_seq, committed; /* of the engine, of the store */
} f;

static uint64_t last_seq(void *arg)
{
	(void)arg;
	return f.last_seq;
}

static bool wait_committed(void *arg, uint64_t seq, int64_t until_ns)
{
	(void)arg;
	(void)until_ns;
	return f.committed >= seq;
}

static int begin(void **state)
{
	static const struct gw_commit_check commit = {last_seq, wait_committed, NULL};
	struct gw_emit_opts opts = {
		.source = "s", .n_points = 2, .ring = &f.ring, .commit = &commit};

	(void)state;
	f = (struct fixture){.last_seq = 0};
	gw_mqtt_ack_reset(&f.ack);
	return gw_ring_init(&f.ring, 64, sizeof(struct gw_sample), NULL) ||
		gw_emit_init(&f.emit, &opts, NULL) ||
		socketpair(AF_UNIX, SOCK_STREAM, 0, f.sockets);
}

static int end(void **state)
{
	(void)state;
	gw_emit_fini(&f.emit);
	gw_ring_fini(&f.ring);
	close(f.sockets[0]);
	close(f.sockets[1]);
	return 0;
}

/* n more messages, as the link takes them. */
static void take(unsigned n, int64_t now_ns)
{
	unsigned before = f.ack.n;

	for (unsigned i = 0; i < n; i++)
		gw_emit_sample(&f.emit, 0, GW_QUALITY_GOOD, i, now_ns, 0);
	f.ack.n += n;
	gw_mqtt_ack_mark(&f.ack, before, now_ns, &f.emit);
}

/* The engine processes what is in the ring, and gives so many events. */
static void step(uint64_t events)
{
	struct gw_sample samples[64];
	size_t n = gw_ring_pop(&f.ring, samples, 64, sizeof(samples[0]));

	f.last_seq += events;
	gw_ring_set_processed(&f.ring, n);
}

static bool may_leave(int64_t now_ns)
{
	return gw_mqtt_ack_may_leave(&f.ack, now_ns, &f.emit);
}

static bool must_wait(uint64_t group, int64_t now_ns)
{
	return gw_mqtt_ack_must_wait(&f.ack, group, f.sockets[0], false, now_ns);
}

static void a_group_leaves_when_what_it_caused_is_committed(void **state)
{
	uint64_t group = f.ack.group;

	(void)state;
	assert_true(may_leave(0)); /* there is nothing to acknowledge */
	assert_int_equal(f.ack.group, group);
	take(2, 10 * MS);
	assert_false(may_leave(11 * MS)); /* not processed */
	step(1);
	assert_false(may_leave(12 * MS)); /* not committed */
	take(1, 13 * MS);
	f.committed = 1;
	assert_false(may_leave(14 * MS)); /* the last one is not processed */
	step(1);
	assert_false(may_leave(15 * MS));
	f.committed = 2;
	assert_true(may_leave(16 * MS));
	assert_int_equal(f.ack.n, 0);
	assert_int_equal(f.ack.group, group + 1);
	assert_int_equal(f.emit.counts[GW_COUNT_UNCOMMITTED], 0);
}

/* Counted from the first of the group; less is waited once the store has stalled. */
static void a_store_that_stalls_holds_no_group_for_ever(void **state)
{
	(void)state;
	take(1, 1000 * MS);
	step(1);
	take(2, 2500 * MS);
	step(1);
	assert_false(may_leave(2999 * MS));
	assert_true(may_leave(3000 * MS));
	assert_int_equal(f.emit.counts[GW_COUNT_UNCOMMITTED], 3);
	take(1, 4000 * MS);
	step(1);
	assert_false(may_leave(4019 * MS));
	assert_true(may_leave(4020 * MS));
	assert_int_equal(f.emit.counts[GW_COUNT_UNCOMMITTED], 4);
	take(1, 5000 * MS);
	step(0);
	f.committed = f.last_seq;
	assert_true(may_leave(5001 * MS)); /* it works again */
	take(1, 6000 * MS);
	step(1);
	assert_false(may_leave(7999 * MS));
	assert_true(may_leave(8000 * MS));
}

static void many_are_looked_at_sooner_than_few(void **state)
{
	int64_t wait_ns, before_ns;

	(void)state;
	take(7, MS);
	assert_int_equal(gw_mqtt_ack_wait_ns(&f.ack), MS);
	assert_int_equal(gw_mqtt_ack_wait_ns(&f.ack), MS);
	take(1, MS);
	before_ns = gw_mqtt_ack_wait_ns(&f.ack);
	assert_true(before_ns < MS);
	for (int i = 0; i < 10; i++, before_ns = wait_ns) {
		wait_ns = gw_mqtt_ack_wait_ns(&f.ack);
		assert_true(wait_ns == 2 * before_ns || wait_ns >= MS);
	}
	assert_true(wait_ns >= MS && wait_ns < 2 * MS);
}

static void a_topic_comes_once_in_a_group(void **state)
{
	uint64_t group = f.ack.group;

	(void)state;
	assert_false(must_wait(group, 0)); /* nothing is unacknowledged */
	take(1, 0);
	assert_true(must_wait(group, 0));
	assert_true(must_wait(UINT64_MAX, 0)); /* its topic is not known */
	assert_false(must_wait(0, 0));         /* its topic was in no group */
	assert_false(must_wait(group - 1, 0)); /* it was in an earlier one */
	step(0);
	assert_true(may_leave(0));
	assert_false(must_wait(group, 0));
}

/* Until the broker's machine has received the acknowledgements, 20 ms at most: a message that is
 * delivered again would cause its event again. */
static void after_an_event_its_topics_wait_for_the_wire(void **state)
{
	uint64_t group = f.ack.group;
	char byte = 0;

	(void)state;
	f.committed = UINT64_MAX;
	take(1, 0);
	step(1);
	assert_true(may_leave(100 * MS));
	assert_int_equal(write(f.sockets[0], &byte, 1), 1);
	assert_true(must_wait(group, 101 * MS));
	assert_true(must_wait(group, 119 * MS));
	assert_false(must_wait(group - 1, 119 * MS));
	assert_false(must_wait(group, 120 * MS)); /* it has waited long enough */
	take(1, 120 * MS);
	step(1);
	assert_true(may_leave(121 * MS));
	assert_true(must_wait(group + 1, 122 * MS));
	/* the group after it is of the same doubt */
	take(1, 123 * MS);
	step(1);
	assert_true(may_leave(124 * MS));
	assert_true(must_wait(group + 1, 125 * MS));
	assert_true(must_wait(group + 2, 125 * MS));
	assert_int_equal(read(f.sockets[1], &byte, 1), 1);
	/* libmosquitto has not written it yet */
	assert_true(gw_mqtt_ack_must_wait(&f.ack, group + 2, f.sockets[0], true, 126 * MS));
	assert_false(must_wait(group + 2, 126 * MS));
	assert_false(must_wait(group + 1, 126 * MS));
}

static void without_an_event_no_topic_waits(void **state)
{
	uint64_t group = f.ack.group;
	char byte = 0;

	(void)state;
	take(1, 0);
	step(0);
	assert_true(may_leave(100 * MS));
	assert_int_equal(write(f.sockets[0], &byte, 1), 1);
	assert_false(must_wait(group, 101 * MS));
}

static void a_new_connection_begins_a_group_of_its_own(void **state)
{
	uint64_t group = f.ack.group;

	(void)state;
	take(3, 0);
	step(1);
	gw_mqtt_ack_reset(&f.ack); /* they are delivered again */
	assert_true(may_leave(0));
	assert_int_equal(f.ack.group, group + 1);
	take(1, 0);
	assert_false(must_wait(group, 0));
	assert_true(must_wait(group + 1, 0));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_group_leaves_when_what_it_caused_is_committed),
		TEST(a_store_that_stalls_holds_no_group_for_ever),
		TEST(many_are_looked_at_sooner_than_few),
		TEST(a_topic_comes_once_in_a_group),
		TEST(after_an_event_its_topics_wait_for_the_wire),
		TEST(without_an_event_no_topic_waits),
		TEST(a_new_connection_begins_a_group_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "source/emit.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define N_POINTS 8

struct fixture {
	struct gw_ring ring;
	struct gw_emit emit;
	struct gw_sample got[256];
	size_t n;
	/* what the settle callbacks see */
	uint64_t last_seq, committed;
	int seq_reads;
};

static uint64_t last_seq(void *arg)
{
	struct fixture *b = arg;

	b->seq_reads++;
	return b->last_seq;
}

static bool wait_committed(void *arg, uint64_t seq, int64_t until_ns)
{
	struct fixture *b = arg;

	(void)until_ns;
	return b->committed >= seq;
}

static void begin(struct fixture *b, size_t capacity)
{
	struct gw_commit_check commit = {last_seq, wait_committed, b};
	struct gw_emit_opts opts = {
		.source = "s", .n_points = N_POINTS, .ring = &b->ring, .commit = &commit};

	*b = (struct fixture){0};
	assert_int_equal(
		gw_ring_init(&b->ring, capacity, sizeof(struct gw_sample), NULL), GW_OK);
	assert_int_equal(gw_emit_init(&b->emit, &opts, NULL), GW_OK);
}

static void end(struct fixture *b)
{
	gw_emit_fini(&b->emit);
	gw_emit_fini(&b->emit);
	gw_ring_fini(&b->ring);
}

static void drain(struct fixture *b)
{
	b->n += gw_ring_pop(&b->ring, b->got + b->n, 256 - b->n, sizeof(b->got[0]));
	assert_true(b->n < 256);
}

/* Everything out, as an engine that has caught up would see it. */
static void drain_all(struct fixture *b)
{
	do {
		drain(b);
		gw_emit_flush(&b->emit);
	} while (gw_ring_count(&b->ring) > 0);
}

static void good(struct fixture *b, uint32_t point, double value, int64_t ns)
{
	gw_emit_sample(&b->emit, point, GW_QUALITY_GOOD, value, ns, 0);
}

static void assert_in_time_order(const struct fixture *b)
{
	for (size_t i = 1; i < b->n; i++)
		assert_true(b->got[i - 1].boot_ns <= b->got[i].boot_ns);
}

static void a_batch_is_published_at_the_flush(void **state)
{
	struct fixture b;

	(void)state;
	begin(&b, 256);
	good(&b, 0, 1, 10);
	good(&b, 1, 2, 10);
	assert_int_equal(gw_ring_count(&b.ring), 0);
	gw_emit_flush(&b.emit);
	drain(&b);
	assert_int_equal(b.n, 2);
	assert_int_equal(b.got[1].point, 1);
	assert_true(b.got[1].value == 2);
	for (int i = 0; i < GW_EMIT_BATCH; i++)
		good(&b, 0, i, 20);
	assert_int_equal(
		gw_ring_count(&b.ring), GW_EMIT_BATCH); /* a full batch goes by itself */
	assert_int_equal(atomic_load(&b.emit.samples), 2 + GW_EMIT_BATCH);
	end(&b);
}

static void a_bad_sample_carries_no_value(void **state)
{
	struct fixture b;

	(void)state;
	begin(&b, 16);
	gw_emit_sample(&b.emit, 0, GW_QUALITY_BAD_TIMEOUT, 57, 10, 0);
	good(&b, 0, nan(""), 10);
	good(&b, 0, HUGE_VAL, 10);
	good(&b, N_POINTS, 1, 10); /* not ours */
	good(&b, 0, 1, 5);         /* time never falls */
	gw_emit_flush(&b.emit);
	drain(&b);
	assert_int_equal(b.n, 4);
	assert_true(b.got[0].value == 0);
	assert_int_equal(b.got[1].quality, GW_QUALITY_BAD_INVALID);
	assert_int_equal(b.got[2].quality, GW_QUALITY_BAD_INVALID);
	assert_true(b.got[1].value == 0);
	assert_int_equal(b.got[3].boot_ns, 10);
	end(&b);
}

static void raw_is_scaled_and_checked(void **state)
{
	static const double range[] = {0, 100};
	struct gw_point_opts p = {.index = 3, .scale = 0.1, .offset = -5};
	struct fixture b;

	(void)state;
	begin(&b, 16);
	gw_emit_raw(&b.emit, &p, GW_QUALITY_UNCERTAIN, 523, 1, 7);
	p.range = (struct gw_table){.rows = 1, .columns = 2, .cells = range};
	gw_emit_raw(&b.emit, &p, GW_QUALITY_GOOD, 1050, 1, 0);
	gw_emit_raw(&b.emit, &p, GW_QUALITY_GOOD, 1051, 1, 0);
	gw_emit_raw(&b.emit, &p, GW_QUALITY_GOOD, 49, 1, 0);
	p = (struct gw_point_opts){
		.index = 3, .type = GW_TYPE_BOOL, .scale = 9, .offset = 9};
	gw_emit_raw(&b.emit, &p, GW_QUALITY_GOOD, 4, 1, 0);
	gw_emit_raw(&b.emit, &p, GW_QUALITY_GOOD, 0, 1, 0);
	gw_emit_flush(&b.emit);
	drain(&b);
	assert_int_equal(b.n, 6);
	assert_true(fabs(b.got[0].value - 47.3) < 1e-9);
	assert_int_equal(b.got[0].quality, GW_QUALITY_UNCERTAIN);
	assert_int_equal(b.got[0].point, 3);
	assert_int_equal(b.got[0].device_ns, 7);
	assert_int_equal(b.got[1].quality, GW_QUALITY_GOOD);
	assert_int_equal(b.got[2].quality, GW_QUALITY_OVER_RANGE);
	assert_true(fabs(b.got[2].value - 100.1) < 1e-9);
	assert_int_equal(b.got[3].quality, GW_QUALITY_UNDER_RANGE);
	assert_true(fabs(b.got[3].value + 0.1) < 1e-9);
	assert_true(b.got[4].value == 1);
	assert_true(b.got[5].value == 0);
	end(&b);
}

/* The engine stands still; a contact closes and opens again. */
/* The array of scales ends before it, which AddressSanitizer sees. */
static void a_point_of_another_source_is_ignored(void **state)
{
	struct gw_point_opts p = {.index = N_POINTS, .scale = 0.1};
	struct fixture b;

	(void)state;
	begin(&b, 16);
	gw_emit_raw(&b.emit, &p, GW_QUALITY_GOOD, 5, 1, 0);
	gw_emit_raw_bits(&b.emit, &p, 5, 5, 16, 1);
	gw_emit_flush(&b.emit);
	assert_int_equal(gw_ring_count(&b.ring), 0);
	end(&b);
}

static void a_short_pulse_survives_a_full_ring(void **state)
{
	struct fixture b;
	int up = 0, down = 0;

	(void)state;
	begin(&b, 4);
	for (int i = 0; i < 4; i++)
		good(&b, 1, 0, i);
	gw_emit_flush(&b.emit);
	for (int i = 0; i < 1000; i++) {
		good(&b, 0, i == 500, 100 + i);
		gw_emit_flush(&b.emit);
	}
	assert_true(gw_emit_is_coalescing(&b.emit));
	drain_all(&b);
	assert_false(gw_emit_is_coalescing(&b.emit));
	assert_in_time_order(&b);
	for (size_t i = 0; i < b.n; i++) {
		if (b.got[i].point != 0)
			continue;
		if (b.got[i].value == 1) {
			up++;
			assert_int_equal(b.got[i].boot_ns, 600);
		} else if (up) {
			down++;
		}
	}
	assert_int_equal(up, 1);
	assert_true(down >= 1);
	assert_int_equal(b.got[b.n - 1].boot_ns, 1099);
	assert_int_equal(b.n - 4 + atomic_load(&b.emit.coalesced), 1000);
	end(&b);
}

static void extremes_keep_their_time(void **state)
{
	struct fixture b;
	bool low = false, high = false;

	(void)state;
	begin(&b, 2);
	good(&b, 7, 0, 0);
	good(&b, 7, 0, 0);
	for (int i = 0; i < 5000; i++)
		good(&b, 2, i == 1234 ? 99 : i == 4321 ? -99 : i % 10, i + 1);
	drain_all(&b);
	assert_in_time_order(&b);
	for (size_t i = 0; i < b.n; i++) {
		high |= b.got[i].value == 99 && b.got[i].boot_ns == 1235;
		low |= b.got[i].value == -99 && b.got[i].boot_ns == 4322;
	}
	assert_true(low && high);
	assert_int_equal(b.got[b.n - 1].boot_ns, 5000);
	end(&b);
}

/* A device that dies while the ring is full: both the last word and the last value arrive. */
static void bad_does_not_hide_the_last_good(void **state)
{
	struct fixture b;

	(void)state;
	begin(&b, 2);
	good(&b, 7, 0, 0);
	good(&b, 7, 0, 0);
	for (int i = 0; i < 100; i++)
		good(&b, 0, i % 7, i + 1);
	for (int i = 0; i < 100; i++)
		gw_emit_sample(&b.emit, 0, GW_QUALITY_BAD_TIMEOUT, 0, 200 + i, 0);
	drain_all(&b);
	assert_in_time_order(&b);
	assert_int_equal(b.got[b.n - 1].quality, GW_QUALITY_BAD_TIMEOUT);
	assert_int_equal(b.got[b.n - 1].boot_ns, 299);
	while (!gw_quality_usable(b.got[b.n - 1].quality))
		b.n--;
	assert_int_equal(b.got[b.n - 1].boot_ns, 100);
	assert_true(b.got[b.n - 1].value == 99 % 7);
	end(&b);
}

/* Against a plain model: random points, values and drains. What came out of a point must hold
 * the newest sample, both extremes since the last drain, and never go back in time. */
static void random_traffic_keeps_what_counts(void **state)
{
	struct fixture b;
	double low[N_POINTS], high[N_POINTS], newest[N_POINTS];

	(void)state;
	srand(7);
	begin(&b, 8);
	for (int64_t round = 0, ns = 1; round < 300; round++) {
		bool seen[N_POINTS] = {false};

		for (int i = rand() % 200; i > 0; i--) {
			uint32_t p = (uint32_t)rand() % N_POINTS;
			double v = rand() % 1000;

			good(&b, p, v, ns++);
			low[p] = !seen[p] || v < low[p] ? v : low[p];
			high[p] = !seen[p] || v > high[p] ? v : high[p];
			newest[p] = v;
			seen[p] = true;
			if (rand() % 10 == 0)
				gw_emit_flush(&b.emit);
		}
		b.n = 0;
		gw_emit_flush(&b.emit);
		drain_all(&b);
		assert_in_time_order(&b);
		for (uint32_t p = 0; p < N_POINTS; p++) {
			double l = 1e9, h = -1e9, last = -1;

			for (size_t i = 0; i < b.n; i++) {
				if (b.got[i].point != p)
					continue;
				last = b.got[i].value;
				l = last < l ? last : l;
				h = last > h ? last : h;
			}
			if (seen[p])
				assert_true(
					l == low[p] && h == high[p] && last == newest[p]);
		}
	}
	end(&b);
}

static void *emit_much(void *arg)
{
	struct fixture *b = arg;

	for (int64_t i = 1; i <= 1000000; i++) {
		good(b, (uint32_t)i % N_POINTS, (double)i, i);
		if (i % 3 == 0)
			gw_emit_flush(&b->emit);
	}
	while (b->emit.n_batch > 0 || gw_emit_is_coalescing(&b->emit))
		gw_emit_flush(&b->emit);
	return NULL;
}

/* The engine drains at any moment: nothing newer may pass what is still held. */
static void order_holds_while_the_engine_drains(void **state)
{
	struct gw_sample one;
	int64_t last_ns = 0;
	pthread_t id;
	struct fixture b;

	(void)state;
	begin(&b, 2);
	pthread_create(&id, NULL, emit_much, &b);
	while (last_ns < 1000000) {
		if (gw_ring_pop(&b.ring, &one, 1, sizeof(one)) == 0)
			continue;
		if (one.boot_ns <= last_ns)
			fail_msg("%lld came after %lld", (long long)one.boot_ns,
				(long long)last_ns);
		last_ns = one.boot_ns;
	}
	pthread_join(id, NULL);
	end(&b);
}

static void committed_means_processed_and_committed(void **state)
{
	struct gw_emit_checkpoint checkpoint;
	struct fixture b;

	(void)state;
	begin(&b, 16);
	b.last_seq = 41;
	b.committed = 41;
	good(&b, 0, 1, 1);
	gw_emit_set_checkpoint(&b.emit, &checkpoint);
	assert_int_equal(gw_ring_count(&b.ring), 1);
	assert_false(gw_emit_is_committed(&b.emit, &checkpoint));
	drain(&b);
	assert_false(
		gw_emit_is_committed(&b.emit, &checkpoint)); /* popped is not stepped */
	assert_int_equal(b.seq_reads, 0);
	b.last_seq = 42; /* what the sample caused */
	gw_ring_set_processed(&b.ring, 1);
	assert_false(gw_emit_is_committed(&b.emit, &checkpoint));
	b.last_seq = 50; /* others' events do not delay us */
	b.committed = 42;
	assert_true(gw_emit_is_committed(&b.emit, &checkpoint));
	end(&b);
}

static void coalesced_samples_are_not_committed(void **state)
{
	struct gw_emit_checkpoint checkpoint;
	struct fixture b;

	(void)state;
	begin(&b, 2);
	for (int i = 0; i < 6; i++)
		good(&b, (uint32_t)i, 1, 1);
	gw_emit_set_checkpoint(&b.emit, &checkpoint);
	gw_ring_set_processed(&b.ring, 2);
	assert_false(gw_emit_is_committed(&b.emit, &checkpoint));
	for (int i = 0; i < 2; i++) {
		drain(&b);
		assert_false(gw_emit_is_committed(&b.emit, &checkpoint));
		gw_ring_set_processed(&b.ring, 2);
	}
	assert_int_equal(b.n, 4);
	assert_true(gw_emit_is_committed(&b.emit, &checkpoint));
	end(&b);
}

static void wait_committed_is_bounded_and_optional(void **state)
{
	int64_t before_ns = gw_clock_boot_ns();
	struct fixture b;

	(void)state;
	begin(&b, 16);
	good(&b, 0, 1, 1);
	assert_false(gw_emit_wait_committed(&b.emit, 20));
	assert_true(gw_clock_boot_ns() - before_ns >= 20 * GW_NS_PER_MS);
	b.emit.commit = (struct gw_commit_check){0};
	assert_true(gw_emit_wait_committed(&b.emit, 20));
	end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_batch_is_published_at_the_flush),
		cmocka_unit_test(a_bad_sample_carries_no_value),
		cmocka_unit_test(raw_is_scaled_and_checked),
		cmocka_unit_test(a_point_of_another_source_is_ignored),
		cmocka_unit_test(a_short_pulse_survives_a_full_ring),
		cmocka_unit_test(extremes_keep_their_time),
		cmocka_unit_test(bad_does_not_hide_the_last_good),
		cmocka_unit_test(random_traffic_keeps_what_counts),
		cmocka_unit_test(order_holds_while_the_engine_drains),
		cmocka_unit_test(committed_means_processed_and_committed),
		cmocka_unit_test(coalesced_samples_are_not_committed),
		cmocka_unit_test(wait_committed_is_bounded_and_optional),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

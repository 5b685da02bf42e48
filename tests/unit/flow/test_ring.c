/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/ring.h"
#include "flow/sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct gw_ring ring;
static struct gw_error err;

static void open_ring(size_t capacity, size_t size)
{
	gw_ring_fini(&ring);
	assert_int_equal(gw_ring_init(&ring, capacity, size, &err), GW_OK);
}

static void rounds_capacity_up(void **state)
{
	(void)state;
	open_ring(0, 8);
	assert_int_equal(gw_ring_capacity(&ring), 2);
	open_ring(3, 8);
	assert_int_equal(gw_ring_capacity(&ring), 4);
	open_ring(4096, 32);
	assert_int_equal(gw_ring_capacity(&ring), 4096);
	assert_int_equal((uintptr_t)ring.entries % GW_CACHE_LINE, 0);
	open_ring((size_t)1 << 24, 8); /* never touched, so it costs no memory */
	assert_int_equal(gw_ring_capacity(&ring), (size_t)1 << 24);
}

static void refuses_the_impossible(void **state)
{
	struct gw_ring r = {0};

	(void)state;
	assert_int_equal(gw_ring_init(&r, ((size_t)1 << 24) + 1, 8, &err), GW_ERR_CONFIG);
	assert_int_equal(gw_ring_init(&r, 8, 0, &err), GW_ERR_CONFIG);
	assert_int_equal(gw_ring_init(&r, 8, SIZE_MAX / 2, &err), GW_ERR_SYSTEM);
	assert_int_equal(gw_ring_init(&r, 8, SIZE_MAX / 8 + 2, NULL), GW_ERR_SYSTEM);
	assert_null(r.entries);
	gw_ring_fini(&r);
	gw_ring_fini(&r);
}

/* What one side writes often and what the other reads often are lines apart. */
static void producer_and_consumer_share_no_line(void **state)
{
	const size_t at[] = {
		offsetof(struct gw_ring, entries),
		offsetof(struct gw_ring, head),
		offsetof(struct gw_ring, own_head),
		offsetof(struct gw_ring, tail),
		offsetof(struct gw_ring, own_tail),
		offsetof(struct gw_ring, end),
	};
	size_t i;

	(void)state;
	assert_int_equal(_Alignof(struct gw_ring), GW_CACHE_LINE);
	for (i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		assert_int_equal(at[i], i * GW_CACHE_LINE);
}

static void full_takes_no_more_and_empty_gives_none(void **state)
{
	uint64_t v, in[6] = {1, 2, 3, 4, 5, 6}, out[6] = {0};

	(void)state;
	open_ring(4, sizeof(v));
	assert_int_equal(gw_ring_pop(&ring, &v, 1, sizeof(v)), 0);
	assert_int_equal(gw_ring_push(&ring, in, 6, sizeof(v)), 4);
	assert_int_equal(gw_ring_count(&ring), 4);
	assert_int_equal(gw_ring_push(&ring, in, 1, sizeof(v)), 0);
	assert_int_equal(gw_ring_push(&ring, in, 0, sizeof(v)), 0);
	assert_int_equal(gw_ring_pop(&ring, out, 6, sizeof(v)), 4);
	assert_memory_equal(out, in, 4 * sizeof(v));
	assert_int_equal(gw_ring_pop(&ring, out, 6, sizeof(v)), 0);
	assert_int_equal(gw_ring_pop(&ring, out, 0, sizeof(v)), 0);
	assert_int_equal(gw_ring_count(&ring), 0);
}

/* Every start, every batch length, over the seam: what goes in comes out, in order, once. */
static void batches_cross_the_wrap(void **state)
{
	struct gw_sample in[8], out[8];
	size_t skew, n, i, got;
	uint32_t next = 1, want = 1;

	(void)state;
	memset(in, 0, sizeof(in));
	open_ring(8, sizeof(in[0]));
	for (skew = 0; skew < 8; skew++) {
		for (n = 1; n <= 8; n++) {
			for (i = 0; i < n; i++)
				in[i].point = next++;
			assert_int_equal(gw_ring_push(&ring, in, n, sizeof(in[0])), n);
			assert_int_equal(gw_ring_count(&ring), n);
			got = gw_ring_pop(&ring, out, n / 2, sizeof(in[0]));
			assert_int_equal(got, n / 2);
			assert_int_equal(
				gw_ring_pop(&ring, out + got, 8, sizeof(in[0])), n - got);
			for (i = 0; i < n; i++)
				assert_int_equal(out[i].point, want++);
		}
		assert_int_equal(gw_ring_push(&ring, in, 1, sizeof(in[0])), 1);
		assert_int_equal(gw_ring_pop(&ring, out, 1, sizeof(in[0])), 1);
	}
}

/* Space freed by the consumer is found although the producer's copy of the tail is old. */
static void stale_index_copies_are_refreshed(void **state)
{
	uint64_t v, i;

	(void)state;
	open_ring(2, sizeof(v));
	for (i = 0; i < 1000; i++) {
		assert_int_equal(gw_ring_push(&ring, &i, 1, sizeof(v)), 1);
		assert_int_equal(gw_ring_pop(&ring, &v, 1, sizeof(v)), 1);
		assert_int_equal(v, i);
	}
}

/* What was looked at is where it was, in the ring and not yet in the producer's space, until it
 * is dropped; a look ends at the seam and begins behind it. */
static void a_peek_takes_nothing(void **state)
{
	uint64_t v, in[4] = {1, 2, 3, 4};
	const void *at;

	(void)state;
	open_ring(4, sizeof(v));
	assert_int_equal(gw_ring_peek(&ring, &at, 4), 0);
	assert_int_equal(gw_ring_push(&ring, in, 3, sizeof(v)), 3);
	assert_int_equal(gw_ring_peek(&ring, &at, 2), 2);
	assert_int_equal(gw_ring_peek(&ring, &at, 4), 3);
	assert_memory_equal(at, in, 3 * sizeof(v));
	assert_int_equal(gw_ring_count(&ring), 3);
	gw_ring_drop(&ring, 2);
	assert_int_equal(gw_ring_count(&ring), 1);
	assert_int_equal(gw_ring_push(&ring, in, 4, sizeof(v)), 3);
	assert_int_equal(gw_ring_peek(&ring, &at, 4), 2);
	assert_memory_equal(at, ((uint64_t[]){3, 1}), 2 * sizeof(v));
	gw_ring_drop(&ring, 2);
	assert_int_equal(gw_ring_peek(&ring, &at, 4), 2);
	assert_memory_equal(at, ((uint64_t[]){2, 3}), 2 * sizeof(v));
	assert_int_equal(gw_ring_pop(&ring, &v, 1, sizeof(v)), 1);
	assert_int_equal(v, 2);
}

static void odd_sizes_are_kept_apart(void **state)
{
	char in[3][7] = {"abcdef", "ghijkl", "mnopqr"}, out[3][7];
	int i;

	(void)state;
	open_ring(4, 7);
	for (i = 0; i < 5; i++) {
		assert_int_equal(gw_ring_push(&ring, in, 3, 7), 3);
		assert_int_equal(gw_ring_pop(&ring, out, 3, 7), 3);
		assert_memory_equal(in, out, sizeof(in));
	}
}

static int close_ring(void **state)
{
	(void)state;
	gw_ring_fini(&ring);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rounds_capacity_up),
		cmocka_unit_test(refuses_the_impossible),
		cmocka_unit_test(producer_and_consumer_share_no_line),
		cmocka_unit_test(full_takes_no_more_and_empty_gives_none),
		cmocka_unit_test(batches_cross_the_wrap),
		cmocka_unit_test(stale_index_copies_are_refreshed),
		cmocka_unit_test(a_peek_takes_nothing),
		cmocka_unit_test(odd_sizes_are_kept_apart),
	};

	return cmocka_run_group_tests(tests, NULL, close_ring);
}

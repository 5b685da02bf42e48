/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ring_peer.h: a queue under test behind a table of functions. Each queue's loops are built from
 * the ones below in a file of its own, so that its push and pop are inlined as its makers meant
 * and nothing but them differs.
 *
 * Owner: the benchmark. Thread: make and drop by main; produce by producers; consume by one.
 */
#ifndef RING_PEER_H
#define RING_PEER_H

#include "bench.h"

#include <sched.h>

#define PEER_BATCH     32
#define PEER_PRODUCERS 3

#if defined(__cplusplus)
extern "C" {
#endif

struct peer_item { /* as large as a sample */
	uint64_t number, producer, rest[2];
};

struct peer_taken {
	uint64_t n, wrong; /* wrong: out of its producer's order */
	int64_t end_ns;    /* CLOCK_BOOTTIME when n was reached */
};

struct peer {
	const char *name;
	bool shared; /* by all producers; else each has a queue of its own */
	void *(*make)(size_t capacity); /* NULL: no memory */
	void (*drop)(void *queue);
	/* Push numbered items, one by one or PEER_BATCH at a time, until told to stop; then one
	 * that says so. */
	void (*produce)(void *queue, uint64_t producer, size_t batch, const bool *stop);
	/* Pop until told to stop; what is left is taken out, but not counted. */
	struct peer_taken (*consume)(
		void **queues, size_t producers, size_t batch, const bool *stop);
	/* Up to PEER_BATCH at a time of anything 32 bytes long; how many went. Or NULL. */
	size_t (*push)(void *queue, const void *items, size_t n);
	size_t (*pop)(void *queue, void *ret_items, size_t n);
};

extern const struct peer peer_ours, peer_ck, peer_ck_shared, peer_boost, peer_dpdk,
	peer_dpdk_shared, peer_mutex;

#if defined(__cplusplus)
}
#endif

/* More threads than processors: whoever waits long lets another go on. */
static inline void peer_wait(unsigned *tries)
{
	if (++*tries % 256 == 0)
		sched_yield();
	else
		bench_relax();
}

#define PEER_LOOP static inline __attribute__((always_inline))

#define PEER_LAST UINT64_MAX /* number of a producer's last item */

/* push: how many of n went in, where n is a constant 1 or up to PEER_BATCH. */
PEER_LOOP void peer_produce(void *queue,
	size_t (*push)(void *queue, struct peer_item *items, size_t n), uint64_t producer,
	size_t batch, const bool *stop)
{
	struct peer_item items[PEER_BATCH];
	unsigned tries = 0;
	uint64_t i = 0;
	size_t j, went;

	for (j = 0; j < PEER_BATCH; j++) {
		items[j].producer = producer;
		items[j].number = items[j].rest[0] = items[j].rest[1] = 0;
	}
	for (; batch == 1 && !bench_stopped(stop); i++) {
		items[0].number = i;
		while (push(queue, items, 1) == 0)
			peer_wait(&tries);
	}
	for (; !bench_stopped(stop); i += PEER_BATCH) {
		for (j = 0; j < PEER_BATCH; j++)
			items[j].number = i + j;
		for (j = 0; j < PEER_BATCH; j += went) {
			went = push(queue, items + j, PEER_BATCH - j);
			if (went == 0)
				peer_wait(&tries);
		}
	}
	items[0].number = PEER_LAST;
	while (push(queue, items, 1) == 0)
		peer_wait(&tries);
}

PEER_LOOP struct peer_taken peer_drain(void **queues, size_t producers, bool shared,
	size_t (*pop)(void *queue, struct peer_item *ret_items, size_t n), size_t batch,
	const bool *stop)
{
	uint64_t next[PEER_PRODUCERS] = {0, 0, 0}, taken = 0;
	struct peer_taken ret = {0, 0, 0};
	struct peer_item items[PEER_BATCH];
	size_t q, j, got, any, ended = 0;
	unsigned tries = 0;

	while (ended < producers) {
		for (any = q = 0; q < (shared ? 1 : producers); q++) {
			got = pop(queues[q], items, batch);
			for (j = 0; j < got; j++) {
				if (items[j].number ==
					next[shared ? items[j].producer : q]++)
					continue;
				ended += items[j].number == PEER_LAST;
				ret.wrong += items[j].number != PEER_LAST;
			}
			any += got;
		}
		taken += any;
		if (ret.n == 0 && bench_stopped(stop)) {
			ret.n = taken;
			ret.end_ns = bench_now_ns();
		}
		if (any == 0)
			peer_wait(&tries);
	}
	return ret;
}

/* The usual cases, with what the compiler should know spelled out. */
PEER_LOOP struct peer_taken peer_consume(void **queues, size_t producers, bool shared,
	size_t (*pop)(void *queue, struct peer_item *ret_items, size_t n), size_t batch,
	const bool *stop)
{
	if (producers == 1)
		return batch == 1 ? peer_drain(queues, 1, false, pop, 1, stop)
				  : peer_drain(queues, 1, false, pop, PEER_BATCH, stop);
	if (shared)
		return batch == 1
			? peer_drain(queues, PEER_PRODUCERS, true, pop, 1, stop)
			: peer_drain(queues, PEER_PRODUCERS, true, pop, PEER_BATCH, stop);
	return batch == 1
		? peer_drain(queues, PEER_PRODUCERS, false, pop, 1, stop)
		: peer_drain(queues, PEER_PRODUCERS, false, pop, PEER_BATCH, stop);
}

#endif

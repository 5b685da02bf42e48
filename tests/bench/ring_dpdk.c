/* SPDX-License-Identifier: Apache-2.0 */
/* DPDK's rte_ring on plain memory, without its environment: single producer and consumer; for
 * many producers its MP kind, where they wait for each other in order. Built with the flags
 * DPDK asks for. */
#include "ring_peer.h"

#include <stdlib.h>

#include <rte_ring.h>
#include <rte_ring_elem.h>

#define SIZE ((unsigned)sizeof(struct peer_item))

static void *make_kind(size_t capacity, unsigned flags)
{
	ssize_t bytes = rte_ring_get_memsize_elem(SIZE, (unsigned)capacity);
	struct rte_ring *r = bytes > 0
		? aligned_alloc(128, ((size_t)bytes + 127) / 128 * 128)
		: NULL;

	if (!r || rte_ring_init(r, "bench", (unsigned)capacity, flags) == 0)
		return r;
	free(r);
	return NULL;
}

static void *make(size_t capacity)
{
	return make_kind(capacity, RING_F_SP_ENQ | RING_F_SC_DEQ);
}

static void *make_shared(size_t capacity)
{
	return make_kind(capacity, RING_F_SC_DEQ);
}

static void drop(void *queue)
{
	free(queue);
}

static inline size_t push(void *queue, struct peer_item *items, size_t n)
{
	return rte_ring_sp_enqueue_burst_elem(queue, items, SIZE, (unsigned)n, NULL);
}

static inline size_t push_shared(void *queue, struct peer_item *items, size_t n)
{
	return rte_ring_mp_enqueue_burst_elem(queue, items, SIZE, (unsigned)n, NULL);
}

static inline size_t pop(void *queue, struct peer_item *ret_items, size_t n)
{
	return rte_ring_sc_dequeue_burst_elem(queue, ret_items, SIZE, (unsigned)n, NULL);
}

static void produce(void *queue, uint64_t producer, size_t batch, const bool *stop)
{
	peer_produce(queue, push, producer, batch, stop);
}

static void produce_shared(void *queue, uint64_t producer, size_t batch, const bool *stop)
{
	peer_produce(queue, push_shared, producer, batch, stop);
}

static struct peer_taken consume(
	void **queues, size_t producers, size_t batch, const bool *stop)
{
	return peer_consume(queues, producers, false, pop, batch, stop);
}

static struct peer_taken consume_shared(
	void **queues, size_t producers, size_t batch, const bool *stop)
{
	return peer_consume(queues, producers, true, pop, batch, stop);
}

const struct peer peer_dpdk = {
	.name = "dpdk",
	.make = make,
	.drop = drop,
	.produce = produce,
	.consume = consume,
};

const struct peer peer_dpdk_shared = {
	.name = "dpdk",
	.shared = true,
	.make = make_shared,
	.drop = drop,
	.produce = produce_shared,
	.consume = consume_shared,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/ring.h"

#include "ring_peer.h"

#include <stdlib.h>

static void *make(size_t capacity)
{
	struct gw_ring *r = aligned_alloc(GW_CACHE_LINE, sizeof *r);

	if (r && gw_ring_init(r, capacity, sizeof(struct peer_item), NULL) == GW_OK)
		return r;
	free(r);
	return NULL;
}

static void drop(void *queue)
{
	gw_ring_fini(queue);
	free(queue);
}

static inline size_t push(void *queue, struct peer_item *items, size_t n)
{
	return gw_ring_push(queue, items, n, sizeof *items);
}

static inline size_t pop(void *queue, struct peer_item *ret_items, size_t n)
{
	return gw_ring_pop(queue, ret_items, n, sizeof *ret_items);
}

static void produce(void *queue, uint64_t producer, size_t batch, const bool *stop)
{
	peer_produce(queue, push, producer, batch, stop);
}

static struct peer_taken consume(
	void **queues, size_t producers, size_t batch, const bool *stop)
{
	return peer_consume(queues, producers, false, pop, batch, stop);
}

static size_t push_any(void *queue, const void *items, size_t n)
{
	return gw_ring_push(queue, items, n, sizeof(struct peer_item));
}

static size_t pop_any(void *queue, void *ret_items, size_t n)
{
	return gw_ring_pop(queue, ret_items, n, sizeof(struct peer_item));
}

const struct peer peer_ours = {
	.name = "ours",
	.make = make,
	.drop = drop,
	.produce = produce,
	.consume = consume,
	.push = push_any,
	.pop = pop_any,
};

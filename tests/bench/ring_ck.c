/* SPDX-License-Identifier: Apache-2.0 */
/* Concurrency Kit's ck_ring, which has no batches: there they are a loop. For many producers
 * its MPSC kind, where they wait for each other in order of their tickets. */
#include "ring_peer.h"

#include <stdlib.h>

#include <ck_ring.h>

CK_RING_PROTOTYPE(item, peer_item)

struct queue {
	ck_ring_t ring;
	struct peer_item *slots;
};

static void *make(size_t capacity)
{
	struct queue *q = aligned_alloc(64, (sizeof *q + 63) / 64 * 64);

	if (!q)
		return NULL;
	ck_ring_init(&q->ring, (unsigned)capacity);
	q->slots = aligned_alloc(64, capacity * sizeof q->slots[0]);
	if (q->slots)
		return q;
	free(q);
	return NULL;
}

static void drop(void *queue)
{
	struct queue *q = queue;

	free(q->slots);
	free(q);
}

static inline size_t push(void *queue, struct peer_item *items, size_t n)
{
	struct queue *q = queue;
	size_t i;

	for (i = 0; i < n; i++)
		if (!ck_ring_enqueue_spsc_item(&q->ring, q->slots, &items[i]))
			break;
	return i;
}

static inline size_t push_shared(void *queue, struct peer_item *items, size_t n)
{
	struct queue *q = queue;
	size_t i;

	for (i = 0; i < n; i++)
		if (!ck_ring_enqueue_mpsc_item(&q->ring, q->slots, &items[i]))
			break;
	return i;
}

static inline size_t pop(void *queue, struct peer_item *ret_items, size_t n)
{
	struct queue *q = queue;
	size_t i;

	for (i = 0; i < n; i++)
		if (!ck_ring_dequeue_spsc_item(&q->ring, q->slots, &ret_items[i]))
			break;
	return i;
}

static inline size_t pop_shared(void *queue, struct peer_item *ret_items, size_t n)
{
	struct queue *q = queue;
	size_t i;

	for (i = 0; i < n; i++)
		if (!ck_ring_dequeue_mpsc_item(&q->ring, q->slots, &ret_items[i]))
			break;
	return i;
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
	return peer_consume(queues, producers, true, pop_shared, batch, stop);
}

const struct peer peer_ck = {
	.name = "ck",
	.make = make,
	.drop = drop,
	.produce = produce,
	.consume = consume,
};

const struct peer peer_ck_shared = {
	.name = "ck",
	.shared = true,
	.make = make,
	.drop = drop,
	.produce = produce_shared,
	.consume = consume_shared,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* What one writes without a ring: a buffer, a mutex and two condition variables. */
#include "ring_peer.h"

#include <pthread.h>
#include <stdlib.h>

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t filled, emptied;
	size_t capacity, head, tail; /* the last two only grow */
	struct peer_item slots[];
};

static void *make(size_t capacity)
{
	struct queue *q = malloc(sizeof *q + capacity * sizeof q->slots[0]);

	if (!q)
		return NULL;
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->filled, NULL);
	pthread_cond_init(&q->emptied, NULL);
	q->capacity = capacity;
	q->head = q->tail = 0;
	return q;
}

static void drop(void *queue)
{
	struct queue *q = queue;

	pthread_cond_destroy(&q->emptied);
	pthread_cond_destroy(&q->filled);
	pthread_mutex_destroy(&q->lock);
	free(q);
}

static inline size_t push(void *queue, struct peer_item *items, size_t n)
{
	struct queue *q = queue;
	size_t i;

	pthread_mutex_lock(&q->lock);
	while (q->head - q->tail == q->capacity)
		pthread_cond_wait(&q->emptied, &q->lock);
	if (q->head == q->tail)
		pthread_cond_signal(&q->filled);
	for (i = 0; i < n && q->head - q->tail < q->capacity; i++)
		q->slots[q->head++ & (q->capacity - 1)] = items[i];
	pthread_mutex_unlock(&q->lock);
	return i;
}

static inline size_t pop(void *queue, struct peer_item *ret_items, size_t n)
{
	struct queue *q = queue;
	size_t i;

	pthread_mutex_lock(&q->lock);
	while (q->head == q->tail)
		pthread_cond_wait(&q->filled, &q->lock);
	if (q->head - q->tail == q->capacity)
		pthread_cond_broadcast(&q->emptied);
	for (i = 0; i < n && q->head != q->tail; i++)
		ret_items[i] = q->slots[q->tail++ & (q->capacity - 1)];
	pthread_mutex_unlock(&q->lock);
	return i;
}

static void produce(void *queue, uint64_t producer, size_t batch, const bool *stop)
{
	peer_produce(queue, push, producer, batch, stop);
}

static struct peer_taken consume(
	void **queues, size_t producers, size_t batch, const bool *stop)
{
	return peer_consume(queues, producers, true, pop, batch, stop);
}

const struct peer peer_mutex = {
	.name = "mutex",
	.shared = true,
	.make = make,
	.drop = drop,
	.produce = produce,
	.consume = consume,
};

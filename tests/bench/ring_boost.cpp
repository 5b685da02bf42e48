/* SPDX-License-Identifier: Apache-2.0 */
/* Boost.Lockfree's spsc_queue: one producer, so several have one each, as with ours. */
#define BOOST_DISABLE_ASSERTS
#include <boost/lockfree/spsc_queue.hpp>

#include "ring_peer.h"

#include <new>

typedef boost::lockfree::spsc_queue<peer_item> queue_of_items;

static void *make(size_t capacity)
{
	return new (std::nothrow) queue_of_items(capacity);
}

static void drop(void *queue)
{
	delete static_cast<queue_of_items *>(queue);
}

static inline size_t push(void *queue, peer_item *items, size_t n)
{
	queue_of_items *q = static_cast<queue_of_items *>(queue);

	return n == 1 ? q->push(*items) : q->push(items, n);
}

static inline size_t pop(void *queue, peer_item *ret_items, size_t n)
{
	queue_of_items *q = static_cast<queue_of_items *>(queue);

	return n == 1 ? q->pop(*ret_items) : q->pop(ret_items, n);
}

static void produce(void *queue, uint64_t producer, size_t batch, const bool *stop)
{
	peer_produce(queue, push, producer, batch, stop);
}

static struct peer_taken consume(void **queues, size_t producers, size_t batch, const bool *stop)
{
	return peer_consume(queues, producers, false, pop, batch, stop);
}

static size_t push_any(void *queue, const void *items, size_t n)
{
	return static_cast<queue_of_items *>(queue)->push(
		static_cast<const peer_item *>(items), n);
}

static size_t pop_any(void *queue, void *ret_items, size_t n)
{
	return static_cast<queue_of_items *>(queue)->pop(
		static_cast<peer_item *>(ret_items), n);
}

const peer peer_boost = {
	"boost", false, make, drop, produce, consume, push_any, pop_any,
};

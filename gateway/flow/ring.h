/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ring.h: a lock-free ring of fixed-size elements between one producer and one consumer. Indexes
 * only grow. Each side works on copies of both indexes in a cache line of its own, so a push or
 * pop costs one store to a shared line, and finding nothing mostly costs none. A batch is
 * published with one store.
 *
 * Memory order. Two pairs of a release store and an acquire load carry everything:
 *  - head: the producer writes the entries, then stores head with release. A consumer whose acquire
 *    load reads that head sees the entries as written before it (C17 5.1.2.4). Without it an ARM
 *    core may show the new head before the entry it counts.
 *  - tail: the consumer reads the entries, then stores tail with release. A producer whose acquire
 *    load reads that tail writes those entries only after the reads: release also keeps earlier
 *    loads before the store. Without it an entry could be overwritten while it is still being read.
 * Each index has one writer, so there is no read-modify-write. A stale copy (tail_seen,
 * head_seen) only makes the ring look fuller or emptier than it is. On x86 both orders are
 * plain moves, on ARMv8 stlr and ldar, on ARMv7 ldrexd and strexd with dmb. See tests/litmus.
 *
 * A third pair: processed is stored with release after everything that the samples caused was
 * stored, so a thread that loads it with acquire sees that, too.
 *
 * Owner: whoever called init. Thread: one producer, one consumer; count by any.
 * Push and pop are inline so that a constant size compiles to plain moves.
 */
#ifndef GW_FLOW_RING_H
#define GW_FLOW_RING_H

#include "base/error.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define GW_CACHE_LINE 64

/* A 32-bit machine must have 64-bit atomics of its own, as ARMv7 has: libatomic takes a lock. */
static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "64-bit atomics must be free of locks");

struct gw_ring {
	/* set at init */
	unsigned char *entries;
	size_t mask; /* capacity - 1 */
	size_t size; /* bytes of an element */
	/* written by the producer, read by any thread */
	_Alignas(GW_CACHE_LINE) _Atomic uint64_t head; /* next to write */
	/* producer only */
	_Alignas(GW_CACHE_LINE) uint64_t own_head;
	uint64_t tail_seen;
	/* written by the consumer, read by any thread */
	_Alignas(GW_CACHE_LINE) _Atomic uint64_t tail; /* next to read */
	_Atomic uint64_t processed; /* elements whose effects are visible */
	/* consumer only */
	_Alignas(GW_CACHE_LINE) uint64_t own_tail;
	uint64_t head_seen;
	bool last_pop_small; /* the last load of head found some, fewer than GW_RING_SMALL_POP */
	_Alignas(GW_CACHE_LINE) char end[1];
};

/* capacity is rounded up to a power of two (2 .. 2^24); memory is aligned and zeroed. */
enum gw_err gw_ring_init(
	struct gw_ring *r, size_t capacity, size_t size, struct gw_error *err);
void gw_ring_fini(struct gw_ring *r); /* zeroed or twice is fine */

static inline size_t gw_ring_capacity(const struct gw_ring *r)
{
	return r->mask + 1;
}

/* Elements in the ring, as any thread sees it: exact for either end when the other is idle. */
static inline size_t gw_ring_count(struct gw_ring *r)
{
	uint64_t tail = atomic_load_explicit(&r->tail, memory_order_acquire);
	uint64_t head = atomic_load_explicit(&r->head, memory_order_acquire);

	return head > tail ? (size_t)(head - tail) : 0;
}

/* n more elements are not only popped but processed. A producer can wait for that: until
 * gw_ring_processed reaches its gw_ring_head. */
static inline void gw_ring_set_processed(struct gw_ring *r, size_t n)
{
	uint64_t processed = atomic_load_explicit(&r->processed, memory_order_relaxed);

	atomic_store_explicit(&r->processed, processed + n, memory_order_release);
}

static inline uint64_t gw_ring_processed(const struct gw_ring *r)
{
	return atomic_load_explicit(&r->processed, memory_order_acquire);
}

/* Elements ever pushed. */
static inline uint64_t gw_ring_head(const struct gw_ring *r)
{
	return atomic_load_explicit(&r->head, memory_order_acquire);
}

/* Copy up to n elements of size bytes in; returns how many went in. Publishes once. */
static inline size_t gw_ring_push(
	struct gw_ring *r, const void *from, size_t n, size_t size)
{
	uint64_t head = r->own_head;
	size_t space = r->mask + 1 - (size_t)(head - r->tail_seen);
	size_t at, first;

	if (space < n) {
		r->tail_seen = atomic_load_explicit(&r->tail, memory_order_acquire);
		space = r->mask + 1 - (size_t)(head - r->tail_seen);
		if (space < n)
			n = space;
		if (n == 0)
			return 0;
	}
	at = (size_t)head & r->mask;
	first = r->mask + 1 - at;
	if (n == 1) {
		memcpy(r->entries + at * size, from, size);
	} else if (n <= first) {
		memcpy(r->entries + at * size, from, n * size);
	} else {
		memcpy(r->entries + at * size, from, first * size);
		memcpy(r->entries, (const unsigned char *)from + first * size,
			(n - first) * size);
	}
	r->own_head = head + n;
	atomic_store_explicit(&r->head, head + n, memory_order_release);
	return n;
}

#define GW_RING_SMALL_POP 8

/* For a spin loop: 100 to 300 ns, several times what a cache line takes from core to core. */
static inline void gw_ring_cpu_relax(void)
{
	for (int i = 0; i < 8; i++) {
#if defined(__x86_64__) || defined(__i386__)
		__builtin_ia32_pause();
#elif defined(__aarch64__)
		__asm__ volatile("isb");
#endif
	}
}

/* Copy up to n elements out; returns how many. A consumer that takes them singly and runs close
 * behind the producer would contend with it for every cache line, so after a load that found only
 * a few it waits a moment for more. */
static inline size_t gw_ring_pop(struct gw_ring *r, void *to, size_t n, size_t size)
{
	uint64_t tail = r->own_tail;
	size_t have = (size_t)(r->head_seen - tail);
	size_t at, first;

	if (have < n) {
		if (n < GW_RING_SMALL_POP && r->last_pop_small)
			gw_ring_cpu_relax();
		r->head_seen = atomic_load_explicit(&r->head, memory_order_acquire);
		have = (size_t)(r->head_seen - tail);
		r->last_pop_small = have > 0 && have < GW_RING_SMALL_POP;
		if (have < n)
			n = have;
		if (n == 0)
			return 0;
	}
	at = (size_t)tail & r->mask;
	first = r->mask + 1 - at;
	if (n == 1) {
		memcpy(to, r->entries + at * size, size);
	} else if (n <= first) {
		memcpy(to, r->entries + at * size, n * size);
	} else {
		memcpy(to, r->entries + at * size, first * size);
		memcpy((unsigned char *)to + first * size, r->entries, (n - first) * size);
	}
	r->own_tail = tail + n;
	atomic_store_explicit(&r->tail, tail + n, memory_order_release);
	return n;
}

/* The next elements in place, up to n and up to the end of the memory; returns how many. They stay
 * until gw_ring_drop. */
static inline size_t gw_ring_peek(struct gw_ring *r, const void **ret_at, size_t n)
{
	uint64_t tail = r->own_tail;
	size_t have = (size_t)(r->head_seen - tail);
	size_t at = (size_t)tail & r->mask;

	if (have < n) {
		r->head_seen = atomic_load_explicit(&r->head, memory_order_acquire);
		have = (size_t)(r->head_seen - tail);
		if (have < n)
			n = have;
	}
	if (n > r->mask + 1 - at)
		n = r->mask + 1 - at;
	*ret_at = r->entries + at * r->size;
	return n;
}

/* Asked after the entries of a peek were dropped: whether that peek may have ended only because the
 * memory does, so that there is more at its start. */
static inline bool gw_ring_at_wrap(const struct gw_ring *r)
{
	return ((size_t)r->own_tail & r->mask) == 0;
}

/* Removes n elements that were peeked at. */
static inline void gw_ring_drop(struct gw_ring *r, size_t n)
{
	r->own_tail += n;
	atomic_store_explicit(&r->tail, r->own_tail, memory_order_release);
}

#endif

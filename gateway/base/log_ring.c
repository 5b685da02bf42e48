/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A producer reserves units by moving head, copies its line into them, and then stores the length
 * at the first one. The consumer sees the length, takes the line, sets the length back to 0 and
 * moves tail. A unit inside a line always has length 0, so a length is only ever found where a
 * line begins.
 *
 * Memory order. The text is published by the release store of its length and the acquire load of
 * it in pop. Room is published by the release store of tail: a producer that sees the new tail
 * sees the lengths set back, and the consumer has read the text before. head needs no order: it
 * only says who owns which units, and a compare-exchange gives each unit to one producer.
 */
#include "base/log_ring.h"

#include <string.h>

#define MASK (GW_LOG_RING_UNITS - 1)

static uint64_t units(size_t n)
{
	return (n + GW_LOG_RING_UNIT - 1) / GW_LOG_RING_UNIT;
}

/* How many of n bytes from this unit on come before the end of the memory. */
static size_t before_seam(uint64_t at, size_t n)
{
	size_t left = (GW_LOG_RING_UNITS - (size_t)(at & MASK)) * GW_LOG_RING_UNIT;

	return n < left ? n : left;
}

bool gw_log_ring_push(struct gw_log_ring *r, const char *line, size_t n)
{
	uint64_t at = atomic_load_explicit(&r->head, memory_order_relaxed);
	size_t first;

	do {
		uint64_t tail = atomic_load_explicit(&r->tail, memory_order_acquire);

		/* at may be older than tail: then the exchange fails and brings a new one */
		if ((int64_t)(at + units(n) - tail) > GW_LOG_RING_UNITS)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(
		&r->head, &at, at + units(n), memory_order_relaxed, memory_order_relaxed));
	first = before_seam(at, n);
	memcpy(r->text + (at & MASK) * GW_LOG_RING_UNIT, line, first);
	memcpy(r->text, line + first, n - first);
	atomic_store_explicit(&r->whole[at & MASK], (uint32_t)n, memory_order_release);
	return true;
}

size_t gw_log_ring_pop(struct gw_log_ring *r, char *ret_line)
{
	/* the consumer's own store: no order needed to read it back */
	uint64_t at = atomic_load_explicit(&r->tail, memory_order_relaxed);
	size_t n = atomic_load_explicit(&r->whole[at & MASK], memory_order_acquire);
	size_t first = before_seam(at, n);

	if (n == 0)
		return 0;
	memcpy(ret_line, r->text + (at & MASK) * GW_LOG_RING_UNIT, first);
	memcpy(ret_line + first, r->text, n - first);
	atomic_store_explicit(&r->whole[at & MASK], 0, memory_order_relaxed);
	atomic_store_explicit(&r->tail, at + units(n), memory_order_release);
	return n;
}

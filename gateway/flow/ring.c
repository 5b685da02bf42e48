/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/ring.h"

#include <errno.h>
#include <sys/mman.h>

#define CAPACITY_MAX ((size_t)1 << 24)

enum gw_err gw_ring_init(
	struct gw_ring *r, size_t capacity, size_t size, struct gw_error *err)
{
	size_t rounded = 2, bytes;
	void *memory;

	if (capacity > CAPACITY_MAX || size == 0)
		return gw_fail(err, GW_ERR_CONFIG, 0,
			"a ring of %zu elements of %zu bytes is not possible", capacity,
			size);
	while (rounded < capacity)
		rounded *= 2;
	if (__builtin_mul_overflow(rounded, size, &bytes))
		return gw_fail(err, GW_ERR_SYSTEM, ENOMEM, "no memory for a ring");
	/* mapped, not allocated: aligned, zeroed, and pages never reached cost nothing */
	memory = mmap(
		NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return gw_fail(err, GW_ERR_SYSTEM, errno,
			"no memory for a ring of %zu bytes", bytes);
	*r = (struct gw_ring){.entries = memory, .mask = rounded - 1, .size = size};
	return GW_OK;
}

void gw_ring_fini(struct gw_ring *r)
{
	if (r->entries)
		munmap(r->entries, (r->mask + 1) * r->size);
	r->entries = NULL;
}

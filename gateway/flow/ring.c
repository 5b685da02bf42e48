/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/ring.h"

#include "base/pages.h"

#include <errno.h>

#define CAPACITY_MAX ((size_t)1 << 24)

enum gw_err gw_ring_init(
	struct gw_ring *r, size_t capacity, size_t size, struct gw_error *err)
{
	size_t rounded = 2;
	void *memory;

	if (capacity > CAPACITY_MAX || size == 0)
		return gw_fail(err, GW_ERR_CONFIG, 0,
			"a ring of %zu elements of %zu bytes is not possible", capacity,
			size);
	while (rounded < capacity)
		rounded *= 2;
	memory = gw_pages_map(rounded, size);
	if (!memory)
		return gw_fail(err, GW_ERR_SYSTEM, errno,
			"no memory for a ring of %zu elements of %zu bytes", rounded, size);
	*r = (struct gw_ring){.entries = memory, .mask = rounded - 1, .size = size};
	return GW_OK;
}

void gw_ring_fini(struct gw_ring *r)
{
	gw_pages_unmap(r->entries, r->mask + 1, r->size);
	r->entries = NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "store/pool.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES 4000

struct gw_pool_chunk {
	struct gw_pool_chunk *next;
	size_t size, used;
	alignas(max_align_t) unsigned char bytes[];
};

void *gw_pool_take(struct gw_pool *p, size_t size)
{
	struct gw_pool_chunk *c = p->chunks;
	size_t capacity;
	void *at;

	size = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	if (!c || c->size - c->used < size) {
		capacity = size > CHUNK_BYTES ? size : CHUNK_BYTES;
		c = calloc(1, sizeof(*c) + capacity);
		if (!c)
			return NULL;
		c->size = capacity;
		c->next = p->chunks;
		p->chunks = c;
	}
	at = c->bytes + c->used;
	c->used += size;
	return at;
}

const char *gw_pool_text(struct gw_pool *p, const char *text, size_t n)
{
	char *copy;

	if (n == 0)
		return "";
	copy = gw_pool_take(p, n + 1);
	if (copy)
		memcpy(copy, text, n);
	return copy;
}

void gw_pool_fini(struct gw_pool *p)
{
	while (p->chunks) {
		struct gw_pool_chunk *c = p->chunks;

		p->chunks = c->next;
		free(c);
	}
}

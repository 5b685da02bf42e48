/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool.h: memory for texts that live and die together: chunks that are only freed as one.
 *
 * Owner: the batch or store it is part of. Thread: one at a time. Zeroed is empty.
 */
#ifndef GW_STORE_POOL_H
#define GW_STORE_POOL_H

#include <stddef.h>

struct gw_pool {
	struct gw_pool_chunk *chunks;
};

/* Zeroed, aligned for anything; NULL without memory. */
void *gw_pool_take(struct gw_pool *p, size_t size);
/* A copy of n bytes and a NUL; NULL without memory. */
const char *gw_pool_text(struct gw_pool *p, const char *text, size_t n);
void gw_pool_fini(struct gw_pool *p); /* zeroed or twice is fine */

#endif

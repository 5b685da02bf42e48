/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pages.h: memory of its own pages, zeroed, each of which takes memory when it is first written:
 * for what is large and mostly unused, as a buffer for an outage. malloc may hand out pages that
 * were in use before, and these take memory even if nobody writes to them again; calloc writes
 * zeros over them. The memory ends where a page without access begins, so that an overrun is a
 * crash; it begins as aligned as `size` is.
 *
 * Thread: any.
 */
#ifndef GW_BASE_PAGES_H
#define GW_BASE_PAGES_H

#include <stddef.h>

/* n elements of `size` bytes, n * size > 0. NULL with errno: there is no memory. */
void *gw_pages_map(size_t n, size_t size);
/* With the same n and size. NULL is left alone. */
void gw_pages_unmap(void *at, size_t n, size_t size);

#endif

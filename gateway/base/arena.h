/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena.h: memory that is freed as a whole. Failure is sticky: once an allocation failed, `failed`
 * is set, so the owner can check once at the end.
 *
 * Owner: the caller, zeroed before first use. Thread: one at a time. Life: alloc..., free.
 */
#ifndef GW_BASE_ARENA_H
#define GW_BASE_ARENA_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct gw_arena_chunk;

struct gw_arena {
	struct gw_arena_chunk *chunks;
	size_t used, size;  /* of the newest chunk */
	size_t chunk_bytes; /* taken from the heap at a time; 0: 64 KiB */
	bool failed;
};

/* n items of size bytes, zeroed, aligned for anything; n may be 0. NULL: no memory. */
void *gw_arena_alloc(struct gw_arena *a, size_t n, size_t size);
/* A copy of n bytes and a NUL. */
char *gw_arena_copy(struct gw_arena *a, const char *s, size_t n);
char *gw_arena_printf(struct gw_arena *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Space for one more item in an array of *cap items of which n are used: returns at, or a longer
 * copy. NULL: no memory; the old array is still valid. */
void *gw_arena_grow(struct gw_arena *a, void *at, size_t n, size_t *cap, size_t size);

void gw_arena_free(struct gw_arena *a); /* twice is fine */

#endif

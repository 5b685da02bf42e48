/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Under AddressSanitizer each allocation is a chunk of its own, so that it sees each overflow. */
#if defined(__SANITIZE_ADDRESS__)
#define CHUNK_BYTES(a) ((size_t)0 * (a)->chunk_bytes)
#else
#define CHUNK_BYTES(a) ((a)->chunk_bytes ? (a)->chunk_bytes : (size_t)64 * 1024)
#endif

struct gw_arena_chunk {
	struct gw_arena_chunk *next;
	alignas(max_align_t) unsigned char bytes[];
};

void *gw_arena_alloc(struct gw_arena *a, size_t n, size_t size)
{
	struct gw_arena_chunk *chunk;
	size_t bytes, capacity;
	void *at;

	if (__builtin_mul_overflow(n, size, &bytes) || bytes > SIZE_MAX / 4) {
		a->failed = true;
		return NULL;
	}
	bytes = (bytes + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	if (!a->chunks || bytes > a->size - a->used) {
		capacity = bytes > CHUNK_BYTES(a) ? bytes : CHUNK_BYTES(a);
		chunk = calloc(1, sizeof(*chunk) + capacity);
		if (!chunk) {
			a->failed = true;
			return NULL;
		}
		chunk->next = a->chunks;
		a->chunks = chunk;
		a->size = capacity;
		a->used = 0;
	}
	at = a->chunks->bytes + a->used;
	a->used += bytes;
	return at;
}

char *gw_arena_copy(struct gw_arena *a, const char *s, size_t n)
{
	char *copy = gw_arena_alloc(a, n + 1, 1);

	if (copy)
		memcpy(copy, s, n);
	return copy;
}

char *gw_arena_printf(struct gw_arena *a, const char *fmt, ...)
{
	va_list ap;
	char *text;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	text = gw_arena_alloc(a, n < 0 ? 1 : (size_t)n + 1, 1);
	if (text && n >= 0) {
		va_start(ap, fmt);
		vsnprintf(text, (size_t)n + 1, fmt, ap);
		va_end(ap);
	}
	return text;
}

void *gw_arena_grow(struct gw_arena *a, void *at, size_t n, size_t *cap, size_t size)
{
	size_t new_cap;
	void *longer;

	if (n < *cap)
		return at;
	new_cap = *cap ? 2 * *cap : 16;
	longer = gw_arena_alloc(a, new_cap, size);
	if (!longer)
		return NULL;
	if (n)
		memcpy(longer, at, n * size);
	*cap = new_cap;
	return longer;
}

void gw_arena_free(struct gw_arena *a)
{
	struct gw_arena_chunk *next;

	for (; a->chunks; a->chunks = next) {
		next = a->chunks->next;
		free(a->chunks);
	}
	a->used = a->size = 0;
}

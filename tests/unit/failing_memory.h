/* SPDX-License-Identifier: Apache-2.0 */
/*
 * failing_memory.h: a heap that fails on the n-th call, for a whole test program: include it in
 * one file. each_failure() runs a scenario once for every allocation it makes, that one failing
 * (or that one and all later ones), and holds it to two things: it returns, and it leaves no
 * memory behind. Not with a sanitizer, which has a heap of its own.
 */
#ifndef FAILING_MEMORY_H
#define FAILING_MEMORY_H

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define FAILING_MEMORY_OFF 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FAILING_MEMORY_OFF 1
#endif

#ifndef FAILING_MEMORY_OFF

static struct {
	atomic_bool on;       /* calls are counted */
	atomic_bool for_ever; /* after the n-th, none works */
	atomic_long calls, fail_at;
	atomic_long live; /* blocks allocated and not freed while on */
} heap;

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void *__libc_memalign(size_t align, size_t size);
void __libc_free(void *p);
void *malloc(size_t size);
void *calloc(size_t n, size_t size);
void *realloc(void *p, size_t size);
void *aligned_alloc(size_t align, size_t size);
int posix_memalign(void **to, size_t align, size_t size);
void free(void *p);

/* Only the thread that runs the scenario: others (cmocka has none) would make n a matter of luck. */
static _Thread_local bool counted;

static bool fails(void)
{
	long call;

	if (!counted || !heap.on)
		return false;
	call = ++heap.calls;
	if (call == heap.fail_at || (heap.for_ever && call > heap.fail_at)) {
		errno = ENOMEM;
		return true;
	}
	return false;
}

static void *took(void *p)
{
	if (p && counted && heap.on)
		heap.live++;
	return p;
}

void *malloc(size_t size)
{
	return fails() ? NULL : took(__libc_malloc(size));
}

void *calloc(size_t n, size_t size)
{
	return fails() ? NULL : took(__libc_calloc(n, size));
}

void *realloc(void *p, size_t size)
{
	void *grown;

	if (fails())
		return NULL;
	grown = __libc_realloc(p, size);
	return p ? grown : took(grown);
}

void *aligned_alloc(size_t align, size_t size)
{
	return fails() ? NULL : took(__libc_memalign(align, size));
}

int posix_memalign(void **to, size_t align, size_t size)
{
	if (fails())
		return ENOMEM;
	*to = took(__libc_memalign(align, size));
	return *to ? 0 : ENOMEM;
}

void free(void *p)
{
	if (p && counted && heap.on)
		heap.live--;
	__libc_free(p);
}

/* One run with the n-th allocation failing, 0: none. Returns how many calls there were. */
static long run_failing(void (*scenario)(void), long n, bool for_ever)
{
	heap.calls = 0;
	heap.live = 0;
	heap.fail_at = n ? n : -1;
	heap.for_ever = n && for_ever;
	counted = true;
	heap.on = true;
	scenario();
	heap.on = false;
	counted = false;
	return heap.calls;
}

__attribute__((unused)) static void each_failure(const char *name, void (*scenario)(void))
{
	long all;

	run_failing(scenario, 0, false); /* what libraries keep for ever */
	all = run_failing(scenario, 0, false);
	if (heap.live != 0)
		fail_msg("%s leaves %ld blocks behind when nothing fails", name,
			(long)heap.live);
	assert_true(all > 0);
	for (int for_ever = 0; for_ever < 2; for_ever++) {
		for (long n = 1; n <= all; n++) {
			run_failing(scenario, n, for_ever);
			if (heap.live != 0)
				fail_msg("%s leaves %ld blocks behind when allocation %ld "
					 "of %ld%s fails",
					name, (long)heap.live, n, all,
					for_ever ? " and all later ones" : "");
		}
	}
	print_message("%s: %ld allocations\n", name, all);
}

#else

__attribute__((unused)) static void each_failure(const char *name, void (*scenario)(void))
{
	(void)name;
	(void)scenario;
	print_message("the sanitizer has its own heap\n");
	skip();
}

#endif
#endif

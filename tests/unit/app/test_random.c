/* SPDX-License-Identifier: Apache-2.0 */
/*
 * That the generator is there before the first handshake: what a thread needs of memory to begin
 * one is then little, and none of it may fail with a crash. Each trial is a process of its own, as
 * OpenSSL makes its generator once in a process.
 */
#include "app/openssl_random.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/rand.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
	__has_feature(memory_sanitizer)
#define SANITIZED
#endif
#endif

#ifdef SANITIZED

int main(void)
{
	return 77; /* it has its own malloc */
}

#else

/* Counted and failed here; OpenSSL calls these by their names. */
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);

static long *asked; /* allocations of the thread that is watched; shared with the parent */
static long fails_at = -1; /* that one of them fails */
static _Thread_local bool watched;

static bool fails(void)
{
	return watched && (*asked)++ == fails_at;
}

void *malloc(size_t n)
{
	return fails() ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	return fails() ? NULL : __libc_realloc(p, n);
}

/* What a handshake begins with. */
static void *first_bytes(void *arg)
{
	unsigned char bytes[32];

	(void)arg;
	watched = true;
	RAND_bytes(bytes, sizeof(bytes));
	RAND_priv_bytes(bytes, sizeof(bytes));
	watched = false;
	return NULL;
}

/* How a process ends that begins, or does not, and in whose other thread one allocation fails. */
static int trial(bool begins, long fails_at_)
{
	pthread_t thread;
	pid_t child;
	int status;

	*asked = 0;
	child = fork();
	if (child == 0) {
		if (begins && !gw_openssl_random_init())
			_exit(2);
		fails_at = fails_at_;
		if (pthread_create(&thread, NULL, first_bytes, NULL))
			_exit(3);
		pthread_join(thread, NULL);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void the_generator_is_made_before_any_thread_needs_it(void **state)
{
	long without, with;

	(void)state;
	assert_int_equal(trial(false, -1), 0);
	without = *asked;
	assert_int_equal(trial(true, -1), 0);
	with = *asked;
	assert_in_range(with, 1, without / 10);
}

static void no_allocation_that_fails_afterwards_is_a_crash(void **state)
{
	long n;

	(void)state;
	assert_int_equal(trial(true, -1), 0);
	n = *asked;
	for (long at = 0; at < n; at++)
		assert_int_equal(trial(true, at), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_generator_is_made_before_any_thread_needs_it),
		cmocka_unit_test(no_allocation_that_fails_afterwards_is_a_crash),
	};

	asked = mmap(NULL, sizeof(*asked), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return asked == MAP_FAILED ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}

#endif

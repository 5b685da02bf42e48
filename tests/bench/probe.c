/* SPDX-License-Identifier: Apache-2.0 */
/* probe: how fast one cache line travels between two threads now, in ns one way. Figures of the
 * other benchmarks mean something only beside it: hosts change their mode from hour to hour. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#define ROUNDS 200000

static _Alignas(64) _Atomic uint32_t ball;

static void *other(void *arg)
{
	(void)arg;
	for (uint32_t n = 0; n < ROUNDS; n++) {
		while (atomic_load_explicit(&ball, memory_order_acquire) != 2 * n + 1)
			;
		atomic_store_explicit(&ball, 2 * n + 2, memory_order_release);
	}
	return NULL;
}

int main(void)
{
	struct timespec a, b;
	pthread_t thread;

	if (pthread_create(&thread, NULL, other, NULL) != 0)
		return 1;
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (uint32_t n = 0; n < ROUNDS; n++) {
		atomic_store_explicit(&ball, 2 * n + 1, memory_order_release);
		while (atomic_load_explicit(&ball, memory_order_acquire) != 2 * n + 2)
			;
	}
	clock_gettime(CLOCK_MONOTONIC, &b);
	pthread_join(thread, NULL);
	printf("%.0f\n",
		((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) /
			(2.0 * ROUNDS));
	return 0;
}

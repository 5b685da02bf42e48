/* SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"

#include "base/clock.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define PINGS 20000

static struct {
	_Alignas(64) _Atomic uint32_t there;
	_Alignas(64) _Atomic uint32_t back;
} ball;

int64_t bench_now_ns(void)
{
	return gw_clock_boot_ns();
}

void bench_pin(int cpu)
{
	long last = sysconf(_SC_NPROCESSORS_ONLN) - 1;
	cpu_set_t set;

	CPU_ZERO(&set);
	for (long i = 0; i <= last; i++)
		if (cpu < 0 || i == cpu)
			CPU_SET((size_t)i, &set);
	pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

static void *pong(void *unused)
{
	(void)unused;
	bench_pin(1);
	for (uint32_t i = 1; i <= PINGS; i++) {
		while (atomic_load_explicit(&ball.there, memory_order_acquire) != i)
			continue;
		atomic_store_explicit(&ball.back, i, memory_order_release);
	}
	return NULL;
}

double bench_probe_ns(void)
{
	int64_t begun = 0;
	pthread_t thread;

	bench_pin(0);
	atomic_store(&ball.there, 0);
	atomic_store(&ball.back, 0);
	if (pthread_create(&thread, NULL, pong, NULL) != 0)
		abort();
	for (uint32_t i = 1; i <= PINGS; i++) {
		if (i == PINGS / 2) /* both are there by now */
			begun = gw_clock_boot_ns();
		atomic_store_explicit(&ball.there, i, memory_order_release);
		while (atomic_load_explicit(&ball.back, memory_order_acquire) != i)
			continue;
	}
	begun = gw_clock_boot_ns() - begun;
	pthread_join(thread, NULL);
	return (double)begun / PINGS; /* half the rounds, two ways each */
}

static _Atomic size_t waiting_for; /* threads that are not there yet */
static bool stop;

static void *begin(void *arg)
{
	const struct bench_thread *t = arg;

	bench_pin(t->cpu);
	atomic_fetch_sub(&waiting_for, 1);
	while (atomic_load(&waiting_for) > 0)
		sched_yield();
	t->run(t->arg, &stop);
	return NULL;
}

void bench_together(const struct bench_thread *threads, size_t n, int64_t run_ns)
{
	const struct timespec length = {.tv_nsec = (long)run_ns};
	struct bench_thread copies[BENCH_THREADS_MAX];
	pthread_t ids[BENCH_THREADS_MAX];

	if (n > BENCH_THREADS_MAX)
		abort();
	atomic_store(&waiting_for, n + 1);
	__atomic_store_n(&stop, false, __ATOMIC_RELAXED);
	for (size_t i = 0; i < n; i++) {
		copies[i] = threads[i];
		if (pthread_create(&ids[i], NULL, begin, &copies[i]) != 0)
			abort();
	}
	atomic_fetch_sub(&waiting_for, 1);
	while (atomic_load(&waiting_for) > 0)
		sched_yield();
	nanosleep(&length, NULL);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (size_t i = 0; i < n; i++)
		pthread_join(ids[i], NULL);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double bench_quantile(double *v, size_t n, double q)
{
	size_t at = (size_t)(q * (double)n);

	qsort(v, n, sizeof v[0], by_value);
	return v[at < n ? at : n - 1];
}

double bench_median(double *v, size_t n)
{
	return bench_quantile(v, n, 0.5);
}

double bench_two_digits(double v)
{
	return (double)(int64_t)(v * 100 + 0.5) / 100;
}

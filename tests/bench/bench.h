/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench.h: what the benchmarks of this process share: places for threads, chance, the probe that
 * says how the machine is just now, and medians. C and C++.
 *
 * Thread: any; a thread pins itself.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__cplusplus)
extern "C" {
#endif

static inline void bench_relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

#define BENCH_SEED UINT64_C(88172645463325252)

/* Chance that is the same in every run (xorshift64). *state: BENCH_SEED at first, never 0. */
static inline uint64_t bench_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

int64_t bench_now_ns(void); /* CLOCK_BOOTTIME */

/* Put the calling thread on that processor, or with -1 on any. */
void bench_pin(int cpu);

/* Nanoseconds a cache line takes from one thread to another, one way, the caller on processor 0
 * and the other on 1. Above 100 or so the host has put the two apart or somebody else works on
 * them; figures of such a run are of another machine. The caller stays on 0. */
double bench_probe_ns(void);

/* Threads that begin together, and are told to stop when run_ns (below a second) have passed. */
struct bench_thread {
	void (*run)(void *arg, const bool *stop);
	void *arg;
	int cpu; /* as for bench_pin */
};

#define BENCH_THREADS_MAX 8
void bench_together(const struct bench_thread *threads, size_t n, int64_t run_ns);

static inline bool bench_stopped(const bool *stop)
{
	return __atomic_load_n(stop, __ATOMIC_RELAXED);
}

/* Both sort v. q from 0 to 1. */
double bench_median(double *v, size_t n);
double bench_quantile(double *v, size_t n, double q);

double bench_two_digits(double v); /* rounded, for people */

#if defined(__cplusplus)
}
#endif

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ring against Concurrency Kit's ck_ring SPSC: 32-byte elements, one producer, one
 * consumer, one at a time and 32 at a time (a loop in ck, which has no batches). Both in turn in
 * every round, so that a machine that changes its mind hurts both; the median of the rounds.
 * One JSON line a figure; probe_ns is the time an atomic takes from one thread to the other and
 * says how near the two cores were: above 100 or so the host put them apart, or somebody else
 * works on them, and the ratios shrink.
 *
 *     bench_ring [ROUNDS [MS_PER_RUN]]
 */
#include "base/clock.h"
#include "base/text.h"
#include "flow/sample.h"

#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include <ck_ring.h>

CK_RING_PROTOTYPE(sample, gw_sample)

#define BATCH      32
#define ROUNDS_MAX 101

enum kind { OURS, CK };

/* One run: each side works on its own cache lines. */
static struct gw_ring ours;
static ck_ring_t ck;
static struct gw_sample *ck_slots;
static _Alignas(GW_CACHE_LINE) _Atomic uint64_t gate[2 * GW_CACHE_LINE / sizeof(uint64_t)];

struct job {
	enum kind kind;
	bool batched;
	uint64_t n;
};

static inline void relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

static void produce_ours(uint64_t n, bool batched)
{
	struct gw_sample s[BATCH] = {{0}};
	uint64_t i = 0, j, got;

	while (i < n && !batched) {
		s[0].mono_ns = (int64_t)i;
		while (gw_ring_push(&ours, s, 1, sizeof(s[0])) == 0)
			relax();
		i++;
	}
	while (i < n) {
		for (j = 0; j < BATCH; j++)
			s[j].mono_ns = (int64_t)(i + j);
		for (j = 0; j < BATCH; j += got) {
			got = gw_ring_push(&ours, s + j, BATCH - j, sizeof(s[0]));
			if (got == 0)
				relax();
		}
		i += BATCH;
	}
}

static uint64_t consume_ours(uint64_t n, bool batched)
{
	struct gw_sample s[BATCH];
	uint64_t wrong = 0, i = 0, j, got;

	while (i < n && !batched) {
		while (gw_ring_pop(&ours, s, 1, sizeof(s[0])) == 0)
			relax();
		wrong += (uint64_t)s[0].mono_ns != i++;
	}
	while (i < n) {
		got = gw_ring_pop(&ours, s, BATCH, sizeof(s[0]));
		if (got == 0)
			relax();
		for (j = 0; j < got; j++)
			wrong += (uint64_t)s[j].mono_ns != i++;
	}
	return wrong;
}

static void produce_ck(uint64_t n, bool batched)
{
	struct gw_sample s[BATCH] = {{0}};
	uint64_t i = 0, j;

	while (i < n && !batched) {
		s[0].mono_ns = (int64_t)i;
		while (!ck_ring_enqueue_spsc_sample(&ck, ck_slots, s))
			relax();
		i++;
	}
	while (i < n) {
		for (j = 0; j < BATCH; j++)
			s[j].mono_ns = (int64_t)(i + j);
		for (j = 0; j < BATCH; j++)
			while (!ck_ring_enqueue_spsc_sample(&ck, ck_slots, &s[j]))
				relax();
		i += BATCH;
	}
}

static uint64_t consume_ck(uint64_t n, bool batched)
{
	struct gw_sample s[BATCH];
	uint64_t wrong = 0, i = 0, j, got;

	while (i < n && !batched) {
		while (!ck_ring_dequeue_spsc_sample(&ck, ck_slots, s))
			relax();
		wrong += (uint64_t)s[0].mono_ns != i++;
	}
	while (i < n) {
		for (got = 0; got < BATCH; got++)
			if (!ck_ring_dequeue_spsc_sample(&ck, ck_slots, &s[got]))
				break;
		if (got == 0)
			relax();
		for (j = 0; j < got; j++)
			wrong += (uint64_t)s[j].mono_ns != i++;
	}
	return wrong;
}

static void pin(size_t cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

static void *produce(void *arg)
{
	struct job *job = arg;

	pin(1);
	atomic_store(&gate[0], 1);
	if (job->kind == OURS)
		produce_ours(job->n, job->batched);
	else
		produce_ck(job->n, job->batched);
	return NULL;
}

/* Nanoseconds an element. */
static double run(enum kind kind, bool batched, uint64_t n)
{
	struct job job = {kind, batched, n};
	pthread_t producer;
	uint64_t wrong;
	int64_t begun;

	atomic_store(&gate[0], 0);
	if (pthread_create(&producer, NULL, produce, &job) != 0)
		abort();
	while (atomic_load(&gate[0]) == 0)
		relax();
	begun = gw_clock_mono_ns();
	wrong = kind == OURS ? consume_ours(n, batched) : consume_ck(n, batched);
	begun = gw_clock_mono_ns() - begun;
	pthread_join(producer, NULL);
	if (wrong) {
		fprintf(stderr, "%" PRIu64 " elements out of order\n", wrong);
		exit(1);
	}
	return (double)begun / (double)n;
}

#define PINGS 20000

static void *pong(void *arg)
{
	uint64_t i;

	(void)arg;
	pin(1);
	for (i = 1; i <= PINGS; i++) {
		while (atomic_load_explicit(&gate[0], memory_order_acquire) != i)
			continue;
		atomic_store_explicit(&gate[8], i, memory_order_release);
	}
	return NULL;
}

static double probe(void)
{
	int64_t begun = 0;
	pthread_t thread;
	uint64_t i;

	atomic_store(&gate[0], 0);
	atomic_store(&gate[8], 0);
	if (pthread_create(&thread, NULL, pong, NULL) != 0)
		abort();
	for (i = 1; i <= PINGS; i++) {
		if (i == PINGS / 2)
			begun = gw_clock_mono_ns();
		atomic_store_explicit(&gate[0], i, memory_order_release);
		while (atomic_load_explicit(&gate[8], memory_order_acquire) != i)
			continue;
	}
	begun = gw_clock_mono_ns() - begun;
	pthread_join(thread, NULL);
	return (double)begun / PINGS; /* half the rounds, two ways each */
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *v, size_t n)
{
	qsort(v, n, sizeof(v[0]), by_value);
	return v[n / 2];
}

static double two_digits(double v)
{
	return (double)(int64_t)(v * 100 + 0.5) / 100;
}

static void figure(
	size_t capacity, bool batched, double goal, size_t rounds, int64_t run_ns)
{
	double ns[2][ROUNDS_MAX], ratio[ROUNDS_MAX], near[ROUNDS_MAX];
	char memory[512];
	struct gw_text t;
	uint64_t n[2];
	size_t i;
	int k;

	if (gw_ring_init(&ours, capacity, sizeof(struct gw_sample), NULL) != GW_OK ||
		!(ck_slots = aligned_alloc(
			  GW_CACHE_LINE, capacity * sizeof(struct gw_sample))))
		abort();
	ck_ring_init(&ck, (unsigned)capacity);
	for (k = OURS; k <= CK; k++) { /* how many elements make a run of that length */
		n[k] = (uint64_t)((double)run_ns / run((enum kind)k, batched, BATCH << 14));
		n[k] = n[k] / BATCH * BATCH + BATCH;
	}
	for (i = 0; i < rounds; i++) {
		near[i] = probe();
		for (k = OURS; k <= CK; k++)
			ns[k][i] = run((enum kind)k, batched, n[k]);
		ratio[i] = ns[CK][i] / ns[OURS][i];
	}
	gw_ring_fini(&ours);
	free(ck_slots);

	gw_text_init(&t, memory, sizeof(memory));
	gw_json_open(&t, NULL, '{');
	gw_json_string(&t, "bench", "ring");
	gw_json_string(&t, "mode", batched ? "batch-32" : "item");
	gw_json_int(&t, "capacity", (int64_t)capacity);
	gw_json_double(&t, "ours_mops", two_digits(1e3 / median(ns[OURS], rounds)));
	gw_json_double(&t, "ck_mops", two_digits(1e3 / median(ns[CK], rounds)));
	gw_json_double(&t, "ratio", two_digits(median(ratio, rounds)));
	gw_json_double(&t, "goal", goal);
	gw_json_double(&t, "probe_ns", two_digits(median(near, rounds)));
	gw_json_close(&t, '}');
	printf("%s\n", memory);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	size_t rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 41;
	int64_t run_ns = (argc > 2 ? strtol(argv[2], NULL, 10) : 3) * GW_NS_PER_MS;

	if (rounds < 1 || rounds > ROUNDS_MAX || run_ns <= 0)
		return 2;
	pin(0);
	figure(4096, false, 2, rounds, run_ns);
	figure(65536, false, 2, rounds, run_ns);
	figure(4096, true, 4, rounds, run_ns);
	figure(65536, true, 4, rounds, run_ns);
	return 0;
}

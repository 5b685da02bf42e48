/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ring beside Concurrency Kit's, Boost's, DPDK's and a mutex with condition variables:
 * 32-byte items, one at a time and 32 at a time, from one producer and from three. Ours and
 * Boost's have a ring per producer, drained in turn as the engine does; the others share one.
 * All in turn in every round, so that a machine that changes its mind hurts all; the medians of
 * the rounds. One JSON line a figure: millions of items a second, and ours over theirs with the
 * goal where there is one. What is not installed is not there.
 *
 *     bench_ring [ROUNDS [MS_PER_RUN]]
 */
#include "base/clock.h"
#include "base/text.h"

#include "bench_gw.h"
#include "ring_peer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ROUNDS_MAX 101
#define RUNS_MAX   8

struct run {
	const char *label;
	const struct peer *peer;
	size_t producers;
	double goal; /* ours over it; 0: none */
	void *queues[PEER_PRODUCERS];
	double ns[ROUNDS_MAX], ratio[ROUNDS_MAX];
};

struct figure {
	size_t capacity, batch, producers;
	double ck, dpdk, one; /* goals */
};

static const struct figure figures[] = {
	{.capacity = 4096, .batch = 1, .producers = 1, .ck = 2},
	{.capacity = 65536, .batch = 1, .producers = 1, .ck = 2},
	{.capacity = 4096, .batch = PEER_BATCH, .producers = 1, .ck = 4, .dpdk = 1},
	{.capacity = 65536, .batch = PEER_BATCH, .producers = 1, .ck = 4, .dpdk = 1.4},
	{.capacity = 4096, .batch = 1, .producers = PEER_PRODUCERS, .one = 0.5},
	{.capacity = 65536, .batch = 1, .producers = PEER_PRODUCERS, .one = 0.5},
	{.capacity = 4096, .batch = PEER_BATCH, .producers = PEER_PRODUCERS, .one = 0.5},
	{.capacity = 65536, .batch = PEER_BATCH, .producers = PEER_PRODUCERS, .one = 0.5},
};

struct producing {
	const struct run *run;
	size_t producer, batch;
};

static void produce(void *arg, const bool *stop)
{
	const struct producing *p = arg;
	const struct run *run = p->run;

	run->peer->produce(run->queues[run->peer->shared ? 0 : p->producer], p->producer,
		p->batch, stop);
}

struct consuming {
	struct run *run;
	size_t batch;
	double ns; /* an item */
};

static void consume(void *arg, const bool *stop)
{
	struct consuming *c = arg;
	int64_t begun_ns = bench_now_ns();
	struct peer_taken taken = c->run->peer->consume(
		c->run->queues, c->run->producers, c->batch, stop);

	if (taken.wrong) {
		fprintf(stderr, "%s: %" PRIu64 " items out of order\n", c->run->label,
			taken.wrong);
		exit(1);
	}
	c->ns = (double)(taken.end_ns - begun_ns) / (double)taken.n;
}

/* Nanoseconds an item. More threads than processors go where they like. */
static double go(struct run *run, size_t batch, int64_t run_ns)
{
	bool crowd = run->producers > 1;
	struct consuming consuming = {.run = run, .batch = batch};
	struct producing producing[PEER_PRODUCERS];
	struct bench_thread threads[PEER_PRODUCERS + 1] = {
		{consume, &consuming, crowd ? -1 : 0}};

	for (size_t i = 0; i < run->producers; i++) {
		producing[i] = (struct producing){run, i, batch};
		threads[1 + i] = (struct bench_thread){
			produce, &producing[i], crowd ? -1 : 1};
	}
	bench_together(threads, 1 + run->producers, run_ns);
	return consuming.ns;
}

static size_t line_up(const struct figure *f, struct run *runs)
{
	const struct run all[RUNS_MAX] = {
		{.label = "ours", .peer = &peer_ours, .producers = f->producers},
		{.label = f->one > 0 ? "ours_one" : NULL,
			.peer = &peer_ours,
			.producers = 1,
			.goal = f->one},
#if defined(HAVE_CK)
		{.label = "ck",
			.peer = f->producers == 1 ? &peer_ck : &peer_ck_shared,
			.producers = f->producers,
			.goal = f->ck},
#endif
#if defined(HAVE_BOOST)
		{.label = "boost", .peer = &peer_boost, .producers = f->producers},
#endif
#if defined(HAVE_DPDK)
		{.label = "dpdk",
			.peer = f->producers == 1 ? &peer_dpdk : &peer_dpdk_shared,
			.producers = f->producers,
			.goal = f->dpdk},
#endif
		{.label = "mutex", .peer = &peer_mutex, .producers = f->producers},
	};
	size_t n = 0;

	for (size_t i = 0; i < RUNS_MAX; i++) {
		if (!all[i].label)
			continue;
		runs[n] = all[i];
		for (size_t k = 0; k < (runs[n].peer->shared ? 1 : runs[n].producers); k++)
			if (!(runs[n].queues[k] = runs[n].peer->make(f->capacity)))
				abort();
		n++;
	}
	return n;
}

static void report(
	const struct figure *f, struct run *runs, size_t n, size_t rounds, double probe_ns)
{
	char memory[1024];
	struct gw_text t;

	gw_text_init(&t, memory, sizeof memory);
	gw_json_open(&t, NULL, '{');
	gw_json_string(&t, "bench", "ring");
	gw_json_string(&t, "mode", f->batch == 1 ? "item" : "batch-32");
	gw_json_int(&t, "capacity", (int64_t)f->capacity);
	gw_json_int(&t, "producers", (int64_t)f->producers);
	for (size_t k = 0; k < n; k++)
		bench_put(&t, runs[k].label, "mops", runs[k].ns, k ? runs[k].ratio : NULL,
			rounds, runs[k].goal);
	gw_json_double(&t, "probe_ns", bench_two_digits(probe_ns));
	gw_json_close(&t, '}');
	printf("%s\n", memory);
	fflush(stdout);
}

static void measure(const struct figure *f, size_t rounds, int64_t run_ns)
{
	static struct run runs[RUNS_MAX];
	double near[ROUNDS_MAX];
	size_t n = line_up(f, runs);

	for (size_t k = 0; k < n; k++) /* warm */
		go(&runs[k], f->batch, run_ns);
	for (size_t i = 0; i < rounds; i++) {
		near[i] = bench_probe_ns();
		for (size_t k = 0; k < n; k++) {
			runs[k].ns[i] = go(&runs[k], f->batch, run_ns);
			runs[k].ratio[i] = runs[k].ns[i] / runs[0].ns[i];
		}
	}
	report(f, runs, n, rounds, bench_median(near, rounds));
	for (size_t k = 0; k < n; k++)
		for (size_t q = 0; q < PEER_PRODUCERS; q++)
			if (runs[k].queues[q])
				runs[k].peer->drop(runs[k].queues[q]);
}

int main(int argc, char **argv)
{
	size_t rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 41;
	int64_t run_ns = (argc > 2 ? strtol(argv[2], NULL, 10) : 3) * GW_NS_PER_MS;

	if (rounds < 1 || rounds > ROUNDS_MAX || run_ns <= 0 || run_ns > 80 * GW_NS_PER_MS)
		return 2;
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		puts("bench_ring: needs two processors");
		return 77;
	}
#if !defined(HAVE_CK)
	puts("without ck_ring (libck-dev)");
#endif
#if !defined(HAVE_BOOST)
	puts("without Boost.Lockfree (libboost-dev, g++)");
#endif
#if !defined(HAVE_DPDK)
	puts("without rte_ring (libdpdk-dev)");
#endif
	for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++) {
		/* Four threads take turns on two processors: longer runs, fewer of them. */
		bool crowd = figures[i].producers > 1;

		measure(&figures[i], crowd ? (rounds + 3) / 4 : rounds,
			crowd ? 12 * run_ns : run_ns);
	}
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Samples of 1,024 points in random order, each point with one limit, from one thread through a
 * ring into what watches the limits in another; pushed 32 at a time. Four ways in one run:
 *
 *     ours + engine    what ships: gw_engine_step on our ring
 *     boost + engine   the same engine fed from Boost's ring: the difference is the ring
 *     ours + loop      a table, two compares with hysteresis, one state written: no view that
 *     boost + loop     others may read, no quality, no times, no events; the difference is us
 *
 * One JSON line: millions of samples a second and ours + engine over the rest.
 *
 *     bench_rules [ROUNDS [MS_PER_RUN]]
 */
#include "base/clock.h"
#include "base/text.h"
#include "engine/engine.h"

#include "bench_gw.h"
#include "ring_peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define POINTS     BENCH_LIMITS
#define BLOCK      8192 /* samples made beforehand and pushed over and over */
#define TAKE       256  /* as many as the engine takes at a time */
#define ROUNDS_MAX 101

static struct gw_sample samples[BLOCK];

struct rule {
	double lo, hi, value;
	uint64_t state;
};

struct way {
	const char *label;
	const struct peer *peer;
	bool engine, steps; /* else plain rules; steps: takes from the ring itself */
	double goal;        /* ours + engine over it; 0: none */
	void *queue;
	struct gw_engine *e;
	struct gw_ring events;
	struct rule rules[POINTS];
	uint64_t taken;
	double ns[ROUNDS_MAX], ratio[ROUNDS_MAX]; /* a sample; over ours + engine */
};

static struct gw_time now(void)
{
	return (struct gw_time){
		.boot_ns = gw_clock_boot_ns(), .wall_ms = 1, .synced = true};
}

static void produce(void *arg, const bool *stop)
{
	const struct way *w = arg;
	size_t at = 0, went;

	while (!bench_stopped(stop)) {
		for (went = 0; went < PEER_BATCH && !bench_stopped(stop);) {
			size_t n = w->peer->push(
				w->queue, samples + at + went, PEER_BATCH - went);

			went += n;
			if (n == 0)
				bench_relax();
		}
		at = (at + PEER_BATCH) % BLOCK;
	}
}

static void judge(struct rule *rules, const struct gw_sample *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct rule *r = &rules[s[i].point];

		if (s[i].value > r->hi)
			r->state = 1;
		else if (s[i].value < r->lo)
			r->state = 0;
		r->value = s[i].value;
	}
}

static void take(struct way *w)
{
	struct gw_sample batch[TAKE];
	size_t n;

	if (w->steps) {
		gw_engine_step(w->e, now());
		w->taken = gw_ring_processed(w->queue);
		return;
	}
	n = w->peer->pop(w->queue, batch, TAKE);
	w->taken += n;
	if (n == 0)
		bench_relax();
	else if (w->engine)
		gw_engine_ingest(w->e, batch, n, now());
	else
		judge(w->rules, batch, n);
}

struct consuming {
	struct way *way;
	double ns; /* a sample */
};

static void consume(void *arg, const bool *stop)
{
	struct consuming *c = arg;
	uint64_t before = c->way->taken;
	int64_t begun_ns = bench_now_ns();

	while (!bench_stopped(stop))
		take(c->way);
	c->ns = (double)(bench_now_ns() - begun_ns) / (double)(c->way->taken - before);
}

static double go(struct way *w, int64_t run_ns)
{
	struct consuming consuming = {.way = w};
	const struct bench_thread threads[] = {{consume, &consuming, 0}, {produce, w, 1}};

	bench_together(threads, 2, run_ns);
	for (uint64_t before = w->taken - 1; before != w->taken;) { /* what is left */
		before = w->taken;
		take(w);
	}
	return consuming.ns;
}

static void make_engine(struct way *w)
{
	static const double clear = 10;

	w->e = bench_limits(90, &clear);
	if (gw_ring_init(&w->events, 64, sizeof(struct gw_event), NULL) ||
		gw_engine_add_output(w->e, &w->events, NULL, NULL) ||
		(w->steps && gw_engine_add_input(w->e, w->queue, 0, POINTS, NULL)))
		abort();
}

/* One sample over its limit must be one alarm: nobody won by not looking. */
static void prove(struct way *w)
{
	const struct gw_sample high = {.point = 7,
		.quality = GW_QUALITY_GOOD,
		.boot_ns = gw_clock_boot_ns(),
		.value = 90.5};
	size_t raised = 0;

	w->peer->push(w->queue, &high, 1);
	take(w);
	if (w->engine) {
		gw_engine_step(w->e, now());
		raised = gw_ring_count(&w->events);
	}
	for (size_t i = 0; i < POINTS; i++)
		raised += w->rules[i].state != 0;
	if (raised != 1) {
		fprintf(stderr, "%s: %zu alarms instead of one\n", w->label, raised);
		exit(1);
	}
	gw_engine_free(w->e);
	gw_ring_fini(&w->events);
	w->peer->drop(w->queue);
}

static void report(struct way *ways, size_t n, size_t rounds, double probe_ns)
{
	char memory[1024];
	struct gw_text t;

	gw_text_init(&t, memory, sizeof memory);
	gw_json_open(&t, NULL, '{');
	gw_json_string(&t, "bench", "rules");
	gw_json_int(&t, "points", POINTS);
	for (size_t k = 0; k < n; k++)
		bench_put(&t, ways[k].label, "msps", ways[k].ns, k ? ways[k].ratio : NULL,
			rounds, ways[k].goal);
	gw_json_double(&t, "probe_ns", bench_two_digits(probe_ns));
	gw_json_close(&t, '}');
	printf("%s\n", memory);
}

int main(int argc, char **argv)
{
	static struct way ways[] = {
		{.label = "ours_engine", .peer = &peer_ours, .engine = true, .steps = true},
		{.label = "ours_loop", .peer = &peer_ours},
#if defined(HAVE_BOOST)
		{.label = "boost_engine",
			.peer = &peer_boost,
			.engine = true,
			.goal = 1.15},
		{.label = "boost_loop", .peer = &peer_boost},
#endif
	};
	const size_t n = sizeof ways / sizeof ways[0];
	size_t rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 41;
	int64_t run_ns = (argc > 2 ? strtol(argv[2], NULL, 10) : 5) * GW_NS_PER_MS;
	double near[ROUNDS_MAX];
	uint64_t chance = BENCH_SEED;

	if (rounds < 1 || rounds > ROUNDS_MAX || run_ns <= 0 || run_ns >= GW_NS_PER_SEC)
		return 2;
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		puts("bench_rules: needs two processors");
		return 77;
	}
#if !defined(HAVE_BOOST)
	puts("without Boost.Lockfree (libboost-dev, g++)");
#endif
	for (size_t i = 0; i < BLOCK; i++)
		samples[i] = (struct gw_sample){
			.point = (uint32_t)(bench_random(&chance) % POINTS),
			.quality = GW_QUALITY_GOOD,
			.boot_ns = gw_clock_boot_ns(),
			.value = 20 + (double)(bench_random(&chance) % 100) / 20};
	for (size_t k = 0; k < n; k++) {
		if (!(ways[k].queue = ways[k].peer->make(4096)))
			abort();
		if (ways[k].engine)
			make_engine(&ways[k]);
		for (size_t i = 0; i < POINTS; i++)
			ways[k].rules[i] = (struct rule){.lo = 10, .hi = 90};
		go(&ways[k], run_ns); /* warm */
	}
	for (size_t i = 0; i < rounds; i++) {
		near[i] = bench_probe_ns();
		for (size_t k = 0; k < n; k++) {
			ways[k].ns[i] = go(&ways[k], run_ns);
			ways[k].ratio[i] = ways[k].ns[i] / ways[0].ns[i];
		}
	}
	report(ways, n, rounds, bench_median(near, rounds));
	for (size_t k = 0; k < n; k++)
		prove(&ways[k]);
	return 0;
}

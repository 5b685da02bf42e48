/* SPDX-License-Identifier: Apache-2.0 */
/*
 * First the race itself, as a litmus test: publish and poke against announce and look, begun
 * together, and afterwards either the look saw the element or the poke wrote the eventfd.
 * Then a ball goes to and fro between two sleepers that wait for ever: one lost wake and it
 * stays where it is. Last, several wakers feed one sleeper, as sources do the engine. A run
 * that hangs is ended by the alarm clock and fails.
 *
 *     stress_wake [ROUNDS]
 */
#include "base/wake.h"
#include "flow/ring.h"

#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define N_WAKERS 3

struct side {
	struct gw_wake wake;
	struct gw_ring ring; /* what comes to this side */
	uint64_t slept;
};

static struct side sides[2], engine;
static struct gw_ring rings[N_WAKERS];
static uint64_t rounds;

/* Sleep unless one of the rings has something. Looking once before announcing is left out, so
 * that every element meets the race. */
static void sleep_until(struct side *side, struct gw_ring *from, size_t n)
{
	size_t i;

	gw_wake_prepare(&side->wake);
	for (i = 0; i < n; i++) {
		if (gw_ring_count(&from[i]) > 0) {
			gw_wake_finish(&side->wake);
			return;
		}
	}
	side->slept++;
	gw_wake_wait(&side->wake, -1);
}

static void throw_ball(struct side *to, uint64_t ball)
{
	gw_ring_push(&to->ring, &ball, 1, sizeof(ball));
	gw_wake_poke(&to->wake);
}

/* Steps of a nanosecond or so: the moments of two threads are swept over each other. */
static void linger(uint64_t steps)
{
	volatile uint64_t i;

	for (i = 0; i < steps; i++)
		continue;
}

static void *play(void *arg)
{
	struct side *me = arg, *other = &sides[me == &sides[0]];
	uint64_t ball, i;

	for (i = 0; i < rounds; i++) {
		while (gw_ring_pop(&me->ring, &ball, 1, sizeof(ball)) == 0)
			sleep_until(me, &me->ring, 1);
		linger(i % 64);
		throw_ball(other, i);
	}
	return NULL;
}

static void *feed(void *arg)
{
	struct gw_ring *ring = arg;
	uint64_t i = 0;

	while (i < rounds) {
		if (gw_ring_push(ring, &i, 1, sizeof(i)) == 0)
			continue;
		gw_wake_poke(&engine.wake);
		i++;
	}
	return NULL;
}

/* Many lines of cache, all last read by the other side: a publishing store waits behind them
 * while whatever is not held back by the poke's exchange runs ahead. */
struct load {
	unsigned char bytes[4096];
};

static struct gw_ring loads;
static _Atomic uint64_t gate[2];

/* Both threads leave it as nearly together as two cores can. */
static void meet(int me, uint64_t round)
{
	unsigned spins = 0;

	atomic_store(&gate[me], round);
	while (atomic_load(&gate[!me]) < round)
		if (++spins % 1024 == 0)
			sched_yield();
}

static void *poke_at_gate(void *arg)
{
	static struct load load;
	uint64_t i;

	(void)arg;
	for (i = 1; i <= rounds; i++) {
		meet(1, 2 * i);
		linger(i % 31);
		gw_ring_push(&loads, &load, 1, sizeof(load));
		gw_wake_poke(&engine.wake);
		meet(1, 2 * i + 1);
	}
	return NULL;
}

static bool litmus(void)
{
	struct gw_wake *w = &engine.wake;
	struct pollfd p = {.fd = w->fd, .events = POLLIN};
	static struct load load;
	uint64_t i, lost = 0, seen = 0;
	pthread_t waker;
	bool looked;

	if (pthread_create(&waker, NULL, poke_at_gate, NULL) != 0)
		return false;
	for (i = 1; i <= rounds; i++) {
		meet(0, 2 * i);
		linger(i * 37 % 4096);
		gw_wake_prepare(w);
		looked = gw_ring_count(&loads) > 0;
		meet(0, 2 * i + 1);
		seen += looked;
		lost += !looked && poll(&p, 1, 0) != 1;
		gw_wake_finish(w);
		gw_ring_pop(&loads, &load, 1, sizeof(load));
	}
	pthread_join(waker, NULL);
	printf("litmus: %" PRIu64 " rounds, seen in %" PRIu64 ", lost in %" PRIu64 "\n",
		rounds, seen, lost);
	return lost == 0;
}

static bool start_stop(void *(*run)(void *), void *args[], size_t n, uint64_t drain)
{
	pthread_t threads[N_WAKERS];
	uint64_t got = 0, v[16];
	size_t i;

	for (i = 0; i < n; i++)
		if (pthread_create(&threads[i], NULL, run, args[i]) != 0)
			return false;
	while (got < drain) {
		uint64_t before = got;

		for (i = 0; i < N_WAKERS; i++)
			got += gw_ring_pop(&rings[i], v, 16, sizeof(v[0]));
		if (got == before)
			sleep_until(&engine, rings, N_WAKERS);
	}
	for (i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	return true;
}

int main(int argc, char **argv)
{
	void *players[2] = {&sides[0], &sides[1]}, *wakers[N_WAKERS];
	bool good = gw_wake_init(&engine.wake, NULL) == GW_OK &&
		gw_ring_init(&loads, 2, sizeof(struct load), NULL) == GW_OK;
	size_t i;

	rounds = argc > 1 ? strtoull(argv[1], NULL, 10) : 50000;
	for (i = 0; i < 2; i++)
		good = good && gw_wake_init(&sides[i].wake, NULL) == GW_OK &&
			gw_ring_init(&sides[i].ring, 2, sizeof(uint64_t), NULL) == GW_OK;
	for (i = 0; i < N_WAKERS; i++) {
		wakers[i] = &rings[i];
		good = good &&
			gw_ring_init(&rings[i], 256, sizeof(uint64_t), NULL) == GW_OK;
	}
	alarm(60);
	good = good && litmus();
	throw_ball(&sides[0], 0);
	good = good && start_stop(play, players, 2, 0);
	printf("ball: %" PRIu64 " rounds, %" PRIu64 " sleeps\n", rounds,
		sides[0].slept + sides[1].slept);
	good = good && start_stop(feed, wakers, N_WAKERS, N_WAKERS * rounds);
	printf("%d wakers: %" PRIu64 " pokes each, %" PRIu64 " sleeps\n", N_WAKERS, rounds,
		engine.slept);
	for (i = 0; i < 2; i++) {
		gw_wake_fini(&sides[i].wake);
		gw_ring_fini(&sides[i].ring);
	}
	for (i = 0; i < N_WAKERS; i++)
		gw_ring_fini(&rings[i]);
	gw_ring_fini(&loads);
	gw_wake_fini(&engine.wake);
	return good ? 0 : 1;
}

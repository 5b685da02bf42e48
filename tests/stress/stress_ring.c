/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two threads pass numbered elements through a ring in batches of random length; the consumer
 * checks that each arrives once, whole and in order. Meant for ThreadSanitizer, true anywhere.
 *
 *     stress_ring [ELEMENTS]
 */
#include "flow/ring.h"

#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BATCH_MAX 64

struct item {
	uint64_t number, twice, not_number, zero;
};

struct run {
	struct gw_ring ring;
	uint64_t n;
};

static uint64_t next_random(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

static void *produce(void *arg)
{
	struct run *run = arg;
	struct item items[BATCH_MAX];
	uint64_t sent = 0, x = 88172645463325252u, i;
	size_t n;

	while (sent < run->n) {
		n = 1 + next_random(&x) % BATCH_MAX;
		if (n > run->n - sent)
			n = (size_t)(run->n - sent);
		for (i = 0; i < n; i++)
			items[i] = (struct item){sent + i, 2 * (sent + i), ~(sent + i), 0};
		n = gw_ring_push(&run->ring, items, n, sizeof(items[0]));
		sent += n;
		if (n == 0)
			sched_yield();
	}
	return NULL;
}

static bool consume(struct run *run)
{
	struct item items[BATCH_MAX];
	uint64_t got = 0, x = 1181783497276652981u;
	const struct item *at;
	const void *inside;
	bool look;
	size_t n, i;

	while (got < run->n) {
		n = 1 + next_random(&x) % BATCH_MAX;
		look = x % 3 == 0; /* now and then where they lie */
		n = look ? gw_ring_peek(&run->ring, &inside, n)
			 : gw_ring_pop(&run->ring, items, n, sizeof(items[0]));
		at = look ? inside : items;
		if (n == 0)
			sched_yield();
		for (i = 0; i < n; i++, got++) {
			if (at[i].number == got && at[i].twice == 2 * got &&
				at[i].not_number == ~got && at[i].zero == 0)
				continue;
			fprintf(stderr, "element %" PRIu64 ": got %" PRIu64 "\n", got,
				at[i].number);
			return false;
		}
		if (look)
			gw_ring_drop(&run->ring, n);
	}
	return gw_ring_count(&run->ring) == 0;
}

static bool pass(size_t capacity, uint64_t n)
{
	struct run run = {.n = n};
	struct gw_error err;
	pthread_t producer;
	bool good;

	if (gw_ring_init(&run.ring, capacity, sizeof(struct item), &err) != GW_OK ||
		pthread_create(&producer, NULL, produce, &run) != 0) {
		fprintf(stderr, "cannot start\n");
		return false;
	}
	good = consume(&run);
	if (!good)
		_exit(1); /* the producer waits for room for ever */
	pthread_join(producer, NULL);
	gw_ring_fini(&run.ring);
	printf("capacity %zu: %" PRIu64 " elements in order\n", capacity, n);
	return true;
}

int main(int argc, char **argv)
{
	uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 4000000;

	return pass(2, n / 8) && pass(8, n / 2) && pass(4096, n) ? 0 : 1;
}

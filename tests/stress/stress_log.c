/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Four threads push numbered lines of varying length into one log ring; the consumer checks that
 * each is whole, that those of one thread come in order, and that what came and what was refused
 * is all there was. Meant for ThreadSanitizer, true anywhere.
 *
 *     stress_log [LINES]
 */
#include "base/log_ring.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PRODUCERS 4

static struct gw_log_ring ring;
static unsigned long lines;
static _Atomic unsigned running;

static int make(char *line, unsigned producer, unsigned long number)
{
	return sprintf(line, "%u %lu %.*s|\n", producer, number, (int)(number * 7 % 900),
		"....................................................................."
		"....................................................................."
		"....................................................................."
		"....................................................................."
		"....................................................................."
		"....................................................................."
		"....................................................................."
		"....................................................................."
		"....................................................................."
		"....................................................................."
		"....................................................................."
		"....................................................................."
		".....................................................................");
}

static void *produce(void *arg)
{
	unsigned producer = (unsigned)(size_t)arg;
	char line[GW_LOG_LINE_MAX];
	size_t refused = 0;

	for (unsigned long i = 0; i < lines; i++) {
		int n = make(line, producer, i);

		if (!gw_log_ring_push(&ring, line, (size_t)n)) {
			refused++;
			sched_yield();
		}
	}
	atomic_fetch_sub_explicit(&running, 1, memory_order_release);
	return (void *)refused;
}

int main(int argc, char **argv)
{
	unsigned long next[PRODUCERS] = {0}, came = 0, refused = 0;
	char line[GW_LOG_LINE_MAX + 1], wanted[GW_LOG_LINE_MAX];
	pthread_t threads[PRODUCERS];
	size_t n;

	lines = argc > 1 ? strtoul(argv[1], NULL, 10) : 200000;
	atomic_store_explicit(&running, PRODUCERS, memory_order_relaxed);
	for (size_t i = 0; i < PRODUCERS; i++)
		if (pthread_create(&threads[i], NULL, produce, (void *)i) != 0)
			return 1;
	for (;;) {
		bool last = atomic_load_explicit(&running, memory_order_acquire) == 0;
		unsigned producer;
		unsigned long number;

		n = gw_log_ring_pop(&ring, line);
		if (n == 0 && last)
			break;
		if (n == 0) {
			sched_yield();
			continue;
		}
		line[n] = '\0';
		if (sscanf(line, "%u %lu", &producer, &number) != 2 ||
			producer >= PRODUCERS || number < next[producer] ||
			make(wanted, producer, number) != (int)n ||
			memcmp(line, wanted, n) != 0) {
			fprintf(stderr, "not a line of anybody's turn: %s\n", line);
			return 1;
		}
		next[producer] = number + 1;
		came++;
	}
	for (size_t i = 0; i < PRODUCERS; i++) {
		void *one;

		pthread_join(threads[i], &one);
		refused += (size_t)one;
	}
	printf("%lu lines came, %lu were refused\n", came, refused);
	return came > 0 && came + refused == PRODUCERS * lines ? 0 : 1;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From push to event inside one process: a thread puts a sample that crosses its limit into a
 * source's ring, the engine's own thread (engine/engine_thread.c) takes it, and the event is
 * awaited at an output ring. Beside it, in turn, a ping-pong over two eventfds between the same
 * thread and one that stands in for the engine's, on its processor.
 *
 *     sleep    both sides sleep, so each trip takes two wakes; the ping-pong's reads block
 *     awake    the engine has just dealt with other samples, and the output is looked at all the
 *              time; the ping-pong reads over and over without blocking
 *
 * One JSON line each: microseconds there and back, ours over the ping-pong's. A run has parts
 * with quantiles of their own, and what is told is the median of the parts: a host that is busy
 * for a second spoils one of them.
 *
 *     bench_event [PARTS [TRIPS]]
 */
#include "base/clock.h"
#include "base/text.h"
#include "engine/engine_thread.h"

#include "bench.h"
#include "bench_gw.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define POINTS  BENCH_LIMITS
#define LIMIT   50
#define REST_NS 200000   /* between trips: both sides fall asleep */
#define BUSY_NS 10000    /* of other samples before a trip: the engine is awake */
#define PACE_NS 500      /* between those */
#define WARM_NS 20000000 /* of that before the first trip */
#define WARM    100      /* trips that do not count */

static struct gw_engine_thread engine_thread;
static struct gw_ring samples, events;
static struct gw_wake event_wake;
static bool high[POINTS]; /* the point's last value was above the limit */

struct pong {
	int there, back; /* eventfds; blocking or not */
	size_t trips;
};

static void await(int fd)
{
	uint64_t ball;

	while (read(fd, &ball, sizeof ball) != sizeof ball)
		bench_relax();
}

static void throw(int fd)
{
	const uint64_t ball = 1;

	if (write(fd, &ball, sizeof ball) != sizeof ball)
		abort();
}

static void *echo(void *arg)
{
	const struct pong *p = arg;

	bench_pin(0);
	for (size_t i = 0; i < p->trips; i++) {
		await(p->there);
		throw(p->back);
	}
	return NULL;
}

static double ping(const struct pong *p)
{
	int64_t begun_ns = gw_clock_boot_ns();

	throw(p->there);
	await(p->back);
	return (double)(gw_clock_boot_ns() - begun_ns) / 1e3;
}

static void begin_pong(pthread_t *thread, size_t trips, int flags, struct pong *p)
{
	*p = (struct pong){eventfd(0, flags), eventfd(0, flags), trips};
	if (p->there < 0 || p->back < 0 || pthread_create(thread, NULL, echo, p) != 0)
		abort();
}

static void end_pong(pthread_t thread, const struct pong *p)
{
	pthread_join(thread, NULL);
	close(p->there);
	close(p->back);
}

static uint32_t any_point(void)
{
	static uint64_t state = BENCH_SEED;

	return (uint32_t)(bench_random(&state) % POINTS);
}

/* As a source does it. */
static void push(uint32_t point)
{
	const struct gw_sample s = {.point = point,
		.quality = GW_QUALITY_GOOD,
		.boot_ns = gw_clock_boot_ns(),
		.value = high[point] ? LIMIT + 1 : LIMIT - 1};

	while (gw_ring_push(&samples, &s, 1, sizeof s) == 0)
		bench_relax();
	gw_wake_poke(&engine_thread.wake);
}

/* Until there is an event; asleep if it takes long, as the store is. */
static double cross(bool sleep)
{
	uint32_t point = any_point();
	int64_t begun_ns = gw_clock_boot_ns();
	struct gw_event event;

	high[point] = !high[point];
	push(point);
	while (gw_ring_pop(&events, &event, 1, sizeof event) == 0) {
		if (!sleep) {
			bench_relax();
			continue;
		}
		gw_wake_prepare(&event_wake);
		if (gw_ring_count(&events) > 0)
			gw_wake_finish(&event_wake);
		else
			gw_wake_wait(&event_wake, -1);
	}
	begun_ns = gw_clock_boot_ns() - begun_ns;
	if (event.change != (high[point] ? GW_CHANGE_RAISED : GW_CHANGE_CLEARED) ||
		gw_ring_count(&events) > 0) {
		fprintf(stderr, "not the event that was waited for\n");
		exit(1);
	}
	return (double)begun_ns / 1e3;
}

static void rest(void)
{
	const struct timespec length = {.tv_nsec = REST_NS};

	nanosleep(&length, NULL);
}

static void keep_busy(void)
{
	int64_t now_ns = gw_clock_boot_ns(), end_ns = now_ns + BUSY_NS, next_ns = now_ns;

	for (; now_ns < end_ns; now_ns = gw_clock_boot_ns()) {
		if (now_ns < next_ns)
			continue;
		push(any_point());
		next_ns = now_ns + PACE_NS;
	}
	while (gw_ring_processed(&samples) != gw_ring_head(&samples))
		bench_relax();
}

static void measure_sleep(double *ours, double *theirs, size_t trips)
{
	pthread_t thread;
	struct pong p;

	begin_pong(&thread, trips, 0, &p);
	for (size_t i = 0; i < trips; i++) {
		rest();
		ours[i] = cross(true);
		rest();
		theirs[i] = ping(&p);
	}
	end_pong(thread, &p);
}

static void measure_awake(double *ours, double *theirs, size_t trips)
{
	int64_t end_ns = gw_clock_boot_ns() + WARM_NS;
	pthread_t thread;
	struct pong p;

	while (gw_clock_boot_ns() < end_ns) {
		keep_busy();
		cross(false);
	}
	for (size_t i = 0; i < trips; i++) {
		keep_busy();
		ours[i] = cross(false);
	}
	begin_pong(&thread, WARM + trips, EFD_NONBLOCK, &p);
	for (size_t i = 0; i < WARM; i++)
		ping(&p);
	for (size_t i = 0; i < trips; i++)
		theirs[i] = ping(&p);
	end_pong(thread, &p);
}

static const struct {
	const char *name;
	double q;
} rows[] = {{"p50", 0.5}, {"p99", 0.99}, {"p999", 0.999}};

#define ROWS      (sizeof rows / sizeof rows[0])
#define PARTS_MAX 101

struct mode {
	const char *name;
	void (*measure)(double *ours, double *theirs, size_t trips);
	double ours[ROWS][PARTS_MAX], theirs[ROWS][PARTS_MAX], ratio[ROWS][PARTS_MAX];
	double probe_ns[PARTS_MAX];
};

static void measure(struct mode *m, size_t part, double *ours, double *theirs, size_t trips)
{
	m->probe_ns[part] = bench_probe_ns();
	bench_pin(1);
	m->measure(ours, theirs, trips);
	for (size_t i = 0; i < ROWS; i++) {
		m->ours[i][part] = bench_quantile(ours, trips, rows[i].q);
		m->theirs[i][part] = bench_quantile(theirs, trips, rows[i].q);
		m->ratio[i][part] = m->ours[i][part] / m->theirs[i][part];
	}
}

static void report(struct mode *m, size_t parts)
{
	char memory[1024], key[32];
	struct gw_text t;

	gw_text_init(&t, memory, sizeof memory);
	gw_json_open(&t, NULL, '{');
	gw_json_string(&t, "bench", "event");
	gw_json_string(&t, "mode", m->name);
	for (size_t i = 0; i < ROWS; i++) {
		snprintf(key, sizeof key, "ours_%s_us", rows[i].name);
		gw_json_double(&t, key, bench_two_digits(bench_median(m->ours[i], parts)));
		snprintf(key, sizeof key, "eventfd_%s_us", rows[i].name);
		gw_json_double(
			&t, key, bench_two_digits(bench_median(m->theirs[i], parts)));
		snprintf(key, sizeof key, "%s_ratio", rows[i].name);
		gw_json_double(&t, key, bench_two_digits(bench_median(m->ratio[i], parts)));
	}
	gw_json_double(&t, "p99_goal", 1.5);
	gw_json_double(&t, "probe_ns", bench_two_digits(bench_median(m->probe_ns, parts)));
	gw_json_close(&t, '}');
	printf("%s\n", memory);
}

static struct gw_engine *make_engine(void)
{
	struct gw_engine *e = bench_limits(LIMIT, NULL);

	if (gw_ring_init(&samples, 4096, sizeof(struct gw_sample), NULL) ||
		gw_ring_init(&events, 64, sizeof(struct gw_event), NULL) ||
		gw_wake_init(&event_wake, NULL) ||
		gw_engine_add_input(e, &samples, 0, POINTS, NULL) ||
		gw_engine_add_output(e, &events, &event_wake, NULL))
		abort();
	return e;
}

int main(int argc, char **argv)
{
	static struct mode modes[] = {
		{.name = "awake", .measure = measure_awake},
		{.name = "sleep", .measure = measure_sleep},
	};
	size_t parts = argc > 1 ? strtoul(argv[1], NULL, 10) : 11;
	size_t trips = argc > 2 ? strtoul(argv[2], NULL, 10) : 2000;
	double *ours = calloc(trips, sizeof *ours), *theirs = calloc(trips, sizeof *theirs);
	struct gw_engine *e = make_engine();

	if (parts < 1 || parts > PARTS_MAX || trips < 1 || !ours || !theirs)
		return 2;
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		puts("bench_event: needs two processors");
		return 77;
	}
	bench_pin(0); /* the engine's thread stays where it is made */
	if (gw_engine_thread_init(&engine_thread, NULL) ||
		gw_engine_thread_start(&engine_thread, e, NULL))
		abort();
	for (size_t i = 0; i < parts; i++)
		for (size_t k = 0; k < 2; k++)
			measure(&modes[k], i, ours, theirs, trips);
	for (size_t k = 0; k < 2; k++)
		report(&modes[k], parts);
	gw_engine_thread_fini(&engine_thread);
	gw_engine_free(e);
	gw_wake_fini(&event_wake);
	gw_ring_fini(&events);
	gw_ring_fini(&samples);
	free(ours);
	free(theirs);
	return 0;
}

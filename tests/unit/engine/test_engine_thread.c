/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "engine/engine_thread.h"

#include "tests/unit/fixture/real_call.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static const struct gw_site_info site = {
	.gateway = "box", .unit = "", .area = "", .grid = ""};
static const struct gw_point_info point = {.key = "s/d/p"};

static struct gw_ring in;
static struct gw_engine_thread engine_thread;
static struct gw_engine *engine;

/* The engine's thread asks for wall time once a step, after it has looked whether it shall stop.
 * Its other clock goes on with each look at it. */
static bool stops_at_once;
static _Atomic bool stuck, waits_for_ask; /* in a step; until main asks for the engine */
static _Atomic bool is_stuck;
static pthread_t main_thread;
static size_t looks_of_step;
static _Atomic int64_t engine_ns;
static _Atomic size_t looks;
static _Atomic bool comes; /* a sample, while the engine looks on; nobody pokes */
static _Atomic size_t sleeps;

/* Displaces libc's: what the engine's thread sleeps in. */
int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
	const sigset_t *signals)
{
	static int (*real)(
		struct pollfd *, nfds_t, const struct timespec *, const sigset_t *);

	if (real == NULL)
		*(void **)&real = real_call("ppoll");
	sleeps++;
	return real(fds, n, timeout, signals);
}

/* What the two sides wait in, likewise: once a signal interrupts it, or the time is up although the
 * thread has just let go of the engine. */
static _Atomic bool main_interrupted, thread_interrupted, too_late;

int sem_wait(sem_t *sem)
{
	static int (*real)(sem_t *);

	if (real == NULL)
		*(void **)&real = real_call("sem_wait");
	if (sem == &engine_thread.resumed && atomic_exchange(&thread_interrupted, false)) {
		errno = EINTR;
		return -1;
	}
	return real(sem);
}

int sem_clockwait(sem_t *sem, clockid_t clock, const struct timespec *until)
{
	static int (*real)(sem_t *, clockid_t, const struct timespec *);

	if (real == NULL)
		*(void **)&real = real_call("sem_clockwait");
	if (atomic_exchange(&main_interrupted, false)) {
		errno = EINTR;
		return -1;
	}
	if (atomic_exchange(&too_late, false)) {
		int value = 0;

		while (value == 0) {
			sched_yield();
			sem_getvalue(sem, &value);
		}
		errno = ETIMEDOUT;
		return -1;
	}
	return real(sem, clock, until);
}

static int64_t real_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec * GW_NS_PER_SEC + t.tv_nsec;
}

int64_t gw_clock_boot_ns(void)
{
	if (pthread_equal(pthread_self(), main_thread))
		return real_ns();
	looks++;
	if (++looks_of_step == 3 && atomic_exchange(&comes, false)) {
		const struct gw_sample s = {
			.quality = GW_QUALITY_GOOD, .boot_ns = 1, .value = 1};

		gw_ring_push(&in, &s, 1, sizeof s);
	}
	return atomic_fetch_add(&engine_ns, 1000) + 1000;
}

int64_t gw_clock_wall_ms(void)
{
	looks_of_step = 0;
	if (stops_at_once) { /* it is awake still */
		gw_thread_request_stop(&engine_thread.thread);
		gw_wake_poke(&engine_thread.wake);
	}
	while (atomic_load(&stuck)) {
		is_stuck = true;
		sched_yield();
	}
	if (atomic_exchange(&waits_for_ask, false))
		while (atomic_load(&engine_thread.halt_state) == 0)
			sched_yield();
	return 0;
}

bool gw_clock_synced(void)
{
	return true;
}

void gw_clock_boot_id(char ret_id[37])
{
	memset(ret_id, 0, 37);
}

static void begin(void)
{
	assert_int_equal(gw_ring_init(&in, 1024, sizeof(struct gw_sample), NULL), GW_OK);
	assert_int_equal(gw_engine_new(&(struct gw_engine_opts){.site = &site,
					       .points = &point,
					       .n_points = 1,
					       .n_inputs = 1},
				 &engine, NULL),
		GW_OK);
	assert_int_equal(gw_engine_add_input(engine, &in, 0, 1, NULL), GW_OK);
	engine_ns = real_ns();
	assert_int_equal(gw_engine_thread_init(&engine_thread, NULL), GW_OK);
	assert_int_equal(gw_engine_thread_start(&engine_thread, engine, NULL), GW_OK);
}

static void end(void)
{
	gw_engine_thread_fini(&engine_thread);
	gw_engine_free(engine);
	gw_ring_fini(&in);
}

static void until_asleep(void)
{
	while (!atomic_load(&engine_thread.wake.sleeping))
		sched_yield();
}

/* Poke it; how often it looked at the clock before it slept again. */
static size_t wake(bool one_comes)
{
	size_t before = looks;

	comes = one_comes;
	gw_wake_poke(&engine_thread.wake);
	until_asleep();
	return looks - before;
}

static void a_stop_request_wakes_the_thread(void **unused)
{
	(void)unused;
	stops_at_once = true;
	sleeps = 0;
	begin();
	gw_thread_join(&engine_thread.thread);
	assert_int_equal(sleeps, 0);
	end();
	stops_at_once = false;
}

static void input_that_comes_soon_is_taken_without_a_sleep(void **unused)
{
	(void)unused;
	begin();
	until_asleep();
	assert_int_equal(gw_ring_processed(&in), 0);
	wake(true);
	assert_int_equal(gw_ring_processed(&in), 1);
	end();
}

/* Each look at the clock is 1 us. */
static void spinning_in_vain_has_an_end(void **unused)
{
	size_t n, fewest = SIZE_MAX;

	(void)unused;
	begin();
	until_asleep();
	assert_in_range(wake(false), 4, 7);
	for (int i = 0; i < 40; i++)
		wake(false);
	while ((n = wake(false)) < fewest) /* once a second it wakes by itself, too */
		fewest = n;
	assert_int_equal(fewest, 1);
	atomic_fetch_add(&engine_ns, 20 * GW_NS_PER_MS);
	assert_in_range(wake(false), 4, 7); /* a try now and then */
	end();
}

/* Main has the engine between pause and resume, asleep or at work; another one goes on. */
static void a_pause_hands_the_engine_over(void **unused)
{
	struct gw_sample sample = {.quality = GW_QUALITY_GOOD};
	struct gw_engine *old;

	(void)unused;
	begin();
	for (int i = 0; i < 200; i++) {
		if (i % 2)
			until_asleep();
		assert_int_equal(
			gw_engine_thread_halt(&engine_thread, 10 * GW_NS_PER_SEC, NULL), 0);
		assert_int_equal(gw_ring_push(&in, &sample, 1, sizeof sample), 1);
		gw_wake_poke(&engine_thread.wake);
		assert_int_equal(gw_ring_count(&in), 1); /* nobody takes it */
		old = engine;
		assert_int_equal(gw_engine_new(&(struct gw_engine_opts){.site = &site,
						       .points = &point,
						       .n_points = 1,
						       .n_inputs = 1},
					 &engine, NULL),
			GW_OK);
		assert_int_equal(gw_engine_add_input(engine, &in, 0, 1, NULL), GW_OK);
		gw_engine_thread_resume(&engine_thread, engine);
		gw_engine_free(old);
		while (gw_ring_processed(&in) < (uint64_t)i + 1)
			sched_yield();
	}
	end();
}

static void a_short_wait_is_spun_only_if_it_pays(void **unused)
{
	(void)unused;
	begin();
	until_asleep();
	for (int i = 0; i < 60; i++)
		wake(true);
	assert_int_equal(gw_ring_processed(&in), 60);
	end();
}

static void push(size_t n)
{
	const struct gw_sample s = {.quality = GW_QUALITY_GOOD, .boot_ns = 1, .value = 1};

	while (n-- > 0)
		assert_int_equal(gw_ring_push(&in, &s, 1, sizeof s), 1);
	gw_wake_poke(&engine_thread.wake);
}

static void until_stepped(uint64_t n)
{
	while (gw_ring_processed(&in) < n)
		sched_yield();
}

/* It is in a step for longer than main has patience: main is told so, nothing is lost, and the next
 * ask is answered. */
static void an_engine_that_does_not_answer(void **unused)
{
	struct gw_error err;

	(void)unused;
	begin();
	until_asleep();
	is_stuck = false;
	stuck = true;
	push(1);
	while (!atomic_load(&is_stuck))
		sched_yield();
	assert_int_equal(gw_engine_thread_halt(&engine_thread, 10 * GW_NS_PER_MS, &err),
		GW_ERR_TIMEOUT);
	assert_string_equal(err.text, "the engine does not answer");
	stuck = false;
	until_stepped(1);
	assert_int_equal(
		gw_engine_thread_halt(&engine_thread, 10 * GW_NS_PER_SEC, &err), GW_OK);
	push(1);
	gw_engine_thread_resume(&engine_thread, engine);
	until_stepped(2);
	end();
}

/* Main's time is up in the moment in which the thread lets go: it has the engine. */
static void an_answer_in_the_last_moment(void **unused)
{
	(void)unused;
	begin();
	too_late = true;
	assert_int_equal(gw_engine_thread_halt(&engine_thread, GW_NS_PER_SEC, NULL), GW_OK);
	push(1);
	assert_int_equal(gw_ring_count(&in), 1);
	gw_engine_thread_resume(&engine_thread, engine);
	until_stepped(1);
	end();
}

static void signals_end_no_wait(void **unused)
{
	(void)unused;
	begin();
	until_asleep();
	main_interrupted = thread_interrupted = true;
	assert_int_equal(
		gw_engine_thread_halt(&engine_thread, 10 * GW_NS_PER_SEC, NULL), GW_OK);
	while (atomic_load(&thread_interrupted))
		sched_yield();
	push(1);
	assert_int_equal(gw_ring_count(&in), 1); /* the thread still waits */
	gw_engine_thread_resume(&engine_thread, engine);
	until_stepped(1);
	end();
}

/* Samples that never end do not keep the engine from main. */
static void an_ask_amid_many_samples(void **unused)
{
	(void)unused;
	begin();
	until_asleep();
	waits_for_ask = true;
	push(1000);
	while (atomic_load(&waits_for_ask)) /* it is awake, and looks at the clock */
		sched_yield();
	assert_int_equal(
		gw_engine_thread_halt(&engine_thread, 10 * GW_NS_PER_SEC, NULL), GW_OK);
	assert_int_equal(gw_ring_processed(&in), 256); /* one step */
	gw_engine_thread_resume(&engine_thread, engine);
	until_stepped(1000);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stop_request_wakes_the_thread),
		cmocka_unit_test(input_that_comes_soon_is_taken_without_a_sleep),
		cmocka_unit_test(spinning_in_vain_has_an_end),
		cmocka_unit_test(a_short_wait_is_spun_only_if_it_pays),
		cmocka_unit_test(a_pause_hands_the_engine_over),
		cmocka_unit_test(an_engine_that_does_not_answer),
		cmocka_unit_test(an_answer_in_the_last_moment),
		cmocka_unit_test(signals_end_no_wait),
		cmocka_unit_test(an_ask_amid_many_samples),
	};

	main_thread = pthread_self();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

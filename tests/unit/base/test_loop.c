/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/loop.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct gw_loop loop;
static char order[32];

static int setup(void **state)
{
	(void)state;
	order[0] = '\0';
	return gw_loop_init(&loop, NULL) == GW_OK ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	gw_loop_fini(&loop);
	gw_loop_fini(&loop);
	return 0;
}

static void note_timer(void *arg, int64_t now_ns)
{
	(void)now_ns;
	strcat(order, arg);
}

static struct gw_loop_timer again = {0};

static int fired;

static void rearm(void *arg, int64_t now_ns)
{
	(void)arg;
	fired++;
	gw_loop_arm(&loop, &again, now_ns - 1); /* always for the past */
}

static void timers_fire_in_order_and_once(void **state)
{
	struct gw_loop_timer a = {.fire = note_timer, .arg = (char[]){"a"}};
	struct gw_loop_timer b = {.fire = note_timer, .arg = (char[]){"b"}};
	struct gw_loop_timer c = {.fire = note_timer, .arg = (char[]){"c"}};
	struct gw_loop_timer late = {.fire = note_timer, .arg = (char[]){"!"}};
	int64_t now_ns = gw_clock_boot_ns();

	(void)state;
	gw_loop_arm(&loop, &b, now_ns - 20);
	gw_loop_arm(&loop, &late, now_ns + 3600 * GW_NS_PER_SEC);
	gw_loop_arm(&loop, &c, now_ns + 3600 * GW_NS_PER_SEC);
	gw_loop_arm(&loop, &a, now_ns - 30);
	gw_loop_arm(&loop, &c, now_ns - 10); /* moves */
	assert_int_equal(gw_loop_once(&loop, -1, NULL), GW_OK);
	assert_string_equal(order, "abc");
	gw_loop_disarm(&loop, &late);
	gw_loop_disarm(&loop, &late);
	assert_int_equal(gw_loop_once(&loop, 0, NULL), GW_OK);
	assert_string_equal(order, "abc");
}

static void a_timer_wakes_the_sleep_and_not_before_its_time(void **state)
{
	struct gw_loop_timer a = {.fire = note_timer, .arg = (char[]){"a"}};
	int64_t due_ns = gw_clock_boot_ns() + 30 * GW_NS_PER_MS;

	(void)state;
	gw_loop_arm(&loop, &a, due_ns);
	while (!order[0])
		assert_int_equal(gw_loop_once(&loop, -1, NULL), GW_OK);
	assert_true(gw_clock_boot_ns() >= due_ns);
}

static void a_timer_armed_for_the_past_does_not_hold_the_round(void **state)
{
	(void)state;
	again = (struct gw_loop_timer){.fire = rearm};
	gw_loop_arm(&loop, &again, 0);
	assert_int_equal(gw_loop_once(&loop, 0, NULL), GW_OK);
	assert_in_range(fired, 1, 100);
	gw_loop_disarm(&loop, &again);
}

static struct gw_loop_fd first, second;

static void remove_both(void *arg, uint32_t events)
{
	(void)events;
	strcat(order, arg);
	gw_loop_remove(&loop, &first);
	gw_loop_remove(&loop, &second);
	/* as if it had been freed */
	first.ready = second.ready = NULL;
}

static void an_entry_removed_in_a_callback_is_not_called(void **state)
{
	int a[2], b[2];

	(void)state;
	assert_int_equal(pipe(a) | pipe(b), 0);
	first = (struct gw_loop_fd){.fd = a[0], .ready = remove_both, .arg = (char[]){"x"}};
	second = (struct gw_loop_fd){
		.fd = b[0], .ready = remove_both, .arg = (char[]){"x"}};
	assert_int_equal(gw_loop_add(&loop, &first, EPOLLIN, NULL), GW_OK);
	assert_int_equal(gw_loop_add(&loop, &second, EPOLLIN, NULL), GW_OK);
	assert_int_equal(write(a[1], "1", 1) + write(b[1], "1", 1), 2);
	assert_int_equal(gw_loop_once(&loop, -1, NULL), GW_OK);
	assert_int_equal(gw_loop_once(&loop, 0, NULL), GW_OK);
	assert_string_equal(order, "x"); /* both were ready in one batch */
	close(a[0]), close(a[1]), close(b[0]), close(b[1]);
}

static void stop_at_once(void *arg, uint32_t events)
{
	(void)events;
	strcat(order, arg);
	gw_loop_stop(&loop);
}

static void after_stop_nothing_is_called(void **state)
{
	struct gw_loop_timer due = {.fire = note_timer, .arg = (char[]){"!"}};
	int a[2], b[2];

	(void)state;
	assert_int_equal(pipe(a) | pipe(b), 0);
	first = (struct gw_loop_fd){
		.fd = a[0], .ready = stop_at_once, .arg = (char[]){"x"}};
	second = (struct gw_loop_fd){
		.fd = b[0], .ready = stop_at_once, .arg = (char[]){"x"}};
	assert_int_equal(gw_loop_add(&loop, &first, EPOLLIN, NULL), GW_OK);
	assert_int_equal(gw_loop_add(&loop, &second, EPOLLIN, NULL), GW_OK);
	gw_loop_arm(&loop, &due, 0);
	assert_int_equal(write(a[1], "1", 1) + write(b[1], "1", 1), 2);
	assert_int_equal(gw_loop_run(&loop, NULL), GW_OK);
	assert_string_equal(order, "x");
	close(a[0]), close(a[1]), close(b[0]), close(b[1]);
}

/* ---- a thread that publishes and pokes, thousands of times: none is overslept ---- */

#define N 20000
static _Atomic int published;
static struct gw_wake wake;
static int taken;

static void *publish(void *arg)
{
	(void)arg;
	for (int i = 1; i <= N; i++) {
		atomic_store_explicit(&published, i, memory_order_release);
		gw_wake_poke(&wake);
	}
	return NULL;
}

static bool take(void *arg)
{
	int seen = atomic_load_explicit(&published, memory_order_acquire);
	bool some = seen != taken;

	(void)arg;
	taken = seen;
	if (taken == N)
		gw_loop_stop(&loop);
	return some;
}

static void a_ring_filled_before_a_poke_is_drained(void **state)
{
	struct gw_loop_wake w = {.wake = &wake, .drain = take};
	pthread_t thread;

	(void)state;
	assert_int_equal(gw_wake_init(&wake, NULL), GW_OK);
	assert_int_equal(gw_loop_add_wake(&loop, &w, NULL), GW_OK);
	assert_int_equal(pthread_create(&thread, NULL, publish, NULL), 0);
	/* without a timer or a bound: a poke that is lost hangs here */
	assert_int_equal(gw_loop_run(&loop, NULL), GW_OK);
	pthread_join(thread, NULL);
	assert_int_equal(taken, N);
	gw_wake_fini(&wake);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(timers_fire_in_order_and_once),
		TEST(a_timer_wakes_the_sleep_and_not_before_its_time),
		TEST(a_timer_armed_for_the_past_does_not_hold_the_round),
		TEST(an_entry_removed_in_a_callback_is_not_called),
		TEST(after_stop_nothing_is_called),
		TEST(a_ring_filled_before_a_poke_is_drained),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

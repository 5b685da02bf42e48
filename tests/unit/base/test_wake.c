/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/wake.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

static struct gw_wake wake;
static struct gw_error err;

static bool fired(void)
{
	struct pollfd p = {.fd = wake.fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

static int open_wake(void **state)
{
	(void)state;
	return gw_wake_init(&wake, &err) != GW_OK;
}

static int close_wake(void **state)
{
	(void)state;
	gw_wake_fini(&wake);
	return 0;
}

static void no_system_call_while_awake(void **state)
{
	(void)state;
	gw_wake_poke(&wake);
	assert_false(fired());
}

static void a_poke_after_prepare_wakes(void **state)
{
	(void)state;
	gw_wake_prepare(&wake);
	gw_wake_poke(&wake);
	assert_true(fired());
	assert_true(gw_wake_wait(&wake, -1));
	assert_false(fired());
	gw_wake_prepare(&wake);
	assert_false(gw_wake_wait(&wake, 0)); /* one poke wakes once */
}

static void many_pokes_are_one(void **state)
{
	uint64_t n = 0;

	(void)state;
	gw_wake_prepare(&wake);
	gw_wake_poke(&wake);
	gw_wake_poke(&wake);
	gw_wake_poke(&wake);
	assert_int_equal(read(wake.fd, &n, sizeof(n)), sizeof(n));
	assert_int_equal(n, 1);
	assert_int_equal(write(wake.fd, &n, sizeof(n)), sizeof(n));
	gw_wake_finish(&wake);
	assert_false(fired());
}

static void finish_takes_the_announcement_back(void **state)
{
	(void)state;
	gw_wake_prepare(&wake);
	gw_wake_finish(&wake);
	gw_wake_poke(&wake);
	assert_false(fired());
}

static void waits_no_longer_than_asked(void **state)
{
	int64_t before = gw_clock_boot_ns(), took;

	(void)state;
	gw_wake_prepare(&wake);
	assert_false(gw_wake_wait(&wake, 20 * GW_NS_PER_MS));
	took = gw_clock_boot_ns() - before;
	assert_true(took >= 19 * GW_NS_PER_MS); /* the poll runs on another clock */
}

/* A waker took the announcement, then was held up before its write; the sleeper had gone on
 * meanwhile. The write comes into a later sleep, disturbs that one, and then is gone. */
static void a_late_write_disturbs_one_sleep_only(void **state)
{
	const uint64_t one = 1;

	(void)state;
	gw_wake_prepare(&wake);
	atomic_store(&wake.sleeping, 0); /* as the waker's exchange does */
	gw_wake_finish(&wake);
	gw_wake_prepare(&wake);
	gw_wake_poke(
		&wake); /* another waker meanwhile: its write must not hide the late one */
	assert_true(gw_wake_wait(&wake, -1));
	gw_wake_prepare(&wake);
	assert_int_equal(write(wake.fd, &one, sizeof(one)), sizeof(one));
	gw_wake_wait(&wake, -1);
	gw_wake_prepare(&wake);
	assert_false(fired());
	gw_wake_finish(&wake);
}

static void fini_takes_anything(void **state)
{
	struct gw_wake w = {0};

	(void)state;
	gw_wake_fini(&w);
	gw_wake_poke(&w);
	assert_true(fcntl(0, F_GETFD) >= 0); /* zeroed is no descriptor, not stdin */
	assert_int_equal(gw_wake_init(&w, &err), GW_OK);
	gw_wake_fini(&w);
	gw_wake_fini(&w);
}

static void never_uses_descriptor_zero(void **state)
{
	struct gw_wake w = {0};
	int saved = dup(0);

	(void)state;
	assert_true(saved > 0);
	close(0);
	assert_int_equal(gw_wake_init(&w, &err), GW_OK);
	assert_true(w.fd > 0);
	gw_wake_fini(&w);
	dup2(saved, 0);
	close(saved);
}

#define EACH(f) cmocka_unit_test_setup_teardown(f, open_wake, close_wake)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(no_system_call_while_awake),
		EACH(a_poke_after_prepare_wakes),
		EACH(many_pokes_are_one),
		EACH(finish_takes_the_announcement_back),
		EACH(waits_no_longer_than_asked),
		EACH(a_late_write_disturbs_one_sleep_only),
		cmocka_unit_test(fini_takes_anything),
		cmocka_unit_test(never_uses_descriptor_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

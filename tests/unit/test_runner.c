/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "engine/runner.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static struct gw_runner runner;

int64_t gw_clock_mono_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec * GW_NS_PER_SEC + t.tv_nsec;
}

/* The engine's thread asks this once a step, after it has looked whether it shall stop: here
 * main asks it to, when it is awake still. */
int64_t gw_clock_wall_ms(void)
{
	gw_thread_ask_stop(&runner.thread);
	gw_wake_poke(&runner.wake);
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

static void an_ask_to_stop_is_not_slept_over(void **unused)
{
	static const struct gw_site_info site = {
		.gateway = "box", .unit = "", .area = "", .grid = ""};
	struct gw_engine *engine;
	int64_t asked_ns;

	(void)unused;
	assert_int_equal(
		gw_engine_new(&(struct gw_engine_opts){.site = &site}, &engine, NULL),
		GW_OK);
	assert_int_equal(gw_runner_init(&runner, NULL), GW_OK);
	asked_ns = gw_clock_mono_ns();
	assert_int_equal(gw_runner_start(&runner, engine, NULL), GW_OK);
	gw_thread_join(&runner.thread);
	assert_true(gw_clock_mono_ns() - asked_ns < 900 * GW_NS_PER_MS);
	gw_runner_fini(&runner);
	gw_engine_free(engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_ask_to_stop_is_not_slept_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

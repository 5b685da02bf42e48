/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/runner.h"

#define LONGEST_SLEEP_NS GW_NS_PER_SEC /* for the beat */

static struct gw_time read_clocks(struct gw_runner *r)
{
	return (struct gw_time){
		.mono_ns = gw_clock_mono_ns(),
		.wall_ms = gw_clock_wall_ms(),
		.synced = atomic_load_explicit(&r->synced, memory_order_relaxed),
	};
}

static void *run(void *arg)
{
	struct gw_runner *r = arg;
	bool stop = false;

	while (!stop) {
		struct gw_time now;
		int64_t wait_ns;

		stop = gw_thread_stopping(&r->thread);
		do {
			now = read_clocks(r);
			gw_thread_beat(&r->thread, now.mono_ns);
		} while (gw_engine_step(r->engine, now));
		wait_ns = gw_engine_next_ns(r->engine) - now.mono_ns;
		if (wait_ns > LONGEST_SLEEP_NS)
			wait_ns = LONGEST_SLEEP_NS;
		gw_wake_prepare(&r->wake); /* whoever publishes from here on pokes */
		if (stop || wait_ns <= 0 || gw_thread_stopping(&r->thread) ||
			gw_engine_pending(r->engine))
			gw_wake_finish(&r->wake);
		else
			gw_wake_wait(&r->wake, wait_ns);
	}
	return NULL;
}

enum gw_err gw_runner_init(struct gw_runner *r, struct gw_error *err)
{
	*r = (struct gw_runner){.wake = {.fd = -1}};
	return gw_wake_init(&r->wake, err);
}

void gw_runner_fini(struct gw_runner *r)
{
	gw_runner_stop(r);
	gw_wake_fini(&r->wake);
}

enum gw_err gw_runner_start(
	struct gw_runner *r, struct gw_engine *engine, struct gw_error *err)
{
	r->engine = engine;
	return gw_thread_start(&r->thread, "engine", run, r, err);
}

void gw_runner_stop(struct gw_runner *r)
{
	if (!r->thread.running)
		return;
	gw_thread_ask_stop(&r->thread);
	gw_wake_poke(&r->wake);
	gw_thread_join(&r->thread);
}

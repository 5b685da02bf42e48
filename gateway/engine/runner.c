/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/runner.h"

#include "engine/inside.h"

#include <errno.h>
#include <time.h>

#define LONGEST_SLEEP_NS GW_NS_PER_SEC /* for the beat */
/* When samples come one upon the other it is cheaper, for both sides, to look on for a moment than
 * to sleep and be woken. Each time it is worth it pays for one time that it is not; besides, one
 * part of the time in so many may be spent on trying. */
#define LINGER_NS    5000
#define LINGER_LOOKS 256 /* should the clock stand still */
#define TRY_SHARE    2000
#define CREDIT_MAX   (20 * LINGER_NS)

/* The thread runs again this much later than it was to: the process was stopped, or its machine
 * suspended or starved. Less than that is noise. */
#define PAUSE_NS GW_NS_PER_SEC

struct credit {
	int64_t ns;       /* to be spent on looking in vain */
	int64_t until_ns; /* it was reckoned up to then */
};

static struct gw_time read_clocks(struct gw_runner *r)
{
	return (struct gw_time){
		.mono_ns = gw_clock_mono_ns(),
		.wall_ms = gw_clock_wall_ms(),
		.synced = atomic_load_explicit(&r->synced, memory_order_relaxed),
	};
}

/* Whether something turned up that was worth waiting for awake. */
static bool linger(const struct gw_engine *e, struct credit *c, int64_t now_ns)
{
	int looks = LINGER_LOOKS;
	bool found;

	c->ns += (now_ns - c->until_ns) / TRY_SHARE;
	c->until_ns = now_ns;
	if (c->ns < LINGER_NS)
		return false;
	do {
		gw_ring_pause();
		found = gw_engine_pending(e);
	} while (!found && --looks > 0 && gw_clock_mono_ns() - now_ns < LINGER_NS);
	c->ns += found ? LINGER_NS : -LINGER_NS;
	if (c->ns > CREDIT_MAX)
		c->ns = CREDIT_MAX;
	return found;
}

/* due_ns: when the thread was to look at the clock again at the latest; 0: not yet. Decided here,
 * where the clocks are read: the engine is told, and stays a function of what it is told. */
static void notice_pause(struct gw_engine *e, int64_t *due_ns, int64_t now_ns)
{
	if (*due_ns && now_ns - *due_ns > PAUSE_NS)
		gw_engine_paused(e, now_ns - *due_ns, now_ns);
	*due_ns = now_ns;
}

enum { RUNS, ASKED_FOR, WITH_MAIN };

/* Relaxed: a look that comes too early is repeated after the poke; the semaphores order what
 * either side does with the engine. */
static bool is_asked_for(struct gw_runner *r)
{
	return atomic_load_explicit(&r->pause, memory_order_relaxed) == ASKED_FOR;
}

/* Main may lose patience and take the ask back at the same time: the one exchange decides. */
static bool change(struct gw_runner *r, int from, int to)
{
	return atomic_compare_exchange_strong_explicit(
		&r->pause, &from, to, memory_order_acq_rel, memory_order_relaxed);
}

static void wait_at(sem_t *sem)
{
	while (sem_wait(sem) && errno == EINTR)
		;
}

static void *run(void *arg)
{
	struct gw_runner *r = arg;
	int64_t due_ns = 0;
	struct credit credit = {0, 0};
	bool stop = false;

	while (!stop) {
		struct gw_time now;
		int64_t wait_ns;

		if (is_asked_for(r) && change(r, ASKED_FOR, WITH_MAIN)) {
			sem_post(&r->paused);
			wait_at(&r->resumed);
			due_ns = 0; /* main was at work on it, and it may be another one */
			continue;
		}
		stop = gw_thread_stopping(&r->thread);
		do {
			now = read_clocks(r);
			gw_thread_beat(&r->thread, now.mono_ns);
			notice_pause(r->engine, &due_ns, now.mono_ns);
		} while (gw_engine_step(r->engine, now) && !is_asked_for(r));
		wait_ns = gw_engine_next_ns(r->engine) - now.mono_ns;
		if (wait_ns > LONGEST_SLEEP_NS)
			wait_ns = LONGEST_SLEEP_NS;
		if (!stop && wait_ns > LINGER_NS && linger(r->engine, &credit, now.mono_ns))
			continue;
		due_ns = now.mono_ns + (wait_ns > 0 ? wait_ns : 0);
		gw_wake_prepare(&r->wake); /* whoever publishes from here on pokes */
		if (stop || wait_ns <= 0 || gw_thread_stopping(&r->thread) ||
			is_asked_for(r) || gw_engine_pending(r->engine))
			gw_wake_finish(&r->wake);
		else
			gw_wake_wait(&r->wake, wait_ns);
	}
	return NULL;
}

enum gw_err gw_runner_init(struct gw_runner *r, struct gw_error *err)
{
	*r = (struct gw_runner){.wake = {.fd = -1}};
	sem_init(&r->paused, 0, 0);
	sem_init(&r->resumed, 0, 0);
	return gw_wake_init(&r->wake, err);
}

void gw_runner_fini(struct gw_runner *r)
{
	gw_runner_stop(r);
	gw_wake_fini(&r->wake);
	sem_destroy(&r->paused);
	sem_destroy(&r->resumed);
}

enum gw_err gw_runner_start(
	struct gw_runner *r, struct gw_engine *engine, struct gw_error *err)
{
	r->engine = engine;
	gw_tables_forget(engine); /* what was to be restored is */
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

enum gw_err gw_runner_pause(struct gw_runner *r, int64_t most_ns, struct gw_error *err)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(most_ns / GW_NS_PER_SEC);
	until.tv_nsec += (long)(most_ns % GW_NS_PER_SEC);
	until.tv_sec += until.tv_nsec / (long)GW_NS_PER_SEC;
	until.tv_nsec %= (long)GW_NS_PER_SEC;
	atomic_store_explicit(&r->pause, ASKED_FOR, memory_order_release);
	gw_wake_poke(&r->wake);
	while (sem_clockwait(&r->paused, CLOCK_MONOTONIC, &until)) {
		if (errno == ETIMEDOUT && change(r, ASKED_FOR, RUNS))
			return gw_fail(
				err, GW_ERR_TIMEOUT, 0, "the engine does not answer");
	}
	/* Acquire, with the thread's exchange: what it did with the engine is seen. The semaphore
	 * says so, too, but not to ThreadSanitizer, which does not know sem_clockwait. */
	while (atomic_load_explicit(&r->pause, memory_order_acquire) != WITH_MAIN)
		;
	return GW_OK;
}

void gw_runner_resume(struct gw_runner *r, struct gw_engine *engine)
{
	r->engine = engine;
	gw_tables_forget(engine);
	atomic_store_explicit(&r->pause, RUNS, memory_order_release);
	sem_post(&r->resumed);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/engine_thread.h"

#include "engine/key_index.h"

#include <errno.h>
#include <time.h>

#define SLEEP_MAX_NS GW_NS_PER_SEC /* then the watchdog needs a beat */
/* When samples arrive close together, spinning for a moment is cheaper for both sides than
 * sleeping and being woken. A spin that finds input earns credit for one that does not;
 * besides, 1 / SPIN_SHARE of all time may be spent on spins that find nothing. */
#define SPIN_NS        5000
#define SPIN_LOOKS_MAX 256 /* if the clock stands still */
#define SPIN_SHARE     2000
#define CREDIT_MAX     (20 * SPIN_NS)

/* If the thread runs this much later than due, the process was stopped, or the machine suspended or
 * starved. Less is noise. */
#define PAUSE_MIN_NS GW_NS_PER_SEC

struct spin_credit {
	int64_t ns;       /* may be spent on spins that find nothing */
	int64_t until_ns; /* credited up to this time */
};

static struct gw_time read_clocks(struct gw_engine_thread *et)
{
	return (struct gw_time){
		.boot_ns = gw_clock_boot_ns(),
		.wall_ms = gw_clock_wall_ms(),
		.synced = atomic_load_explicit(&et->synced, memory_order_relaxed),
	};
}

/* Returns whether there is input. */
static bool spin_for_input(const struct gw_engine *e, struct spin_credit *c, int64_t now_ns)
{
	int looks = SPIN_LOOKS_MAX;
	bool found;

	c->ns += (now_ns - c->until_ns) / SPIN_SHARE;
	c->until_ns = now_ns;
	if (c->ns < SPIN_NS)
		return false;
	do {
		gw_ring_cpu_relax();
		found = gw_engine_has_input(e);
	} while (!found && --looks > 0 && gw_clock_boot_ns() - now_ns < SPIN_NS);
	c->ns += found ? SPIN_NS : -SPIN_NS;
	if (c->ns > CREDIT_MAX)
		c->ns = CREDIT_MAX;
	return found;
}

/* due_ns: when the thread was to run again at the latest; 0: not known. Pauses are detected here,
 * where the clocks are read; for the engine they are input. */
static void report_pause(struct gw_engine *e, int64_t *due_ns, int64_t now_ns)
{
	if (*due_ns && now_ns - *due_ns > PAUSE_MIN_NS)
		gw_engine_paused(e, now_ns - *due_ns, now_ns);
	*due_ns = now_ns;
}

enum { RUNNING, HALT_REQUESTED, HALTED };

/* relaxed: a load that is too early is repeated after the poke, and the semaphores order what
 * either side does with the engine */
static bool halt_requested(struct gw_engine_thread *et)
{
	return atomic_load_explicit(&et->halt_state, memory_order_relaxed) ==
		HALT_REQUESTED;
}

/* Main may withdraw its request at the same time: one exchange decides. */
static bool change_halt(struct gw_engine_thread *et, int from, int to)
{
	return atomic_compare_exchange_strong_explicit(
		&et->halt_state, &from, to, memory_order_acq_rel, memory_order_relaxed);
}

static void wait_for(sem_t *sem)
{
	while (sem_wait(sem) && errno == EINTR)
		;
}

static void *run(void *arg)
{
	struct gw_engine_thread *et = arg;
	int64_t due_ns = 0;
	struct spin_credit spin_credit = {0, 0};
	bool stop = false;

	while (!stop) {
		struct gw_time now;
		int64_t wait_ns;

		if (halt_requested(et) && change_halt(et, HALT_REQUESTED, HALTED)) {
			sem_post(&et->halted);
			wait_for(&et->resumed);
			due_ns =
				0; /* main used it meanwhile, and it may be another engine */
			continue;
		}
		stop = gw_thread_stopping(&et->thread);
		do {
			now = read_clocks(et);
			gw_thread_beat(&et->thread, now.boot_ns);
			report_pause(et->engine, &due_ns, now.boot_ns);
		} while (gw_engine_step(et->engine, now) && !halt_requested(et));
		wait_ns = gw_engine_next_timer_ns(et->engine) - now.boot_ns;
		if (wait_ns > SLEEP_MAX_NS)
			wait_ns = SLEEP_MAX_NS;
		if (!stop && wait_ns > SPIN_NS &&
			spin_for_input(et->engine, &spin_credit, now.boot_ns))
			continue;
		due_ns = now.boot_ns + (wait_ns > 0 ? wait_ns : 0);
		gw_wake_prepare(&et->wake); /* from here on publishers poke */
		if (stop || wait_ns <= 0 || gw_thread_stopping(&et->thread) ||
			halt_requested(et) || gw_engine_has_input(et->engine))
			gw_wake_finish(&et->wake);
		else
			gw_wake_wait(&et->wake, wait_ns);
	}
	return NULL;
}

enum gw_err gw_engine_thread_init(struct gw_engine_thread *et, struct gw_error *err)
{
	*et = (struct gw_engine_thread){.wake = {.fd = -1}};
	sem_init(&et->halted, 0, 0);
	sem_init(&et->resumed, 0, 0);
	return gw_wake_init(&et->wake, err);
}

void gw_engine_thread_fini(struct gw_engine_thread *et)
{
	gw_engine_thread_stop(et);
	gw_wake_fini(&et->wake);
	sem_destroy(&et->halted);
	sem_destroy(&et->resumed);
}

enum gw_err gw_engine_thread_start(
	struct gw_engine_thread *et, struct gw_engine *engine, struct gw_error *err)
{
	et->engine = engine;
	gw_key_index_free(engine); /* the restore is done */
	return gw_thread_start(&et->thread, "engine", run, et, err);
}

void gw_engine_thread_stop(struct gw_engine_thread *et)
{
	if (!et->thread.running)
		return;
	gw_thread_request_stop(&et->thread);
	gw_wake_poke(&et->wake);
	gw_thread_join(&et->thread);
}

enum gw_err gw_engine_thread_halt(
	struct gw_engine_thread *et, int64_t timeout_ns, struct gw_error *err)
{
	struct timespec until = gw_thread_deadline(gw_clock_boot_ns() + timeout_ns);

	atomic_store_explicit(&et->halt_state, HALT_REQUESTED, memory_order_release);
	gw_wake_poke(&et->wake);
	while (sem_clockwait(&et->halted, CLOCK_MONOTONIC, &until)) {
		if (errno == ETIMEDOUT && change_halt(et, HALT_REQUESTED, RUNNING))
			return gw_fail(
				err, GW_ERR_TIMEOUT, 0, "the engine does not answer");
	}
	/* acquire, with the thread's exchange: its writes to the engine are visible. The
	 * semaphore orders them, too, but ThreadSanitizer does not know sem_clockwait. */
	(void)atomic_load_explicit(&et->halt_state, memory_order_acquire);
	return GW_OK;
}

void gw_engine_thread_resume(struct gw_engine_thread *et, struct gw_engine *engine)
{
	et->engine = engine;
	gw_key_index_free(engine);
	atomic_store_explicit(&et->halt_state, RUNNING, memory_order_release);
	sem_post(&et->resumed);
}

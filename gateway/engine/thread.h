/* SPDX-License-Identifier: Apache-2.0 */
/*
 * thread.h: the engine's thread: steps while there is work, sleeps until a source pokes it or
 * a timer is due.
 *
 * Owner: app/. Thread: all calls by main. The runner reads the clocks; the engine does not.
 */
#ifndef GW_ENGINE_THREAD_H
#define GW_ENGINE_THREAD_H

#include "base/thread.h"
#include "engine/engine.h"

struct gw_engine_thread {
	struct gw_thread thread;
	struct gw_wake wake; /* sources and commands poke it */
	struct gw_engine
		*engine;         /* main; changed only while it does not run or is paused */
	_Atomic bool synced;     /* main tells whether wall time can be believed */
	_Atomic int pause_state; /* 0: runs; 1: main asks for the engine; 2: main has it */
	sem_t paused, resumed;   /* the thread has let go of it; has one again */
};

enum gw_err gw_engine_thread_init(struct gw_engine_thread *r, struct gw_error *err);
void gw_engine_thread_fini(struct gw_engine_thread *r); /* joins; zeroed or twice is fine */

enum gw_err gw_engine_thread_start(
	struct gw_engine_thread *r, struct gw_engine *engine, struct gw_error *err);
/* Between pause and resume the engine is main's; the thread stays, so that resume cannot fail.
 * GW_ERR_TIMEOUT: it did not end its step within most_ns, and goes on. */
enum gw_err gw_engine_thread_pause(
	struct gw_engine_thread *r, int64_t timeout_ns, struct gw_error *err);
void gw_engine_thread_resume(struct gw_engine_thread *r, struct gw_engine *engine);
/* Steps once more after the ask, so that what is in the rings is dealt with; then joins. */
void gw_engine_thread_stop(struct gw_engine_thread *r);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine_thread.h: the engine's thread. It steps the engine while there is input, else sleeps until
 * a source pokes it or a timer is due. It reads the clocks; the engine does not.
 *
 * Owner: app/. Thread: all calls by main.
 */
#ifndef GW_ENGINE_ENGINE_THREAD_H
#define GW_ENGINE_ENGINE_THREAD_H

#include "base/thread.h"
#include "engine/engine.h"

struct gw_engine_thread {
	struct gw_thread thread;
	struct gw_wake wake; /* sources and commands poke it */
	struct gw_engine
		*engine; /* set by main, only while the thread does not run or is halted */
	_Atomic bool synced;    /* set by main: the wall clock is synced */
	_Atomic int halt_state; /* 0: running; 1: main requests a halt; 2: halted */
	sem_t halted, resumed;  /* posted by the thread; by main */
};

enum gw_err gw_engine_thread_init(struct gw_engine_thread *et, struct gw_error *err);
void gw_engine_thread_fini(
	struct gw_engine_thread *et); /* joins; zeroed or twice is fine */

enum gw_err gw_engine_thread_start(
	struct gw_engine_thread *et, struct gw_engine *engine, struct gw_error *err);
/* Between halt and resume the engine is main's. The thread stays, so that resume cannot fail.
 * GW_ERR_TIMEOUT: it did not end its step within timeout_ns, and goes on. */
enum gw_err gw_engine_thread_halt(
	struct gw_engine_thread *et, int64_t timeout_ns, struct gw_error *err);
void gw_engine_thread_resume(struct gw_engine_thread *et, struct gw_engine *engine);
/* Steps once more, so that what is in the rings is processed; then joins. */
void gw_engine_thread_stop(struct gw_engine_thread *et);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runner.h: the engine's thread: steps while there is work, sleeps until a source pokes it or
 * a timer is due.
 *
 * Owner: app/. Thread: all calls by main. The runner reads the clocks; the engine does not.
 */
#ifndef GW_ENGINE_RUNNER_H
#define GW_ENGINE_RUNNER_H

#include "base/thread.h"
#include "engine/engine.h"

struct gw_runner {
	struct gw_thread thread;
	struct gw_wake wake;      /* sources and commands poke it */
	struct gw_engine *engine; /* main; changed only while it does not run */
	_Atomic bool synced;      /* main tells whether wall time can be believed */
};

enum gw_err gw_runner_init(struct gw_runner *r, struct gw_error *err);
void gw_runner_fini(struct gw_runner *r); /* joins; zeroed or twice is fine */

enum gw_err gw_runner_start(
	struct gw_runner *r, struct gw_engine *engine, struct gw_error *err);
/* Steps once more after the ask, so that what is in the rings is dealt with; then joins. */
void gw_runner_stop(struct gw_runner *r);

#endif

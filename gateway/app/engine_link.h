/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine_link.h: main's side of the rings between main and the engine.
 *
 * Thread: main.
 */
#ifndef GW_APP_ENGINE_LINK_H
#define GW_APP_ENGINE_LINK_H

#include "base/clock.h"

struct gw_gateway;

/* For a step of the engine while its thread is stopped. */
struct gw_time gw_engine_link_now(const struct gw_gateway *g);
/* Passes events and replies on to the control socket's clients. */
void gw_engine_link_drain(struct gw_gateway *g);
/* The engine's thread is stopped: steps the engine until its outputs have taken every
 * event, for most_ns at most. */
void gw_engine_link_drain_outputs(struct gw_gateway *g, int64_t most_ns);

#endif

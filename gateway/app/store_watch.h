/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_watch.h: what main does for the store: waits for it at the start, but not long;
 * passes alarm records that it reads late to the engine; raises faults of the store, also
 * when the disk hangs and the store's own thread cannot.
 *
 * struct gw_store_watch: gateway_internal.h.
 * Owner: the gateway. Thread: main. Life: init, begin, poll..., fini.
 */
#ifndef GW_APP_STORE_WATCH_H
#define GW_APP_STORE_WATCH_H

#include "base/error.h"

struct gw_gateway;
struct gw_store_watch;

enum gw_err gw_store_watch_init(struct gw_store_watch *w, struct gw_error *err);
void gw_store_watch_fini(struct gw_store_watch *w); /* zeroed or twice is fine */
/* The store's thread runs, the engine's does not yet. Gives the engine the numbers of this
 * start, and the alarm records if the store has read them within 200 ms. */
void gw_store_watch_begin(struct gw_gateway *g);
/* Once a second, and when main's wake is poked. */
void gw_store_watch_poll(struct gw_gateway *g);

#endif

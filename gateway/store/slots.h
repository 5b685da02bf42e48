/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slots.h: slots of uplinks. Main reserves one for each uplink; the masks of events in memory are
 * by slot. A set (struct gw_store_uplinks) says which uplink is in which slot from an event number
 * on. The database does not know slots: it has a bit for each name, see registry.h.
 *
 * A slot is active while its uplink is configured: it is owed new events. It stays in use until
 * its thread has ended and its last mark is written.
 *
 * Thread: the store's; init and fini by main. slots.c also has the calls of store.h by which main
 * adds and removes uplinks.
 */
#ifndef GW_STORE_SLOTS_H
#define GW_STORE_SLOTS_H

#include "store/store.h"

/* The set of gw_store_open: slots 0 .. n_uplinks - 1. */
enum gw_err gw_slots_init(
	struct gw_store *s, const struct gw_store_opts *opts, struct gw_error *err);
void gw_slots_fini(struct gw_store *s);
/* Applies the sets that begin at seq or before. Call before the event seq gets its masks. */
void gw_slots_apply_sets(struct gw_store *s, uint64_t seq);
/* Gives slots back that are no longer in use. */
void gw_slots_free_finished(struct gw_store *s);

#endif

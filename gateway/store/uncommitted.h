/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uncommitted.h: events and marks that are in memory and not committed yet. Events are kept by seq
 * up to max_uncommitted, four times the ring: a disk that cannot be written fills it. Marks on an
 * event in memory change its masks; the other marks wait until their event's row can be changed.
 *
 * Thread: the store's.
 */
#ifndef GW_STORE_UNCOMMITTED_H
#define GW_STORE_UNCOMMITTED_H

#include "store/store.h"

/* A mark on an event that is not in memory, until it is written. */
struct gw_uncommitted_mark {
	uint64_t seq;
	uint8_t slot, kind; /* enum gw_mark_kind */
};

/* Moves events from the ring into memory: as many as one transaction takes, or, while commits
 * fail, as many as memory takes. */
void gw_uncommitted_drain_ring(struct gw_store *s, int64_t now_ns);
/* Memory for one more event, whatever the bound: for those of an earlier run. False: there is
 * none. */
bool gw_uncommitted_reserve_entry(struct gw_store *s);
/* Room for one more mark. False: no memory. */
bool gw_uncommitted_reserve_mark(struct gw_store *s);
/* There is room for it. */
void gw_uncommitted_add_mark(struct gw_store *s, const struct gw_uncommitted_mark *mark);
/* Applies marks to events in memory and counts those that can be written. */
void gw_uncommitted_apply_marks(struct gw_store *s, int64_t now_ns);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * salvage.h: copies what a file in quarantine still owes (alarm states, owed and parked events)
 * into the open database. What cannot be read now is tried again, also by later runs.
 *
 * Thread: the store's.
 */
#ifndef GW_STORE_SALVAGE_H
#define GW_STORE_SALVAGE_H

#include "store/db.h"

struct gw_store;

/* Every file in quarantine that owes something, at most once in ten minutes. */
void gw_salvage_all(struct gw_store *s);
/* One file, open as old, whose path is quarantined. to_main: main does not know its alarms yet.
 * ret_complete: nothing is left to copy. Fails if the open database cannot be written. */
enum gw_err gw_salvage_file(struct gw_store *s, struct gw_db *old, const char *quarantined,
	bool to_main, bool *ret_complete, struct gw_error *err);

#endif

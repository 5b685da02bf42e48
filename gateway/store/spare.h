/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spare.h: events that cannot be committed are written into a second database, named as the control
 * socket with .unsaved behind it, in /run: memory, not the disk that fails. It outlives a kill of
 * the daemon, not a power cut. The next run takes the events into memory as if the engine had just
 * given them: they are owed to whom they were owed, and the states of their alarms count. A thread
 * that hangs in a call of the disk writes nothing here either.
 *
 * Thread: the store's. Life: load, then update after each step, close.
 */
#ifndef GW_STORE_SPARE_H
#define GW_STORE_SPARE_H

#include "store/db.h"
#include "store/saved_alarms.h"

#include <stdint.h>

#define GW_SPARE_SUFFIX ".unsaved" /* behind the path of the control socket */

struct gw_store;

/* Before the database of an earlier run is read: its events become entries. GW_ERR_SYSTEM: it
 * cannot be read now, call again. What is corrupt, or cannot be read for half a minute, is kept
 * under another name and logged. */
enum gw_err gw_spare_load(struct gw_store *s, int64_t now_ns, struct gw_error *err);
/* The last number and the highest run of the spare's events; 0: there are none. */
uint64_t gw_spare_last_seq(const struct gw_store *s);
uint64_t gw_spare_last_run(const struct gw_store *s);
/* Removes from memory the spare's events that db has: they were committed right before the kill. */
void gw_spare_skip_committed(struct gw_store *s, struct gw_db *db);
/* The states of the alarms of the spare's events replace those in saved. */
void gw_spare_update_alarms(struct gw_store *s, struct gw_saved_alarms *saved);

/* While commits fail: writes what has changed. Once a commit has worked: deletes the file. */
void gw_spare_update(struct gw_store *s, int64_t now_ns);
void gw_spare_close(struct gw_store *s); /* the file stays */

#endif

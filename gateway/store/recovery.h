/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recovery.h: opening the database and what each failure of it needs: reopen after a failed sync,
 * replace a corrupt file, notice a deleted one, free space on a full disk.
 *
 * Thread: the store's; close by main after it was joined.
 */
#ifndef GW_STORE_RECOVERY_H
#define GW_STORE_RECOVERY_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct gw_store;

/* Afterwards the database is open for writing and checked, and has the number of this run. If it
 * was not open: opens and checks it, puts a corrupt file into quarantine, and copies what files in
 * quarantine still owe. */
enum gw_err gw_recovery_ensure_open(struct gw_store *s, struct gw_error *err);
/* Puts the file into quarantine and begins a new one, into which what can be read is copied. At
 * most once in ten minutes. GW_ERR_SYSTEM: not now; the first time that the file seems corrupt it
 * is only closed, for a second look by another connection. */
enum gw_err gw_recovery_replace_file(
	struct gw_store *s, const struct gw_error *why, struct gw_error *err);
/* Every two seconds: has the file, or its WAL, been deleted or replaced? Writes nothing. */
void gw_recovery_check_file(struct gw_store *s, int64_t now_ns);
/* On a full disk: gives up the ballast, or deletes a block of rows. False: nothing is left. */
bool gw_recovery_free_space(struct gw_store *s);
void gw_recovery_close(struct gw_store *s);

#endif

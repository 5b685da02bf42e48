/* SPDX-License-Identifier: Apache-2.0 */
/*
 * restored.h: the second half of `tocsin restore`. The folder `restored` in the state folder holds
 * a database, the files of sources and the copy of the configuration, which replace what is there.
 * It gets this name in one step, once all in it is on the disk: until then the old state counts,
 * from then on the new one. Whoever locks the state folder next takes it in: restore itself, or
 * after a kill the next start. Each step may be repeated.
 *
 * The database that was there is put into quarantine: what it owes is copied by the next start.
 *
 * Thread: whoever holds the lock of folder_lock.h.
 */
#ifndef GW_STORE_RESTORED_H
#define GW_STORE_RESTORED_H

#include "base/error.h"

#include <stdbool.h>

#define GW_RESTORED     "restored"
#define GW_LAST_GOOD    "last-good.conf" /* the copy of the configuration that ran */
#define GW_RESTORED_NEW "restored.new"   /* before it is complete */

/* Also removes what a restore that was killed left incomplete. ret_taken: there was one. That
 * the old things cannot be deleted is no failure. */
enum gw_err gw_restored_take_in(
	const char *state_dir, bool *ret_taken, struct gw_error *err);
/* Somebody is putting a backup into it, or was cut off. */
bool gw_restored_under_way(const char *state_dir);
/* With all in it; a link itself, not what it leads to. None is no failure. */
enum gw_err gw_restored_remove(const char *folder, struct gw_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unconfirmed.h: alarms that stand in a backup, and of which nobody can say whether they stood
 * until now: the platform may have got "cleared" since. `tocsin restore` notes them (in meta, with
 * the number of the state), and the engine raises them again (alarm/state.h, raise_again). A note
 * is void once its alarm has a newer state.
 *
 * Owner: whoever owns the database. Thread: as the database. In a transaction, but for is.
 */
#ifndef GW_STORE_UNCONFIRMED_H
#define GW_STORE_UNCONFIRMED_H

#include "store/db.h"

/* Every alarm that stands. */
enum gw_err gw_unconfirmed_note_all(struct gw_db *db, struct gw_error *err);
/* The state of that number is the newest one, or older than it. */
enum gw_err gw_unconfirmed_confirm(
	struct gw_db *db, const char *key, uint64_t seq, struct gw_error *err);
/* On a corrupt page: it is not. */
enum gw_err gw_unconfirmed_is(struct gw_db *db, const char *key, uint64_t seq, bool *ret_is,
	struct gw_error *err);
/* Deletes the notes that are void. */
enum gw_err gw_unconfirmed_sweep(struct gw_db *db, struct gw_error *err);
enum gw_err gw_unconfirmed_count(struct gw_db *db, int64_t *ret_n, struct gw_error *err);

#endif

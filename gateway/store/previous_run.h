/* SPDX-License-Identifier: Apache-2.0 */
/*
 * previous_run.h: what earlier runs of the gateway left in the state directory, read without
 * writing anything, but for a restore that was cut off, which is taken in first (restored.h),
 * and the number of this run, which follows from it. A disk that cannot be read now is read
 * later; main does not wait for it.
 *
 * Owner: the store. Thread: read and numbers by the store's; decide by whoever holds its lock.
 */
#ifndef GW_STORE_PREVIOUS_RUN_H
#define GW_STORE_PREVIOUS_RUN_H

#include "store/db.h"

struct gw_store;

/* Reads the database and the run counter, posts the saved alarms to main and decides the number
 * of this run unless main has. A corrupt file is no failure: quarantine_reason is set and what
 * could be read counts. GW_ERR_SYSTEM: it cannot be read now. */
enum gw_err gw_previous_run_read(struct gw_store *s, struct gw_error *err);
/* The run counter and the highest event number of one database; 0: it holds none. */
enum gw_err gw_previous_run_numbers(
	struct gw_db *db, uint64_t *ret_run, uint64_t *ret_last_seq, struct gw_error *err);
/* Under the store's lock. The first call decides: the store's thread after it has read, or main
 * when it waits no longer. last_seq_known: last_seq is known to be the last number given; otherwise
 * events of this run begin above any number an earlier run can have given. */
void gw_previous_run_decide(
	struct gw_store *s, uint64_t stored_run, uint64_t last_seq, bool last_seq_known);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal_read.h: rows to events, as they were written by journal.h. Batches end at their
 * capacity.
 *
 * Owner: the store. Thread: as the database.
 */
#ifndef GW_STORE_JOURNAL_READ_H
#define GW_STORE_JOURNAL_READ_H

#include "base/arena.h"
#include "flow/alarm_record.h"
#include "store/batch.h"
#include "store/db.h"

struct gw_chain_link;

/* What is owed to bit after the cursor: worst level first, then seq. An event for which
 * skip(arg, seq) is true is left out; skip may be NULL. */
enum gw_err gw_journal_read_owed(struct gw_db *db, uint32_t bit, int after_level,
	uint64_t after_seq, bool (*skip)(void *arg, uint64_t seq), void *arg,
	struct gw_batch_memory *batch, struct gw_error *err);
/* What is parked for bit, by seq. */
enum gw_err gw_journal_read_parked(struct gw_db *db, uint32_t bit, uint64_t after_seq,
	bool (*skip)(void *arg, uint64_t seq), void *arg, struct gw_batch_memory *batch,
	struct gw_error *err);
/* The newest event of e's alarm if it is newer than e and neither owed to bit nor parked for it,
 * so the platform has it; else 0. */
enum gw_err gw_journal_read_newer(struct gw_db *db, const struct gw_event *e, uint32_t bit,
	uint64_t *ret_seq, struct gw_error *err);
/* Newest first; ends at until_boot_ns with what it has found. */
enum gw_err gw_journal_read_history(struct gw_db *db, int64_t since_ms,
	int64_t until_boot_ns, struct gw_batch_memory *batch, struct gw_error *err);
/* Newest first: events after after_seq up to until_seq, of one level, or of all if it is
 * negative. */
enum gw_err gw_journal_read_range(struct gw_db *db, uint64_t after_seq, uint64_t until_seq,
	int level, struct gw_batch_memory *batch, struct gw_error *err);
/* Every event after after_seq, by seq, with its place in the chain of hashes. */
enum gw_err gw_journal_read_links(struct gw_db *db, uint64_t after_seq,
	struct gw_batch_memory *batch, struct gw_chain_link *ret_links,
	struct gw_error *err);
/* Every alarm that is not normal, or every one that has a state; its texts are in the arena. */
enum gw_err gw_journal_read_alarms(struct gw_db *db, bool normal_too,
	struct gw_arena *arena,
	void (*each)(void *arg, const struct gw_alarm_record *record,
		const struct gw_alarm_info *info),
	void *arg, struct gw_error *err);

#endif

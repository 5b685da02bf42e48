/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal.h: events to rows and back, exactly: what is read equals what was written, so that a
 * repeat is byte-identical. Writing the same event twice leaves one.
 *
 * Owner: the store. Thread: as the database. Sinks are bits of the database here.
 */
#ifndef GW_STORE_JOURNAL_H
#define GW_STORE_JOURNAL_H

#include "engine/engine.h"
#include "flow/event.h"
#include "store/batch.h"
#include "store/db.h"
#include "store/string_table.h"

/* One event on its way to the disk and what the uplinks have said of it meanwhile. */
struct gw_journal_entry {
	struct gw_event event;
	uint32_t owed, parked;
	uint32_t undurable;   /* it left to these before its commit */
	bool owed_to_removed; /* no uplink was configured: owed to those that were */
};

/* Inside a transaction: the event, the state of its alarm, what is owed. bare: the alarm's
 * state alone, because there is no room for the event. */
enum gw_err gw_journal_put(struct gw_db *db, struct gw_string_table *strings,
	const struct gw_journal_entry *e, bool state_only, struct gw_error *err);

/* The event and what is owed without its alarm's state: from a file put aside. */
enum gw_err gw_journal_put_event(struct gw_db *db, struct gw_string_table *strings,
	const struct gw_journal_entry *e, struct gw_error *err);

/* What a delivery changed. */
struct gw_journal_cleared {
	bool was_owed;
	int class_, level; /* of the event, if it was owed */
};

/* Inside a transaction: one uplink's word on a committed event. An event that is no longer
 * there is fine. */
enum gw_err gw_journal_mark_delivered(struct gw_db *db, uint64_t seq, uint32_t bit,
	struct gw_journal_cleared *ret_cleared, struct gw_error *err);
enum gw_err gw_journal_mark_parked(
	struct gw_db *db, uint64_t seq, uint32_t bit, struct gw_error *err);
enum gw_err gw_journal_mark_undurable(
	struct gw_db *db, uint64_t seq, uint32_t bit, struct gw_error *err);
enum gw_err gw_journal_clear_parked(struct gw_db *db, uint64_t seq, uint32_t bit,
	bool *ret_was_parked, struct gw_error *err);

/* Up to the batch's room of what is owed to bit after the cursor, worst level first, then seq;
 * skip(arg, seq) leaves one out. */
enum gw_err gw_journal_read_owed(struct gw_db *db, uint32_t bit, int after_level,
	uint64_t after_seq, bool (*skip)(void *arg, uint64_t seq), void *arg,
	struct gw_batch_memory *batch, struct gw_error *err);
/* Likewise what is parked for bit, by seq. */
enum gw_err gw_journal_read_parked(struct gw_db *db, uint32_t bit, uint64_t after_seq,
	bool (*skip)(void *arg, uint64_t seq), void *arg, struct gw_batch_memory *batch,
	struct gw_error *err);
/* Newest first, up to the batch's room; what was found by until_mono_ns. */
enum gw_err gw_journal_read_history(struct gw_db *db, int64_t since_ms,
	int64_t until_mono_ns, struct gw_batch_memory *batch, struct gw_error *err);

/* Every event after that number, by number, up to the batch's room, and its place in the chain. */
struct gw_chain_link;
enum gw_err gw_journal_read_links(struct gw_db *db, uint64_t after_seq,
	struct gw_batch_memory *batch, struct gw_chain_link *ret_links,
	struct gw_error *err);

/* Every alarm that is not normal; texts in the pool's memory. */
enum gw_err gw_journal_read_alarms(struct gw_db *db, struct gw_pool *pool,
	void (*each)(void *arg, const struct gw_alarm_record *m,
		const struct gw_alarm_info *info),
	void *arg, struct gw_error *err);

/* How many events each of 32 bits is owed, and how many are parked for it. */
enum gw_err gw_journal_count(struct gw_db *db, uint64_t ret_owed[32],
	uint64_t ret_parked[32], struct gw_error *err);

#endif

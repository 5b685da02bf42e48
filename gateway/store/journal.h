/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal.h: events to rows. What journal_read.h reads equals what was written here, bit for bit,
 * so that a repeat to a platform is byte-identical. Writing the same event twice leaves one row.
 * All calls but count are made inside a transaction. An uplink is a bit of the database here.
 *
 * Owner: the store. Thread: as the database.
 */
#ifndef GW_STORE_JOURNAL_H
#define GW_STORE_JOURNAL_H

#include "flow/alarm_record.h"
#include "flow/event.h"
#include "store/db.h"
#include "store/string_table.h"

/* One event on its way to the disk. The masks are by slot in memory and by bit when written. */
struct gw_journal_entry {
	struct gw_event event;
	uint32_t owed, parked;
	uint32_t undurable;   /* uplinks that sent it before its commit */
	bool taken_over;      /* an earlier run gave it, see spare.h */
	bool owed_to_removed; /* no uplink was configured: owed to those removed before */
	struct {              /* as it stands in the spare database, see spare.h */
		bool written;
		uint32_t owed, parked, undurable;
	} spare;
};

/* The event, the state of its alarm and what is owed. state_only: the state alone, because the
 * file has no space for the event. */
enum gw_err gw_journal_put(struct gw_db *db, struct gw_string_table *strings,
	const struct gw_journal_entry *e, bool state_only, struct gw_error *err);
/* The event and what is owed, without the state of its alarm. */
enum gw_err gw_journal_put_event(struct gw_db *db, struct gw_string_table *strings,
	const struct gw_journal_entry *e, struct gw_error *err);

/* The state of an alarm, as another database has it, unless this one has the same or a newer one.
 * ret_seq_before: of the state that this one had, 0: none. */
enum gw_err gw_journal_put_newer_state(struct gw_db *db, struct gw_string_table *strings,
	const struct gw_alarm_record *record, const struct gw_alarm_info *info,
	uint64_t *ret_seq_before, struct gw_error *err);

/* Whether the event leaves its alarm standing, so that the alarm must be known after a restart. */
bool gw_journal_is_standing(const struct gw_event *e);

struct gw_journal_delivered {
	bool was_owed;
	int class_, level; /* of the event, if it was owed */
};

/* What one uplink says of a committed event. An event without a row is no failure. */
enum gw_err gw_journal_mark_delivered(struct gw_db *db, uint64_t seq, uint32_t bit,
	struct gw_journal_delivered *ret_delivered, struct gw_error *err);
enum gw_err gw_journal_mark_parked(
	struct gw_db *db, uint64_t seq, uint32_t bit, struct gw_error *err);
enum gw_err gw_journal_mark_undurable(
	struct gw_db *db, uint64_t seq, uint32_t bit, struct gw_error *err);
/* It is to be sent again. ret_added: it was not owed. */
enum gw_err gw_journal_owe_again(struct gw_db *db, uint64_t seq, uint32_t bit,
	bool *ret_added, struct gw_error *err);
enum gw_err gw_journal_clear_parked(struct gw_db *db, uint64_t seq, uint32_t bit,
	bool *ret_was_parked, struct gw_error *err);

/* How many events each of the 32 bits is owed, and how many are parked for it. */
enum gw_err gw_journal_count(struct gw_db *db, uint64_t ret_owed[32],
	uint64_t ret_parked[32], struct gw_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * retention.h: keeps the database within its bound. What goes first: delivered before parked before
 * owed; within that the lowest class, then the lowest level, then the oldest. An event never
 * makes room for itself at the cost of one of a higher class: where only such are left, it is
 * refused. Rows go in blocks, each its own short transaction.
 *
 * Owner: the store. Thread: as the database. Life: init, step... after commits, delivered as it
 * happens; reset after reopening.
 */
#ifndef GW_STORE_RETENTION_H
#define GW_STORE_RETENTION_H

#include "store/db.h"
#include "store/journal.h"

#define GW_RETENTION_BLOCK  500 /* most rows in one transaction (hazard 20) */
#define GW_RETENTION_PHASES 3
#define GW_RETENTION_RANKS  16 /* class * 4 + level */

struct gw_retention {
	int64_t max_pages, soft_limit_pages, slack_pages;
	int block_rows;          /* rows that go at once */
	int64_t disk_full_pages; /* the disk is full: stay within what we have; 0: it is not */
	bool trimming;
	int refuse_below_class; /* events of lower classes find no room; 0: all do */
	uint64_t scan_from[GW_RETENTION_PHASES]
			  [GW_RETENTION_RANKS]; /* nothing of this kind before this seq */
	uint32_t
		live_bits; /* of uplinks that are configured; debts to others go before theirs */
	uint64_t trimmed, lost; /* rows deleted; of these owed or parked for somebody */
	/* since texts nobody refers to were looked for: blocks deleted, and what was then
	 * texts->added (all ones: never) */
	unsigned blocks_since_sweep;
	uint64_t strings_added_at_sweep;
};

enum gw_retention_result {
	GW_RETENTION_WITHIN_LIMIT, /* within the bound */
	GW_RETENTION_MORE,         /* some done, call again */
	GW_RETENTION_STUCK,        /* beyond the bound, and nothing may go */
};

void gw_retention_init(struct gw_retention *k, int64_t max_bytes);
void gw_retention_reset(struct gw_retention *k);
/* Bits of the uplinks that are configured. */
void gw_retention_set_active(struct gw_retention *k, uint32_t bits);
/* A row of that rank may go now: from the mark of its last sink. */
void gw_retention_row_delivered(
	struct gw_retention *k, uint64_t seq, int class_, int level);
/* The disk itself is full: grow no further; false once it is not. */
enum gw_err gw_retention_set_disk_full(struct gw_retention *k, struct gw_db *db,
	bool disk_full_mode, struct gw_error *err);

/* One block at most. class_most: of the newest events; last_seq: ever given, kept for the day
 * the newest row is deleted. force: as if beyond the bound. owed and parked (per bit) are
 * counted down. */
enum gw_err gw_retention_step(struct gw_retention *k, struct gw_db *db,
	struct gw_string_table *strings, int highest_class, uint64_t last_seq, bool force,
	uint64_t owed[32], uint64_t parked[32], enum gw_retention_result *ret_result,
	struct gw_error *err);

#endif

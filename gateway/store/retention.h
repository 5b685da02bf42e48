/* SPDX-License-Identifier: Apache-2.0 */
/*
 * retention.h: keeps the database within its limit. Delivered events are deleted before parked and
 * parked before owed ones; among these the lowest class first, then the lowest level, then the
 * oldest. An event never displaces one of a higher class: if the file holds only such, it gets no
 * row. Rows are deleted in blocks, each in a short transaction of its own.
 *
 * Owner: the store. Thread: as the database. Life: init; step after commits; row_delivered for each
 * row; reset after the database was opened again.
 */
#ifndef GW_STORE_RETENTION_H
#define GW_STORE_RETENTION_H

#include "store/db.h"
#include "store/journal.h"

#define GW_RETENTION_BLOCK  500 /* rows in one transaction at most */
#define GW_RETENTION_PHASES 3
#define GW_RETENTION_RANKS  16 /* class * 4 + level */

struct gw_retention {
	int64_t max_pages, soft_limit_pages, slack_pages;
	int block_rows;          /* rows deleted at once */
	int64_t disk_full_pages; /* the disk is full: do not grow beyond; 0: it is not */
	bool trimming;
	int refuse_below_class; /* events of lower classes get no row; 0: all get one */
	uint64_t scan_from
		[GW_RETENTION_PHASES]
		[GW_RETENTION_RANKS]; /* no row of this phase and rank before this seq */
	uint32_t
		live_bits; /* of configured uplinks: what is owed to others is deleted first */
	uint64_t trimmed, lost; /* rows deleted; of these, still owed or parked */
	/* Texts that no row refers to are searched for now and then. Since the last search: blocks
	 * deleted; at the last search: strings->added, UINT64_MAX if there was none. */
	unsigned blocks_since_sweep;
	uint64_t strings_added_at_sweep;
};

enum gw_retention_result {
	GW_RETENTION_WITHIN_LIMIT, /* within the limit */
	GW_RETENTION_MORE,         /* something was deleted: call again */
	GW_RETENTION_STUCK,        /* beyond the limit, and no row may be deleted */
};

void gw_retention_init(struct gw_retention *r, int64_t max_bytes);
void gw_retention_reset(struct gw_retention *r);
/* Bits of the uplinks that are configured. */
void gw_retention_set_active(struct gw_retention *r, uint32_t bits);
/* A row of that rank was delivered to its last uplink and may be deleted now. */
void gw_retention_row_delivered(
	struct gw_retention *r, uint64_t seq, int class_, int level);
/* The disk is full: do not grow; false: it is not any more. */
enum gw_err gw_retention_set_disk_full(struct gw_retention *r, struct gw_db *db,
	bool disk_full_mode, struct gw_error *err);

/* Deletes one block at most. highest_class: of the newest events. last_seq: the last one committed,
 * saved in case the newest row is deleted. force: as if beyond the limit. owed and parked, per bit,
 * are counted down. */
enum gw_err gw_retention_step(struct gw_retention *r, struct gw_db *db,
	struct gw_string_table *strings, int highest_class, uint64_t last_seq, bool force,
	uint64_t owed[32], uint64_t parked[32], enum gw_retention_result *ret_result,
	struct gw_error *err);

#endif

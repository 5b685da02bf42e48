/* SPDX-License-Identifier: Apache-2.0 */
/*
 * string_table.h: the texts of alarms and the ids of boots, each once in the database. An event row
 * refers to them by a small number.
 *
 * Owner: the store. Thread: as the database. Clear the cache after every rollback and reopening:
 * it may hold a number that was given in a transaction that was not committed.
 */
#ifndef GW_STORE_STRING_TABLE_H
#define GW_STORE_STRING_TABLE_H

#include "base/arena.h"
#include "flow/event.h"
#include "store/db.h"

#define GW_STRING_TABLE_CACHE  512 /* power of two */
#define GW_STRING_TABLE_DIGEST 16

struct gw_string_table {
	struct {
		unsigned char digest[GW_STRING_TABLE_DIGEST];
		int64_t id; /* 0: empty */
	} cache[GW_STRING_TABLE_CACHE];
	char boot[GW_BOOT_ID];
	int64_t boot_id; /* 0: none */
	uint64_t added;  /* rows inserted since start; clearing the cache keeps it */
};

void gw_string_table_clear_cache(struct gw_string_table *t);

/* Inside a transaction: the number of these texts, inserted if they are new. */
enum gw_err gw_string_table_info_id(struct gw_string_table *t, struct gw_db *db,
	const struct gw_alarm_info *info, int64_t *ret_id, struct gw_error *err);
enum gw_err gw_string_table_boot_id(struct gw_string_table *t, struct gw_db *db,
	const char boot[GW_BOOT_ID], int64_t *ret_id, struct gw_error *err);

/* The texts of a number, in the arena. GW_ERR_CORRUPT: there is no such number. */
enum gw_err gw_string_table_load_info(struct gw_db *db, int64_t id, struct gw_arena *arena,
	const struct gw_alarm_info **ret_info, struct gw_error *err);
/* A copy in the arena; NULL: no memory. */
const struct gw_alarm_info *gw_string_table_copy_info(
	const struct gw_alarm_info *info, struct gw_arena *arena);
/* Replaces the texts that e points at by copies in the arena. False: no memory, and e is of no
 * use. */
bool gw_string_table_copy_texts(struct gw_event *e, struct gw_arena *arena);

#endif

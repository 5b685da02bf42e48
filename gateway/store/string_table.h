/* SPDX-License-Identifier: Apache-2.0 */
/*
 * string_table.h: the texts of alarms and boots, each kept once in the database and named by a small
 * number, so that an event row is small.
 *
 * Owner: the journal. Thread: as the database. Forget after every rollback and reopening: a
 * number given in a transaction that never was is nobody's.
 */
#ifndef GW_STORE_STRING_TABLE_H
#define GW_STORE_STRING_TABLE_H

#include "flow/event.h"
#include "store/db.h"
#include "store/pool.h"

#define GW_STRING_TABLE_CACHE  512 /* power of two */
#define GW_STRING_TABLE_DIGEST 16

struct gw_string_table {
	struct {
		unsigned char digest[GW_STRING_TABLE_DIGEST];
		int64_t id; /* 0: empty */
	} cache[GW_STRING_TABLE_CACHE];
	char boot[GW_BOOT_ID];
	int64_t boot_id; /* 0: none */
	uint64_t added;  /* texts that were new; forgetting keeps it */
};

void gw_string_table_clear_cache(struct gw_string_table *t);

/* The number of these texts, given now if they are new. Inside a transaction. */
enum gw_err gw_string_table_info_id(struct gw_string_table *t, struct gw_db *db,
	const struct gw_alarm_info *info, int64_t *ret_id, struct gw_error *err);
enum gw_err gw_string_table_boot_id(struct gw_string_table *t, struct gw_db *db,
	const char boot[GW_BOOT_ID], int64_t *ret_id, struct gw_error *err);

/* The texts of a number, in the pool's memory. GW_ERR_CORRUPT if there are none. */
enum gw_err gw_string_table_load_info(struct gw_db *db, int64_t id, struct gw_pool *pool,
	const struct gw_alarm_info **ret_info, struct gw_error *err);
/* A copy in the pool's memory; NULL without memory. */
const struct gw_alarm_info *gw_string_table_copy_info(
	const struct gw_alarm_info *info, struct gw_pool *pool);

#endif

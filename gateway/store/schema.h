/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema.h: the SQL of the database: tables, and one text per statement of db.h.
 *
 * Thread: any; constant.
 */
#ifndef GW_STORE_SCHEMA_H
#define GW_STORE_SCHEMA_H

#include "store/db.h"

extern const char gw_schema_tables[];
extern const char gw_schema_1_to_2[];
extern const char *const gw_schema_statements[GW_DB_STMTS];

/* Order of the columns of an event as bound and as read. */
enum gw_event_column {
	GW_COL_SEQ,
	GW_COL_INFO,
	GW_COL_RUN,
	GW_COL_BOOT,
	GW_COL_CLASS,
	GW_COL_LEVEL,
	GW_COL_CHANGE,
	GW_COL_STATE,
	GW_COL_UNDER,
	GW_COL_QUALITY,
	GW_COL_UNDURABLE,
	GW_COL_SYNCED,
	GW_COL_OCCURRENCE,
	GW_COL_VALUE,
	GW_COL_BOUND,
	GW_COL_PEAK,
	GW_COL_ETA_MS,
	GW_COL_MONO_NS,
	GW_COL_WALL_MS,
	GW_COL_ONSET_MS,
	GW_COL_SHELVED_UNTIL_MS,
	GW_COL_CONFIRMED_BY,
	GW_COL_NOTE,
	/* only bound, and read for the chain */
	GW_COL_PREV,
	GW_COL_HASH,
	GW_COL_BEFORE_HASH,
};

#endif

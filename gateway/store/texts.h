/* SPDX-License-Identifier: Apache-2.0 */
/*
 * texts.h: the texts of alarms and boots, each kept once in the database and named by a small
 * number, so that an event row is small.
 *
 * Owner: the journal. Thread: as the database. Forget after every rollback and reopening: a
 * number given in a transaction that never was is nobody's.
 */
#ifndef GW_STORE_TEXTS_H
#define GW_STORE_TEXTS_H

#include "flow/event.h"
#include "store/db.h"
#include "store/pool.h"

#define GW_TEXTS_CACHE  512 /* power of two */
#define GW_TEXTS_DIGEST 16

struct gw_texts {
	struct {
		unsigned char digest[GW_TEXTS_DIGEST];
		int64_t id; /* 0: empty */
	} cache[GW_TEXTS_CACHE];
	char boot[GW_BOOT_ID];
	int64_t boot_id; /* 0: none */
	uint64_t added;  /* texts that were new; forgetting keeps it */
};

void gw_texts_forget(struct gw_texts *t);

/* The number of these texts, given now if they are new. Inside a transaction. */
enum gw_err gw_texts_info(struct gw_texts *t, struct gw_db *db,
	const struct gw_alarm_info *info, int64_t *ret_id, struct gw_error *err);
enum gw_err gw_texts_boot(struct gw_texts *t, struct gw_db *db, const char boot[GW_BOOT_ID],
	int64_t *ret_id, struct gw_error *err);

/* The texts of a number, in the pool's memory. GW_ERR_CORRUPT if there are none. */
enum gw_err gw_texts_load(struct gw_db *db, int64_t id, struct gw_pool *pool,
	const struct gw_alarm_info **ret_info, struct gw_error *err);
/* A copy in the pool's memory; NULL without memory. */
const struct gw_alarm_info *gw_texts_copy(
	const struct gw_alarm_info *info, struct gw_pool *pool);

#endif

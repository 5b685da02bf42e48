/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chain.h: tamper evidence. Each row of the journal has the SHA-256 of the hash of the row before
 * it and of its own content, as a platform gets it. Who changes, adds or removes a row must change
 * every later row, and the last hash (the head) was sent to the platforms in heartbeats. Columns
 * that the store itself changes are not covered: owed and undurable bits. Rows of schema 1 have
 * no hash; the chain begins after them.
 *
 * struct gw_chain: db.h.
 * Owner: the journal. Thread: as the database.
 */
#ifndef GW_STORE_CHAIN_H
#define GW_STORE_CHAIN_H

#include "flow/event.h"
#include "store/chain_link.h"
#include "store/db.h"

/* The hash of e after a row with prev_hash; all zero and prev_seq 0: e is the first. */
enum gw_err gw_chain_hash(const unsigned char prev_hash[GW_CHAIN_HASH], uint64_t prev_seq,
	const struct gw_event *e, unsigned char ret_hash[GW_CHAIN_HASH],
	struct gw_error *err);

#define GW_CHAIN_HEX (2 * GW_CHAIN_HASH + 1)
void gw_chain_hex(const unsigned char hash[GW_CHAIN_HASH], char ret_hex[GW_CHAIN_HEX]);

/* Makes db->chain valid: reads it again after opening and after a rollback. */
enum gw_err gw_chain_load(struct gw_db *db, struct gw_error *err);
/* Inside a transaction, after rows were inserted that may have lower numbers: saves the head, and
 * that this happened, even if the last row has the highest number. */
enum gw_err gw_chain_save_head(struct gw_db *db, struct gw_error *err);
/* Inside a transaction: binds the place of the row that is inserted next, the new head; then
 * advances the head to it. */
enum gw_err gw_chain_bind_next(struct gw_db *db, const struct gw_event *e,
	sqlite3_stmt *put, unsigned char ret_hash[GW_CHAIN_HASH], struct gw_error *err);
enum gw_err gw_chain_advance(struct gw_db *db, uint64_t seq,
	const unsigned char hash[GW_CHAIN_HASH], struct gw_error *err);
/* Inside a transaction, before a row is deleted: keeps its hash for the row after it. */
enum gw_err gw_chain_remove(struct gw_db *db, uint64_t seq, struct gw_error *err);

/* A check of the whole chain, some rows at a time, because commits must not wait for it. */
struct gw_chain_walk {
	uint64_t rows, unchained; /* checked; of these, rows of schema 1 without a hash */
	uint64_t last_seq;        /* the row checked last, 0: none */
	unsigned char hash[GW_CHAIN_HASH];
	bool last_has_hash; /* the last one had a hash */
	bool done;
	uint64_t broken; /* the first row that is not as it was written; 0: none */
	char why[160];
};
/* The next rows; zeroed to begin. done: all are checked, or one is broken. */
enum gw_err gw_chain_walk(struct gw_db *db, struct gw_chain_walk *w, struct gw_error *err);

#endif

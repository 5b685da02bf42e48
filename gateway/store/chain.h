/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chain.h: tamper evidence. Each row of the journal carries the SHA-256 over its predecessor's
 * hash and its own content, what the platform gets of it: whoever changes, adds or removes a row
 * must change all that follow, and the heartbeats have told the head. What is not covered is what
 * changes by itself: to whom an event is owed and whom it left before its commit. Rows of
 * schema 1 have no hash; the chain begins after them.
 *
 * Owner: the journal. Thread: as the database.
 */
#ifndef GW_STORE_CHAIN_H
#define GW_STORE_CHAIN_H

#include "flow/event.h"
#include "store/db.h"

/* The hash of e behind a row with that hash; all zero: behind none. */
enum gw_err gw_chain_hash(const unsigned char prev_hash[GW_CHAIN_HASH], uint64_t prev_seq,
	const struct gw_event *e, unsigned char ret_hash[GW_CHAIN_HASH],
	struct gw_error *err);

/* What a row says of its place in the chain. */
struct gw_chain_link {
	bool exists, has_hash,
		prev_removed; /* gap: the row before was removed, before_hash was its */
	uint64_t prev_seq;    /* number of its predecessor, 0: it is the first */
	unsigned char hash[GW_CHAIN_HASH], prev_hash[GW_CHAIN_HASH];
};
/* From the columns prev, hash and before_hash, which stand side by side, of row seq. */
void gw_chain_read_link(
	sqlite3_stmt *st, int prev, uint64_t seq, struct gw_chain_link *ret);

/* db->chain is right: read again after opening and after a rollback. */
enum gw_err gw_chain_load(struct gw_db *db, struct gw_error *err);
/* Inside a transaction, after rows went in that may be out of their order: the head is remembered,
 * and that this happened, even if the last one has the highest number. */
enum gw_err gw_chain_save_head(struct gw_db *db, struct gw_error *err);
/* Inside a transaction: the row that is put next ends the chain. Binds its place. */
enum gw_err gw_chain_bind_next(struct gw_db *db, const struct gw_event *e,
	sqlite3_stmt *put, unsigned char ret_hash[GW_CHAIN_HASH], struct gw_error *err);
enum gw_err gw_chain_advance(struct gw_db *db, uint64_t seq,
	const unsigned char hash[GW_CHAIN_HASH], struct gw_error *err);
/* Inside a transaction, before a row is deleted: its hash stays for its successor. */
enum gw_err gw_chain_remove(struct gw_db *db, uint64_t seq, struct gw_error *err);

/* A look at the whole chain in pieces, because commits must not wait for it. */
struct gw_chain_walk {
	uint64_t rows, unchained; /* looked at; of these without a hash, from schema 1 */
	uint64_t last_seq;        /* the row looked at last, 0: none */
	unsigned char hash[GW_CHAIN_HASH];
	bool last_has_hash; /* the last one had a hash */
	bool done;
	uint64_t broken; /* the first row that is not as it was written; 0: none */
	char why[160];
};
/* The next rows of the walk; zeroed to begin. over: that was all, or one is broken. */
enum gw_err gw_chain_walk(struct gw_db *db, struct gw_chain_walk *w, struct gw_error *err);

#endif

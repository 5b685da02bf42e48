/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chain_link.h: the place of a row in the chain of hashes (chain.h), as its columns hold it.
 *
 * Thread: as the database.
 */
#ifndef GW_STORE_CHAIN_LINK_H
#define GW_STORE_CHAIN_LINK_H

#include "store/db.h"

/* The place of a row in the chain. */
struct gw_chain_link {
	bool exists, has_hash,
		prev_removed; /* the row before it was deleted, prev_hash was its */
	uint64_t prev_seq;    /* of the row before it, 0: it is the first */
	unsigned char hash[GW_CHAIN_HASH], prev_hash[GW_CHAIN_HASH];
};
/* From the columns prev, hash and before_hash, in this order, of row seq. */
void gw_chain_link_read(
	sqlite3_stmt *st, int prev, uint64_t seq, struct gw_chain_link *ret);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "store/chain_link.h"

#include <string.h>

/* Column prev is NULL if the row before has the number before. */
void gw_chain_link_read(sqlite3_stmt *st, int prev, uint64_t seq, struct gw_chain_link *ret)
{
	const void *hash = sqlite3_column_blob(st, prev + 1);

	*ret = (struct gw_chain_link){.exists = true,
		.has_hash = hash && sqlite3_column_bytes(st, prev + 1) == GW_CHAIN_HASH,
		.prev_seq = sqlite3_column_type(st, prev) == SQLITE_NULL
			? seq - 1
			: (uint64_t)sqlite3_column_int64(st, prev)};
	if (ret->has_hash)
		memcpy(ret->hash, hash, GW_CHAIN_HASH);
	hash = sqlite3_column_blob(st, prev + 2);
	ret->prev_removed = hash && sqlite3_column_bytes(st, prev + 2) == GW_CHAIN_HASH;
	if (ret->prev_removed)
		memcpy(ret->prev_hash, hash, GW_CHAIN_HASH);
}

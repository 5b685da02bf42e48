/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store_status.h"

#include "store/registry.h"
#include "store/store_internal.h"

#include <stdio.h>

void gw_store_publish_status(struct gw_store *s)
{
	struct gw_store_status st = {
		.opening = !s->start_recorded,
		.failing = s->failing,
		.replaced = s->replaced,
		.committed = atomic_load_explicit(&s->committed, memory_order_relaxed),
		.commits = s->commits,
		.rows = s->rows,
		.trimmed = s->retention.trimmed,
		.lost = s->retention.lost,
		.refused = s->refused,
	};
	int64_t pages = 0, unused = 0;

	if (s->failing)
		snprintf(st.why, sizeof(st.why), "%s", s->why.text);
	if (s->db.handle && gw_db_pages(&s->db, &pages, &unused, NULL) == GW_OK)
		st.file_bytes = pages * GW_DB_PAGE_BYTES;
	if (s->db.handle && s->db.chain.known && s->db.chain.seq) {
		st.head_seq = s->db.chain.seq;
		gw_chain_hex(s->db.chain.hash, st.head);
	}
	st.pending = s->n_entries;
	gw_registry_status(s, &st);
	for (size_t slot = 0; slot < GW_STORE_SLOTS; slot++) {
		uint32_t bit = s->mailboxes[slot].bit;

		if (bit) {
			st.owed[slot] = s->owed[__builtin_ctz(bit)];
			st.parked[slot] = s->parked[__builtin_ctz(bit)];
		}
		for (size_t i = 0; i < s->n_entries; i++) {
			st.owed[slot] += s->entries[i].owed >> slot & 1;
			st.parked[slot] += s->entries[i].parked >> slot & 1;
		}
	}
	pthread_mutex_lock(&s->lock);
	s->status = st;
	pthread_mutex_unlock(&s->lock);
}

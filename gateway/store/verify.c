/* SPDX-License-Identifier: Apache-2.0 */
/* `tocsin verify`: a walk over the chain, a piece a round, so that no commit waits for it. */
#include "store/chain.h"
#include "store/store_internal.h"

#include <stdio.h>
#include <stdlib.h>

void gw_chain_hex(const unsigned char hash[GW_CHAIN_HASH], char ret_hex[GW_STORE_HASH_HEX])
{
	for (size_t i = 0; i < GW_CHAIN_HASH; i++)
		snprintf(ret_hex + 2 * i, 3, "%02x", hash[i]);
}

/* ---- main's side ---- */

bool gw_store_request_verify(struct gw_store *s)
{
	/* relaxed: nothing is handed over with it */
	if (atomic_exchange_explicit(&s->verify_requested, true, memory_order_relaxed))
		return false;
	gw_wake_poke(&s->wake);
	return true;
}

bool gw_store_take_verify_result(
	struct gw_store *s, struct gw_store_verify_result *ret_result)
{
	/* acquire: what the store wrote there is seen */
	struct gw_store_verify_result *v = atomic_exchange_explicit(
		&s->verify_result, NULL, memory_order_acquire);

	if (!v)
		return false;
	*ret_result = *v;
	free(v);
	return true;
}

/* ---- the store's ---- */

static void publish_result(struct gw_store *s, const struct gw_error *why)
{
	const struct gw_chain_walk *w = &s->walk;
	struct gw_store_verify_result *v = calloc(1, sizeof(*v));

	s->verifying = false;
	if (!v)
		return; /* it is asked still: in the next round */
	*v = (struct gw_store_verify_result){.failed = why != NULL,
		.rows = w->rows,
		.unchained = w->unchained,
		.broken = w->broken,
		.head_seq = s->db.chain.seq};
	snprintf(v->why, sizeof(v->why), "%s", why ? why->text : w->why);
	if (s->db.chain.seq)
		gw_chain_hex(s->db.chain.hash, v->head);
	atomic_store_explicit(&s->verify_requested, false, memory_order_relaxed);
	free(atomic_exchange_explicit(&s->verify_result, v, memory_order_acq_rel));
	if (s->reader)
		gw_wake_poke(s->reader);
}

bool gw_verify_step(struct gw_store *s, bool last)
{
	uint32_t generation = atomic_load_explicit(
		&s->backlog_generation, memory_order_relaxed);
	struct gw_error why = {0};

	if (!atomic_load_explicit(&s->verify_requested, memory_order_relaxed))
		return false;
	/* rows that came in out of their order behind the walk: from the beginning again */
	if (!s->verifying || s->walk_generation != generation)
		s->walk = (struct gw_chain_walk){.rows = 0};
	s->verifying = true;
	s->walk_generation = generation;
	if (last) {
		gw_fail(&why, GW_ERR_STOPPED, 0, "tocsind stops");
		publish_result(s, &why);
	} else if (!s->start_recorded || s->failing || s->suspect) {
		gw_fail(&why, GW_ERR_SYSTEM, 0, "the database cannot be read now: %s",
			s->failing ? s->why.text : "it is being opened");
		publish_result(s, &why);
	} else if (gw_chain_walk(&s->db, &s->walk, &why)) {
		publish_result(s, &why);
	} else if (s->walk.done) {
		publish_result(s, NULL);
	}
	return s->verifying;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* `tocsin verify`: a walk over the chain, a piece a round, so that no commit waits for it. */
#include "store/chain.h"
#include "store/inner.h"

#include <stdio.h>
#include <stdlib.h>

void gw_store_head(const unsigned char hash[GW_CHAIN_HASH], char ret_hex[GW_STORE_HEX])
{
	for (size_t i = 0; i < GW_CHAIN_HASH; i++)
		snprintf(ret_hex + 2 * i, 3, "%02x", hash[i]);
}

/* ---- main's side ---- */

bool gw_store_ask_verify(struct gw_store *s)
{
	/* relaxed: nothing is handed over with it */
	if (atomic_exchange_explicit(&s->verify_asked, true, memory_order_relaxed))
		return false;
	gw_wake_poke(&s->wake);
	return true;
}

bool gw_store_take_verified(struct gw_store *s, struct gw_store_verified *ret_verified)
{
	/* acquire: what the store wrote there is seen */
	struct gw_store_verified *v = atomic_exchange_explicit(
		&s->verified, NULL, memory_order_acquire);

	if (!v)
		return false;
	*ret_verified = *v;
	free(v);
	return true;
}

/* ---- the store's ---- */

static void finish(struct gw_store *s, const struct gw_error *why)
{
	const struct gw_chain_walk *w = &s->walk;
	struct gw_store_verified *v = calloc(1, sizeof(*v));

	s->verifying = false;
	if (!v)
		return; /* it is asked still: in the next round */
	*v = (struct gw_store_verified){.failed = why != NULL,
		.rows = w->rows,
		.unchained = w->unchained,
		.broken = w->broken,
		.head_seq = s->db.chain.seq};
	snprintf(v->why, sizeof(v->why), "%s", why ? why->text : w->why);
	if (s->db.chain.seq)
		gw_store_head(s->db.chain.hash, v->head);
	atomic_store_explicit(&s->verify_asked, false, memory_order_relaxed);
	free(atomic_exchange_explicit(&s->verified, v, memory_order_acq_rel));
	if (s->reader)
		gw_wake_poke(s->reader);
}

bool gw_verify_step(struct gw_store *s, bool last)
{
	uint32_t debts = atomic_load_explicit(&s->debts, memory_order_relaxed);
	struct gw_error why = {0};

	if (!atomic_load_explicit(&s->verify_asked, memory_order_relaxed))
		return false;
	/* rows that came in out of their order behind the walk: from the beginning again */
	if (!s->verifying || s->walk_debts != debts)
		s->walk = (struct gw_chain_walk){.rows = 0};
	s->verifying = true;
	s->walk_debts = debts;
	if (last) {
		gw_fail(&why, GW_ERR_STOPPED, 0, "tocsind stops");
		finish(s, &why);
	} else if (!s->signed_in || s->failing || s->suspect) {
		gw_fail(&why, GW_ERR_SYSTEM, 0, "the database cannot be read now: %s",
			s->failing ? s->why.text : "it is being opened");
		finish(s, &why);
	} else if (gw_chain_walk(&s->db, &s->walk, &why)) {
		finish(s, &why);
	} else if (s->walk.over) {
		finish(s, NULL);
	}
	return s->verifying;
}

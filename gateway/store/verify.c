/* SPDX-License-Identifier: Apache-2.0 */
#include "store/verify.h"

#include "store/chain.h"
#include "store/store_internal.h"

#include <stdio.h>
#include <stdlib.h>

static void publish_result(struct gw_store *s, const struct gw_error *why)
{
	const struct gw_chain_walk *w = &s->walk;
	struct gw_store_verify_result *v = calloc(1, sizeof(*v));

	s->verifying = false;
	if (!v)
		return; /* no memory: verify_requested stands, so the next step walks again */
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

bool gw_verify_step(struct gw_store *s, bool stopping)
{
	uint32_t revision = atomic_load_explicit(
		&s->backlog_revision, memory_order_relaxed);
	struct gw_error why = {0};

	if (!atomic_load_explicit(&s->verify_requested, memory_order_relaxed))
		return false;
	/* Rows were inserted behind the walk: it begins again. */
	if (!s->verifying || s->walk_revision != revision)
		s->walk = (struct gw_chain_walk){.rows = 0};
	s->verifying = true;
	s->walk_revision = revision;
	if (stopping) {
		gw_fail(&why, GW_ERR_STOPPED, 0, "tocsind stops");
		publish_result(s, &why);
	} else if (!s->start_recorded || s->failing || s->recheck_needed) {
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

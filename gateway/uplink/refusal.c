/* SPDX-License-Identifier: Apache-2.0 */
#include "uplink/refusal.h"

bool gw_refusal_note(struct gw_outbox *o)
{
	struct gw_outbox_item *last = NULL;
	size_t n = 0, i;

	for (i = 0; i < o->n; i++) {
		struct gw_outbox_item *it = o->items[i];

		/* The suspects of an earlier refusal are cleared: this refusal explains it. */
		it->suspect = it->picked;
		it->awaits_witness = it->picked ||
			(it->refused_alone && it->awaits_witness);
		if (it->picked) {
			last = it;
			n++;
		}
	}
	o->n_suspects = n;
	gw_outbox_retry(o);
	if (n != 1)
		return false;
	last->suspect = false;
	last->refused_alone = true;
	o->n_suspects = 0;
	o->seeks_witness = true;
	return true;
}

struct gw_outbox_item *gw_refusal_next_proved(struct gw_outbox *o)
{
	size_t i;

	o->seeks_witness = false;
	for (i = 0; i < o->n; i++) {
		struct gw_outbox_item *it = o->items[i];

		if (it->awaits_witness && it->refused_alone && it->refused_with_witness)
			return gw_outbox_remove(o, i);
		it->refused_with_witness |= it->awaits_witness;
		it->awaits_witness = false;
		o->seeks_witness |= it->refused_alone;
	}
	return NULL;
}

void gw_refusal_abandon(struct gw_outbox *o)
{
	size_t i;

	for (i = 0; i < o->n; i++) {
		struct gw_outbox_item *it = o->items[i];

		if (it->refused_alone && it->searches_abandoned < UINT8_MAX)
			it->searches_abandoned++;
		it->suspect = it->awaits_witness = it->refused_alone =
			it->refused_with_witness = false;
	}
	o->n_suspects = 0;
	o->seeks_witness = false;
	o->one_by_one = true;
}

bool gw_refusal_in_progress(const struct gw_outbox *o)
{
	return o->seeks_witness || o->n_suspects > 0;
}

/* Earlier events of its alarm would be before it in the order. */
static bool is_first_of_alarm(const struct gw_outbox *o, size_t at)
{
	size_t i;

	for (i = 0; i < at; i++)
		if (o->items[i]->alarm == o->items[at]->alarm)
			return false;
	return true;
}

/* Of those refused least often, the first in the order; so every event gets its turn. */
static struct gw_outbox_item *least_refused(
	const struct gw_outbox *o, const struct gw_outbox_pick_opts *opts, bool first_only)
{
	struct gw_outbox_item *best = NULL;
	size_t i;

	for (i = 0; i < o->n && (best == NULL || best->searches_abandoned > 0); i++) {
		struct gw_outbox_item *it = o->items[i];

		if (it->awaits_witness ||
			(best != NULL &&
				it->searches_abandoned >= best->searches_abandoned) ||
			!gw_outbox_may_send(o, it, opts))
			continue;
		if (!first_only || is_first_of_alarm(o, i))
			best = it;
	}
	return best;
}

/* The one event to try next during a search. First one that was refused alone before; then the
 * one that was refused least often. */
static size_t pick_one(struct gw_outbox *o, const struct gw_outbox_pick_opts *opts,
	struct gw_outbox_item **ret_items)
{
	struct gw_outbox_item *it = NULL;
	size_t i;

	for (i = 0; i < o->n && it == NULL; i++)
		if (o->items[i]->refused_alone && !o->items[i]->awaits_witness &&
			gw_outbox_may_send(o, o->items[i], opts))
			it = o->items[i];
	if (it == NULL)
		it = least_refused(o, opts, true);
	if (it == NULL && opts->any_witness)
		it = least_refused(o, opts, false);
	if (it == NULL)
		return 0;
	it->picked = true;
	ret_items[0] = it;
	return 1;
}

size_t gw_refusal_pick(struct gw_outbox *o, const struct gw_outbox_pick_opts *opts,
	struct gw_outbox_item **ret_items)
{
	return o->seeks_witness || o->one_by_one ? pick_one(o, opts, ret_items)
						 : gw_outbox_pick(o, opts, ret_items);
}

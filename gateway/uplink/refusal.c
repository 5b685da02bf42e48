/* SPDX-License-Identifier: Apache-2.0 */
#include "uplink/refusal.h"

bool gw_refusal_record(struct gw_outbox *o)
{
	struct gw_outbox_item *last = NULL;
	size_t n = 0, i;

	for (i = 0; i < o->n; i++) {
		struct gw_outbox_item *it = o->items[i];

		/* The suspects of an earlier refusal are cleared: this refusal explains it. */
		it->suspect = it->picked;
		it->refused = it->picked || (it->alone && it->refused);
		if (it->picked) {
			last = it;
			n++;
		}
	}
	o->suspects = n;
	gw_outbox_retry(o);
	if (n != 1)
		return false;
	last->suspect = false;
	last->alone = true;
	o->suspects = 0;
	o->searching = true;
	return true;
}

struct gw_outbox_item *gw_refusal_next_proved(struct gw_outbox *o)
{
	size_t i;

	o->searching = false;
	for (i = 0; i < o->n; i++) {
		struct gw_outbox_item *it = o->items[i];

		if (it->refused && it->alone && it->refused_once)
			return gw_outbox_remove(o, i);
		it->refused_once |= it->refused;
		it->refused = false;
		o->searching |= it->alone;
	}
	return NULL;
}

void gw_refusal_abandon(struct gw_outbox *o)
{
	size_t i;

	for (i = 0; i < o->n; i++) {
		struct gw_outbox_item *it = o->items[i];

		if (it->alone && it->refusals < UINT8_MAX)
			it->refusals++;
		it->suspect = it->refused = it->alone = it->refused_once = false;
	}
	o->suspects = 0;
	o->searching = false;
	o->probing = true;
}

bool gw_refusal_in_progress(const struct gw_outbox *o)
{
	return o->searching || o->suspects > 0;
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

	for (i = 0; i < o->n && (best == NULL || best->refusals > 0); i++) {
		struct gw_outbox_item *it = o->items[i];

		if (it->refused || (best != NULL && it->refusals >= best->refusals) ||
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
		if (o->items[i]->alone && !o->items[i]->refused &&
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
	return o->searching || o->probing ? pick_one(o, opts, ret_items)
					  : gw_outbox_pick(o, opts, ret_items);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "uplink/refusal.h"

bool gw_refusal_note(struct gw_outbox *o)
{
	struct gw_outbox_item *last = NULL;
	size_t n = 0, i;

	for (i = 0; i < o->n; i++) {
		struct gw_outbox_item *it = o->at[i];

		/* Of the others, those of an earlier refusal are under no suspicion any more:
		 * what was just refused explains it. */
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

struct gw_outbox_item *gw_refusal_proved(struct gw_outbox *o)
{
	size_t i;

	o->searching = false;
	for (i = 0; i < o->n; i++) {
		struct gw_outbox_item *it = o->at[i];

		if (it->refused && it->alone && it->doubted)
			return gw_outbox_take_out(o, i);
		it->doubted |= it->refused;
		it->refused = false;
		o->searching |= it->alone;
	}
	return NULL;
}

void gw_refusal_unproved(struct gw_outbox *o)
{
	size_t i;

	for (i = 0; i < o->n; i++) {
		struct gw_outbox_item *it = o->at[i];

		if (it->alone && it->refusals < UINT8_MAX)
			it->refusals++;
		it->suspect = it->refused = it->alone = it->doubted = false;
	}
	o->suspects = 0;
	o->searching = false;
	o->probing = true;
}

bool gw_refusal_open(const struct gw_outbox *o)
{
	return o->searching || o->suspects > 0;
}

/* No earlier event of its alarm is there: those stand before it in the order. */
static bool is_head(const struct gw_outbox *o, size_t at)
{
	size_t i;

	for (i = 0; i < at; i++)
		if (o->at[i]->alarm == o->at[at]->alarm)
			return false;
	return true;
}

/* Records of one alarm are tried in turn, too, once each was refused as often as the first. */
static struct gw_outbox_item *least_refused(
	const struct gw_outbox *o, const struct gw_outbox_now *now, bool heads_only)
{
	struct gw_outbox_item *best = NULL;
	size_t i;

	for (i = 0; i < o->n && (best == NULL || best->refusals > 0); i++) {
		struct gw_outbox_item *it = o->at[i];

		if (it->refused || (best != NULL && it->refusals >= best->refusals) ||
			!gw_outbox_may_leave(o, it, now))
			continue;
		if (!heads_only || is_head(o, i))
			best = it;
	}
	return best;
}

size_t gw_refusal_pick_one(struct gw_outbox *o, const struct gw_outbox_now *now,
	struct gw_outbox_item **ret_items)
{
	struct gw_outbox_item *it = NULL;
	size_t i;

	for (i = 0; i < o->n && it == NULL; i++)
		if (o->at[i]->alone && !o->at[i]->refused &&
			gw_outbox_may_leave(o, o->at[i], now))
			it = o->at[i];
	if (it == NULL)
		it = least_refused(o, now, true);
	if (it == NULL && now->any_witness)
		it = least_refused(o, now, false);
	if (it == NULL)
		return 0;
	it->picked = true;
	ret_items[0] = it;
	return 1;
}

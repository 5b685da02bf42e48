/* SPDX-License-Identifier: Apache-2.0 */
#include "uplink/outbox.h"

#include "base/hash.h"
#include "base/pages.h"

#include <stdlib.h>
#include <string.h>

enum gw_err gw_outbox_init(
	struct gw_outbox *o, size_t max_items, size_t max_bytes, struct gw_error *err)
{
	*o = (struct gw_outbox){
		.max_items = max_items,
		.max_bytes = max_bytes,
		.complete_up_to = {.level = GW_LEVEL_RED + 1},
	};
	o->items = gw_pages_map(max_items, sizeof(struct gw_outbox_item *));
	if (o->items == NULL)
		return gw_fail(
			err, GW_ERR_SYSTEM, 0, "no memory for %zu events", max_items);
	return GW_OK;
}

void gw_outbox_fini(struct gw_outbox *o)
{
	size_t i;

	for (i = 0; i < o->n; i++)
		free(o->items[i]);
	gw_pages_unmap(o->items, o->max_items, sizeof(struct gw_outbox_item *));
	*o = (struct gw_outbox){.items = NULL};
}

uint64_t gw_outbox_alarm_hash(const char *key)
{
	return gw_hash(GW_HASH_START, key, strlen(key));
}

/* In the order of the store. */
static bool is_after(int level, uint64_t seq, struct gw_owed_cursor c)
{
	return level < c.level || (level == c.level && seq > c.seq);
}

/* Where an item of this urgency and seq is or would be. */
static size_t position(const struct gw_outbox *o, int urgency, uint64_t seq)
{
	size_t low = 0, high = o->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct gw_outbox_item *it = o->items[middle];

		if (it->urgency > urgency || (it->urgency == urgency && it->seq < seq))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void insert(struct gw_outbox *o, struct gw_outbox_item *it)
{
	size_t i = position(o, it->urgency, it->seq);

	memmove(&o->items[i + 1], &o->items[i],
		(o->n - i) * sizeof(struct gw_outbox_item *));
	o->items[i] = it;
	o->n++;
}

static struct gw_outbox_item *remove_item(struct gw_outbox *o, size_t i)
{
	struct gw_outbox_item *it = o->items[i];

	o->n--;
	memmove(&o->items[i], &o->items[i + 1],
		(o->n - i) * sizeof(struct gw_outbox_item *));
	return it;
}

static size_t weight(size_t n)
{
	return sizeof(struct gw_outbox_item) + n;
}

static void leave_out(struct gw_outbox *o, const struct gw_outbox_item *it)
{
	/* The store orders events by their own level. */
	if (!is_after(it->level, it->seq, o->complete_up_to))
		o->complete_up_to = (struct gw_owed_cursor){
			.level = it->level, .seq = it->seq - 1};
	if (it->seq > o->left_out)
		o->left_out = it->seq;
}

static void discard(struct gw_outbox *o, struct gw_outbox_item *it)
{
	o->bytes -= weight(it->n);
	if (it->suspect && o->n_suspects > 0)
		o->n_suspects--;
	free(it);
}

/* Leaves events to the store until there is room for one more of that size. False: the new one, of
 * this urgency and seq, would be sent last. */
static bool evict_for(struct gw_outbox *o, int urgency, uint64_t seq, size_t bytes)
{
	size_t i = o->n;

	while (o->n > 0 && (o->n == o->max_items || o->bytes + bytes > o->max_bytes)) {
		while (i > 0 && o->items[i - 1]->picked)
			i--;
		if (i == 0 || position(o, urgency, seq) >= i)
			return false;
		i--;
		leave_out(o, o->items[i]);
		discard(o, remove_item(o, i));
	}
	return true;
}

/* Events of an alarm are sent by seq: the new one is at least as urgent as any later one. */
static uint8_t urgency_of(const struct gw_outbox *o, const struct gw_outbox_item *added)
{
	size_t above = position(o, added->level, 0), i;

	for (i = 0; i < above; i++)
		if (o->items[i]->alarm == added->alarm && o->items[i]->seq > added->seq)
			return o->items[i]->urgency;
	return added->level;
}

/* ... and every earlier one at least as urgent as the new one. */
static void raise_earlier(struct gw_outbox *o, const struct gw_outbox_item *added)
{
	size_t i;

	for (i = position(o, added->urgency - 1, 0); i < o->n; i++) {
		struct gw_outbox_item *it = o->items[i];

		if (it->alarm != added->alarm || it->seq >= added->seq)
			continue;
		remove_item(o, i);
		it->urgency = added->urgency;
		insert(o, it); /* moves up: the items after i stay where they are */
	}
}

bool gw_outbox_add(
	struct gw_outbox *o, const struct gw_outbox_item *item, const char *body, size_t n)
{
	struct gw_outbox_item *it = NULL;
	uint8_t urgency = urgency_of(o, item);

	if (item->seq > o->newest)
		o->newest = item->seq;
	if (evict_for(o, urgency, item->seq, weight(n)))
		it = malloc(weight(n));
	if (it == NULL) {
		leave_out(o, item);
		return false;
	}
	*it = *item;
	it->urgency = urgency;
	it->picked = it->suspect = it->awaits_witness = it->refused_alone =
		it->refused_with_witness = false;
	it->searches_abandoned = 0;
	it->n = n;
	memcpy(it->body, body, n);
	o->bytes += weight(it->n);
	raise_earlier(o, it);
	insert(o, it);
	return true;
}

void gw_outbox_note_missing(struct gw_outbox *o, uint64_t seq)
{
	o->complete_up_to = (struct gw_owed_cursor){.level = GW_LEVEL_RED + 1};
	if (seq > o->left_out)
		o->left_out = seq;
}

bool gw_outbox_has(const struct gw_outbox *o, uint64_t seq)
{
	int urgency;

	for (urgency = 0; urgency < GW_OUTBOX_LEVELS; urgency++) {
		size_t i = position(o, urgency, seq);

		if (i < o->n && o->items[i]->seq == seq)
			return true;
	}
	return false;
}

struct gw_outbox_item *gw_outbox_remove(struct gw_outbox *o, size_t i)
{
	struct gw_outbox_item *it = remove_item(o, i);

	o->bytes -= weight(it->n);
	return it;
}

bool gw_outbox_may_send(const struct gw_outbox *o, const struct gw_outbox_item *it,
	const struct gw_outbox_pick_opts *opts)
{
	if (!it->stored && it->seq > opts->committed && it->occurred_ns > opts->overdue_ns)
		return false;
	return opts->beyond_complete || !is_after(it->urgency, it->seq, o->complete_up_to);
}

size_t gw_outbox_pick(struct gw_outbox *o, const struct gw_outbox_pick_opts *opts,
	struct gw_outbox_item **ret_items)
{
	size_t max_items = opts->max_items, bytes = 0, n = 0, i;

	for (i = 0; i < o->n && n < max_items; i++) {
		struct gw_outbox_item *it = o->items[i];

		if (!gw_outbox_may_send(o, it, opts))
			continue;
		if (n > 0 &&
			(it->suspect != ret_items[0]->suspect ||
				bytes + it->n > opts->max_bytes))
			break;
		if (n == 0 && it->suspect && max_items > o->n_suspects / 2)
			max_items = o->n_suspects > 1 ? o->n_suspects / 2 : 1;
		bytes += it->n;
		it->picked = true;
		ret_items[n++] = it;
	}
	return n;
}

int64_t gw_outbox_next_overdue(const struct gw_outbox *o, uint64_t committed)
{
	int64_t first = INT64_MAX;
	size_t i;

	if (o->newest <= committed)
		return first;
	for (i = 0; i < o->n; i++)
		if (!o->items[i]->stored && o->items[i]->seq > committed &&
			o->items[i]->occurred_ns < first)
			first = o->items[i]->occurred_ns;
	return first;
}

void gw_outbox_sent(struct gw_outbox *o)
{
	size_t from, to;

	for (from = to = 0; from < o->n; from++)
		if (o->items[from]->picked)
			discard(o, o->items[from]);
		else
			o->items[to++] = o->items[from];
	o->n = to;
}

void gw_outbox_retry(struct gw_outbox *o)
{
	size_t i;

	for (i = 0; i < o->n; i++)
		o->items[i]->picked = false;
}

void gw_outbox_advance(struct gw_outbox *o, struct gw_owed_cursor to)
{
	o->complete_up_to = to;
}

bool gw_outbox_is_complete(const struct gw_outbox *o)
{
	return o->complete_up_to.level < 0;
}

int64_t gw_outbox_oldest_ns(const struct gw_outbox *o)
{
	int64_t oldest = INT64_MAX;
	int urgency;

	for (urgency = 0; urgency < GW_OUTBOX_LEVELS; urgency++) {
		size_t i = position(o, urgency, 0);

		if (i < o->n && o->items[i]->occurred_ns < oldest)
			oldest = o->items[i]->occurred_ns;
	}
	return oldest;
}

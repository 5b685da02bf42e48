/* SPDX-License-Identifier: Apache-2.0 */
#include "uplink/outbox.h"

#include "uplink/refusal.h"

#include <stdlib.h>
#include <string.h>

enum gw_err gw_outbox_init(
	struct gw_outbox *o, size_t most, size_t most_bytes, struct gw_error *err)
{
	*o = (struct gw_outbox){
		.most = most,
		.most_bytes = most_bytes,
		.complete = {.level = GW_LEVEL_RED + 1},
	};
	o->at = calloc(most, sizeof(struct gw_outbox_item *));
	if (o->at == NULL)
		return gw_fail(err, GW_ERR_SYSTEM, 0, "no memory for %zu events", most);
	return GW_OK;
}

void gw_outbox_fini(struct gw_outbox *o)
{
	size_t i;

	for (i = 0; i < o->n; i++)
		free(o->at[i]);
	free(o->at);
	*o = (struct gw_outbox){.at = NULL};
}

uint64_t gw_outbox_alarm(const char *key)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

	for (; *key; key++)
		h = (h ^ (unsigned char)*key) * UINT64_C(0x100000001b3);
	return h;
}

/* Whether level and seq come after the cursor in the order events leave. */
static bool beyond(int level, uint64_t seq, struct gw_cursor c)
{
	return level < c.level || (level == c.level && seq > c.seq);
}

/* Where an item of this urgency and seq stands or would stand. */
static size_t place(const struct gw_outbox *o, int urgency, uint64_t seq)
{
	size_t low = 0, high = o->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct gw_outbox_item *it = o->at[middle];

		if (it->urgency > urgency || (it->urgency == urgency && it->seq < seq))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void insert(struct gw_outbox *o, struct gw_outbox_item *it)
{
	size_t i = place(o, it->urgency, it->seq);

	memmove(&o->at[i + 1], &o->at[i], (o->n - i) * sizeof(struct gw_outbox_item *));
	o->at[i] = it;
	o->n++;
}

static struct gw_outbox_item *take_out(struct gw_outbox *o, size_t i)
{
	struct gw_outbox_item *it = o->at[i];

	o->n--;
	memmove(&o->at[i], &o->at[i + 1], (o->n - i) * sizeof(struct gw_outbox_item *));
	return it;
}

static size_t weight(size_t n)
{
	return sizeof(struct gw_outbox_item) + n + 1;
}

static void leave_out(struct gw_outbox *o, const struct gw_outbox_item *it)
{
	/* The store's order knows an event's own level only. */
	if (!beyond(it->level, it->seq, o->complete))
		o->complete = (struct gw_cursor){.level = it->level, .seq = it->seq - 1};
	if (it->seq > o->left_out)
		o->left_out = it->seq;
}

static void forget(struct gw_outbox *o, struct gw_outbox_item *it)
{
	o->bytes -= it->weight;
	if (it->suspect && o->suspects > 0)
		o->suspects--;
	free(it);
}

/* Room for one more of that weight before urgency and seq; false if it would leave last. */
static bool make_room(struct gw_outbox *o, int urgency, uint64_t seq, size_t bytes)
{
	size_t i = o->n;

	while (o->n > 0 && (o->n == o->most || o->bytes + bytes > o->most_bytes)) {
		while (i > 0 && o->at[i - 1]->picked)
			i--;
		if (i == 0 || place(o, urgency, seq) >= i)
			return false;
		i--;
		leave_out(o, o->at[i]);
		forget(o, take_out(o, i));
	}
	return true;
}

/* An alarm's events leave by seq: the new one is at least as urgent as any later one. */
static uint8_t urgency_of(const struct gw_outbox *o, const struct gw_outbox_item *new)
{
	size_t above = place(o, new->level, 0), i;

	for (i = 0; i < above; i++)
		if (o->at[i]->alarm == new->alarm && o->at[i]->seq > new->seq)
			return o->at[i]->urgency;
	return new->level;
}

/* ... and every earlier one at least as urgent as the new one. */
static void hurry_earlier(struct gw_outbox *o, const struct gw_outbox_item *new)
{
	size_t i;

	for (i = place(o, new->urgency - 1, 0); i < o->n; i++) {
		struct gw_outbox_item *it = o->at[i];

		if (it->alarm != new->alarm || it->seq >= new->seq)
			continue;
		take_out(o, i);
		it->urgency = new->urgency;
		insert(o, it); /* further up: what follows i stays where it is */
	}
}

bool gw_outbox_add(
	struct gw_outbox *o, const struct gw_outbox_item *item, const char *body, size_t n)
{
	struct gw_outbox_item *it = NULL;
	uint8_t urgency = urgency_of(o, item);

	if (item->seq > o->newest)
		o->newest = item->seq;
	if (make_room(o, urgency, item->seq, weight(n)))
		it = malloc(weight(n));
	if (it == NULL) {
		leave_out(o, item);
		return false;
	}
	*it = *item;
	it->urgency = urgency;
	it->picked = it->suspect = it->refused = it->alone = it->doubted = false;
	it->refusals = 0;
	it->weight = weight(n);
	it->n = n;
	memcpy(it->body, body, n);
	o->bytes += it->weight;
	hurry_earlier(o, it);
	insert(o, it);
	return true;
}

void gw_outbox_missed(struct gw_outbox *o, uint64_t seq)
{
	o->complete = (struct gw_cursor){.level = GW_LEVEL_RED + 1};
	if (seq > o->left_out)
		o->left_out = seq;
}

bool gw_outbox_has(const struct gw_outbox *o, uint64_t seq)
{
	int urgency;

	for (urgency = 0; urgency < GW_OUTBOX_LEVELS; urgency++) {
		size_t i = place(o, urgency, seq);

		if (i < o->n && o->at[i]->seq == seq)
			return true;
	}
	return false;
}

struct gw_outbox_item *gw_outbox_take_out(struct gw_outbox *o, size_t i)
{
	struct gw_outbox_item *it = take_out(o, i);

	o->bytes -= it->weight;
	return it;
}

bool gw_outbox_may_leave(const struct gw_outbox *o, const struct gw_outbox_item *it,
	const struct gw_outbox_now *now)
{
	if (!it->stored && it->seq > now->committed && it->arose_ns > now->overdue_ns)
		return false;
	return now->incomplete || !beyond(it->urgency, it->seq, o->complete);
}

size_t gw_outbox_pick(struct gw_outbox *o, const struct gw_outbox_now *now,
	struct gw_outbox_item **ret_items)
{
	size_t most = now->most, bytes = 0, n = 0, i;

	if (o->searching || o->probing)
		return gw_refusal_pick_one(o, now, ret_items);
	for (i = 0; i < o->n && n < most; i++) {
		struct gw_outbox_item *it = o->at[i];

		if (!gw_outbox_may_leave(o, it, now))
			continue;
		if (n > 0 &&
			(it->suspect != ret_items[0]->suspect ||
				bytes + it->n > now->most_bytes))
			break;
		if (n == 0 && it->suspect && most > o->suspects / 2)
			most = o->suspects > 1 ? o->suspects / 2 : 1;
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
		if (!o->at[i]->stored && o->at[i]->seq > committed &&
			o->at[i]->arose_ns < first)
			first = o->at[i]->arose_ns;
	return first;
}

void gw_outbox_sent(struct gw_outbox *o)
{
	size_t from, to;

	for (from = to = 0; from < o->n; from++)
		if (o->at[from]->picked)
			forget(o, o->at[from]);
		else
			o->at[to++] = o->at[from];
	o->n = to;
}

void gw_outbox_retry(struct gw_outbox *o)
{
	size_t i;

	for (i = 0; i < o->n; i++)
		o->at[i]->picked = false;
}

void gw_outbox_advance(struct gw_outbox *o, struct gw_cursor to)
{
	o->complete = to;
}

bool gw_outbox_complete(const struct gw_outbox *o)
{
	return o->complete.level < 0;
}

int64_t gw_outbox_oldest_ns(const struct gw_outbox *o)
{
	int64_t oldest = INT64_MAX;
	int urgency;

	for (urgency = 0; urgency < GW_OUTBOX_LEVELS; urgency++) {
		size_t i = place(o, urgency, 0);

		if (i < o->n && o->at[i]->arose_ns < oldest)
			oldest = o->at[i]->arose_ns;
	}
	return oldest;
}

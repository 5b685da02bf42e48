/* SPDX-License-Identifier: Apache-2.0 */
#include "uplink/latest.h"

#include <stdlib.h>

#define CAPACITY_FIRST 64

/* The entry of the alarm, or the free one where it belongs. The hash is mixed already. */
static struct gw_latest_alarm *place(
	struct gw_latest_alarm *at, size_t capacity, uint64_t alarm)
{
	size_t i = (size_t)alarm & (capacity - 1);

	while (at[i].seq != 0 && at[i].alarm != alarm)
		i = (i + 1) & (capacity - 1);
	return &at[i];
}

static bool grow(struct gw_latest *l)
{
	size_t capacity = l->capacity > 0 ? 2 * l->capacity : CAPACITY_FIRST, i;
	struct gw_latest_alarm *at;

	if (l->capacity > 0 && 2 * (l->n + 1) <= l->capacity)
		return true;
	at = calloc(capacity, sizeof(*at));
	if (at == NULL)
		return l->n + 1 < l->capacity;
	for (i = 0; i < l->capacity; i++)
		if (l->at[i].seq != 0)
			*place(at, capacity, l->at[i].alarm) = l->at[i];
	free(l->at);
	l->at = at;
	l->capacity = capacity;
	return true;
}

/* NULL: no memory. */
static struct gw_latest_alarm *find(struct gw_latest *l, uint64_t alarm)
{
	struct gw_latest_alarm *a;

	if (!grow(l))
		return NULL;
	a = place(l->at, l->capacity, alarm);
	if (a->seq == 0)
		a->alarm = alarm;
	return a;
}

void gw_latest_note(struct gw_latest *l, uint64_t alarm, uint64_t seq)
{
	struct gw_latest_alarm *a = find(l, alarm);

	if (a == NULL || seq <= a->seq)
		return;
	l->n += a->seq == 0;
	a->seq = seq;
	a->again = false;
}

uint64_t gw_latest_taken(struct gw_latest *l, uint64_t alarm, uint64_t seq)
{
	struct gw_latest_alarm *a = find(l, alarm);

	if (a == NULL)
		return 0;
	if (seq >= a->seq) {
		a->again = false;
		gw_latest_note(l, alarm, seq); /* may move what `a` points to */
		return 0;
	}
	if (a->again)
		return 0;
	a->again = true;
	return a->seq;
}

void gw_latest_fini(struct gw_latest *l)
{
	free(l->at);
	*l = (struct gw_latest){.at = NULL};
}

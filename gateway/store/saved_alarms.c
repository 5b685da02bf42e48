/* SPDX-License-Identifier: Apache-2.0 */
#include "store/saved_alarms.h"

#include "store/store_internal.h"

#include <stdlib.h>

struct gw_saved_alarms *gw_saved_alarms_new(void)
{
	return calloc(1, sizeof(struct gw_saved_alarms));
}

void gw_saved_alarms_add(
	void *arg, const struct gw_alarm_record *record, const struct gw_alarm_info *info)
{
	struct gw_saved_alarms *saved = arg;

	if (saved->n == saved->capacity) {
		size_t capacity = saved->capacity ? 2 * saved->capacity : 64;
		struct gw_saved_alarm *grown = realloc(
			saved->alarms, capacity * sizeof(*grown));

		if (!grown) {
			saved->incomplete = true;
			return;
		}
		saved->alarms = grown;
		saved->capacity = capacity;
	}
	saved->alarms[saved->n++] = (struct gw_saved_alarm){*record, info};
}

void gw_saved_alarms_free(struct gw_saved_alarms *saved)
{
	while (saved) {
		struct gw_saved_alarms *next = saved->next;

		gw_arena_free(&saved->arena);
		free(saved->alarms);
		free(saved);
		saved = next;
	}
}

void gw_saved_alarms_post(struct gw_store *s, struct gw_saved_alarms *saved)
{
	if (saved->n == 0) {
		gw_saved_alarms_free(saved);
		return;
	}
	/* Release, paired with the acquire of gw_saved_alarms_load: main sees the records. */
	saved->next = atomic_load_explicit(&s->saved_alarms, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(&s->saved_alarms, &saved->next, saved,
		memory_order_release, memory_order_relaxed))
		;
	if (s->reader)
		gw_wake_poke(s->reader);
}

/* Lists that main took and has no memory for go back; those posted meanwhile are newer. */
static void put_back(struct gw_store *s, struct gw_saved_alarms *older)
{
	struct gw_saved_alarms *newest = NULL, **end;

	/* acquire, paired with the release of gw_saved_alarms_post, and release, so that the
	 * next call sees what is behind each pointer. Only main takes the list. */
	while (!atomic_compare_exchange_strong_explicit(&s->saved_alarms, &newest, older,
		memory_order_acq_rel, memory_order_acquire)) {
		newest = atomic_exchange_explicit(
			&s->saved_alarms, NULL, memory_order_acquire);
		for (end = &newest; *end; end = &(*end)->next)
			;
		*end = older;
		older = newest;
		newest = NULL;
	}
}

void gw_saved_alarms_load(struct gw_store *s, bool (*reserve)(void *arg, size_t n),
	void (*each)(void *arg, const struct gw_alarm_record *record,
		const struct gw_alarm_info *info),
	void *arg)
{
	/* acquire, paired with the release of gw_saved_alarms_post */
	struct gw_saved_alarms *newest = atomic_exchange_explicit(
		&s->saved_alarms, NULL, memory_order_acquire);
	size_t n = 0;

	for (struct gw_saved_alarms *saved = newest; saved; saved = saved->next)
		n += saved->n;
	if (n > 0 && reserve && !reserve(arg, n)) {
		put_back(s, newest);
		return;
	}
	while (newest) { /* the oldest first */
		struct gw_saved_alarms **last = &newest, *saved;

		while ((*last)->next)
			last = &(*last)->next;
		saved = *last;
		*last = NULL;
		for (size_t i = 0; i < saved->n; i++)
			each(arg, &saved->alarms[i].record, saved->alarms[i].info);
		saved->next = s->handed_over;
		s->handed_over = saved;
	}
}

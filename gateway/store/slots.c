/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slots: main gives one out to each uplink for its life, and masks in memory refer to them. A
 * set of sinks says who is in which slot from a seq on. Bits in the database go by name: registry.c.
 */
#include "store/store_internal.h"

#include <stdlib.h>
#include <string.h>

struct gw_store_uplinks {
	struct gw_store_uplinks *next; /* in the mailbox: handed over before; else after */
	uint64_t from_seq;
	char *names[GW_STORE_SLOTS], *urls[GW_STORE_SLOTS]; /* NULL: nobody */
};

/* ---- main's side ---- */

struct gw_store_uplinks *gw_store_uplinks_new(void)
{
	return calloc(1, sizeof(struct gw_store_uplinks));
}

void gw_store_uplinks_free(struct gw_store_uplinks *set)
{
	for (size_t i = 0; set && i < GW_STORE_SLOTS; i++) {
		free(set->names[i]);
		free(set->urls[i]);
	}
	free(set);
}

bool gw_store_uplinks_add(
	struct gw_store_uplinks *set, size_t slot, const char *name, const char *url)
{
	set->names[slot] = strdup(name);
	set->urls[slot] = strdup(url ? url : "");
	return set->names[slot] && set->urls[slot];
}

/* The store gives a slot back with release: what it last wrote there is seen here. Only main
 * takes slots, so between the load and the or nobody else can have taken this one. */
enum gw_err gw_store_reserve_slot(
	struct gw_store *s, size_t *ret_slot, struct gw_error *err)
{
	uint32_t taken = atomic_load_explicit(&s->taken_slots, memory_order_acquire);
	size_t slot = taken == UINT32_MAX ? 0 : (size_t)__builtin_ctz(~taken);
	struct gw_mailbox *l = &s->mailboxes[slot];

	if (taken == UINT32_MAX)
		return gw_fail(err, GW_ERR_FULL, 0,
			"the store must first write what %d earlier uplinks said",
			GW_STORE_SLOTS);
	if (!l->messages.slots &&
		gw_ring_init(&l->messages, GW_MAILBOX_MESSAGES,
			sizeof(struct gw_mailbox_message), err))
		return GW_ERR_SYSTEM;
	l->request_pending = false;
	atomic_fetch_or_explicit(
		&s->taken_slots, (uint32_t)1 << slot, memory_order_relaxed);
	*ret_slot = slot;
	return GW_OK;
}

static void free_slot(struct gw_store *s, size_t slot)
{
	atomic_fetch_and_explicit(
		&s->taken_slots, ~((uint32_t)1 << slot), memory_order_release);
}

void gw_store_release_slot(struct gw_store *s, size_t slot)
{
	pthread_mutex_lock(&s->lock);
	s->mailboxes[slot].wake = NULL;
	pthread_mutex_unlock(&s->lock);
	free_slot(s, slot);
}

void gw_store_detach_uplink(struct gw_store *s, size_t slot)
{
	pthread_mutex_lock(&s->lock);
	s->mailboxes[slot].wake = NULL;
	s->mailboxes[slot].thread_ended = true;
	pthread_mutex_unlock(&s->lock);
	gw_wake_poke(&s->wake);
}

/*
 * One producer; a consumer that takes the whole list, so that no node is met twice. Release: the
 * set and the lines it names are written before it is seen. The engine that gives from_seq runs
 * after this call, so whoever popped that event finds the set here.
 */
void gw_store_uplinks_set(
	struct gw_store *s, struct gw_store_uplinks *set, uint64_t from_seq)
{
	set->from_seq = from_seq;
	set->next = atomic_load_explicit(&s->uplink_sets, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(&s->uplink_sets, &set->next, set,
		memory_order_release, memory_order_relaxed))
		;
	gw_wake_poke(&s->wake);
}

/* ---- sets, in the store's thread ---- */

static bool has_slot(uint32_t slots, size_t slot)
{
	return slots >> slot & 1;
}

bool gw_slots_is_active(const struct gw_store *s, const char *name)
{
	for (size_t i = 0; i < GW_STORE_SLOTS; i++)
		if (has_slot(s->active_slots, i) && strcmp(s->mailboxes[i].name, name) == 0)
			return true;
	return false;
}

static void move_mask(uint32_t *mask, size_t from, size_t to)
{
	if (has_slot(*mask, from))
		*mask = (*mask & ~((uint32_t)1 << from)) | (uint32_t)1 << to;
}

/* What the uplink of one slot was owed and what it said go to another's. Its thread may still be
 * at its last try: what it says from now on counts for the other. */
static void move_owed(struct gw_store *s, size_t from, size_t to)
{
	for (size_t i = 0; i < s->n_entries; i++) {
		move_mask(&s->entries[i].owed, from, to);
		move_mask(&s->entries[i].parked, from, to);
		move_mask(&s->entries[i].undurable, from, to);
	}
	for (size_t i = 0; i < s->n_marks; i++)
		if (s->marks[i].slot == from)
			s->marks[i].slot = (uint8_t)to;
	s->mailboxes[from].heir_slot = (uint8_t)to;
}

/* A name that is back, or a new name for the same platform, takes over what is in memory. */
static void inherit_in_memory(struct gw_store *s, size_t slot)
{
	const struct gw_mailbox *l = &s->mailboxes[slot];

	for (size_t i = 0; i < GW_STORE_SLOTS; i++) {
		const struct gw_mailbox *was = &s->mailboxes[i];

		if (!has_slot(s->used_slots & ~s->active_slots, i) || was->heir_slot != i)
			continue;
		if (strcmp(was->name, l->name) == 0 ||
			(l->url[0] && strcmp(was->url, l->url) == 0 &&
				!gw_slots_is_active(s, was->name)))
			move_owed(s, i, slot);
	}
}

/* It was configured before, and what arose when nobody was is not written yet. */
static void owe_uncommitted(struct gw_store *s, size_t slot)
{
	for (size_t i = 0; i < s->n_entries; i++)
		if (s->entries[i].owed_to_removed)
			s->entries[i].owed |= (uint32_t)1 << slot;
}

static void move_string(char **to, char **from)
{
	free(*to);
	*to = *from;
	*from = NULL;
}

static void apply_set(struct gw_store *s, struct gw_store_uplinks *set)
{
	uint32_t before = s->active_slots;

	s->active_slots = 0;
	for (size_t i = 0; i < GW_STORE_SLOTS; i++) {
		if (!set->names[i])
			continue;
		move_string(&s->mailboxes[i].name, &set->names[i]);
		move_string(&s->mailboxes[i].url, &set->urls[i]);
		s->mailboxes[i].heir_slot = (uint8_t)i;
		s->active_slots |= (uint32_t)1 << i;
	}
	s->used_slots |= s->active_slots;
	for (size_t i = 0; i < GW_STORE_SLOTS; i++)
		if (has_slot(s->active_slots & ~before, i))
			inherit_in_memory(s, i);
	gw_registry_assign_bits(s);
	for (size_t i = 0; i < GW_STORE_SLOTS; i++)
		if (has_slot(s->active_slots & ~before, i) && s->mailboxes[i].bit)
			owe_uncommitted(s, i);
	s->uplinks_changed = true;
	gw_store_uplinks_free(set);
}

/* Those that were handed over come newest first. */
static void receive_sets(struct gw_store *s)
{
	struct gw_store_uplinks *newest = atomic_exchange_explicit(
		&s->uplink_sets, NULL, memory_order_acquire);
	struct gw_store_uplinks *oldest = NULL, **end = &s->pending_sets;

	while (newest) {
		struct gw_store_uplinks *before = newest->next;

		newest->next = oldest;
		oldest = newest;
		newest = before;
	}
	while (*end)
		end = &(*end)->next;
	*end = oldest;
}

void gw_slots_apply_sets(struct gw_store *s, uint64_t seq)
{
	/* relaxed: collect takes it with acquire */
	if (atomic_load_explicit(&s->uplink_sets, memory_order_relaxed))
		receive_sets(s);
	while (s->pending_sets && s->pending_sets->from_seq <= seq) {
		struct gw_store_uplinks *set = s->pending_sets;

		s->pending_sets = set->next;
		apply_set(s, set);
	}
}

/* Nobody speaks there any more, and all that was said or is owed there is in the database. */
static bool is_finished(struct gw_store *s, size_t slot)
{
	struct gw_mailbox *l = &s->mailboxes[slot];
	uint32_t mask = (uint32_t)1 << slot;
	bool thread_ended;

	pthread_mutex_lock(&s->lock);
	thread_ended = l->thread_ended;
	pthread_mutex_unlock(&s->lock);
	if (!thread_ended || gw_ring_count(&l->messages) > 0)
		return false;
	for (size_t i = 0; i < s->n_marks; i++)
		if (s->marks[i].slot == slot)
			return false;
	for (size_t i = 0; i < s->n_entries; i++)
		if ((s->entries[i].owed | s->entries[i].parked | s->entries[i].undurable) &
			mask)
			return false;
	return true;
}

void gw_slots_free_finished(struct gw_store *s)
{
	for (size_t i = 0; i < GW_STORE_SLOTS; i++) {
		struct gw_mailbox *l = &s->mailboxes[i];

		if (!has_slot(s->used_slots & ~s->active_slots, i) || !is_finished(s, i))
			continue;
		s->used_slots &= ~((uint32_t)1 << i);
		gw_batch_free(
			atomic_exchange_explicit(&l->reply, NULL, memory_order_acquire));
		free(l->name);
		free(l->url);
		l->name = l->url = NULL;
		l->request_received = l->thread_ended = false;
		l->bit = 0;
		s->uplinks_changed =
			true; /* its name may have nothing left to be kept for */
		free_slot(s, i);
	}
}

void gw_slots_fini(struct gw_store *s)
{
	receive_sets(s);
	while (s->pending_sets) {
		struct gw_store_uplinks *set = s->pending_sets;

		s->pending_sets = set->next;
		gw_store_uplinks_free(set);
	}
	for (size_t i = 0; i < GW_STORE_SLOTS; i++) {
		free(s->mailboxes[i].name);
		free(s->mailboxes[i].url);
		free(s->registry[i].name);
		free(s->registry[i].url);
	}
}

enum gw_err gw_slots_init(
	struct gw_store *s, const struct gw_store_opts *opts, struct gw_error *err)
{
	struct gw_store_uplinks *set = gw_store_uplinks_new();
	size_t slot;

	for (size_t i = 0; i < opts->n_uplinks; i++) {
		enum gw_err rc = gw_store_reserve_slot(s, &slot, err);

		if (!set || rc ||
			!gw_store_uplinks_add(set, slot, opts->uplinks[i],
				opts->urls ? opts->urls[i] : NULL)) {
			gw_store_uplinks_free(set);
			return rc ? rc : gw_fail(err, GW_ERR_SYSTEM, 0, "no memory");
		}
	}
	if (!set)
		return gw_fail(err, GW_ERR_SYSTEM, 0, "no memory");
	apply_set(s, set);
	return GW_OK;
}

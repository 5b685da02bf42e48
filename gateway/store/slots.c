/* SPDX-License-Identifier: Apache-2.0 */
#include "store/slots.h"

#include "store/registry.h"
#include "store/store_internal.h"

#include <stdlib.h>
#include <string.h>

static void free_slot(struct gw_store *s, size_t slot)
{
	/* Release, paired with the acquire of gw_store_reserve_slot: main sees the slot empty. */
	atomic_fetch_and_explicit(
		&s->taken_slots, ~((uint32_t)1 << slot), memory_order_release);
}

static bool has_slot(uint32_t slots, size_t slot)
{
	return slots >> slot & 1;
}

static void move_mask(uint32_t *mask, size_t from, size_t to)
{
	if (has_slot(*mask, from))
		*mask = (*mask & ~((uint32_t)1 << from)) | (uint32_t)1 << to;
}

/* What one slot is owed, and the marks it gave, become another's. The thread of the first may
 * still be in its last request: its later marks count for heir_slot. */
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

/* An uplink with the name of a removed one, or with its URL, takes over what is in memory. The
 * database's part follows in gw_registry_write. */
static void inherit_in_memory(struct gw_store *s, size_t slot)
{
	const struct gw_mailbox *box = &s->mailboxes[slot];

	for (size_t i = 0; i < GW_STORE_SLOTS; i++) {
		const struct gw_mailbox *was = &s->mailboxes[i];

		if (!has_slot(s->used_slots & ~s->active_slots, i) || was->heir_slot != i)
			continue;
		if (strcmp(was->name, box->name) == 0 ||
			(box->url[0] && strcmp(was->url, box->url) == 0 &&
				!gw_registry_is_configured(s, was->name)))
			move_owed(s, i, slot);
	}
}

/* Events of a time without uplinks are owed to every removed one. This one was removed then. */
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

/* Appends the sets main handed over, which come newest first, to pending_sets, oldest first. */
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
	/* relaxed: receive_sets loads it with acquire */
	if (atomic_load_explicit(&s->uplink_sets, memory_order_relaxed))
		receive_sets(s);
	while (s->pending_sets && s->pending_sets->from_seq <= seq) {
		struct gw_store_uplinks *set = s->pending_sets;

		s->pending_sets = set->next;
		apply_set(s, set);
	}
}

/* Its thread has ended, and every mark and every owed event is in the database. */
static bool is_finished(struct gw_store *s, size_t slot)
{
	struct gw_mailbox *box = &s->mailboxes[slot];
	uint32_t mask = (uint32_t)1 << slot;
	bool thread_ended;

	pthread_mutex_lock(&s->lock);
	thread_ended = box->thread_ended;
	pthread_mutex_unlock(&s->lock);
	if (!thread_ended || gw_ring_count(&box->messages) > 0)
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
		struct gw_mailbox *box = &s->mailboxes[i];

		if (!has_slot(s->used_slots & ~s->active_slots, i) || !is_finished(s, i))
			continue;
		s->used_slots &= ~((uint32_t)1 << i);
		gw_batch_free(
			atomic_exchange_explicit(&box->reply, NULL, memory_order_acquire));
		free(box->name);
		free(box->url);
		box->name = box->url = NULL;
		box->request_received = box->thread_ended = false;
		box->bit = 0;
		s->uplinks_changed = true; /* the name may have nothing owed any more */
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

/* ---- main: uplinks come and go ---- */

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

/* Acquire, paired with the release of free_slot: main sees the slot empty. Only main
 * sets bits, so no other thread can take this slot between the load and the or. */
enum gw_err gw_store_reserve_slot(
	struct gw_store *s, size_t *ret_slot, struct gw_error *err)
{
	uint32_t taken = atomic_load_explicit(&s->taken_slots, memory_order_acquire);
	size_t slot = taken == UINT32_MAX ? 0 : (size_t)__builtin_ctz(~taken);
	struct gw_mailbox *box = &s->mailboxes[slot];

	if (taken == UINT32_MAX)
		return gw_fail(err, GW_ERR_FULL, 0,
			"the store must first write what %d earlier uplinks said",
			GW_STORE_SLOTS);
	if (!box->messages.entries &&
		gw_ring_init(&box->messages, GW_MAILBOX_MESSAGES,
			sizeof(struct gw_mailbox_message), err))
		return GW_ERR_SYSTEM;
	box->request_pending = false;
	atomic_fetch_or_explicit(
		&s->taken_slots, (uint32_t)1 << slot, memory_order_relaxed);
	*ret_slot = slot;
	return GW_OK;
}

void gw_store_release_slot(struct gw_store *s, size_t slot)
{
	pthread_mutex_lock(&s->lock);
	s->mailboxes[slot].wake = NULL;
	pthread_mutex_unlock(&s->lock);
	atomic_fetch_and_explicit(
		&s->taken_slots, ~((uint32_t)1 << slot), memory_order_release);
}

void gw_store_attach_uplink(struct gw_store *s, size_t slot, struct gw_wake *wake)
{
	pthread_mutex_lock(&s->lock);
	s->mailboxes[slot].wake = wake;
	pthread_mutex_unlock(&s->lock);
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
 * One producer; the consumer takes the whole list, so that no node is seen twice. Release, paired
 * with the acquire of receive_sets: the set is written before it is seen. The engine
 * that gives from_seq runs after this call, so whoever popped that event finds the set.
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

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slots: main gives one out to each uplink for its life, and masks in memory refer to them. A
 * set of sinks says who is in which slot from a seq on. Bits in the database go by name: names.c.
 */
#include "store/inner.h"

#include <stdlib.h>
#include <string.h>

struct gw_store_sinks {
	struct gw_store_sinks *next; /* in the mailbox: handed over before; else after */
	uint64_t from_seq;
	char *names[GW_STORE_SINKS], *urls[GW_STORE_SINKS]; /* NULL: nobody */
};

/* ---- main's side ---- */

struct gw_store_sinks *gw_store_sinks_new(void)
{
	return calloc(1, sizeof(struct gw_store_sinks));
}

void gw_store_sinks_free(struct gw_store_sinks *set)
{
	for (size_t i = 0; set && i < GW_STORE_SINKS; i++) {
		free(set->names[i]);
		free(set->urls[i]);
	}
	free(set);
}

bool gw_store_sinks_add(
	struct gw_store_sinks *set, size_t sink, const char *name, const char *url)
{
	set->names[sink] = strdup(name);
	set->urls[sink] = strdup(url ? url : "");
	return set->names[sink] && set->urls[sink];
}

/* The store gives a slot back with release: what it last wrote there is seen here. Only main
 * takes slots, so between the load and the or nobody else can have taken this one. */
enum gw_err gw_store_reserve(struct gw_store *s, size_t *ret_sink, struct gw_error *err)
{
	uint32_t taken = atomic_load_explicit(&s->slots, memory_order_acquire);
	size_t sink = taken == UINT32_MAX ? 0 : (size_t)__builtin_ctz(~taken);
	struct gw_line *l = &s->lines[sink];

	if (taken == UINT32_MAX)
		return gw_fail(err, GW_ERR_FULL, 0,
			"the store must first write what %d earlier uplinks said",
			GW_STORE_SINKS);
	if (!l->words.slots &&
		gw_ring_init(&l->words, GW_LINE_WORDS, sizeof(struct gw_line_word), err))
		return GW_ERR_SYSTEM;
	l->asking = false;
	atomic_fetch_or_explicit(&s->slots, (uint32_t)1 << sink, memory_order_relaxed);
	*ret_sink = sink;
	return GW_OK;
}

static void give_back(struct gw_store *s, size_t sink)
{
	atomic_fetch_and_explicit(&s->slots, ~((uint32_t)1 << sink), memory_order_release);
}

void gw_store_unreserve(struct gw_store *s, size_t sink)
{
	pthread_mutex_lock(&s->lock);
	s->lines[sink].wake = NULL;
	pthread_mutex_unlock(&s->lock);
	give_back(s, sink);
}

void gw_store_detach(struct gw_store *s, size_t sink)
{
	pthread_mutex_lock(&s->lock);
	s->lines[sink].wake = NULL;
	s->lines[sink].left = true;
	pthread_mutex_unlock(&s->lock);
	gw_wake_poke(&s->wake);
}

/*
 * One producer; a consumer that takes the whole list, so that no node is met twice. Release: the
 * set and the lines it names are written before it is seen. The engine that gives from_seq runs
 * after this call, so whoever popped that event finds the set here.
 */
void gw_store_sinks_set(struct gw_store *s, struct gw_store_sinks *set, uint64_t from_seq)
{
	set->from_seq = from_seq;
	set->next = atomic_load_explicit(&s->sets, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(
		&s->sets, &set->next, set, memory_order_release, memory_order_relaxed))
		;
	gw_wake_poke(&s->wake);
}

/* ---- sets, in the store's thread ---- */

static bool has_slot(uint32_t slots, size_t sink)
{
	return slots >> sink & 1;
}

bool gw_sinks_live(const struct gw_store *s, const char *name)
{
	for (size_t i = 0; i < GW_STORE_SINKS; i++)
		if (has_slot(s->live, i) && strcmp(s->lines[i].name, name) == 0)
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
static void move_debts(struct gw_store *s, size_t from, size_t to)
{
	for (size_t i = 0; i < s->n_entries; i++) {
		move_mask(&s->entries[i].owed, from, to);
		move_mask(&s->entries[i].parked, from, to);
		move_mask(&s->entries[i].undurable, from, to);
	}
	for (size_t i = 0; i < s->n_marks; i++)
		if (s->marks[i].sink == from)
			s->marks[i].sink = (uint8_t)to;
	s->lines[from].speaks_for = (uint8_t)to;
}

/* A name that is back, or a new name for the same platform, takes over what is in memory. */
static void inherit_in_memory(struct gw_store *s, size_t sink)
{
	const struct gw_line *l = &s->lines[sink];

	for (size_t i = 0; i < GW_STORE_SINKS; i++) {
		const struct gw_line *was = &s->lines[i];

		if (!has_slot(s->known & ~s->live, i) || was->speaks_for != i)
			continue;
		if (strcmp(was->name, l->name) == 0 ||
			(l->url[0] && strcmp(was->url, l->url) == 0 &&
				!gw_sinks_live(s, was->name)))
			move_debts(s, i, sink);
	}
}

/* It was configured before, and what arose when nobody was is not written yet. */
static void come_back(struct gw_store *s, size_t sink)
{
	for (size_t i = 0; i < s->n_entries; i++)
		if (s->entries[i].to_gone)
			s->entries[i].owed |= (uint32_t)1 << sink;
}

static void steal(char **to, char **from)
{
	free(*to);
	*to = *from;
	*from = NULL;
}

static void apply(struct gw_store *s, struct gw_store_sinks *set)
{
	uint32_t before = s->live;

	s->live = 0;
	for (size_t i = 0; i < GW_STORE_SINKS; i++) {
		if (!set->names[i])
			continue;
		steal(&s->lines[i].name, &set->names[i]);
		steal(&s->lines[i].url, &set->urls[i]);
		s->lines[i].speaks_for = (uint8_t)i;
		s->live |= (uint32_t)1 << i;
	}
	s->known |= s->live;
	for (size_t i = 0; i < GW_STORE_SINKS; i++)
		if (has_slot(s->live & ~before, i))
			inherit_in_memory(s, i);
	gw_names_bits(s);
	for (size_t i = 0; i < GW_STORE_SINKS; i++)
		if (has_slot(s->live & ~before, i) && s->lines[i].bit)
			come_back(s, i);
	s->sinks_changed = true;
	gw_store_sinks_free(set);
}

/* Those that were handed over come newest first. */
static void collect(struct gw_store *s)
{
	struct gw_store_sinks *newest = atomic_exchange_explicit(
		&s->sets, NULL, memory_order_acquire);
	struct gw_store_sinks *oldest = NULL, **end = &s->coming;

	while (newest) {
		struct gw_store_sinks *before = newest->next;

		newest->next = oldest;
		oldest = newest;
		newest = before;
	}
	while (*end)
		end = &(*end)->next;
	*end = oldest;
}

void gw_sinks_take(struct gw_store *s, uint64_t seq)
{
	/* relaxed: collect takes it with acquire */
	if (atomic_load_explicit(&s->sets, memory_order_relaxed))
		collect(s);
	while (s->coming && s->coming->from_seq <= seq) {
		struct gw_store_sinks *set = s->coming;

		s->coming = set->next;
		apply(s, set);
	}
}

/* Nobody speaks there any more, and all that was said or is owed there is in the database. */
static bool is_over(struct gw_store *s, size_t sink)
{
	struct gw_line *l = &s->lines[sink];
	uint32_t mask = (uint32_t)1 << sink;
	bool left;

	pthread_mutex_lock(&s->lock);
	left = l->left;
	pthread_mutex_unlock(&s->lock);
	if (!left || gw_ring_count(&l->words) > 0)
		return false;
	for (size_t i = 0; i < s->n_marks; i++)
		if (s->marks[i].sink == sink)
			return false;
	for (size_t i = 0; i < s->n_entries; i++)
		if ((s->entries[i].owed | s->entries[i].parked | s->entries[i].undurable) &
			mask)
			return false;
	return true;
}

void gw_sinks_free(struct gw_store *s)
{
	for (size_t i = 0; i < GW_STORE_SINKS; i++) {
		struct gw_line *l = &s->lines[i];

		if (!has_slot(s->known & ~s->live, i) || !is_over(s, i))
			continue;
		s->known &= ~((uint32_t)1 << i);
		gw_batch_free(
			atomic_exchange_explicit(&l->answer, NULL, memory_order_acquire));
		free(l->name);
		free(l->url);
		l->name = l->url = NULL;
		l->asked = l->left = false;
		l->bit = 0;
		s->sinks_changed = true; /* its name may have nothing left to be kept for */
		give_back(s, i);
	}
}

void gw_sinks_fini(struct gw_store *s)
{
	collect(s);
	while (s->coming) {
		struct gw_store_sinks *set = s->coming;

		s->coming = set->next;
		gw_store_sinks_free(set);
	}
	for (size_t i = 0; i < GW_STORE_SINKS; i++) {
		free(s->lines[i].name);
		free(s->lines[i].url);
		free(s->names[i].name);
		free(s->names[i].url);
	}
}

enum gw_err gw_sinks_first(
	struct gw_store *s, const struct gw_store_opts *opts, struct gw_error *err)
{
	struct gw_store_sinks *set = gw_store_sinks_new();
	size_t sink;

	for (size_t i = 0; i < opts->n_sinks; i++) {
		enum gw_err rc = gw_store_reserve(s, &sink, err);

		if (!set || rc ||
			!gw_store_sinks_add(set, sink, opts->sinks[i],
				opts->urls ? opts->urls[i] : NULL)) {
			gw_store_sinks_free(set);
			return rc ? rc : gw_fail(err, GW_ERR_SYSTEM, 0, "no memory");
		}
	}
	if (!set)
		return gw_fail(err, GW_ERR_SYSTEM, 0, "no memory");
	apply(s, set);
	return GW_OK;
}

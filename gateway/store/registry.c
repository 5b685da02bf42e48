/* SPDX-License-Identifier: Apache-2.0 */
#include "store/registry.h"

#include "base/clock.h"
#include "base/log.h"
#include "store/journal.h"
#include "store/registry_rows.h"
#include "store/store_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_MS            (INT64_C(24) * 60 * 60 * 1000)
#define DAY_NS            (DAY_MS * GW_NS_PER_MS)
#define REMOVED_KEEP_DAYS 30 /* what is owed to a removed uplink */

static struct gw_registry_row *find_row(struct gw_store *s, const char *name)
{
	for (size_t bit = 0; bit < GW_STORE_SLOTS; bit++)
		if (s->registry[bit].name && strcmp(s->registry[bit].name, name) == 0)
			return &s->registry[bit];
	return NULL;
}

bool gw_registry_is_configured(const struct gw_store *s, const char *name)
{
	for (size_t i = 0; i < GW_STORE_SLOTS; i++)
		if ((s->active_slots >> i & 1) && strcmp(s->mailboxes[i].name, name) == 0)
			return true;
	return false;
}

static bool is_removed(const struct gw_store *s, const struct gw_registry_row *row)
{
	return row->name && !gw_registry_is_configured(s, row->name);
}

/* The removed uplink with this URL, from which a new one takes over. */
static struct gw_registry_row *find_predecessor(struct gw_store *s, const char *url)
{
	for (size_t bit = 0; *url && bit < GW_STORE_SLOTS; bit++)
		if (is_removed(s, &s->registry[bit]) &&
			strcmp(s->registry[bit].url, url) == 0)
			return &s->registry[bit];
	return NULL;
}

void gw_registry_assign_bits(struct gw_store *s)
{
	uint32_t active_bits = 0;

	for (size_t i = 0; i < GW_STORE_SLOTS; i++) {
		const struct gw_mailbox *box = &s->mailboxes[i];
		const struct gw_registry_row *row = s->used_slots >> i & 1
			? find_row(s, box->name)
			: NULL;

		if (!row &&
			(s->active_slots >> i &
				1)) /* its registry row is not written yet */
			row = find_predecessor(s, box->url);
		s->mailboxes[i].bit = row ? (uint32_t)1 << (row - s->registry) : 0;
		if (s->active_slots >> i &
			1) /* an unknown bit may be any: no row counts as removed */
			active_bits |= row ? s->mailboxes[i].bit : UINT32_MAX;
	}
	gw_retention_set_active(&s->retention, active_bits);
}

enum gw_err gw_registry_read(struct gw_store *s, struct gw_error *err)
{
	enum gw_err rc = gw_registry_rows_read(s, err);

	gw_registry_assign_bits(s);
	return rc;
}

/* Logged after the commit: a transaction that fails is tried again. */
static void add_note(struct gw_store *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void add_note(struct gw_store *s, const char *format, ...)
{
	va_list ap;

	if (s->n_notes == GW_REGISTRY_NOTES)
		return;
	va_start(ap, format);
	vsnprintf(s->notes[s->n_notes], sizeof(s->notes[0]), format, ap);
	va_end(ap);
	s->n_notes++;
}

void gw_registry_log_notes(struct gw_store *s)
{
	for (size_t i = 0; i < s->n_notes; i++)
		gw_log(GW_LOG_WARNING, "%s", s->notes[i]);
	s->n_notes = 0;
}

static bool is_in_use(const struct gw_store *s, const char *name)
{
	for (size_t i = 0; i < GW_STORE_SLOTS; i++)
		if ((s->used_slots >> i & 1) && strcmp(s->mailboxes[i].name, name) == 0)
			return true;
	return false;
}

static unsigned long long owed_to(
	const struct gw_store *s, const struct gw_registry_row *row)
{
	return s->owed[row - s->registry];
}

/* A removed uplink: its row is deleted if nothing is owed to it, else kept and counted in days, and
 * dropped after REMOVED_KEEP_DAYS. One call counts one day at most, so a clock that jumps ahead by
 * years takes away one day at each start. */
static enum gw_err age_removed(
	struct gw_store *s, struct gw_registry_row *row, struct gw_error *err)
{
	int64_t wall_ms = gw_clock_wall_ms(), was_ms = row->last_day_ms;
	uint64_t parked = s->parked[row - s->registry];
	int removed_days = row->removed_days;

	if (is_in_use(s, row->name)) /* its last marks are not written yet */
		return GW_OK;
	if (owed_to(s, row) == 0 && parked == 0)
		return gw_registry_rows_delete(s, row, err);
	if (removed_days < 0) {
		add_note(s,
			"store: %llu alerts are owed to uplink %s, which is no longer configured: kept for %d days; tocsin resend --uplink NAME gives them to another",
			owed_to(s, row) + parked, row->name, REMOVED_KEEP_DAYS);
		row->removed_days = 0;
		row->last_day_ms = wall_ms;
	} else if (gw_clock_synced() && wall_ms - row->last_day_ms >= DAY_MS) {
		row->removed_days++;
		row->last_day_ms = wall_ms;
	} else if (wall_ms < row->last_day_ms) {
		row->last_day_ms = wall_ms;
	}
	if (row->removed_days >= REMOVED_KEEP_DAYS) {
		add_note(s,
			"store: %llu alerts owed to uplink %s are dropped: it has not been configured for %d days",
			owed_to(s, row) + parked, row->name, REMOVED_KEEP_DAYS);
		return gw_registry_rows_drop_owed(s, row, err);
	}
	return removed_days == row->removed_days && was_ms == row->last_day_ms
		? GW_OK
		: gw_registry_rows_put(s, row, err);
}

static void note_inherited(
	struct gw_store *s, const struct gw_mailbox *box, const struct gw_registry_row *row)
{
	if (owed_to(s, row) > 0)
		add_note(s,
			"store: uplink %s has the address of %s, which is no longer configured, and takes over %llu alerts owed to it",
			box->name, row->name, owed_to(s, row));
}

/* ret_row: the row of a removed uplink with the same URL, for the new name; NULL: there is none.
 * Further ones are merged into the first. */
static enum gw_err inherit_owed(struct gw_store *s, const struct gw_mailbox *box,
	struct gw_registry_row **ret_row, struct gw_error *err)
{
	struct gw_registry_row *first = find_predecessor(s, box->url), *row;
	enum gw_err rc;

	*ret_row = first;
	if (!first)
		return GW_OK;
	note_inherited(s, box, first);
	rc = gw_registry_rows_unpark(s, first, (uint32_t)1 << (first - s->registry), err);
	if (!rc)
		rc = gw_registry_rows_delete_url(s, first, err);
	free(first->name);
	first->name = NULL;
	while (!rc && (row = find_predecessor(s, box->url)) != NULL) {
		note_inherited(s, box, row);
		rc = gw_registry_rows_merge_owed(
			s, row, (uint32_t)1 << (first - s->registry), err);
	}
	return rc;
}

/* A free bit; if all are taken, that of the removed uplink that is owed least. */
static enum gw_err free_bit(
	struct gw_store *s, struct gw_registry_row **ret_row, struct gw_error *err)
{
	struct gw_registry_row *victim = NULL;

	for (size_t bit = 0; bit < GW_STORE_SLOTS; bit++) {
		struct gw_registry_row *row = &s->registry[bit];

		if (!row->name) {
			*ret_row = row;
			return GW_OK;
		}
		if (!is_removed(s, row))
			continue;
		if (!victim || (owed_to(s, victim) > 0 && owed_to(s, row) == 0) ||
			((owed_to(s, victim) > 0) == (owed_to(s, row) > 0) &&
				row->removed_days > victim->removed_days))
			victim = row;
	}
	if (!victim)
		return gw_fail(err, GW_ERR_SYSTEM, 0, "more than %d uplinks at one time",
			GW_STORE_SLOTS);
	add_note(s,
		"store: %d names of uplinks are too many: %llu alerts owed to %s, which is no longer configured, are dropped",
		GW_STORE_SLOTS + 1, owed_to(s, victim), victim->name);
	*ret_row = victim;
	return gw_registry_rows_drop_owed(s, victim, err);
}

static enum gw_err assign_row(struct gw_store *s, struct gw_registry_row *row,
	const struct gw_mailbox *box, struct gw_error *err)
{
	free(row->name);
	free(row->url);
	*row = (struct gw_registry_row){
		.name = strdup(box->name), .url = strdup(box->url), .removed_days = -1};
	if (!row->name || !row->url)
		return gw_fail(err, GW_ERR_SYSTEM, 0, "no memory");
	return gw_registry_rows_put(s, row, err);
}

static enum gw_err write_live(
	struct gw_store *s, const struct gw_mailbox *box, struct gw_error *err)
{
	struct gw_registry_row *row = find_row(s, box->name);
	enum gw_err rc = GW_OK;

	if (row && row->removed_days < 0 && strcmp(row->url, box->url) == 0)
		return GW_OK;
	if (row && row->removed_days >= 0) {
		if (owed_to(s, row) > 0)
			add_note(s, "store: uplink %s is back: %llu alerts are owed to it",
				box->name, owed_to(s, row));
		rc = gw_registry_rows_unpark(
			s, row, (uint32_t)1 << (row - s->registry), err);
	}
	if (!rc && !row && !(rc = inherit_owed(s, box, &row, err)) && !row)
		rc = free_bit(s, &row, err);
	return rc ? rc : assign_row(s, row, box, err);
}

/* An uplink that came and went before its name was written is owed the events between. */
static enum gw_err write_leaving(
	struct gw_store *s, const struct gw_mailbox *box, struct gw_error *err)
{
	struct gw_registry_row *row = NULL;
	enum gw_err rc;

	if (find_row(s, box->name))
		return GW_OK;
	rc = free_bit(s, &row, err);
	return rc ? rc : assign_row(s, row, box, err);
}

static enum gw_err write_slots(struct gw_store *s, struct gw_error *err)
{
	enum gw_err rc = GW_OK;

	for (size_t i = 0; !rc && i < GW_STORE_SLOTS; i++)
		if (s->active_slots >> i & 1)
			rc = write_live(s, &s->mailboxes[i], err);
	for (size_t i = 0; !rc && i < GW_STORE_SLOTS; i++)
		if ((s->used_slots & ~s->active_slots) >> i & 1 &&
			s->mailboxes[i].heir_slot == i)
			rc = write_leaving(s, &s->mailboxes[i], err);
	return rc;
}

enum gw_err gw_registry_write(struct gw_store *s, struct gw_error *err)
{
	enum gw_err rc;

	s->n_notes = 0;
	if ((rc = gw_registry_read(s, err)) ||
		(rc = gw_journal_count(&s->db, s->owed, s->parked, err)) ||
		(rc = gw_registry_rows_create(s, err)))
		return rc;
	rc = write_slots(s, err);
	s->any_removed = false;
	for (size_t bit = 0; !rc && bit < GW_STORE_SLOTS; bit++) {
		if (is_removed(s, &s->registry[bit]))
			rc = age_removed(s, &s->registry[bit], err);
		s->any_removed |= is_removed(s, &s->registry[bit]);
	}
	s->next_day_ns = gw_clock_boot_ns() + DAY_NS;
	gw_registry_assign_bits(s);
	return rc;
}

uint32_t gw_registry_removed_bits(const struct gw_store *s)
{
	uint32_t bits = 0;

	for (size_t bit = 0; bit < GW_STORE_SLOTS; bit++)
		if (is_removed(s, &s->registry[bit]))
			bits |= (uint32_t)1 << bit;
	return bits;
}

void gw_registry_check_daily(struct gw_store *s, int64_t now_ns)
{
	if (!s->any_removed || now_ns < s->next_day_ns)
		return;
	s->next_day_ns = now_ns + DAY_NS;
	s->uplinks_changed = true;
}

enum gw_err gw_registry_reassign_removed(
	struct gw_store *s, size_t slot, uint64_t *ret_reassigned, struct gw_error *err)
{
	uint64_t reassigned = 0;
	enum gw_err rc;

	if (!s->any_removed)
		return GW_OK;
	rc = gw_db_begin(&s->db, err);
	for (size_t bit = 0; !rc && bit < GW_STORE_SLOTS; bit++) {
		struct gw_registry_row *row = &s->registry[bit];

		if (!is_removed(s, row) || is_in_use(s, row->name))
			continue;
		reassigned += s->owed[bit] + s->parked[bit];
		rc = gw_registry_rows_merge_owed(s, row, s->mailboxes[slot].bit, err);
	}
	if (!rc)
		rc = gw_db_commit(&s->db, err);
	s->uplinks_changed = true; /* the registry is counted and written again */
	if (rc) {
		gw_db_rollback(&s->db);
		gw_registry_read(s, NULL);
		return rc;
	}
	*ret_reassigned += reassigned;
	return gw_journal_count(&s->db, s->owed, s->parked, err);
}

void gw_registry_status(const struct gw_store *s, struct gw_store_status *st)
{
	for (size_t bit = 0; bit < GW_STORE_SLOTS; bit++) {
		const struct gw_registry_row *row = &s->registry[bit];
		struct gw_store_removed_uplink *u =
			&st->removed_uplinks[st->n_removed_uplinks];

		if (!is_removed(s, row) || s->owed[bit] + s->parked[bit] == 0)
			continue;
		snprintf(u->name, sizeof(u->name), "%s", row->name);
		u->owed = s->owed[bit];
		u->parked = s->parked[bit];
		st->n_removed_uplinks++;
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of uplinks and the bits the database gives them for as long as something is owed to
 * them. A name that is no longer configured keeps its debts for KEPT_DAYS; a new name at its
 * address takes them over.
 */
#include "base/clock.h"
#include "base/log.h"
#include "store/store_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_MS            (INT64_C(24) * 60 * 60 * 1000)
#define DAY_NS            (DAY_MS * GW_NS_PER_MS)
#define REMOVED_KEEP_DAYS 30 /* debts to a name that is not configured */

/* One statement made with sqlite3_mprintf, which quotes. */
static enum gw_err run_sql(struct gw_store *s, char *sql, struct gw_error *err)
{
	int rc = sql ? sqlite3_exec(s->db.handle, sql, NULL, NULL, NULL) : SQLITE_NOMEM;

	sqlite3_free(sql);
	return rc == SQLITE_OK ? GW_OK : gw_db_fail(&s->db, rc, "database", err);
}

#define UPLINK_TABLE \
	"CREATE TABLE IF NOT EXISTS uplink(name TEXT PRIMARY KEY, url TEXT NOT NULL," \
	" days INTEGER NOT NULL, day_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;"

static void free_rows(struct gw_store *s)
{
	for (size_t bit = 0; bit < GW_STORE_SLOTS; bit++) {
		free(s->registry[bit].name);
		free(s->registry[bit].url);
		s->registry[bit] = (struct gw_registry_row){.name = NULL};
	}
}

static struct gw_registry_row *find_row(struct gw_store *s, const char *name)
{
	for (size_t bit = 0; bit < GW_STORE_SLOTS; bit++)
		if (s->registry[bit].name && strcmp(s->registry[bit].name, name) == 0)
			return &s->registry[bit];
	return NULL;
}

static bool is_removed(const struct gw_store *s, const struct gw_registry_row *row)
{
	return row->name && !gw_slots_is_active(s, row->name);
}

/* What a name that is new takes over: that of one no longer configured at the same address. */
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
		const struct gw_mailbox *l = &s->mailboxes[i];
		const struct gw_registry_row *row = s->used_slots >> i & 1
			? find_row(s, l->name)
			: NULL;

		if (!row &&
			(s->active_slots >> i &
				1)) /* it may be asked before it is written */
			row = find_predecessor(s, l->url);
		s->mailboxes[i].bit = row ? (uint32_t)1 << (row - s->registry) : 0;
		if (s->active_slots >> i &
			1) /* as long as one is not known, none counts as gone */
			active_bits |= row ? s->mailboxes[i].bit : UINT32_MAX;
	}
	gw_retention_set_active(&s->retention, active_bits);
}

/* NULL without memory. */
static char *copy_text(sqlite3_stmt *st, int column)
{
	const char *text = gw_db_text(st, column);

	return text ? strdup(text) : NULL;
}

/* Files of earlier versions have no table uplink until one is written. */
static int select_rows(struct gw_store *s, sqlite3_stmt **ret_st)
{
	static const char *const sql[] = {
		"SELECT s.bit, s.name, u.url, ifnull(u.days, -1), u.day_ms FROM sink AS s"
		" LEFT JOIN uplink AS u ON u.name = s.name",
		"SELECT bit, name, '', -1, 0 FROM sink"};
	int rc = sqlite3_prepare_v2(s->db.handle, sql[0], -1, ret_st, NULL);

	if (rc == SQLITE_ERROR) /* there is none: not that it cannot be read now */
		rc = sqlite3_prepare_v2(s->db.handle, sql[1], -1, ret_st, NULL);
	return rc;
}

enum gw_err gw_registry_read(struct gw_store *s, struct gw_error *err)
{
	sqlite3_stmt *st = NULL;
	enum gw_err kind = GW_OK;
	int rc = select_rows(s, &st);

	free_rows(s);
	while (st && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct gw_registry_row *row =
			&s->registry[sqlite3_column_int(st, 0) & (GW_STORE_SLOTS - 1)];

		free(row->name);
		free(row->url);
		*row = (struct gw_registry_row){
			.name = copy_text(st, 1),
			.url = copy_text(st, 2),
			.removed_days = sqlite3_column_int(st, 3),
			.last_day_ms = sqlite3_column_int64(st, 4),
		};
		if (!row->name || !row->url) {
			kind = gw_fail(err, GW_ERR_SYSTEM, 0, "no memory");
			break;
		}
	}
	if (!kind && rc != SQLITE_DONE)
		kind = gw_db_fail(&s->db, rc, "database", err);
	sqlite3_finalize(st);
	if (kind)
		free_rows(s);
	gw_registry_assign_bits(s);
	return kind;
}

/* Said once the transaction is committed: one that fails is tried again. */
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

static enum gw_err put_row(
	struct gw_store *s, const struct gw_registry_row *row, struct gw_error *err)
{
	return run_sql(s,
		sqlite3_mprintf("REPLACE INTO sink VALUES(%d, %Q); REPLACE INTO uplink "
				"VALUES(%Q, %Q, %d, %lld)",
			(int)(row - s->registry), row->name, row->name, row->url,
			row->removed_days, (long long)row->last_day_ms),
		err);
}

static enum gw_err delete_row(
	struct gw_store *s, struct gw_registry_row *row, struct gw_error *err)
{
	enum gw_err rc = run_sql(s,
		sqlite3_mprintf("DELETE FROM sink WHERE bit = %d; DELETE FROM uplink WHERE "
				"name = %Q",
			(int)(row - s->registry), row->name),
		err);

	free(row->name);
	free(row->url);
	*row = (struct gw_registry_row){.name = NULL};
	return rc;
}

static bool is_in_use(const struct gw_store *s, const char *name)
{
	for (size_t i = 0; i < GW_STORE_SLOTS; i++)
		if ((s->used_slots >> i & 1) && strcmp(s->mailboxes[i].name, name) == 0)
			return true;
	return false;
}

static enum gw_err drop_owed(
	struct gw_store *s, struct gw_registry_row *row, struct gw_error *err)
{
	long long bit = 1LL << (unsigned)(row - s->registry);
	enum gw_err rc = run_sql(s,
		sqlite3_mprintf(
			"UPDATE owed SET sinks = sinks & ~%lld WHERE sinks & %lld;"
			"DELETE FROM owed WHERE sinks = 0;"
			"UPDATE parked SET sinks = sinks & ~%lld WHERE sinks & %lld;"
			"DELETE FROM parked WHERE sinks = 0",
			bit, bit, bit, bit),
		err);

	return rc ? rc : delete_row(s, row, err);
}

/* What one uplink refused another may take, and so may the same one under another configuration:
 * it is owed again. */
static enum gw_err unpark(struct gw_store *s, const struct gw_registry_row *row,
	uint32_t to, struct gw_error *err)
{
	long long bit = 1LL << (unsigned)(row - s->registry);

	return run_sql(s,
		sqlite3_mprintf(
			"INSERT INTO owed SELECT 3 - e.level, e.seq, %u FROM parked AS p"
			" JOIN event AS e ON e.seq = p.seq WHERE p.sinks & %lld"
			" ON CONFLICT(urgency, seq) DO UPDATE SET sinks = sinks | %u;"
			"UPDATE parked SET sinks = sinks & ~%lld WHERE sinks & %lld;"
			"DELETE FROM parked WHERE sinks = 0",
			to, bit, to, bit, bit),
		err);
}

static enum gw_err merge_owed(
	struct gw_store *s, struct gw_registry_row *row, uint32_t to, struct gw_error *err)
{
	long long bit = 1LL << (unsigned)(row - s->registry);
	enum gw_err rc = unpark(s, row, to, err);

	if (!rc)
		rc = run_sql(s,
			sqlite3_mprintf("UPDATE owed SET sinks = sinks & ~%lld | %u"
					" WHERE sinks & %lld;"
					"UPDATE event SET undurable = undurable | %u"
					" WHERE undurable & %lld",
				bit, to, bit, to, bit),
			err);
	return rc ? rc : delete_row(s, row, err);
}

static unsigned long long owed_to(
	const struct gw_store *s, const struct gw_registry_row *row)
{
	return s->owed[row - s->registry];
}

/* A name that is not configured: forgotten if nothing is owed to it, else kept, said once, and
 * dropped after KEPT_DAYS. A day counts when the clock and we agree that it is over: a clock that
 * jumps ahead by years takes one day away at each start. */
static enum gw_err age_removed(
	struct gw_store *s, struct gw_registry_row *row, struct gw_error *err)
{
	int64_t wall_ms = gw_clock_wall_ms(), was_ms = row->last_day_ms;
	uint64_t parked = s->parked[row - s->registry];
	int removed_days = row->removed_days;

	if (is_in_use(s, row->name)) /* it may still speak */
		return GW_OK;
	if (owed_to(s, row) == 0 && parked == 0)
		return delete_row(s, row, err);
	if (removed_days < 0) {
		add_note(s,
			"store: %llu alerts are owed to uplink %s, which is no longer "
			"configured: kept for %d days; tocsin resend --uplink NAME gives "
			"them to another",
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
			"store: %llu alerts owed to uplink %s are dropped: it has not been "
			"configured for %d days",
			owed_to(s, row) + parked, row->name, REMOVED_KEEP_DAYS);
		return drop_owed(s, row, err);
	}
	return removed_days == row->removed_days && was_ms == row->last_day_ms
		? GW_OK
		: put_row(s, row, err);
}

static void note_inherited(
	struct gw_store *s, const struct gw_mailbox *l, const struct gw_registry_row *row)
{
	if (owed_to(s, row) > 0)
		add_note(s,
			"store: uplink %s has the address of %s, which is no longer "
			"configured, and takes over %llu alerts owed to it",
			l->name, row->name, owed_to(s, row));
}

/* ret_row: the row for a name that is new; NULL: nobody left one. More of them are merged into
 * the first. */
static enum gw_err inherit_owed(struct gw_store *s, const struct gw_mailbox *l,
	struct gw_registry_row **ret_row, struct gw_error *err)
{
	struct gw_registry_row *first = find_predecessor(s, l->url), *row;
	enum gw_err rc;

	*ret_row = first;
	if (!first)
		return GW_OK;
	note_inherited(s, l, first);
	rc = unpark(s, first, (uint32_t)1 << (first - s->registry), err);
	if (!rc)
		rc = run_sql(s,
			sqlite3_mprintf("DELETE FROM uplink WHERE name = %Q", first->name),
			err);
	free(first->name);
	first->name = NULL;
	while (!rc && (row = find_predecessor(s, l->url)) != NULL) {
		note_inherited(s, l, row);
		rc = merge_owed(s, row, (uint32_t)1 << (first - s->registry), err);
	}
	return rc;
}

/* All bits have names: the one whose debts are the least to lose goes. */
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
		"store: %d names of uplinks are too many: %llu alerts owed to %s, which is "
		"no longer configured, are dropped",
		GW_STORE_SLOTS + 1, owed_to(s, victim), victim->name);
	*ret_row = victim;
	return drop_owed(s, victim, err);
}

static enum gw_err assign_row(struct gw_store *s, struct gw_registry_row *row,
	const struct gw_mailbox *l, struct gw_error *err)
{
	free(row->name);
	free(row->url);
	*row = (struct gw_registry_row){
		.name = strdup(l->name), .url = strdup(l->url), .removed_days = -1};
	if (!row->name || !row->url)
		return gw_fail(err, GW_ERR_SYSTEM, 0, "no memory");
	return put_row(s, row, err);
}

static enum gw_err write_live(
	struct gw_store *s, const struct gw_mailbox *l, struct gw_error *err)
{
	struct gw_registry_row *row = find_row(s, l->name);
	enum gw_err rc = GW_OK;

	if (row && row->removed_days < 0 && strcmp(row->url, l->url) == 0)
		return GW_OK;
	if (row && row->removed_days >= 0) {
		if (owed_to(s, row) > 0)
			add_note(s, "store: uplink %s is back: %llu alerts are owed to it",
				l->name, owed_to(s, row));
		rc = unpark(s, row, (uint32_t)1 << (row - s->registry), err);
	}
	if (!rc && !row && !(rc = inherit_owed(s, l, &row, err)) && !row)
		rc = free_bit(s, &row, err);
	return rc ? rc : assign_row(s, row, l, err);
}

/* It came and went before its name was written, and is owed what arose meanwhile. */
static enum gw_err write_leaving(
	struct gw_store *s, const struct gw_mailbox *l, struct gw_error *err)
{
	struct gw_registry_row *row = NULL;
	enum gw_err rc;

	if (find_row(s, l->name))
		return GW_OK;
	rc = free_bit(s, &row, err);
	return rc ? rc : assign_row(s, row, l, err);
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
		(rc = run_sql(s, sqlite3_mprintf(UPLINK_TABLE), err)))
		return rc;
	rc = write_slots(s, err);
	s->any_removed = false;
	for (size_t bit = 0; !rc && bit < GW_STORE_SLOTS; bit++) {
		if (is_removed(s, &s->registry[bit]))
			rc = age_removed(s, &s->registry[bit], err);
		s->any_removed |= is_removed(s, &s->registry[bit]);
	}
	s->next_day_ns = gw_clock_mono_ns() + DAY_NS;
	gw_registry_assign_bits(s);
	return rc;
}

enum gw_err gw_registry_copy_from(struct gw_store *s, struct gw_db *from,
	enum gw_err *ret_unread, struct gw_error *err)
{
	sqlite3_stmt *st = NULL;
	enum gw_err rc = GW_OK;
	int read = sqlite3_prepare_v2(
		from->handle, "SELECT name, url, days, day_ms FROM uplink", -1, &st, NULL);

	*ret_unread = GW_OK;
	if (read == SQLITE_ERROR) /* it has no such table */
		return GW_OK;
	while (st && !rc && (read = sqlite3_step(st)) == SQLITE_ROW) {
		const char *name = gw_db_text(st, 0), *url = gw_db_text(st, 1);

		if (!name || !url) {
			read = SQLITE_NOMEM;
			break;
		}
		rc = run_sql(s,
			sqlite3_mprintf(UPLINK_TABLE
				"INSERT OR IGNORE INTO uplink VALUES(%Q, %Q, %d, %lld)",
				name, url, sqlite3_column_int(st, 2),
				(long long)sqlite3_column_int64(st, 3)),
			err);
	}
	if (!rc && read != SQLITE_DONE)
		*ret_unread = gw_db_fail(from, read, "database", NULL);
	sqlite3_finalize(st);
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

/* In a transaction of its own, if there is anything to move. */
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
		rc = merge_owed(s, row, s->mailboxes[slot].bit, err);
	}
	if (!rc)
		rc = gw_db_commit(&s->db, err);
	if (rc) {
		gw_db_rollback(&s->db);
		gw_registry_read(s, NULL);
		return rc;
	}
	s->uplinks_changed = true; /* counts, and who is still gone */
	*ret_reassigned += reassigned;
	return gw_journal_count(&s->db, s->owed, s->parked, err);
}

void gw_registry_status(const struct gw_store *s, struct gw_store_status *st)
{
	for (size_t bit = 0; bit < GW_STORE_SLOTS; bit++) {
		const struct gw_registry_row *row = &s->registry[bit];
		struct gw_store_removed_uplink *v =
			&st->removed_uplinks[st->n_removed_uplinks];

		if (!is_removed(s, row) || s->owed[bit] + s->parked[bit] == 0)
			continue;
		snprintf(v->name, sizeof(v->name), "%s", row->name);
		v->owed = s->owed[bit];
		v->parked = s->parked[bit];
		st->n_removed_uplinks++;
	}
}

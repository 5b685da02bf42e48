/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of uplinks and the bits the database gives them for as long as something is owed to
 * them. A name that is no longer configured keeps its debts for KEPT_DAYS; a new name at its
 * address takes them over.
 */
#include "base/clock.h"
#include "base/log.h"
#include "store/inner.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_MS    (INT64_C(24) * 60 * 60 * 1000)
#define DAY_NS    (DAY_MS * GW_NS_PER_MS)
#define KEPT_DAYS 30 /* debts to a name that is not configured */

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

static void forget_rows(struct gw_store *s)
{
	for (size_t bit = 0; bit < GW_STORE_SINKS; bit++) {
		free(s->names[bit].name);
		free(s->names[bit].url);
		s->names[bit] = (struct gw_sink_row){.name = NULL};
	}
}

static struct gw_sink_row *find_row(struct gw_store *s, const char *name)
{
	for (size_t bit = 0; bit < GW_STORE_SINKS; bit++)
		if (s->names[bit].name && strcmp(s->names[bit].name, name) == 0)
			return &s->names[bit];
	return NULL;
}

static bool is_gone(const struct gw_store *s, const struct gw_sink_row *row)
{
	return row->name && !gw_sinks_live(s, row->name);
}

/* What a name that is new takes over: that of one no longer configured at the same address. */
static struct gw_sink_row *find_legacy(struct gw_store *s, const char *url)
{
	for (size_t bit = 0; *url && bit < GW_STORE_SINKS; bit++)
		if (is_gone(s, &s->names[bit]) && strcmp(s->names[bit].url, url) == 0)
			return &s->names[bit];
	return NULL;
}

void gw_names_bits(struct gw_store *s)
{
	uint32_t live = 0;

	for (size_t i = 0; i < GW_STORE_SINKS; i++) {
		const struct gw_line *l = &s->lines[i];
		const struct gw_sink_row *row = s->known >> i & 1 ? find_row(s, l->name)
								  : NULL;

		if (!row && (s->live >> i & 1)) /* it may be asked before it is written */
			row = find_legacy(s, l->url);
		s->lines[i].bit = row ? (uint32_t)1 << (row - s->names) : 0;
		if (s->live >> i & 1) /* as long as one is not known, none counts as gone */
			live |= row ? s->lines[i].bit : UINT32_MAX;
	}
	gw_keep_live(&s->keep, live);
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

enum gw_err gw_names_read(struct gw_store *s, struct gw_error *err)
{
	sqlite3_stmt *st = NULL;
	enum gw_err kind = GW_OK;
	int rc = select_rows(s, &st);

	forget_rows(s);
	while (st && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct gw_sink_row *row =
			&s->names[sqlite3_column_int(st, 0) & (GW_STORE_SINKS - 1)];

		free(row->name);
		free(row->url);
		*row = (struct gw_sink_row){
			.name = copy_text(st, 1),
			.url = copy_text(st, 2),
			.days = sqlite3_column_int(st, 3),
			.day_ms = sqlite3_column_int64(st, 4),
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
		forget_rows(s);
	gw_names_bits(s);
	return kind;
}

/* Said once the transaction is committed: one that fails is tried again. */
static void note(struct gw_store *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void note(struct gw_store *s, const char *format, ...)
{
	va_list ap;

	if (s->n_notes == GW_SINK_NOTES)
		return;
	va_start(ap, format);
	vsnprintf(s->notes[s->n_notes], sizeof(s->notes[0]), format, ap);
	va_end(ap);
	s->n_notes++;
}

void gw_names_say(struct gw_store *s)
{
	for (size_t i = 0; i < s->n_notes; i++)
		gw_log(GW_LOG_WARNING, "%s", s->notes[i]);
	s->n_notes = 0;
}

static enum gw_err put_row(
	struct gw_store *s, const struct gw_sink_row *row, struct gw_error *err)
{
	return run_sql(s,
		sqlite3_mprintf("REPLACE INTO sink VALUES(%d, %Q); REPLACE INTO uplink "
				"VALUES(%Q, %Q, %d, %lld)",
			(int)(row - s->names), row->name, row->name, row->url, row->days,
			(long long)row->day_ms),
		err);
}

static enum gw_err delete_row(
	struct gw_store *s, struct gw_sink_row *row, struct gw_error *err)
{
	enum gw_err rc = run_sql(s,
		sqlite3_mprintf("DELETE FROM sink WHERE bit = %d; DELETE FROM uplink WHERE "
				"name = %Q",
			(int)(row - s->names), row->name),
		err);

	free(row->name);
	free(row->url);
	*row = (struct gw_sink_row){.name = NULL};
	return rc;
}

static bool is_known(const struct gw_store *s, const char *name)
{
	for (size_t i = 0; i < GW_STORE_SINKS; i++)
		if ((s->known >> i & 1) && strcmp(s->lines[i].name, name) == 0)
			return true;
	return false;
}

static enum gw_err drop_debts(
	struct gw_store *s, struct gw_sink_row *row, struct gw_error *err)
{
	long long bit = 1LL << (unsigned)(row - s->names);
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
static enum gw_err unpark(struct gw_store *s, const struct gw_sink_row *row, uint32_t to,
	struct gw_error *err)
{
	long long bit = 1LL << (unsigned)(row - s->names);

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

static enum gw_err merge_debts(
	struct gw_store *s, struct gw_sink_row *row, uint32_t to, struct gw_error *err)
{
	long long bit = 1LL << (unsigned)(row - s->names);
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

static unsigned long long owed_to(const struct gw_store *s, const struct gw_sink_row *row)
{
	return s->owed[row - s->names];
}

/* A name that is not configured: forgotten if nothing is owed to it, else kept, said once, and
 * dropped after KEPT_DAYS. A day counts when the clock and we agree that it is over: a clock that
 * jumps ahead by years takes one day away at each start. */
static enum gw_err tend_gone(
	struct gw_store *s, struct gw_sink_row *row, struct gw_error *err)
{
	int64_t wall_ms = gw_clock_wall_ms(), was_ms = row->day_ms;
	uint64_t parked = s->parked[row - s->names];
	int days = row->days;

	if (is_known(s, row->name)) /* it may still speak */
		return GW_OK;
	if (owed_to(s, row) == 0 && parked == 0)
		return delete_row(s, row, err);
	if (days < 0) {
		note(s,
			"store: %llu alerts are owed to uplink %s, which is no longer "
			"configured: kept for %d days; tocsin resend --uplink NAME gives "
			"them to another",
			owed_to(s, row) + parked, row->name, KEPT_DAYS);
		row->days = 0;
		row->day_ms = wall_ms;
	} else if (gw_clock_synced() && wall_ms - row->day_ms >= DAY_MS) {
		row->days++;
		row->day_ms = wall_ms;
	} else if (wall_ms < row->day_ms) {
		row->day_ms = wall_ms;
	}
	if (row->days >= KEPT_DAYS) {
		note(s,
			"store: %llu alerts owed to uplink %s are dropped: it has not been "
			"configured for %d days",
			owed_to(s, row) + parked, row->name, KEPT_DAYS);
		return drop_debts(s, row, err);
	}
	return days == row->days && was_ms == row->day_ms ? GW_OK : put_row(s, row, err);
}

static void note_legacy(
	struct gw_store *s, const struct gw_line *l, const struct gw_sink_row *row)
{
	if (owed_to(s, row) > 0)
		note(s,
			"store: uplink %s has the address of %s, which is no longer "
			"configured, and takes over %llu alerts owed to it",
			l->name, row->name, owed_to(s, row));
}

/* ret_row: the row for a name that is new; NULL: nobody left one. More of them are merged into
 * the first. */
static enum gw_err inherit(struct gw_store *s, const struct gw_line *l,
	struct gw_sink_row **ret_row, struct gw_error *err)
{
	struct gw_sink_row *first = find_legacy(s, l->url), *row;
	enum gw_err rc;

	*ret_row = first;
	if (!first)
		return GW_OK;
	note_legacy(s, l, first);
	rc = unpark(s, first, (uint32_t)1 << (first - s->names), err);
	if (!rc)
		rc = run_sql(s,
			sqlite3_mprintf("DELETE FROM uplink WHERE name = %Q", first->name),
			err);
	free(first->name);
	first->name = NULL;
	while (!rc && (row = find_legacy(s, l->url)) != NULL) {
		note_legacy(s, l, row);
		rc = merge_debts(s, row, (uint32_t)1 << (first - s->names), err);
	}
	return rc;
}

/* All bits have names: the one whose debts are the least to lose goes. */
static enum gw_err make_room(
	struct gw_store *s, struct gw_sink_row **ret_row, struct gw_error *err)
{
	struct gw_sink_row *victim = NULL;

	for (size_t bit = 0; bit < GW_STORE_SINKS; bit++) {
		struct gw_sink_row *row = &s->names[bit];

		if (!row->name) {
			*ret_row = row;
			return GW_OK;
		}
		if (!is_gone(s, row))
			continue;
		if (!victim || (owed_to(s, victim) > 0 && owed_to(s, row) == 0) ||
			((owed_to(s, victim) > 0) == (owed_to(s, row) > 0) &&
				row->days > victim->days))
			victim = row;
	}
	if (!victim)
		return gw_fail(err, GW_ERR_SYSTEM, 0, "more than %d uplinks at one time",
			GW_STORE_SINKS);
	note(s,
		"store: %d names of uplinks are too many: %llu alerts owed to %s, which is "
		"no longer configured, are dropped",
		GW_STORE_SINKS + 1, owed_to(s, victim), victim->name);
	*ret_row = victim;
	return drop_debts(s, victim, err);
}

static enum gw_err name_row(struct gw_store *s, struct gw_sink_row *row,
	const struct gw_line *l, struct gw_error *err)
{
	free(row->name);
	free(row->url);
	*row = (struct gw_sink_row){
		.name = strdup(l->name), .url = strdup(l->url), .days = -1};
	if (!row->name || !row->url)
		return gw_fail(err, GW_ERR_SYSTEM, 0, "no memory");
	return put_row(s, row, err);
}

static enum gw_err write_live(
	struct gw_store *s, const struct gw_line *l, struct gw_error *err)
{
	struct gw_sink_row *row = find_row(s, l->name);
	enum gw_err rc = GW_OK;

	if (row && row->days < 0 && strcmp(row->url, l->url) == 0)
		return GW_OK;
	if (row && row->days >= 0) {
		if (owed_to(s, row) > 0)
			note(s, "store: uplink %s is back: %llu alerts are owed to it",
				l->name, owed_to(s, row));
		rc = unpark(s, row, (uint32_t)1 << (row - s->names), err);
	}
	if (!rc && !row && !(rc = inherit(s, l, &row, err)) && !row)
		rc = make_room(s, &row, err);
	return rc ? rc : name_row(s, row, l, err);
}

/* It came and went before its name was written, and is owed what arose meanwhile. */
static enum gw_err write_leaving(
	struct gw_store *s, const struct gw_line *l, struct gw_error *err)
{
	struct gw_sink_row *row = NULL;
	enum gw_err rc;

	if (find_row(s, l->name))
		return GW_OK;
	rc = make_room(s, &row, err);
	return rc ? rc : name_row(s, row, l, err);
}

static enum gw_err write_slots(struct gw_store *s, struct gw_error *err)
{
	enum gw_err rc = GW_OK;

	for (size_t i = 0; !rc && i < GW_STORE_SINKS; i++)
		if (s->live >> i & 1)
			rc = write_live(s, &s->lines[i], err);
	for (size_t i = 0; !rc && i < GW_STORE_SINKS; i++)
		if ((s->known & ~s->live) >> i & 1 && s->lines[i].speaks_for == i)
			rc = write_leaving(s, &s->lines[i], err);
	return rc;
}

enum gw_err gw_names_write(struct gw_store *s, struct gw_error *err)
{
	enum gw_err rc;

	s->n_notes = 0;
	if ((rc = gw_names_read(s, err)) ||
		(rc = gw_journal_count(&s->db, s->owed, s->parked, err)) ||
		(rc = run_sql(s, sqlite3_mprintf(UPLINK_TABLE), err)))
		return rc;
	rc = write_slots(s, err);
	s->any_gone = false;
	for (size_t bit = 0; !rc && bit < GW_STORE_SINKS; bit++) {
		if (is_gone(s, &s->names[bit]))
			rc = tend_gone(s, &s->names[bit], err);
		s->any_gone |= is_gone(s, &s->names[bit]);
	}
	s->next_day_ns = gw_clock_mono_ns() + DAY_NS;
	gw_names_bits(s);
	return rc;
}

enum gw_err gw_names_carry(struct gw_store *s, struct gw_db *from, enum gw_err *ret_unread,
	struct gw_error *err)
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

uint32_t gw_names_gone(const struct gw_store *s)
{
	uint32_t bits = 0;

	for (size_t bit = 0; bit < GW_STORE_SINKS; bit++)
		if (is_gone(s, &s->names[bit]))
			bits |= (uint32_t)1 << bit;
	return bits;
}

void gw_names_tend(struct gw_store *s, int64_t now_ns)
{
	if (!s->any_gone || now_ns < s->next_day_ns)
		return;
	s->next_day_ns = now_ns + DAY_NS;
	s->sinks_changed = true;
}

/* In a transaction of its own, if there is anything to move. */
enum gw_err gw_names_give(
	struct gw_store *s, size_t sink, uint64_t *ret_moved, struct gw_error *err)
{
	uint64_t moved = 0;
	enum gw_err rc;

	if (!s->any_gone)
		return GW_OK;
	rc = gw_db_begin(&s->db, err);
	for (size_t bit = 0; !rc && bit < GW_STORE_SINKS; bit++) {
		struct gw_sink_row *row = &s->names[bit];

		if (!is_gone(s, row) || is_known(s, row->name))
			continue;
		moved += s->owed[bit] + s->parked[bit];
		rc = merge_debts(s, row, s->lines[sink].bit, err);
	}
	if (!rc)
		rc = gw_db_commit(&s->db, err);
	if (rc) {
		gw_db_rollback(&s->db);
		gw_names_read(s, NULL);
		return rc;
	}
	s->sinks_changed = true; /* counts, and who is still gone */
	*ret_moved += moved;
	return gw_journal_count(&s->db, s->owed, s->parked, err);
}

void gw_names_status(const struct gw_store *s, struct gw_store_status *st)
{
	for (size_t bit = 0; bit < GW_STORE_SINKS; bit++) {
		const struct gw_sink_row *row = &s->names[bit];
		struct gw_store_vanished *v = &st->vanished[st->n_vanished];

		if (!is_gone(s, row) || s->owed[bit] + s->parked[bit] == 0)
			continue;
		snprintf(v->name, sizeof(v->name), "%s", row->name);
		v->owed = s->owed[bit];
		v->parked = s->parked[bit];
		st->n_vanished++;
	}
}

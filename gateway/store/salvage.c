/* SPDX-License-Identifier: Apache-2.0 */
#include "store/salvage.h"

#include "base/log.h"
#include "store/chain.h"
#include "store/db_readonly.h"
#include "store/journal.h"
#include "store/journal_read.h"
#include "store/mailbox.h"
#include "store/previous_run.h"
#include "store/quarantine.h"
#include "store/registry_rows.h"
#include "store/salvage_events.h"
#include "store/spare.h"
#include "store/store_internal.h"

#include <stdio.h>
#include <string.h>

#define RETRY_NS (600 * GW_NS_PER_SEC)
/* What is noted of a file, by its name in meta. */
#define NOTED_ALARMS 1 /* its alarms were copied */
#define NOTED_TRIED  2 /* its events were tried once */

/* False: it has the very same state, so main has it from there. */
static bool copy_alarm(struct gw_salvage *v, const struct gw_saved_alarm *alarm)
{
	uint64_t seq = 0;

	v->write_error = gw_journal_put_newer_state(
		&v->s->db, &v->s->strings, &alarm->record, alarm->info, &seq, NULL);
	return seq == 0 || seq != alarm->record.seq;
}

/* All of them or none: the note that they were copied is for all. */
static void copy_alarms(struct gw_salvage *v)
{
	size_t n_new = 0;
	enum gw_err rc = gw_journal_read_alarms(
		v->old, false, &v->saved->arena, gw_saved_alarms_add, v->saved, NULL);

	if (v->saved->incomplete)
		rc = GW_ERR_SYSTEM;
	gw_salvage_note_read_error(v, rc);
	v->alarms = !v->read_error;
	gw_spare_update_alarms(v->s, v->saved); /* they are newer */
	for (size_t i = 0; v->alarms && !v->write_error && i < v->saved->n; i++)
		if (copy_alarm(v, &v->saved->alarms[i]))
			v->saved->alarms[n_new++] = v->saved->alarms[i];
	if (v->alarms)
		v->saved->n = n_new;
}

/* The bit of that name in the open database, 0: it has none. Adds the bits of other names to
 * ret_taken. */
static uint32_t find_bit(struct gw_salvage *v, const char *name, uint32_t *ret_taken)
{
	sqlite3_stmt *st = gw_db_stmt(&v->s->db, GW_DB_UPLINK_ALL);
	uint32_t found = 0;
	int code = SQLITE_ROW;

	while (!found && (code = sqlite3_step(st)) == SQLITE_ROW) {
		uint32_t bit = (uint32_t)1 << (sqlite3_column_int(st, 0) & 31);
		const char *taken_by = gw_db_text(st, 1);

		*ret_taken |= bit;
		if (!taken_by)
			v->write_error = GW_ERR_SYSTEM;
		else if (strcmp(taken_by, name) == 0)
			found = bit;
	}
	if (!found && code != SQLITE_DONE)
		v->write_error = gw_db_fail(&v->s->db, code, "database", NULL);
	sqlite3_reset(st);
	return found;
}

/* The same, assigned if it has none; 0: all are taken. */
static uint32_t bit_of(struct gw_salvage *v, const char *name)
{
	uint32_t taken = 0, found = find_bit(v, name, &taken);
	sqlite3_stmt *st;
	int bit;

	if (found || taken == UINT32_MAX || v->write_error)
		return found;
	bit = __builtin_ctz(~taken);
	st = gw_db_stmt(&v->s->db, GW_DB_UPLINK_PUT);
	sqlite3_bind_int(st, 1, bit);
	sqlite3_bind_text(st, 2, name, -1, SQLITE_STATIC);
	v->write_error = gw_db_run(&v->s->db, GW_DB_UPLINK_PUT, NULL);
	return (uint32_t)1 << bit;
}

/* Names that are on a corrupt page are taken for those that are configured now. */
static void set_every_uplink(struct gw_salvage *v)
{
	for (size_t i = 0; i < GW_STORE_SLOTS; i++) {
		v->every |= v->bits[i];
		if (v->names_corrupt && (v->s->active_slots >> i & 1) && !v->write_error)
			v->every |= bit_of(v, v->s->mailboxes[i].name);
	}
}

static void copy_names(struct gw_salvage *v)
{
	sqlite3_stmt *st = gw_db_stmt(v->old, GW_DB_UPLINK_ALL);
	enum gw_err read_error = GW_OK;
	int code = SQLITE_DONE;

	while (!v->write_error && (code = sqlite3_step(st)) == SQLITE_ROW) {
		const char *name = gw_db_text(st, 1);

		if (name)
			v->bits[sqlite3_column_int(st, 0) & 31] = bit_of(v, name);
		else
			gw_salvage_note_read_error(v, GW_ERR_SYSTEM);
	}
	if (!v->write_error && code != SQLITE_DONE) {
		enum gw_err rc = gw_db_fail(v->old, code, "database", NULL);

		v->names_corrupt = rc == GW_ERR_CORRUPT;
		gw_salvage_note_read_error(v, rc);
	}
	sqlite3_reset(st);
	set_every_uplink(v);
	if (!v->write_error)
		v->write_error = gw_registry_rows_copy_from(
			v->s, v->old, &read_error, NULL);
	gw_salvage_note_read_error(v, read_error);
}

/* The run counter and the last event number, so that none is given twice. */
static void copy_numbers(struct gw_salvage *v)
{
	uint64_t run = 0, last_seq = 0, new_last_seq = 0, unused;

	gw_salvage_note_read_error(
		v, gw_previous_run_numbers(v->old, &run, &last_seq, NULL));
	if (run > v->s->previous_run)
		v->s->previous_run = run;
	if (!v->write_error)
		v->write_error = gw_previous_run_numbers(
			&v->s->db, &unused, &new_last_seq, NULL);
	if (!v->write_error && last_seq > new_last_seq)
		v->write_error = gw_db_meta_put(
			&v->s->db, "last_seq", (int64_t)last_seq, NULL);
}

static void copy_all(struct gw_salvage *v, bool alarms)
{
	copy_names(v);
	if (!v->read_error) { /* without all names the masks cannot be mapped */
		if (alarms)
			copy_alarms(v);
		gw_salvage_events_copy(v);
	}
	copy_numbers(v);
}

/* In one transaction with a note that the alarms were copied: an alarm that clears later must not
 * come back with the next try. */
static enum gw_err copy_transaction(
	struct gw_salvage *v, const char *quarantined, bool to_main, struct gw_error *err)
{
	const char *name = strrchr(quarantined, '/') + 1;
	int64_t before = 0;
	enum gw_err rc = gw_db_begin(&v->s->db, err);

	if (!rc)
		rc = gw_db_meta_get(&v->s->db, name, &before, err);
	if (!rc) {
		v->first = before == 0;
		copy_all(v, !(before & NOTED_ALARMS));
		rc = v->write_error ? gw_fail(err, v->write_error, 0,
					      "the new database cannot be "
					      "written")
				    : GW_OK;
	}
	if (!rc && v->rows > 0)
		rc = gw_chain_save_head(&v->s->db, err);
	if (!rc)
		rc = gw_db_meta_put(&v->s->db, name,
			before | NOTED_TRIED | (v->alarms ? NOTED_ALARMS : 0), err);
	if (!rc)
		rc = gw_db_commit(&v->s->db, err);
	if (rc) {
		gw_db_rollback(&v->s->db);
		gw_string_table_clear_cache(&v->s->strings);
		return rc;
	}
	if (to_main && v->alarms) {
		gw_saved_alarms_post(v->s, v->saved);
		v->saved = NULL;
	}
	return GW_OK;
}

static void log_damage(const struct gw_salvage *v, const char *quarantined)
{
	if (v->unknown > 0)
		gw_log(GW_LOG_WARNING,
			"store: to whom %llu events of %s are owed is on a corrupt page: they are sent to every uplink, perhaps again",
			(unsigned long long)v->unknown, quarantined);
	if (v->unreadable > 0)
		gw_log(GW_LOG_ERR,
			"store: %llu undelivered events of %s are on a corrupt page and lost",
			(unsigned long long)v->unreadable, quarantined);
}

enum gw_err gw_salvage_file(struct gw_store *s, struct gw_db *old, const char *quarantined,
	bool to_main, bool *ret_complete, struct gw_error *err)
{
	struct gw_salvage v = {.s = s, .old = old, .saved = gw_saved_alarms_new()};
	enum gw_err rc;

	if (!v.saved)
		return gw_fail(err, GW_ERR_SYSTEM, 0, "no memory");
	rc = copy_transaction(&v, quarantined, to_main, err);
	gw_saved_alarms_free(v.saved);
	if (rc)
		return rc;
	*ret_complete = !v.read_error && v.seq_conflicts == 0;
	if (*ret_complete)
		log_damage(&v, quarantined);
	s->uplinks_changed = true; /* names may have been added */
	if (v.events > 0) {
		gw_log(GW_LOG_NOTICE, "store: took over %llu undelivered events from %s",
			(unsigned long long)v.events, quarantined);
		s->recount_needed = true;
		gw_mailbox_announce_backlog(s);
	}
	return GW_OK;
}

void gw_salvage_all(struct gw_store *s)
{
	int64_t now_ns = gw_clock_boot_ns();
	char quarantined[PATH_MAX] = "";
	bool owing = false, unread = false;

	if (!s->quarantine_owing || s->db.read_only || now_ns < s->next_salvage_ns)
		return;
	while (gw_quarantine_next_owing(s->path, quarantined, &unread)) {
		struct gw_error why = {0};
		bool complete = false;
		struct gw_db old;
		enum gw_err rc = gw_db_open_readonly(&old, quarantined, &why);

		if (!rc) {
			rc = gw_salvage_file(s, &old, quarantined,
				strcmp(quarantined, s->last_quarantined) != 0, &complete,
				&why);
			gw_db_close(&old, true);
		}
		if (rc == GW_ERR_CORRUPT) /* nothing of it can ever be read */
			complete = true;
		if (complete)
			rc = gw_quarantine_mark_done(s->path, quarantined, &why);
		owing |= rc || !complete;
	}
	s->quarantine_owing = owing || unread;
	s->next_salvage_ns = now_ns + RETRY_NS;
}

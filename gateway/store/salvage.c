/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a file put aside still owes goes into the one that is open: alarm states, debts, parked
 * events. What cannot be read now is tried again later, also by later starts.
 */
#include "base/log.h"
#include "store/chain.h"
#include "store/inner.h"

#include <stdio.h>
#include <string.h>

#define BLOCK    256
#define AGAIN_NS (600 * GW_NS_PER_SEC)

/* What is carried over, and where to. */
struct salvage {
	struct gw_store *s;
	struct gw_db *old;
	uint32_t bits[32]; /* of the new file, by bit of the old one */
	struct gw_memories *memories;
	bool alarms;           /* they were carried */
	uint64_t rows, events; /* written; of these owed to somebody */
	uint64_t left;         /* events whose number the new file has given to others */
	enum gw_err broken;    /* the new file cannot be written: give up */
	enum gw_err unread;    /* the old file could not be read now, in part */
};

/* Why reading ended early: what is spoilt will never be better. */
static void note(struct salvage *v, enum gw_err rc)
{
	if (rc && rc != GW_ERR_CORRUPT)
		v->unread = rc;
}

/* Whether the new file knows a later state of the alarm. */
static bool has_alarm(struct salvage *v, const char *key)
{
	int64_t seq = 0;

	sqlite3_bind_text(
		gw_db_stmt(&v->s->db, GW_DB_ALARM_HAS), 1, key, -1, SQLITE_STATIC);
	v->broken = gw_db_number(&v->s->db, GW_DB_ALARM_HAS, &seq, NULL);
	return seq > 0;
}

static void carry_alarm(struct salvage *v, const struct gw_store_alarm *alarm)
{
	const struct gw_alarm_memory *m = &alarm->memory;
	struct gw_entry e = {.event = {.seq = m->seq,
				     .state = m->state,
				     .under = m->under,
				     .level = m->level,
				     .info = alarm->info,
				     .value = m->value,
				     .peak = m->peak,
				     .onset_ms = m->onset_ms,
				     .wall_ms = m->since_ms,
				     .shelved_until_ms = m->shelved_until_ms}};

	memcpy(e.event.occurrence, m->occurrence, sizeof(e.event.occurrence));
	if (!has_alarm(v, alarm->info->key) && !v->broken)
		v->broken = gw_journal_put(&v->s->db, &v->s->texts, &e, true, NULL);
}

/* All of them or none: those that are carried must not come back with the next try. */
static void carry_alarms(struct salvage *v)
{
	enum gw_err rc = gw_journal_alarms(
		v->old, &v->memories->pool, gw_begin_keep, v->memories, NULL);

	if (v->memories->incomplete)
		rc = GW_ERR_SYSTEM;
	note(v, rc);
	v->alarms = !v->unread;
	for (size_t i = 0; v->alarms && !v->broken && i < v->memories->n; i++)
		carry_alarm(v, &v->memories->alarms[i]);
}

static uint32_t to_new(const struct salvage *v, int64_t old)
{
	uint32_t bits = 0;

	for (unsigned bit = 0; bit < 32; bit++)
		if (old >> bit & 1)
			bits |= v->bits[bit];
	return bits;
}

/* To whom the old file has it under that heading. False: that cannot be read now. */
static bool old_sinks(
	struct salvage *v, enum gw_db_stmt which, uint64_t seq, uint32_t *ret_sinks)
{
	int64_t number = 0;
	enum gw_err rc;

	sqlite3_bind_int64(gw_db_stmt(v->old, which), 1, (int64_t)seq);
	rc = gw_db_number(v->old, which, &number, NULL);
	note(v, rc);
	*ret_sinks = to_new(v, number);
	return rc == GW_OK || rc == GW_ERR_CORRUPT;
}

static enum gw_err carry_event(struct salvage *v, const struct gw_event *e)
{
	struct gw_entry entry = {.event = *e};
	struct gw_db *db = &v->s->db;
	int64_t run = 0; /* of the event that the new file has under this number, 0: none */
	enum gw_err rc;

	sqlite3_bind_int64(gw_db_stmt(db, GW_DB_EVENT_RUN), 1, (int64_t)e->seq);
	if ((rc = gw_db_number(db, GW_DB_EVENT_RUN, &run, NULL)))
		return rc;
	if (run != 0) {
		/* the same: carried before, and settled since maybe */
		v->left += (uint64_t)run != e->run;
		return GW_OK;
	}
	/* Without all its debts it would count as carried when it is tried again. */
	if (!old_sinks(v, GW_DB_OWED_SINKS, e->seq, &entry.owed) ||
		!old_sinks(v, GW_DB_PARKED_SINKS, e->seq, &entry.parked) ||
		!old_sinks(v, GW_DB_UNDURABLE_SINKS, e->seq, &entry.undurable))
		return GW_OK;
	v->rows++;
	v->events += entry.owed != 0;
	return gw_journal_put_event(db, &v->s->texts, &entry, NULL);
}

/* Worst first, so that these are what is saved of a file that cannot be read to its end. */
static void carry_owed(struct salvage *v)
{
	int level = GW_LEVEL_RED + 1;
	uint64_t seq = 0;
	enum gw_err rc = GW_OK;
	bool more = true;

	while (more && !rc && !v->broken) {
		struct gw_batch_memory *m = gw_batch_new(BLOCK);

		if (!m) {
			v->unread = GW_ERR_SYSTEM;
			return;
		}
		rc = gw_journal_owed(v->old, UINT32_MAX, level, seq, NULL, NULL, m, NULL);
		note(v, rc);
		for (size_t i = 0; i < m->batch.n && !v->broken; i++)
			v->broken = carry_event(v, &m->batch.events[i]);
		if (m->batch.n > 0) {
			level = m->batch.events[m->batch.n - 1].level;
			seq = m->batch.events[m->batch.n - 1].seq;
		}
		more = m->batch.n == BLOCK;
		gw_batch_free(&m->batch);
	}
}

static void carry_parked(struct salvage *v)
{
	uint64_t seq = 0;
	enum gw_err rc = GW_OK;
	bool more = true;

	while (more && !rc && !v->broken) {
		struct gw_batch_memory *m = gw_batch_new(BLOCK);

		if (!m) {
			v->unread = GW_ERR_SYSTEM;
			return;
		}
		rc = gw_journal_parked_batch(v->old, UINT32_MAX, seq, NULL, NULL, m, NULL);
		note(v, rc);
		for (size_t i = 0; i < m->batch.n && !v->broken; i++)
			v->broken = carry_event(v, &m->batch.events[i]);
		if (m->batch.n > 0)
			seq = m->batch.events[m->batch.n - 1].seq;
		more = m->batch.n == BLOCK;
		gw_batch_free(&m->batch);
	}
}

/* The bit of that name in the new file, 0: there is none; and those that other names have. */
static uint32_t find_bit(struct salvage *v, const char *name, uint32_t *ret_taken)
{
	sqlite3_stmt *st = gw_db_stmt(&v->s->db, GW_DB_SINK_ALL);
	uint32_t found = 0;
	int rc = SQLITE_ROW;

	while (!found && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		uint32_t bit = (uint32_t)1 << (sqlite3_column_int(st, 0) & 31);
		const char *there = gw_db_text(st, 1);

		*ret_taken |= bit;
		if (!there)
			v->broken = GW_ERR_SYSTEM;
		else if (strcmp(there, name) == 0)
			found = bit;
	}
	if (!found && rc != SQLITE_DONE)
		v->broken = gw_db_fail(&v->s->db, rc, "database", NULL);
	sqlite3_reset(st);
	return found;
}

/* The same, made if there is none; 0: there is no room. */
static uint32_t bit_of(struct salvage *v, const char *name)
{
	uint32_t taken = 0, found = find_bit(v, name, &taken);
	sqlite3_stmt *st;
	int bit;

	if (found || taken == UINT32_MAX || v->broken)
		return found;
	bit = __builtin_ctz(~taken);
	st = gw_db_stmt(&v->s->db, GW_DB_SINK_PUT);
	sqlite3_bind_int(st, 1, bit);
	sqlite3_bind_text(st, 2, name, -1, SQLITE_STATIC);
	v->broken = gw_db_run(&v->s->db, GW_DB_SINK_PUT, NULL);
	return (uint32_t)1 << bit;
}

static void carry_sinks(struct salvage *v)
{
	sqlite3_stmt *st = gw_db_stmt(v->old, GW_DB_SINK_ALL);
	enum gw_err unread = GW_OK;
	int rc = SQLITE_DONE;

	while (!v->broken && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		const char *name = gw_db_text(st, 1);

		if (name)
			v->bits[sqlite3_column_int(st, 0) & 31] = bit_of(v, name);
		else
			note(v, GW_ERR_SYSTEM);
	}
	if (!v->broken && rc != SQLITE_DONE)
		note(v, gw_db_fail(v->old, rc, "database", NULL));
	sqlite3_reset(st);
	if (!v->broken)
		v->broken = gw_names_carry(v->s, v->old, &unread, NULL);
	note(v, unread);
}

/* So that no number is given twice. */
static void carry_numbers(struct salvage *v)
{
	uint64_t run = 0, last_seq = 0, here_seq = 0, unused;

	note(v, gw_begin_numbers(v->old, &run, &last_seq, NULL));
	if (run > v->s->past_run)
		v->s->past_run = run;
	if (!v->broken)
		v->broken = gw_begin_numbers(&v->s->db, &unused, &here_seq, NULL);
	if (!v->broken && last_seq > here_seq)
		v->broken = gw_db_meta_put(&v->s->db, "last_seq", (int64_t)last_seq, NULL);
}

static void carry_all(struct salvage *v, bool alarms)
{
	carry_sinks(v);
	if (!v->unread) { /* else nobody knows who is owed what it has */
		if (alarms)
			carry_alarms(v);
		carry_owed(v);
		carry_parked(v);
	}
	carry_numbers(v);
}

/* In one transaction with the note that the alarms were carried: they must not come back with
 * the next try. */
static enum gw_err carry(
	struct salvage *v, const char *aside, bool to_main, struct gw_error *err)
{
	const char *name = strrchr(aside, '/') + 1;
	int64_t before = 0;
	enum gw_err rc = gw_db_begin(&v->s->db, err);

	if (!rc)
		rc = gw_db_meta_get(&v->s->db, name, &before, err);
	if (!rc) {
		carry_all(v, before == 0);
		rc = v->broken ? gw_fail(err, v->broken, 0,
					 "the new database cannot be "
					 "written")
			       : GW_OK;
	}
	if (!rc && v->rows > 0)
		rc = gw_chain_note(&v->s->db, err);
	if (!rc && v->alarms)
		rc = gw_db_meta_put(&v->s->db, name, 1, err);
	if (!rc)
		rc = gw_db_commit(&v->s->db, err);
	if (rc) {
		gw_db_rollback(&v->s->db);
		gw_texts_forget(&v->s->texts);
		return rc;
	}
	if (to_main && v->alarms) {
		gw_begin_post(v->s, v->memories);
		v->memories = NULL;
	}
	return GW_OK;
}

enum gw_err gw_salvage(struct gw_store *s, struct gw_db *old, const char *aside,
	bool to_main, bool *ret_whole, struct gw_error *err)
{
	struct salvage v = {.s = s, .old = old, .memories = gw_begin_memories()};
	enum gw_err rc;

	if (!v.memories)
		return gw_fail(err, GW_ERR_SYSTEM, 0, "no memory");
	rc = carry(&v, aside, to_main, err);
	gw_begin_forget(v.memories);
	if (rc)
		return rc;
	*ret_whole = !v.unread && v.left == 0;
	s->sinks_changed = true; /* it may have brought names */
	if (v.events > 0) {
		gw_log(GW_LOG_NOTICE, "store: took over %llu undelivered events from %s",
			(unsigned long long)v.events, aside);
		s->recount = true;
		gw_line_debts(s);
	}
	return GW_OK;
}

void gw_salvage_all(struct gw_store *s)
{
	int64_t now_ns = gw_clock_mono_ns();
	char aside[PATH_MAX] = "";
	bool owing = false;

	if (!s->owing || s->db.read_only || now_ns < s->next_salvage_ns)
		return;
	while (gw_db_next_aside(s->path, aside)) {
		struct gw_error why = {0};
		bool whole = false;
		struct gw_db old;
		enum gw_err rc = gw_db_look(&old, aside, &why);

		if (!rc) {
			rc = gw_salvage(
				s, &old, aside, strcmp(aside, s->aside) != 0, &whole, &why);
			gw_db_close(&old, true);
		}
		if (rc == GW_ERR_CORRUPT) /* nothing of it can be read, ever */
			whole = true;
		if (whole)
			rc = gw_db_aside_done(s->path, aside, &why);
		owing |= rc || !whole;
	}
	s->owing = owing;
	s->next_salvage_ns = now_ns + AGAIN_NS;
}

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
	uint64_t events;
	uint64_t left;      /* events whose number the new file has given to others */
	enum gw_err broken; /* the new file cannot be written: give up */
	enum gw_err unread; /* the old file could not be read now, in part */
};

/* Why reading ended early: what is spoilt will never be better. */
static void note(struct salvage *v, enum gw_err rc)
{
	if (rc && rc != GW_ERR_CORRUPT)
		v->unread = rc;
}

static bool has_alarm(struct gw_db *db, const char *key)
{
	int64_t seq = 0;

	sqlite3_bind_text(gw_db_stmt(db, GW_DB_ALARM_HAS), 1, key, -1, SQLITE_STATIC);
	gw_db_number(db, GW_DB_ALARM_HAS, &seq, NULL);
	return seq > 0;
}

static void carry_alarm(
	void *arg, const struct gw_alarm_memory *m, const struct gw_alarm_info *info)
{
	struct salvage *v = arg;
	struct gw_entry e = {.event = {.seq = m->seq,
				     .state = m->state,
				     .under = m->under,
				     .level = m->level,
				     .info = info,
				     .value = m->value,
				     .peak = m->peak,
				     .onset_ms = m->onset_ms,
				     .wall_ms = m->since_ms,
				     .shelved_until_ms = m->shelved_until_ms}};

	memcpy(e.event.occurrence, m->occurrence, sizeof(e.event.occurrence));
	gw_begin_keep(v->memories, m, info);
	if (!v->broken && !has_alarm(&v->s->db, info->key))
		v->broken = gw_journal_put(&v->s->db, &v->s->texts, &e, true, NULL);
}

/* The run of the event that the new file has under this number, 0: none. */
static int64_t run_there(struct gw_db *db, uint64_t seq)
{
	int64_t run = 0;

	sqlite3_bind_int64(gw_db_stmt(db, GW_DB_EVENT_RUN), 1, (int64_t)seq);
	gw_db_number(db, GW_DB_EVENT_RUN, &run, NULL);
	return run;
}

static uint32_t to_new(const struct salvage *v, int64_t old)
{
	uint32_t bits = 0;

	for (unsigned bit = 0; bit < 32; bit++)
		if (old >> bit & 1)
			bits |= v->bits[bit];
	return bits;
}

static int64_t old_number(struct salvage *v, enum gw_db_stmt which, uint64_t seq)
{
	int64_t number = 0;

	sqlite3_bind_int64(gw_db_stmt(v->old, which), 1, (int64_t)seq);
	note(v, gw_db_number(v->old, which, &number, NULL));
	return number;
}

static enum gw_err carry_event(struct salvage *v, const struct gw_event *e)
{
	struct gw_entry entry = {.event = *e,
		.owed = to_new(v, old_number(v, GW_DB_OWED_SINKS, e->seq)),
		.parked = to_new(v, old_number(v, GW_DB_PARKED_SINKS, e->seq)),
		.undurable = to_new(v, old_number(v, GW_DB_UNDURABLE_SINKS, e->seq))};
	int64_t run = run_there(&v->s->db, e->seq);

	if (run != 0 &&
		(uint64_t)run == e->run) /* carried before, and settled since maybe */
		return GW_OK;
	if (run != 0) {
		v->left++;
		return GW_OK;
	}
	v->events += entry.owed != 0;
	return gw_journal_put_event(&v->s->db, &v->s->texts, &entry, NULL);
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

/* The bit of that name in the new file, made if there is none; 0: there is no room. */
static uint32_t bit_of(struct salvage *v, const char *name)
{
	sqlite3_stmt *st = gw_db_stmt(&v->s->db, GW_DB_SINK_ALL);
	uint32_t taken = 0, found = 0;
	int bit;

	while (!found && sqlite3_step(st) == SQLITE_ROW) {
		const char *there = (const char *)sqlite3_column_text(st, 1);

		taken |= (uint32_t)1 << (sqlite3_column_int(st, 0) & 31);
		if (there && strcmp(there, name) == 0)
			found = (uint32_t)1 << (sqlite3_column_int(st, 0) & 31);
	}
	sqlite3_reset(st);
	if (found || taken == UINT32_MAX)
		return found;
	bit = __builtin_ctz(~taken);
	st = gw_db_stmt(&v->s->db, GW_DB_SINK_PUT);
	sqlite3_bind_int(st, 1, bit);
	sqlite3_bind_text(st, 2, name, -1, SQLITE_TRANSIENT);
	v->broken = gw_db_run(&v->s->db, GW_DB_SINK_PUT, NULL);
	return (uint32_t)1 << bit;
}

static void carry_sinks(struct salvage *v)
{
	sqlite3_stmt *st = gw_db_stmt(v->old, GW_DB_SINK_ALL);
	int rc = SQLITE_DONE;

	while (!v->broken && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		const char *name = (const char *)sqlite3_column_text(st, 1);

		if (name)
			v->bits[sqlite3_column_int(st, 0) & 31] = bit_of(v, name);
	}
	if (!v->broken && rc != SQLITE_DONE)
		note(v, gw_db_fail(v->old, rc, "database", NULL));
	sqlite3_reset(st);
	if (!v->broken)
		v->broken = gw_names_carry(v->s, v->old, NULL);
}

static void carry_all(struct salvage *v, bool alarms)
{
	uint64_t run = 0, last_seq = 0, here_seq = 0, unused;

	carry_sinks(v);
	if (alarms)
		note(v,
			gw_journal_alarms(
				v->old, &v->memories->pool, carry_alarm, v, NULL));
	carry_owed(v);
	carry_parked(v);
	note(v, gw_begin_numbers(v->old, &run, &last_seq, NULL));
	if (run > v->s->past_run)
		v->s->past_run = run;
	if (!v->broken)
		v->broken = gw_begin_numbers(&v->s->db, &unused, &here_seq, NULL);
	if (!v->broken && last_seq > here_seq)
		v->broken = gw_db_meta_put(&v->s->db, "last_seq", (int64_t)last_seq, NULL);
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
	if (!rc)
		rc = gw_chain_note(&v->s->db, err);
	if (!rc)
		rc = gw_db_meta_put(&v->s->db, name, 1, err);
	if (!rc)
		rc = gw_db_commit(&v->s->db, err);
	if (rc) {
		gw_db_rollback(&v->s->db);
		gw_texts_forget(&v->s->texts);
		return rc;
	}
	if (to_main && before == 0) {
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

/* SPDX-License-Identifier: Apache-2.0 */
#include "store/inner.h"

#include <string.h>

#define BLOCK 256

/* What is carried over, and where to. */
struct salvage {
	struct gw_store *s;
	struct gw_db old;
	uint64_t events;
	enum gw_err broken; /* the new file cannot be written: give up */
};

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
	if (!v->broken)
		v->broken = gw_journal_put(&v->s->db, &v->s->texts, &e, true, NULL);
}

static enum gw_err carry_event(struct salvage *v, const struct gw_event *e, uint32_t bit)
{
	struct gw_entry entry = {
		.event = *e, .owed = bit, .undurable = e->durable ? 0 : bit};
	struct gw_db *db = &v->s->db;
	sqlite3_stmt *st = gw_db_stmt(db, GW_DB_OWED_GET);

	/* numbers that this start gives too: they stay in the file put aside */
	if (v->s->run && e->seq > v->s->last_seq && e->run != v->s->run)
		return GW_OK;
	/* another uplink's turn may have brought it already */
	sqlite3_bind_int64(st, 1, (int64_t)e->seq);
	if (sqlite3_step(st) == SQLITE_ROW)
		entry.owed |= (uint32_t)sqlite3_column_int64(st, 1);
	sqlite3_reset(st);
	if (entry.owed == bit)
		v->events++;
	return gw_journal_put_event(db, &v->s->texts, &entry, NULL);
}

static void carry_owed(struct salvage *v, uint32_t old_bit, uint32_t bit)
{
	int level = GW_LEVEL_RED + 1;
	uint64_t seq = 0;
	enum gw_err rc = GW_OK;

	while (!rc && !v->broken) {
		struct gw_batch_memory *m = gw_batch_new(BLOCK);

		if (!m)
			return;
		rc = gw_journal_owed(&v->old, old_bit, level, seq, NULL, NULL, m, NULL);
		for (size_t i = 0; i < m->batch.n && !v->broken; i++)
			v->broken = carry_event(v, &m->batch.events[i], bit);
		if (m->batch.n > 0) {
			level = m->batch.events[m->batch.n - 1].level;
			seq = m->batch.events[m->batch.n - 1].seq;
		}
		if (m->batch.n < BLOCK)
			rc = GW_ERR_STOPPED;
		gw_batch_free(&m->batch);
	}
}

/* Names keep the bits they had: the new file is empty. */
static uint32_t carry_sinks(struct salvage *v)
{
	sqlite3_stmt *from = gw_db_stmt(&v->old, GW_DB_SINK_ALL);
	sqlite3_stmt *to = gw_db_stmt(&v->s->db, GW_DB_SINK_PUT);
	uint32_t bits = 0;

	while (!v->broken && sqlite3_step(from) == SQLITE_ROW) {
		int bit = sqlite3_column_int(from, 0) & 31;
		const unsigned char *name = sqlite3_column_text(from, 1);

		if (!name)
			continue;
		sqlite3_bind_int(to, 1, bit);
		sqlite3_bind_text(to, 2, (const char *)name, -1, SQLITE_STATIC);
		v->broken = gw_db_run(&v->s->db, GW_DB_SINK_PUT, NULL);
		bits |= (uint32_t)1 << bit;
	}
	sqlite3_reset(from);
	if (!v->broken)
		v->broken = gw_names_carry(v->s, &v->old, NULL);
	return bits;
}

uint64_t gw_salvage(
	struct gw_store *s, const char *aside, int64_t *ret_run, uint64_t *ret_last_seq)
{
	struct salvage v = {.s = s};
	int64_t newest = 0, noted = 0;
	struct gw_pool pool = {0};
	uint32_t bits;
	bool fresh;

	if (gw_db_open(&v.old, aside, s->max_bytes, GW_DB_TRUST_ANY, &fresh, NULL))
		return 0;
	gw_db_meta_get(&v.old, "run", ret_run, NULL);
	gw_db_meta_get(&v.old, "last_seq", &noted, NULL);
	gw_db_number(&v.old, GW_DB_EVENT_SPAN, &newest, NULL);
	*ret_last_seq = (uint64_t)(newest > noted ? newest : noted);
	if (!gw_db_begin(&s->db, NULL)) {
		bits = carry_sinks(&v);
		gw_journal_alarms(&v.old, &pool, carry_alarm, &v, NULL);
		for (unsigned bit = 0; bit < 32; bit++)
			if (bits >> bit & 1)
				carry_owed(&v, (uint32_t)1 << bit, (uint32_t)1 << bit);
		if (!v.broken)
			v.broken = gw_db_meta_put(
				&s->db, "last_seq", (int64_t)*ret_last_seq, NULL);
		if (v.broken || gw_db_commit(&s->db, NULL)) {
			gw_db_rollback(&s->db);
			gw_texts_forget(&s->texts);
			v.events = 0;
		}
	}
	gw_db_close(&v.old, true);
	gw_pool_fini(&pool);
	return v.events;
}

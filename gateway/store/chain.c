/* SPDX-License-Identifier: Apache-2.0 */
#include "store/chain.h"

#include "store/batch.h"
#include "store/journal_read.h"
#include "store/schema.h"

#include <math.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#define WALK_ROWS 256

/* ---- what is hashed: never change it, databases hold these hashes ---- */

struct digest {
	EVP_MD_CTX *ctx;
	bool ok;
};

static void add(struct digest *d, const void *bytes, size_t n)
{
	d->ok = d->ok && EVP_DigestUpdate(d->ctx, bytes, n) == 1;
}

static void add_int(struct digest *d, uint64_t value)
{
	unsigned char bytes[8];

	for (size_t i = 0; i < 8; i++)
		bytes[i] = (unsigned char)(value >> 8 * i);
	add(d, bytes, sizeof(bytes));
}

/* The database keeps one NaN only. */
static void add_double(struct digest *d, double value)
{
	uint64_t bits = UINT64_C(0x7ff8000000000000);

	if (!isnan(value))
		memcpy(&bits, &value, sizeof(bits));
	add_int(d, bits);
}

static void add_text(struct digest *d, const char *text)
{
	add(d, text, strlen(text) + 1);
}

static void add_info(struct digest *d, const struct gw_alarm_info *i)
{
	const char *texts[] = {i->key, i->name, i->subject, i->condition, i->text, i->point,
		i->source, i->device, i->unit_of_measure, i->place.building, i->place.floor,
		i->place.room, i->site->gateway, i->site->unit, i->site->area,
		i->site->grid};

	add_int(d, i->class_);
	for (size_t k = 0; k < sizeof(texts) / sizeof(*texts); k++)
		add_text(d, texts[k]);
}

static void add_event(struct digest *d, const struct gw_event *e)
{
	add_int(d, e->seq);
	add_int(d, e->run);
	add_text(d, e->boot);
	add_int(d, e->change);
	add_int(d, e->state);
	add_int(d, e->underlying);
	add_int(d, e->level);
	add_int(d, e->quality);
	add_int(d, e->synced);
	add(d, e->occurrence, sizeof(e->occurrence));
	add_double(d, e->value);
	add_double(d, e->limit);
	add_double(d, e->peak);
	add_int(d, (uint64_t)e->eta_ms);
	add_int(d, (uint64_t)e->boot_ns);
	add_int(d, (uint64_t)e->wall_ms);
	add_int(d, (uint64_t)e->onset_ms);
	add_int(d, (uint64_t)e->shelved_until_ms);
	add_int(d, e->n_confirmed_by);
	for (size_t i = 0; i < e->n_confirmed_by; i++)
		add_text(d, e->confirmed_by[i]);
	add_text(d, e->note);
	add_info(d, e->info);
}

enum gw_err gw_chain_hash(const unsigned char prev_hash[GW_CHAIN_HASH], uint64_t prev_seq,
	const struct gw_event *e, unsigned char ret_hash[GW_CHAIN_HASH],
	struct gw_error *err)
{
	struct digest d = {.ctx = EVP_MD_CTX_new()};

	d.ok = d.ctx && EVP_DigestInit_ex(d.ctx, EVP_sha256(), NULL) == 1;
	add(&d, prev_hash, GW_CHAIN_HASH);
	add_int(&d, prev_seq);
	add_event(&d, e);
	d.ok = d.ok && EVP_DigestFinal_ex(d.ctx, ret_hash, NULL) == 1;
	EVP_MD_CTX_free(d.ctx);
	return d.ok ? GW_OK : gw_fail(err, GW_ERR_SYSTEM, 0, "SHA-256: no memory");
}

void gw_chain_hex(const unsigned char hash[GW_CHAIN_HASH], char ret_hex[GW_CHAIN_HEX])
{
	for (size_t i = 0; i < GW_CHAIN_HASH; i++)
		snprintf(ret_hex + 2 * i, 3, "%02x", hash[i]);
}

/* ---- rows ---- */

static enum gw_err find_link(struct gw_db *db, enum gw_db_stmt which, uint64_t seq,
	struct gw_chain_link *ret, struct gw_error *err)
{
	sqlite3_stmt *st = gw_db_stmt(db, which);
	enum gw_err rc = GW_OK;
	int code;

	*ret = (struct gw_chain_link){.exists = false};
	sqlite3_bind_int64(st, 1, (int64_t)seq);
	code = sqlite3_step(st);
	if (code == SQLITE_ROW)
		gw_chain_link_read(st, 0, seq, ret);
	else if (code != SQLITE_DONE)
		rc = gw_db_fail(db, code, "database", err);
	sqlite3_reset(st);
	return rc;
}

/* ---- the head ---- */

/* The row of the highest number, unless rows of lower numbers were inserted after it. */
enum gw_err gw_chain_load(struct gw_db *db, struct gw_error *err)
{
	int64_t newest = 0, removed = 0, saved_head = 0, saved_top = 0;
	struct gw_chain c = {.known = true};
	struct gw_chain_link l;
	enum gw_err rc;

	if (db->chain.known)
		return GW_OK;
	if ((rc = gw_db_query_int(db, GW_DB_EVENT_MAX_SEQ, &newest, err)) ||
		(rc = gw_db_query_int(db, GW_DB_REMOVED_MAX_SEQ, &removed, err)) ||
		(rc = gw_db_meta_get(db, "chain_head", &saved_head, err)) ||
		(rc = gw_db_meta_get(db, "chain_top", &saved_top, err)))
		return rc;
	c.max_seq = (uint64_t)(newest > removed ? newest : removed);
	c.seq = saved_head > 0 && (uint64_t)saved_top == c.max_seq ? (uint64_t)saved_head
								   : c.max_seq;
	if ((rc = find_link(db, GW_DB_CHAIN_LINK, c.seq, &l, err)))
		return rc;
	c.head_removed = !l.exists;
	if (c.head_removed && (rc = find_link(db, GW_DB_REMOVED_GET, c.seq, &l, err)))
		return rc;
	if (l.has_hash)
		memcpy(c.hash, l.hash, sizeof(c.hash));
	else
		c.seq = 0;
	db->chain = c;
	return GW_OK;
}

enum gw_err gw_chain_save_head(struct gw_db *db, struct gw_error *err)
{
	enum gw_err rc = gw_chain_load(db, err);

	if (rc)
		return rc;
	rc = gw_db_meta_put(db, "chain_head", (int64_t)db->chain.seq, err);
	return rc ? rc : gw_db_meta_put(db, "chain_top", (int64_t)db->chain.max_seq, err);
}

static enum gw_err run_with_hash(struct gw_db *db, enum gw_db_stmt which, uint64_t number,
	const unsigned char hash[GW_CHAIN_HASH], struct gw_error *err)
{
	sqlite3_bind_int64(gw_db_stmt(db, which), 1, (int64_t)number);
	if (hash)
		sqlite3_bind_blob(
			gw_db_stmt(db, which), 2, hash, GW_CHAIN_HASH, SQLITE_STATIC);
	return gw_db_run(db, which, err);
}

/* ---- inserting ---- */

enum gw_err gw_chain_bind_next(struct gw_db *db, const struct gw_event *e,
	sqlite3_stmt *put, unsigned char ret_hash[GW_CHAIN_HASH], struct gw_error *err)
{
	enum gw_err rc = gw_chain_load(db, err);

	if (rc || (rc = gw_chain_hash(db->chain.hash, db->chain.seq, e, ret_hash, err)))
		return rc;
	if (db->chain.seq + 1 == e->seq)
		sqlite3_bind_null(put, 1 + GW_COL_PREV);
	else
		sqlite3_bind_int64(put, 1 + GW_COL_PREV, (int64_t)db->chain.seq);
	sqlite3_bind_blob(put, 1 + GW_COL_HASH, ret_hash, GW_CHAIN_HASH, SQLITE_STATIC);
	if (db->chain.head_removed && db->chain.seq)
		sqlite3_bind_blob(put, 1 + GW_COL_BEFORE_HASH, db->chain.hash,
			GW_CHAIN_HASH, SQLITE_STATIC);
	else
		sqlite3_bind_null(put, 1 + GW_COL_BEFORE_HASH);
	return GW_OK;
}

enum gw_err gw_chain_advance(struct gw_db *db, uint64_t seq,
	const unsigned char hash[GW_CHAIN_HASH], struct gw_error *err)
{
	struct gw_chain *c = &db->chain;
	enum gw_err rc = GW_OK;

	if (c->seq && c->seq + 1 != seq) {
		sqlite3_bind_int64(gw_db_stmt(db, GW_DB_NEXT_SEQ_PUT), 2, (int64_t)seq);
		rc = run_with_hash(db, GW_DB_NEXT_SEQ_PUT, c->seq, NULL, err);
	}
	if (!rc && c->head_removed && c->seq)
		rc = run_with_hash(db, GW_DB_REMOVED_DELETE, c->seq, NULL, err);
	c->head_removed = false;
	c->seq = seq;
	c->max_seq = seq > c->max_seq ? seq : c->max_seq;
	memcpy(c->hash, hash, GW_CHAIN_HASH);
	return rc;
}

/* ---- deleting ---- */

/* The number of the row after it, 0: there is none. */
static enum gw_err successor(
	struct gw_db *db, uint64_t seq, uint64_t *ret_seq, struct gw_error *err)
{
	struct gw_chain_link next;
	int64_t next_seq = 0;
	enum gw_err rc = find_link(db, GW_DB_CHAIN_LINK, seq + 1, &next, err);

	if (rc)
		return rc;
	*ret_seq = seq + 1;
	if (next.has_hash && next.prev_seq == seq)
		return GW_OK;
	sqlite3_bind_int64(gw_db_stmt(db, GW_DB_NEXT_SEQ_GET), 1, (int64_t)seq);
	rc = gw_db_query_int(db, GW_DB_NEXT_SEQ_GET, &next_seq, err);
	*ret_seq = (uint64_t)next_seq;
	return rc;
}

enum gw_err gw_chain_remove(struct gw_db *db, uint64_t seq, struct gw_error *err)
{
	struct gw_chain_link row;
	uint64_t next = 0;
	enum gw_err rc;

	if ((rc = gw_chain_load(db, err)) ||
		(rc = find_link(db, GW_DB_CHAIN_LINK, seq, &row, err)) || !row.has_hash)
		return rc;
	if (row.prev_seq != seq - 1 &&
		(rc = run_with_hash(db, GW_DB_NEXT_SEQ_DELETE, row.prev_seq, NULL, err)))
		return rc;
	if (seq == db->chain.seq) {
		db->chain.head_removed = true;
		return run_with_hash(db, GW_DB_REMOVED_PUT, seq, row.hash, err);
	}
	rc = successor(db, seq, &next, err);
	if (rc || next == 0)
		return rc;
	return run_with_hash(db, GW_DB_CHAIN_GAP, next, row.hash, err);
}

/* ---- the walk ---- */

static void report_broken(struct gw_chain_walk *w, uint64_t seq, const char *why)
{
	w->done = true;
	w->broken = seq;
	snprintf(w->why, sizeof(w->why), "%s", why);
}

/* The row before, which mostly is the one just checked. If it is another one, and no rows of lower
 * numbers were inserted by us, then no row refers to the one just checked: somebody added it. */
static enum gw_err find_predecessor(struct gw_db *db, const struct gw_chain_walk *w,
	const struct gw_chain_link *l, struct gw_chain_link *ret, bool *ret_is_added,
	struct gw_error *err)
{
	int64_t late_rows = 0;
	enum gw_err rc;

	*ret = (struct gw_chain_link){.exists = true, .has_hash = true};
	if (l->prev_seq == w->last_seq && w->last_has_hash) {
		memcpy(ret->hash, w->hash, sizeof(ret->hash));
		return GW_OK;
	}
	if ((rc = gw_db_meta_get(db, "chain_top", &late_rows, err)))
		return rc;
	if (l->prev_seq == 0) {
		ret->exists = !w->last_has_hash || late_rows;
		return GW_OK;
	}
	if ((rc = find_link(db, GW_DB_CHAIN_LINK, l->prev_seq, ret, err)))
		return rc;
	*ret_is_added = ret->exists && !late_rows && w->last_has_hash &&
		l->prev_seq < w->last_seq;
	if (!ret->exists && l->prev_removed) {
		ret->exists = true;
		memcpy(ret->hash, l->prev_hash, sizeof(ret->hash));
	}
	return GW_OK;
}

static enum gw_err check_row(struct gw_db *db, struct gw_chain_walk *w,
	const struct gw_event *e, const struct gw_chain_link *l, uint64_t unchained_to,
	struct gw_error *err)
{
	unsigned char hash[GW_CHAIN_HASH];
	bool is_added = false;
	char why[160];
	struct gw_chain_link b;
	enum gw_err rc;

	w->rows++;
	if (!l->has_hash) {
		w->unchained++;
		if (e->seq > unchained_to)
			report_broken(w, e->seq, "it has no hash");
		w->last_has_hash = false;
		w->last_seq = e->seq;
		return GW_OK;
	}
	if ((rc = find_predecessor(db, w, l, &b, &is_added, err)))
		return rc;
	if (!b.exists) {
		snprintf(why, sizeof(why), "the row before it, #%llu, is missing",
			(unsigned long long)l->prev_seq);
		report_broken(w, e->seq, why);
		return GW_OK;
	}
	if ((rc = gw_chain_hash(b.hash, l->prev_seq, e, hash, err)))
		return rc;
	if (memcmp(hash, l->hash, sizeof(hash)) != 0)
		report_broken(w, e->seq,
			"its hash does not fit its content and the row before it");
	else if (is_added)
		report_broken(w, w->last_seq, "no row after it knows it");
	memcpy(w->hash, l->hash, sizeof(w->hash));
	w->last_has_hash = true;
	w->last_seq = e->seq;
	return GW_OK;
}

/* The last row must be the head that this run knows. */
static void check_head(struct gw_db *db, struct gw_chain_walk *w)
{
	const struct gw_chain *c = &db->chain;

	if (c->seq && c->seq == c->max_seq && !c->head_removed && w->last_seq < c->max_seq)
		report_broken(w, c->max_seq, "it is missing");
	w->done = true;
}

enum gw_err gw_chain_walk(struct gw_db *db, struct gw_chain_walk *w, struct gw_error *err)
{
	struct gw_batch_memory *m = gw_batch_new(WALK_ROWS);
	struct gw_chain_link links[WALK_ROWS];
	int64_t unchained_to = 0;
	enum gw_err rc;

	if (!m)
		return gw_fail(err, GW_ERR_SYSTEM, 0, "no memory");
	rc = gw_chain_load(db, err);
	if (!rc)
		rc = gw_db_meta_get(db, "chain_from", &unchained_to, err);
	if (!rc)
		rc = gw_journal_read_links(db, w->last_seq, m, links, err);
	for (size_t i = 0; !rc && !w->done && i < m->batch.n; i++)
		rc = check_row(
			db, w, &m->batch.events[i], &links[i], (uint64_t)unchained_to, err);
	if (!rc && !w->done && m->batch.n < WALK_ROWS)
		check_head(db, w);
	gw_batch_free(&m->batch);
	return rc;
}

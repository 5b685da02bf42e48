/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows that go, and the chain of hashes around them, with each statement failing once: nothing is
 * half deleted, the counts are those of the file, and what is left is still one chain.
 */
#include "scripted_store.h"

#include "failing_sqlite.h"

#include "store/chain.h"
#include "store/journal_read.h"

static void emit(struct gw_store *s, uint64_t seq)
{
	struct gw_event e = make_event(s, seq, seq % 20, (enum gw_level)(seq % 2));

	push(s, &e);
}

/* 2, 4 .. 80: each has a successor that is not the next number. A third is delivered, a third is
 * refused by the first uplink, the rest is owed. */
static struct gw_store *fill(void)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);

	for (size_t i = 0; i < 20; i += 3)
		infos[i].class_ = GW_CLASS_FAULT;
	for (uint64_t seq = 2; seq <= 80; seq += 2)
		emit(s, seq);
	turn(s);
	for (uint64_t seq = 2; seq <= 52; seq += 2) {
		assert_true(gw_store_mark(
			s, 0, seq, seq > 26 ? GW_MARK_PARKED : GW_MARK_DELIVERED));
		if (seq != 10 && seq != 40)
			assert_true(gw_store_mark(s, 1, seq, GW_MARK_DELIVERED));
	}
	pass(s, 2); /* marks wait for each other */
	return s;
}

static struct gw_store_verify_result verify(struct gw_store *s)
{
	struct gw_store_verify_result v;

	assert_true(gw_store_request_verify(s));
	turn(s);
	assert_true(gw_store_take_verify_result(s, &v));
	assert_false(v.failed);
	return v;
}

static int64_t count_rows(struct gw_store *s, const char *text)
{
	sqlite3_stmt *st;
	int64_t n;

	assert_int_equal(sqlite3_prepare_v2(s->db.handle, text, -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return n;
}

static void assert_counts(struct gw_store *s)
{
	uint64_t owed[32], parked[32];

	assert_int_equal(gw_journal_count(&s->db, owed, parked, NULL), GW_OK);
	assert_memory_equal(owed, s->owed, sizeof(owed));
	assert_memory_equal(parked, s->parked, sizeof(parked));
	/* no debt without its event */
	assert_int_equal(count_rows(s,
				 "SELECT count(*) FROM owed WHERE seq NOT IN"
				 " (SELECT seq FROM event)"),
		0);
	assert_int_equal(count_rows(s,
				 "SELECT count(*) FROM parked WHERE seq NOT IN"
				 " (SELECT seq FROM event)"),
		0);
}

/* One step, tried again for every call that it makes, until none fails. */
static enum gw_retention_result step_through(struct gw_store *s, long *ret_trials)
{
	for (long n = 1;; n++) {
		int64_t rows = count_rows(s, "SELECT count(*) FROM event");
		uint64_t trimmed = s->retention.trimmed, lost = s->retention.lost;
		enum gw_retention_result did = GW_RETENTION_WITHIN_LIMIT;
		enum gw_err rc;
		bool hurt;

		sql_arm(n, SQLITE_IOERR_READ);
		rc = gw_retention_step(&s->retention, &s->db, &s->strings, GW_CLASS_ALARM,
			gw_store_committed(s), true, s->owed, s->parked, &did, NULL);
		hurt = sql.failed[0] != '\0';
		sql_heal();
		assert_counts(s);
		if (!hurt) {
			assert_int_equal(rc, GW_OK);
			return did;
		}
		++*ret_trials;
		assert_int_equal(rc, GW_ERR_SYSTEM);
		assert_int_equal(s->retention.trimmed, trimmed);
		assert_int_equal(s->retention.lost, lost);
		assert_int_equal(count_rows(s, "SELECT count(*) FROM event"), rows);
	}
}

static void each_statement_of_a_deleted_block(void **state)
{
	struct gw_store *s = fill();
	enum gw_retention_result did = GW_RETENTION_MORE;
	uint64_t owed_before = s->owed[0] + s->owed[1];
	long trials = 0;

	(void)state;
	s->retention.block_rows = 7;
	s->owed[7] = 0; /* a bit nobody has */
	for (int blocks = 0; did == GW_RETENTION_MORE; blocks++) {
		assert_true(blocks < 100);
		did = step_through(s, &trials);
		assert_int_equal(verify(s).broken, 0);
		if (s->retention.trimmed < 11) /* what nobody is owed goes first */
			assert_int_equal(s->retention.lost, 0);
	}
	assert_int_equal(did, GW_RETENTION_STUCK);
	assert_true(trials > 100);
	assert_int_equal(s->retention.trimmed, 40);
	assert_true(owed_before > 0 && s->owed[0] + s->owed[1] == 0);
	assert_int_equal(s->parked[0], 0);
	/* the newest row is gone, too: the next one goes on from its hash */
	emit(s, 81);
	emit(s, 84);
	turn(s);
	assert_int_equal(gw_store_committed(s), 84);
	assert_int_equal(verify(s).broken, 0);
	gw_store_free(s);
	s = open_store(two_sinks, 2, 16 * MIB);
	assert_int_equal(gw_store_last_seq(s), 84);
	assert_int_equal(verify(s).rows, 2);
	gw_store_free(s);
}

/* Where the chain ends is read, or it is not known. */
static void each_statement_of_the_chain_head(void **state)
{
	struct gw_store *s = fill();
	struct gw_event e = make_event(s, 99, 1, GW_LEVEL_RED);
	sqlite3_stmt *put = gw_db_stmt(&s->db, GW_DB_EVENT_PUT);
	unsigned char hash[GW_CHAIN_HASH];
	struct gw_chain before;
	long n = 0;
	bool hurt = true;

	(void)state;
	/* its row is gone */
	assert_int_equal(gw_db_begin(&s->db, NULL), GW_OK);
	assert_int_equal(gw_chain_remove(&s->db, 80, NULL), GW_OK);
	assert_int_equal(sqlite3_exec(s->db.handle,
				 "DELETE FROM event WHERE seq = 80;"
				 "DELETE FROM owed WHERE seq = 80",
				 NULL, NULL, NULL),
		SQLITE_OK);
	assert_int_equal(gw_db_commit(&s->db, NULL), GW_OK);
	before = s->db.chain;
	assert_true(before.head_removed);
	while (hurt) {
		enum gw_err rc;

		s->db.chain.known = false;
		sql_arm(++n, SQLITE_IOERR_READ);
		rc = gw_chain_load(&s->db, NULL);
		hurt = sql.failed[0] != '\0';
		sql_heal();
		assert_int_equal(rc, hurt ? GW_ERR_SYSTEM : GW_OK);
		assert_int_equal(s->db.chain.known, !hurt);
	}
	assert_int_equal(n, 7);
	assert_int_equal(s->db.chain.seq, 80);
	assert_true(s->db.chain.head_removed);
	assert_memory_equal(s->db.chain.hash, before.hash, sizeof(before.hash));

	/* and whoever needs it then does nothing */
	for (int who = 0; who < 3; who++) {
		s->db.chain.known = false;
		sql_arm(1, SQLITE_IOERR_READ);
		assert_int_equal(who == 0  ? gw_chain_save_head(&s->db, NULL)
				: who == 1 ? gw_chain_bind_next(&s->db, &e, put, hash, NULL)
					   : gw_chain_remove(&s->db, 78, NULL),
			GW_ERR_SYSTEM);
		sql_heal();
	}
	assert_int_equal(gw_chain_remove(&s->db, 9999, NULL), GW_OK); /* there is none */
	gw_store_free(s);
}

/* A walk that was disturbed says so, and nothing of the journal. */
static void each_statement_of_a_walk(void **state)
{
	struct gw_store *s = fill();
	bool hurt = true;

	(void)state;
	/* a gap, and rows that were carried over out of their order */
	assert_int_equal(gw_db_begin(&s->db, NULL), GW_OK);
	assert_int_equal(gw_chain_remove(&s->db, 40, NULL), GW_OK);
	sqlite3_exec(s->db.handle, "DELETE FROM event WHERE seq = 40", NULL, NULL, NULL);
	for (uint64_t seq = 17; seq >= 15; seq -= 2) {
		struct gw_journal_entry entry = {
			.event = make_event(s, seq, 1, GW_LEVEL_RED)};

		assert_int_equal(
			gw_journal_put_event(&s->db, &s->strings, &entry, NULL), GW_OK);
	}
	assert_int_equal(gw_chain_save_head(&s->db, NULL), GW_OK);
	assert_int_equal(gw_db_commit(&s->db, NULL), GW_OK);
	emit(s, 82);
	turn(s);
	for (long n = 1; hurt; n++) {
		struct gw_chain_walk w = {.rows = 0};
		enum gw_err rc;

		sql_arm(n, SQLITE_IOERR_READ);
		rc = gw_chain_walk(&s->db, &w, NULL);
		hurt = sql.failed[0] != '\0';
		sql_heal();
		assert_int_equal(rc, hurt ? GW_ERR_SYSTEM : GW_OK);
		assert_int_equal(w.broken, 0);
		assert_int_equal(w.done, !hurt);
		if (!hurt)
			assert_int_equal(w.rows, 42);
	}
	gw_store_free(s);
}

/* ---- a journal that was changed by somebody who knows how it is made ---- */

static void row_hash(struct gw_store *s, uint64_t seq, struct gw_event *ret_event,
	unsigned char ret_hash[GW_CHAIN_HASH])
{
	static struct gw_batch_memory *m;
	struct gw_chain_link links[1];

	if (m)
		gw_batch_free(&m->batch);
	m = gw_batch_new(1);
	assert_int_equal(gw_journal_read_links(&s->db, seq - 1, m, links, NULL), GW_OK);
	assert_int_equal(m->batch.events[0].seq, seq);
	*ret_event = m->batch.events[0];
	memcpy(ret_hash, links[0].hash, GW_CHAIN_HASH);
	if (seq == 6) { /* the last one that is asked for */
		gw_batch_free(&m->batch);
		m = NULL;
	}
}

/* A row is put between two, with the hash it would have had. */
static void a_row_put_in_between(void **state)
{
	struct gw_store *s = fill();
	unsigned char before[GW_CHAIN_HASH], hash[GW_CHAIN_HASH];
	struct gw_store_verify_result v;
	struct gw_event e;
	sqlite3_stmt *st;

	(void)state;
	row_hash(s, 4, &e, before);
	e.seq = 5;
	assert_int_equal(gw_chain_hash(before, 4, &e, hash, NULL), GW_OK);
	row_hash(s, 6, &e, before);
	assert_int_equal(
		sqlite3_prepare_v2(s->db.handle,
			"INSERT INTO event SELECT 5, info, run, boot, class, level,"
			" change, state, under, quality, undurable, synced,"
			" occurrence, value, bound, peak, eta_ms, mono_ns, wall_ms,"
			" onset_ms, shelved_until_ms, confirmed_by, note, NULL, ?,"
			" NULL FROM event WHERE seq = 4",
			-1, &st, NULL),
		SQLITE_OK);
	sqlite3_bind_blob(st, 1, hash, sizeof(hash), SQLITE_STATIC);
	assert_int_equal(sqlite3_step(st), SQLITE_DONE);
	sqlite3_finalize(st);
	v = verify(s);
	assert_int_equal(v.broken, 5);
	assert_string_equal(v.why, "no row after it knows it");
	gw_store_free(s);
}

static void a_row_made_the_first_of_all(void **state)
{
	struct gw_store *s = fill();
	struct gw_store_verify_result v;

	(void)state;
	sqlite3_exec(
		s->db.handle, "UPDATE event SET prev = 0 WHERE seq = 20", NULL, NULL, NULL);
	v = verify(s);
	assert_int_equal(v.broken, 20);
	assert_string_equal(v.why, "the row before it, #0, is missing");
	/* where rows were carried over it may be one; its hash is not */
	sqlite3_exec(s->db.handle, "REPLACE INTO meta VALUES('chain_top', 80)", NULL, NULL,
		NULL);
	v = verify(s);
	assert_int_equal(v.broken, 20);
	assert_non_null(strstr(v.why, "its hash does not fit"));
	/* a hash that is none */
	sqlite3_exec(s->db.handle,
		"UPDATE event SET hash = x'00' WHERE seq = 10;"
		"UPDATE event SET before_hash = x'00' WHERE seq = 8",
		NULL, NULL, NULL);
	v = verify(s);
	assert_int_equal(v.broken, 10);
	assert_string_equal(v.why, "it has no hash");
	gw_store_free(s);
}

static void an_empty_journal_is_whole(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);
	struct gw_store_verify_result v;

	(void)state;
	v = verify(s);
	assert_int_equal(v.rows, 0);
	assert_int_equal(v.broken, 0);
	assert_int_equal(v.head_seq, 0);
	assert_string_equal(v.head, "");
	gw_store_free(s);
}

/* ---- bounds ---- */

static void a_bound_is_never_too_small(void **state)
{
	struct gw_retention k;

	(void)state;
	gw_retention_init(&k, 1);
	assert_true(k.max_pages >= 128 && k.slack_pages >= 16 && k.block_rows > 0);
	assert_true(k.soft_limit_pages < k.max_pages);
	k.scan_from[0][0] = 9;
	gw_retention_row_delivered(&k, 3, -1, 0); /* a class that no program has */
	gw_retention_row_delivered(&k, 3, 99, 0);
	assert_int_equal(k.scan_from[0][0], 9);
	gw_retention_row_delivered(&k, 3, 0, 0);
	assert_int_equal(k.scan_from[0][0], 3);
}

static void a_disk_that_is_full_lets_it_not_grow(void **state)
{
	struct gw_store *s = fill();

	(void)state;
	sql_arm(1, SQLITE_IOERR_READ);
	assert_int_equal(gw_retention_set_disk_full(&s->retention, &s->db, true, NULL),
		GW_ERR_SYSTEM);
	sql_heal();
	assert_int_equal(s->retention.disk_full_pages, 0);
	assert_int_equal(
		gw_retention_set_disk_full(&s->retention, &s->db, true, NULL), GW_OK);
	assert_true(s->retention.disk_full_pages > 0);
	assert_int_equal(
		gw_retention_set_disk_full(&s->retention, &s->db, false, NULL), GW_OK);
	assert_int_equal(s->retention.disk_full_pages, 0);
	gw_store_free(s);
	s = open_store(NULL, 0, 16 * MIB); /* a file of a few pages */
	sqlite3_exec(s->db.handle, "DROP TABLE event; DROP TABLE info; DROP TABLE alarm",
		NULL, NULL, NULL);
	assert_int_equal(
		gw_retention_set_disk_full(&s->retention, &s->db, true, NULL), GW_OK);
	assert_int_equal(s->retention.disk_full_pages, 1);
	gw_store_free(s);
}

static int begin(void **state)
{
	sql_heal();
	return fixture_setup(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_statement_of_a_deleted_block),
		TEST(each_statement_of_the_chain_head),
		TEST(each_statement_of_a_walk),
		TEST(a_row_put_in_between),
		TEST(a_row_made_the_first_of_all),
		TEST(an_empty_journal_is_whole),
		TEST(a_bound_is_never_too_small),
		TEST(a_disk_that_is_full_lets_it_not_grow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

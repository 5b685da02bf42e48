/* SPDX-License-Identifier: Apache-2.0 */
/* The chain of hashes: whoever touches a row is found out, whoever tidies up is not; and the files
 * of schema 1, which had none. */
#include "store/db_readonly.h"
#include "store/salvage.h"

#include "store_fixture.h"

#include "store/chain.h"
#include "store/status.h"

static void emit(struct gw_store *s, uint64_t seq)
{
	struct gw_event e = make_event(s, seq, seq % 50, (enum gw_level)(seq % 4));

	e.note[0] = (char)('a' + seq % 26);
	if (seq % 7 == 0) {
		e.confirmed_by[0] = keys[1];
		e.confirmed_by[1] = keys[2];
		e.n_confirmed_by = 2;
	}
	if (seq % 5 == 0)
		e.value = e.peak = (double)NAN;
	if (seq % 11 == 0)
		e.value = -0.0;
	push(s, &e);
}

static struct gw_store_verify_result verify(struct gw_store *s)
{
	struct gw_store_verify_result v;

	assert_true(gw_store_request_verify(s));
	assert_false(gw_store_request_verify(s)); /* one at a time */
	turn(s);
	assert_true(gw_store_take_verify_result(s, &v));
	assert_false(gw_store_take_verify_result(s, &v));
	return v;
}

static void assert_good(struct gw_store *s, uint64_t rows)
{
	struct gw_store_verify_result v = verify(s);

	assert_string_equal(v.why, "");
	assert_false(v.failed);
	assert_int_equal(v.broken, 0);
	assert_int_equal(v.rows, rows);
}

/* What somebody does to the file of a stopped gateway. */
static void tamper(const char *sql)
{
	char path[300], *why = NULL;
	sqlite3 *db;

	snprintf(path, sizeof(path), "%s/tocsin.db", dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, "PRAGMA locking_mode=EXCLUSIVE", NULL, NULL, NULL) ||
		sqlite3_exec(db, sql, NULL, NULL, &why))
		fail_msg("%s: %s", sql, why);
	sqlite3_close(db);
}

static void fill(uint64_t n)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);

	for (uint64_t seq = 1; seq <= n; seq++) {
		emit(s, seq);
		if (seq % 100 == 0)
			turn(s);
	}
	turn(s);
	assert_good(s, n);
	gw_store_free(s);
}

static void whoever_touches_a_row_is_named(void **state)
{
	static const struct {
		const char *sql;
		uint64_t broken;
	} cases[] = {
		{"UPDATE event SET value = 1.5 WHERE seq = 300", 300},
		{"UPDATE event SET value = 0.0 WHERE seq = 11", 11},
		{"UPDATE event SET wall_ms = wall_ms + 1 WHERE seq = 1", 1},
		{"UPDATE event SET level = 0 WHERE seq = 999", 999},
		{"UPDATE event SET note = NULL WHERE seq = 600", 600},
		{"UPDATE event SET confirmed_by = NULL WHERE seq = 7", 7},
		{"UPDATE event SET peak = 1 WHERE seq = 5", 5},
		{"UPDATE event SET run = run + 1 WHERE seq = 512", 512},
		{"UPDATE event SET occurrence = x'00' WHERE seq = 513", 513},
		{"UPDATE event SET hash = zeroblob(32) WHERE seq = 256", 256},
		{"UPDATE event SET hash = NULL WHERE seq = 257", 257},
		{"UPDATE event SET prev = 3 WHERE seq = 258", 258},
		{"UPDATE info SET text = 'nothing' WHERE key LIKE '%gas-1/%'", 1},
		{"UPDATE boot SET boot = 'another'", 1},
		{"DELETE FROM event WHERE seq = 400", 401},
		{"DELETE FROM event WHERE seq BETWEEN 2 AND 998", 999},
		{"DELETE FROM event WHERE seq = 1", 2},
		{"UPDATE event SET seq = 5000 WHERE seq = 700", 701},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct gw_store_verify_result v;
		struct gw_store *s;

		fill(1000);
		tamper(cases[i].sql);
		s = open_store(two_sinks, 2, 16 * MIB);
		v = verify(s);
		assert_false(v.failed);
		if (v.broken != cases[i].broken || !v.why[0])
			fail_msg("%s: #%llu (%s)", cases[i].sql,
				(unsigned long long)v.broken, v.why);
		gw_store_free(s);
		assert_int_equal(temp_dir_remove(dir), 0);
		assert_int_equal(mkdir(dir, 0750), 0);
	}
}

/* While the gateway runs it knows where the chain ended. */
static void rows_cut_off_at_the_end_are_missed(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);
	struct gw_store_verify_result v;

	(void)state;
	for (uint64_t seq = 1; seq <= 10; seq++)
		emit(s, seq);
	turn(s);
	sqlite3_exec(s->db.handle, "DELETE FROM event WHERE seq > 8", NULL, NULL, NULL);
	v = verify(s);
	assert_int_equal(v.broken, 10);
	assert_string_equal(v.why, "it is missing");
	gw_store_free(s);
}

/* Marks, debts, what left undurable: not what happened, so not in the chain. */
static void what_changes_by_itself_is_not_covered(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);
	struct gw_store_status before, after;

	(void)state;
	for (uint64_t seq = 1; seq <= 20; seq++)
		emit(s, seq);
	turn(s);
	gw_store_status(s, &before);
	assert_int_equal(before.head_seq, 20);
	assert_int_equal(strlen(before.head), 64);
	gw_store_mark(s, 0, 3, GW_MARK_UNDURABLE);
	gw_store_mark(s, 0, 3, GW_MARK_DELIVERED);
	gw_store_mark(s, 1, 4, GW_MARK_PARKED);
	s->flush_marks = true;
	turn(s);
	gw_store_status(s, &after);
	assert_string_equal(before.head, after.head);
	assert_good(s, 20);
	gw_store_free(s);
	s = open_store(two_sinks, 2, 16 * MIB);
	turn(s);
	gw_store_status(s, &after);
	assert_string_equal(before.head, after.head);
	emit(s, 21);
	turn(s);
	assert_good(s, 21);
	gw_store_status(s, &after);
	assert_int_equal(after.head_seq, 21);
	assert_string_not_equal(before.head, after.head);
	gw_store_free(s);
}

/* Old rows make room, in no order: the chain can be checked all the same, also over the gaps. */
static void rows_that_make_room_leave_their_hash(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, MIB);
	struct gw_store_verify_result v;
	struct gw_store_status st;
	uint64_t seq = 0;

	(void)state;
	while (seq < 12000) {
		for (int i = 0; i < 100; i++)
			emit(s, ++seq);
		turn(s);
		for (uint64_t k = seq - 99; k <= seq; k++) {
			if (k % 50)
				gw_store_mark(s, 0, k, GW_MARK_DELIVERED);
			gw_store_mark(s, 1, k, GW_MARK_DELIVERED);
		}
		s->flush_marks = true;
		turn(s);
		if (seq % 1000 == 0) {
			v = verify(s);
			assert_string_equal(v.why, "");
			assert_int_equal(v.broken, 0);
		}
	}
	gw_store_status(s, &st);
	assert_true(st.trimmed > 5000);
	gw_store_free(s);
	s = open_store(two_sinks, 2, MIB);
	v = verify(s);
	assert_string_equal(v.why, "");
	assert_true(v.rows < 7000);
	assert_int_equal(v.head_seq, 12000);
	gw_store_free(s);
	/* but a gap that nobody made in that way is seen */
	tamper("DELETE FROM event WHERE seq = (SELECT max(seq) - 1 FROM event)");
	s = open_store(two_sinks, 2, MIB);
	assert_int_equal(verify(s).broken, 12000);
	gw_store_free(s);
}

static void a_walk_goes_on_while_rows_come(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);
	struct gw_store_verify_result v;
	uint64_t seq = 0;

	(void)state;
	for (; seq < 2000;) {
		for (int i = 0; i < 100; i++)
			emit(s, ++seq);
		turn(s);
	}
	assert_true(gw_store_request_verify(s));
	for (int i = 0; i < 4; i++) {
		emit(s, ++seq);
		gw_writer_step(s, false);
		assert_int_equal(gw_store_committed(s), seq); /* not held up */
		assert_false(gw_store_take_verify_result(s, &v));
	}
	turn(s);
	assert_true(gw_store_take_verify_result(s, &v));
	assert_string_equal(v.why, "");
	assert_int_equal(v.rows, seq);
	gw_store_free(s);
}

/* As a row that makes room. */
static void drop(struct gw_store *s, uint64_t seq)
{
	sqlite3_stmt *st = gw_db_stmt(&s->db, GW_DB_EVENT_DELETE);

	assert_int_equal(gw_db_begin(&s->db, NULL), GW_OK);
	assert_int_equal(gw_chain_remove(&s->db, seq, NULL), GW_OK);
	sqlite3_bind_int64(st, 1, (int64_t)seq);
	assert_int_equal(gw_db_run(&s->db, GW_DB_EVENT_DELETE, NULL), GW_OK);
	assert_int_equal(gw_db_commit(&s->db, NULL), GW_OK);
}

/* The last row of a run, the first of one that began far above, the newest of all, and the row
 * after a gap: whatever goes, in whatever order, and over a restart. */
static void any_row_may_go(void **state)
{
	static const uint64_t orders[][4] = {{10, 1000, 1009, 9}, {1009, 9, 10, 1000},
		{1000, 10, 9, 1009}, {9, 10, 1000, 1009}};

	(void)state;
	for (size_t i = 0; i < sizeof(orders) / sizeof(*orders); i++) {
		struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);

		for (uint64_t seq = 1; seq <= 20; seq++)
			emit(s, seq <= 10 ? seq : 989 + seq);
		turn(s);
		for (size_t k = 0; k < 4; k++) {
			drop(s, orders[i][k]);
			assert_good(s, 19 - k);
		}
		gw_store_free(s);
		s = open_store(two_sinks, 2, 16 * MIB);
		emit(s, 1010);
		turn(s);
		assert_good(s, 17);
		drop(s, 1010);
		emit(s, 2000); /* behind a head whose row is gone */
		turn(s);
		assert_good(s, 17);
		gw_store_free(s);
		assert_int_equal(temp_dir_remove(dir), 0);
		assert_int_equal(mkdir(dir, 0750), 0);
	}
}

/* Rows of a transaction that never was are no predecessors. */
static void a_rollback_takes_the_chain_back(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);
	struct gw_journal_entry entry = {.owed = 0};

	(void)state;
	emit(s, 1);
	turn(s);
	entry.event = make_event(s, 2, 2, GW_LEVEL_RED);
	assert_int_equal(gw_db_begin(&s->db, NULL), GW_OK);
	assert_int_equal(gw_journal_put_event(&s->db, &s->strings, &entry, NULL), GW_OK);
	gw_db_rollback(&s->db);
	gw_string_table_clear_cache(&s->strings);
	emit(s, 2);
	emit(s, 3);
	turn(s);
	assert_good(s, 3);
	gw_store_free(s);
}

/* ---- other schemas ---- */

/* As the first version of the program made it. */
static const char schema_1[] =
	"PRAGMA page_size=1024; PRAGMA auto_vacuum=INCREMENTAL;"
	"PRAGMA application_id=1953457011; PRAGMA user_version=1;"
	"CREATE TABLE meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT "
	"ROWID;"
	"CREATE TABLE sink(bit INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;"
	"CREATE TABLE boot(id INTEGER PRIMARY KEY, boot TEXT NOT NULL) STRICT;"
	"CREATE TABLE info(id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE,"
	" class INTEGER NOT NULL, key TEXT NOT NULL, name TEXT NOT NULL, subject TEXT NOT "
	"NULL, condition TEXT NOT NULL, text TEXT NOT NULL, point TEXT NOT NULL, source "
	"TEXT "
	"NOT NULL, device TEXT NOT NULL, unit_of_measure TEXT NOT NULL, building TEXT NOT "
	"NULL, floor TEXT NOT NULL, room TEXT NOT NULL, gateway TEXT NOT NULL, unit TEXT "
	"NOT "
	"NULL, area TEXT NOT NULL, grid TEXT NOT NULL) STRICT;"
	"CREATE TABLE event(seq INTEGER PRIMARY KEY, info INTEGER NOT NULL, run INTEGER "
	"NOT NULL, boot INTEGER NOT NULL, class INTEGER NOT NULL, level INTEGER NOT NULL,"
	" change INTEGER NOT NULL, state INTEGER NOT NULL, under INTEGER NOT NULL,"
	" quality INTEGER NOT NULL, undurable INTEGER NOT NULL, synced INTEGER NOT NULL,"
	" occurrence BLOB NOT NULL, value ANY, bound ANY, peak ANY, eta_ms INTEGER NOT "
	"NULL, mono_ns INTEGER NOT NULL, wall_ms INTEGER NOT NULL, onset_ms INTEGER NOT "
	"NULL,"
	" shelved_until_ms INTEGER NOT NULL, confirmed_by BLOB, note TEXT) STRICT;"
	"CREATE TABLE alarm(key TEXT PRIMARY KEY, info INTEGER NOT NULL, state INTEGER NOT "
	"NULL, under INTEGER NOT NULL, level INTEGER NOT NULL, occurrence BLOB NOT NULL,"
	" onset_ms INTEGER NOT NULL, since_ms INTEGER NOT NULL,"
	" shelved_until_ms INTEGER NOT NULL, value ANY, peak ANY, seq INTEGER NOT NULL)"
	" STRICT, WITHOUT ROWID;"
	"CREATE TABLE owed(urgency INTEGER NOT NULL, seq INTEGER NOT NULL,"
	" sinks INTEGER NOT NULL, PRIMARY KEY(urgency, seq)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE parked(seq INTEGER PRIMARY KEY, sinks INTEGER NOT NULL) STRICT;"
	"INSERT INTO meta VALUES('run', 7), ('clean', 1);"
	"INSERT INTO sink VALUES(0, 'city'), (1, 'file');"
	"INSERT INTO boot VALUES(1, '0f0e0d0c-0b0a-4908-8706-050403020100');"
	"INSERT INTO info VALUES(1, x'01', 3, 'boiler/gas-1/lel:high', 'high', "
	"'boiler/gas-1/lel',"
	" 'above 50', '', 'boiler/gas-1/lel', 'boiler', 'gas-1', '%LEL', 'A', '-1', '', "
	"'gw-7', '', '',"
	" '');"
	"WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 10)"
	" INSERT INTO event SELECT i, 1, 7, 1, 3, 3, 0, 1, 1, 0, 0, 1, randomblob(16), "
	"52.3, 50.0,"
	" 52.3, -1, i, 1795300000000 + i, 1795299999000, 0, NULL, NULL FROM n;"
	/* latched, acknowledged and shelved: 5 is latched-acked, 6 shelved */
	"INSERT INTO alarm SELECT 'boiler/gas-1/lel:high', 1, 6, 5, 3, occurrence, "
	"1795299999000,"
	" 1795300000010, 1795303600000, 52.3, 60.0, 10 FROM event WHERE seq = 10;"
	"INSERT INTO owed SELECT 0, seq, 1 FROM event WHERE seq > 2;"
	"INSERT INTO parked VALUES(2, 1);";

struct found {
	struct gw_alarm_record memory;
	size_t n;
};

static void note(
	void *arg, const struct gw_alarm_record *m, const struct gw_alarm_info *info)
{
	struct found *f = arg;

	(void)info;
	f->memory = *m;
	f->n++;
}

static void assert_owes_eight_and_shelves(struct gw_store *s)
{
	struct found f = {.n = 0};
	struct gw_store_status st;

	gw_store_load_alarms(s, NULL, note, &f);
	assert_int_equal(f.n, 1);
	assert_int_equal(f.memory.state, GW_STATE_SHELVED);
	assert_int_equal(f.memory.underlying, GW_STATE_LATCHED_ACKED);
	assert_int_equal(f.memory.shelved_until_ms, 1795303600000);
	assert_true(same_double(f.memory.peak, 60.0));
	turn(s);
	assert_string_equal(owed(s, 0), "3:3 3:4 3:5 3:6 3:7 3:8 3:9 3:10");
	assert_string_equal(owed(s, 1), "");
	gw_store_publish_status(s);
	gw_store_status(s, &st);
	assert_int_equal(st.parked[0], 1);
	assert_int_equal(gw_store_last_seq(s), 10);
	assert_true(gw_store_run(s) > 7);
}

static void schema_1_is_taken_over_in_place(void **state)
{
	struct gw_store *s;
	struct gw_store_verify_result v;

	(void)state;
	tamper(schema_1);
	s = open_store(two_sinks, 2, 16 * MIB);
	assert_owes_eight_and_shelves(s);
	assert_false(s->replaced);
	assert_int_equal(files_like("corrupt"), 0);
	emit(s, 11);
	turn(s);
	v = verify(s);
	assert_string_equal(v.why, "");
	assert_int_equal(v.rows, 11);
	assert_int_equal(v.unchained, 10);
	gw_store_free(s);
	s = open_store(two_sinks, 2, 16 * MIB);
	emit(s, 12);
	turn(s);
	v = verify(s);
	assert_string_equal(v.why, "");
	assert_int_equal(v.unchained, 10);
	assert_int_equal(v.head_seq, 12);
	gw_store_free(s);
}

/* A newer program was here, which knew columns and tables that we do not, and had dropped one. */
static void a_newer_schema_is_carried_over(void **state)
{
	struct gw_store *s;

	(void)state;
	tamper(schema_1);
	tamper("ALTER TABLE event ADD COLUMN witness TEXT; ALTER TABLE event DROP COLUMN "
	       "note;"
	       "ALTER TABLE alarm ADD COLUMN colour INTEGER; CREATE TABLE more(x);"
	       "PRAGMA user_version=99");
	s = open_store(two_sinks, 2, 16 * MIB);
	assert_owes_eight_and_shelves(s);
	assert_true(s->replaced);
	assert_int_equal(files_like("corrupt"), 1);
	assert_int_equal(files_like("-owing"), 0);
	emit(s, 11);
	turn(s);
	assert_int_equal(gw_store_committed(s), 11);
	assert_good(s, 8 + 1 + 1);
	gw_store_free(s);
	s = open_store(two_sinks, 2, 16 * MIB);
	assert_good(s, 8 + 1 + 1);
	gw_store_free(s);
}

/* Rows that come to light later go in behind those that are there. */
static void rows_carried_over_late_join_the_chain(void **state)
{
	struct gw_store_verify_result v;
	struct gw_store *s;
	struct gw_db old;
	char path[300], other[310];
	bool whole = false;

	(void)state;
	fill(30);
	snprintf(path, sizeof(path), "%s/tocsin.db", dir);
	snprintf(other, sizeof(other), "%s/other.db", dir);
	assert_int_equal(rename(path, other), 0);
	s = open_store(two_sinks, 2, 16 * MIB); /* gone: its numbers jump */
	for (uint64_t i = 1; i <= 1000; i++)
		emit(s, gw_store_last_seq(s) + i);
	turn(s);
	assert_true(gw_store_request_verify(s)); /* one walk is under way */
	gw_writer_step(s, false);
	assert_int_equal(gw_db_open_readonly(&old, other, NULL), GW_OK);
	assert_int_equal(gw_salvage_file(s, &old, "/other", false, &whole, NULL), GW_OK);
	gw_db_close(&old, true);
	assert_true(whole);
	turn(s);
	assert_true(gw_store_take_verify_result(s, &v));
	assert_int_equal(v.rows, 1030);
	assert_good(s, 1030);
	gw_store_free(s);
	s = open_store(two_sinks, 2, 16 * MIB);
	assert_good(s, 1030);
	emit(s, gw_store_last_seq(s) + 1);
	turn(s);
	assert_good(s, 1031);
	gw_store_free(s);
	tamper("UPDATE event SET value = 7 WHERE seq = 17");
	s = open_store(two_sinks, 2, 16 * MIB);
	assert_int_equal(verify(s).broken, 17);
	gw_store_free(s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(whoever_touches_a_row_is_named),
		TEST(rows_cut_off_at_the_end_are_missed),
		TEST(what_changes_by_itself_is_not_covered),
		TEST(rows_that_make_room_leave_their_hash),
		TEST(a_walk_goes_on_while_rows_come),
		TEST(any_row_may_go),
		TEST(a_rollback_takes_the_chain_back),
		TEST(schema_1_is_taken_over_in_place),
		TEST(a_newer_schema_is_carried_over),
		TEST(rows_carried_over_late_join_the_chain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

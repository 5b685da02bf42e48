/* SPDX-License-Identifier: Apache-2.0 */
/* Files of other versions of the program: schema 1, which had no chain of hashes, and newer
 * ones. */
#include "chain_fixture.h"

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
	struct gw_alarm_record record;
	size_t n;
};

static void note_alarm(
	void *arg, const struct gw_alarm_record *r, const struct gw_alarm_info *info)
{
	struct found *f = arg;

	(void)info;
	f->record = *r;
	f->n++;
}

static void assert_owes_eight_and_shelves(struct gw_store *s)
{
	struct found f = {.n = 0};
	struct gw_store_status st;

	gw_store_load_alarms(s, NULL, note_alarm, &f);
	assert_int_equal(f.n, 1);
	assert_int_equal(f.record.state, GW_STATE_SHELVED);
	assert_int_equal(f.record.underlying, GW_STATE_LATCHED_ACKED);
	assert_int_equal(f.record.shelved_until_ms, 1795303600000);
	assert_true(same_double(f.record.peak, 60.0));
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
	change_database(schema_1);
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
	change_database(schema_1);
	change_database(
		"ALTER TABLE event ADD COLUMN witness TEXT; ALTER TABLE event DROP COLUMN "
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(schema_1_is_taken_over_in_place),
		TEST(a_newer_schema_is_carried_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

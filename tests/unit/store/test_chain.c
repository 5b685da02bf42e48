/* SPDX-License-Identifier: Apache-2.0 */
/* The chain of hashes: a changed row is found, a trimmed one is not missed. */
#include "chain_fixture.h"

#include "store/chain.h"
#include "store/db_readonly.h"
#include "store/salvage.h"

static void a_changed_or_deleted_row_is_found(void **state)
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
		change_database(cases[i].sql);
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
static void rows_cut_off_at_the_end_are_found_missing(void **state)
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

/* Marks, debts and what left undurable are not covered by the chain. */
static void marks_do_not_change_the_chain(void **state)
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

/* Trimmed in no order: the chain can be verified all the same, also over the gaps. */
static void trimmed_rows_leave_their_hash(void **state)
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
	/* but a gap that retention did not make is found */
	change_database("DELETE FROM event WHERE seq = (SELECT max(seq) - 1 FROM event)");
	s = open_store(two_sinks, 2, MIB);
	assert_int_equal(verify(s).broken, 12000);
	gw_store_free(s);
}

static void rows_are_committed_while_the_chain_is_verified(void **state)
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

/* As retention trims a row. */
static void trim_row(struct gw_store *s, uint64_t seq)
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
static void rows_may_be_trimmed_in_any_order(void **state)
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
			trim_row(s, orders[i][k]);
			assert_good(s, 19 - k);
		}
		gw_store_free(s);
		s = open_store(two_sinks, 2, 16 * MIB);
		emit(s, 1010);
		turn(s);
		assert_good(s, 17);
		trim_row(s, 1010);
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

/* Rows that are salvaged later are appended to the chain. */
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
	change_database("UPDATE event SET value = 7 WHERE seq = 17");
	s = open_store(two_sinks, 2, 16 * MIB);
	assert_int_equal(verify(s).broken, 17);
	gw_store_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_changed_or_deleted_row_is_found),
		TEST(rows_cut_off_at_the_end_are_found_missing),
		TEST(marks_do_not_change_the_chain),
		TEST(trimmed_rows_leave_their_hash),
		TEST(rows_are_committed_while_the_chain_is_verified),
		TEST(rows_may_be_trimmed_in_any_order),
		TEST(a_rollback_takes_the_chain_back),
		TEST(rows_carried_over_late_join_the_chain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

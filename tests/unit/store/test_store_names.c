/* SPDX-License-Identifier: Apache-2.0 */
/* Uplinks that go, come back, inherit and are forgotten, with each statement of it failing once:
 * in the end each debt is where it would have been. And names and clocks that are odd. */
#include "store_names.h"

#include "failing_sqlite.h"

/* What each is owed and has refused, and what names that are gone are owed. */
static void describe(struct gw_store *s, char text[2048])
{
	struct gw_store_status st;
	size_t n = 0;

	text[0] = '\0';
	for (size_t slot = 0; slot < GW_STORE_SLOTS; slot++) {
		if (!(s->active_slots >> slot & 1))
			continue;
		n += (size_t)snprintf(text + n, 2048 - n, "%s: %s; ",
			s->mailboxes[slot].name, owed(s, slot));
	}
	gw_store_status(s, &st);
	for (size_t slot = 0; slot < GW_STORE_SLOTS; slot++)
		if (st.parked[slot])
			n += (size_t)snprintf(text + n, 2048 - n, "%llu refused; ",
				(unsigned long long)st.parked[slot]);
	for (size_t i = 0; i < st.n_removed_uplinks; i++)
		n += (size_t)snprintf(text + n, 2048 - n, "gone %s %llu+%llu; ",
			st.removed_uplinks[i].name,
			(unsigned long long)st.removed_uplinks[i].owed,
			(unsigned long long)st.removed_uplinks[i].parked);
}

static int healed(void **state)
{
	sql_heal();
	return begin(state);
}

/* The act is hurt once for each statement worth it. */
static void each_statement(
	void (*prepare)(void), struct gw_store *(*act)(void), const char *expected)
{
	static char found[2048];
	for (long n = 0; n <= sql.n_kinds; n++) { /* first without any that fails */
		struct gw_store *s;

		if (n > 0 && !sql_is_worth(n))
			continue;
		assert_int_equal(temp_dir_remove(dir), 0);
		assert_int_equal(mkdir(dir, 0700), 0);
		prepare();
		sql_arm(n, SQLITE_IOERR_READ);
		s = act();
		assert_int_equal(sql.failed[0] != '\0', n > 0);
		sql_heal();
		vfs_heal();
		pass(s, 15);
		describe(s, found);
		if (strcmp(found, expected) != 0)
			fail_msg("call %ld (%s): %s", n, sql.failed, found);
		gw_store_free(s);
	}
}

/* ---- two at one address: who comes next inherits from both ---- */

static void two_at_one_address(void)
{
	struct gw_store *s = start((const char *const[]){"a@u", "b@u"}, 2);

	emit(s, 1, 4);
	pass(s, 1);
	gw_store_mark(s, 0, 1, GW_MARK_DELIVERED);
	gw_store_mark(s, 1, 2, GW_MARK_PARKED);
	gw_store_mark(s, 1, 3, GW_MARK_UNDURABLE);
	stop(s);
}

static struct gw_store *a_third_comes(void)
{
	return start((const char *const[]){"c@u"}, 1);
}

static void each_statement_of_an_inheritance(void **state)
{
	(void)state;
	each_statement(two_at_one_address, a_third_comes, "c: 3:1 3:2 3:3 3:4; ");
}

/* ---- gone and back, with only refused ones ---- */

static void gone_with_refused_ones(void)
{
	struct gw_store *s = start((const char *const[]){"a", "b"}, 2);

	emit(s, 1, 3);
	pass(s, 1);
	for (uint64_t seq = 1; seq <= 3; seq++)
		gw_store_mark(s, 0, seq, seq == 2 ? GW_MARK_PARKED : GW_MARK_DELIVERED);
	stop(s);
	stop(start((const char *const[]){"b"}, 1));
}

static struct gw_store *it_is_back(void)
{
	return start((const char *const[]){"a", "b"}, 2);
}

static void each_statement_of_an_uplink_that_returns(void **state)
{
	(void)state;
	each_statement(gone_with_refused_ones, it_is_back, "a: 3:2; b: 3:1 3:2 3:3; ");
}

static struct gw_store *another_at_its_address(void)
{
	return start((const char *const[]){"c@a", "b"}, 2);
}

static void a_parked_event_is_owed_to_the_uplink_that_inherits(void **state)
{
	(void)state;
	each_statement(
		gone_with_refused_ones, another_at_its_address, "c: 3:2; b: 3:1 3:2 3:3; ");
}

/* ---- 30 days ---- */

static void gone_for_29_days(void)
{
	gone_with_refused_ones();
	change_database("UPDATE uplink SET days = 29, day_ms = 0 WHERE name = 'a'");
}

static struct gw_store *without_it(void)
{
	return start((const char *const[]){"b"}, 1);
}

static void each_statement_of_dropped_owed_events(void **state)
{
	(void)state;
	each_statement(gone_for_29_days, without_it, "b: 3:1 3:2 3:3; ");
}

/* ---- all bits have names ---- */

static void all_bits_taken(void)
{
	struct gw_store *s = start((const char *const[]){"a"}, 1);

	emit(s, 1, 2);
	stop(s);
	change_database(
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < "
		"31)"
		" INSERT INTO sink SELECT i, 'n' || i FROM n;"
		"INSERT INTO uplink SELECT name, '', iif(bit = 5, 20, 3), 1795400000000"
		" FROM sink WHERE bit > 0;"
		"UPDATE owed SET sinks = iif(seq = 1, 1, 0xffffffff)");
}

static struct gw_store *one_more_comes(void)
{
	return start((const char *const[]){"a", "new"}, 2);
}

/* It gives up the debts of the name that has been gone for longest, no other. */
static void each_statement_of_making_room(void **state)
{
	static char expected[2048];
	size_t n = (size_t)snprintf(expected, sizeof(expected), "a: 3:1 3:2; new: ; ");

	(void)state;
	for (int i = 1; i <= 31; i++)
		if (i != 5)
			n += (size_t)snprintf(
				expected + n, sizeof(expected) - n, "gone n%d 1+0; ", i);
	each_statement(all_bits_taken, one_more_comes, expected);
}

/* ---- came and went before it could be written ---- */

static void nothing(void)
{
}

static struct gw_store *it_came_and_went(void)
{
	long n = sql.fail_at;
	struct gw_store *s;
	size_t slot;

	sql_heal();
	s = start((const char *const[]){"a"}, 1);
	emit(s, 1, 1);
	pass(s, 1);
	disk.write_rc = SQLITE_IOERR_WRITE;
	assert_int_equal(gw_store_reserve_slot(s, &slot, NULL), GW_OK);
	set(s, 2, (const char *const[]){"a", "x"}, (const size_t[]){0, slot}, 2);
	emit(s, 2, 2);
	pass(s, 1);
	set(s, 3, (const char *const[]){"a"}, (const size_t[]){0}, 1);
	gw_store_detach_uplink(s, slot);
	emit(s, 3, 3);
	pass(s, 1);
	vfs_heal();
	sql_arm(n, SQLITE_IOERR_READ);
	pass(s, 15);
	return s;
}

static void each_statement_of_an_uplink_added_and_removed(void **state)
{
	(void)state;
	each_statement(nothing, it_came_and_went, "a: 3:1 3:2 3:3; gone x 1+0; ");
}

/* ---- given to another ---- */

static void each_statement_of_a_reassignment(void **state)
{
	struct gw_store *s;
	bool hurt = true;
	long n = 0;

	(void)state;
	gone_with_refused_ones();
	s = start((const char *const[]){"b"}, 1);
	pass(s, 1);
	gw_store_mark(s, 0, 2, GW_MARK_DELIVERED);
	pass(s, 2);
	while (hurt) {
		uint64_t moved = 0;
		enum gw_err rc;

		sql_arm(++n, SQLITE_IOERR_READ);
		rc = gw_registry_reassign_removed(s, 0, &moved, NULL);
		hurt = sql.failed[0] != '\0';
		if (hurt &&
			strstr(sql.failed, "count(*)")) { /* it is done, only not counted */
			sql_heal();
			assert_int_equal(moved, 1);
			break;
		}
		sql_heal();
		assert_int_equal(rc, hurt ? GW_ERR_SYSTEM : GW_OK);
		assert_int_equal(moved, hurt ? 0 : 1);
		if (hurt)
			assert_true(gw_registry_removed_bits(s) != 0);
	}
	assert_true(n > 4);
	pass(s, 2);
	assert_string_equal(owed(s, 0), "3:1 3:2 3:3");
	assert_int_equal(gw_registry_removed_bits(s), 0);
	gw_store_free(s);
}

/* Nothing can be read any more, not even the names: they are read again when it can. */
static void a_reassignment_on_a_disk_that_stays_bad(void **state)
{
	struct gw_store *s;
	long n = 0;

	(void)state;
	gone_with_refused_ones();
	s = start((const char *const[]){"b"}, 1);
	pass(s, 1);
	for (;;) {
		uint64_t moved = 0;
		enum gw_err rc;

		sql_arm(++n, SQLITE_IOERR_READ);
		sql.for_ever = true;
		rc = gw_registry_reassign_removed(s, 0, &moved, NULL);
		if (!sql.failed[0] || strstr(sql.failed, "count(*)"))
			break;
		sql_heal();
		assert_int_equal(rc, GW_ERR_SYSTEM);
		assert_int_equal(moved, 0);
		pass(s, 1);
		assert_int_not_equal(gw_registry_removed_bits(s), 0);
		assert_string_equal(owed(s, 0), "3:1 3:2 3:3");
	}
	sql_heal();
	assert_true(n > 4);
	pass(s, 1);
	assert_int_equal(gw_registry_removed_bits(s), 0);
	gw_store_free(s);
}

/* ---- odd ones ---- */

static void with_no_free_row_events_are_kept_in_memory(void **state)
{
	struct gw_store_status st;
	struct gw_store *s = start((const char *const[]){"a"}, 1);

	(void)state;
	stop(s);
	change_database(
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < "
		"31)"
		" INSERT INTO sink SELECT i, 'a' FROM n");
	s = start((const char *const[]){"a", "b"}, 2);
	emit(s, 1, 1);
	pass(s, 5);
	gw_store_status(s, &st);
	assert_true(st.failing);
	assert_non_null(strstr(st.why, "more than 32 uplinks"));
	assert_int_equal(
		st.pending, 1); /* it is kept in memory, and delivered from there */
	gw_store_free(s);
}

static void removed_names_beyond_the_log_lines_are_counted(void **state)
{
	static const char *const names[] = {
		"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"};
	struct gw_store *s = start(names, 10);
	struct gw_store_status st;

	(void)state;
	emit(s, 1, 1);
	stop(s);
	s = start(NULL, 0);
	pass(s, 1);
	gw_store_status(s, &st);
	assert_int_equal(st.n_removed_uplinks, 10);
	assert_false(st.failing);
	gw_store_free(s);
}

static int64_t read_number(struct gw_store *s, const char *text)
{
	sqlite3_stmt *st;
	int64_t number;

	assert_int_equal(sqlite3_prepare_v2(s->db.handle, text, -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	number = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return number;
}

/* A clock that falls back takes no day away, and gives none. */
static void a_day_with_a_clock_that_falls_back(void **state)
{
	static const char days[] = "SELECT days FROM uplink WHERE name = 'a'";
	struct gw_store *s;

	(void)state;
	gone_with_refused_ones();
	wall_base_ms -= INT64_C(10) * 86400 * 1000;
	s = without_it();
	assert_int_equal(read_number(s, "SELECT day_ms FROM uplink WHERE name = 'a'"),
		gw_clock_wall_ms());
	assert_int_equal(read_number(s, days), 0);
	stop(s);
	wall_base_ms += INT64_C(1) * 86400 * 1000;
	s = without_it();
	assert_int_equal(read_number(s, days), 1);
	gw_store_free(s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, healed, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_statement_of_an_inheritance),
		TEST(each_statement_of_an_uplink_that_returns),
		TEST(a_parked_event_is_owed_to_the_uplink_that_inherits),
		TEST(each_statement_of_dropped_owed_events),
		TEST(each_statement_of_making_room),
		TEST(each_statement_of_an_uplink_added_and_removed),
		TEST(each_statement_of_a_reassignment),
		TEST(a_reassignment_on_a_disk_that_stays_bad),
		TEST(with_no_free_row_events_are_kept_in_memory),
		TEST(removed_names_beyond_the_log_lines_are_counted),
		TEST(a_day_with_a_clock_that_falls_back),
	};

	if (access("/dev/shm", W_OK) == 0) /* thousands of syncs */
		setenv("TMPDIR", "/dev/shm", 1);
	vfs_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

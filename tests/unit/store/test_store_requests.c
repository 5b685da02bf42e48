/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of uplinks and main while the disk works, fails or lies: the reply has what is owed,
 * each event once, or says that it is not complete. */
#include "faulty_vfs.h"
#include "scripted_store.h"

#include "failing_sqlite.h"

#include "store/resend_window.h"
#include "store/verify.h"

/* from to to, of levels 0 to 3 in turn. */
static void emit(struct gw_store *s, uint64_t from, uint64_t to)
{
	for (uint64_t seq = from; seq <= to; seq++) {
		struct gw_event e = make_event(s, seq, seq % 20, (enum gw_level)(seq % 4));

		push(s, &e);
	}
}

static struct gw_store_status status(struct gw_store *s)
{
	struct gw_store_status st;

	gw_store_status(s, &st);
	return st;
}

static const char *listed(struct gw_batch *b)
{
	static char text[1024];
	size_t n = 0;

	assert_non_null(b);
	text[0] = '\0';
	for (size_t i = 0; i < b->n; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%llu", i ? " " : "",
			(unsigned long long)b->events[i].seq);
	return text;
}

static struct gw_batch *ask_parked(struct gw_store *s, size_t slot, uint64_t after)
{
	assert_true(gw_store_request_parked(s, slot, after, 100));
	turn(s);
	return gw_store_take_batch(s, slot);
}

/* ---- events that are not committed ---- */

static void marks_count_in_replies_before_they_are_committed(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);
	struct gw_batch *b;

	(void)state;
	emit(s, 1, 4);
	turn(s);
	disk.write_rc = SQLITE_IOERR_WRITE;
	emit(s, 5, 9);
	pass(s, 1);
	gw_store_mark(s, 0, 2, GW_MARK_PARKED); /* of what is in the file */
	gw_store_mark(s, 1, 3, GW_MARK_PARKED);
	gw_store_mark(s, 0, 3, GW_MARK_UNDURABLE);
	gw_store_mark(s, 0, 8, GW_MARK_PARKED); /* and of what is in memory */
	gw_store_mark(s, 0, 6, GW_MARK_PARKED);
	b = ask_parked(s, 0, 0);
	assert_string_equal(listed(b), "6 8"); /* 2 is said and not written */
	gw_batch_free(b);
	b = ask_parked(s, 0, 6);
	assert_string_equal(listed(b), "8");
	gw_batch_free(b);
	b = request_owed(s, 0, GW_LEVEL_RED + 1, 0, 100);
	assert_false(b->failed);
	assert_string_equal(listed(b), "3 7 1 5 9 4");
	assert_int_equal(b->parked, 3);     /* with what is not written yet */
	assert_false(b->events[0].durable); /* it left before; the others did not */
	assert_true(b->events[2].durable);
	gw_batch_free(b);
	/* after a cursor: of its level what comes later, and all lower ones */
	b = request_owed(s, 0, 1, 5, 100);
	assert_string_equal(listed(b), "9 4");
	gw_batch_free(b);
	gw_store_mark(s, 0, 8, GW_MARK_UNPARKED);
	b = ask_parked(s, 0, 0);
	assert_string_equal(listed(b), "6");
	gw_batch_free(b);
	vfs_heal();
	pass(s, 15);
	assert_int_equal(gw_store_committed(s), 9);
	b = ask_parked(s, 0, 0);
	assert_string_equal(listed(b), "2 6");
	gw_batch_free(b);
	assert_int_equal(status(s).parked[1], 1);
	gw_store_free(s);
}

/* A commit that failed may have been one all the same: the rows are there and in memory. */
static void a_row_that_is_in_memory_too_comes_once(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);
	struct gw_batch *b;

	(void)state;
	emit(s, 1, 2);
	turn(s);
	s->failing = true; /* the file stays open */
	s->backoff.failures = 1;
	s->backoff.next_ns = now_ns + 60 * GW_NS_PER_SEC;
	emit(s, 3, 5);
	gw_writer_step(s, false);
	assert_int_equal(s->n_entries, 3);
	for (size_t i = 0; i < 2; i++) { /* as it would be found */
		struct gw_journal_entry e = s->entries[i];

		e.owed = 1;
		assert_int_equal(
			gw_journal_put_event(&s->db, &s->strings, &e, NULL), GW_OK);
	}
	b = request_owed(s, 0, GW_LEVEL_RED + 1, 0, 100);
	assert_string_equal(listed(b), "3 2 1 5 4");
	gw_batch_free(b);
	pass(s, 70);
	assert_false(status(s).failing);
	assert_int_equal(status(s).owed[0], 5);
	assert_string_equal(owed(s, 0), "3:3 2:2 1:1 1:5 0:4");
	gw_store_free(s);
}

static void history_of_what_is_in_memory(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);
	struct gw_batch *b;

	(void)state;
	emit(s, 1, 2);
	turn(s);
	disk.write_rc = SQLITE_IOERR_WRITE;
	emit(s, 3, 6);
	pass(s, 1);
	assert_true(gw_store_request_history(s, 3, 1795300000000 + 5)); /* seq is its ms */
	turn(s);
	b = gw_store_take_history(s);
	assert_string_equal(listed(b), "5 6");
	gw_batch_free(b);
	assert_true(gw_store_request_history(s, 3, 0));
	turn(s);
	b = gw_store_take_history(s);
	assert_string_equal(listed(b), "4 5 6");
	gw_batch_free(b);
	vfs_heal();
	gw_store_free(s);
}

static void a_full_mailbox_refuses_marks_and_requests(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);
	uint64_t seq = 0;

	(void)state;
	emit(s, 1, 1000);
	turn(s);
	while (gw_store_mark(s, 0, seq + 1, GW_MARK_DELIVERED))
		assert_true(++seq <= GW_MAILBOX_MESSAGES);
	assert_int_equal(seq, GW_MAILBOX_MESSAGES);
	assert_false(gw_store_request_owed(
		s, 0, (struct gw_owed_cursor){4, 0}, 1)); /* nor a question */
	pass(s, 2);
	assert_int_equal(status(s).owed[0], 0);
	assert_true(gw_store_request_owed(s, 0, (struct gw_owed_cursor){4, 0}, 1));
	assert_true(gw_writer_has_input(s));
	gw_store_free(s);
}

/* What cannot be written for long is bounded: the rest waits in the line, and nothing is lost. */
static void marks_are_bounded(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);
	int rounds = 0;

	(void)state;
	emit(s, 1, 800);
	turn(s);
	disk.write_rc = SQLITE_IOERR_WRITE;
	while (s->n_marks < 65536 && rounds++ < 100) {
		for (uint64_t seq = 1; seq <= 800; seq++)
			gw_store_mark(s, 0, seq, GW_MARK_DELIVERED);
		gw_writer_step(s, false);
	}
	assert_int_equal(s->n_marks, 65536);
	gw_store_mark(s, 0, 800, GW_MARK_DELIVERED);
	gw_writer_step(s, false);
	assert_int_equal(s->n_marks, 65536);
	assert_false(gw_writer_has_input(s)); /* it does not spin */
	vfs_heal();
	pass(s, 15);
	assert_int_equal(s->n_marks, 0);
	assert_int_equal(status(s).owed[0], 0);
	assert_int_equal(status(s).owed[1], 800);
	gw_store_free(s);
}

/* ---- owed again ---- */

static struct gw_batch owe(struct gw_store *s, uint64_t from)
{
	struct gw_batch b = {0};

	s->mailboxes[0].request = (struct gw_mailbox_message){
		.seq = from, .kind = GW_MAILBOX_REQUEST_RESEND, .from_ms = 0};
	gw_resend_window_owe(s, 0, &b);
	return b;
}

static void assert_counts(struct gw_store *s)
{
	uint64_t owes[32], parks[32];

	assert_int_equal(gw_journal_count(&s->db, owes, parks, NULL), GW_OK);
	assert_memory_equal(owes, s->owed, sizeof(owes));
	assert_memory_equal(parks, s->parked, sizeof(parks));
}

/* 1 to 10: 1 to 6 delivered, 7 and 8 refused. */
static struct gw_store *with_some_refused(void)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);

	emit(s, 1, 10);
	turn(s);
	for (uint64_t seq = 1; seq <= 8; seq++)
		gw_store_mark(s, 0, seq, seq > 6 ? GW_MARK_PARKED : GW_MARK_DELIVERED);
	pass(s, 2);
	assert_int_equal(status(s).owed[0], 2);
	assert_int_equal(status(s).parked[0], 2);
	return s;
}

static void each_statement_of_a_range_owed_again(void **state)
{
	struct gw_store *s = with_some_refused();
	struct gw_batch b = {.failed = true};
	long n = 0;

	(void)state;
	while (b.failed) {
		bool hurt;

		sql_arm(++n, SQLITE_IOERR_READ);
		b = owe(s, 5);
		/* the size of the file is only for the status */
		hurt = sql.failed[0] && !strstr(sql.failed, "PRAGMA");
		sql_heal();
		assert_int_equal(b.failed, hurt);
		assert_counts(s);
		assert_int_equal(s->owed[0], hurt ? 2 : 6);
		assert_int_equal(s->parked[0], hurt ? 2 : 0);
		assert_int_equal(b.owed, hurt ? 0 : 4);
		assert_int_equal(b.unparked, hurt ? 0 : 2);
	}
	assert_true(n > 5);
	/* refused and owed at once, as no uplink leaves it: refused no longer */
	sqlite3_exec(s->db.handle, "INSERT INTO parked VALUES(9, 1)", NULL, NULL, NULL);
	s->parked[0] = 1;
	b = owe(s, 9);
	assert_int_equal(b.owed, 0);
	assert_int_equal(b.unparked, 1);
	assert_counts(s);
	gw_store_free(s);
}

static void a_request_that_cannot_be_served_is_repeated(void **state)
{
	struct gw_store *s = with_some_refused();
	uint32_t bit = s->mailboxes[0].bit;
	sqlite3 *handle = s->db.handle;

	(void)state;
	s->failing = true;
	assert_true(owe(s, 1).failed);
	s->failing = false;
	s->recheck_needed = true;
	assert_true(owe(s, 1).failed);
	s->recheck_needed = false;
	s->db.handle = NULL;
	s->recount_needed = true;
	assert_true(owe(s, 1).failed);
	s->db.handle = handle;
	sql_arm(1, SQLITE_IOERR_READ); /* nor can be counted */
	assert_true(owe(s, 1).failed);
	sql_heal();
	assert_true(s->recount_needed);
	s->db.read_only = true;
	assert_true(owe(s, 1).failed);
	s->db.read_only = false;
	assert_false(s->recount_needed);
	s->mailboxes[0].bit = 0;
	assert_true(owe(s, 1).failed);
	s->mailboxes[0].bit = bit;
	s->n_writable_marks = 1;
	assert_true(owe(s, 1).failed);
	s->n_writable_marks = 0;
	assert_counts(s);
	assert_false(owe(s, 1).failed);
	assert_int_equal(s->owed[0], 10);
	gw_store_free(s);
}

/* After a long fault more is in memory than one commit takes; and numbers that another start gave
 * may be higher. */
static void uncommitted_events_are_owed_again(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);
	struct gw_journal_entry high = {.event = make_event(s, 9000, 1, GW_LEVEL_RED)};
	struct gw_batch b;

	(void)state;
	emit(s, 1, 10);
	turn(s);
	disk.write_rc = SQLITE_IOERR_WRITE;
	emit(s, 11, 1000);
	pass(s, 1);
	emit(s, 1001, 1500);
	pass(s, 1);
	for (uint64_t seq = 1450; seq <= 1460; seq++)
		gw_store_mark(s, 0, seq, seq == 1455 ? GW_MARK_PARKED : GW_MARK_DELIVERED);
	pass(s, 1);
	vfs_heal();
	now_ns += 20 * GW_NS_PER_SEC;
	assert_int_equal(gw_writer_step(s, false), 0);
	assert_int_equal(gw_store_committed(s), 1034);
	assert_true(s->n_entries > 0);
	b = owe(s, 1452);
	assert_false(b.failed);
	assert_int_equal(b.owed, 9);
	assert_int_equal(b.unparked, 1);
	assert_int_equal(b.next, 0);
	b = owe(s, 1000);
	assert_int_equal(b.next, 1035); /* what is in memory follows there */
	turn(s);
	assert_int_equal(status(s).owed[0], 1498);
	assert_int_equal(status(s).parked[0], 0);
	assert_int_equal(gw_db_begin(&s->db, NULL), GW_OK);
	assert_int_equal(gw_journal_put_event(&s->db, &s->strings, &high, NULL), GW_OK);
	assert_int_equal(gw_db_commit(&s->db, NULL), GW_OK);
	b = owe(s, 8000);
	assert_int_equal(b.owed, 1);
	assert_int_equal(b.next, 14000);
	gw_store_free(s);
}

/* ---- verify ---- */

static void a_verify_that_cannot_read_says_so(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);
	struct gw_store_verify_result v;
	struct gw_wake wake;

	(void)state;
	assert_int_equal(gw_wake_init(&wake, NULL), GW_OK);
	gw_store_attach_reader(s, &wake);
	emit(s, 1, 3);
	turn(s);
	gw_wake_prepare(&wake);
	assert_true(gw_store_request_verify(s));
	turn(s);
	assert_true(gw_wake_wait(&wake, 0));
	assert_true(gw_store_take_verify_result(s, &v));
	assert_int_equal(v.rows, 3);
	sql.only = "SELECT e.seq";
	sql_arm(1, SQLITE_IOERR_READ);
	assert_true(gw_store_request_verify(s));
	turn(s);
	sql_heal();
	assert_true(gw_store_take_verify_result(s, &v));
	assert_true(v.failed && v.why[0]);
	disk.write_rc = SQLITE_FULL;
	emit(s, 4, 4);
	pass(s, 2);
	assert_true(gw_store_request_verify(s));
	turn(s);
	assert_true(gw_store_take_verify_result(s, &v));
	assert_true(v.failed);
	assert_non_null(strstr(v.why, status(s).why));
	assert_int_equal(v.broken, 0); /* that is no word against it */
	vfs_heal();
	pass(s, 15);
	s->recheck_needed = true;
	assert_true(gw_store_request_verify(s));
	assert_true(gw_verify_step(s, false) == false);
	assert_true(gw_store_take_verify_result(s, &v));
	assert_true(v.failed);
	assert_non_null(strstr(v.why, "being opened"));
	s->recheck_needed = false;
	assert_true(gw_store_request_verify(s));
	gw_writer_step(s, true);
	assert_true(gw_store_take_verify_result(s, &v));
	assert_true(v.failed);
	assert_string_equal(v.why, "tocsind stops");
	gw_store_free(s);
	gw_wake_fini(&wake);
	s = new_store(two_sinks, 2, 16 * MIB); /* nothing is open yet */
	assert_true(gw_store_request_verify(s));
	assert_false(gw_verify_step(s, false));
	assert_true(gw_store_take_verify_result(s, &v));
	assert_true(v.failed);
	assert_string_equal(v.head, "");
	gw_store_free(s);
}

static int begin(void **state)
{
	vfs_heal();
	sql_heal();
	return fixture_setup(state);
}

static int end(void **state)
{
	vfs_heal();
	sql_heal();
	return fixture_teardown(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(marks_count_in_replies_before_they_are_committed),
		TEST(a_row_that_is_in_memory_too_comes_once),
		TEST(history_of_what_is_in_memory),
		TEST(a_full_mailbox_refuses_marks_and_requests),
		TEST(marks_are_bounded),
		TEST(each_statement_of_a_range_owed_again),
		TEST(a_request_that_cannot_be_served_is_repeated),
		TEST(uncommitted_events_are_owed_again),
		TEST(a_verify_that_cannot_read_says_so),
	};

	vfs_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

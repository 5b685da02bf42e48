/* SPDX-License-Identifier: Apache-2.0 */
/* The limit of the database: what is deleted first, what is refused. */
#include "store_fixture.h"

static void file_is_bounded(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, MIB);
	struct gw_store_status st;
	uint64_t seq = 0;
	struct gw_batch *b;
	char path[300];
	struct stat file;

	(void)state;
	for (size_t i = 0; i < 1000; i++)
		infos[i].class_ = i < 500 ? GW_CLASS_FAULT : GW_CLASS_ALARM;
	/* 1,000 alarms first, then 40,000 faults: all delivered to sink 1, alarms owed to 0 */
	for (int k = 0; k < 41; k++) {
		for (size_t i = 0; i < 1000; i++) {
			struct gw_event e = make_event(s, ++seq,
				k == 0 ? 500 + i % 500 : i % 500, GW_LEVEL_YELLOW);

			e.state = GW_STATE_NORMAL;
			push(s, &e);
			gw_store_mark(s, 1, seq, GW_MARK_DELIVERED);
			if (k > 0)
				gw_store_mark(s, 0, seq, GW_MARK_DELIVERED);
			if (i % 100 == 0)
				turn(s);
		}
		turn(s);
	}
	gw_store_status(s, &st);
	assert_true(st.trimmed > 10000);
	assert_int_equal(st.lost, 0);
	assert_int_equal(st.refused, 0);
	assert_int_equal(st.owed[0], 1000);
	assert_true(st.file_bytes <= MIB);
	snprintf(path, sizeof(path), "%s/tocsin.db", dir);
	assert_int_equal(stat(path, &file), 0);
	assert_true(file.st_size <= MIB);
	b = request_owed(s, 0, GW_LEVEL_RED + 1, 0, 1000);
	assert_int_equal(b->n, 1000);
	assert_int_equal(b->events[0].seq, 1);
	assert_int_equal(b->events[999].seq, 1000);
	gw_batch_free(b);
	gw_store_free(s);
	s = open_store(two_sinks, 2, MIB);
	assert_int_equal(gw_store_last_seq(s), seq);
	gw_store_free(s);
	for (size_t i = 0; i < 1000; i++)
		infos[i].class_ = GW_CLASS_ALARM;
}

static void deleted_parked_events_are_counted(void **state)
{
	struct gw_store *s = open_store(two_sinks, 1, MIB / 4);
	struct gw_store_status st;

	(void)state;
	for (uint64_t seq = 1; seq <= 5000; seq++) {
		struct gw_event e = make_event(s, seq, 1, GW_LEVEL_BLUE);

		push(s, &e);
		gw_store_mark(s, 0, seq, GW_MARK_PARKED);
		if (seq % 50 == 0)
			turn(s);
	}
	turn(s);
	gw_store_status(s, &st);
	assert_true(st.trimmed > 100);
	assert_int_equal(st.lost, st.trimmed);
	assert_int_equal(st.parked[0], 5000 - st.lost);
	gw_store_free(s);
}

static void a_fault_never_displaces_an_alarm(void **state)
{
	struct gw_store *s = open_store(two_sinks, 1, MIB / 4);
	struct gw_store_status st;
	uint64_t seq = 0, alarms;
	struct gw_batch *b;

	(void)state;
	/* a file full of alarms nobody could be told of: they evict each other, and are counted */
	infos[0].class_ = GW_CLASS_FAULT;
	for (int i = 0; i < 5000; i++) {
		struct gw_event e = make_event(s, ++seq, 1, GW_LEVEL_BLUE);

		push(s, &e);
		if (i % 50 == 0)
			turn(s);
	}
	turn(s);
	gw_store_status(s, &st);
	assert_true(st.lost > 100);
	alarms = st.owed[0];
	assert_true(alarms > 500);
	/* then faults, and however red they are they find what room there is, no more */
	for (int i = 0; i < 5000; i++) {
		struct gw_event e = make_event(s, ++seq, 0, GW_LEVEL_RED);

		push(s, &e);
		if (i % 50 == 0)
			turn(s);
	}
	turn(s);
	b = request_owed(s, 0, GW_LEVEL_BLUE, 0, 1024);
	assert_int_equal(b->n, alarms < 1024 ? alarms : 1024);
	gw_batch_free(b);
	gw_store_status(s, &st);
	assert_int_equal(st.committed, seq);
	assert_true(st.file_bytes <= MIB / 4);
	/* the next alarm is kept, at the cost of faults */
	{
		struct gw_event e = make_event(s, ++seq, 1, GW_LEVEL_BLUE);

		push(s, &e);
		turn(s);
		b = request_owed(s, 0, GW_LEVEL_BLUE, seq - 1, 10);
		assert_int_equal(b->n, 1);
		gw_batch_free(b);
	}
	gw_store_free(s);
	s = open_store(two_sinks, 1, MIB / 4);
	assert_int_equal(gw_store_last_seq(s), seq);
	gw_store_free(s);
	infos[0].class_ = GW_CLASS_ALARM;
}

/* States of alarms alone fill the file: events of faults are refused, states are not. */
static void refused_events_are_counted(void **state)
{
	struct gw_store *s = open_store(two_sinks, 1, MIB / 4);
	int64_t pages = 0, unused = 0;
	struct gw_store_status st;
	struct gw_event e;
	uint64_t seq = 0;

	(void)state;
	infos[0].class_ = GW_CLASS_FAULT;
	e = make_event(s, ++seq, 0, GW_LEVEL_BLUE);
	push(s, &e);
	turn(s);
	for (size_t i = 1; i < 1000 && s->retention.refuse_below_class == 0; i++) {
		e = make_event(s, ++seq, i, GW_LEVEL_BLUE);
		push(s, &e);
		turn(s);
		assert_int_equal(gw_db_pages(&s->db, &pages, &unused, NULL), GW_OK);
	}
	assert_true(s->retention.refuse_below_class > 0);
	gw_store_status(s, &st);
	assert_int_equal(st.refused, 0);
	for (int i = 0; i < 50; i++) {
		e = make_event(s, ++seq, 0, GW_LEVEL_BLUE);
		push(s, &e);
		turn(s);
	}
	gw_store_status(s, &st);
	assert_true(st.refused >= 50);
	assert_false(st.failing);
	assert_int_equal(st.committed, seq);
	gw_store_free(s);
	s = open_store(two_sinks, 1, MIB / 4);
	assert_int_equal(gw_store_last_seq(s), seq);
	assert_true(alarms_given(s) > 100);
	gw_store_free(s);
	infos[0].class_ = GW_CLASS_ALARM;
}

/* Texts that change with every event must not fill the file for ever. */
static void unused_texts_are_deleted(void **state)
{
	struct gw_store *s = open_store(NULL, 0, MIB / 4);
	struct gw_alarm_info changing = infos[1];
	struct gw_store_status st;
	struct gw_batch *b;
	char text[400];

	(void)state;
	changing.text = text;
	for (uint64_t seq = 1; seq <= 3000; seq++) {
		struct gw_event e = make_event(s, seq, 1, GW_LEVEL_RED);

		memset(text, 'a', sizeof(text));
		snprintf(text, sizeof(text), "%llu", (unsigned long long)seq);
		text[strlen(text)] = ' ';
		text[sizeof(text) - 1] = '\0';
		e.info = &changing;
		push(s, &e);
		turn(s);
	}
	gw_store_status(s, &st);
	assert_false(st.failing);
	assert_int_equal(st.committed, 3000);
	assert_true(st.file_bytes <= MIB / 4);
	/* texts that were swept may come again */
	for (uint64_t seq = 3001; seq <= 3200; seq++) {
		struct gw_event e = make_event(s, seq, 1, GW_LEVEL_RED);

		memset(text, 'a', sizeof(text));
		snprintf(text, sizeof(text), "%llu", (unsigned long long)seq - 300);
		text[strlen(text)] = ' ';
		text[sizeof(text) - 1] = '\0';
		e.info = &changing;
		push(s, &e);
		turn(s);
		assert_true(gw_store_request_history(s, 1, 0));
		turn(s);
		b = gw_store_take_history(s);
		assert_false(b->failed);
		assert_int_equal(b->events[0].seq, seq);
		assert_string_equal(b->events[0].info->text, text);
		gw_batch_free(b);
	}
	gw_store_free(s);
}

/* How many rows of the class are left. */
static int64_t rows_of(struct gw_store *s, enum gw_class class_)
{
	sqlite3_stmt *st;
	int64_t n;

	sqlite3_prepare_v2(
		s->db.handle, "SELECT count(*) FROM event WHERE class = ?", -1, &st, NULL);
	sqlite3_bind_int(st, 1, (int)class_);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return n;
}

static void trim_once(struct gw_store *s)
{
	uint64_t none[32] = {0};
	enum gw_retention_result did;

	assert_int_equal(
		gw_retention_step(&s->retention, &s->db, &s->strings, GW_CLASS_ALARM,
			gw_store_committed(s), true, none, none, &did, NULL),
		GW_OK);
}

static void delivered_alarms_stay_when_faults_come(void **state)
{
	struct gw_store *s = open_store(two_sinks, 1, MIB / 4);
	uint64_t seq = 0;
	int64_t alarms;

	(void)state;
	infos[0].class_ = GW_CLASS_FAULT;
	for (int i = 0; i < 5000; i++) {
		struct gw_event e = make_event(s, ++seq, 1, GW_LEVEL_BLUE);

		push(s, &e);
		gw_store_mark(s, 0, seq, GW_MARK_DELIVERED);
		if (i % 50 == 0)
			turn(s);
	}
	turn(s);
	alarms = rows_of(s, GW_CLASS_ALARM);
	assert_true(alarms > 500);
	for (int i = 0; i < 5000; i++) { /* owed to somebody, but only faults */
		struct gw_event e = make_event(s, ++seq, 0, GW_LEVEL_RED);

		push(s, &e);
		if (i % 50 == 0)
			turn(s);
	}
	turn(s);
	assert_int_equal(rows_of(s, GW_CLASS_ALARM), alarms);
	gw_store_free(s);
	infos[0].class_ = GW_CLASS_ALARM;
}

static void lowest_first_also_when_delivered_late(void **state)
{
	struct gw_store *s = open_store(two_sinks, 1, 16 * MIB);
	struct gw_event e;
	uint64_t seq = 0;

	(void)state;
	infos[0].class_ = GW_CLASS_FAULT;
	for (int i = 0; i < 2000; i++) {
		e = make_event(s, ++seq, i < 100 ? 0 : 1, GW_LEVEL_BLUE);
		push(s, &e);
		if (i >= 100)
			gw_store_mark(s, 0, seq, GW_MARK_DELIVERED);
		if (i % 500 == 0)
			turn(s);
	}
	turn(s);
	trim_once(s); /* the faults are owed: alarms must go */
	assert_int_equal(rows_of(s, GW_CLASS_FAULT), 100);
	assert_int_equal(rows_of(s, GW_CLASS_ALARM), 1400);
	for (uint64_t k = 1; k <= 60; k++)
		gw_store_mark(s, 0, k, GW_MARK_DELIVERED);
	s->flush_marks = true;
	turn(s);
	trim_once(s);
	assert_int_equal(rows_of(s, GW_CLASS_FAULT), 40);
	assert_int_equal(rows_of(s, GW_CLASS_ALARM), 1400);
	for (int i = 0; i < 30; i++) { /* and new ones come behind */
		e = make_event(s, ++seq, 0, GW_LEVEL_BLUE);
		push(s, &e);
		gw_store_mark(s, 0, seq, GW_MARK_DELIVERED);
	}
	turn(s);
	assert_int_equal(rows_of(s, GW_CLASS_FAULT), 70);
	trim_once(s);
	assert_int_equal(rows_of(s, GW_CLASS_FAULT), 40);
	assert_int_equal(rows_of(s, GW_CLASS_ALARM), 1400);
	gw_store_free(s);
	infos[0].class_ = GW_CLASS_ALARM;
}

static void last_seq_survives_its_row(void **state)
{
	struct gw_store *s = open_store(NULL, 0, MIB / 4);
	uint64_t none[32] = {0};
	enum gw_retention_result did = GW_RETENTION_MORE;

	(void)state;
	for (uint64_t seq = 1; seq <= 100; seq++) {
		struct gw_event e = make_event(s, seq, 1, GW_LEVEL_RED);

		push(s, &e);
	}
	turn(s);
	while (did == GW_RETENTION_MORE)
		assert_int_equal(gw_retention_step(&s->retention, &s->db, &s->strings,
					 GW_CLASS_ALARM, 100, true, none, none, &did, NULL),
			GW_OK);
	gw_store_free(s);
	s = open_store(NULL, 0, MIB / 4);
	assert_int_equal(gw_store_last_seq(s), 100);
	gw_store_free(s);
}

static void shrinks_to_a_lower_bound(void **state)
{
	struct gw_store *s = open_store(NULL, 0, 4 * MIB);
	struct gw_store_status st;

	(void)state;
	for (uint64_t seq = 1; seq <= 20000; seq++) {
		struct gw_event e = make_event(s, seq, 1, GW_LEVEL_RED);

		push(s, &e);
		if (seq % 500 == 0)
			turn(s);
	}
	gw_store_status(s, &st);
	assert_true(st.file_bytes > 3 * MIB / 2);
	gw_store_free(s);
	s = open_store(NULL, 0, MIB);
	{
		struct gw_event e = make_event(s, 20001, 1, GW_LEVEL_RED);

		push(s, &e);
	}
	turn(s);
	gw_store_status(s, &st);
	assert_true(st.file_bytes <= MIB);
	gw_store_free(s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(file_is_bounded),
		TEST(deleted_parked_events_are_counted),
		TEST(a_fault_never_displaces_an_alarm),
		TEST(lowest_first_also_when_delivered_late),
		TEST(delivered_alarms_stay_when_faults_come),
		TEST(refused_events_are_counted),
		TEST(unused_texts_are_deleted),
		TEST(last_seq_survives_its_row),
		TEST(shrinks_to_a_lower_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

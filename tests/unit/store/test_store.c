/* SPDX-License-Identifier: Apache-2.0 */
/* Events, marks and requests through the store, turned by hand. */
#include "store_fixture.h"

#include "store/run_counter.h"

#include <float.h>

static double some_double(unsigned i)
{
	static const double some[] = {0.0, -0.0, 1, -1, 52.3, 1e300, -1e-300, DBL_MIN,
		DBL_MAX, DBL_TRUE_MIN, 9007199254740993.0, 0.1, 3.0, (double)INFINITY,
		(double)-INFINITY, (double)NAN};

	return some[i % (sizeof(some) / sizeof(some[0]))];
}

static struct gw_event varied_event(const struct gw_store *s, uint64_t seq, unsigned i)
{
	static const int64_t some[] = {0, 1, -1, INT64_MAX, INT64_MIN, 1795300000123, 42};
	struct gw_event e = make_event(s, seq, i % 1000, (enum gw_level)(i % 4));

	e.change = (uint8_t)(i % 8);
	e.state = (uint8_t)(i % 9);
	e.underlying = (uint8_t)((i + 3) % 9);
	e.quality = (uint8_t)(i % GW_QUALITY_COUNT);
	e.value = some_double(i);
	e.limit = some_double(i + 5);
	e.peak = some_double(i / 3);
	e.eta_ms = some[i % 7];
	e.boot_ns = some[(i + 1) % 7];
	e.wall_ms = some[(i + 2) % 7] / 1000; /* what a calendar can hold */
	e.onset_ms = some[(i + 3) % 7] / 1000;
	e.shelved_until_ms = some[(i + 4) % 7];
	e.synced = i & 1;
	e.n_confirmed_by = (uint8_t)(i % 5);
	for (size_t k = 0; k < e.n_confirmed_by; k++)
		e.confirmed_by[k] = k == 1 ? "" : keys[k * 7];
	snprintf(e.boot, sizeof(e.boot), "%08x-0000-4000-8000-000000000000", i / 5);
	memset(e.note, 'x', i % GW_NOTE_MAX);
	if (i % 3 == 0)
		snprintf(e.note, sizeof(e.note), "谁 said \"%u\" and '\n", i);
	return e;
}

static void every_field_of_an_event_is_read_back(void **state)
{
	struct gw_alarm_info odd = infos[5];
	struct gw_site_info other = {"", "", "", ""};
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);
	struct gw_event sent[300];
	struct gw_batch *b;

	(void)state;
	odd.site = &other;
	odd.text = "";
	odd.place.room = "";
	odd.class_ = GW_CLASS_FAULT;
	for (unsigned i = 0; i < 300; i++) {
		sent[i] = varied_event(s, i + 1, i);
		if (i % 50 == 9)
			sent[i].info = &odd;
		push(s, &sent[i]);
	}
	turn(s);
	assert_int_equal(gw_store_committed(s), 300);
	for (int again = 0; again < 2; again++) {
		size_t n = 0;
		uint64_t last = 0;

		b = request_owed(s, again ? 1 : 0, GW_LEVEL_RED + 1, 0, 1000);
		assert_false(b->failed);
		assert_int_equal(b->n, 300);
		for (size_t i = 0; i < b->n; i++, n++) {
			const struct gw_event *e = &b->events[i];

			if (i > 0 && e->level == b->events[i - 1].level)
				assert_true(e->seq > last);
			else if (i > 0)
				assert_true(e->level < b->events[i - 1].level);
			last = e->seq;
			assert_same_event(e, &sent[e->seq - 1]);
			/* what the platform is sent is a function of the event: same bytes */
			char was[GW_EVENT_JSON_MAX], is[GW_EVENT_JSON_MAX];
			struct gw_text t;

			gw_text_init(&t, was, sizeof(was));
			gw_event_json(&t, &sent[e->seq - 1]);
			gw_text_init(&t, is, sizeof(is));
			gw_event_json(&t, e);
			assert_string_equal(was, is);
		}
		gw_batch_free(b);
		gw_store_free(s);
		s = open_store(two_sinks, 2, 16 * MIB);
	}

	gw_store_free(s);
}

static void one_commit_for_all_pending(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);
	struct gw_store_status st;
	uint64_t before;

	(void)state;
	gw_store_status(s, &st);
	before = st.commits;
	for (uint64_t seq = 1; seq <= 64; seq++) {
		struct gw_event e = make_event(s, seq, seq, GW_LEVEL_RED);

		push(s, &e);
	}
	turn(s);
	gw_store_status(s, &st);
	assert_int_equal(st.commits, before + 1);
	assert_int_equal(st.rows, 64);
	assert_int_equal(st.pending, 0);
	assert_int_equal(st.committed, 64);
	assert_int_equal(st.owed[0], 64);
	assert_int_equal(st.owed[1], 64);
	gw_store_free(s);
}

struct loaded {
	size_t n;
	struct gw_alarm_record memory[16];
	const struct gw_alarm_info *info[16];
};

static void collect(
	void *arg, const struct gw_alarm_record *r, const struct gw_alarm_info *info)
{
	struct loaded *l = arg;

	assert_true(l->n < 16);
	l->memory[l->n] = *r;
	l->info[l->n++] = info;
}

static void alarm_records_survive_a_restart(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);
	uint64_t run = gw_store_run(s);
	struct loaded l = {0};
	struct gw_event e;

	(void)state;
	for (uint64_t seq = 1; seq <= 3; seq++) {
		e = make_event(s, seq, seq, GW_LEVEL_RED);
		push(s, &e);
	}
	e = make_event(s, 4, 2, GW_LEVEL_RED);
	e.change = GW_CHANGE_CLEARED;
	e.state = GW_STATE_NORMAL;
	push(s, &e);
	e = make_event(s, 5, 3, GW_LEVEL_ORANGE);
	e.change = GW_CHANGE_SHELVED;
	e.state = GW_STATE_SHELVED;
	e.underlying = GW_STATE_LATCHED_ACKED;
	e.shelved_until_ms = 1795300999999;
	e.peak = (double)NAN;
	push(s, &e);
	gw_store_free(s); /* commits what is in the ring */

	s = open_store(two_sinks, 2, 16 * MIB);
	assert_true(gw_store_run(s) > run);
	assert_int_equal(gw_store_last_seq(s), 5);
	assert_int_equal(gw_store_committed(s), 5);
	gw_store_load_alarms(s, NULL, collect, &l);
	assert_int_equal(l.n, 2);
	assert_string_equal(l.memory[0].key, keys[1]);
	assert_int_equal(l.memory[0].state, GW_STATE_ACTIVE_UNACKED);
	assert_int_equal(l.memory[0].seq, 1);
	assert_string_equal(l.memory[1].key, keys[3]);
	assert_same_info(l.info[1], &infos[3]);
	assert_int_equal(l.memory[1].state, e.state);
	assert_int_equal(l.memory[1].underlying, e.underlying);
	assert_int_equal(l.memory[1].level, e.level);
	assert_memory_equal(l.memory[1].occurrence, e.occurrence, 16);
	assert_int_equal(l.memory[1].onset_ms, e.onset_ms);
	assert_int_equal(l.memory[1].since_ms, e.wall_ms);
	assert_int_equal(l.memory[1].shelved_until_ms, e.shelved_until_ms);
	assert_true(same_double(l.memory[1].value, e.value));
	assert_true(isnan(l.memory[1].peak));
	assert_int_equal(l.memory[1].seq, 5);
	gw_store_free(s);
}

static void run_numbers_rise(void **state)
{
	char path[300], run_path[300];
	struct gw_store *s;
	uint64_t last = 0;

	(void)state;
	snprintf(path, sizeof(path), "%s/tocsin.db", dir);
	snprintf(run_path, sizeof(run_path), "%s/run", dir);
	for (int i = 0; i < 8; i++) {
		s = open_store(two_sinks, 2, 16 * MIB);
		assert_true(gw_store_run(s) > last);
		last = gw_store_run(s);
		assert_int_equal(gw_run_counter_read(run_path), last);
		gw_store_free(s);
		if (i == 3)
			unlink(path); /* the file remembers */
		if (i == 5)
			unlink(run_path); /* the database remembers */
	}
	assert_true(last > UINT64_C(1500000000) << 20);
	assert_true(last <= GW_RUN_MAX);
}

static void worst_first_after_the_cursor(void **state)
{
	static const enum gw_level levels[] = {GW_LEVEL_YELLOW, GW_LEVEL_RED, GW_LEVEL_BLUE,
		GW_LEVEL_RED, GW_LEVEL_ORANGE, GW_LEVEL_YELLOW};
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);
	struct gw_store_status st;
	struct gw_batch *b;

	(void)state;
	for (uint64_t seq = 1; seq <= 6; seq++) {
		struct gw_event e = make_event(s, seq, seq, levels[seq - 1]);

		push(s, &e);
	}
	turn(s);
	assert_string_equal(owed(s, 0), "3:2 3:4 2:5 1:1 1:6 0:3");
	b = request_owed(s, 0, GW_LEVEL_RED, 2, 2);
	assert_int_equal(b->n, 2);
	assert_int_equal(b->events[0].seq, 4);
	assert_int_equal(b->events[1].seq, 5);
	gw_batch_free(b);
	b = request_owed(s, 0, GW_LEVEL_BLUE, 3, 10);
	assert_int_equal(b->n, 0);
	assert_false(b->failed);
	gw_batch_free(b);

	/* each sink has its own progress; the question sees the marks before it */
	assert_true(gw_store_mark(s, 0, 2, GW_MARK_DELIVERED));
	assert_true(gw_store_mark(s, 0, 5, GW_MARK_DELIVERED));
	assert_true(gw_store_mark(s, 0, 1, GW_MARK_PARKED));
	assert_true(gw_store_mark(s, 0, 1, GW_MARK_PARKED)); /* twice is once */
	assert_string_equal(owed(s, 0), "3:4 1:6 0:3");
	assert_string_equal(owed(s, 1), "3:2 3:4 2:5 1:1 1:6 0:3");
	gw_store_status(s, &st);
	assert_int_equal(st.owed[0], 3);
	assert_int_equal(st.parked[0], 1);
	assert_int_equal(st.owed[1], 6);
	assert_int_equal(st.parked[1], 0);
	assert_true(gw_store_mark(s, 1, 99, GW_MARK_DELIVERED)); /* of nothing we know */
	turn(s);
	gw_store_free(s);

	s = open_store(two_sinks, 2, 16 * MIB);
	assert_string_equal(owed(s, 0), "3:4 1:6 0:3");
	assert_string_equal(owed(s, 1), "3:2 3:4 2:5 1:1 1:6 0:3");
	gw_store_status(s, &st);
	assert_int_equal(st.owed[0], 3);
	assert_int_equal(st.parked[0], 1);
	assert_int_equal(st.owed[1], 6);
	gw_store_free(s);
}

static void bits_follow_names(void **state)
{
	static const char *const other[] = {"file", "county"};
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);
	struct gw_store_status st;
	struct gw_event e = make_event(s, 1, 1, GW_LEVEL_RED);

	(void)state;
	push(s, &e);
	turn(s);
	gw_store_mark(s, 1, 1, GW_MARK_PARKED);
	gw_store_free(s);

	s = open_store(other, 2, 16 * MIB); /* city is gone, file moved, county is new */
	gw_store_status(s, &st);
	assert_int_equal(st.owed[0], 0);
	assert_int_equal(st.parked[0], 1);
	assert_int_equal(st.owed[1], 0); /* not its business what was before it */
	assert_int_equal(st.parked[1], 0);
	assert_string_equal(owed(s, 1), "");
	e = make_event(s, 2, 1, GW_LEVEL_BLUE);
	push(s, &e);
	turn(s);
	assert_string_equal(owed(s, 0), "0:2");
	assert_string_equal(owed(s, 1), "0:2");
	gw_store_free(s);

	s = open_store(two_sinks, 2, 16 * MIB); /* what city was owed was kept */
	assert_string_equal(owed(s, 0), "3:1");
	assert_string_equal(owed(s, 1), "0:2");
	gw_store_free(s);
}

static void undurable_is_kept_for_each_uplink(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);
	struct gw_event e = make_event(s, 1, 1, GW_LEVEL_RED);
	struct gw_batch *b;

	(void)state;
	push(s, &e);
	e = make_event(s, 2, 1, GW_LEVEL_RED);
	push(s, &e);
	/* event 1 left to sink 0 before its commit; event 2's word comes late */
	gw_store_mark(s, 0, 1, GW_MARK_UNDURABLE);
	turn(s);
	gw_store_mark(s, 1, 2, GW_MARK_UNDURABLE);
	turn(s);
	gw_store_free(s);
	s = open_store(two_sinks, 2, 16 * MIB);
	b = request_owed(s, 0, GW_LEVEL_RED + 1, 0, 10);
	assert_int_equal(b->n, 2);
	assert_false(b->events[0].durable);
	assert_true(b->events[1].durable);
	gw_batch_free(b);
	b = request_owed(s, 1, GW_LEVEL_RED + 1, 0, 10);
	assert_true(b->events[0].durable);
	assert_false(b->events[1].durable);
	gw_batch_free(b);
	gw_store_free(s);
}

static void marks_before_events(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);
	struct gw_event e = make_event(s, 1, 1, GW_LEVEL_RED);

	(void)state;
	/* the uplink was quicker than we: its answer is here before the event */
	gw_store_mark(s, 0, 1, GW_MARK_DELIVERED);
	turn(s);
	push(s, &e);
	turn(s);
	assert_string_equal(owed(s, 0), "");
	assert_string_equal(owed(s, 1), "3:1");
	/* and others are written in between */
	gw_store_mark(s, 0, 3, GW_MARK_DELIVERED);
	e = make_event(s, 2, 1, GW_LEVEL_RED);
	push(s, &e);
	turn(s);
	e = make_event(s, 3, 1, GW_LEVEL_RED);
	push(s, &e);
	turn(s);
	assert_string_equal(owed(s, 0), "3:2");
	gw_store_free(s);
}

static void history_has_the_last_events(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);
	struct gw_batch *b;

	(void)state;
	for (uint64_t seq = 1; seq <= 20; seq++) {
		struct gw_event e = make_event(s, seq, 1, GW_LEVEL_RED);

		push(s, &e);
	}
	turn(s);
	assert_true(gw_store_request_history(s, 5, 0));
	assert_false(gw_store_request_history(s, 5, 0));
	turn(s);
	b = gw_store_take_history(s);
	assert_non_null(b);
	assert_int_equal(b->n, 5);
	assert_int_equal(b->events[0].seq, 16);
	assert_int_equal(b->events[4].seq, 20);
	gw_batch_free(b);
	assert_true(gw_store_request_history(s, 100, 1795300000000 + 18));
	turn(s);
	b = gw_store_take_history(s);
	assert_int_equal(b->n, 3);
	assert_int_equal(b->events[0].seq, 18);
	gw_batch_free(b);
	assert_null(gw_store_take_history(s));
	gw_store_free(s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_field_of_an_event_is_read_back),
		TEST(one_commit_for_all_pending),
		TEST(alarm_records_survive_a_restart),
		TEST(run_numbers_rise),
		TEST(worst_first_after_the_cursor),
		TEST(bits_follow_names),
		TEST(undurable_is_kept_for_each_uplink),
		TEST(marks_before_events),
		TEST(history_has_the_last_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

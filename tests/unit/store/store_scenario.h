/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_scenario.h: a store from its start, with the files of an earlier run, to its end, with all
 * that uplinks and main request of it. A test makes one call fail, then compares what the database
 * holds afterwards (scenario_describe) with a run without failure.
 */
#ifndef GW_TESTS_STORE_SCENARIO_H
#define GW_TESTS_STORE_SCENARIO_H

#include "store_fixture.h"
#include "tests/unit/fixture/scripted_clock.h"

#define SCENARIO_BYTES        (1 * MIB)
#define SCENARIO_PREVIOUS_SEQ 22 /* the last event of the earlier run */

/* The files of the earlier run are made once and copied for every run of the scenario. */
static struct {
	char files[8][64];
	char *bytes[8];
	size_t sizes[8], n;
	uint64_t base; /* the event before the first of this run */
	bool began;
	char broken[240];   /* the result of verify if the chain is broken, else "" */
	bool resend;        /* an operator wants a range again */
	void (*heal)(void); /* near the end */
} scenario_state;

static const char *const scenario_urls[] = {"https://a", "file:///f", "https://o"};

static void scenario_emit(
	struct gw_store *s, uint64_t seq, uint64_t alarm, enum gw_state state)
{
	uint64_t n = seq > SCENARIO_PREVIOUS_SEQ ? seq - scenario_state.base : seq;
	struct gw_event e = make_event(s, seq, alarm, (enum gw_level)(n % 4));

	e.state = e.underlying = (uint8_t)state;
	if (n % 3 == 0) {
		e.confirmed_by[0] = keys[1];
		e.confirmed_by[1] = keys[2];
		e.n_confirmed_by = 2;
	}
	if (n % 4 == 0)
		snprintf(e.note, sizeof(e.note), "seen by hand");
	push(s, &e);
}

/* Steps of the store's thread while time passes; they may fail. */
static void scenario_run(struct gw_store *s, int seconds)
{
	for (int i = 0; i < seconds; i++) {
		now_ns += GW_NS_PER_SEC;
		for (int k = 0; k < 20 && gw_writer_step(s, false) == 0; k++)
			;
	}
}

static void scenario_mark(
	struct gw_store *s, size_t slot, uint64_t seq, enum gw_mark_kind kind)
{
	assert_true(gw_store_mark(s, slot, seq, kind));
}

static struct gw_store *scenario_start(const char *const *names, const char *const *urls)
{
	const struct gw_store_opts o = {.state_dir = dir,
		.uplinks = names,
		.urls = urls,
		.n_uplinks = 3,
		.max_bytes = SCENARIO_BYTES,
		.ring_capacity = 64};
	struct gw_store *s = NULL;

	if (gw_store_open(&o, &s, NULL))
		return NULL;
	gw_previous_run_read(s, NULL);
	gw_store_await_previous_run(s, 0, 0);
	return s;
}

static void scenario_path(const char *name, char ret_path[200])
{
	snprintf(ret_path, 200, "%s/%s", dir, name);
}

static void scenario_empty_dir(void)
{
	assert_int_equal(temp_dir_remove(dir), 0);
	assert_int_equal(mkdir(dir, 0700), 0);
}

static void scenario_remember_file(const char *name, const char *as)
{
	char path[200];
	struct stat st;
	FILE *f;

	scenario_path(name, path);
	assert_int_equal(stat(path, &st), 0);
	f = fopen(path, "rb");
	assert_non_null(f);
	snprintf(scenario_state.files[scenario_state.n], sizeof(scenario_state.files[0]),
		"%s", as);
	scenario_state.sizes[scenario_state.n] = (size_t)st.st_size;
	scenario_state.bytes[scenario_state.n] = malloc(
		scenario_state.sizes[scenario_state.n]);
	assert_int_equal(fread(scenario_state.bytes[scenario_state.n], 1,
				 scenario_state.sizes[scenario_state.n], f),
		scenario_state.sizes[scenario_state.n]);
	fclose(f);
	scenario_state.n++;
}

/* The quarantined file has 1 to 6, of alarms 0 and 4 to 8, owed to three, of which city has 1, and
 * refused 2; the journal has 11 to 22, of alarms 0 to 4. */
__attribute__((unused)) static void scenario_prepare(void)
{
	static const char *const before[] = {"city", "file", "older"};
	static const char *const names[] = {"city", "file", "old"};
	static const char *const before_urls[] = {"https://a", "file:///f", "https://x"};
	struct gw_store *s;

	scenario_state.n = 0;
	scenario_empty_dir();
	s = scenario_start(before, before_urls);
	for (uint64_t seq = 1; seq <= 6; seq++)
		scenario_emit(s, seq, seq == 1 ? 0 : seq + 2, GW_STATE_ACTIVE_UNACKED);
	scenario_mark(s, 0, 1, GW_MARK_DELIVERED);
	scenario_mark(s, 0, 2, GW_MARK_PARKED);
	scenario_run(s, 3);
	gw_store_free(s);
	scenario_remember_file("tocsin.db", "tocsin.db.corrupt-20250101T000000Z-owing");

	scenario_empty_dir();
	s = scenario_start(names, scenario_urls);
	for (uint64_t seq = 11; seq <= SCENARIO_PREVIOUS_SEQ; seq++)
		scenario_emit(s, seq, seq % 5, GW_STATE_ACTIVE_UNACKED);
	for (uint64_t seq = 11; seq <= 13; seq++)
		scenario_mark(s, 0, seq, GW_MARK_DELIVERED);
	scenario_mark(s, 0, 14, GW_MARK_PARKED);
	scenario_mark(s, 2, 15, GW_MARK_PARKED);
	scenario_run(s, 3);
	gw_store_free(s);
	scenario_remember_file("tocsin.db", "tocsin.db");
	scenario_remember_file("run", "run");
}

__attribute__((unused)) static void scenario_end(void)
{
	while (scenario_state.n > 0)
		free(scenario_state.bytes[--scenario_state.n]);
}

/* The folder as the earlier run left it. */
__attribute__((unused)) static void scenario_restore(bool with_aside)
{
	char path[200];

	scenario_empty_dir();
	for (size_t i = 0; i < scenario_state.n; i++) {
		FILE *f;

		if (!with_aside && strstr(scenario_state.files[i], "corrupt"))
			continue;
		scenario_path(scenario_state.files[i], path);
		f = fopen(path, "wb");
		assert_non_null(f);
		assert_int_equal(
			fwrite(scenario_state.bytes[i], 1, scenario_state.sizes[i], f),
			scenario_state.sizes[i]);
		fclose(f);
	}
}

enum scenario_request_kind {
	SCENARIO_OWED,
	SCENARIO_PARKED,
	SCENARIO_RESEND,
	SCENARIO_REASSIGN
};

/* Requests until there is a reply, as an uplink does; returns where to go on. */
static uint64_t scenario_request(
	struct gw_store *s, size_t slot, enum scenario_request_kind what, uint64_t from)
{
	for (int tries = 0; tries < 40; tries++) {
		struct gw_batch *b;
		bool failed;
		uint64_t next;

		if (tries == 30) /* it succeeds at the latest when nothing fails any more */
			scenario_state.heal();
		switch (what) {
		case SCENARIO_OWED:
			gw_store_request_owed(
				s, slot, (struct gw_owed_cursor){GW_LEVEL_RED + 1, 0}, 50);
			break;
		case SCENARIO_PARKED: gw_store_request_parked(s, slot, 0, 50); break;
		case SCENARIO_RESEND: gw_store_request_resend(s, slot, from, 0); break;
		case SCENARIO_REASSIGN:
			gw_store_request_resend(s, slot, GW_STORE_RESEND_REMOVED, 0);
			break;
		}
		scenario_run(s, 1);
		b = gw_store_take_batch(s, slot);
		if (!b)
			continue;
		failed = b->failed;
		next = b->next;
		gw_batch_free(b);
		if (!failed)
			return next;
	}
	return 0;
}

static void scenario_reload(
	struct gw_store *s, uint64_t from_seq, const char *third, size_t slot)
{
	for (int tries = 0; tries < 4; tries++) { /* a reload without memory is repeated */
		struct gw_store_uplinks *set;

		if (tries == 2)
			scenario_state.heal();
		set = gw_store_uplinks_new();

		if (set && gw_store_uplinks_add(set, 0, "city", scenario_urls[0]) &&
			gw_store_uplinks_add(set, 1, "file", scenario_urls[1]) &&
			(!third ||
				gw_store_uplinks_add(set, slot, third, scenario_urls[2]))) {
			gw_store_uplinks_set(s, set, from_seq);
			return;
		}
		gw_store_uplinks_free(set);
	}
	fail_msg("no memory for a reload, for ever");
}

/* An uplink is removed, events arise, another with its address is added. */
static void scenario_uplinks_change(struct gw_store *s)
{
	size_t slot = 0;

	scenario_reload(s, scenario_state.base + 13, NULL, 0);
	gw_store_detach_uplink(s, 2);
	scenario_emit(s, scenario_state.base + 13, 1, GW_STATE_ACTIVE_UNACKED);
	scenario_emit(s, scenario_state.base + 14, 2, GW_STATE_ACTIVE_ACKED);
	scenario_run(s, 2);
	for (int tries = 0; gw_store_reserve_slot(s, &slot, NULL); tries++)
		assert_true(tries < 2);
	scenario_reload(s, scenario_state.base + 15, "newer", slot);
	scenario_emit(s, scenario_state.base + 15, 3, GW_STATE_NORMAL);
	scenario_run(s, 2);
}

__attribute__((unused)) static void scenario_work(void)
{
	static const char *const names[] = {"city", "file", "new"};
	struct gw_store_verify_result v;
	struct gw_store *s = scenario_start(names, scenario_urls);
	size_t given = 0;

	scenario_state.began = s != NULL;
	scenario_state.broken[0] = '\0';
	if (!s)
		return;
	gw_store_load_alarms(s, NULL, count_alarm, &given);
	scenario_state.base = gw_store_last_seq(s);
	for (uint64_t seq = 1; seq <= 12; seq++) {
		scenario_emit(s, scenario_state.base + seq, seq % 6,
			seq == 9 ? GW_STATE_NORMAL : GW_STATE_ACTIVE_UNACKED);
		if (seq == 1)
			scenario_mark(s, 2, scenario_state.base + 2, GW_MARK_UNDURABLE);
		if (seq % 3 == 0)
			scenario_run(s, 1);
	}
	scenario_mark(s, 1, scenario_state.base + 12, GW_MARK_DELIVERED);
	scenario_mark(s, 0, scenario_state.base + 1, GW_MARK_PARKED);
	scenario_mark(s, 0, scenario_state.base + 3, GW_MARK_PARKED);
	scenario_mark(s, 1, 17, GW_MARK_UNDURABLE);
	scenario_run(s, 1);
	scenario_mark(s, 0, scenario_state.base + 1, GW_MARK_UNPARKED);
	scenario_request(s, 0, SCENARIO_OWED, 0);
	scenario_request(s, 0, SCENARIO_PARKED, 0);
	for (uint64_t from = scenario_state.resend ? 12 : 0; from;)
		from = scenario_request(s, 0, SCENARIO_RESEND, from);
	gw_store_request_history(s, 100, 0);
	gw_store_request_verify(s);
	scenario_run(s, 2);
	gw_batch_free(gw_store_take_history(s));
	if (gw_store_take_verify_result(s, &v) && v.broken)
		snprintf(scenario_state.broken, sizeof(scenario_state.broken), "#%llu: %s",
			(unsigned long long)v.broken, v.why);
	scenario_uplinks_change(s);
	scenario_run(s, 12);
	scenario_state.heal();
	scenario_run(s, 12);
	now_ns += 700 * GW_NS_PER_SEC; /* longer than what could not be carried waits */
	scenario_run(s, 3);
	scenario_request(s, 1, SCENARIO_REASSIGN, 0);
	scenario_run(s, 1);
	gw_batch_free(gw_store_take_history(s));
	gw_store_free(s);
}

/* ---- what the database holds ---- */

static size_t scenario_put(char *text, size_t n, uint64_t seq)
{
	bool is_new = seq > scenario_state.base &&
		scenario_state.base >= SCENARIO_PREVIOUS_SEQ;

	return n +
		(size_t)snprintf(text + n, 8192 - n, " %s%llu", is_new ? "+" : "",
			(unsigned long long)(is_new ? seq - scenario_state.base : seq));
}

struct scenario_text {
	char *text;
	size_t n;
};

static inline void scenario_put_alarm(
	void *arg, const struct gw_alarm_record *r, const struct gw_alarm_info *info)
{
	struct scenario_text *t = arg;

	t->n += (size_t)snprintf(
		t->text + t->n, 8192 - t->n, "\n%s %d", info->key, r->state);
	t->n = scenario_put(t->text, t->n, r->seq);
}

/* One line for each alarm, one for what each uplink is owed, one for what it has parked; then what
 * is wrong with the chain. */
__attribute__((unused)) static void scenario_describe(char text[8192])
{
	static const char *const names[] = {"city", "file", "newer"};
	struct gw_store *s = scenario_start(names, scenario_urls);
	struct scenario_text alarms = {.text = text};
	struct gw_store_verify_result v;
	struct gw_store_status st;

	text[0] = '\0';
	gw_store_load_alarms(s, NULL, scenario_put_alarm, &alarms);
	scenario_run(s, 2);
	for (size_t slot = 0; slot < 3; slot++) {
		for (int parked = 0; parked < 2; parked++) {
			struct gw_batch *b;

			if (parked)
				gw_store_request_parked(s, slot, 0, 100);
			else
				gw_store_request_owed(s, slot,
					(struct gw_owed_cursor){GW_LEVEL_RED + 1, 0}, 100);
			scenario_run(s, 1);
			b = gw_store_take_batch(s, slot);
			assert_non_null(b);
			assert_false(b->failed);
			alarms.n += (size_t)snprintf(text + alarms.n, 8192 - alarms.n,
				"\n%s %s:", names[slot], parked ? "parked" : "owed");
			for (size_t i = 0; i < b->n; i++)
				alarms.n = scenario_put(text, alarms.n, b->events[i].seq);
			gw_batch_free(b);
		}
	}
	gw_store_status(s, &st);
	snprintf(text + alarms.n, 8192 - alarms.n, "\n%zu vanished, lost %llu %s\n",
		st.n_removed_uplinks, (unsigned long long)st.lost, scenario_state.broken);
	assert_true(gw_store_request_verify(s));
	scenario_run(s, 1);
	assert_true(gw_store_take_verify_result(s, &v));
	if (v.failed || v.broken)
		snprintf(text + strlen(text), 8192 - strlen(text), "#%llu: %s\n",
			(unsigned long long)v.broken, v.why);
	gw_store_free(s);
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_life.h: the life of a store from its start on what earlier ones left to its end, with all
 * that uplinks and main ask of it; and what must stand in the file afterwards. A test hurts it
 * somewhere and compares.
 */
#ifndef GW_TESTS_STORE_LIFE_H
#define GW_TESTS_STORE_LIFE_H

#include "store_fixture.h"

#define LIFE_BYTES (1 * MIB)
#define LIFE_OLD   22 /* the last event of the start before */

static int64_t now_ns;

int64_t gw_clock_mono_ns(void)
{
	return now_ns;
}

int64_t gw_clock_wall_ms(void)
{
	return INT64_C(1795300000000) + now_ns / GW_NS_PER_MS;
}

bool gw_clock_synced(void)
{
	return true;
}

void gw_clock_boot_id(char ret_id[37])
{
	snprintf(ret_id, 37, "00000000-0000-0000-0000-000000000000");
}

/* What the start before left is made once and copied for every life. */
static struct {
	char files[8][64];
	char *bytes[8];
	size_t sizes[8], n;
	uint64_t base; /* the event before the first of this life */
	bool began;
	char broken[240];   /* what verify said against the chain, "": nothing */
	bool resend;        /* an operator wants a range again */
	void (*heal)(void); /* near the end */
} life;

static const char *const life_urls[] = {"https://a", "file:///f", "https://o"};

static void life_emit(struct gw_store *s, uint64_t seq, size_t alarm, enum gw_state state)
{
	uint64_t n = seq > LIFE_OLD ? seq - life.base : seq;
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

/* Turns while time passes, whatever comes of them. */
static void life_pass(struct gw_store *s, int seconds)
{
	for (int i = 0; i < seconds; i++) {
		now_ns += GW_NS_PER_SEC;
		for (int k = 0; k < 20 && gw_writer_step(s, false) == 0; k++)
			;
	}
}

static void life_mark(struct gw_store *s, size_t slot, uint64_t seq, enum gw_mark_kind kind)
{
	assert_true(gw_store_mark(s, slot, seq, kind));
}

static struct gw_store *life_start(const char *const *names, const char *const *urls)
{
	const struct gw_store_opts o = {.state_dir = dir,
		.uplinks = names,
		.urls = urls,
		.n_uplinks = 3,
		.max_bytes = LIFE_BYTES,
		.ring_capacity = 64};
	struct gw_store *s = NULL;

	if (gw_store_open(&o, &s, NULL))
		return NULL;
	gw_previous_run_read(s, NULL);
	gw_store_await_previous_run(s, 0, 0);
	return s;
}

static void life_path(const char *name, char ret_path[200])
{
	snprintf(ret_path, 200, "%s/%s", dir, name);
}

static void life_empty_dir(void)
{
	assert_int_equal(temp_dir_remove(dir), 0);
	assert_int_equal(mkdir(dir, 0700), 0);
}

static void life_remember_file(const char *name, const char *as)
{
	char path[200];
	struct stat st;
	FILE *f;

	life_path(name, path);
	assert_int_equal(stat(path, &st), 0);
	f = fopen(path, "rb");
	assert_non_null(f);
	snprintf(life.files[life.n], sizeof(life.files[0]), "%s", as);
	life.sizes[life.n] = (size_t)st.st_size;
	life.bytes[life.n] = malloc(life.sizes[life.n]);
	assert_int_equal(
		fread(life.bytes[life.n], 1, life.sizes[life.n], f), life.sizes[life.n]);
	fclose(f);
	life.n++;
}

/* A file put aside has 1 to 6, of alarms 0 and 4 to 8, owed to three, of which city has 1, and
 * refused 2; the journal has 11 to 22, of alarms 0 to 4. */
__attribute__((unused)) static void life_prepare(void)
{
	static const char *const before[] = {"city", "file", "older"};
	static const char *const names[] = {"city", "file", "old"};
	static const char *const before_urls[] = {"https://a", "file:///f", "https://x"};
	struct gw_store *s;

	life.n = 0;
	life_empty_dir();
	s = life_start(before, before_urls);
	for (uint64_t seq = 1; seq <= 6; seq++)
		life_emit(s, seq, seq == 1 ? 0 : seq + 2, GW_STATE_ACTIVE_UNACKED);
	life_mark(s, 0, 1, GW_MARK_DELIVERED);
	life_mark(s, 0, 2, GW_MARK_PARKED);
	life_pass(s, 3);
	gw_store_free(s);
	life_remember_file("tocsin.db", "tocsin.db.corrupt-20250101T000000Z-owing");

	life_empty_dir();
	s = life_start(names, life_urls);
	for (uint64_t seq = 11; seq <= LIFE_OLD; seq++)
		life_emit(s, seq, seq % 5, GW_STATE_ACTIVE_UNACKED);
	for (uint64_t seq = 11; seq <= 13; seq++)
		life_mark(s, 0, seq, GW_MARK_DELIVERED);
	life_mark(s, 0, 14, GW_MARK_PARKED);
	life_mark(s, 2, 15, GW_MARK_PARKED);
	life_pass(s, 3);
	gw_store_free(s);
	life_remember_file("tocsin.db", "tocsin.db");
	life_remember_file("run", "run");
}

__attribute__((unused)) static void life_end(void)
{
	while (life.n > 0)
		free(life.bytes[--life.n]);
}

/* The folder as the start before left it. */
static void life_restore(bool with_aside)
{
	char path[200];

	life_empty_dir();
	for (size_t i = 0; i < life.n; i++) {
		FILE *f;

		if (!with_aside && strstr(life.files[i], "corrupt"))
			continue;
		life_path(life.files[i], path);
		f = fopen(path, "wb");
		assert_non_null(f);
		assert_int_equal(fwrite(life.bytes[i], 1, life.sizes[i], f), life.sizes[i]);
		fclose(f);
	}
}

enum life_question { LIFE_OWED, LIFE_PARKED, LIFE_AGAIN, LIFE_GIVE };

/* Asks until it is answered, as an uplink does; returns where to go on. */
static uint64_t life_ask(
	struct gw_store *s, size_t slot, enum life_question what, uint64_t from)
{
	for (int tries = 0; tries < 40; tries++) {
		struct gw_batch *b;
		bool failed;
		uint64_t next;

		if (tries == 30) /* sooner or later somebody asks again */
			life.heal();
		switch (what) {
		case LIFE_OWED:
			gw_store_request_owed(
				s, slot, (struct gw_owed_cursor){GW_LEVEL_RED + 1, 0}, 50);
			break;
		case LIFE_PARKED: gw_store_request_parked(s, slot, 0, 50); break;
		case LIFE_AGAIN: gw_store_request_resend(s, slot, from, 0); break;
		case LIFE_GIVE:
			gw_store_request_resend(s, slot, GW_STORE_RESEND_REMOVED, 0);
			break;
		}
		life_pass(s, 1);
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

static void life_reload(
	struct gw_store *s, uint64_t from_seq, const char *third, size_t slot)
{
	for (int tries = 0; tries < 4; tries++) { /* a reload without memory is repeated */
		struct gw_store_uplinks *set;

		if (tries == 2)
			life.heal();
		set = gw_store_uplinks_new();

		if (set && gw_store_uplinks_add(set, 0, "city", life_urls[0]) &&
			gw_store_uplinks_add(set, 1, "file", life_urls[1]) &&
			(!third || gw_store_uplinks_add(set, slot, third, life_urls[2]))) {
			gw_store_uplinks_set(s, set, from_seq);
			return;
		}
		gw_store_uplinks_free(set);
	}
	fail_msg("no memory for a reload, for ever");
}

/* An uplink goes, events arise, another with its address comes. */
static void life_uplinks_change(struct gw_store *s)
{
	size_t slot = 0;

	life_reload(s, life.base + 13, NULL, 0);
	gw_store_detach_uplink(s, 2);
	life_emit(s, life.base + 13, 1, GW_STATE_ACTIVE_UNACKED);
	life_emit(s, life.base + 14, 2, GW_STATE_ACTIVE_ACKED);
	life_pass(s, 2);
	for (int tries = 0; gw_store_reserve_slot(s, &slot, NULL); tries++)
		assert_true(tries < 2);
	life_reload(s, life.base + 15, "newer", slot);
	life_emit(s, life.base + 15, 3, GW_STATE_NORMAL);
	life_pass(s, 2);
}

__attribute__((unused)) static void life_work(void)
{
	static const char *const names[] = {"city", "file", "new"};
	struct gw_store_verify_result v;
	struct gw_store *s = life_start(names, life_urls);
	size_t given = 0;

	life.began = s != NULL;
	life.broken[0] = '\0';
	if (!s)
		return;
	gw_store_load_alarms(s, count_alarm, &given);
	life.base = gw_store_last_seq(s);
	for (uint64_t seq = 1; seq <= 12; seq++) {
		life_emit(s, life.base + seq, seq % 6,
			seq == 9 ? GW_STATE_NORMAL : GW_STATE_ACTIVE_UNACKED);
		if (seq == 1)
			life_mark(s, 2, life.base + 2, GW_MARK_UNDURABLE);
		if (seq % 3 == 0)
			life_pass(s, 1);
	}
	life_mark(s, 1, life.base + 12, GW_MARK_DELIVERED);
	life_mark(s, 0, life.base + 1, GW_MARK_PARKED);
	life_mark(s, 0, life.base + 3, GW_MARK_PARKED);
	life_mark(s, 1, 17, GW_MARK_UNDURABLE);
	life_pass(s, 1);
	life_mark(s, 0, life.base + 1, GW_MARK_UNPARKED);
	life_ask(s, 0, LIFE_OWED, 0);
	life_ask(s, 0, LIFE_PARKED, 0);
	for (uint64_t from = life.resend ? 12 : 0; from;)
		from = life_ask(s, 0, LIFE_AGAIN, from);
	gw_store_request_history(s, 100, 0);
	gw_store_request_verify(s);
	life_pass(s, 2);
	gw_batch_free(gw_store_take_history(s));
	if (gw_store_take_verify_result(s, &v) && v.broken)
		snprintf(life.broken, sizeof(life.broken), "#%llu: %s",
			(unsigned long long)v.broken, v.why);
	life_uplinks_change(s);
	life_pass(s, 12);
	life.heal();
	life_pass(s, 12);
	now_ns += 700 * GW_NS_PER_SEC; /* longer than what could not be carried waits */
	life_pass(s, 3);
	life_ask(s, 1, LIFE_GIVE, 0);
	life_pass(s, 1);
	gw_batch_free(gw_store_take_history(s));
	gw_store_free(s);
}

/* ---- what stands ---- */

static size_t life_put(char *text, size_t n, uint64_t seq)
{
	bool is_new = seq > life.base && life.base >= LIFE_OLD;

	return n +
		(size_t)snprintf(text + n, 8192 - n, " %s%llu", is_new ? "+" : "",
			(unsigned long long)(is_new ? seq - life.base : seq));
}

struct life_text {
	char *text;
	size_t n;
};

static inline void life_put_alarm(
	void *arg, const struct gw_alarm_record *m, const struct gw_alarm_info *info)
{
	struct life_text *t = arg;

	t->n += (size_t)snprintf(
		t->text + t->n, 8192 - t->n, "\n%s %d", info->key, m->state);
	t->n = life_put(t->text, t->n, m->seq);
}

/* A line for each uplink's debts and refused ones, one for each alarm; and the chain is whole. */
__attribute__((unused)) static void life_look(char text[8192])
{
	static const char *const names[] = {"city", "file", "newer"};
	struct gw_store *s = life_start(names, life_urls);
	struct life_text alarms = {.text = text};
	struct gw_store_verify_result v;
	struct gw_store_status st;

	text[0] = '\0';
	gw_store_load_alarms(s, life_put_alarm, &alarms);
	life_pass(s, 2);
	for (size_t slot = 0; slot < 3; slot++) {
		for (int parked = 0; parked < 2; parked++) {
			struct gw_batch *b;

			if (parked)
				gw_store_request_parked(s, slot, 0, 100);
			else
				gw_store_request_owed(s, slot,
					(struct gw_owed_cursor){GW_LEVEL_RED + 1, 0}, 100);
			life_pass(s, 1);
			b = gw_store_take_batch(s, slot);
			assert_non_null(b);
			assert_false(b->failed);
			alarms.n += (size_t)snprintf(text + alarms.n, 8192 - alarms.n,
				"\n%s %s:", names[slot], parked ? "parked" : "owed");
			for (size_t i = 0; i < b->n; i++)
				alarms.n = life_put(text, alarms.n, b->events[i].seq);
			gw_batch_free(b);
		}
	}
	gw_store_status(s, &st);
	snprintf(text + alarms.n, 8192 - alarms.n, "\n%zu vanished, lost %llu %s\n",
		st.n_removed_uplinks, (unsigned long long)st.lost, life.broken);
	assert_true(gw_store_request_verify(s));
	life_pass(s, 1);
	assert_true(gw_store_take_verify_result(s, &v));
	if (v.failed || v.broken)
		snprintf(text + strlen(text), 8192 - strlen(text), "#%llu: %s\n",
			(unsigned long long)v.broken, v.why);
	gw_store_free(s);
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_fixture.h: what the store's tests share: a state directory of their own, alarms with
 * texts, events with every field set, and a walk of the store by hand, without its thread.
 */
#ifndef GW_TESTS_STORE_FIXTURE_H
#define GW_TESTS_STORE_FIXTURE_H

#include "store/previous_run.h"
#include "store/store_internal.h"
#include "store/writer.h"

#include "tests/unit/fixture/temp_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB (INT64_C(1) << 20)

static char dir[TEMP_DIR_MAX];
static const struct gw_site_info site = {"gw-7", "某某小区", "310101", "grid/12"};
static char keys[1000][32];
static struct gw_alarm_info infos[1000];
static const char *const two_sinks[] = {"city", "file"};

__attribute__((unused)) static int fixture_setup(void **state)
{
	(void)state;
	if (temp_dir_make(dir))
		return -1;
	for (size_t i = 0; i < 1000; i++) {
		snprintf(keys[i], sizeof(keys[i]), "boiler/gas-%zu/lel:high", i);
		infos[i] = (struct gw_alarm_info){.key = keys[i],
			.name = "high",
			.subject = "boiler/gas/lel",
			.condition = "above 50",
			.text = "锅炉房燃气浓度高",
			.point = "boiler/gas/lel",
			.source = "boiler",
			.device = "gas",
			.unit_of_measure = "%LEL",
			.place = {"A", "-1", "锅炉房"},
			.site = &site,
			.class_ = GW_CLASS_ALARM};
	}
	return 0;
}

__attribute__((unused)) static int fixture_teardown(void **state)
{
	(void)state;
	return temp_dir_remove(dir);
}

/* How many names in the directory hold that text. */
__attribute__((unused)) static size_t names_with(const char *text)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	size_t n = 0;

	while (d && (e = readdir(d)))
		n += strstr(e->d_name, text) != NULL;
	if (d)
		closedir(d);
	return n;
}

/* The same, a WAL not counted apart. */
__attribute__((unused)) static size_t files_like(const char *text)
{
	size_t n = names_with(text);
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d)))
		n -= strstr(e->d_name, text) && strstr(e->d_name, "-wal");
	if (d)
		closedir(d);
	return n;
}

__attribute__((unused)) static struct gw_store *new_store(
	const char *const *sinks, size_t n_uplinks, int64_t max_bytes)
{
	struct gw_store_opts o = {.state_dir = dir,
		.uplinks = sinks,
		.n_uplinks = n_uplinks,
		.max_bytes = max_bytes,
		.ring_capacity = 1024};
	struct gw_store *s = NULL;
	struct gw_error err;

	assert_int_equal(gw_store_open(&o, &s, &err), GW_OK);
	assert_non_null(s);
	return s;
}

/* What somebody does to the database of a stopped gateway. */
__attribute__((unused)) static void change_database(const char *sql)
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

/* As the thread begins: what there is is read, or cannot be; then the first turn. */
__attribute__((unused)) static struct gw_store *open_store(
	const char *const *sinks, size_t n_uplinks, int64_t max_bytes)
{
	struct gw_store *s = new_store(sinks, n_uplinks, max_bytes);

	gw_previous_run_read(s, NULL);
	gw_store_await_previous_run(s, 0, 0);
	gw_writer_step(s, false);
	return s;
}

static inline void count_alarm(
	void *arg, const struct gw_alarm_record *r, const struct gw_alarm_info *info)
{
	size_t *n = arg;

	(void)r;
	(void)info;
	++*n;
}

/* How many alarms the store has for main that it has not given yet. */
__attribute__((unused)) static size_t alarms_given(struct gw_store *s)
{
	size_t n = 0;

	gw_store_load_alarms(s, NULL, count_alarm, &n);
	return n;
}

__attribute__((unused)) static struct gw_event make_event(
	const struct gw_store *s, uint64_t seq, uint64_t alarm, enum gw_level level)
{
	struct gw_event e = {.seq = seq,
		.run = gw_store_run(s),
		.change = GW_CHANGE_RAISED,
		.state = GW_STATE_ACTIVE_UNACKED,
		.underlying = GW_STATE_ACTIVE_UNACKED,
		.level = (uint8_t)level,
		.quality = GW_QUALITY_GOOD,
		.info = &infos[alarm],
		.value = 52.3,
		.limit = 50,
		.peak = 52.3,
		.eta_ms = -1,
		.boot_ns = 123456789012 + (int64_t)seq,
		.wall_ms = 1795300000000 + (int64_t)seq,
		.onset_ms = 1795299999000,
		.synced = true,
		.durable = true,
		.boot = "0f0e0d0c-0b0a-4908-8706-050403020100"};

	for (size_t i = 0; i < sizeof(e.occurrence); i++)
		e.occurrence[i] = (uint8_t)(seq * 7 + i);
	return e;
}

__attribute__((unused)) static void push(struct gw_store *s, const struct gw_event *e)
{
	assert_int_equal(gw_ring_push(gw_store_events(s), e, 1, sizeof(*e)), 1);
}

/* Turns until there is nothing left to do at once. */
__attribute__((unused)) static void turn(struct gw_store *s)
{
	for (int i = 0; i < 10000; i++)
		if (gw_writer_step(s, false) > 0 && !gw_writer_has_input(s))
			return;
	fail_msg("the store never comes to rest");
}

__attribute__((unused)) static struct gw_batch *request_owed(
	struct gw_store *s, size_t slot, int level, uint64_t seq, size_t max_events)
{
	struct gw_batch *b;

	assert_true(gw_store_request_owed(
		s, slot, (struct gw_owed_cursor){level, seq}, max_events));
	turn(s);
	b = gw_store_take_batch(s, slot);
	assert_non_null(b);
	return b;
}

/* Everything owed to the sink, as "level:seq level:seq ...". */
__attribute__((unused)) static const char *owed(struct gw_store *s, size_t slot)
{
	static char text[4096];
	struct gw_batch *b = request_owed(s, slot, GW_LEVEL_RED + 1, 0, 100);
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < b->n; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%d:%llu", n ? " " : "",
			b->events[i].level, (unsigned long long)b->events[i].seq);
	gw_batch_free(b);
	return text;
}

static inline bool same_double(double a, double b)
{
	return (isnan(a) && isnan(b)) || memcmp(&a, &b, sizeof(a)) == 0;
}

__attribute__((unused)) static void assert_same_info(
	const struct gw_alarm_info *a, const struct gw_alarm_info *b)
{
	assert_string_equal(a->key, b->key);
	assert_string_equal(a->name, b->name);
	assert_string_equal(a->subject, b->subject);
	assert_string_equal(a->condition, b->condition);
	assert_string_equal(a->text, b->text);
	assert_string_equal(a->point, b->point);
	assert_string_equal(a->source, b->source);
	assert_string_equal(a->device, b->device);
	assert_string_equal(a->unit_of_measure, b->unit_of_measure);
	assert_string_equal(a->place.building, b->place.building);
	assert_string_equal(a->place.floor, b->place.floor);
	assert_string_equal(a->place.room, b->place.room);
	assert_string_equal(a->site->gateway, b->site->gateway);
	assert_string_equal(a->site->unit, b->site->unit);
	assert_string_equal(a->site->area, b->site->area);
	assert_string_equal(a->site->grid, b->site->grid);
	assert_int_equal(a->class_, b->class_);
}

__attribute__((unused)) static void assert_same_event(
	const struct gw_event *a, const struct gw_event *b)
{
	assert_int_equal(a->seq, b->seq);
	assert_int_equal(a->run, b->run);
	assert_int_equal(a->change, b->change);
	assert_int_equal(a->state, b->state);
	assert_int_equal(a->underlying, b->underlying);
	assert_int_equal(a->level, b->level);
	assert_int_equal(a->quality, b->quality);
	assert_memory_equal(a->occurrence, b->occurrence, sizeof(a->occurrence));
	assert_true(same_double(a->value, b->value));
	assert_true(same_double(a->limit, b->limit));
	assert_true(same_double(a->peak, b->peak));
	assert_int_equal(a->eta_ms, b->eta_ms);
	assert_int_equal(a->boot_ns, b->boot_ns);
	assert_int_equal(a->wall_ms, b->wall_ms);
	assert_int_equal(a->onset_ms, b->onset_ms);
	assert_int_equal(a->shelved_until_ms, b->shelved_until_ms);
	assert_int_equal(a->synced, b->synced);
	assert_int_equal(a->durable, b->durable);
	assert_int_equal(a->n_confirmed_by, b->n_confirmed_by);
	for (size_t i = 0; i < a->n_confirmed_by; i++)
		assert_string_equal(a->confirmed_by[i], b->confirmed_by[i]);
	assert_string_equal(a->boot, b->boot);
	assert_string_equal(a->note, b->note);
	assert_same_info(a->info, b->info);
}

#endif

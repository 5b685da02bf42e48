/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Store: rows/s and bytes to the disk per alert, alone (one commit for the event, one for the
 * platform's answer) and in bursts of 64, beside a bare SQLite loop of the same run that writes
 * the same rows into the same schema and does nothing else. Bytes are the kernel's count of
 * pages dirtied for storage (/proc/self/io), the final checkpoint included. One JSON line a
 * figure. Runs in TMPDIR or the current directory: it should be a real disk.
 */
#include "store/db_open.h"
#include "store/previous_run.h"
#include "store/store_internal.h"
#include "store/writer.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROUNDS    3
#define MAX_BYTES (INT64_C(64) << 20)
#define ALARMS    200

static const struct gw_site_info site = {"gw-7", "某某小区", "310101", "grid/12"};
static struct gw_alarm_info infos[ALARMS];
static char keys[ALARMS][40];
static const char *const sinks[] = {"city"};

struct figure {
	double rows_per_s, bytes_per_row;
};

static uint64_t written(void)
{
	char line[128];
	uint64_t n = 0;
	FILE *f = fopen("/proc/self/io", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "write_bytes: %" SCNu64, &n) == 1)
			break;
	if (f)
		fclose(f);
	return n;
}

static void clear(const char *dir)
{
	char path[PATH_MAX];
	struct dirent *e;
	DIR *d = opendir(dir);

	while (d && (e = readdir(d))) {
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		unlink(path);
	}
	if (d)
		closedir(d);
}

static struct gw_event event(uint64_t seq)
{
	return (struct gw_event){.seq = seq,
		.run = 7,
		.state = GW_STATE_ACTIVE_UNACKED,
		.underlying = GW_STATE_ACTIVE_UNACKED,
		.level = GW_LEVEL_RED,
		.quality = GW_QUALITY_GOOD,
		.occurrence = {1, 2, 3, 4, 5, 6, 7, 8, (uint8_t)seq},
		.info = &infos[seq % ALARMS],
		.value = 52.3,
		.limit = 50,
		.peak = 52.3,
		.eta_ms = -1,
		.boot_ns = 86400000000000 + (int64_t)seq,
		.wall_ms = 1795300000000 + (int64_t)seq,
		.onset_ms = 1795300000000,
		.synced = true,
		.boot = "0f0e0d0c-0b0a-4908-8706-050403020100"};
}

static void die(const char *what)
{
	fprintf(stderr, "bench_store: %s\n", what);
	exit(1);
}

/* The store as it is, turned by hand: ring, texts, marks, trimming and all. */
static struct figure with_store(const char *dir, uint64_t rows, uint64_t burst)
{
	struct gw_store_opts o = {.state_dir = dir,
		.uplinks = sinks,
		.n_uplinks = 1,
		.max_bytes = MAX_BYTES,
		.ring_capacity = 1024};
	struct gw_store *s;
	uint64_t bytes, seq = 0;
	int64_t begin_ns;

	clear(dir);
	if (gw_store_open(&o, &s, NULL))
		die("cannot open");
	gw_previous_run_read(s, NULL);
	gw_store_await_previous_run(s, 0, 0);
	gw_writer_step(s, false); /* it opens, and makes the ballast */
	bytes = written();
	begin_ns = gw_clock_boot_ns();
	while (seq < rows) {
		for (uint64_t i = 0; i < burst; i++) {
			struct gw_event e = event(++seq);

			gw_ring_push(gw_store_events(s), &e, 1, sizeof(e));
		}
		gw_writer_step(s, false);
		if (gw_store_committed(s) != seq)
			die("not committed");
		for (uint64_t i = 0; i < burst; i++)
			gw_store_mark(s, 0, seq - i, GW_MARK_DELIVERED);
		s->flush_marks = true; /* do not wait for more */
		gw_writer_step(s, false);
	}
	begin_ns = gw_clock_boot_ns() - begin_ns;
	gw_store_free(s);
	return (struct figure){(double)rows * 1e9 / (double)begin_ns,
		(double)(written() - bytes) / (double)rows};
}

static void step(struct gw_db *db, enum gw_db_stmt which)
{
	if (gw_db_run(db, which, NULL))
		die("bare loop");
}

/* The same rows by the same statements, and nothing around them. */
static struct figure bare(const char *dir, uint64_t rows, uint64_t burst)
{
	char path[PATH_MAX];
	struct gw_db db;
	sqlite3_stmt *st;
	uint64_t bytes, seq = 0;
	int64_t begin_ns;
	bool created;

	clear(dir);
	snprintf(path, sizeof(path), "%s/tocsin.db", dir);
	if (gw_db_open(&db, path, MAX_BYTES, GW_DB_CHECK_IF_UNCLEAN, &created, NULL))
		die("cannot open");
	bytes = written();
	begin_ns = gw_clock_boot_ns();
	while (seq < rows) {
		uint64_t first = seq + 1;

		step(&db, GW_DB_BEGIN);
		for (uint64_t i = 0; i < burst; i++) {
			struct gw_event e = event(++seq);
			const int64_t numbers[] = {(int64_t)seq, (int64_t)(seq % ALARMS), 7,
				1, 3, 3, 0, 1, 1, 1, 0, 1};

			st = gw_db_stmt(&db, GW_DB_EVENT_PUT);
			for (int k = 0; k < 12; k++)
				sqlite3_bind_int64(st, 1 + k, numbers[k]);
			sqlite3_bind_blob(st, 13, e.occurrence, 16, SQLITE_STATIC);
			sqlite3_bind_double(st, 14, e.value);
			sqlite3_bind_double(st, 15, e.limit);
			sqlite3_bind_double(st, 16, e.peak);
			sqlite3_bind_int64(st, 17, e.eta_ms);
			sqlite3_bind_int64(st, 18, e.boot_ns);
			sqlite3_bind_int64(st, 19, e.wall_ms);
			sqlite3_bind_int64(st, 20, e.onset_ms);
			sqlite3_bind_int64(st, 21, 0);
			step(&db, GW_DB_EVENT_PUT);
			st = gw_db_stmt(&db, GW_DB_ALARM_PUT);
			sqlite3_bind_text(st, 1, e.info->key, -1, SQLITE_STATIC);
			for (int k = 2; k < 6; k++)
				sqlite3_bind_int64(st, k, 1);
			sqlite3_bind_blob(st, 6, e.occurrence, 16, SQLITE_STATIC);
			sqlite3_bind_int64(st, 7, e.onset_ms);
			sqlite3_bind_int64(st, 8, e.wall_ms);
			sqlite3_bind_int64(st, 9, 0);
			sqlite3_bind_double(st, 10, e.value);
			sqlite3_bind_double(st, 11, e.peak);
			sqlite3_bind_int64(st, 12, (int64_t)seq);
			step(&db, GW_DB_ALARM_PUT);
			st = gw_db_stmt(&db, GW_DB_OWED_PUT);
			sqlite3_bind_int(st, 1, 0);
			sqlite3_bind_int64(st, 2, (int64_t)seq);
			sqlite3_bind_int64(st, 3, 1);
			step(&db, GW_DB_OWED_PUT);
		}
		step(&db, GW_DB_COMMIT);
		step(&db, GW_DB_BEGIN);
		for (uint64_t i = first; i <= seq; i++) {
			st = gw_db_stmt(&db, GW_DB_OWED_DELETE);
			sqlite3_bind_int(st, 1, 0);
			sqlite3_bind_int64(st, 2, (int64_t)i);
			step(&db, GW_DB_OWED_DELETE);
		}
		step(&db, GW_DB_COMMIT);
		if (db.wal_pages >= GW_DB_WAL_PAGES && gw_db_checkpoint(&db, false, NULL))
			die("checkpoint");
	}
	begin_ns = gw_clock_boot_ns() - begin_ns;
	gw_db_close(&db, false);
	return (struct figure){(double)rows * 1e9 / (double)begin_ns,
		(double)(written() - bytes) / (double)rows};
}

static int by_rows(const void *a, const void *b)
{
	const struct figure *x = a, *y = b;

	return (x->rows_per_s > y->rows_per_s) - (x->rows_per_s < y->rows_per_s);
}

int main(void)
{
	static const uint64_t bursts[] = {1, 64}, rows[] = {3000, 64000};
	const char *tmp = getenv("TMPDIR");
	char dir[256];

	snprintf(dir, sizeof(dir), "%s/bench-store-XXXXXX", tmp ? tmp : ".");
	if (!mkdtemp(dir))
		die("no directory");
	for (size_t i = 0; i < ALARMS; i++) {
		snprintf(keys[i], sizeof(keys[i]), "boiler-room/gas-%zu/ch4:high", i);
		infos[i] = (struct gw_alarm_info){keys[i], "high", "boiler-room/gas/ch4",
			"above 50", "锅炉房燃气浓度高", "boiler-room/gas/ch4",
			"boiler-room", "gas", "%LEL", {"A", "-1", "锅炉房"}, &site,
			GW_CLASS_ALARM};
	}
	for (size_t k = 0; k < 2; k++) {
		struct figure ours[ROUNDS], floor[ROUNDS], o, f;

		for (size_t r = 0; r < ROUNDS; r++) {
			floor[r] = bare(dir, rows[k], bursts[k]);
			ours[r] = with_store(dir, rows[k], bursts[k]);
		}
		qsort(ours, ROUNDS, sizeof(*ours), by_rows);
		qsort(floor, ROUNDS, sizeof(*floor), by_rows);
		o = ours[ROUNDS / 2];
		f = floor[ROUNDS / 2];
		printf("{\"bench\":\"store\",\"per_commit\":%" PRIu64
		       ",\"alerts_per_s\":%.0f,"
		       "\"bytes_per_alert\":%.0f,\"floor\":%.0f,\"floor_bytes\":%.0f,"
		       "\"ratio\":%.2f}\n",
			bursts[k], o.rows_per_s, o.bytes_per_row, f.rows_per_s,
			f.bytes_per_row, o.rows_per_s / f.rows_per_s);
		fflush(stdout);
	}
	clear(dir);
	rmdir(dir);
	return 0;
}

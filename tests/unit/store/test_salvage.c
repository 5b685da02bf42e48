/* SPDX-License-Identifier: Apache-2.0 */
/* A file in quarantine with corrupt pages: an event of which nobody can know any more to whom it is
 * owed is owed to every uplink, and one bad page costs nothing but what was on it. */
#include "disk_fixture.h"

#define MANY 3000

/* The first page of a table: all of it, if it is small. */
static int64_t page_of_table(struct gw_store *s, const char *name)
{
	char *text = sqlite3_mprintf(
		"SELECT rootpage FROM sqlite_master WHERE name = %Q", name);
	sqlite3_stmt *st;
	int64_t page;

	assert_int_equal(sqlite3_prepare_v2(s->db.handle, text, -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	page = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	sqlite3_free(text);
	return page;
}

static int64_t owed_page, parked_page, names_page;

static void stop_uncleanly(struct gw_store *s)
{
	turn(s);
	owed_page = page_of_table(s, "owed");
	parked_page = page_of_table(s, "parked");
	names_page = page_of_table(s, "sink");
	gw_db_begin(&s->db, NULL); /* no clean stop: every page is checked */
	gw_recovery_close(s);
	s->run_decided = false; /* nor is it opened again */
	gw_store_free(s);
}

static void emit_level(struct gw_store *s, uint64_t seq, enum gw_level level)
{
	struct gw_event e = make_event(s, seq, seq % 100, level);

	push(s, &e);
	if (seq % 200 == 0)
		turn(s);
}

/* Events 1 to n, of which the first sink has all but those after has_first, and the second all. The
 * first two are blue, the others red. */
static void leave(uint64_t n, uint64_t has_first, uint64_t parked)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);

	for (uint64_t seq = 1; seq <= n; seq++) {
		gw_store_mark(s, 1, seq, GW_MARK_DELIVERED);
		if (seq <= has_first)
			gw_store_mark(s, 0, seq,
				seq == parked ? GW_MARK_PARKED : GW_MARK_DELIVERED);
		emit_level(s, seq, seq <= 2 ? GW_LEVEL_BLUE : GW_LEVEL_RED);
	}
	stop_uncleanly(s);
}

static void spoil_page(int64_t page)
{
	char path[300], garbage[GW_DB_PAGE_BYTES];
	int fd;

	snprintf(path, sizeof(path), "%s/tocsin.db", dir);
	fd = open(path, O_WRONLY);
	assert_true(fd >= 0);
	memset(garbage, 0xa5, sizeof(garbage));
	assert_int_equal(
		pwrite(fd, garbage, sizeof(garbage), (off_t)(page - 1) * GW_DB_PAGE_BYTES),
		sizeof(garbage));
	close(fd);
}

/* The page of the table's leaf that holds these bytes. */
static int64_t page_with(const void *bytes, size_t n)
{
	char path[300];
	unsigned char page[GW_DB_PAGE_BYTES];
	int64_t number = 1;
	FILE *f;

	snprintf(path, sizeof(path), "%s/tocsin.db", dir);
	f = fopen(path, "r");
	assert_non_null(f);
	while (fread(page, sizeof(page), 1, f) == 1 &&
		!(page[0] == 0x0d && memmem(page, sizeof(page), bytes, n)))
		number++;
	assert_false(feof(f));
	fclose(f);
	return number;
}

/* How many are owed to the sink from `from` to `to`. */
static size_t owed_between(struct gw_store *s, size_t slot, uint64_t from, uint64_t to)
{
	struct gw_owed_cursor after = {GW_LEVEL_RED + 1, 0};
	size_t n = 0, got = 1;

	while (got > 0) {
		struct gw_batch *b = request_owed(s, slot, after.level, after.seq, 1000);

		assert_false(b->failed);
		got = b->n;
		for (size_t i = 0; i < got; i++) {
			n += b->events[i].seq >= from && b->events[i].seq <= to;
			after = (struct gw_owed_cursor){
				b->events[i].level, b->events[i].seq};
		}
		gw_batch_free(b);
	}
	return n;
}

static struct gw_store *salvage(void)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);

	turn(s);
	assert_true(s->replaced);
	assert_int_equal(files_like("owing"), 0); /* it is no use to try again */
	return s;
}

static void a_corrupt_list_of_what_is_owed(void **state)
{
	struct gw_store *s;

	(void)state;
	leave(10, 7, 0);
	spoil_page(owed_page);
	s = salvage();
	assert_int_equal(owed_between(s, 0, 1, 10), 10);
	assert_int_equal(owed_between(s, 1, 1, 10), 10);
	gw_store_free(s);
}

static void a_corrupt_list_of_what_is_parked(void **state)
{
	struct gw_store *s;

	(void)state;
	leave(10, 7, 3);
	spoil_page(parked_page);
	s = salvage();
	assert_int_equal(owed_between(s, 0, 3, 3), 1);
	assert_int_equal(owed_between(s, 0, 8, 10), 3);
	gw_store_free(s);
}

static void corrupt_names_of_uplinks(void **state)
{
	struct gw_store *s;

	(void)state;
	leave(10, 7, 0);
	spoil_page(names_page);
	s = salvage();
	assert_int_equal(owed_between(s, 0, 1, 10), 3);
	assert_int_equal(owed_between(s, 0, 8, 10), 3);
	gw_store_free(s);
	s = open_store(two_sinks, 2, 16 * MIB);
	assert_int_equal(owed_between(s, 0, 8, 10), 3);
	gw_store_free(s);
}

/* Old ones would hold new alarms back. */
static void not_all_of_history_is_owed_again(void **state)
{
	struct gw_store *s;

	(void)state;
	leave(MANY, MANY - 3, 0);
	spoil_page(owed_page);
	s = salvage();
	assert_int_equal(owed_between(s, 0, MANY - 999, MANY), 1000);
	assert_int_equal(owed_between(s, 0, 3, MANY), 1000);
	assert_int_equal(owed_between(s, 0, 1, 2), 2); /* of each level */
	gw_store_free(s);
}

/* A child of a page of an index: the first, or the one after half of the others. */
static int64_t child_of(int64_t page, bool first)
{
	unsigned char bytes[GW_DB_PAGE_BYTES], *cell;
	char path[300];
	size_t at;
	FILE *f;

	snprintf(path, sizeof(path), "%s/tocsin.db", dir);
	f = fopen(path, "r");
	assert_non_null(f);
	assert_int_equal(fseeko(f, (page - 1) * GW_DB_PAGE_BYTES, SEEK_SET), 0);
	assert_int_equal(fread(bytes, sizeof(bytes), 1, f), 1);
	fclose(f);
	assert_int_equal(bytes[0], 0x02); /* it has children */
	at = 12 + (first ? 0 : 2 * (((size_t)bytes[3] << 8 | bytes[4]) / 2));
	cell = bytes + ((size_t)bytes[at] << 8 | bytes[at + 1]);
	return (int64_t)cell[0] << 24 | cell[1] << 16 | cell[2] << 8 | cell[3];
}

/* 1 to 5 are blue, the others red. The first sink is owed all, the second the odd ones. What is on
 * other pages of the list is known; of what is on the bad one, the second sink gets all. */
static void a_corrupt_page_of_the_list_costs_no_other(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);
	size_t owed_again;

	(void)state;
	for (uint64_t seq = 1; seq <= MANY; seq++) {
		if (seq % 2 == 0)
			gw_store_mark(s, 1, seq, GW_MARK_DELIVERED);
		emit_level(s, seq, seq <= 5 ? GW_LEVEL_BLUE : GW_LEVEL_RED);
	}
	stop_uncleanly(s);
	spoil_page(child_of(owed_page, false));
	s = salvage();
	assert_int_equal(owed_between(s, 0, 1, MANY), MANY);
	assert_int_equal(owed_between(s, 1, 1, 5), 3);
	owed_again = owed_between(s, 1, 1, MANY) - MANY / 2;
	assert_true(owed_again > 10);
	assert_true(owed_again < MANY / 4);
	gw_store_free(s);
}

/* The first sink is owed every 25th. The first page of the list names some of the first 2,000 or
 * more: the newest 1,000 of these are owed again, whatever readable pages name behind it. */
static void the_newest_events_that_a_corrupt_page_may_name(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);

	(void)state;
	for (uint64_t seq = 1; seq <= 2 * MANY; seq++) {
		gw_store_mark(s, 1, seq, GW_MARK_DELIVERED);
		if (seq % 25)
			gw_store_mark(s, 0, seq, GW_MARK_DELIVERED);
		emit_level(s, seq, GW_LEVEL_RED);
	}
	stop_uncleanly(s);
	spoil_page(child_of(owed_page, true));
	s = salvage();
	assert_true(owed_between(s, 1, 1, 2 * MANY) > 950);
	assert_int_equal(owed_between(s, 0, MANY + 1, 2 * MANY), MANY / 25);
	gw_store_free(s);
}

static void a_corrupt_page_of_events_costs_only_its_events(void **state)
{
	unsigned char occurrence[16];
	struct gw_store *s;
	size_t n;

	(void)state;
	leave(200, 0, 0);
	for (size_t i = 0; i < sizeof(occurrence); i++)
		occurrence[i] = (uint8_t)(100 * 7 + i); /* see make_event */
	spoil_page(page_with(occurrence, sizeof(occurrence)));
	s = salvage();
	n = owed_between(s, 0, 1, 200);
	assert_int_not_equal(n, 200);
	assert_true(n >= 190);
	assert_int_equal(owed_between(s, 0, 111, 200), 90);
	gw_store_free(s);
}

static void put_aside(const char *db, char quarantined[PATH_MAX])
{
	assert_int_equal(gw_quarantine_file(db, quarantined, NULL), GW_OK);
}

/* After a restore: what is owed again since the backup was made, or is parked, only the old file
 * knows. Once: what is delivered then stays delivered. */
static void what_is_owed_again_since_a_backup(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);
	char db[300], backup[310], quarantined[PATH_MAX], back[PATH_MAX];
	struct gw_store_status st;

	(void)state;
	snprintf(db, sizeof(db), "%s/tocsin.db", dir);
	snprintf(backup, sizeof(backup), "%s.backup", dir);
	for (uint64_t seq = 1; seq <= 4; seq++) {
		emit_level(s, seq, GW_LEVEL_RED);
		gw_store_mark(s, 0, seq, GW_MARK_DELIVERED);
		gw_store_mark(s, 1, seq, GW_MARK_DELIVERED);
	}
	turn(s);
	pass_seconds(s, 2);
	gw_store_free(s);
	copy_file(db, backup);
	s = open_store(two_sinks, 2, 16 * MIB);
	gw_store_mark(s, 0, 2, GW_MARK_OWED);
	gw_store_mark(s, 1, 2, GW_MARK_OWED);
	gw_store_mark(s, 0, 3, GW_MARK_OWED);
	gw_store_mark(s, 1, 4, GW_MARK_OWED);
	pass_seconds(s, 2);
	gw_store_mark(s, 1, 4, GW_MARK_PARKED);
	pass_seconds(s, 2);
	gw_store_free(s);
	put_aside(db, quarantined);
	copy_file(backup, db);
	s = open_store(two_sinks, 2, 16 * MIB);
	pass_seconds(s, 2);
	assert_string_equal(owed(s, 0), "3:2 3:3");
	assert_string_equal(owed(s, 1), "3:2");
	st = status(s);
	assert_int_equal(st.owed[0], 2);
	assert_int_equal(st.parked[1], 1);
	gw_store_mark(s, 0, 2, GW_MARK_DELIVERED);
	pass_seconds(s, 2);
	gw_store_free(s);
	/* as after a crash before it lost its name */
	snprintf(back, sizeof(back), "%.*s", (int)(strlen(quarantined) - strlen("-owing")),
		quarantined);
	assert_int_equal(rename(back, quarantined), 0);
	s = open_store(two_sinks, 2, 16 * MIB);
	pass_seconds(s, 2);
	assert_string_equal(owed(s, 0), "3:3");
	gw_store_free(s);
	unlink(backup);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_corrupt_list_of_what_is_owed),
		TEST(a_corrupt_list_of_what_is_parked),
		TEST(corrupt_names_of_uplinks),
		TEST(not_all_of_history_is_owed_again),
		TEST(a_corrupt_page_of_the_list_costs_no_other),
		TEST(the_newest_events_that_a_corrupt_page_may_name),
		TEST(a_corrupt_page_of_events_costs_only_its_events),
		TEST(what_is_owed_again_since_a_backup),
	};

	vfs_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Uplinks come and go while the store runs; what is owed to names that are gone. */
#include "store/recovery.h"

#include "faulty_vfs.h"
#include "store_fixture.h"

static int64_t clock_ms;
static bool clock_is_synced;

int64_t gw_clock_mono_ns(void)
{
	return clock_ms * GW_NS_PER_MS;
}

int64_t gw_clock_wall_ms(void)
{
	return INT64_C(1795000000000) + clock_ms;
}

bool gw_clock_synced(void)
{
	return clock_is_synced;
}

void gw_clock_boot_id(char ret_id[37])
{
	snprintf(ret_id, 37, "0f0e0d0c-0b0a-4908-8706-050403020100");
}

static int begin(void **state)
{
	vfs_heal();
	clock_ms = 1000000;
	clock_is_synced = true;
	return fixture_setup(state);
}

struct who {
	size_t slot;
	const char *name, *url;
};

/* A reload: from_seq on these are there. */
static void set(struct gw_store *s, uint64_t from_seq, const struct who *who, size_t n)
{
	struct gw_store_uplinks *sinks = gw_store_uplinks_new();

	assert_non_null(sinks);
	for (size_t i = 0; i < n; i++)
		assert_true(
			gw_store_uplinks_add(sinks, who[i].slot, who[i].name, who[i].url));
	gw_store_uplinks_set(s, sinks, from_seq);
}

static size_t reserve(struct gw_store *s)
{
	size_t slot = 99;

	assert_int_equal(gw_store_reserve_slot(s, &slot, NULL), GW_OK);
	return slot;
}

static void emit(struct gw_store *s, uint64_t seq)
{
	struct gw_event e = make_event(s, seq, seq % 100, GW_LEVEL_RED);

	push(s, &e);
}

static struct gw_store *open_with_urls(
	const char *const *names, const char *const *urls, size_t n)
{
	struct gw_store_opts o = {.state_dir = dir,
		.uplinks = names,
		.urls = urls,
		.n_uplinks = n,
		.max_bytes = 16 * MIB,
		.ring_capacity = 1024};
	struct gw_store *s = NULL;

	assert_int_equal(gw_store_open(&o, &s, NULL), GW_OK);
	return s;
}

static const char *removed_uplinks(struct gw_store *s)
{
	static char text[1024];
	struct gw_store_status st;
	size_t n = 0;

	text[0] = '\0';
	gw_store_status(s, &st);
	for (size_t i = 0; i < st.n_removed_uplinks; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s:%llu", n ? " " : "",
			st.removed_uplinks[i].name,
			(unsigned long long)st.removed_uplinks[i].owed);
	return text;
}

/* Events are in the ring when the uplinks change, and the store has looked at nothing yet. */
static void each_event_is_owed_to_those_of_its_time(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);
	size_t third, fourth;

	(void)state;
	third = reserve(s);
	fourth = reserve(s);
	assert_int_equal(third, 2);
	assert_int_equal(fourth, 3);
	emit(s, 1);
	set(s, 2,
		(struct who[]){{0, "city", "a"}, {1, "file", "b"}, {third, "county", "c"}},
		3);
	emit(s, 2);
	set(s, 3, (struct who[]){{0, "city", "a"}, {fourth, "state", "d"}}, 2);
	emit(s, 3);
	turn(s);
	assert_string_equal(owed(s, 0), "3:1 3:2 3:3");
	assert_string_equal(owed(s, 1), "3:1 3:2"); /* it may still be at its last try */
	assert_string_equal(owed(s, third), "3:2");
	assert_string_equal(owed(s, fourth), "3:3");
	gw_store_free(s);
}

static void a_name_that_is_back_is_owed_all(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);
	size_t slot;

	(void)state;
	emit(s, 1);
	emit(s, 2);
	gw_store_mark(s, 0, 1, GW_MARK_PARKED); /* it may be taken now */
	turn(s);
	set(s, 3, (struct who[]){{1, "file", "b"}}, 1);
	gw_store_detach_uplink(s, 0);
	emit(s, 3);
	turn(s);
	turn(s);
	assert_string_equal(removed_uplinks(s), "city:1");
	slot = reserve(s);
	assert_int_equal(slot, 0); /* given back: nothing is said there any more */
	set(s, 4, (struct who[]){{slot, "city", "a"}, {1, "file", "b"}}, 2);
	emit(s, 4);
	turn(s);
	/* 3 arose when it was not there */
	assert_string_equal(owed(s, slot), "3:1 3:2 3:4");
	assert_string_equal(owed(s, 1), "3:1 3:2 3:3 3:4");
	assert_string_equal(removed_uplinks(s), "");
	gw_store_free(s);
}

/* What it says after it was taken out counts; with nothing owed its name is forgotten. */
static void last_words_count(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);

	(void)state;
	emit(s, 1);
	turn(s);
	set(s, 2, (struct who[]){{1, "file", "b"}}, 1);
	turn(s);
	gw_store_mark(s, 0, 1, GW_MARK_DELIVERED);
	gw_store_detach_uplink(s, 0);
	for (int i = 0; i < 3; i++) {
		clock_ms += 1000; /* marks wait for company */
		turn(s);
	}
	assert_string_equal(removed_uplinks(s), "");
	assert_null(s->registry[0].name);
	assert_int_equal(reserve(s), 0);
	gw_store_free(s);
}

static void a_new_name_at_the_same_address_inherits(void **state)
{
	static const char *const urls[] = {"https://a", "https://b"};
	static const char *const renamed[] = {"platform", "file"};
	struct gw_store *s = open_with_urls(two_sinks, urls, 2);
	size_t slot;

	(void)state;
	for (uint64_t seq = 1; seq <= 3; seq++)
		emit(s, seq);
	turn(s);
	slot = reserve(s);
	set(s, 4, (struct who[]){{slot, "town", "https://a"}, {1, "file", "https://b"}}, 2);
	emit(s, 4);
	turn(s);
	assert_string_equal(owed(s, slot), "3:1 3:2 3:3 3:4");
	/* the old thread was at its last try: nothing of it comes twice */
	gw_store_mark(s, 0, 1, GW_MARK_DELIVERED);
	gw_store_detach_uplink(s, 0);
	turn(s);
	assert_string_equal(owed(s, slot), "3:2 3:3 3:4");
	gw_store_free(s);
	/* the same over a restart */
	s = open_with_urls(renamed, urls, 2);
	assert_string_equal(owed(s, 0), "3:2 3:3 3:4");
	assert_string_equal(removed_uplinks(s), "");
	gw_store_free(s);
}

/* One that was there already is owed the same events itself. */
static void who_was_there_inherits_nothing(void **state)
{
	static const char *const urls[] = {"https://a", "https://a"};
	struct gw_store *s = open_with_urls(two_sinks, urls, 2);

	(void)state;
	emit(s, 1);
	gw_store_mark(s, 1, 1, GW_MARK_DELIVERED);
	turn(s);
	set(s, 2, (struct who[]){{1, "file", "https://a"}}, 1);
	gw_store_detach_uplink(s, 0);
	turn(s);
	turn(s);
	assert_string_equal(owed(s, 1), "");
	assert_string_equal(removed_uplinks(s), "city:1");
	gw_store_free(s);
}

/* Nothing reaches the disk: debts of what is gone and back are in memory only. */
static void with_a_disk_that_fails(void **state)
{
	static const char *const urls[] = {"https://a", "https://b"};
	struct gw_store *s = open_with_urls(two_sinks, urls, 2);
	size_t third, fourth;

	(void)state;
	emit(s, 1);
	turn(s);
	disk.write_rc = SQLITE_IOERR_WRITE;
	emit(s, 2);
	turn(s);
	third = reserve(s);
	set(s, 3, (struct who[]){{0, "city", "https://a"}, {third, "new", "https://b"}}, 2);
	gw_store_detach_uplink(s, 1);
	emit(s, 3);
	turn(s);
	fourth = reserve(s);
	set(s, 4,
		(struct who[]){{fourth, "city", "https://c"}, {third, "new", "https://b"}},
		2);
	gw_store_detach_uplink(s, 0);
	emit(s, 4);
	turn(s);
	/* the file can still be read, though not written */
	assert_string_equal(owed(s, third), "3:1 3:2 3:3 3:4");
	assert_string_equal(owed(s, fourth), "3:1 3:2 3:3 3:4");
	disk.write_rc = 0;
	clock_ms += 60000;
	turn(s);
	assert_string_equal(owed(s, third), "3:1 3:2 3:3 3:4");
	assert_string_equal(owed(s, fourth), "3:1 3:2 3:3 3:4");
	gw_store_free(s);
	s = open_with_urls((const char *const[]){"new", "city"}, NULL, 2);
	assert_string_equal(owed(s, 0), "3:1 3:2 3:3 3:4");
	assert_string_equal(owed(s, 1), "3:1 3:2 3:3 3:4");
	gw_store_free(s);
}

/* What an uplink that is gone is owed and is not written yet keeps its slot. */
static void a_slot_is_given_back_when_all_is_written(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);
	size_t slot;

	(void)state;
	disk.write_rc = SQLITE_IOERR_WRITE;
	emit(s, 1);
	turn(s);
	set(s, 2, NULL, 0);
	gw_store_detach_uplink(s, 0);
	gw_store_detach_uplink(s, 1);
	turn(s);
	for (size_t i = 2; i < GW_STORE_SLOTS; i++)
		assert_int_equal(reserve(s), i);
	assert_int_equal(gw_store_reserve_slot(s, &slot, NULL), GW_ERR_FULL);
	disk.write_rc = 0;
	clock_ms += 60000;
	turn(s);
	turn(s);
	assert_int_equal(reserve(s), 0);
	assert_int_equal(reserve(s), 1);
	gw_store_free(s);
}

static void days_pass(struct gw_store *s, int days)
{
	for (int i = 0; i < days; i++) {
		clock_ms += INT64_C(24) * 60 * 60 * 1000 + 1;
		turn(s);
	}
}

static void debts_of_a_gone_name_are_kept_for_30_days(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);

	(void)state;
	emit(s, 1);
	turn(s);
	gw_store_free(s);
	s = open_store(two_sinks + 1, 1, 16 * MIB);
	assert_string_equal(removed_uplinks(s), "city:1");
	clock_is_synced = false; /* days that nobody can vouch for */
	days_pass(s, 40);
	assert_string_equal(removed_uplinks(s), "city:1");
	clock_is_synced = true;
	days_pass(s, 15);
	gw_store_free(s);
	clock_ms += INT64_C(3650) * 24 * 60 * 60 * 1000; /* a clock that runs wild */
	s = open_store(two_sinks + 1, 1, 16 * MIB);
	assert_string_equal(removed_uplinks(s), "city:1");
	days_pass(s, 10);
	assert_string_equal(removed_uplinks(s), "city:1");
	days_pass(s, 6);
	assert_string_equal(removed_uplinks(s), "");
	assert_string_equal(owed(s, 0), "3:1"); /* file is owed what it was */
	gw_store_free(s);
}

/* 32 names have bits: the next one takes that of the name with the least to lose. */
static void bits_run_out(void **state)
{
	char name[40];
	struct gw_store *s;
	uint64_t seq = 0;

	(void)state;
	for (int i = 0; i < 34; i++) {
		const char *const one[] = {name};

		snprintf(name, sizeof(name), "uplink-%d", i);
		s = open_store(one, 1, 16 * MIB);
		emit(s, ++seq);
		if (i == 7) /* parked only: it goes first */
			gw_store_mark(s, 0, seq, GW_MARK_PARKED);
		turn(s);
		days_pass(s, i % 2);
		if (i == 32)
			assert_null(strstr(removed_uplinks(s), "uplink-7:"));
		if (i == 32)
			assert_non_null(strstr(removed_uplinks(s), "uplink-0:"));
		if (i == 33)
			assert_null(strstr(removed_uplinks(s), "uplink-0:"));
		gw_store_free(s);
	}
}

/* A person gives what names that are gone are owed to one that is there. */
static void debts_are_given_to_another(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);
	struct gw_batch *b;

	(void)state;
	for (uint64_t seq = 1; seq <= 4; seq++)
		emit(s, seq);
	gw_store_mark(s, 0, 1, GW_MARK_PARKED);
	gw_store_mark(s, 0, 2, GW_MARK_DELIVERED);
	gw_store_mark(s, 1, 1, GW_MARK_DELIVERED);
	gw_store_mark(s, 1, 2, GW_MARK_DELIVERED);
	gw_store_mark(s, 1, 3, GW_MARK_DELIVERED);
	turn(s);
	gw_store_free(s);
	s = open_store(two_sinks + 1, 1, 16 * MIB);
	assert_string_equal(removed_uplinks(s), "city:2");
	assert_string_equal(owed(s, 0), "3:4");
	assert_true(gw_store_request_resend(s, 0, GW_STORE_RESEND_REMOVED, 0));
	turn(s);
	b = gw_store_take_batch(s, 0);
	assert_non_null(b);
	assert_false(b->failed);
	assert_int_equal(b->owed, 3);
	assert_int_equal(b->next, 0);
	gw_batch_free(b);
	assert_string_equal(owed(s, 0), "3:1 3:3 3:4"); /* what city refused, too */
	assert_string_equal(removed_uplinks(s), "");
	gw_store_free(s);
}

/* Nobody else could deliver it: what they were told of ends for them, too. */
static void what_arises_while_nobody_is_there_is_owed_to_who_was(void **state)
{
	struct gw_store *s = open_store(two_sinks, 1, 16 * MIB);
	size_t slot;

	(void)state;
	emit(s, 1);
	turn(s);
	gw_store_free(s);
	s = open_store(NULL, 0, 16 * MIB);
	emit(s, 2);
	turn(s);
	assert_string_equal(removed_uplinks(s), "city:2");
	disk.write_rc = SQLITE_IOERR_WRITE; /* and before it is written */
	emit(s, 3);
	turn(s);
	slot = reserve(s);
	set(s, 4, (struct who[]){{slot, "city", "a"}}, 1);
	emit(s, 4);
	turn(s);
	disk.write_rc = 0;
	clock_ms += 60000;
	turn(s);
	assert_string_equal(owed(s, slot), "3:1 3:2 3:3 3:4");
	assert_string_equal(removed_uplinks(s), "");
	gw_store_free(s);
}

static void a_site_without_uplinks_owes_nothing(void **state)
{
	struct gw_store *s = open_store(NULL, 0, 16 * MIB);
	struct gw_store_status st;

	(void)state;
	emit(s, 1);
	turn(s);
	gw_store_status(s, &st);
	assert_int_equal(st.n_removed_uplinks, 0);
	gw_store_free(s);
	s = open_store(two_sinks, 2, 16 * MIB);
	assert_string_equal(owed(s, 0), "");
	gw_store_free(s);
}

/* With no room for all, what is owed to nobody who is there goes first. */
static void debts_of_gone_names_make_room(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, MIB / 4);
	struct gw_store_status st;
	uint64_t seq = 0;

	(void)state;
	while (seq < 600) {
		emit(s, ++seq);
		gw_store_mark(s, seq <= 300 ? 0 : 1, seq, GW_MARK_DELIVERED);
		turn(s);
	}
	gw_store_free(s);
	s = open_store(two_sinks + 1, 1, MIB / 4); /* file is owed the first 300 */
	do {
		emit(s, ++seq);
		turn(s);
		gw_store_status(s, &st);
	} while (st.trimmed == 0 && seq < 10000);
	assert_in_range(st.trimmed, 1, 300);
	assert_int_equal(st.owed[0], 300 + seq - 600);
	assert_int_equal(st.lost, st.trimmed);
	assert_int_equal(st.n_removed_uplinks, 1);
	assert_int_equal(st.removed_uplinks[0].owed, 300 - st.trimmed);
	gw_store_free(s);
}

static void names_survive_a_file_put_aside(void **state)
{
	static const char *const urls[] = {"https://a", "https://b"};
	struct gw_store *s = open_with_urls(two_sinks, urls, 2);

	(void)state;
	emit(s, 1);
	turn(s);
	assert_int_equal(
		gw_recovery_replace_file(s,
			&(struct gw_error){.kind = GW_ERR_CORRUPT, .text = "test"}, NULL),
		GW_OK);
	turn(s);
	gw_store_free(s);
	s = open_with_urls((const char *const[]){"town"}, urls, 1);
	assert_string_equal(owed(s, 0), "3:1");
	gw_store_free(s);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_event_is_owed_to_those_of_its_time),
		TEST(a_name_that_is_back_is_owed_all),
		TEST(last_words_count),
		TEST(a_new_name_at_the_same_address_inherits),
		TEST(who_was_there_inherits_nothing),
		TEST(with_a_disk_that_fails),
		TEST(a_slot_is_given_back_when_all_is_written),
		TEST(debts_of_a_gone_name_are_kept_for_30_days),
		TEST(bits_run_out),
		TEST(debts_are_given_to_another),
		TEST(what_arises_while_nobody_is_there_is_owed_to_who_was),
		TEST(a_site_without_uplinks_owes_nothing),
		TEST(debts_of_gone_names_make_room),
		TEST(names_survive_a_file_put_aside),
	};

	vfs_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

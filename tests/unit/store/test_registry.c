/* SPDX-License-Identifier: Apache-2.0 */
/* Names of removed uplinks: what they are owed, for how long, and who inherits it. */
#include "slots_fixture.h"

#include "store/recovery.h"

static void days_pass(struct gw_store *s, int days)
{
	for (int i = 0; i < days; i++) {
		clock_ms += INT64_C(24) * 60 * 60 * 1000 + 1;
		turn(s);
	}
}

static void owed_events_of_a_removed_uplink_are_kept_for_30_days(void **state)
{
	struct gw_store *s = open_store(two_sinks, 2, 16 * MIB);

	(void)state;
	emit(s, 1);
	turn(s);
	gw_store_free(s);
	s = open_store(two_sinks + 1, 1, 16 * MIB);
	assert_string_equal(removed_uplinks(s), "city:1");
	clock_is_synced = false; /* days of a clock that is not synchronised */
	days_pass(s, 40);
	assert_string_equal(removed_uplinks(s), "city:1");
	clock_is_synced = true;
	days_pass(s, 15);
	gw_store_free(s);
	clock_ms += INT64_C(3650) * 24 * 60 * 60 * 1000; /* ten years ahead */
	s = open_store(two_sinks + 1, 1, 16 * MIB);
	assert_string_equal(removed_uplinks(s), "city:1");
	days_pass(s, 10);
	assert_string_equal(removed_uplinks(s), "city:1");
	days_pass(s, 6);
	assert_string_equal(removed_uplinks(s), "");
	assert_string_equal(owed(s, 0), "3:1"); /* file is owed what it was */
	gw_store_free(s);
}

/* 32 names have bits. */
static void the_33rd_name_takes_the_bit_of_the_name_with_the_least_to_lose(void **state)
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

/* An operator resends to one uplink what removed ones were owed. */
static void owed_events_of_removed_uplinks_can_be_reassigned(void **state)
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

/* Without any uplink, events are owed to the names that had some: nobody else could deliver
 * them. */
static void events_without_any_uplink_are_owed_to_the_last_ones(void **state)
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
	set_uplinks(s, 4, (struct uplink_slot[]){{slot, "city", "a"}}, 1);
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

/* A full file: what is owed to removed names is trimmed first. */
static void owed_events_of_removed_uplinks_are_deleted_first(void **state)
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

static void names_survive_a_file_in_quarantine(void **state)
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(owed_events_of_a_removed_uplink_are_kept_for_30_days),
		TEST(the_33rd_name_takes_the_bit_of_the_name_with_the_least_to_lose),
		TEST(owed_events_of_removed_uplinks_can_be_reassigned),
		TEST(events_without_any_uplink_are_owed_to_the_last_ones),
		TEST(a_site_without_uplinks_owes_nothing),
		TEST(owed_events_of_removed_uplinks_are_deleted_first),
		TEST(names_survive_a_file_in_quarantine),
	};

	vfs_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

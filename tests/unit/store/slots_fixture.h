/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slots_fixture.h: a store whose uplinks come and go, over a disk that fails on command and with a
 * clock of the test's.
 */
#ifndef GW_TESTS_SLOTS_FIXTURE_H
#define GW_TESTS_SLOTS_FIXTURE_H

#include "faulty_vfs.h"
#include "store_fixture.h"

static int64_t clock_ms;
static bool clock_is_synced;

int64_t gw_clock_boot_ns(void)
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

__attribute__((unused)) static int begin(void **state)
{
	vfs_heal();
	clock_ms = 1000000;
	clock_is_synced = true;
	return fixture_setup(state);
}

struct uplink_slot {
	size_t slot;
	const char *name, *url;
};

/* A reload: from from_seq on these are the uplinks. */
__attribute__((unused)) static void set_uplinks(
	struct gw_store *s, uint64_t from_seq, const struct uplink_slot *slots, size_t n)
{
	struct gw_store_uplinks *sinks = gw_store_uplinks_new();

	assert_non_null(sinks);
	for (size_t i = 0; i < n; i++)
		assert_true(gw_store_uplinks_add(
			sinks, slots[i].slot, slots[i].name, slots[i].url));
	gw_store_uplinks_set(s, sinks, from_seq);
}

__attribute__((unused)) static size_t reserve(struct gw_store *s)
{
	size_t slot = 99;

	assert_int_equal(gw_store_reserve_slot(s, &slot, NULL), GW_OK);
	return slot;
}

__attribute__((unused)) static void emit(struct gw_store *s, uint64_t seq)
{
	struct gw_event e = make_event(s, seq, seq % 100, GW_LEVEL_RED);

	push(s, &e);
}

__attribute__((unused)) static struct gw_store *open_with_urls(
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

__attribute__((unused)) static const char *removed_uplinks(struct gw_store *s)
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

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, fixture_teardown)

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* store_names.h: what tests of uplinks that come and go share: starts with names and addresses, a
 * clock of their own. */
#ifndef GW_TESTS_STORE_NAMES_H
#define GW_TESTS_STORE_NAMES_H

#include "faulty_vfs.h"
#include "scripted_store.h"

static int begin(void **state)
{
	now_ns = 1000 * GW_NS_PER_SEC;
	wall_base_ms = 1795300000000;
	vfs_heal();
	return fixture_setup(state);
}

static int end(void **state)
{
	vfs_heal();
	return fixture_teardown(state);
}

__attribute__((unused)) static void emit(struct gw_store *s, uint64_t from, uint64_t to)
{
	for (uint64_t seq = from; seq <= to; seq++) {
		struct gw_event e = make_event(s, seq, seq % 20, GW_LEVEL_RED);

		push(s, &e);
	}
}

/* Every uplink at an address of its own, unless the name has one behind an @. */
static struct gw_store *start(const char *const *names, size_t n)
{
	static char plain[GW_STORE_SLOTS][40], urls[GW_STORE_SLOTS][40];
	const char *name_list[GW_STORE_SLOTS], *url_list[GW_STORE_SLOTS];
	struct gw_store_opts o = {.state_dir = dir,
		.uplinks = name_list,
		.urls = url_list,
		.n_uplinks = n,
		.max_bytes = MIB,
		.ring_capacity = 64};
	struct gw_store *s = NULL;

	for (size_t i = 0; i < n; i++) {
		const char *at = strchr(names[i], '@');

		snprintf(plain[i], sizeof(plain[i]), "%.*s", (int)strcspn(names[i], "@"),
			names[i]);
		snprintf(urls[i], sizeof(urls[i]), "https://%s", at ? at + 1 : names[i]);
		name_list[i] = plain[i];
		url_list[i] = urls[i];
	}
	assert_int_equal(gw_store_open(&o, &s, NULL), GW_OK);
	gw_previous_run_read(s, NULL);
	gw_store_await_previous_run(s, 0, 0);
	gw_writer_step(s, false);
	return s;
}

__attribute__((unused)) static void stop(struct gw_store *s)
{
	pass(s, 2);
	gw_store_free(s);
}

static void set(struct gw_store *s, uint64_t from_seq, const char *const *names,
	const size_t *slots, size_t n)
{
	struct gw_store_uplinks *sinks = gw_store_uplinks_new();

	for (size_t i = 0; i < n; i++) {
		char url[40];

		snprintf(url, sizeof(url), "https://%s", names[i]);
		assert_true(gw_store_uplinks_add(sinks, slots[i], names[i], url));
	}
	gw_store_uplinks_set(s, sinks, from_seq);
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* A format with a setting of its own, in place of those that ship: it is what its bodies say. */
#include "uplink_fixture.h"

struct stamp_opts {
	const char *stamp;
};

static const struct gw_setting stamp_settings[] = {
	{.key = "stamp",
		.type = GW_SET_STRING,
		.offset = offsetof(struct stamp_opts, stamp),
		.def = "none",
		.help = "What each body begins with."},
	{.key = NULL},
};

static char heartbeat_stamp[16]; /* written before n_heartbeats counts it */

static size_t event(const void *opts, struct gw_text *t, const struct gw_event *e)
{
	const struct stamp_opts *own = opts;

	gw_text_addf(t, "%s \"sequence\":\"%llu\"", own->stamp, (unsigned long long)e->seq);
	return GW_PAYLOAD_NO_DURABLE;
}

static void heartbeat(const void *opts, struct gw_text *t, const struct gw_heartbeat *h)
{
	const struct stamp_opts *own = opts;

	(void)h;
	gw_text_add(t, own->stamp);
	snprintf(heartbeat_stamp, sizeof(heartbeat_stamp), "%s", own->stamp);
}

static const struct gw_payload stamped = {.name = "stamped",
	.settings = stamp_settings,
	.opts_size = sizeof(struct stamp_opts),
	.content_type = "text/plain",
	.before = "",
	.between = "\n",
	.after = "",
	.event = event,
	.heartbeat = heartbeat};

/* Displace payloads.o. */
const struct gw_payload *const gw_payloads[] = {&stamped, NULL};
const char *const gw_payload_names[] = {"stamped", NULL};

/* The options that an uplink was made of may go: it has a copy. */
static void begin_stamped(int64_t heartbeat_ns)
{
	char memory[] = "site-7";
	struct stamp_opts own = {.stamp = memory};
	struct gw_uplink_opts o = {.name = "city",
		.url = "https://h/",
		.heartbeat_ns = heartbeat_ns,
		.timeout_ns = 5 * SEC,
		.payload_opts = &own,
		.batch = 64};
	struct gw_uplink_health health = {.fill = fill};

	assert_int_equal(gw_uplink_new(&o, 0, NULL, &health, 1024, &up, NULL), GW_OK);
	memset(memory, 'x', sizeof(memory) - 1);
	own.stamp = NULL;
	assert_int_equal(gw_wake_init(&engine_wake, NULL), GW_OK);
	assert_int_equal(gw_uplink_fault_ring(up, &engine_wake, &faults, NULL), GW_OK);
	assert_int_equal(gw_uplink_start(up, NULL), GW_OK);
}

static void test_the_settings_of_a_format_reach_its_events(void **state)
{
	(void)state;
	end_uplink();
	begin_stamped(0);
	SOON(count(&store.replies) == 1);
	commit(1);
	emit(1, GW_LEVEL_RED, 0);
	SOON(count(&platform.n_taken) == 1);
	assert_string_equal(platform.tries[0].first, "site-7 \"sequence\":\"1\"");
}

/* They are rendered in a place of their own. */
static void test_the_settings_of_a_format_reach_parked_events(void **state)
{
	struct gw_event e = make(1, GW_LEVEL_RED, 0);

	(void)state;
	end_uplink();
	to_store(&e);
	store.owed[0] = false;
	store.parked[0] = true;
	atomic_store(&store.committed, 1);
	begin_stamped(0);
	SOON(count(&platform.n_taken) == 1);
	assert_string_equal(platform.tries[0].first, "site-7 \"sequence\":\"1\"");
}

static void test_the_settings_of_a_format_reach_its_heartbeats(void **state)
{
	(void)state;
	end_uplink();
	begin_stamped(30 * SEC);
	SOON(count(&platform.n_heartbeats) == 1);
	assert_string_equal(heartbeat_stamp, "site-7");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_the_settings_of_a_format_reach_its_events),
		TEST(test_the_settings_of_a_format_reach_parked_events),
		TEST(test_the_settings_of_a_format_reach_its_heartbeats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

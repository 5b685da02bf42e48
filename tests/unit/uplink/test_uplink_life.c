/* SPDX-License-Identifier: Apache-2.0 */
/* An uplink's start, its thread's loop and its end, in one thread and in simulated time. */
#include "uplink_parts_fixture.h"

#include "tests/unit/fixture/temp_dir.h"

#include <unistd.h>

#define u (fixture.up)

static char text[GW_PAYLOAD_MAX]; /* too long for an event */
static int64_t until_ns;

static void emit(uint64_t seq, unsigned alarm)
{
	const struct gw_event e = fixture_event(seq, GW_LEVEL_RED, alarm);

	assert_int_equal(gw_ring_push(gw_uplink_events(u), &e, 1, sizeof(e)), 1);
}

static void stop_later(int64_t ns)
{
	(void)ns;
	if (fixture.now_ns >= until_ns)
		gw_uplink_request_stop(u);
}

static void run_for(int64_t ns)
{
	until_ns = fixture.now_ns + ns;
	fixture.asleep = stop_later;
	fixture.run(u);
}

static int setup(void **state)
{
	memset(text, 'x', sizeof(text) - 1);
	fixture_setup(state);
	fixture_alarms[2].text = text;
	return 0;
}

/* ---- new and start ---- */

/* The uplink outlives the options it was made from. */
static void test_options_are_copied(void **state)
{
	char key[] = "/errcode", value[] = "0", name[] = "other";
	struct gw_setting_pair pair = {.key = key, .value = value, .quoted = true};
	struct gw_sink_https_opts own = {.accept = {.n = 1, .at = &pair}};
	const struct gw_sink_https_opts *copied;
	struct gw_uplink_opts o = fixture_opts();

	(void)state;
	o.name = name;
	o.token_file = NULL;
	o.sink_opts = &own;
	o.batch = 0;
	fixture_again(&o);
	key[0] = value[0] = name[0] = '?';
	pair = (struct gw_setting_pair){.key = NULL};
	assert_string_equal(u->opts.name, "other");
	assert_string_equal(u->opts.token_file, "");
	copied = u->opts.sink_opts;
	assert_ptr_not_equal(copied, &own);
	assert_int_equal(copied->accept.n, 1);
	assert_string_equal(copied->accept.at[0].key, "/errcode");
	assert_string_equal(copied->accept.at[0].value, "0");
	assert_true(copied->accept.at[0].quoted);
	assert_int_equal(u->opts.batch, 1);
	o.batch = GW_UPLINK_BATCH_MAX + 1;
	o.sink_opts = NULL;
	fixture_again(&o);
	assert_int_equal(u->opts.batch, GW_UPLINK_BATCH_MAX);
}

static void test_a_file_gets_the_file_sink(void **state)
{
	struct gw_uplink_opts o = fixture_opts();

	(void)state;
	o.url = "FILE:///nowhere/alerts";
	fixture_again(&o);
	assert_ptr_equal(u->sink, &gw_sink_file);
}

static void test_a_ring_that_is_not_possible(void **state)
{
	struct gw_uplink_opts o = fixture_opts();
	struct gw_uplink *none = NULL;
	struct gw_error err;

	(void)state;
	assert_int_equal(
		gw_uplink_new(&o, 0, NULL, NULL, SIZE_MAX, &none, &err), GW_ERR_CONFIG);
	assert_non_null(strstr(err.text, "ring"));
	assert_null(none);
	gw_uplink_free(none);
}

static void test_a_thread_that_cannot_start(void **state)
{
	struct gw_error err;

	(void)state;
	fixture.no_thread = true;
	assert_int_equal(gw_uplink_start(u, &err), GW_ERR_SYSTEM);
	assert_string_equal(err.text, "start thread city");
}

/* The sink says once why; its sends fail and are answers. Nothing owed is lost. */
static void test_a_sink_that_cannot_open(void **state)
{
	(void)state;
	fixture.open = GW_ERR_SYSTEM;
	fixture_say(GW_SINK_RETRY, 0);
	emit(1, 0);
	fixture.committed = 1;
	gw_uplink_request_stop(u);
	fixture.run(u);
	assert_log(1, "city: commanded");
	assert_int_equal(u->outbox.n, 1);
	assert_int_equal(fixture.n_marks, 0);
}

/* ---- the loop ---- */

/* Idle, it still shows that it lives: a beat every two seconds, a heartbeat in its time. */
static void test_an_idle_uplink_beats_and_sends_heartbeats(void **state)
{
	(void)state;
	run_for(100 * SEC);
	assert_int_equal(fixture.requests, 4);
	assert_in_range(fixture.sleeps, 50, 60);
	assert_int_equal(atomic_load(&u->thread.beat_ns), fixture.now_ns);
}

/* An event that waits for its commit is sent when it has waited long enough, not sooner. */
static void test_a_commit_that_does_not_come(void **state)
{
	(void)state;
	u->opts.heartbeat_ns = 0;
	fixture_answer(0, 0, 0);
	u->backlog.request_sent = true;
	u->backlog.request_cursor = u->outbox.complete_up_to;
	emit(1, 0);
	run_for(199 * MS);
	assert_int_equal(fixture.requests, 1);
	assert_int_equal(fixture.now_ns, FIXTURE_NS + 200 * MS);
	assert_non_null(strstr(fixture.last, "\"durable\":false"));
	assert_mark(0, 1, GW_MARK_UNDURABLE);
	assert_mark(1, 1, GW_MARK_DELIVERED);
}

static void store_answers(int64_t ns)
{
	(void)ns;
	if (fixture.now_ns < until_ns)
		return;
	if (fixture.asks > 0 && u->backlog.request_sent && fixture.result == NULL)
		fixture_answer(0, 0, 0);
	if (fixture.requests > 0)
		gw_uplink_request_stop(u);
}

/* An event may leave, but what the store owes may be more urgent: it waits for the store as long
 * as that has, and does not spin meanwhile. */
static void test_a_store_that_does_not_answer(void **state)
{
	(void)state;
	u->opts.heartbeat_ns = 0;
	emit(1, 0);
	fixture.committed = 1;
	until_ns = fixture.now_ns;
	fixture.asleep = store_answers;
	fixture.run(u);
	assert_int_equal(fixture.requests, 1);
	assert_true(fixture.sleeps < 5);
	assert_int_equal(fixture.n_marks, 1);
}

static void store_cannot_read(int64_t ns)
{
	(void)ns;
	if (u->backlog.request_sent && fixture.result == NULL)
		fixture_answer(0, 0, 0)->failed = true;
	if (fixture.requests > 0)
		gw_uplink_request_stop(u);
}

/* Long overdue, and the store cannot even be read: the event goes when the store's time is up. */
static void test_a_store_that_cannot_be_read(void **state)
{
	(void)state;
	u->opts.heartbeat_ns = 0;
	emit(1, 0);
	fixture.now_ns += SEC;
	fixture.asleep = store_cannot_read;
	fixture.run(u);
	assert_int_equal(fixture.requests, 1);
	assert_int_equal(fixture.sent_ns, FIXTURE_NS + SEC + 200 * MS);
	assert_true(fixture.sleeps < 10);
}

/* An event that cannot be written as one body is parked, said, and holds nothing back. */
static void test_an_event_that_does_not_fit(void **state)
{
	(void)state;
	u->opts.heartbeat_ns = 0;
	gw_outbox_advance(&u->outbox, GW_OUTBOX_END);
	emit(1, 2);
	emit(2, 0);
	fixture.committed = 2;
	run_for(SEC);
	assert_mark(0, 1, GW_MARK_PARKED);
	assert_mark(1, 2, GW_MARK_DELIVERED);
	assert_log(
		1, "event #1 is parked, and offered again later: its texts are too long");
	assert_int_equal(u->status.parked, 1);
}

/* ---- the end ---- */

/* All that is in the ring is dealt with though none of it stays in memory. */
static void test_stop_empties_the_ring(void **state)
{
	(void)state;
	for (uint64_t seq = 1; seq <= 300; seq++)
		emit(seq, 2);
	gw_uplink_request_stop(u);
	fixture.run(u);
	assert_int_equal(gw_ring_count(gw_uplink_events(u)), 0);
	assert_int_equal(fixture.n_marks, 300);
	assert_mark(299, 300, GW_MARK_PARKED);
}

static void line_has_room(int64_t ns)
{
	(void)ns;
	if (fixture.sleeps == 3)
		fixture.room = 10;
}

/* The store's line is full: it waits for it, or what was parked is forgotten. */
static void test_stop_waits_for_the_marks(void **state)
{
	(void)state;
	fixture.room = 0;
	emit(1, 2);
	gw_uplink_request_stop(u);
	fixture.asleep = line_has_room;
	fixture.run(u);
	assert_int_equal(fixture.n_marks, 1);
	assert_mark(0, 1, GW_MARK_PARKED);
	assert_in_range(fixture.sleeps, 3, 4);
	assert_true(fixture.now_ns < FIXTURE_NS + SEC);
}

/* ... for a second and no longer. */
static void test_stop_has_an_end(void **state)
{
	(void)state;
	fixture.room = 0;
	emit(1, 2);
	gw_uplink_request_stop(u);
	fixture.asleep = stop_later;
	fixture.run(u);
	assert_int_equal(fixture.now_ns, FIXTURE_NS + SEC);
}

/* ---- credentials ---- */

static char path[128];

static void rotate(const char *token)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(token, f);
	fclose(f);
}

/* A new token is tried at once with whatever failed under the old one, and with nothing else. */
static void test_a_new_token_is_tried_at_once(void **state)
{
	struct gw_uplink_opts o = fixture_opts();
	struct gw_sink_result no = {.verdict = GW_SINK_RETRY};
	char dir[TEMP_DIR_MAX];

	(void)state;
	assert_int_equal(temp_dir_make(dir), 0);
	snprintf(path, sizeof(path), "%s/token", dir);
	o.token_file = path;
	rotate("1");
	fixture_again(&o);
	u->heartbeats.next_ns = fixture.now_ns + 20 * SEC;
	gw_request_check_credentials(u, fixture.now_ns);
	rotate("22");
	gw_request_check_credentials(u, fixture.now_ns);
	assert_int_equal(
		u->heartbeats.next_ns, fixture.now_ns + 20 * SEC); /* nothing failed */

	gw_link_state_failed(u, &no, fixture.now_ns);
	gw_retry_timer_failed(&u->delivery.retry, 0, fixture.now_ns);
	gw_request_check_credentials(u, fixture.now_ns);
	assert_false(gw_retry_timer_ready(&u->delivery.retry, fixture.now_ns));
	rotate("333");
	gw_request_check_credentials(u, fixture.now_ns);
	assert_int_equal(u->heartbeats.next_ns, fixture.now_ns);
	assert_true(gw_retry_timer_ready(&u->delivery.retry, fixture.now_ns));

	gw_link_state_reached(u);
	fixture_say(GW_SINK_REFUSED, 401);
	gw_heartbeat_send(u);
	assert_int_equal(u->heartbeats.next_ns, fixture.now_ns + 30 * SEC);
	rotate("4444");
	gw_request_check_credentials(u, fixture.now_ns);
	assert_int_equal(u->heartbeats.next_ns, fixture.now_ns);
	assert_int_equal(temp_dir_remove(dir), 0);
}

#define IT(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(test_options_are_copied),
		IT(test_a_file_gets_the_file_sink),
		IT(test_a_ring_that_is_not_possible),
		IT(test_a_thread_that_cannot_start),
		IT(test_a_sink_that_cannot_open),
		IT(test_an_idle_uplink_beats_and_sends_heartbeats),
		IT(test_a_commit_that_does_not_come),
		IT(test_a_store_that_does_not_answer),
		IT(test_a_store_that_cannot_be_read),
		IT(test_an_event_that_does_not_fit),
		IT(test_stop_empties_the_ring),
		IT(test_stop_waits_for_the_marks),
		IT(test_stop_has_an_end),
		IT(test_a_new_token_is_tried_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

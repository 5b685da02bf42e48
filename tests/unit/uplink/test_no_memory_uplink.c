/* SPDX-License-Identifier: Apache-2.0 */
/* An uplink whose memory runs out while it works: what it owes stays owed in the store, what was
 * delivered does not come again, and what is sent is whole. */
#include "uplink_parts_fixture.h"

#include "tests/unit/fixture/failing_memory.h"

#include "tests/unit/fixture/temp_dir.h"
#include "uplink/accept.h"

#include <unistd.h>

#define u (fixture.up)

static void mark_in_vain(void)
{
	for (uint64_t seq = 1; seq <= 3; seq++)
		gw_backlog_mark(&u->backlog, seq, GW_MARK_DELIVERED);
}

/* No memory to keep marks for a line that is full: counted, and later ones arrive. */
static void marks_that_cannot_be_kept(void **state)
{
	(void)state;
	fixture.room = 0;
	run_failing(mark_in_vain, 1, true);
	assert_int_equal(u->backlog.dropped_marks, 3);
	fixture.room = FIXTURE_MARKS;
	gw_backlog_mark(&u->backlog, 4, GW_MARK_DELIVERED);
	assert_int_equal(fixture.n_marks, 1);
	assert_mark(0, 4, GW_MARK_DELIVERED);
}

/* No memory to note what was delivered while the store answers: its answer is not believed, as
 * that would bring them twice, but asked for again. */
static void a_reply_without_memory_for_delivered_marks_is_repeated(void **state)
{
	(void)state;
	gw_uplink_begin_after(u, 100, 0);
	fixture.committed = 100;
	fixture_turn();
	assert_int_equal(fixture.asks, 1);
	run_failing(mark_in_vain, 1, true);
	assert_int_equal(fixture.n_marks, 3);
	fixture_answer(5, 1, GW_LEVEL_RED);
	fixture_turn();
	assert_int_equal(u->outbox.n, 0);
	assert_false(gw_outbox_is_complete(&u->outbox));
	assert_int_equal(fixture.asks, 2);
	assert_int_equal(fixture.after.seq, 0);
	fixture_answer(2, 4, GW_LEVEL_RED);
	fixture_turn();
	fixture_turn();
	fixture_answer(0, 0, 0);
	fixture_turn();
	assert_int_equal(u->outbox.n, 2);
	assert_true(gw_outbox_is_complete(&u->outbox));
}

static void turn(void)
{
	fixture_turn();
}

/* No memory for a parked event: passed over in this round, parked still. */
static void a_parked_record_without_memory_stays_parked(void **state)
{
	(void)state;
	fixture_turn();
	fixture_answer(0, 0, 0)->parked = 2;
	fixture_turn();
	fixture_turn();
	fixture_answer(2, 5, GW_LEVEL_RED);
	run_failing(turn, 1, true);
	assert_int_equal(u->parked_retry.n_items, 0);
	assert_int_equal(u->status.parked, 2);
	assert_int_equal(u->parked_retry.after_seq, 6);
	gw_parked_retry_begin(u, 0);
	fixture_turn();
	assert_int_equal(fixture.after_parked, 0);
	fixture_answer(2, 5, GW_LEVEL_RED);
	fixture_turn();
	assert_int_equal(u->parked_retry.n_items, 2);
}

/* ---- sinks ---- */

static char path[128], url[160];
static void *sink;
static struct gw_sink_result answer;

static void send_file(void)
{
	static char body[] = "{b}";
	struct gw_sink_body one = {.parts = {{body, 3}}, .n_parts = 1};

	gw_sink_file.send(
		sink, &(struct gw_sink_request){.bodies = &one, .n_bodies = 1}, &answer);
}

/* No memory to look for a cut line: nothing is written after it. */
static void the_end_of_a_file_that_cannot_be_read(void **state)
{
	struct gw_uplink_opts o = {.url = url};
	char dir[TEMP_DIR_MAX], text[32] = {0};
	FILE *f;

	(void)state;
	assert_int_equal(temp_dir_make(dir), 0);
	snprintf(path, sizeof(path), "%s/alerts", dir);
	snprintf(url, sizeof(url), "file://%s", path);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs("{a}\n{c", f);
	fclose(f);
	sink = calloc(1, gw_sink_file.state_size);
	assert_int_equal(gw_sink_file.open(sink, &o, "test", NULL), GW_OK);
	run_failing(send_file, 1, true);
	assert_int_equal(answer.verdict, GW_SINK_RETRY);
	assert_non_null(strstr(answer.why, path));
	assert_non_null(strstr(answer.why, "Cannot allocate memory"));
	send_file();
	assert_int_equal(answer.verdict, GW_SINK_SENT);
	f = fopen(path, "r");
	assert_non_null(f);
	assert_true(fread(text, 1, sizeof(text) - 1, f) > 0);
	fclose(f);
	assert_string_equal(text, "{a}\n{b}\n");
	gw_sink_file.close(sink);
	free(sink);
	assert_int_equal(temp_dir_remove(dir), 0);
}

static void judge_body(void)
{
	static const struct gw_setting_pair want = {"/errcode", "0", false};
	static const struct gw_setting_pairs expected = {.n = 1, .at = &want};
	static const char body[] = "{\"errcode\":7}";
	char memory[256];
	struct gw_text why;

	gw_text_init(&why, memory, sizeof(memory));
	/* never taken for a yes */
	assert_false(gw_accept_matches(&expected, body, strlen(body), &why));
	assert_true(memory[0] != '\0');
}

static void a_body_that_cannot_be_read(void **state)
{
	(void)state;
	each_failure("gw_accept_matches", judge_body);
}

#define IT(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(marks_that_cannot_be_kept),
		IT(a_reply_without_memory_for_delivered_marks_is_repeated),
		IT(a_parked_record_without_memory_stays_parked),
		IT(the_end_of_a_file_that_cannot_be_read),
		IT(a_body_that_cannot_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

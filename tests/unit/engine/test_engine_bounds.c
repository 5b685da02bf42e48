/* SPDX-License-Identifier: Apache-2.0 */
/* The engine at its bounds: samples and commands that nobody should send, full rings, blocks that
 * end at a seam, and tables so large that they lie on other pages. */
#include "engine_fixture.h"

#include "engine/engine_internal.h"

#define ODD ((enum gw_quality)(GW_QUALITY_COUNT + 3)) /* a quality that nobody knows */

static struct gw_ring commands, replies;

static struct gw_point_view point_view(size_t point)
{
	struct gw_point_view v;

	gw_view_point(gw_engine_view(fixture.engine), point, &v);
	return v;
}

static void with_commands(size_t room)
{
	assert_int_equal(
		gw_ring_init(&commands, 8, sizeof(struct gw_alarm_command), NULL), GW_OK);
	assert_int_equal(
		gw_ring_init(&replies, room, sizeof(struct gw_alarm_reply), NULL), GW_OK);
	gw_engine_set_commands(fixture.engine, &commands, &replies, NULL);
}

static void without_commands(void)
{
	gw_ring_fini(&commands);
	gw_ring_fini(&replies);
}

static void command(uint32_t kind, uint64_t cookie)
{
	const struct gw_alarm_command c = {
		.kind = kind, .cookie = cookie, .duration_ns = S};

	assert_int_equal(gw_ring_push(&commands, &c, 1, sizeof c), 1);
}

static struct gw_alarm_reply reply(void)
{
	struct gw_alarm_reply r;

	assert_int_equal(gw_ring_pop(&replies, &r, 1, sizeof r), 1);
	return r;
}

/* ---- samples ---- */

static void no_unconfigured(
	void *arg, const struct gw_alarm_record *record, const struct gw_alarm_info *info)
{
	(void)arg, (void)info;
	fail_msg("%s found no home", record->key);
}

/* A quality that nobody knows is no reading, wherever one is looked for: it changes no value, is
 * no sign of life, holds nothing back, counts in no vote and does not survive a reload as one. */
static void a_quality_that_nobody_knows(void **unused)
{
	static struct gw_member contact = {.is_alarm = false, .index = 1};
	static struct gw_member members[] = {
		{false, 2, 2, "s/d2/p"}, {false, 3, 3, "s/d3/p"}};
	struct gw_alarm_opts *high = fixture_alarm("high", 0, &gw_condition_above);
	struct gw_alarm_opts *vote = fixture_alarm("vote", -1, &gw_condition_at_least);
	struct gw_alarm_opts *silent = fixture_alarm("silent", 2, &gw_condition_silent);
	struct gw_engine *next;

	(void)unused;
	fixture_when(high)->limit = 50;
	high->unless = &contact;
	high->n_unless = 1;
	high->unless_stale_ns = 2 * S;
	fixture_when(vote)->members = members;
	fixture_when(vote)->n_members = 2;
	fixture_when(vote)->at_least = 1;
	fixture_when(silent)->window_ns = 10 * S;
	fixture_start();
	with_commands(4);
	fixture_feed(S, 1, 1); /* the contact holds */
	assert_int_equal(fixture_feed(S, 0, 60), 0);
	fixture_feed(S, 2, 0);
	assert_int_equal(fixture_state(0), GW_STATE_SUPPRESSED);

	for (uint32_t p = 0; p < 3; p++)
		for (int i = 0; i < 2; i++)
			assert_int_equal(fixture_feed_quality(2 * S + i, p, 99, ODD), 0);
	assert_int_equal(point_view(2).quality, ODD);
	assert_true(point_view(2).value == 0);
	assert_int_equal(point_view(2).current_ns, FIXTURE_START_NS + S);
	command(GW_COMMAND_ACK, 1); /* looks at the point's value */
	fixture_pass(3 * S);
	assert_int_equal(fixture_pass(4 * S), 1); /* what held it back cannot be read */
	assert_string_equal(fixture.event[0].info->name, "high");
	assert_true(fixture.event[0].value == 60);
	assert_int_equal(fixture_feed_quality(5 * S, 2, 0, GW_QUALITY_RETAINED), 0);
	fixture_feed_quality(5 * S + 1, 2, 0, ODD);

	next = fixture_engine();
	gw_engine_adopt(next, fixture.engine, fixture_time(6 * S), no_unconfigured, NULL);
	gw_engine_free(fixture.engine);
	fixture.engine = next;
	fixture_pass(6 * S);
	assert_int_equal(fixture.n_events, 0);
	assert_int_equal(point_view(2).current_ns, FIXTURE_START_NS + S);
	assert_int_equal(fixture_pass(11 * S - 1), 0);
	assert_int_equal(fixture_pass(11 * S), 1); /* ten seconds after its last reading */
	assert_string_equal(fixture.event[0].info->name, "silent");
	without_commands();
}

/* After a reload a new alarm does not look at a value that is none. */
static void a_new_alarm_beside_an_odd_value(void **unused)
{
	static struct gw_member members[] = {{false, 0, 0, "s/d0/p"}};
	struct gw_engine *next;
	struct gw_alarm_opts *a;

	(void)unused;
	fixture_start();
	fixture_feed(S, 0, 60);
	fixture_feed_quality(2 * S, 0, 60, ODD);
	fixture_when(fixture_alarm("high", 0, &gw_condition_above))->limit = 50;
	a = fixture_alarm("vote", -1, &gw_condition_at_least);
	fixture_when(a)->members = members;
	fixture_when(a)->n_members = 1;
	fixture_when(a)->at_least = 1;
	next = fixture_engine();
	gw_engine_adopt(next, fixture.engine, fixture_time(3 * S), no_unconfigured, NULL);
	gw_engine_free(fixture.engine);
	fixture.engine = next;
	assert_int_equal(fixture_pass(3 * S), 0);
	assert_int_equal(fixture_feed(4 * S, 0, 60), 2);
}

/* A retained value that is not finite is damage, not a value of unknown age. */
static void a_retained_value_that_is_infinite(void **unused)
{
	(void)unused;
	fixture_when(fixture_alarm("high", 0, &gw_condition_above))->limit = 50;
	fixture_start();
	fixture_feed(S, 0, 20);
	assert_int_equal(fixture_feed_quality(2 * S, 0, HUGE_VAL, GW_QUALITY_RETAINED), 0);
	assert_int_equal(point_view(0).quality, GW_QUALITY_BAD_PAYLOAD);
	assert_true(point_view(0).value == 20);
}

/* Two doses on one point lose it together, and neither counts the gap. */
static void a_point_that_is_lost_to_two_histories(void **unused)
{
	static const double rows[2][2] = {{50, 10e9}, {50, 20e9}};

	(void)unused;
	for (int i = 0; i < 2; i++)
		fixture_when(fixture_alarm(i ? "long" : "short", 0, &gw_condition_dose))
			->rows = (struct gw_table){1, 2, rows[i]};
	fixture_start();
	for (int t = 0; t <= 5; t++)
		assert_int_equal(fixture_feed(t * S, 0, 60), 0);
	assert_int_equal(fixture_feed_quality(6 * S, 0, 0, GW_QUALITY_BAD_LINK), 0);
	assert_int_equal(fixture_pass(100 * S), 0);
	for (int t = 101; t <= 103; t++)
		assert_int_equal(fixture_feed(t * S, 0, 60), 0);
	fixture_pass(200 * S);
	assert_true(fixture.n_events <= 2);
}

/* ---- commands ---- */

static void a_command_that_nobody_knows(void **unused)
{
	struct gw_alarm_reply r;

	(void)unused;
	fixture_when(fixture_alarm("high", 0, &gw_condition_above))->limit = 50;
	fixture_start();
	with_commands(4);
	fixture_feed(S, 0, 60);
	command(99, 7);
	assert_int_equal(fixture_pass(2 * S), 0);
	r = reply();
	assert_int_equal(r.cookie, 7);
	assert_int_equal(r.done, 0);
	assert_string_equal(r.why, "no such command");
	assert_int_equal(fixture_state(0), GW_STATE_ACTIVE_UNACKED);
	without_commands();
}

/* No command without an answer: those beyond the room for answers wait. */
static void commands_wait_for_room_for_answers(void **unused)
{
	(void)unused;
	fixture_when(fixture_alarm("high", 0, &gw_condition_above))->limit = 50;
	fixture_start();
	with_commands(2);
	for (uint64_t i = 1; i <= 3; i++)
		command(i == 1 ? GW_COMMAND_SHELVE : GW_COMMAND_ACK, i);
	fixture_pass(S);
	assert_int_equal(gw_ring_count(&commands), 1);
	assert_int_equal(reply().cookie, 1);
	assert_int_equal(reply().cookie, 2);
	fixture_pass(S);
	assert_int_equal(reply().cookie, 3);
	without_commands();
}

/* ---- outputs ---- */

static void one_output_too_many_is_refused(void **unused)
{
	struct gw_error err;
	struct gw_ring more;

	(void)unused;
	fixture_when(fixture_alarm("high", 0, &gw_condition_above))->limit = 50;
	fixture_start();
	assert_int_equal(gw_ring_init(&more, 64, sizeof(struct gw_event), NULL), GW_OK);
	for (int i = 1; i < GW_ENGINE_OUTPUTS; i++)
		assert_int_equal(
			gw_engine_add_output(fixture.engine, &more, NULL, &err), GW_OK);
	assert_int_equal(
		gw_engine_add_output(fixture.engine, &more, NULL, &err), GW_ERR_FULL);
	assert_string_equal(err.text, "more than 12 outputs");
	assert_int_equal(fixture_feed(S, 0, 60), 1);
	gw_ring_fini(&more);
}

/* Nobody listens: its states and numbers go on all the same. */
static void an_engine_without_outputs_goes_on(void **unused)
{
	const struct gw_engine_opts opts = {.site = &fixture_site,
		.points = fixture.points,
		.n_points = FIXTURE_POINTS,
		.alarms = fixture.alarms,
		.n_alarms = 1};

	(void)unused;
	fixture_when(fixture_alarm("high", 0, &gw_condition_above))->limit = 50;
	assert_int_equal(gw_engine_new(&opts, &fixture.engine, NULL), GW_OK);
	gw_engine_set_identity(
		fixture.engine, 7, 100, "00000000-0000-0000-0000-000000000000");
	fixture_feed(S, 0, 60);
	assert_int_equal(gw_engine_last_seq(fixture.engine), 101);
	assert_false(gw_engine_output_blocked(fixture.engine));
	assert_int_equal(fixture_state(0), GW_STATE_ACTIVE_UNACKED);
}

/* ---- blocks ---- */

static void push(struct gw_ring *in, size_t n, uint32_t point, int64_t at_ns)
{
	for (size_t i = 0; i < n; i++) {
		const struct gw_sample s = {.point = point,
			.quality = GW_QUALITY_GOOD,
			.boot_ns = FIXTURE_START_NS + at_ns,
			.value = 1};

		assert_int_equal(gw_ring_push(in, &s, 1, sizeof s), 1);
	}
}

/* As many as a step takes, up to the end of the ring's memory: it says that there may be more. */
static void a_block_that_ends_at_the_seam(void **unused)
{
	struct gw_ring in;

	(void)unused;
	fixture_start();
	assert_int_equal(gw_ring_init(&in, 256, sizeof(struct gw_sample), NULL), GW_OK);
	assert_int_equal(
		gw_engine_add_input(fixture.engine, &in, 0, FIXTURE_POINTS, NULL), GW_OK);
	push(&in, 256, 0, S);
	assert_true(gw_engine_step(fixture.engine, fixture_time(S)));
	assert_int_equal(gw_ring_processed(&in), 256);
	assert_false(gw_engine_step(fixture.engine, fixture_time(S)));
	assert_int_equal(point_view(0).samples, 256);
	gw_ring_fini(&in);
}

/* Samples that wait go before timers, which might be taken back; but not for ever. */
static void timers_run_though_samples_never_end(void **unused)
{
	struct gw_alarm_opts *a = fixture_alarm("silent", 1, &gw_condition_silent);
	struct gw_ring in;
	int steps = 0;

	(void)unused;
	a->n_points = 6; /* more than are fetched ahead of their turn */
	fixture_when(a)->window_ns = 10 * S;
	fixture_start();
	assert_int_equal(gw_ring_init(&in, 1024, sizeof(struct gw_sample), NULL), GW_OK);
	assert_int_equal(
		gw_engine_add_input(fixture.engine, &in, 0, FIXTURE_POINTS, NULL), GW_OK);
	fixture_pass(0);
	for (fixture.n_events = 0; fixture.n_events == 0 && steps < 100; steps++) {
		push(&in, 256, 0, 20 * S);
		assert_true(gw_engine_step(fixture.engine, fixture_time(20 * S)));
		fixture_collect();
	}
	assert_int_equal(steps, 64);
	assert_event(0, GW_CHANGE_RAISED, GW_STATE_ACTIVE_UNACKED);
	gw_ring_fini(&in);
}

/* ---- large tables ---- */

#define LARGE 40000

static struct gw_point_info *many_points(size_t n)
{
	struct gw_point_info *points = calloc(n, sizeof *points);

	for (size_t i = 0; i < n; i++) {
		points[i] = fixture.points[0];
		points[i].key = "s/d/p";
	}
	return points;
}

static void begin_large(size_t n, const struct gw_point_info *points,
	const struct gw_alarm_opts *alarms, size_t n_alarms)
{
	const struct gw_engine_opts opts = {.site = &fixture_site,
		.points = points,
		.n_points = n,
		.alarms = alarms,
		.n_alarms = n_alarms};

	assert_int_equal(gw_engine_new(&opts, &fixture.engine, NULL), GW_OK);
	gw_engine_set_identity(
		fixture.engine, 7, 100, "00000000-0000-0000-0000-000000000000");
	assert_int_equal(
		gw_engine_add_output(fixture.engine, &fixture.out, NULL, NULL), GW_OK);
}

/* So many points that they lie on huge pages, with and without a rest. */
static void points_on_huge_pages(void **unused)
{
	struct gw_point_info *points = many_points(LARGE);

	(void)unused;
	fixture_when(fixture_alarm("high", 0, &gw_condition_above))->limit = 50;
	for (size_t n = 32768; n <= LARGE; n += LARGE - 32768) {
		fixture.alarms[0].first_point = (uint32_t)n - 1;
		begin_large(n, points, fixture.alarms, 1);
		assert_int_equal(fixture_feed(S, (uint32_t)n - 1, 60), 1);
		assert_int_equal(fixture_feed(S, (uint32_t)n, 60), 0);
		assert_int_equal(fixture.engine->unknown_samples, 1);
		assert_int_equal(point_view(n - 2).quality, GW_QUALITY_NONE);
		gw_engine_free(fixture.engine);
		fixture.engine = NULL;
	}
	free(points);
}

/* So many histories that they are fetched ahead: a stray sample among the next is not. */
static void a_sample_of_no_point_is_not_prefetched(void **unused)
{
	enum { N = 4000 };
	struct gw_point_info *points = many_points(N);
	struct gw_alarm_opts *alarms = calloc(N, sizeof *alarms);
	struct gw_sample block[64];

	(void)unused;
	for (size_t i = 0; i < N; i++) {
		struct gw_alarm_opts *a = fixture_alarm("rate", 0, &gw_condition_rises);

		fixture.n_alarms = 0;
		fixture_when(a)->limit = 10;
		fixture_when(a)->window_ns = 60 * S;
		alarms[i] = *a;
		alarms[i].first_point = (uint32_t)i;
	}
	begin_large(N, points, alarms, N);
	assert_true(fixture.engine->prefetch_histories);
	for (int64_t t = 1; t <= 5; t++) {
		for (uint32_t i = 0; i < 64; i++)
			block[i] = (struct gw_sample){.point = i == 20 ? UINT32_MAX : i,
				.quality = GW_QUALITY_GOOD,
				.boot_ns = FIXTURE_START_NS + t * S,
				.value = t > 3 ? 40 : 20};
		gw_engine_ingest(fixture.engine, block, 64, fixture_time(t * S));
		fixture_pass(t * S);
	}
	assert_int_equal(fixture.n_events, 63);
	assert_int_equal(fixture.engine->unknown_samples, 5);
	gw_engine_free(fixture.engine);
	fixture.engine = NULL;
	free(alarms);
	free(points);
}

/* ---- time ---- */

/* What was dated by a wrong clock and is over is not told again when the clock is right. */
static void an_ended_occurrence_is_not_amended(void **unused)
{
	(void)unused;
	fixture.synced = false;
	fixture_when(fixture_alarm("over", 0, &gw_condition_above))->limit = 50;
	fixture_when(fixture_alarm("stands", 1, &gw_condition_above))->limit = 50;
	fixture_start();
	fixture_feed(S, 0, 60);
	fixture_feed(S, 1, 60);
	fixture_feed(2 * S, 0, 40);
	with_commands(4);
	command(GW_COMMAND_ACK, 1); /* the end of a life */
	fixture_pass(2 * S);
	assert_int_equal(fixture_state(0), GW_STATE_NORMAL);
	fixture.synced = true;
	assert_int_equal(fixture_pass(3 * S), 1);
	assert_string_equal(fixture.event[0].info->name, "stands");
	assert_event(0, GW_CHANGE_AMENDED, GW_STATE_ACTIVE_UNACKED);
	without_commands();
}

/* Before the first step nobody waited for anything. */
static void a_pause_before_the_start(void **unused)
{
	(void)unused;
	fixture_when(fixture_alarm("silent", 0, &gw_condition_silent))->window_ns = 10 * S;
	fixture_start();
	gw_engine_paused(fixture.engine, 3600 * S, FIXTURE_START_NS);
	fixture_pass(0);
	assert_int_equal(fixture_pass(10 * S - 1), 0);
	assert_int_equal(fixture_pass(10 * S), 1);
}

#define IT(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(a_quality_that_nobody_knows),
		IT(a_new_alarm_beside_an_odd_value),
		IT(a_retained_value_that_is_infinite),
		IT(a_point_that_is_lost_to_two_histories),
		IT(a_command_that_nobody_knows),
		IT(commands_wait_for_room_for_answers),
		IT(one_output_too_many_is_refused),
		IT(an_engine_without_outputs_goes_on),
		IT(a_block_that_ends_at_the_seam),
		IT(timers_run_though_samples_never_end),
		IT(points_on_huge_pages),
		IT(a_sample_of_no_point_is_not_prefetched),
		IT(an_ended_occurrence_is_not_amended),
		IT(a_pause_before_the_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

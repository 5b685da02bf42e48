/* SPDX-License-Identifier: Apache-2.0 */
/* Outputs: what waits, what is lost, and both over a reload. */
#include "adopt_fixture.h"

static void events_for_a_full_output_outlive_a_reload(void **unused)
{
	struct gw_ring slow, fresh;
	struct gw_engine *next;
	struct gw_event e;
	uint64_t expect = 101;

	(void)unused;
	assert_int_equal(gw_ring_init(&slow, 2, sizeof e, NULL), GW_OK);
	assert_int_equal(gw_ring_init(&fresh, 64, sizeof e, NULL), GW_OK);
	fixture_when(fixture_alarm("high", 0, &gw_condition_above))->limit = 50;
	start_old();
	assert_int_equal(gw_engine_add_output(fixture.engine, &slow, NULL, NULL), GW_OK);
	for (int i = 0; i < 10; i++)
		assert_int_equal(fixture_feed((i + 1) * S, 0, i % 2 ? 0 : 60), 1);
	for (int twice = 0; twice < 2; twice++) { /* a second one must not begin anew */
		fixture.n_alarms = 0;
		fixture_when(fixture_alarm("high", 0, &gw_condition_above))->limit = 50;
		next = fixture_engine();
		assert_int_equal(gw_engine_add_output(next, &slow, NULL, NULL), GW_OK);
		assert_int_equal(gw_engine_add_output(next, &fresh, NULL, NULL), GW_OK);
		gw_engine_adopt(
			next, fixture.engine, fixture_time(20 * S), no_unconfigured, NULL);
		gw_engine_free(fixture.engine);
		fixture.engine = next;
	}
	assert_int_equal(fixture_pass(20 * S), 0); /* the first output had them all */
	assert_int_equal(gw_ring_count(&fresh), 0);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(gw_ring_pop(&slow, &e, 1, sizeof e), 1);
		assert_int_equal(e.seq, expect++);
		fixture_pass((20 + i) * S);
	}
	assert_false(gw_engine_output_blocked(fixture.engine));
	gw_ring_fini(&slow);
	gw_ring_fini(&fresh);
}

static void lost_events_are_counted_by_output_through_a_reload(void **unused)
{
	struct gw_engine *next;
	struct gw_ring slow;
	struct gw_event e;
	uint64_t came = 0, lost;

	(void)unused;
	assert_int_equal(gw_ring_init(&slow, 2, sizeof e, NULL), GW_OK);
	fixture_when(fixture_alarm("high", 0, &gw_condition_above))->limit = 50;
	start_old();
	assert_int_equal(gw_engine_add_output(fixture.engine, &slow, NULL, NULL), GW_OK);
	for (int i = 0; i < 5000; i++)
		assert_int_equal(fixture_feed((i + 1) * S, 0, i % 2 ? 0 : 60), 1);
	lost = gw_engine_lost_events(fixture.engine, &slow);
	assert_in_range(lost, 1, 4999);
	assert_int_equal(gw_engine_lost_events(fixture.engine, &fixture.out), 0);
	assert_int_equal(gw_engine_lost_events(fixture.engine, NULL), 0);
	fixture.n_alarms = 0;
	fixture_when(fixture_alarm("high", 0, &gw_condition_above))->limit = 50;
	next = fixture_engine();
	assert_int_equal(gw_engine_add_output(next, &slow, NULL, NULL), GW_OK);
	gw_engine_adopt(
		next, fixture.engine, fixture_time(6000 * S), no_unconfigured, NULL);
	gw_engine_free(fixture.engine);
	fixture.engine = next;
	assert_int_equal(gw_engine_lost_events(fixture.engine, &slow), lost);
	while (gw_engine_output_blocked(fixture.engine) || gw_ring_count(&slow)) {
		came += gw_ring_pop(&slow, &e, 1, sizeof e);
		fixture_pass(6001 * S);
	}
	assert_int_equal(came + lost, 5000);
	assert_int_equal(gw_engine_lost_events(fixture.engine, &slow), lost);
	gw_ring_fini(&slow);
}

static struct gw_engine *second_engine(void)
{
	struct gw_engine *e;

	assert_int_equal(gw_engine_new(&(struct gw_engine_opts){.site = &fixture_site,
					       .points = fixture.points,
					       .n_points = FIXTURE_POINTS,
					       .alarms = was,
					       .n_alarms = 1,
					       .n_inputs = 1},
				 &e, NULL),
		GW_OK);
	assert_int_equal(gw_engine_add_output(e, &fixture.out, NULL, NULL), GW_OK);
	return e;
}

/* Six events, of which two find room. */
static void emit_six(void)
{
	for (int i = 0; i < 6; i++)
		gw_engine_ingest(fixture.engine,
			&(struct gw_sample){.quality = GW_QUALITY_GOOD,
				.boot_ns = FIXTURE_START_NS + i * S,
				.value = i % 2 ? 0 : 60},
			1, fixture_time(i * S));
	gw_engine_step(fixture.engine, fixture_time(6 * S));
}

static void go_on_with(struct gw_engine *next)
{
	gw_engine_adopt(next, fixture.engine, fixture_time(7 * S), no_unconfigured, NULL);
	gw_engine_free(fixture.engine);
	fixture.engine = next;
}

static void expect_all_six(void)
{
	struct gw_event e;

	for (uint64_t seq = 101; seq <= 106; seq++) {
		gw_engine_step(fixture.engine, fixture_time(7 * S));
		assert_int_equal(gw_ring_pop(&fixture.out, &e, 1, sizeof e), 1);
		assert_int_equal(e.seq, seq);
	}
	gw_engine_step(fixture.engine, fixture_time(8 * S));
	assert_int_equal(gw_ring_count(&fixture.out), 0);
}

static void with_a_small_output(void)
{
	gw_engine_free(fixture.engine);
	gw_ring_fini(&fixture.out);
	assert_int_equal(
		gw_ring_init(&fixture.out, 2, sizeof(struct gw_event), NULL), GW_OK);
	fixture_when(fixture_alarm("high", 0, &gw_condition_above))->limit = 50;
	start_old();
}

/* A reload that adds an uplink: what arose before it is for those that were there. */
static void a_new_output_begins_with_the_new_engine(void **unused)
{
	struct gw_engine *next;
	struct gw_ring uplink;
	struct gw_event e;

	(void)unused;
	with_a_small_output();
	assert_int_equal(gw_ring_init(&uplink, 64, sizeof e, NULL), GW_OK);
	next = second_engine();
	assert_int_equal(gw_engine_add_output(next, &uplink, NULL, NULL), GW_OK);
	emit_six();
	go_on_with(next);
	expect_all_six();
	assert_int_equal(gw_ring_count(&uplink), 0);
	gw_engine_ingest(next,
		&(struct gw_sample){.quality = GW_QUALITY_GOOD,
			.boot_ns = FIXTURE_START_NS + 9 * S,
			.value = 60},
		1, fixture_time(9 * S));
	gw_engine_step(next, fixture_time(9 * S));
	assert_int_equal(gw_ring_pop(&uplink, &e, 1, sizeof e), 1);
	assert_int_equal(e.seq, 107);
	gw_ring_fini(&uplink);
}

/* An engine that was made before the running one pushed its last knows how far that one came. */
static void an_output_continues_through_an_engine_without_events(void **unused)
{
	struct gw_engine *next;

	(void)unused;
	with_a_small_output();
	next = second_engine();
	emit_six();
	go_on_with(next);
	go_on_with(second_engine());
	expect_all_six();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(events_for_a_full_output_outlive_a_reload),
		TEST(lost_events_are_counted_by_output_through_a_reload),
		TEST(a_new_output_begins_with_the_new_engine),
		TEST(an_output_continues_through_an_engine_without_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

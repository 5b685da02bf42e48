/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine_fixture.h: a small building for engine tests: points p0, p1 ... on devices of their own,
 * alarms added one by one, a fake clock, and the events that came out.
 */
#ifndef ENGINE_FIXTURE_H
#define ENGINE_FIXTURE_H

#include "alarm/condition.h"
#include "engine/engine.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define S                GW_NS_PER_SEC
#define FIXTURE_POINTS   8
#define FIXTURE_ALARMS   16
#define FIXTURE_START_NS (1000 * S)
#define FIXTURE_WALL_MS  INT64_C(1790000000000)

static struct fixture {
	struct gw_point_info points[FIXTURE_POINTS];
	char point_key[FIXTURE_POINTS][32];
	struct gw_alarm_opts alarms[FIXTURE_ALARMS];
	struct gw_condition_opts when[FIXTURE_ALARMS]; /* of each */
	char alarm_key[FIXTURE_ALARMS][64];
	size_t n_alarms;
	struct gw_engine *engine;
	struct gw_ring out;
	struct gw_event event[256];
	size_t n_events;
	bool synced;
} fixture;

static const struct gw_site_info fixture_site = {
	.gateway = "box", .unit = "unit", .area = "120101", .grid = "1"};

static inline struct gw_time fixture_time(int64_t at_ns)
{
	return (struct gw_time){.boot_ns = FIXTURE_START_NS + at_ns,
		.wall_ms = FIXTURE_WALL_MS + at_ns / GW_NS_PER_MS,
		.synced = fixture.synced};
}

static inline int fixture_setup(void **unused)
{
	(void)unused;
	memset(&fixture, 0, sizeof fixture);
	fixture.synced = true;
	for (int i = 0; i < FIXTURE_POINTS; i++) {
		snprintf(fixture.point_key[i], sizeof fixture.point_key[i], "s/d%d/p", i);
		fixture.points[i] = (struct gw_point_info){.key = fixture.point_key[i],
			.source = "s",
			.device = "d",
			.name = "p",
			.unit_of_measure = "u",
			.place = {"", "", ""}};
	}
	return gw_ring_init(&fixture.out, 256, sizeof(struct gw_event), NULL) != GW_OK;
}

static inline int fixture_teardown(void **unused)
{
	(void)unused;
	gw_engine_free(fixture.engine);
	gw_ring_fini(&fixture.out);
	return 0;
}

/* The condition of an alarm that fixture_alarm returned, to be changed before fixture_start. */
static inline struct gw_condition_opts *fixture_when(const struct gw_alarm_opts *a)
{
	return &fixture.when[a - fixture.alarms];
}

/* point < 0: a vote. Returns the alarm, to be changed before fixture_start. */
static inline struct gw_alarm_opts *fixture_alarm(
	const char *name, int point, const struct gw_condition_kind *kind)
{
	struct gw_alarm_opts *a = &fixture.alarms[fixture.n_alarms];
	char *key = fixture.alarm_key[fixture.n_alarms++];
	int n = point >= 0
		? snprintf(key, sizeof fixture.alarm_key[0], "s/d%d/p:%s", point, name)
		: snprintf(key, sizeof fixture.alarm_key[0], "%s", name);

	assert_in_range(n, 1, sizeof fixture.alarm_key[0] - 1);
	*fixture_when(a) = (struct gw_condition_opts){.kind = kind};
	*a = (struct gw_alarm_opts){
		.info = {.key = key,
			.name = name,
			.subject = point >= 0 ? fixture.point_key[point] : "",
			.condition = kind->key,
			.text = "",
			.point = "",
			.source = "",
			.device = "",
			.unit_of_measure = "u",
			.place = {"", "", ""},
			.site = &fixture_site,
			.class_ = GW_CLASS_ALARM},
		.when = fixture_when(a),
		.first_point = point >= 0 ? (uint32_t)point : 0,
		.n_points = point >= 0 ? 1 : 0,
		.level = GW_LEVEL_RED,
	};
	return a;
}

static inline struct gw_engine *fixture_engine(void)
{
	const struct gw_engine_opts opts = {.site = &fixture_site,
		.points = fixture.points,
		.n_points = FIXTURE_POINTS,
		.alarms = fixture.alarms,
		.n_alarms = fixture.n_alarms,
		.n_inputs = 1};
	struct gw_engine *e;

	assert_int_equal(gw_engine_new(&opts, &e, NULL), GW_OK);
	gw_engine_set_identity(e, 7, 100, "00000000-0000-0000-0000-000000000000");
	assert_int_equal(gw_engine_add_output(e, &fixture.out, NULL, NULL), GW_OK);
	return e;
}

static inline void fixture_start(void)
{
	fixture.engine = fixture_engine();
}

static inline void fixture_collect(void)
{
	fixture.n_events = gw_ring_pop(
		&fixture.out, fixture.event, 256, sizeof fixture.event[0]);
}

/* Let time pass to at_ns (since FIXTURE_START_NS); the events of this step are in fixture.event. */
static inline size_t fixture_pass(int64_t at_ns)
{
	gw_engine_step(fixture.engine, fixture_time(at_ns));
	fixture_collect();
	return fixture.n_events;
}

static inline size_t fixture_feed_quality(
	int64_t at_ns, uint32_t point, double value, enum gw_quality q)
{
	const struct gw_sample sample = {.point = point,
		.quality = (uint16_t)q,
		.boot_ns = FIXTURE_START_NS + at_ns,
		.value = value};

	gw_engine_ingest(fixture.engine, &sample, 1, fixture_time(at_ns));
	return fixture_pass(at_ns);
}

static inline size_t fixture_feed(int64_t at_ns, uint32_t point, double value)
{
	return fixture_feed_quality(at_ns, point, value, GW_QUALITY_GOOD);
}

static inline enum gw_state fixture_state(size_t alarm)
{
	struct gw_alarm_view v;

	gw_view_alarm(gw_engine_view(fixture.engine), alarm, &v);
	return (enum gw_state)v.state;
}

#define assert_event(i, change_, state_) \
	do { \
		assert_true((i) < fixture.n_events); \
		assert_int_equal(fixture.event[i].change, (change_)); \
		assert_int_equal(fixture.event[i].state, (state_)); \
	} while (0)

/* As a start finds it in the store: raised and acknowledged some seconds before. */
__attribute__((unused)) static struct gw_alarm_record fixture_standing(size_t alarm)
{
	return (struct gw_alarm_record){.key = fixture.alarm_key[alarm],
		.state = GW_STATE_ACTIVE_ACKED,
		.underlying = GW_STATE_ACTIVE_ACKED,
		.level = GW_LEVEL_RED,
		.occurrence = {1, 2, 3},
		.onset_ms = FIXTURE_WALL_MS - 5000,
		.since_ms = FIXTURE_WALL_MS - 4000,
		.value = 60,
		.peak = 80,
		.seq = 55};
}

#endif

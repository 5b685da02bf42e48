/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine_kit.h: a small building for engine tests: points p0, p1 ... on devices of their own,
 * alarms added one by one, a fake clock, and the events that came out.
 */
#ifndef ENGINE_KIT_H
#define ENGINE_KIT_H

#include "alarm/kinds.h"
#include "engine/engine.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define S            GW_NS_PER_SEC
#define KIT_POINTS   8
#define KIT_ALARMS   16
#define KIT_START_NS (1000 * S)
#define KIT_WALL_MS  INT64_C(1790000000000)

static struct kit {
	struct gw_point_info points[KIT_POINTS];
	char point_key[KIT_POINTS][32];
	struct gw_alarm_opts alarms[KIT_ALARMS];
	char alarm_key[KIT_ALARMS][64];
	size_t n_alarms;
	struct gw_engine *engine;
	struct gw_ring out;
	struct gw_event event[256];
	size_t n_events;
	bool synced;
} kit;

static const struct gw_site_info kit_site = {
	.gateway = "box", .unit = "unit", .area = "120101", .grid = "1"};

static inline struct gw_time kit_time(int64_t at_ns)
{
	return (struct gw_time){.mono_ns = KIT_START_NS + at_ns,
		.wall_ms = KIT_WALL_MS + at_ns / GW_NS_PER_MS,
		.synced = kit.synced};
}

static inline int kit_setup(void **unused)
{
	(void)unused;
	memset(&kit, 0, sizeof kit);
	kit.synced = true;
	for (int i = 0; i < KIT_POINTS; i++) {
		snprintf(kit.point_key[i], sizeof kit.point_key[i], "s/d%d/p", i);
		kit.points[i] = (struct gw_point_info){.key = kit.point_key[i],
			.source = "s",
			.device = "d",
			.name = "p",
			.unit_of_measure = "u",
			.place = {"", "", ""}};
	}
	return gw_ring_init(&kit.out, 256, sizeof(struct gw_event), NULL) != GW_OK;
}

static inline int kit_teardown(void **unused)
{
	(void)unused;
	gw_engine_free(kit.engine);
	gw_ring_fini(&kit.out);
	return 0;
}

/* point < 0: a vote. Returns the alarm, to be changed before kit_start. */
static inline struct gw_alarm_opts *kit_alarm(
	const char *name, int point, const struct gw_condition_kind *kind)
{
	struct gw_alarm_opts *a = &kit.alarms[kit.n_alarms];
	char *key = kit.alarm_key[kit.n_alarms++];

	if (point >= 0)
		snprintf(key, sizeof kit.alarm_key[0], "s/d%d/p:%s", point, name);
	else
		snprintf(key, sizeof kit.alarm_key[0], "%s", name);
	*a = (struct gw_alarm_opts){
		.info = {.key = key,
			.name = name,
			.subject = point >= 0 ? kit.point_key[point] : "",
			.condition = kind->key,
			.text = "",
			.point = "",
			.source = "",
			.device = "",
			.unit_of_measure = "u",
			.place = {"", "", ""},
			.site = &kit_site,
			.class_ = GW_CLASS_ALARM},
		.when = {.kind = kind},
		.first_point = point >= 0 ? (uint32_t)point : 0,
		.n_points = point >= 0 ? 1 : 0,
		.level = GW_LEVEL_RED,
	};
	return a;
}

static inline struct gw_engine *kit_engine(void)
{
	const struct gw_engine_opts opts = {.site = &kit_site,
		.points = kit.points,
		.n_points = KIT_POINTS,
		.alarms = kit.alarms,
		.n_alarms = kit.n_alarms,
		.n_inputs = 1};
	struct gw_engine *e;

	assert_int_equal(gw_engine_new(&opts, &e, NULL), GW_OK);
	gw_engine_identity(e, 7, 100, "00000000-0000-0000-0000-000000000000");
	assert_int_equal(gw_engine_output(e, &kit.out, NULL, NULL), GW_OK);
	return e;
}

static inline void kit_start(void)
{
	kit.engine = kit_engine();
}

static inline void kit_collect(void)
{
	kit.n_events = gw_ring_pop(&kit.out, kit.event, 256, sizeof kit.event[0]);
}

/* Let time pass to at_ns (since KIT_START_NS); the events of this step are in kit.event. */
static inline size_t kit_pass(int64_t at_ns)
{
	gw_engine_step(kit.engine, kit_time(at_ns));
	kit_collect();
	return kit.n_events;
}

static inline size_t kit_feed_quality(
	int64_t at_ns, uint32_t point, double value, enum gw_quality q)
{
	const struct gw_sample sample = {.point = point,
		.quality = (uint16_t)q,
		.mono_ns = KIT_START_NS + at_ns,
		.value = value};

	gw_engine_feed(kit.engine, &sample, 1, kit_time(at_ns));
	return kit_pass(at_ns);
}

static inline size_t kit_feed(int64_t at_ns, uint32_t point, double value)
{
	return kit_feed_quality(at_ns, point, value, GW_QUALITY_GOOD);
}

static inline enum gw_state kit_state(size_t alarm)
{
	struct gw_alarm_view v;

	gw_view_alarm(gw_engine_view(kit.engine), alarm, &v);
	return (enum gw_state)v.state;
}

#define assert_event(i, change_, state_) \
	do { \
		assert_true((i) < kit.n_events); \
		assert_int_equal(kit.event[i].change, (change_)); \
		assert_int_equal(kit.event[i].state, (state_)); \
	} while (0)

#endif

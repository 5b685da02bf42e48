/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ops_kit.h: a gateway that consists of its view only, for tests of what operators see: a fake
 * clock, a config made by hand, and every stage's status set by the test. The functions here
 * displace the library's.
 */
#ifndef OPS_KIT_H
#define OPS_KIT_H

#include "app/status.h"
#include "base/log.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define KIT_POINTS_MAX 6000
#define KIT_ALARMS     6

static struct kit {
	int64_t mono_ns, wall_ms;
	char said[16][512];
	int n_said;
	struct gw_driver driver;
	struct gw_source_opts sources[2];
	struct gw_device_opts devices[2];
	struct gw_point_opts point_opts[3];
	struct gw_point_info points[KIT_POINTS_MAX];
	char keys[KIT_POINTS_MAX][48];
	uint32_t first_point[2];
	struct gw_uplink_opts uplink;
	struct gw_alarm_opts alarms[KIT_ALARMS];
	struct gw_config config;
	struct gw_source *source_at[2];
	struct gw_uplink *uplink_at[1];
	struct gw_app_view view;
	/* what the stages say */
	struct gw_point_view point_view[KIT_POINTS_MAX];
	struct gw_alarm_view alarm_view[KIT_ALARMS];
	struct gw_source_status source_status[2];
	struct gw_uplink_status uplink_status;
	struct gw_store_status store_status;
	uint64_t committed, last_seq, store_lost, uplink_lost;
	/* history */
	int asked;
	size_t asked_last;
	int64_t asked_since_ms;
	struct gw_batch *history;
	bool verifying;
	const struct gw_store_verified *verified;
} kit;

int64_t gw_clock_mono_ns(void)
{
	return kit.mono_ns;
}

int64_t gw_clock_wall_ms(void)
{
	return kit.wall_ms;
}

bool gw_clock_synced(void)
{
	return true;
}

void gw_clock_boot_id(char ret_id[37])
{
	memset(ret_id, '0', 36);
	ret_id[36] = '\0';
}

void gw_log_init(enum gw_log_level max)
{
	(void)max;
}

void gw_log(enum gw_log_level level, const char *fmt, ...)
{
	va_list ap;

	(void)level;
	va_start(ap, fmt);
	if (kit.n_said < 16)
		vsnprintf(kit.said[kit.n_said++], sizeof(kit.said[0]), fmt, ap);
	va_end(ap);
}

void gw_view_point(struct gw_view *v, size_t point, struct gw_point_view *ret_view)
{
	(void)v;
	*ret_view = kit.point_view[point];
}

void gw_view_alarm(struct gw_view *v, size_t alarm, struct gw_alarm_view *ret_view)
{
	(void)v;
	*ret_view = kit.alarm_view[alarm];
}

uint64_t gw_engine_last_seq(const struct gw_engine *e)
{
	(void)e;
	return kit.last_seq;
}

static struct gw_ring kit_store_events, kit_uplink_events;

struct gw_ring *gw_store_events(struct gw_store *s)
{
	(void)s;
	return &kit_store_events;
}

struct gw_ring *gw_uplink_events(struct gw_uplink *u)
{
	(void)u;
	return &kit_uplink_events;
}

uint64_t gw_engine_lost(const struct gw_engine *e, const struct gw_ring *events)
{
	(void)e;
	return events == &kit_store_events     ? kit.store_lost
		: events == &kit_uplink_events ? kit.uplink_lost
					       : 0;
}

void gw_source_status(struct gw_source *s, struct gw_source_status *ret_status)
{
	*ret_status = kit.source_status[(void *)s == (void *)&kit.sources[1]];
}

void gw_uplink_status(struct gw_uplink *u, struct gw_uplink_status *ret_status)
{
	(void)u;
	*ret_status = kit.uplink_status;
}

void gw_store_status(struct gw_store *s, struct gw_store_status *ret_status)
{
	(void)s;
	*ret_status = kit.store_status;
}

uint64_t gw_store_committed(const struct gw_store *s)
{
	(void)s;
	return kit.committed;
}

bool gw_store_ask_history(struct gw_store *s, size_t last, int64_t since_ms)
{
	(void)s;
	kit.asked++;
	kit.asked_last = last;
	kit.asked_since_ms = since_ms;
	return true;
}

struct gw_batch *gw_store_take_history(struct gw_store *s)
{
	struct gw_batch *b = kit.history;

	(void)s;
	kit.history = NULL;
	return b;
}

bool gw_store_ask_verify(struct gw_store *s)
{
	(void)s;
	if (kit.verifying)
		return false;
	kit.verifying = true;
	return true;
}

bool gw_store_take_verified(struct gw_store *s, struct gw_store_verified *ret_verified)
{
	(void)s;
	if (!kit.verified)
		return false;
	*ret_verified = *kit.verified;
	kit.verified = NULL;
	kit.verifying = false;
	return true;
}

void gw_batch_free(struct gw_batch *b)
{
	if (b)
		free(b->events);
	free(b);
}

static void kit_point(size_t i, const char *source, const char *device, const char *name,
	const char *unit)
{
	snprintf(kit.keys[i], sizeof(kit.keys[i]), "%s%s%s%s%s", source,
		*device ? "/" : ":", device, *device ? "/" : "", name);
	kit.points[i] = (struct gw_point_info){.key = kit.keys[i],
		.source = source,
		.device = device,
		.name = name,
		.unit_of_measure = unit,
		.place = {.building = "A", .floor = "-1", .room = *device ? "锅炉房" : ""}};
}

static void kit_alarm(size_t i, const char *key, const char *name, const char *point,
	enum gw_level level, enum gw_class class_)
{
	static const struct gw_site_info site = {
		.gateway = "tj-1", .unit = "示例大厦", .area = "120101", .grid = "1"};

	kit.alarms[i] = (struct gw_alarm_opts){
		.info = {.key = key,
			.name = name,
			.subject = point,
			.condition = "above 50",
			.text = "",
			.point = point,
			.source = "boiler",
			.device = "gas-1",
			.unit_of_measure = "%LEL",
			.place = {.building = "A", .floor = "-1", .room = "锅炉房"},
			.site = &site,
			.class_ = class_},
		.level = level,
	};
	kit.alarm_view[i] = (struct gw_alarm_view){.level = (uint8_t)level,
		.value = (double)NAN,
		.limit = (double)NAN,
		.peak = (double)NAN};
}

/* boiler (modbus-rtu): gas-1 with ch4, temp; plant (modbus-tcp): heat with t; then down points. */
static int kit_setup(void **unused)
{
	(void)unused;
	memset(&kit, 0, sizeof(kit));
	kit.mono_ns = 1000 * GW_NS_PER_SEC;
	kit.wall_ms = INT64_C(1795220130123); /* 2026-11-21T00:15:30.123Z */
	setenv("TZ", "UTC", 1);
	kit.driver = (struct gw_driver){.name = "modbus-rtu"};
	kit_point(0, "boiler", "gas-1", "ch4", "%LEL");
	kit_point(1, "boiler", "gas-1", "temp", "°C");
	kit_point(2, "boiler", "", "down", "");
	kit_point(3, "plant", "heat", "t", "°C");
	kit_point(4, "plant", "", "down", "");
	kit.first_point[1] = 3;
	for (size_t i = 0; i < 3; i++)
		kit.point_opts[i].index = i == 1;
	kit.devices[0] = (struct gw_device_opts){
		.name = "gas-1", .points = kit.point_opts, .n_points = 2};
	kit.devices[1] = (struct gw_device_opts){
		.name = "heat", .points = kit.point_opts + 2, .n_points = 1};
	kit.sources[0] = (struct gw_source_opts){.name = "boiler",
		.driver_table = &kit.driver,
		.devices = &kit.devices[0],
		.n_devices = 1,
		.n_points = 2};
	kit.sources[1] = (struct gw_source_opts){.name = "plant",
		.driver_table = &kit.driver,
		.devices = &kit.devices[1],
		.n_devices = 1,
		.n_points = 1};
	kit.uplink = (struct gw_uplink_opts){.name = "city", .url = "https://p.example/v1"};
	kit_alarm(0, "boiler/gas-1/ch4:ch4-high", "ch4-high", "boiler/gas-1/ch4",
		GW_LEVEL_RED, GW_CLASS_ALARM);
	kit_alarm(1, "boiler/gas-1/ch4:ch4-early", "ch4-early", "boiler/gas-1/ch4",
		GW_LEVEL_YELLOW, GW_CLASS_WARNING);
	kit_alarm(2, "boiler/gas-1:silent", "silent", "boiler/gas-1", GW_LEVEL_YELLOW,
		GW_CLASS_FAULT);
	kit_alarm(3, "plant/heat:silent", "silent", "plant/heat", GW_LEVEL_YELLOW,
		GW_CLASS_FAULT);
	kit_alarm(4, "boiler:down", "down", "boiler", GW_LEVEL_ORANGE, GW_CLASS_FAULT);
	kit_alarm(5, "confirmed", "confirmed", "", GW_LEVEL_RED, GW_CLASS_ALARM);
	kit.config = (struct gw_config){
		.site = {.gateway = "tj-1",
			.unit = "示例大厦",
			.area = "120101",
			.grid = "1"},
		.sources = kit.sources,
		.n_sources = 2,
		.uplinks = &kit.uplink,
		.n_uplinks = 1,
		.points = kit.points,
		.n_points = 5,
		.source_first_point = kit.first_point,
		.alarms = kit.alarms,
		.n_alarms = KIT_ALARMS,
	};
	kit.source_at[0] = (void *)&kit.sources[0];
	kit.source_at[1] = (void *)&kit.sources[1];
	kit.uplink_at[0] = (void *)&kit.uplink;
	kit.view = (struct gw_app_view){
		.config = &kit.config,
		.engine = (void *)&kit,
		.view = (void *)&kit,
		.sources = kit.source_at,
		.uplinks = kit.uplink_at,
		.store = (void *)&kit,
		.started_ns = 10 * GW_NS_PER_SEC,
		.run = 3,
		.synced = true,
	};
	return 0;
}

/* ch4 is read, its alarm stands and is worst; temp was read and is bad; heat never spoke. */
static inline void kit_trouble(void)
{
	kit.point_view[0] = (struct gw_point_view){.value = 52.3,
		.quality = GW_QUALITY_GOOD,
		.mono_ns = kit.mono_ns - 500 * GW_NS_PER_MS,
		.good_ns = kit.mono_ns - 500 * GW_NS_PER_MS,
		.samples = 40};
	kit.point_view[1] = (struct gw_point_view){.value = 21.5,
		.quality = GW_QUALITY_BAD_TIMEOUT,
		.mono_ns = kit.mono_ns - 1 * GW_NS_PER_SEC,
		.good_ns = kit.mono_ns - 65 * GW_NS_PER_SEC,
		.samples = 38};
	kit.alarm_view[1].state = GW_STATE_ACTIVE_ACKED;
	kit.alarm_view[1].since_ms = kit.wall_ms - 60000;
	kit.alarm_view[1].value = 22;
	kit.alarm_view[1].limit = 20;
	kit.alarm_view[0].state = GW_STATE_ACTIVE_UNACKED;
	kit.alarm_view[0].since_ms = kit.wall_ms - 30000;
	kit.alarm_view[0].value = 52.3;
	kit.alarm_view[0].limit = 50;
	kit.alarm_view[4].state = GW_STATE_SHELVED;
	kit.alarm_view[4].since_ms = kit.wall_ms - 90000;
	kit.alarm_view[4].shelved_until_ms = kit.wall_ms + 3600000;
	kit.source_status[0] = (struct gw_source_status){.state = GW_SOURCE_UP,
		.since_ns = kit.mono_ns - 90 * GW_NS_PER_SEC,
		.samples = 78,
		.counts = {[GW_COUNT_REQUESTS] = 80, [GW_COUNT_TIMEOUTS] = 2}};
	kit.source_status[1] = (struct gw_source_status){.state = GW_SOURCE_DOWN,
		.since_ns = kit.mono_ns - 300 * GW_NS_PER_SEC,
		.tries = 12,
		.why = "connect 10.0.3.20:502: Connection refused"};
	kit.uplink_status = (struct gw_uplink_status){.up = true,
		.tried = true,
		.since_ns = kit.mono_ns - 2 * GW_NS_PER_SEC,
		.pending = 3,
		.oldest_ms = 4200,
		.sent = 17};
	kit.store_status = (struct gw_store_status){
		.committed = 20, .rows = 20, .file_bytes = 1572864};
	kit.last_seq = 23;
}

static struct gw_event kit_event(uint64_t seq)
{
	return (struct gw_event){.seq = seq,
		.run = 3,
		.change = GW_CHANGE_RAISED,
		.state = GW_STATE_ACTIVE_UNACKED,
		.level = GW_LEVEL_RED,
		.quality = GW_QUALITY_GOOD,
		.info = &kit.alarms[0].info,
		.value = 52.3,
		.limit = 50,
		.peak = 52.3,
		.eta_ms = -1,
		.wall_ms = kit.wall_ms + (int64_t)seq,
		.synced = true,
		.durable = true};
}

#endif

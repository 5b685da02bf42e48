/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control_fixture.h: a gateway that consists of its view only, for tests of what operators see: a
 * fake clock, a config made by hand, and every stage's status set by the test. The functions here
 * displace the library's.
 */
#ifndef CONTROL_FIXTURE_H
#define CONTROL_FIXTURE_H

#include "base/log.h"
#include "control/status.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FIXTURE_POINTS_MAX 6000
#define FIXTURE_ALARMS     6

static struct fixture {
	int64_t boot_ns, wall_ms;
	char said[16][512];
	int n_said;
	char debug[64][512]; /* as tocsind --debug logs besides */
	int n_debug;
	struct gw_driver driver;
	struct gw_source_opts sources[2];
	struct gw_device_opts devices[2];
	struct gw_point_opts point_opts[3];
	struct gw_point_info points[FIXTURE_POINTS_MAX];
	char keys[FIXTURE_POINTS_MAX][48];
	uint32_t first_point[2];
	struct gw_uplink_opts uplink;
	struct gw_alarm_opts alarms[FIXTURE_ALARMS];
	struct gw_config config;
	struct gw_source *source_at[2];
	struct gw_uplink *uplink_at[1];
	struct gw_status_view view;
	/* what the stages say */
	struct gw_point_view point_view[FIXTURE_POINTS_MAX];
	struct gw_alarm_view alarm_view[FIXTURE_ALARMS];
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
	bool backing_up;
	unsigned backups_cancelled;
	const struct gw_store_backup_result *copy;
	int pages_done, pages;
	const struct gw_store_verify_result *verified;
} fixture;

int64_t gw_clock_boot_ns(void)
{
	return fixture.boot_ns;
}

int64_t gw_clock_wall_ms(void)
{
	return fixture.wall_ms;
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

	va_start(ap, fmt);
	if (level == GW_LOG_DEBUG && fixture.n_debug < 64)
		vsnprintf(fixture.debug[fixture.n_debug++], sizeof(fixture.debug[0]), fmt,
			ap);
	else if (level != GW_LOG_DEBUG && fixture.n_said < 16)
		vsnprintf(fixture.said[fixture.n_said++], sizeof(fixture.said[0]), fmt, ap);
	va_end(ap);
}

void gw_view_point(struct gw_view *v, size_t point, struct gw_point_view *ret_view)
{
	(void)v;
	*ret_view = fixture.point_view[point];
}

void gw_view_alarm(struct gw_view *v, size_t alarm, struct gw_alarm_view *ret_view)
{
	(void)v;
	*ret_view = fixture.alarm_view[alarm];
}

uint64_t gw_engine_last_seq(const struct gw_engine *e)
{
	(void)e;
	return fixture.last_seq;
}

static struct gw_ring fixture_store_events, fixture_uplink_events;

struct gw_ring *gw_store_events(struct gw_store *s)
{
	(void)s;
	return &fixture_store_events;
}

struct gw_ring *gw_uplink_events(struct gw_uplink *u)
{
	(void)u;
	return &fixture_uplink_events;
}

uint64_t gw_engine_lost_events(const struct gw_engine *e, const struct gw_ring *events)
{
	(void)e;
	return events == &fixture_store_events     ? fixture.store_lost
		: events == &fixture_uplink_events ? fixture.uplink_lost
						   : 0;
}

void gw_source_status(struct gw_source *s, struct gw_source_status *ret_status)
{
	*ret_status = fixture.source_status[(void *)s == (void *)&fixture.sources[1]];
}

void gw_uplink_status(struct gw_uplink *u, struct gw_uplink_status *ret_status)
{
	(void)u;
	*ret_status = fixture.uplink_status;
}

void gw_store_status(struct gw_store *s, struct gw_store_status *ret_status)
{
	(void)s;
	*ret_status = fixture.store_status;
}

uint64_t gw_store_committed(const struct gw_store *s)
{
	(void)s;
	return fixture.committed;
}

bool gw_store_request_history(struct gw_store *s, size_t last, int64_t since_ms)
{
	(void)s;
	fixture.asked++;
	fixture.asked_last = last;
	fixture.asked_since_ms = since_ms;
	return true;
}

struct gw_batch *gw_store_take_history(struct gw_store *s)
{
	struct gw_batch *b = fixture.history;

	(void)s;
	fixture.history = NULL;
	return b;
}

bool gw_store_request_verify(struct gw_store *s)
{
	(void)s;
	if (fixture.verifying)
		return false;
	fixture.verifying = true;
	return true;
}

bool gw_store_take_verify_result(
	struct gw_store *s, struct gw_store_verify_result *ret_verified)
{
	(void)s;
	if (!fixture.verified)
		return false;
	*ret_verified = *fixture.verified;
	fixture.verified = NULL;
	fixture.verifying = false;
	return true;
}

bool gw_store_request_backup(struct gw_store *s)
{
	(void)s;
	if (fixture.backing_up)
		return false;
	fixture.backing_up = true;
	return true;
}

void gw_store_cancel_backup(struct gw_store *s)
{
	(void)s;
	fixture.backing_up = false;
	fixture.backups_cancelled++;
}

bool gw_store_take_backup(struct gw_store *s, struct gw_store_backup_result *ret_result)
{
	(void)s;
	if (!fixture.copy)
		return false;
	*ret_result = *fixture.copy;
	fixture.copy = NULL;
	fixture.backing_up = false;
	return true;
}

void gw_store_backup_progress(const struct gw_store *s, int *ret_done, int *ret_pages)
{
	(void)s;
	*ret_done = fixture.pages_done;
	*ret_pages = fixture.pages;
}

const char *gw_store_folder(const struct gw_store *s)
{
	(void)s;
	return "/var/lib/tocsin";
}

void gw_batch_free(struct gw_batch *b)
{
	if (b)
		free(b->events);
	free(b);
}

static void fixture_point(size_t i, const char *source, const char *device,
	const char *name, const char *unit)
{
	int n = snprintf(fixture.keys[i], sizeof(fixture.keys[i]), "%s%s%s%s%s", source,
		*device ? "/" : ":", device, *device ? "/" : "", name);

	assert_in_range(n, 1, sizeof(fixture.keys[i]) - 1);
	fixture.points[i] = (struct gw_point_info){.key = fixture.keys[i],
		.source = source,
		.device = device,
		.name = name,
		.unit_of_measure = unit,
		.place = {.building = "A", .floor = "-1", .room = *device ? "锅炉房" : ""}};
}

static void fixture_alarm(size_t i, const char *key, const char *name, const char *point,
	enum gw_level level, enum gw_class class_)
{
	static const struct gw_site_info site = {
		.gateway = "tj-1", .unit = "示例大厦", .area = "120101", .grid = "1"};

	fixture.alarms[i] = (struct gw_alarm_opts){
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
	fixture.alarm_view[i] = (struct gw_alarm_view){.level = (uint8_t)level,
		.value = (double)NAN,
		.limit = (double)NAN,
		.peak = (double)NAN};
}

/* boiler (modbus-rtu): gas-1 with ch4, temp; plant (modbus-tcp): heat with t; then down points. */
static int fixture_setup(void **unused)
{
	(void)unused;
	memset(&fixture, 0, sizeof(fixture));
	fixture.boot_ns = 1000 * GW_NS_PER_SEC;
	fixture.wall_ms = INT64_C(1795220130123); /* 2026-11-21T00:15:30.123Z */
	setenv("TZ", "UTC", 1);
	fixture.driver = (struct gw_driver){.name = "modbus-rtu"};
	fixture_point(0, "boiler", "gas-1", "ch4", "%LEL");
	fixture_point(1, "boiler", "gas-1", "temp", "°C");
	fixture_point(2, "boiler", "", "down", "");
	fixture_point(3, "plant", "heat", "t", "°C");
	fixture_point(4, "plant", "", "down", "");
	fixture.first_point[1] = 3;
	for (size_t i = 0; i < 3; i++)
		fixture.point_opts[i].index = i == 1;
	fixture.devices[0] = (struct gw_device_opts){
		.name = "gas-1", .points = fixture.point_opts, .n_points = 2};
	fixture.devices[1] = (struct gw_device_opts){
		.name = "heat", .points = fixture.point_opts + 2, .n_points = 1};
	fixture.sources[0] = (struct gw_source_opts){.name = "boiler",
		.driver_table = &fixture.driver,
		.devices = &fixture.devices[0],
		.n_devices = 1,
		.n_points = 2};
	fixture.sources[1] = (struct gw_source_opts){.name = "plant",
		.driver_table = &fixture.driver,
		.devices = &fixture.devices[1],
		.n_devices = 1,
		.n_points = 1};
	fixture.uplink = (struct gw_uplink_opts){
		.name = "city", .url = "https://p.example/v1"};
	fixture_alarm(0, "boiler/gas-1/ch4:ch4-high", "ch4-high", "boiler/gas-1/ch4",
		GW_LEVEL_RED, GW_CLASS_ALARM);
	fixture_alarm(1, "boiler/gas-1/ch4:ch4-early", "ch4-early", "boiler/gas-1/ch4",
		GW_LEVEL_YELLOW, GW_CLASS_WARNING);
	fixture_alarm(2, "boiler/gas-1:silent", "silent", "boiler/gas-1", GW_LEVEL_YELLOW,
		GW_CLASS_FAULT);
	fixture_alarm(3, "plant/heat:silent", "silent", "plant/heat", GW_LEVEL_YELLOW,
		GW_CLASS_FAULT);
	fixture_alarm(4, "boiler:down", "down", "boiler", GW_LEVEL_ORANGE, GW_CLASS_FAULT);
	fixture_alarm(5, "confirmed", "confirmed", "", GW_LEVEL_RED, GW_CLASS_ALARM);
	fixture.config = (struct gw_config){
		.site = {.gateway = "tj-1",
			.unit = "示例大厦",
			.area = "120101",
			.grid = "1"},
		.sources = fixture.sources,
		.n_sources = 2,
		.uplinks = &fixture.uplink,
		.n_uplinks = 1,
		.points = fixture.points,
		.n_points = 5,
		.source_first_point = fixture.first_point,
		.alarms = fixture.alarms,
		.n_alarms = FIXTURE_ALARMS,
	};
	fixture.source_at[0] = (void *)&fixture.sources[0];
	fixture.source_at[1] = (void *)&fixture.sources[1];
	fixture.uplink_at[0] = (void *)&fixture.uplink;
	fixture.view = (struct gw_status_view){
		.config = &fixture.config,
		.engine = (void *)&fixture,
		.engine_view = (void *)&fixture,
		.sources = fixture.source_at,
		.uplinks = fixture.uplink_at,
		.store = (void *)&fixture,
		.started_ns = 10 * GW_NS_PER_SEC,
		.run = 3,
		.synced = true,
	};
	return 0;
}

/* ch4 is read, its alarm stands and is worst; temp was read and is bad; heat never spoke. */
static inline void fixture_trouble(void)
{
	fixture.point_view[0] = (struct gw_point_view){.value = 52.3,
		.quality = GW_QUALITY_GOOD,
		.boot_ns = fixture.boot_ns - 500 * GW_NS_PER_MS,
		.current_ns = fixture.boot_ns - 500 * GW_NS_PER_MS,
		.samples = 40};
	fixture.point_view[1] = (struct gw_point_view){.value = 21.5,
		.quality = GW_QUALITY_BAD_TIMEOUT,
		.boot_ns = fixture.boot_ns - 1 * GW_NS_PER_SEC,
		.current_ns = fixture.boot_ns - 65 * GW_NS_PER_SEC,
		.samples = 38};
	fixture.alarm_view[1].state = GW_STATE_ACTIVE_ACKED;
	fixture.alarm_view[1].since_ms = fixture.wall_ms - 60000;
	fixture.alarm_view[1].value = 22;
	fixture.alarm_view[1].limit = 20;
	fixture.alarm_view[0].state = GW_STATE_ACTIVE_UNACKED;
	fixture.alarm_view[0].since_ms = fixture.wall_ms - 30000;
	fixture.alarm_view[0].value = 52.3;
	fixture.alarm_view[0].limit = 50;
	fixture.alarm_view[4].state = GW_STATE_SHELVED;
	fixture.alarm_view[4].since_ms = fixture.wall_ms - 90000;
	fixture.alarm_view[4].shelved_until_ms = fixture.wall_ms + 3600000;
	fixture.source_status[0] = (struct gw_source_status){.state = GW_SOURCE_UP,
		.since_ns = fixture.boot_ns - 90 * GW_NS_PER_SEC,
		.samples = 78,
		.counts = {[GW_COUNT_REQUESTS] = 80, [GW_COUNT_TIMEOUTS] = 2}};
	fixture.source_status[1] = (struct gw_source_status){.state = GW_SOURCE_DOWN,
		.since_ns = fixture.boot_ns - 300 * GW_NS_PER_SEC,
		.tries = 12,
		.why = "connect 10.0.3.20:502: Connection refused"};
	fixture.uplink_status = (struct gw_uplink_status){.up = true,
		.tried = true,
		.since_ns = fixture.boot_ns - 2 * GW_NS_PER_SEC,
		.pending = 3,
		.oldest_ms = 4200,
		.sent = 17};
	fixture.store_status = (struct gw_store_status){
		.committed = 20, .rows = 20, .file_bytes = 1572864};
	fixture.last_seq = 23;
}

static inline struct gw_event fixture_event(uint64_t seq)
{
	return (struct gw_event){.seq = seq,
		.run = 3,
		.change = GW_CHANGE_RAISED,
		.state = GW_STATE_ACTIVE_UNACKED,
		.level = GW_LEVEL_RED,
		.quality = GW_QUALITY_GOOD,
		.info = &fixture.alarms[0].info,
		.value = 52.3,
		.limit = 50,
		.peak = 52.3,
		.eta_ms = -1,
		.wall_ms = fixture.wall_ms + (int64_t)seq,
		.synced = true,
		.durable = true};
}

#endif

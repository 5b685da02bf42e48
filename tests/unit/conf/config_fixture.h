/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_fixture.h: three drivers and an uplink that only have settings, so that the reader's tests
 * do not move when a driver learns a new key. They displace the real tables at link time.
 */
#ifndef GW_TESTS_CONFIG_FIXTURE_H
#define GW_TESTS_CONFIG_FIXTURE_H

#include "base/parse.h"
#include "source/driver.h"
#include "uplink/sink.h"
#include "uplink/uplink_settings.h"

#include <string.h>

struct fake_bus {
	const char *device, *host;
	int64_t baud;
	int64_t timeout_ns;
	int format;
};
struct fake_unit {
	int64_t unit;
};
struct fake_register {
	int table;
	int64_t address;
};
struct fake_point {
	struct fake_register at;
	int order;
	int64_t bit;
};
struct fake_broker {
	const char *url, *client_id, *ca;
};
struct fake_topic {
	const char *topic;
};
struct fake_path {
	const char *path;
};

static const char *const fake_orders[] = {"ABCD", "CDAB", "BADC", "DCBA", NULL};
static const char *const fake_formats[] = {"8N1", "8E1", NULL};
static const char *const fake_tables[] = {"coil:", "discrete:", "input:", "holding:", NULL};

static enum gw_err fake_parse_register(const char *text, void *field, struct gw_error *err)
{
	struct fake_register *at = field;

	for (int i = 0; fake_tables[i]; i++) {
		size_t n = strlen(fake_tables[i]);

		if (strncmp(text, fake_tables[i], n) != 0)
			continue;
		if (gw_parse_int(text + n, 0, 65535, &at->address, err) != GW_OK)
			return err->kind;
		at->table = i;
		return GW_OK;
	}
	return gw_fail(
		err, GW_ERR_CONFIG, 0, "\"%s\" is not a register such as input:0", text);
}

#define RTU_ROWS \
	{.key = "device", \
		.type = GW_SET_STRING, \
		.offset = offsetof(struct fake_bus, device), \
		.required = true, \
		.help = "h"}, \
		{.key = "baud", \
			.type = GW_SET_INT, \
			.offset = offsetof(struct fake_bus, baud), \
			.def = "9600", \
			.min = 300, \
			.max = 115200, \
			.help = "h"}, \
	{ \
		.key = "format", .type = GW_SET_CHOICE, \
		.offset = offsetof(struct fake_bus, format), .choices = fake_formats, \
		.help = "h" \
	}

#define BUS_ROWS \
	{.key = "timeout", \
		.type = GW_SET_DURATION, \
		.offset = offsetof(struct fake_bus, timeout_ns), \
		.def = "500ms", \
		.min = 1e6, \
		.max = 10e9, \
		.help = "h"}, \
	{ \
		0 \
	}

static const struct gw_setting fake_rtu_rows[] = {RTU_ROWS, BUS_ROWS};
static const struct gw_setting fake_tcp_rows[] = {
	{.key = "host",
		.type = GW_SET_STRING,
		.offset = offsetof(struct fake_bus, host),
		.required = true,
		.help = "h"},
	{.key = "port",
		.type = GW_SET_INT,
		.offset = offsetof(struct fake_bus, baud),
		.def = "502",
		.min = 1,
		.max = 65535,
		.help = "h"},
	BUS_ROWS};
static const struct gw_setting fake_unit_rows[] = {
	{.key = "unit",
		.type = GW_SET_INT,
		.offset = offsetof(struct fake_unit, unit),
		.required = true,
		.min = 1,
		.max = 247,
		.help = "h"},
	{0}};
static const struct gw_setting fake_register_rows[] = {
	{.key = "register",
		.type = GW_SET_CUSTOM,
		.offset = offsetof(struct fake_point, at),
		.required = true,
		.parse = fake_parse_register,
		.size = sizeof(((struct fake_point *)0)->at),
		.help = "h"},
	{.key = "order",
		.type = GW_SET_CHOICE,
		.offset = offsetof(struct fake_point, order),
		.choices = fake_orders,
		.help = "h"},
	{.key = "bit",
		.type = GW_SET_INT,
		.offset = offsetof(struct fake_point, bit),
		.def = "0",
		.max = 15,
		.help = "h"},
	{0}};
static const struct gw_setting fake_broker_rows[] = {
	{.key = "url",
		.type = GW_SET_STRING,
		.offset = offsetof(struct fake_broker, url),
		.required = true,
		.help = "h"},
	{.key = "client_id",
		.type = GW_SET_STRING,
		.offset = offsetof(struct fake_broker, client_id),
		.help = "h"},
	{.key = "ca",
		.type = GW_SET_PATH,
		.offset = offsetof(struct fake_broker, ca),
		.help = "h"},
	{0}};
static const struct gw_setting fake_topic_rows[] = {
	{.key = "topic",
		.type = GW_SET_STRING,
		.offset = offsetof(struct fake_topic, topic),
		.required = true,
		.help = "h"},
	{0}};
static const struct gw_setting fake_path_rows[] = {
	{.key = "path",
		.type = GW_SET_STRING,
		.offset = offsetof(struct fake_path, path),
		.help = "h"},
	{0}};

/* Two devices with one unit, a bit without a bit point, and (of the whole source) no devices. */
static void fake_check(const struct gw_source_opts *o, struct gw_report *report)
{
	if (o->n_devices == 0)
		gw_report(report, o, "a bus without devices");
	for (size_t i = 0; i < o->n_devices; i++) {
		const struct fake_unit *u = o->devices[i].driver;

		if (u->unit == 0)
			gw_report(report, &u->unit, "unit 0 is everybody");
		for (size_t k = 0; k < i; k++)
			if (((const struct fake_unit *)o->devices[k].driver)->unit ==
				u->unit)
				gw_report(report, &u->unit, "%s has unit %lld too",
					o->devices[k].name, (long long)u->unit);
		for (size_t k = 0; k < o->devices[i].n_points; k++) {
			const struct gw_point_opts *p = &o->devices[i].points[k];
			const struct fake_point *d = p->driver;

			if (d->bit && p->type != GW_TYPE_BIT)
				gw_report(report, &p->type, "bit needs type bit");
		}
	}
}

static const struct gw_driver fake_rtu = {
	.name = "modbus-rtu",
	.source_settings = fake_rtu_rows,
	.device_settings = fake_unit_rows,
	.point_settings = fake_register_rows,
	.source_opts_size = sizeof(struct fake_bus),
	.device_opts_size = sizeof(struct fake_unit),
	.point_opts_size = sizeof(struct fake_point),
	.check = fake_check,
};
static const struct gw_driver fake_tcp = {
	.name = "modbus-tcp",
	.source_settings = fake_tcp_rows,
	.device_settings = fake_unit_rows,
	.point_settings = fake_register_rows,
	.source_opts_size = sizeof(struct fake_bus),
	.device_opts_size = sizeof(struct fake_unit),
	.point_opts_size = sizeof(struct fake_point),
	.check = fake_check,
};
static const struct gw_driver fake_mqtt = {
	.name = "mqtt",
	.source_settings = fake_broker_rows,
	.device_settings = fake_topic_rows,
	.point_settings = fake_path_rows,
	.source_opts_size = sizeof(struct fake_broker),
	.device_opts_size = sizeof(struct fake_topic),
	.point_opts_size = sizeof(struct fake_path),
	.pushed = true,
};

const struct gw_driver *const gw_drivers[] = {&fake_rtu, &fake_tcp, &fake_mqtt, NULL};

static const char *const fake_uplink_formats[] = {"cloudevents", NULL};

static const char *const fake_uplink_words[] = {"any", NULL};

struct fake_https {
	struct gw_setting_pairs accept;
};

static const struct gw_setting fake_https_rows[] = {
	{.key = "accept",
		.type = GW_SET_PAIRS,
		.offset = offsetof(struct fake_https, accept),
		.choices = fake_uplink_words,
		.max = 2,
		.help = "h"},
	{0},
};

static const struct gw_sink fake_https = {.name = "https",
	.scheme = "https://",
	.settings = fake_https_rows,
	.opts_size = sizeof(struct fake_https)};

static const struct gw_sink fake_file = {
	.name = "file", .scheme = "file:", .why_unused = "a file gives no answer"};

const struct gw_sink *const gw_sinks[] = {&fake_https, &fake_file, NULL};

const struct gw_sink *gw_sink_find(const char *url)
{
	for (const struct gw_sink *const *s = gw_sinks; *s; s++)
		if (strncmp(url, (*s)->scheme, strlen((*s)->scheme)) == 0)
			return *s;
	return NULL;
}

const struct gw_setting gw_uplink_settings[] = {
	{.key = "name",
		.type = GW_SET_STRING,
		.offset = offsetof(struct gw_uplink_opts, name),
		.required = true,
		.help = "h"},
	{.key = "url",
		.type = GW_SET_STRING,
		.offset = offsetof(struct gw_uplink_opts, url),
		.required = true,
		.max = 1023,
		.help = "h"},
	{.key = "format",
		.type = GW_SET_CHOICE,
		.offset = offsetof(struct gw_uplink_opts, format),
		.choices = fake_uplink_formats,
		.help = "h"},
	{.key = "ca",
		.type = GW_SET_PATH,
		.offset = offsetof(struct gw_uplink_opts, ca),
		.help = "h"},
	{.key = "cert",
		.type = GW_SET_PATH,
		.offset = offsetof(struct gw_uplink_opts, cert),
		.help = "h"},
	{.key = "key",
		.type = GW_SET_PATH,
		.offset = offsetof(struct gw_uplink_opts, key),
		.help = "h"},
	{.key = "token_file",
		.type = GW_SET_PATH,
		.offset = offsetof(struct gw_uplink_opts, token_file),
		.help = "h"},
	{.key = "heartbeat",
		.type = GW_SET_DURATION,
		.offset = offsetof(struct gw_uplink_opts, heartbeat_ns),
		.def = "30s",
		.max = 86400e9,
		.help = "h"},
	{0},
};

void gw_uplink_check(const struct gw_uplink_opts *o, struct gw_report *report)
{
	if (*o->cert && !*o->key)
		gw_report(report, &o->cert, "cert needs key");
	if (strncmp(o->url, "https://", 8) != 0)
		gw_report(report, &o->url, "\"%s\" is not https", o->url);
}

#endif

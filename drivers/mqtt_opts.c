/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/mqtt_opts.h"

#include "base/clock.h"
#include "base/parse.h"
#include "base/pemkey.h"
#include "drivers/mqtt_payload.h"

#include <string.h>

static const char *const retained_means[] = {"uncertain", "current", NULL};

#define ROW(at, field) .offset = offsetof(struct gw_mqtt_##at##_opts, field)
const struct gw_setting gw_mqtt_source_settings[] = {
	{.key = "url",
		.type = GW_SET_STRING,
		ROW(source, url),
		.required = true,
		.help = "mqtt://HOST[:PORT], or mqtts:// with ca."},
	{.key = "client_id",
		.type = GW_SET_STRING,
		ROW(source, client_id),
		.help = "Names the session; unique at the broker. Default: tocsin-SOURCE."},
	{.key = "user",
		.type = GW_SET_STRING,
		ROW(source, user),
		.help = "User name at the broker."},
	{.key = "password_file",
		.type = GW_SET_PATH,
		ROW(source, password_file),
		.help = "File whose first line is the password."},
	{.key = "ca",
		.type = GW_SET_PATH,
		ROW(source, ca),
		.help = "PEM file of the authority that signed the broker's certificate."},
	{.key = "cert",
		.type = GW_SET_PATH,
		ROW(source, cert),
		.help = "PEM file of our certificate, if the broker asks for one."},
	{.key = "key",
		.type = GW_SET_PATH,
		ROW(source, key),
		.inspect = gw_pemkey_inspect,
		.help = "PEM file of our private key, without a pass phrase."},
	{.key = "keepalive",
		.type = GW_SET_DURATION,
		ROW(source, keepalive_ns),
		.def = "15s",
		.min = 5e9,
		.max = 3600e9,
		.help = "A broker that is silent for twice this long is lost."},
	{.key = "max_packet",
		.type = GW_SET_INT,
		ROW(source, max_packet),
		.def = "262144",
		.min = 1024,
		.max = 16777216,
		.help = "Longest message that is taken, in bytes with its topic; a longer one is acknowledged, counted and left."},
	{.key = NULL},
};
const struct gw_setting gw_mqtt_device_settings[] = {
	{.key = "topic",
		.type = GW_SET_STRING,
		ROW(device, topic),
		.required = true,
		.max = 65535,
		.help = "The topic the device publishes to, without wildcards."},
	{.key = "retained",
		.type = GW_SET_CHOICE,
		ROW(device, retained),
		.def = "uncertain",
		.choices = retained_means,
		.help = "What a retained message is: uncertain may raise an alarm and clears none that a live one raised; current if the device retains every message."},
	{.key = NULL},
};
const struct gw_setting gw_mqtt_point_settings[] = {
	{.key = "path",
		.type = GW_SET_STRING,
		ROW(point, path),
		.help = "JSON pointer to the value; default /NAME, or all if it is alone."},
	{.key = NULL},
};
#undef ROW

enum gw_err gw_mqtt_opts_parse_url(
	const char *text, struct gw_mqtt_url *ret_url, struct gw_error *err)
{
	struct gw_mqtt_url url = {0};
	const char *host, *end, *tail;
	int64_t port;

	if (strncmp(text, "mqtt://", 7) == 0) {
		host = text + 7;
	} else if (strncmp(text, "mqtts://", 8) == 0) {
		host = text + 8;
		url.tls = true;
	} else {
		return gw_fail(err, GW_ERR_CONFIG, 0,
			"\"%s\" does not begin with mqtt:// or mqtts://", text);
	}
	if (strchr(host, '@'))
		return gw_fail(err, GW_ERR_CONFIG, 0,
			"no user or password in the url: use user and password_file");
	if (*host == '[') {
		end = strchr(++host, ']');
		tail = end ? end + 1 : host;
	} else {
		end = tail = host + strcspn(host, ":/?#");
	}
	if (!end || end == host || (size_t)(end - host) >= sizeof(url.host))
		return gw_fail(err, GW_ERR_CONFIG, 0, "\"%s\" names no host", text);
	memcpy(url.host, host, (size_t)(end - host));
	port = url.tls ? 8883 : 1883;
	if (*tail == ':') {
		char digits[8];
		size_t n = strcspn(++tail, "/");

		if (n >= sizeof(digits))
			n = sizeof(digits) - 1;
		memcpy(digits, tail, n);
		digits[n] = '\0';
		if (gw_parse_int(digits, 1, 65535, &port, err) != GW_OK)
			return gw_error_wrap(err, "port");
		tail += n;
	}
	if (*tail != '\0' && strcmp(tail, "/") != 0)
		return gw_fail(err, GW_ERR_CONFIG, 0,
			"\"%s\" has more than a host and a port", text);
	url.port = (int)port;
	*ret_url = url;
	return GW_OK;
}

static void check_source(const struct gw_mqtt_source_opts *o, struct gw_report *report)
{
	struct gw_error err = {0};
	struct gw_mqtt_url url = {0};

	if (gw_setting_is_set(o->url) &&
		gw_mqtt_opts_parse_url(o->url, &url, &err) != GW_OK) {
		gw_report(report, &o->url, "%s", err.text);
	} else if (gw_setting_is_set(o->url) && url.tls && !gw_setting_is_set(o->ca)) {
		gw_report(report, &o->url,
			"mqtts:// needs ca: the file of the authority to trust");
	} else if (gw_setting_is_set(o->url) && !url.tls) {
		const char *const *tls[] = {&o->ca, &o->cert, &o->key};

		for (size_t i = 0; i < sizeof(tls) / sizeof(tls[0]); i++)
			if (gw_setting_is_set(*tls[i]))
				gw_report(report, tls[i],
					"only mqtts:// uses this (did you mean mqtts://%s?)",
					url.host);
	}
	if (gw_setting_is_set(o->cert) && !gw_setting_is_set(o->key))
		gw_report(report, &o->cert, "cert needs key");
	if (gw_setting_is_set(o->key) && !gw_setting_is_set(o->cert))
		gw_report(report, &o->key, "key needs cert");
	if (gw_setting_is_set(o->password_file) && !gw_setting_is_set(o->user))
		gw_report(report, &o->password_file, "password_file needs user");
}

static void check_topic(const struct gw_mqtt_device_opts *o, struct gw_report *report)
{
	if (!o->topic)
		return;
	if (o->topic[0] == '\0')
		gw_report(report, &o->topic, "topic is empty");
	else if (strpbrk(o->topic, "+#"))
		gw_report(report, &o->topic,
			"\"%s\": a wildcard would mix several devices into one; write one device for each topic",
			o->topic);
}

static void check_point(const struct gw_point_opts *point,
	const struct gw_mqtt_point_opts *o, struct gw_report *report)
{
	struct gw_error err = {0};

	if (point->type != GW_TYPE_NUMBER && point->type != GW_TYPE_BOOL)
		gw_report(report, &point->type,
			"an MQTT point is a number (no type) or bool");
	if (o->path && gw_mqtt_payload_check_path(o->path, &err) != GW_OK)
		gw_report(report, &o->path, "%s", err.text);
}

void gw_mqtt_opts_check(const struct gw_source_opts *opts, struct gw_report *report)
{
	check_source(opts->driver, report);
	for (size_t i = 0; i < opts->n_devices; i++) {
		const struct gw_device_opts *device = &opts->devices[i];

		check_topic(device->driver, report);
		for (size_t k = 0; k < device->n_points; k++)
			check_point(&device->points[k], device->points[k].driver, report);
	}
}

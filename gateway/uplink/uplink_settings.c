/* SPDX-License-Identifier: Apache-2.0 */
#include "uplink/uplink_settings.h"

#include "base/clock.h"
#include "base/pemkey.h"
#include "uplink/payload.h"
#include "uplink/sink.h"

#include <string.h>

#define ROW(k, t, f) .key = k, .type = t, .offset = offsetof(struct gw_uplink_opts, f)
#define SECONDS(n)   ((n) * (double)GW_NS_PER_SEC)

const struct gw_setting gw_uplink_settings[] = {
	{ROW("name", GW_SET_STRING, name), .required = true, .max = 64,
		.help = "What this way to a platform is called in status, logs and alarms."},
	{ROW("url", GW_SET_STRING, url), .required = true, .max = 1024,
		.help = "Where alerts go: https://host[:port]/path, or file:///path for a file with one event a line."},
	{ROW("format", GW_SET_CHOICE, format), .def = "cloudevents",
		.choices = gw_payload_names, .help = "How events are written."},
	{ROW("ca", GW_SET_PATH, ca),
		.help = "PEM file with the only authorities trusted to vouch for the platform; the system's own without it."},
	{ROW("cert", GW_SET_PATH, cert),
		.help = "PEM file with the gateway's own certificate, shown to the platform; read again when it changes."},
	{ROW("key", GW_SET_PATH, key), .inspect = gw_pemkey_inspect,
		.help = "PEM file with the private key of cert, without a pass phrase."},
	{ROW("token_file", GW_SET_PATH, token_file),
		.help = "File whose first line is sent as Authorization: Bearer; read again when it changes."},
	{ROW("heartbeat", GW_SET_DURATION, heartbeat_ns), .def = "30s", .min = 0,
		.max = SECONDS(86400),
		.help = "How often to tell the platform that the gateway lives and what it owes, from 1s to 1d; 0s for never."},
	{ROW("timeout", GW_SET_DURATION, timeout_ns), .def = "5s", .min = SECONDS(0.1),
		.max = SECONDS(30),
		.help = "Longest time one try may take, from name lookup to answer."},
	{ROW("batch", GW_SET_INT, batch), .def = "64", .min = 1, .max = GW_UPLINK_BATCH_MAX,
		.help = "Most events in one request."},
	{.key = NULL},
};

/* The forms of all sinks: "https://... nor file:///...". */
static void list_forms(struct gw_text *t)
{
	const struct gw_sink *const *s;

	for (s = gw_sinks; *s; s++)
		gw_text_addf(t, "%s%s", s == gw_sinks ? "" : " nor ", (*s)->url_form);
}

static void check_scheme(const struct gw_uplink_opts *o, struct gw_report *report)
{
	const struct gw_sink *const *s;
	char forms[256];
	struct gw_text t;

	for (s = gw_sinks; *s; s++) {
		size_t n = (*s)->insecure ? strlen((*s)->insecure) : 0;

		if (n == 0 || strncasecmp(o->url, (*s)->insecure, n) != 0)
			continue;
		gw_report(report, &o->url,
			"%s would send alarms where anybody can read and change them (did you mean %s%.200s?)",
			(*s)->insecure, (*s)->scheme, o->url + n);
		return;
	}
	gw_text_init(&t, forms, sizeof(forms));
	list_forms(&t);
	gw_report(report, &o->url, "\"%s\" is neither %s", o->url, forms);
}

static void check_url(const struct gw_uplink_opts *o, struct gw_report *report)
{
	const struct gw_sink *sink = gw_sink_find(o->url);
	const char *p;

	for (p = o->url; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f) {
			gw_report(report, &o->url, "a URL has no spaces (write %%20)");
			return;
		}
	if (sink)
		sink->check(o, report);
	else
		check_scheme(o, report);
}

void gw_uplink_check(const struct gw_uplink_opts *o, struct gw_report *report)
{
	const struct gw_payload *payload = gw_payloads[o->format];

	if (gw_setting_is_set(o->url))
		check_url(o, report);
	if (payload->check)
		payload->check(o->payload_opts, report);
	if (gw_setting_is_set(o->cert) && !gw_setting_is_set(o->key))
		gw_report(report, &o->cert, "cert needs its private key: give key too");
	if (gw_setting_is_set(o->key) && !gw_setting_is_set(o->cert))
		gw_report(report, &o->key,
			"key is of no use without its certificate: give cert too");
	if (o->heartbeat_ns > 0 && o->heartbeat_ns < GW_NS_PER_SEC)
		gw_report(report, &o->heartbeat_ns,
			"heartbeat is 1s at least, or 0s for never");
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/parse.h"
#include "base/pemkey.h"
#include "uplink/accept.h"
#include "uplink/payload.h"
#include "uplink/sink.h"

#include <string.h>

#define ROW(k, t, f) .key = k, .type = t, .offset = offsetof(struct gw_uplink_opts, f)
#define SECONDS(n)   ((n) * (double)GW_NS_PER_SEC)

const struct gw_setting gw_uplink_settings[] = {
	{ROW("name", GW_SET_STRING, name), .required = true, .max = 64,
		.help = "What this way to a platform is called in status, logs and "
			"alarms."},
	{ROW("url", GW_SET_STRING, url), .required = true, .max = 1024,
		.help = "Where alerts go: https://host[:port]/path, or file:///path for a "
			"file "
			"with one event a line."},
	{ROW("format", GW_SET_CHOICE, format), .def = "cloudevents",
		.choices = gw_format_names, .help = "How events are written."},
	{ROW("ca", GW_SET_PATH, ca),
		.help = "PEM file with the only authorities trusted to vouch for the "
			"platform; "
			"the system's own without it."},
	{ROW("cert", GW_SET_PATH, cert),
		.help = "PEM file with the gateway's own certificate, shown to the "
			"platform; "
			"read again when it changes."},
	{ROW("key", GW_SET_PATH, key), .inspect = gw_pemkey_inspect,
		.help = "PEM file with the private key of cert, without a pass phrase."},
	{ROW("token_file", GW_SET_PATH, token_file),
		.help = "File whose first line is sent as Authorization: Bearer; read "
			"again when "
			"it changes."},
	{ROW("heartbeat", GW_SET_DURATION, heartbeat_ns), .def = "30s", .min = 0,
		.max = SECONDS(86400),
		.help = "How often to tell the platform that the gateway lives and what it "
			"owes, "
			"from 1s to 1d; 0s for never."},
	{ROW("timeout", GW_SET_DURATION, timeout_ns), .def = "5s", .min = SECONDS(0.1),
		.max = SECONDS(30),
		.help = "Longest time one try may take, from name lookup to answer."},
	{ROW("batch", GW_SET_INT, batch), .def = "64", .min = 1, .max = GW_UPLINK_BATCH_MAX,
		.help = "Most events in one request."},
	{ROW("accept", GW_SET_PAIRS, accept), .choices = gw_accept_words,
		.max = GW_ACCEPT_MAX,
		.help = "What the JSON body of a 2xx answer must say: a map of JSON "
			"pointers to values, such as {/errcode: 0}; all must match, else "
			"what was sent counts as refused. Without it any body will do but "
			"a web page (HTML), which is taken for a login or captive portal "
			"and tried again; any lets that count, too."},
	{.key = NULL},
};

static bool has_prefix(const char *s, const char *with)
{
	return strncasecmp(s, with, strlen(with)) == 0;
}

/* host[:port] of n bytes; says what is wrong with it. */
static void check_authority(
	const char *at, size_t n, const void *where, struct gw_report *report)
{
	const char *colon = at + n, *p;
	struct gw_error err;
	char port[8];
	int64_t number;

	if (memchr(at, '@', n) != NULL) {
		gw_report(report, where,
			"a user or password does not belong into the URL, where logs show "
			"it: "
			"use token_file, or cert and key");
		return;
	}
	for (p = at; p < at + n && *p != ']'; p++)
		continue;
	for (p = *at == '[' ? p : at; p < at + n; p++)
		if (*p == ':') {
			colon = p;
			break;
		}
	if (colon == at)
		gw_report(report, where, "no host between https:// and the path");
	if (*at == '[' && memchr(at, ']', n) == NULL)
		gw_report(report, where, "no ] after the address that [ begins");
	if (colon == at + n)
		return;
	n = (size_t)(at + n - colon) - 1;
	memcpy(port, colon + 1, n < sizeof(port) ? n : sizeof(port) - 1);
	port[n < sizeof(port) ? n : sizeof(port) - 1] = '\0';
	if (gw_parse_int(port, 1, 65535, &number, &err) != GW_OK)
		gw_report(report, where, "port: %s", err.text);
}

static void check_url(const struct gw_uplink_opts *o, struct gw_report *report)
{
	const char *url = o->url, *p;

	for (p = url; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f) {
			gw_report(report, &o->url, "a URL has no spaces (write %%20)");
			return;
		}
	if (has_prefix(url, "file:")) {
		if (!has_prefix(url, "file:///") || url[strlen("file:///")] == '\0' ||
			url[strlen(url) - 1] == '/')
			gw_report(report, &o->url,
				"\"%s\" names no file "
				"(file:///var/lib/tocsin/alerts.ndjson "
				"would)",
				url);
	} else if (has_prefix(url, "https://")) {
		url += strlen("https://");
		check_authority(url, strcspn(url, "/?#"), &o->url, report);
		if (strchr(url, '#') != NULL)
			gw_report(report, &o->url,
				"what follows # is never sent: leave it out");
	} else if (has_prefix(url, "http://")) {
		gw_report(report, &o->url,
			"http:// would send alarms where anybody can read and change them "
			"(did you mean https://%.200s?)",
			url + strlen("http://"));
	} else {
		gw_report(report, &o->url, "\"%s\" is neither https://... nor file:///...",
			url);
	}
}

static void check_file(const struct gw_uplink_opts *o, struct gw_report *report)
{
	const char *const *const not_for_files[] = {
		&o->ca, &o->cert, &o->key, &o->token_file};
	size_t i;

	for (i = 0; i < sizeof(not_for_files) / sizeof(not_for_files[0]); i++)
		if (gw_setting_is_set(*not_for_files[i]))
			gw_report(report, not_for_files[i],
				"a file needs no ca, cert, key or token_file");
	if (o->accept.n > 0 || o->accept.word != 0)
		gw_report(report, &o->accept, "a file gives no answer");
}

static void check_accept(const struct gw_uplink_opts *o, struct gw_report *report)
{
	const char *wrong;
	size_t i;

	for (i = 0; i < o->accept.n; i++) {
		wrong = gw_accept_pointer_error(o->accept.at[i].key);
		if (wrong != NULL)
			gw_report(report, &o->accept, "\"%s\": %s", o->accept.at[i].key,
				wrong);
	}
}

void gw_uplink_check(const struct gw_uplink_opts *o, struct gw_report *report)
{
	if (gw_setting_is_set(o->url)) {
		check_url(o, report);
		if (has_prefix(o->url, "file:"))
			check_file(o, report);
	}
	check_accept(o, report);
	if (gw_setting_is_set(o->cert) && !gw_setting_is_set(o->key))
		gw_report(report, &o->cert, "cert needs its private key: give key too");
	if (gw_setting_is_set(o->key) && !gw_setting_is_set(o->cert))
		gw_report(report, &o->key,
			"key is of no use without its certificate: give cert too");
	if (o->heartbeat_ns > 0 && o->heartbeat_ns < GW_NS_PER_SEC)
		gw_report(report, &o->heartbeat_ns,
			"heartbeat is 1s at least, or 0s for never");
}

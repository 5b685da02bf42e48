/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CloudEvents 1.0, structured JSON in batches: https://github.com/cloudevents/spec, JSON format 3
 * and 4. severitynumber is of the alarm's level: red 21, orange 19, yellow 13, blue 9.
 */
#include "uplink/payload.h"

#include <inttypes.h>
#include <string.h>

#define KEY_MAX 1024

/* OpenTelemetry's scale, as the CloudEvents severity extension asks. */
static const struct {
	int number;
	const char *text;
} severities[] = {
	[GW_LEVEL_BLUE] = {9, "INFO"},
	[GW_LEVEL_YELLOW] = {13, "WARN"},
	[GW_LEVEL_ORANGE] = {19, "ERROR"},
	[GW_LEVEL_RED] = {21, "FATAL"},
};

/* RFC 8141: what may stand in the NSS of a URN as it is; c is not 0. */
static bool urn_plain(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		strchr("-._~!$&'()*+,;=:@/", c) != NULL;
}

static void json_source(struct gw_text *t, const char *gateway)
{
	char memory[KEY_MAX];
	struct gw_text u;

	gw_text_init(&u, memory, sizeof(memory));
	gw_text_add(&u, "urn:tocsin:");
	for (; *gateway; gateway++) {
		unsigned char c = (unsigned char)*gateway;

		/* an NSS must not begin with a slash */
		if (urn_plain(c) && !(c == '/' && u.used == strlen("urn:tocsin:")))
			gw_text_addf(&u, "%c", c);
		else
			gw_text_addf(&u, "%%%02X", c);
	}
	gw_json_string(t, "source", memory);
	t->cut |= u.cut;
}

static void json_time(struct gw_text *t, const char *key, int64_t wall_ms)
{
	char memory[40];
	struct gw_text u;

	gw_text_init(&u, memory, sizeof(memory));
	gw_text_add_time_utc(&u, wall_ms);
	gw_json_string(t, key, memory);
}

/* The attribute data; what follows writes one JSON object. */
static void open_data(struct gw_text *t)
{
	gw_text_add(t, ",\"data\":");
	t->comma = false;
}

static size_t event(const void *opts, struct gw_text *t, const struct gw_event *e)
{
	size_t level = e->level <= GW_LEVEL_RED ? e->level : GW_LEVEL_RED;
	char memory[KEY_MAX];
	size_t durable_at;
	struct gw_text u;

	(void)opts; /* no settings of its own */
	gw_json_open(t, NULL, '{');
	gw_json_string(t, "specversion", "1.0");
	gw_text_init(&u, memory, sizeof(memory));
	gw_event_id(&u, e);
	gw_json_string(t, "id", memory);
	t->cut |= u.cut;
	json_source(t, e->info->site->gateway);
	gw_text_init(&u, memory, sizeof(memory));
	gw_text_addf(&u, "tocsin.alarm.%s", gw_change_name(e->change));
	gw_json_string(t, "type", memory);
	json_time(t, "time", e->wall_ms);
	gw_json_string(t, "subject", e->info->key);
	gw_json_string(t, "datacontenttype", "application/json");
	gw_text_init(&u, memory, sizeof(memory));
	gw_text_addf(&u, "%010" PRIu64, e->seq);
	gw_json_string(t, "sequence", memory);
	gw_json_int(t, "severitynumber", severities[level].number);
	gw_json_string(t, "severitytext", severities[level].text);
	open_data(t);
	durable_at = gw_event_json_without_durable(t, e);
	gw_json_close(t, '}');
	return durable_at;
}

static void heartbeat_data(struct gw_text *t, const struct gw_heartbeat *h)
{
	gw_json_open(t, NULL, '{');
	gw_json_string(t, "gateway", h->site->gateway);
	gw_json_string(t, "unit", h->site->unit);
	gw_json_string(t, "area", h->site->area);
	gw_json_string(t, "grid", h->site->grid);
	gw_json_int(t, "run", (int64_t)h->run);
	gw_json_int(t, "heartbeat", (int64_t)h->count);
	json_time(t, "expect_next_by", h->next_by_ms);
	gw_json_string(t, "clock", h->synced ? "synced" : "unsynced");
	gw_json_int(t, "uptime_ms", h->uptime_ms);
	gw_json_int(t, "since_boot_ms", h->since_boot_ms);
	gw_json_int(t, "last_seq", (int64_t)h->last_seq);
	gw_json_int(t, "pending", (int64_t)h->pending);
	gw_json_int(t, "oldest_ms", h->oldest_ms);
	gw_json_int(t, "parked", (int64_t)h->parked);
	gw_json_int(t, "standing", h->standing);
	gw_json_int(t, "sources", h->sources);
	gw_json_int(t, "sources_up", h->sources_up);
	gw_json_int(t, "oldest_beat_ms", h->oldest_beat_ms);
	gw_json_string(t, "oldest_beat_thread", h->oldest_beat_thread);
	gw_json_int(t, "events_lost", (int64_t)h->events_lost);
	if (h->journal_seq) {
		gw_json_open(t, "journal_head", '{');
		gw_json_int(t, "seq", (int64_t)h->journal_seq);
		gw_json_string(t, "sha256", h->journal_head);
		gw_json_close(t, '}');
	}
	if (h->version != NULL)
		gw_json_string(t, "version", h->version);
	gw_json_close(t, '}');
}

static void heartbeat(const void *opts, struct gw_text *t, const struct gw_heartbeat *h)
{
	char memory[KEY_MAX];
	struct gw_text u;

	(void)opts; /* no settings of its own */
	gw_json_open(t, NULL, '{');
	gw_json_string(t, "specversion", "1.0");
	gw_text_init(&u, memory, sizeof(memory));
	gw_text_addf(&u, "%s-%" PRIu64 "-hb-%" PRIu64, h->site->gateway, h->run, h->count);
	gw_json_string(t, "id", memory);
	t->cut |= u.cut;
	json_source(t, h->site->gateway);
	gw_json_string(t, "type", "tocsin.gateway.heartbeat");
	json_time(t, "time", h->wall_ms);
	gw_json_string(t, "datacontenttype", "application/json");
	open_data(t);
	heartbeat_data(t, h);
	gw_json_close(t, '}');
}

const struct gw_payload gw_payload_cloudevents = {
	.name = "cloudevents",
	.content_type = "application/cloudevents-batch+json; charset=UTF-8",
	.before = "[",
	.between = ",",
	.after = "]",
	.event = event,
	.durable = "true",
	.undurable = "false",
	.heartbeat = heartbeat,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * payload.h: event -> bytes, pure. One event renders to one body; a request is bodies joined.
 */
#ifndef GW_UPLINK_PAYLOAD_H
#define GW_UPLINK_PAYLOAD_H

#include "base/text.h"
#include "flow/event.h"

enum gw_format { GW_FORMAT_CLOUDEVENTS = 0 };
extern const char *const gw_format_names[];

struct gw_heartbeat {
	const struct gw_site_info *site;
	uint32_t run;
	uint64_t count; /* of heartbeats in this run */
	uint64_t last_seq;
	int64_t uptime_ms, wall_ms, since_boot_ms;
	bool synced;
	uint64_t pending, parked;
	int64_t oldest_ms;  /* age of the oldest unsent event, 0: none */
	int64_t next_by_ms; /* expect the next heartbeat by this wall time */
	uint32_t sources_up, sources;
	uint32_t standing; /* alarms that are not normal */
	const char *version;
};

/* CloudEvents 1.0, structured JSON: https://github.com/cloudevents/spec, JSON format 3. */
void gw_payload_event(struct gw_text *t, const struct gw_event *e);
void gw_payload_heartbeat(struct gw_text *t, const struct gw_heartbeat *h);

#define GW_PAYLOAD_MAX        (GW_EVENT_JSON_MAX + 2048)
#define GW_PAYLOAD_BATCH_TYPE "application/cloudevents-batch+json; charset=UTF-8"

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * payload.h: event -> bytes, pure. One event renders to one body; a request is bodies joined.
 * The same event gives the same bytes, for ever, but for one: what left before its commit says
 * durable: false, and a gateway that is killed in that very commit cannot know afterwards that it
 * had left (to note it would take the disk that is stalled), so the repeat may say true. The id
 * and all else is the same; a receiver tells repeats by the id.
 *
 * Thread: any.
 */
#ifndef GW_UPLINK_PAYLOAD_H
#define GW_UPLINK_PAYLOAD_H

#include "base/text.h"
#include "flow/event.h"

enum gw_format { GW_FORMAT_CLOUDEVENTS = 0 };
extern const char *const gw_format_names[]; /* NULL-terminated, index is the enum's value */

struct gw_heartbeat {
	const struct gw_site_info *site; /* NULL: nobody to speak for, none is sent */
	uint64_t run;
	uint64_t count;        /* of heartbeats in this run, from 1 */
	uint64_t journal_seq;  /* end of the journal's chain of hashes, 0: there is none */
	char journal_head[65]; /* its SHA-256, hexadecimal */
	uint64_t last_seq;
	int64_t uptime_ms, wall_ms, since_boot_ms;
	bool synced;
	uint64_t pending, parked;
	int64_t oldest_ms;  /* age of the oldest unsent event, 0: none */
	int64_t next_by_ms; /* expect the next heartbeat by this wall time */
	uint32_t sources_up, sources;
	uint32_t standing; /* alarms that are not normal */
	/* the thread that has not shown for the longest that it is alive */
	char oldest_beat_thread[16];
	int64_t oldest_beat_ms;
	uint64_t
		events_lost; /* that an output of the engine was too slow for, since start */
	const char *version; /* NULL: not said */
};

/* One format: how to render, and how bodies are joined to a request. */
struct gw_payload {
	const char *content_type;
	const char *before, *between, *after;
	void (*event)(struct gw_text *t, const struct gw_event *e);
	void (*heartbeat)(
		struct gw_text *t, const struct gw_heartbeat *h); /* NULL: has none */
	/* Make a body rendered as durable say that it left before its commit: the bytes that
	 * event() gives with durable false. Needs room for one more byte; returns the new length. */
	size_t (*undurable)(char *body, size_t n);
};

/* CloudEvents 1.0, structured JSON in batches: https://github.com/cloudevents/spec, JSON format
 * 3 and 4. severitynumber is of the alarm's level: red 21, orange 19, yellow 13, blue 9. */
extern const struct gw_payload gw_payload_cloudevents;

const struct gw_payload *gw_payload_of(enum gw_format format);

#define GW_PAYLOAD_MAX (GW_EVENT_JSON_MAX + 2048)

#endif

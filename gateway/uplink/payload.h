/* SPDX-License-Identifier: Apache-2.0 */
/*
 * payload.h: the contract of a payload format. A format turns an event into bytes and is pure. One
 * event is one body; a request has one or more bodies, joined. payloads.c has the table of formats.
 *
 * The same event always gives the same bytes, with one exception. An event that was sent before
 * its commit says durable: false. If the gateway is killed in that very commit, the next start
 * cannot know that the event was sent, because the thread that would note it hangs, too. The repeat
 * then says true. The id is the same; a receiver recognises a repeat by it.
 *
 * Order: the state of an alarm is that of its event with the highest number (`sequence`, and `seq`
 * in data, which rise over all starts). Mostly that is also the last one to arrive. Older events
 * may arrive later after a start that could not read its journal, after a refusal, and with a
 * level that rose in a long backlog. The newest event of that alarm is then sent once more, so
 * that a receiver which keeps what arrives last is right, too. A receiver that drops repeats by id
 * does not see that and must compare numbers: it must not let an event change the state of an
 * alarm if it has one of the same alarm with a higher number. Numbers begin anew only when the
 * state folder was lost; `run` is higher then.
 *
 * Thread: any.
 */
#ifndef GW_UPLINK_PAYLOAD_H
#define GW_UPLINK_PAYLOAD_H

#include "base/setting.h"
#include "base/text.h"
#include "flow/event.h"

struct gw_heartbeat {
	const struct gw_site_info *site; /* NULL: no engine runs, none is sent */
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
	uint32_t standing; /* number of standing alarms */
	/* the thread whose last beat is the oldest */
	char oldest_beat_thread[16];
	int64_t oldest_beat_ms;
	uint64_t
		events_lost; /* dropped since start because an output of the engine was full */
	const char *version; /* NULL: left out */
};

#define GW_PAYLOAD_NO_DURABLE SIZE_MAX

struct gw_payload {
	const char *name; /* value of the setting format */
	/* Its own settings, rows over gw_uplink_opts.payload_opts, and their check; NULL: none.
	 * Of a format without settings opts is NULL everywhere. */
	const struct gw_setting *settings;
	size_t opts_size;
	void (*check)(const void *opts, struct gw_report *report);
	const char *content_type;
	const char *before, *between, *after; /* join bodies to a request */
	/* Writes the body of one event, without what it says of e->durable, which is not known
	 * before the event is sent. Returns the offset at which `durable` or `undurable` is then
	 * inserted; GW_PAYLOAD_NO_DURABLE: the format does not say it. */
	size_t (*event)(const void *opts, struct gw_text *t, const struct gw_event *e);
	const char *durable, *undurable;
	/* NULL: the format has none. */
	void (*heartbeat)(
		const void *opts, struct gw_text *t, const struct gw_heartbeat *h);
};

extern const struct gw_payload
	*const gw_payloads[];                /* by the value of the setting format */
extern const char *const gw_payload_names[]; /* likewise, ended by NULL */

#define GW_PAYLOAD_MAX (GW_EVENT_JSON_MAX + 2048) /* bytes of one body */

#endif

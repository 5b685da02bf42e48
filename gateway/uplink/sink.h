/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sink.h: the contract of a sink. A sink sends the requests of an uplink to one kind of URL. The
 * contract mirrors that of a driver. sinks.c has the table of sinks.
 *
 * Thread: check runs in main and does no I/O. open, send..., close run in the uplink's thread. A
 * sink never logs and never waits beyond the request's timeout. The uplink decides when a request
 * is sent again; within one send a sink may try another address of the same peer.
 */
#ifndef GW_UPLINK_SINK_H
#define GW_UPLINK_SINK_H

#include "base/error.h"
#include "base/setting.h"
#include "base/wake.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct gw_uplink_opts; /* uplink_settings.h */

enum gw_sink_verdict {
	GW_SINK_SENT,    /* the platform has it */
	GW_SINK_RETRY,   /* not now: send the same bytes again, not before retry_after_ns */
	GW_SINK_REFUSED, /* a refusal of what was sent, or of us (see refusal.h) */
};

struct gw_sink_result {
	enum gw_sink_verdict verdict;
	int64_t retry_after_ns; /* that the platform asked for, capped; 0: our own back-off */
	int status;             /* HTTP status; 0: there was no response */
	char why[160];          /* for people, UTF-8; "" when sent */
};

/* One event or heartbeat, in parts that follow each other. */
#define GW_SINK_PARTS 3
struct gw_sink_body {
	struct iovec parts[GW_SINK_PARTS];
	size_t n_parts;
};

/* A sink that sends the bodies as one writes: before, body, between, body ..., after. The file
 * writes a line for each body. */
struct gw_sink_request {
	const struct gw_sink_body *bodies;
	size_t n_bodies; /* > 0 */
	const char *content_type, *before, *between, *after;
	int64_t timeout_ns;
	/* The work of the uplink goes on while a send waits: the sink sleeps with wake and calls
	 * service between gw_wake_prepare and its poll, after every wake and at least every
	 * second. False: end the request now, the verdict is GW_SINK_RETRY. */
	struct gw_wake *wake;
	bool (*service)(void *arg);
	void *arg;
};

struct gw_sink {
	const char *name;
	const char *scheme;   /* of its URLs, in lower case: "https://" */
	const char *url_form; /* of its URLs, for messages: "https://..." */
	const char *
		insecure; /* the same scheme without encryption, which is refused; or NULL */
	size_t state_size; /* zeroed, allocated by the uplink */
	bool heartbeats; /* whether it sends them: a file has no peer that could miss them */
	/* Its own settings, rows over sink_opts; NULL: none. */
	const struct gw_setting *settings;
	size_t opts_size;
	/* Why it has no use for a setting of another sink; NULL: a general sentence. */
	const char *why_unused;
	/* Reports what is wrong with a URL of its scheme and with its own settings, and which
	 * settings of every uplink it does not use. */
	void (*check)(const struct gw_uplink_opts *o, struct gw_report *report);
	/* No network. May read its files, but a missing one, like an unreachable platform, is a
	 * result of send. */
	enum gw_err (*open)(void *state, const struct gw_uplink_opts *o, const char *agent,
		struct gw_error *err);
	void (*send)(void *state, const struct gw_sink_request *r,
		struct gw_sink_result *ret_result);
	void (*close)(void *state); /* in any state, twice is fine */
};

extern const struct gw_sink *const gw_sinks[]; /* ended by NULL */
/* By the scheme of the URL; NULL: no sink has it. */
const struct gw_sink *gw_sink_find(const char *url);

#endif

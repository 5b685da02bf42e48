/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sink.h: where an uplink's bytes go: the sink contract (the driver contract's mirror) and the
 * options of one uplink.
 *
 * Thread: check in main with no I/O; the rest in the uplink's own thread, in the order open,
 * send..., close. A sink never retries, logs or waits beyond the request's timeout.
 */
#ifndef GW_UPLINK_SINK_H
#define GW_UPLINK_SINK_H

#include "base/error.h"
#include "base/setting.h"
#include "base/wake.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct gw_uplink_opts {
	const char *name;
	const char *url;             /* https://..., or file:///path for the file sink */
	int format;                  /* enum gw_format: cloudevents */
	const char *ca, *cert, *key; /* PEM files; "" where none */
	const char *token_file;      /* its first line is the bearer token; "" for none */
	int64_t heartbeat_ns;        /* 0: none */
	int64_t timeout_ns;          /* of one try; <= 5 s by default */
	int64_t batch;               /* most events in one request */
	struct gw_setting_pairs accept; /* what the body of a 2xx must say: see accept.h */
};

#define GW_UPLINK_BATCH_MAX 256

extern const struct gw_setting gw_uplink_settings[]; /* rows over struct gw_uplink_opts */
/* What single rows cannot see. Reads no file. */
void gw_uplink_check(const struct gw_uplink_opts *o, struct gw_report *report);

enum gw_sink_verdict {
	GW_SINK_SENT,  /* the platform has it */
	GW_SINK_RETRY, /* not now: again with the same bytes, not before retry_after_ns */
	GW_SINK_REFUSED, /* the platform answered no: to what was sent, or to us (see refusal.h) */
};

struct gw_sink_result {
	enum gw_sink_verdict verdict;
	int64_t retry_after_ns; /* what the platform asked for, capped; 0: our own back-off */
	int status;             /* HTTP status, 0 if there was none */
	char why[160];          /* for people, UTF-8; "" when sent */
};

/* One try. The bodies are joined as before, body, between, body ..., after by a sink that sends
 * them as one; a file takes a body a line. */
struct gw_sink_request {
	const struct iovec *bodies;
	size_t n_bodies; /* > 0 */
	const char *content_type, *before, *between, *after;
	int64_t timeout_ns;
	/* The caller's life goes on while a send waits: the sink sleeps with wake and calls turn
	 * between gw_wake_prepare and its poll, after every wake and at least every second.
	 * False: give up now, the verdict is GW_RETRY. */
	struct gw_wake *wake;
	bool (*turn)(void *arg);
	void *arg;
};

struct gw_sink {
	const char *name;
	size_t state_size; /* zeroed, allocated by the uplink */
	bool heartbeats;   /* somebody is there to miss them */
	/* No I/O: a platform that is away, or a file that is missing, is an answer of send. */
	enum gw_err (*open)(void *state, const struct gw_uplink_opts *o, const char *agent,
		struct gw_error *err);
	void (*send)(void *state, const struct gw_sink_request *r,
		struct gw_sink_result *ret_result);
	void (*close)(void *state); /* in any state, twice is fine */
};

extern const struct gw_sink gw_sink_https, gw_sink_file;

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sink.h: where an uplink's bytes go: the sink contract (the driver contract's mirror) and the
 * options of one uplink.
 *
 * Thread: check in main with no I/O; the rest in the uplink's own thread.
 */
#ifndef GW_UPLINK_SINK_H
#define GW_UPLINK_SINK_H

#include "base/error.h"
#include "base/setting.h"
#include "base/wake.h"

#include <stddef.h>
#include <stdint.h>

struct gw_uplink_opts {
	const char *name;
	const char *url;             /* https://..., or file:///path for the file sink */
	int format;                  /* enum gw_format: cloudevents */
	const char *ca, *cert, *key; /* PEM files; "" where none */
	const char *token_file;      /* its first line is the bearer token; "" for none */
	int64_t heartbeat_ns;        /* 0: none */
	int64_t timeout_ns;          /* of one try; <= 5 s by default */
	int64_t batch;               /* most events in one request */
};

extern const struct gw_setting gw_uplink_settings[]; /* rows over struct gw_uplink_opts */
void gw_uplink_check(const struct gw_uplink_opts *o, struct gw_report *report);

enum gw_verdict {
	GW_SENT,   /* the platform has it */
	GW_RETRY,  /* not now: again with the same bytes, not before retry_after_ns */
	GW_POISON, /* never: this request will be refused again */
};

struct gw_answer {
	enum gw_verdict verdict;
	int64_t retry_after_ns; /* what the platform asked for, capped; 0: our own back-off */
	int status;             /* HTTP status, 0 if there was none */
	char why[160];          /* for people; "" when sent */
};

struct gw_sink {
	const char *name;
	size_t state_size; /* zeroed, allocated by the uplink */
	enum gw_err (*open)(void *state, const struct gw_uplink_opts *o, const char *agent,
		struct gw_error *err);
	/* Send n bytes as content_type and wait for the answer, at most the timeout. stop is polled
	 * so that a long wait ends when the daemon goes down (then GW_RETRY). */
	void (*send)(void *state, const char *content_type, const char *bytes, size_t n,
		struct gw_wake *stop, struct gw_answer *ret_answer);
	void (*close)(void *state);
};

extern const struct gw_sink gw_sink_https, gw_sink_file;

#endif

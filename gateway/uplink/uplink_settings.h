/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uplink_settings.h: the options of one uplink and their rows. A sink and a format may have
 * settings of their own beside these.
 *
 * Owner: who loaded the configuration; gw_uplink_new copies them. Thread: any; check in main.
 */
#ifndef GW_UPLINK_UPLINK_SETTINGS_H
#define GW_UPLINK_UPLINK_SETTINGS_H

#include "base/setting.h"

#include <stdint.h>

struct gw_uplink_opts {
	const char *name;
	const char *url;             /* its scheme chooses the sink */
	int format;                  /* index into gw_payloads */
	const char *ca, *cert, *key; /* PEM files; "": none */
	const char *token_file;      /* its first line is the bearer token; "": none */
	int64_t heartbeat_ns;        /* 0: none */
	int64_t timeout_ns;          /* of one request */
	int64_t batch;               /* most events in one request */
	/* The own settings of the sink and of the format; NULL: they have none. */
	void *sink_opts, *payload_opts;
};

#define GW_UPLINK_BATCH_MAX 256

extern const struct gw_setting gw_uplink_settings[]; /* of every uplink */
/* What single rows cannot see, with the own settings of its sink. Reads no file. */
void gw_uplink_check(const struct gw_uplink_opts *o, struct gw_report *report);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mqtt_opts.h: the settings of the MQTT driver, their rows and their check.
 *
 * Owner: the config; immutable. Thread: any.
 */
#ifndef GW_DRIVERS_MQTT_OPTS_H
#define GW_DRIVERS_MQTT_OPTS_H

#include "source/driver.h"

#include <stdbool.h>
#include <stdint.h>

struct gw_mqtt_source_opts {
	const char *url;
	const char *client_id; /* NULL: tocsin-<source> */
	const char *user, *password_file;
	const char *ca, *cert, *key; /* files, PEM */
	int64_t keepalive_ns;
	int64_t max_packet; /* bytes */
};

enum gw_mqtt_retained_means {
	GW_MQTT_RETAINED_UNCERTAIN, /* may be older than live messages that were not retained */
	GW_MQTT_RETAINED_CURRENT /* the publisher retains every message */
};

struct gw_mqtt_device_opts {
	const char *topic;
	int retained; /* enum gw_mqtt_retained_means */
};

struct gw_mqtt_point_opts {
	const char *path; /* NULL: /NAME, or the whole payload if it is alone */
};

extern const struct gw_setting gw_mqtt_source_settings[];
extern const struct gw_setting gw_mqtt_device_settings[];
extern const struct gw_setting gw_mqtt_point_settings[];

struct gw_mqtt_url {
	bool tls;
	int port;
	char host[256];
};

/* mqtt://host[:port] or mqtts://host[:port], IPv6 addresses in brackets; nothing else. */
enum gw_err gw_mqtt_opts_parse_url(
	const char *text, struct gw_mqtt_url *ret_url, struct gw_error *err);

void gw_mqtt_opts_check(const struct gw_source_opts *opts, struct gw_report *report);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mqtt_topics.h: which devices have a topic, and what a message of it means for their points.
 * Several devices may share one topic.
 *
 * Owner: the driver's state. Thread: the source's. Pure, no I/O. Life: init, emit..., fini.
 */
#ifndef GW_DRIVERS_MQTT_TOPICS_H
#define GW_DRIVERS_MQTT_TOPICS_H

#include "drivers/mqtt_retained.h"
#include "source/driver.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_mqtt_topic {
	const char *name;
	size_t first, n; /* its devices */
	bool damaged;    /* a damaged message of it has been logged */
	bool too_long;   /* the last message of it was too long */
	uint64_t
		ack_group; /* of the link in which a message of it was last taken; 0: none */
};

struct gw_mqtt_topics {
	struct gw_mqtt_topic *at; /* sorted by name, each name once */
	size_t n;
	const struct gw_device_opts **devices; /* by topic, then as configured */
};

enum gw_err gw_mqtt_topics_init(
	struct gw_mqtt_topics *t, const struct gw_source_opts *opts, struct gw_error *err);
void gw_mqtt_topics_fini(struct gw_mqtt_topics *t); /* zeroed or twice is fine */

/* NULL: no device has it. */
struct gw_mqtt_topic *gw_mqtt_topics_find(const struct gw_mqtt_topics *t, const char *name);
/* Emit a sample for every point that is in the message; nothing for an old one. One of unknown age
 * is uncertain. */
void gw_mqtt_topics_emit(struct gw_mqtt_topic *topic, const struct gw_mqtt_topics *t,
	const void *payload, size_t size, enum gw_mqtt_age age, int64_t boot_ns,
	struct gw_emit *emit);
/* A message of it was too long to be taken: a bad payload, logged once in a row. */
void gw_mqtt_topics_too_long(struct gw_mqtt_topic *topic, const struct gw_mqtt_topics *t,
	size_t size, int64_t boot_ns, struct gw_emit *emit);
/* Log of every device of this topic that the broker refuses it, and mark its points. */
void gw_mqtt_topics_refused(const struct gw_mqtt_topic *topic,
	const struct gw_mqtt_topics *t, int64_t boot_ns, struct gw_emit *emit);

#endif

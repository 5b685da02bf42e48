/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mqtt_retained.h: how old is a message that the broker kept? It gives the retained message of a
 * topic to whoever subscribes. That may be the newest word of a device, or one from long before
 * live ones that were not retained: nothing in it tells. What can be known is kept here for each
 * topic: which one it was at the last subscribe, and what has come since.
 *
 * Before MQTT 5 a live message never has the retain flag, and whether it was retained as well is
 * not known. MQTT 5 brokers are asked to leave the flag as published; then a live message may
 * look like a retained one. The broker gives each topic's retained message once, soon after
 * SUBSCRIBE, and it equals the last live one that was retained: so the first with the flag is it,
 * and so is, until the broker has said all, one that repeats the last one with the flag.
 *
 * Owner: the driver's state; it outlives the link. Thread: the source's. Pure, no I/O.
 */
#ifndef GW_DRIVERS_MQTT_RETAINED_H
#define GW_DRIVERS_MQTT_RETAINED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of one topic. Zeroed: nothing is known. */
struct gw_mqtt_retained {
	uint64_t topic;   /* hash of its name */
	uint64_t payload; /* of the retained message at the last subscribe; 0: none seen */
	bool live_unretained; /* since then live ones came that were not retained */
	bool live_retained;   /* since then live ones came that were, or may have been */
	bool nothing_since;   /* no other live one came since then */
	/* of this link */
	bool received;         /* its retained message has come */
	uint64_t last_flagged; /* hash of the last message with the flag */
};

enum gw_mqtt_age {
	GW_MQTT_AGE_LIVE,    /* sent while we listened, or queued for us */
	GW_MQTT_AGE_NEWEST,  /* retained, and newer than all that is known */
	GW_MQTT_AGE_OLD,     /* retained, and older than live ones: says nothing */
	GW_MQTT_AGE_UNKNOWN, /* retained */
};

/* A new link. */
void gw_mqtt_retained_new_link(struct gw_mqtt_retained *r);
/* A message with this hash of its payload (not 0). v5: the flag is as published; all_given: the
 * broker has had the time to give what it retains. ret_changed: what must be remembered has. */
enum gw_mqtt_age gw_mqtt_retained_age(struct gw_mqtt_retained *r, bool flag, bool v5,
	bool all_received, uint64_t hash, bool *ret_changed);

/* Of all topics, for a driver's memory. */
#define GW_MQTT_RETAINED_PACKED 17 /* bytes of a topic */
size_t gw_mqtt_retained_pack(const struct gw_mqtt_retained *all, size_t n, void *to);
/* What is known of each topic that is among these n bytes; complete: nothing came after them. */
void gw_mqtt_retained_unpack(struct gw_mqtt_retained *all, size_t n_all, const void *from,
	size_t n, bool complete);

#endif

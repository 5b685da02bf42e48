/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mqtt_retained.h: the age of a retained message. The broker sends the retained message of a topic
 * to each new subscriber. It may be the newest message of a device, or one from long before live
 * messages that were not retained; nothing in it says which. What can be known is kept here for
 * each topic: which message was retained at the last subscribe, and what has come since.
 *
 * Before MQTT 5 a live message never has the retain flag, and whether the broker retained it is not
 * known. MQTT 5 brokers are asked to leave the flag as published, so a live message may look like a
 * retained one. The broker sends each topic's retained message once, soon after SUBSCRIBE, and it
 * equals the last live one with the flag. So the first message with the flag is the retained one,
 * and so is, until all have been received, one that repeats the last one with the flag.
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
	GW_MQTT_AGE_LIVE,    /* published while subscribed, or queued in the session */
	GW_MQTT_AGE_NEWEST,  /* retained, and newer than all that is known */
	GW_MQTT_AGE_OLD,     /* retained, and older than live ones: must be ignored */
	GW_MQTT_AGE_UNKNOWN, /* retained */
};

/* A new link. */
void gw_mqtt_retained_new_link(struct gw_mqtt_retained *r);
/* A message with this hash of its payload (not 0). v5: the flag is as published.
 * all_received: the broker has had the time to send all it retains. ret_changed: what is to be
 * saved has changed. */
enum gw_mqtt_age gw_mqtt_retained_age(struct gw_mqtt_retained *r, bool flag, bool v5,
	bool all_received, uint64_t hash, bool *ret_changed);

/* Of all topics, for a driver's memory. */
#define GW_MQTT_RETAINED_PACKED 17 /* bytes of a topic */
size_t gw_mqtt_retained_pack(const struct gw_mqtt_retained *all, size_t n, void *to);
/* What is known of each topic that is among these n bytes; is_final: nothing came after them. */
void gw_mqtt_retained_unpack(struct gw_mqtt_retained *all, size_t n_all, const void *from,
	size_t n, bool is_final);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/mqtt_retained.h"

#include <string.h>

#define PLAIN 1
#define OTHER 2

void gw_mqtt_retained_new_link(struct gw_mqtt_retained *r)
{
	r->received = false;
	r->last_flagged = 0;
}

/* If that is not known it counts as retained: it may raise an alarm but clears none. */
static bool is_retained(const struct gw_mqtt_retained *r, bool flag, bool v5,
	bool all_received, uint64_t hash)
{
	if (!flag || !v5)
		return flag;
	if (all_received)
		return !r->received && hash == r->payload;
	return !r->received || hash == r->last_flagged;
}

enum gw_mqtt_age gw_mqtt_retained_age(struct gw_mqtt_retained *r, bool flag, bool v5,
	bool all_received, uint64_t hash, bool *ret_changed)
{
	struct gw_mqtt_retained was = *r;
	enum gw_mqtt_age age = GW_MQTT_AGE_UNKNOWN;

	if (!is_retained(r, flag, v5, all_received, hash)) {
		age = GW_MQTT_AGE_LIVE;
		if (v5 && !flag)
			r->live_unretained = true;
		else
			r->live_retained = true;
	} else if (hash == r->payload) {
		if (r->live_unretained && !r->live_retained)
			age = GW_MQTT_AGE_OLD;
		r->nothing_since = true;
	} else {
		/* Retained after the last subscribe, and nothing else has come since. */
		if (r->payload && r->nothing_since && !r->live_unretained &&
			!r->live_retained)
			age = GW_MQTT_AGE_NEWEST;
		r->payload = hash;
		r->nothing_since = true;
		r->live_unretained = r->live_retained = false;
	}
	if (flag) {
		r->received = true;
		r->last_flagged = hash;
	}
	*ret_changed = r->payload != was.payload ||
		r->live_unretained != was.live_unretained ||
		r->live_retained != was.live_retained;
	return age;
}

size_t gw_mqtt_retained_pack(const struct gw_mqtt_retained *all, size_t n, void *to)
{
	unsigned char *at = to;

	for (size_t i = 0; i < n; i++, at += GW_MQTT_RETAINED_PACKED) {
		memcpy(at, &all[i].topic, 8);
		memcpy(at + 8, &all[i].payload, 8);
		at[16] = (unsigned char)((all[i].live_unretained ? PLAIN : 0) |
			(all[i].live_retained ? OTHER : 0));
	}
	return n * GW_MQTT_RETAINED_PACKED;
}

void gw_mqtt_retained_unpack(struct gw_mqtt_retained *all, size_t n_all, const void *from,
	size_t n, bool is_final)
{
	const unsigned char *at = from;
	size_t k = 0;

	for (; n >= GW_MQTT_RETAINED_PACKED;
		n -= GW_MQTT_RETAINED_PACKED, at += GW_MQTT_RETAINED_PACKED) {
		uint64_t topic;

		memcpy(&topic, at, 8);
		/* mostly the same topics in the same order: try the next one first */
		for (size_t tried = 0; tried < n_all; tried++, k++) {
			struct gw_mqtt_retained *r = &all[k % n_all];

			if (r->topic != topic)
				continue;
			memcpy(&r->payload, at + 8, 8);
			r->live_unretained = at[16] & PLAIN;
			r->live_retained = at[16] & OTHER;
			r->nothing_since = is_final;
			k++;
			break;
		}
	}
}

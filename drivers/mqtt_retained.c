/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/mqtt_retained.h"

#include <string.h>

#define PLAIN 1
#define OTHER 2

void gw_mqtt_retained_link(struct gw_mqtt_retained *r)
{
	r->given = false;
	r->flagged = 0;
}

/* In doubt it is: then it takes nothing back. */
static bool is_given(
	const struct gw_mqtt_retained *r, bool flag, bool v5, bool all_given, uint64_t hash)
{
	if (!flag || !v5)
		return flag;
	if (all_given)
		return !r->given && hash == r->payload;
	return !r->given || hash == r->flagged;
}

enum gw_mqtt_age gw_mqtt_retained_age(struct gw_mqtt_retained *r, bool flag, bool v5,
	bool all_given, uint64_t hash, bool *ret_changed)
{
	struct gw_mqtt_retained was = *r;
	enum gw_mqtt_age age = GW_MQTT_AGE_UNKNOWN;

	if (!is_given(r, flag, v5, all_given, hash)) {
		age = GW_MQTT_AGE_LIVE;
		if (v5 && !flag)
			r->plain = true;
		else
			r->other = true;
	} else if (hash == r->payload) {
		if (r->plain && !r->other)
			age = GW_MQTT_AGE_OLD;
		r->sure = true;
	} else {
		/* It was retained after the last subscribe, and nothing else came since. */
		if (r->payload && r->sure && !r->plain && !r->other)
			age = GW_MQTT_AGE_NEWEST;
		r->payload = hash;
		r->sure = true;
		r->plain = r->other = false;
	}
	if (flag) {
		r->given = true;
		r->flagged = hash;
	}
	*ret_changed = r->payload != was.payload || r->plain != was.plain ||
		r->other != was.other;
	return age;
}

size_t gw_mqtt_retained_pack(const struct gw_mqtt_retained *all, size_t n, void *to)
{
	unsigned char *at = to;

	for (size_t i = 0; i < n; i++, at += GW_MQTT_RETAINED_PACKED) {
		memcpy(at, &all[i].topic, 8);
		memcpy(at + 8, &all[i].payload, 8);
		at[16] = (unsigned char)((all[i].plain ? PLAIN : 0) |
			(all[i].other ? OTHER : 0));
	}
	return n * GW_MQTT_RETAINED_PACKED;
}

void gw_mqtt_retained_unpack(struct gw_mqtt_retained *all, size_t n_all, const void *from,
	size_t n, bool complete)
{
	const unsigned char *at = from;
	size_t k = 0;

	for (; n >= GW_MQTT_RETAINED_PACKED;
		n -= GW_MQTT_RETAINED_PACKED, at += GW_MQTT_RETAINED_PACKED) {
		uint64_t topic;

		memcpy(&topic, at, 8);
		/* mostly the same topics in the same order: look behind the last hit first */
		for (size_t tried = 0; tried < n_all; tried++, k++) {
			struct gw_mqtt_retained *r = &all[k % n_all];

			if (r->topic != topic)
				continue;
			memcpy(&r->payload, at + 8, 8);
			r->plain = at[16] & PLAIN;
			r->other = at[16] & OTHER;
			r->sure = complete;
			k++;
			break;
		}
	}
}

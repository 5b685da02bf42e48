/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/mqtt_retained.h"

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
	} else {
		/* It was retained after the last subscribe, and nothing else came since. */
		if (r->payload && !r->plain && !r->other)
			age = GW_MQTT_AGE_NEWEST;
		r->payload = hash;
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

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * latest.h: the newest event of each alarm that the platform has taken. If an older one of
 * the same alarm is taken afterwards, the platform ends with the wrong state of the alarm; then
 * the newest is sent again.
 *
 * Owner: the uplink. Thread: its own. Pure. Life: zeroed, taken..., fini.
 */
#ifndef GW_UPLINK_LATEST_H
#define GW_UPLINK_LATEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_latest_alarm {
	uint64_t alarm; /* hash of its key, see gw_outbox_alarm_hash */
	uint64_t seq;   /* 0: the place is free */
	bool again;     /* it is owed again, and was not taken since */
};

struct gw_latest {
	struct gw_latest_alarm *at;
	size_t n, capacity; /* capacity: a power of two, or 0 */
};

/* The platform has taken this event, now or before a restart. It is not noted if there is no memory
 * for another alarm. */
void gw_latest_note(struct gw_latest *l, uint64_t alarm, uint64_t seq);
/* The platform has taken this event just now. Returns the seq of the one that must be sent again
 * because it is newer and was taken before; 0: none, or it is owed again already. */
uint64_t gw_latest_taken(struct gw_latest *l, uint64_t alarm, uint64_t seq);
void gw_latest_fini(struct gw_latest *l); /* zeroed or twice is fine */

#endif

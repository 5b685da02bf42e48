/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delivery.h: picks events, sends them in one request, and decides what becomes of those that were
 * refused (see refusal.h).
 *
 * Thread: the uplink's.
 */
#ifndef GW_UPLINK_DELIVERY_H
#define GW_UPLINK_DELIVERY_H

#include "uplink/outbox.h"
#include "uplink/retry_timer.h"
#include "uplink/sink.h"
#include "uplink/uplink_settings.h"

struct gw_uplink;

struct gw_delivery {
	struct gw_retry_timer retry;
	int64_t last_try_ns;
	bool has_untried;      /* an event came that was in no request yet */
	bool blocked;          /* no event in memory may be sent: the store must be asked */
	bool failing;          /* the last request failed */
	bool gave_up;          /* the last request while stopping failed: no more */
	bool overtaken_logged; /* since the outbox was empty */
	/* the last refusal, and the search for a witness */
	struct gw_sink_result refusal;
	uint64_t refusal_credentials; /* with which it was refused */
	unsigned probes;      /* events refused alone since something was accepted */
	bool heartbeat_asked; /* as a witness; it was not accepted */
	size_t batch_limit;   /* a request of twice as many was too large; 0: none was */
	int64_t batch_limit_until_ns;
	struct gw_outbox_item *picked[GW_UPLINK_BATCH_MAX];
	size_t n_picked;
};

/* Picks events that may be sent now; returns how many. */
size_t gw_delivery_pick(struct gw_uplink *u, uint64_t committed, int64_t now_ns);
/* Sends what was picked. */
void gw_delivery_send(struct gw_uplink *u, uint64_t committed);
/* The body of an event for a request. */
void gw_delivery_body(const struct gw_uplink *u, struct gw_outbox_item *item,
	struct gw_sink_body *ret_body);
/* The platform took this event: marks it delivered. If it took a newer event of the same alarm
 * before, that one is owed again. */
void gw_delivery_taken(struct gw_uplink *u, uint64_t alarm, uint64_t seq);
/* Something was accepted: an event (is_event), or a heartbeat. */
void gw_delivery_accepted(struct gw_uplink *u, bool is_event);
/* Only a heartbeat can be the witness now: it shows whether one event is refused or everything. */
bool gw_delivery_needs_heartbeat(const struct gw_uplink *u);
/* There is no witness: all events stay owed and are tried again later. */
void gw_delivery_give_up(struct gw_uplink *u);
void gw_delivery_park(struct gw_uplink *u, uint64_t seq, const char *why);

#endif

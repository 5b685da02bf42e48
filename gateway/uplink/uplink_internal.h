/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uplink_internal.h: the memory of one uplink, shared by the files that run in its thread. What
 * each of them does, and its part of the memory, is in its own header.
 *
 * Thread: the uplink's, but for what is set at new and what the headers mark.
 */
#ifndef GW_UPLINK_UPLINK_INTERNAL_H
#define GW_UPLINK_UPLINK_INTERNAL_H

#include "uplink/backlog.h"
#include "uplink/delivery.h"
#include "uplink/heartbeat.h"
#include "uplink/latest.h"
#include "uplink/link_state.h"
#include "uplink/outbox.h"
#include "uplink/parked_retry.h"
#include "uplink/request.h"
#include "uplink/resend.h"
#include "uplink/uplink.h"

struct gw_uplink {
	/* set at new */
	struct gw_uplink_opts opts;
	struct gw_arena texts; /* what opts points at */
	size_t slot;           /* in the store */
	struct gw_store *store;
	struct gw_uplink_health health;
	const struct gw_sink *sink;
	const struct gw_payload *payload;
	void *sink_state;
	struct gw_ring events; /* from the engine */
	struct gw_wake wake;
	struct gw_thread thread;
	struct gw_ring faults; /* to the engine; entries NULL: nobody attached */
	struct gw_wake *engine_wake;
	char boot[GW_BOOT_ID];

	/* the uplink's thread */
	struct gw_outbox outbox;
	struct gw_backlog backlog;
	struct gw_delivery delivery;
	struct gw_latest latest;
	struct gw_heartbeat_state heartbeats;
	struct gw_parked_retry parked_retry;
	struct gw_link_state link;
	struct gw_request request;
	struct gw_uplink_status status;
	uint64_t ring_seq; /* the last event the engine gave, or gave before the start */
	int64_t stop_ns;   /* when the thread must have ended, 0: it was not asked to */

	struct gw_resend_state resend; /* shared with main, see resend.h */
	pthread_mutex_t lock;          /* of link.published */
};

#endif

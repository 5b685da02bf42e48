/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resend.h: events that an uplink sends again because a person or a reload asks for it.
 *
 * Thread: the uplink's calls update and on_batch. Main uses the calls of uplink.h. Main writes
 * request and sets requested; the thread writes result and sets done; main reads the result and
 * clears both.
 */
#ifndef GW_UPLINK_RESEND_H
#define GW_UPLINK_RESEND_H

#include "store/store.h"
#include "uplink/uplink.h"

struct gw_resend_state {
	struct gw_resend request;
	struct gw_resend_result result;
	_Atomic bool requested, done, retry_parked_requested;
	struct gw_wake *requester; /* set before start */
	/* the uplink's thread */
	bool running;
	uint64_t next_seq; /* of the next window; 0: the store was asked */
};

void gw_resend_update(struct gw_uplink *u);
/* The store's reply to one window. */
void gw_resend_on_batch(struct gw_uplink *u, const struct gw_batch *batch);

#endif

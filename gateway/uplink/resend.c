/* SPDX-License-Identifier: Apache-2.0 */
#include "uplink/resend.h"

#include "uplink/uplink_internal.h"

void gw_uplink_attach_requester(struct gw_uplink *u, struct gw_wake *requester)
{
	u->resend.requester = requester;
}

void gw_uplink_retry_parked(struct gw_uplink *u)
{
	/* release: no other memory is handed over with it */
	atomic_store_explicit(
		&u->resend.retry_parked_requested, true, memory_order_release);
	gw_wake_poke(&u->wake);
}

bool gw_uplink_resend(struct gw_uplink *u, const struct gw_resend *request)
{
	/* Acquire, paired with main's own release below: the thread is done with the last one. */
	if (atomic_load_explicit(&u->resend.requested, memory_order_acquire))
		return false;
	u->resend.request = *request;
	/* Release, paired with the acquire of gw_resend_update: the thread sees the request. */
	atomic_store_explicit(&u->resend.requested, true, memory_order_release);
	gw_wake_poke(&u->wake);
	return true;
}

bool gw_uplink_take_resend_result(struct gw_uplink *u, struct gw_resend_result *ret_result)
{
	/* Acquire, paired with the release of finish_resend: main sees the result. */
	if (!atomic_load_explicit(&u->resend.done, memory_order_acquire))
		return false;
	*ret_result = u->resend.result;
	/* In this order, both release: the thread begins when requested is set and done is not. */
	atomic_store_explicit(&u->resend.requested, false, memory_order_release);
	atomic_store_explicit(&u->resend.done, false, memory_order_release);
	return true;
}

/* ---- the uplink's thread ---- */

static void finish_resend(struct gw_uplink *u)
{
	u->resend.running = false;
	u->resend.result.parked = u->status.parked;
	gw_parked_retry_begin(u, 0);
	if (u->resend.result.owed > 0)
		gw_outbox_note_missing(&u->outbox, 0); /* the store is asked again */
	/* release: main sees the result */
	atomic_store_explicit(&u->resend.done, true, memory_order_release);
	if (u->resend.requester != NULL)
		gw_wake_poke(u->resend.requester);
}

static void request_next(struct gw_uplink *u)
{
	if (gw_backlog_start_query(&u->backlog, GW_BACKLOG_QUERY_RESEND, u->resend.next_seq,
		    u->resend.request.from_ms))
		u->resend.next_seq = 0;
}

void gw_resend_on_batch(struct gw_uplink *u, const struct gw_batch *batch)
{
	u->resend.result.owed += batch->owed;
	u->status.parked -= batch->unparked < u->status.parked ? batch->unparked
							       : u->status.parked;
	u->resend.result.failed = batch->failed;
	u->resend.next_seq = batch->failed ? 0 : batch->next;
	if (u->resend.request.removed_uplinks && !batch->failed) {
		u->resend.request.removed_uplinks = false;
		u->resend.next_seq = u->resend.request.from_seq;
	}
	if (u->resend.next_seq == 0)
		finish_resend(u);
	else
		request_next(u);
}

void gw_resend_update(struct gw_uplink *u)
{
	if (atomic_exchange_explicit(
		    &u->resend.retry_parked_requested, false, memory_order_acquire))
		gw_parked_retry_begin(u, 0);
	/* Acquire, done first: if main has cleared it, it has cleared the requested of before,
	 * too. */
	if (!u->resend.running &&
		!atomic_load_explicit(&u->resend.done, memory_order_acquire) &&
		atomic_load_explicit(&u->resend.requested, memory_order_acquire)) {
		u->resend.running = true;
		u->resend.result = (struct gw_resend_result){.owed = 0};
		u->resend.next_seq = u->resend.request.removed_uplinks
			? GW_STORE_RESEND_REMOVED
			: u->resend.request.from_seq;
		if (u->resend.next_seq == 0)
			finish_resend(u);
	}
	if (u->resend.running && u->resend.next_seq != 0)
		request_next(u);
}

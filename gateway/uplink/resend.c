/* SPDX-License-Identifier: Apache-2.0 */
/* What a person, or a reload, asks an uplink to send again. */
#include "uplink/uplink_internal.h"

void gw_uplink_attach_requester(struct gw_uplink *u, struct gw_wake *requester)
{
	u->requester = requester;
}

void gw_uplink_retry_parked(struct gw_uplink *u)
{
	/* release: nothing else is handed over, but it costs nothing to say so */
	atomic_store_explicit(&u->retry_parked_requested, true, memory_order_release);
	gw_wake_poke(&u->wake);
}

bool gw_uplink_resend(struct gw_uplink *u, const struct gw_resend *what)
{
	/* acquire: what the thread did with the last one is over before it is written anew */
	if (atomic_load_explicit(&u->resend_requested, memory_order_acquire))
		return false;
	u->resend = *what;
	/* release: the thread that sees it sees what is asked */
	atomic_store_explicit(&u->resend_requested, true, memory_order_release);
	gw_wake_poke(&u->wake);
	return true;
}

bool gw_uplink_take_resend_result(struct gw_uplink *u, struct gw_resend_result *ret_result)
{
	/* acquire: with the flag comes the answer */
	if (!atomic_load_explicit(&u->resend_answered, memory_order_acquire))
		return false;
	*ret_result = u->resend_result;
	/* In this order, both release: the thread begins when it sees asked and not answered. */
	atomic_store_explicit(&u->resend_requested, false, memory_order_release);
	atomic_store_explicit(&u->resend_answered, false, memory_order_release);
	return true;
}

/* ---- the uplink's thread ---- */

static void finish_resend(struct gw_uplink *u)
{
	u->resending = false;
	u->resend_result.parked = u->status.parked;
	gw_parked_retry_begin(u, 0);
	if (u->resend_result.owed > 0)
		gw_outbox_note_missing(&u->outbox, 0); /* look into the store again */
	/* release: main that sees it sees the answer */
	atomic_store_explicit(&u->resend_answered, true, memory_order_release);
	if (u->requester != NULL)
		gw_wake_poke(u->requester);
}

static void request_next(struct gw_uplink *u)
{
	if (gw_backlog_start_query(&u->backlog, GW_BACKLOG_QUERY_RESEND, u->resend_next,
		    u->resend.from_ms))
		u->resend_next = 0;
}

void gw_resend_on_batch(struct gw_uplink *u, const struct gw_batch *batch)
{
	u->resend_result.owed += batch->owed;
	u->status.parked -= batch->unparked < u->status.parked ? batch->unparked
							       : u->status.parked;
	u->resend_result.failed = batch->failed;
	u->resend_next = batch->failed ? 0 : batch->next;
	if (u->resend.removed_uplinks && !batch->failed) {
		u->resend.removed_uplinks = false;
		u->resend_next = u->resend.from_seq;
	}
	if (u->resend_next == 0)
		finish_resend(u);
	else
		request_next(u);
}

void gw_resend_update(struct gw_uplink *u)
{
	if (atomic_exchange_explicit(
		    &u->retry_parked_requested, false, memory_order_acquire))
		gw_parked_retry_begin(u, 0);
	/* acquire, answered first: if main has taken the last answer, its asked is gone, too */
	if (!u->resending &&
		!atomic_load_explicit(&u->resend_answered, memory_order_acquire) &&
		atomic_load_explicit(&u->resend_requested, memory_order_acquire)) {
		u->resending = true;
		u->resend_result = (struct gw_resend_result){.owed = 0};
		u->resend_next = u->resend.removed_uplinks ? GW_STORE_RESEND_REMOVED
							   : u->resend.from_seq;
		if (u->resend_next == 0)
			finish_resend(u);
	}
	if (u->resending && u->resend_next != 0 &&
		gw_backlog_start_query(&u->backlog, GW_BACKLOG_QUERY_RESEND, u->resend_next,
			u->resend.from_ms))
		u->resend_next = 0;
}

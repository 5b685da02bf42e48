/* SPDX-License-Identifier: Apache-2.0 */
/* What a person, or a reload, asks an uplink to send again. */
#include "uplink/inner.h"

void gw_uplink_attach_asker(struct gw_uplink *u, struct gw_wake *asker)
{
	u->asker = asker;
}

void gw_uplink_offer_parked(struct gw_uplink *u)
{
	/* release: nothing else is handed over, but it costs nothing to say so */
	atomic_store_explicit(&u->offer_asked, true, memory_order_release);
	gw_wake_poke(&u->wake);
}

bool gw_uplink_resend(struct gw_uplink *u, const struct gw_resend *what)
{
	/* acquire: what the thread did with the last one is over before it is written anew */
	if (atomic_load_explicit(&u->resend_asked, memory_order_acquire))
		return false;
	u->resend = *what;
	/* release: the thread that sees it sees what is asked */
	atomic_store_explicit(&u->resend_asked, true, memory_order_release);
	gw_wake_poke(&u->wake);
	return true;
}

bool gw_uplink_resent(struct gw_uplink *u, struct gw_resent *ret_resent)
{
	/* acquire: with the flag comes the answer */
	if (!atomic_load_explicit(&u->resend_answered, memory_order_acquire))
		return false;
	*ret_resent = u->resent;
	/* In this order, both release: the thread begins when it sees asked and not answered. */
	atomic_store_explicit(&u->resend_asked, false, memory_order_release);
	atomic_store_explicit(&u->resend_answered, false, memory_order_release);
	return true;
}

/* ---- the uplink's thread ---- */

static void finish(struct gw_uplink *u)
{
	u->resending = false;
	u->resent.parked = u->now.parked;
	gw_offers_begin(u, 0);
	if (u->resent.owed > 0)
		gw_outbox_missed(&u->outbox, 0); /* look into the store again */
	/* release: main that sees it sees the answer */
	atomic_store_explicit(&u->resend_answered, true, memory_order_release);
	if (u->asker != NULL)
		gw_wake_poke(u->asker);
}

static void ask(struct gw_uplink *u)
{
	if (gw_backlog_ask_other(
		    &u->backlog, GW_BACKLOG_OWE, u->resend_next, u->resend.from_ms))
		u->resend_next = 0;
}

void gw_resend_take(struct gw_uplink *u, const struct gw_batch *batch)
{
	u->resent.owed += batch->owed;
	u->now.parked -= batch->unparked < u->now.parked ? batch->unparked : u->now.parked;
	u->resent.failed = batch->failed;
	u->resend_next = batch->failed ? 0 : batch->next;
	if (u->resend.vanished && !batch->failed) {
		u->resend.vanished = false;
		u->resend_next = u->resend.from_seq;
	}
	if (u->resend_next == 0)
		finish(u);
	else
		ask(u);
}

void gw_resend_turn(struct gw_uplink *u)
{
	if (atomic_exchange_explicit(&u->offer_asked, false, memory_order_acquire))
		gw_offers_begin(u, 0);
	/* acquire, answered first: if main has taken the last answer, its asked is gone, too */
	if (!u->resending &&
		!atomic_load_explicit(&u->resend_answered, memory_order_acquire) &&
		atomic_load_explicit(&u->resend_asked, memory_order_acquire)) {
		u->resending = true;
		u->resent = (struct gw_resent){.owed = 0};
		u->resend_next = u->resend.vanished ? GW_STORE_VANISHED
						    : u->resend.from_seq;
		if (u->resend_next == 0)
			finish(u);
	}
	if (u->resending && u->resend_next != 0 &&
		gw_backlog_ask_other(
			&u->backlog, GW_BACKLOG_OWE, u->resend_next, u->resend.from_ms))
		u->resend_next = 0;
}

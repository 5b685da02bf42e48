/* SPDX-License-Identifier: Apache-2.0 */
/*
 * refusal.h: a request was refused: is it a record, or everything? Halves are tried until a
 * record is refused in a request of its own. That alone proves nothing: an expired certificate
 * refuses every record alike. It is proved bad when it was refused twice and something else (a
 * record, or a heartbeat) was accepted right after each time. Meanwhile requests are of one
 * event, the later events of its alarm wait if there is another witness, and with no witness at
 * all it stays owed and another one is tried first next time.
 *
 * Owner: the uplink. Thread: its own. Pure: no clock, no I/O. Life: after the request that a
 * gw_outbox_pick gave: note (refused) ...; after any request that was accepted: proved until
 * NULL; when nobody is left to ask: unproved.
 */
#ifndef GW_UPLINK_REFUSAL_H
#define GW_UPLINK_REFUSAL_H

#include "uplink/outbox.h"

/* The request under way was refused. True: it was a record alone, which now needs a witness. */
bool gw_refusal_record(struct gw_outbox *o);
/* Something was accepted right after: takes out a record that is now proved bad, which the caller
 * parks and frees; NULL when there is none (any more). */
struct gw_outbox_item *gw_refusal_next_proved(struct gw_outbox *o);
/* Nothing was: who was refused stays owed. */
void gw_refusal_abandon(struct gw_outbox *o);
/* A refusal is being looked into: the next request is part of that. */
bool gw_refusal_in_progress(const struct gw_outbox *o);

/* gw_outbox_pick's while it is: the one record to try next. First a record that is refused for the
 * second time or accepted after all; then whoever was refused least often. */
size_t gw_refusal_pick_one(struct gw_outbox *o, const struct gw_outbox_pick_opts *now,
	struct gw_outbox_item **ret_items);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * refusal.h: a request was refused: because of one event, or is everything refused? The request is
 * halved until an event is refused in a request of its own. That proves nothing yet: an expired
 * certificate has every event refused. The event is bad once it was refused twice and something
 * else (another event, or a heartbeat: the witness) was accepted right after each time.
 *
 * During the search requests have one event. Later events of its alarm wait if there is another
 * witness. Without any witness the event stays owed, and another one is tried first next time.
 *
 * Owner: the uplink. Thread: its own. Pure: no clock, no I/O. Life: after a request with what
 * gw_refusal_pick gave was refused: record; after any request that was accepted: next_proved until
 * NULL; when there is no witness left: abandon.
 */
#ifndef GW_UPLINK_REFUSAL_H
#define GW_UPLINK_REFUSAL_H

#include "uplink/outbox.h"

/* The request under way was refused. True: it had one event, which now needs a witness. */
bool gw_refusal_note(struct gw_outbox *o);
/* Something was accepted right after. Removes an event that is now proved bad, which the caller
 * parks and frees. NULL: there is none any more. */
struct gw_outbox_item *gw_refusal_next_proved(struct gw_outbox *o);
/* Nothing was accepted: the refused events stay owed. */
void gw_refusal_abandon(struct gw_outbox *o);
/* The next request is part of a search. */
bool gw_refusal_in_progress(const struct gw_outbox *o);

/* The items of the next request: those of gw_outbox_pick, but during a search the one event to try
 * next. */
size_t gw_refusal_pick(struct gw_outbox *o, const struct gw_outbox_pick_opts *opts,
	struct gw_outbox_item **ret_items);

#endif

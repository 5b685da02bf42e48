/* SPDX-License-Identifier: Apache-2.0 */
/*
 * refusal.h: a request was refused. Is one event the reason, or is everything refused?
 *
 * The request is halved until one event is refused in a request of its own. That proves nothing
 * yet: with an expired certificate every event is refused. So a witness is needed: another event,
 * or a heartbeat, that is accepted right after the refusal. An event is proved bad when it was
 * refused twice and a witness was accepted after each refusal. The caller then parks it.
 *
 * While a witness is searched for, each request has one event. Later events of the refused event's
 * alarm wait while there may be another witness. If nothing is accepted, the search is abandoned:
 * the event stays owed, and the next search begins with another event.
 *
 * Owner: the uplink. Thread: its own. Pure: no clock, no I/O. Life: pick for each request. After a
 * request that was refused: note. After one that was accepted: next_proved until NULL. When no
 * witness is left: abandon.
 */
#ifndef GW_UPLINK_REFUSAL_H
#define GW_UPLINK_REFUSAL_H

#include "uplink/outbox.h"

/* The request under way was refused. True: it had one event, which now needs a witness. */
bool gw_refusal_note(struct gw_outbox *o);
/* Something was accepted right after the refusal. Removes one event that is now proved bad; the
 * caller parks and frees it. NULL: no other event is proved bad. */
struct gw_outbox_item *gw_refusal_next_proved(struct gw_outbox *o);
/* No witness was found: the refused events stay owed. */
void gw_refusal_abandon(struct gw_outbox *o);
/* The refused request is being halved, or a witness is searched for: the next request is part of
 * that. */
bool gw_refusal_in_progress(const struct gw_outbox *o);

/* The items of the next request. While a witness is searched for that is the one event to try next,
 * otherwise what gw_outbox_pick gives, which also halves a refused request. */
size_t gw_refusal_pick(struct gw_outbox *o, const struct gw_outbox_pick_opts *opts,
	struct gw_outbox_item **ret_items);

#endif

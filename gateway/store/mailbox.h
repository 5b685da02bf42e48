/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mailbox.h: what uplinks and main ask of the store's thread, and its replies. Each slot has one
 * mailbox: a ring of messages (marks and requests, in order) and one place for a reply. The calls
 * that uplinks make are in store.h; they use send and send_request.
 *
 * Thread: send and send_request in the thread of the slot's uplink, all others in the store's.
 */
#ifndef GW_STORE_MAILBOX_H
#define GW_STORE_MAILBOX_H

#include "store/store.h"

#define GW_MAILBOX_MESSAGES 1024

/* Values of gw_mailbox_message.kind beyond those of enum gw_mark_kind. */
enum gw_mailbox_kind {
	GW_MAILBOX_REQUEST_OWED = GW_MARK_OWED + 1,
	GW_MAILBOX_REQUEST_PARKED,
	GW_MAILBOX_REQUEST_RESEND,
};

struct gw_mailbox_message {
	uint64_t seq;  /* of the marked event; of the cursor; from this one on */
	int32_t level; /* GW_MAILBOX_REQUEST_OWED: of the cursor */
	uint16_t max_events;
	uint16_t kind;   /* enum gw_mark_kind or enum gw_mailbox_kind */
	int64_t from_ms; /* GW_MAILBOX_REQUEST_RESEND: wall time */
};

struct gw_mailbox {
	struct gw_ring messages; /* uplink -> store */
	struct gw_wake *wake;    /* under the store's lock; NULL: no uplink is attached */
	bool thread_ended;       /* under the store's lock */
	_Alignas(GW_CACHE_LINE) bool request_pending; /* the uplink's thread only */
	_Atomic(struct gw_batch *) reply;             /* store -> uplink; NULL: empty */
	/* the store's thread only */
	_Alignas(GW_CACHE_LINE) bool request_received;
	struct gw_mailbox_message request;
	uint32_t bit;      /* of this uplink in the database; 0: not known yet */
	char *name, *url;  /* of the uplink */
	uint8_t heir_slot; /* marks count for this slot: its own unless another took over */
};

/* False: the mailbox is full. */
bool gw_mailbox_send(
	struct gw_store *s, size_t slot, const struct gw_mailbox_message *message);
/* False: it is full, or the reply to an earlier request is not taken yet. */
bool gw_mailbox_send_request(
	struct gw_store *s, size_t slot, const struct gw_mailbox_message *message);

/* Receives marks into memory and at most one request of each uplink. */
void gw_mailbox_receive(struct gw_store *s);
/* Answers the requests that were received, and main's request for history. */
void gw_mailbox_reply_all(struct gw_store *s);
/* Whether receive or reply_all has work. */
bool gw_mailbox_has_input(struct gw_store *s);
void gw_mailbox_wake_uplink(struct gw_store *s, size_t slot);
/* Owed events were found that no uplink knows of: raises the backlog revision and wakes all
 * uplinks, which then ask from the beginning. */
void gw_mailbox_announce_backlog(struct gw_store *s);

#endif

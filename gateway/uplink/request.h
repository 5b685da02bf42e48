/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request.h: one request through the sink, and the work that goes on while it waits for the
 * response: events are taken from the ring and rendered, the store's replies are taken, the state
 * is published, credentials are checked.
 *
 * Thread: the uplink's.
 */
#ifndef GW_UPLINK_REQUEST_H
#define GW_UPLINK_REQUEST_H

#include "flow/event.h"
#include "uplink/payload.h"
#include "uplink/sink.h"
#include "uplink/uplink_settings.h"

#define GW_REQUEST_DRAIN_MAX 16 /* events taken from the ring at once */

struct gw_uplink;

struct gw_request {
	struct gw_sink_body bodies[GW_UPLINK_BATCH_MAX];
	/* Fingerprints of ca, cert, key and token_file: now, and with the last request. */
	uint64_t credentials, sent_credentials;
	int64_t credentials_check_ns; /* when to look at the files again */
	struct gw_event drained[GW_REQUEST_DRAIN_MAX];
	char rendered[GW_PAYLOAD_MAX];
};

/* Does the work above once. False: a request that is under way must end. */
bool gw_request_service(struct gw_uplink *u);
/* Sends the first n of u->request.bodies. Calls service while it waits. */
void gw_request_send(struct gw_uplink *u, size_t n, struct gw_sink_result *ret_result);
/* Before the thread starts: the credentials as they are. */
void gw_request_init(struct gw_uplink *u);
/* Looks whether a certificate, key or token was replaced. Then everything that failed is tried at
 * once. */
void gw_request_check_credentials(struct gw_uplink *u, int64_t now_ns);
/* For gw_backlog.add: an owed event that the store has. newer: see gw_batch. arg is the uplink. */
void gw_request_add_stored(void *arg, const struct gw_event *e, uint64_t newer);

#endif

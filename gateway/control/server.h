/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.h: the control socket (control/protocol.h): accepts clients within the limits,
 * passes events and replies to them. Never blocks; every buffer is bounded; a client that
 * is slow or wrong loses its connection and affects nobody else.
 *
 * Owner: the gateway. Thread: main, inside the loop. Life: open, (event, engine_reply,
 * poll_x)..., close.
 */
#ifndef GW_CONTROL_SERVER_H
#define GW_CONTROL_SERVER_H

#include "base/loop.h"
#include "control/recorder.h"
#include "control/resend_job.h"
#include "control/status_view.h"
#include "engine/engine.h"
#include "flow/event.h"

#include <stdbool.h>
#include <stdint.h>

struct gw_server;

struct gw_server_opts {
	const char *path;  /* copied; its folder is made if missing */
	const char *group; /* owns the socket if there is such a group */
	/* outlives the server; main changes it in place */
	const struct gw_status_view *view;
	/* Pass a command to the engine. False: its ring is full. */
	bool (*command)(void *arg, const struct gw_alarm_command *command);
	void *arg;
	struct gw_recorder *recorder; /* outlives the server; NULL: nobody can record */
	struct gw_resend_api resends;
	/* Reload the configuration. Called from the loop, never inside a call to the
	 * server. NULL: no reload. */
	enum gw_err (*reload)(void *arg, bool force, struct gw_error *err);
};

/* A socket file left by a crash is replaced; GW_ERR_REFUSED: another process listens. */
enum gw_err gw_server_open(struct gw_loop *loop, const struct gw_server_opts *opts,
	struct gw_server **ret_server, struct gw_error *err);
/* Tells clients that tocsind stops. NULL is fine. */
void gw_server_close(struct gw_server *s);

/* Every event in order, whether or not a client is in tail: the newest are kept for one to
 * come. */
void gw_server_event(struct gw_server *s, const struct gw_event *event);
/* Every reply of the engine. One that no client waits for any more is dropped. */
void gw_server_engine_reply(struct gw_server *s, const struct gw_alarm_reply *reply);
/* The wake given to gw_uplink_attach_requester fired: an uplink may have answered. */
void gw_server_poll_resend(struct gw_server *s);
/* The wake given to gw_store_attach_reader fired: an answer may be there. */
void gw_server_poll_verify(struct gw_server *s);
void gw_server_poll_backup(struct gw_server *s);
void gw_server_poll_history(struct gw_server *s);
/* The view was replaced (its revision is higher). Clients that wait for the old engine
 * get an error, history is requested again, documents that were begun are broken off. */
void gw_server_config_changed(struct gw_server *s);

/* Kept up to date in place, for as long as the server lives. */
const struct gw_server_counts *gw_server_counts(const struct gw_server *s);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.h: the server end of the control socket (see control/protocol.h): accepts, reads one line
 * at a time, answers from the view, passes a person's commands to the engine and follows events
 * for `tail`. Never blocks; every buffer is bounded; a client that is slow, wrong or deaf loses
 * its connection and nothing else.
 *
 * Owner: app/. Thread: main, inside the loop. Life: open, (event, reply, history)..., close.
 */
#ifndef GW_CONTROL_SERVER_H
#define GW_CONTROL_SERVER_H

#include "base/loop.h"
#include "control/recorder.h"
#include "control/resend_job.h"
#include "control/status.h"
#include "engine/engine.h"
#include "flow/event.h"

#include <stdbool.h>
#include <stdint.h>

struct gw_server;

struct gw_server_opts {
	const char *path;  /* copied; its folder is made if missing */
	const char *group; /* owns the socket if there is such a group */
	const struct gw_status_view
		*view; /* outlives the control; main changes it in place */
	/* Hand a command to the engine; false: its ring is full. */
	bool (*command)(void *arg, const struct gw_alarm_command *command);
	void *arg;
	struct gw_recorder *recorder; /* outlives the control; NULL: nobody can record */
	struct gw_resend_api resends;
	/* Reload the configuration; called from the loop itself, between its callbacks. */
	enum gw_err (*reload)(void *arg, bool force, struct gw_error *err);
};

/* A socket file left by a crash is replaced; GW_ERR_REFUSED if somebody answers there. */
enum gw_err gw_server_open(struct gw_loop *loop, const struct gw_server_opts *opts,
	struct gw_server **ret_control, struct gw_error *err);
/* Tells followers that tocsind stops. NULL is fine. */
void gw_server_close(struct gw_server *c);

/* Every event, in the order of the LIVE ring, whether anybody follows or not. */
void gw_server_event(struct gw_server *c, const struct gw_event *event);
/* Every reply of the engine; one nobody waits for any more is dropped. */
void gw_server_engine_reply(struct gw_server *c, const struct gw_alarm_reply *reply);
/* The wake given to gw_uplink_attach_asker fired: an uplink may have answered. */
void gw_server_poll_resend(struct gw_server *c);
/* The wake given to gw_store_attach_reader fired: an answer may be there. */
void gw_server_poll_verify(struct gw_server *c);
void gw_server_poll_history(struct gw_server *c);
/* The view was exchanged: who waits for the old engine is told so, history is asked for anew.
 * Lists begun over the old one end by themselves (its generation is raised). */
void gw_server_config_changed(struct gw_server *c);

struct gw_server_status {
	uint32_t clients, followers;
	uint64_t requests;
	uint64_t malformed;   /* lines refused and connections closed, slow ones too */
	uint64_t cut;         /* clients that did not read */
	uint64_t turned_away; /* beyond what protocol.h allows */
};
void gw_server_status(const struct gw_server *c, struct gw_server_status *ret_status);

#endif

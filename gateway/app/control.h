/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control.h: the server end of the control socket (see ctl/protocol.h): accepts, reads one line
 * at a time, answers from the view, passes a person's commands to the engine and follows events
 * for `tail`. Never blocks; every buffer is bounded; a client that is slow, wrong or deaf loses
 * its connection and nothing else.
 *
 * Owner: app/. Thread: main, inside the loop. Life: open, (event, reply, history)..., close.
 */
#ifndef GW_APP_CONTROL_H
#define GW_APP_CONTROL_H

#include "app/recorder.h"
#include "app/resends.h"
#include "app/status.h"
#include "base/loop.h"
#include "engine/engine.h"
#include "flow/event.h"

#include <stdbool.h>
#include <stdint.h>

struct gw_control;

struct gw_control_opts {
	const char *path;               /* copied; its folder is made if missing */
	const char *group;              /* owns the socket if there is such a group */
	const struct gw_app_view *view; /* outlives the control; main changes it in place */
	/* Hand a command to the engine; false: its ring is full. */
	bool (*command)(void *arg, const struct gw_command *command);
	void *arg;
	struct gw_recorder *recorder; /* outlives the control; NULL: nobody can record */
	struct gw_resends_way resends;
	/* Reload the configuration; called from the loop itself, between its callbacks. */
	enum gw_err (*reload)(void *arg, bool force, struct gw_error *err);
};

/* A socket file left by a crash is replaced; GW_ERR_REFUSED if somebody answers there. */
enum gw_err gw_control_open(struct gw_loop *loop, const struct gw_control_opts *opts,
	struct gw_control **ret_control, struct gw_error *err);
/* Tells followers that tocsind stops. NULL is fine. */
void gw_control_close(struct gw_control *c);

/* Every event, in the order of the LIVE ring, whether anybody follows or not. */
void gw_control_event(struct gw_control *c, const struct gw_event *event);
/* Every reply of the engine; one nobody waits for any more is dropped. */
void gw_control_reply(struct gw_control *c, const struct gw_reply *reply);
/* The wake given to gw_uplink_attach_asker fired: an uplink may have answered. */
void gw_control_resent(struct gw_control *c);
/* The wake given to gw_store_attach_reader fired: an answer may be there. */
void gw_control_verified(struct gw_control *c);
void gw_control_history(struct gw_control *c);
/* The view was exchanged: who waits for the old engine is told so, history is asked for anew.
 * Lists begun over the old one end by themselves (its generation is raised). */
void gw_control_changed(struct gw_control *c);

struct gw_control_status {
	uint32_t clients, followers;
	uint64_t requests;
	uint64_t malformed;   /* lines refused and connections closed, slow ones too */
	uint64_t cut;         /* clients that did not read */
	uint64_t turned_away; /* beyond what protocol.h allows */
};
void gw_control_status(const struct gw_control *c, struct gw_control_status *ret_status);

#endif

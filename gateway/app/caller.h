/* SPDX-License-Identifier: Apache-2.0 */
/*
 * caller.h: one client of the control socket: reads a line, answers it, waits for what others
 * have to say (the engine, the store), follows events. Private to control.c.
 *
 * Owner: the control. Thread: main. Life: new, (push, reply, join)..., free; a caller that is
 * dead waits to be freed and is not called any more.
 */
#ifndef GW_APP_CALLER_H
#define GW_APP_CALLER_H

#include "app/answers.h"
#include "app/control.h"
#include "app/follow.h"
#include "app/request.h"
#include "ctl/protocol.h"

#include <sys/types.h>

/* What all callers share. */
struct gw_callers {
	struct gw_loop *loop;
	const struct gw_app_view *view;
	bool (*command)(void *arg, const struct gw_command *command);
	void *arg;
	struct gw_recorder *recorder; /* or NULL */
	struct gw_resends resends;
	/* Whether one more of this user may follow or record. */
	bool (*may_stay)(const struct gw_callers *all, uid_t uid);
	void (*reload)(struct gw_callers *all, bool force); /* soon */
	bool reloading;                                     /* and not done yet */
	/* A caller was at work by itself: it may have died, or want history. */
	void (*moved)(struct gw_callers *all);
	uint64_t cookie; /* the last that was given */
	struct gw_control_status status;
	struct gw_follow follow;
};

enum gw_caller_phase {
	GW_CALLER_READING,   /* waits for a line */
	GW_CALLER_ANSWERING, /* writes a document piece by piece */
	GW_CALLER_ASKED,     /* waits for the engine, or for uplinks */
	GW_CALLER_RELOADING, /* waits for the new configuration */
	GW_CALLER_VERIFYING, /* waits for the store, which looks at every row */
	GW_CALLER_JOINING,   /* waits for history */
	GW_CALLER_FOLLOWING,
	GW_CALLER_RECORDING, /* gets the bytes of a file; when it says no more, the end */
	GW_CALLER_CLOSING,   /* last words */
	GW_CALLER_LINGERING, /* has said them; reads on so that the client can read them */
};

/* Fields are caller.c's own but for phase, dead, request and joined_ns, which may be read. */
struct gw_caller {
	struct gw_callers *all;
	struct gw_loop_fd io;
	struct gw_loop_timer deadline;
	enum gw_caller_phase phase;
	bool dead, eof;
	pid_t pid;
	uid_t uid;
	struct gw_request request;
	uint64_t cookie; /* ASKED */
	uint32_t alarm;
	int64_t joined_ns; /* JOINING since */
	struct gw_status_cursor cursor;
	struct gw_follower follower;
	size_t n_in;
	char in[GW_PROTOCOL_REQUEST_MAX];
	struct gw_answers out;
};

/* fd is a connected, non-blocking socket and the caller's from here on. NULL if there is no
 * memory; fd is then still open. */
struct gw_caller *gw_caller_new(struct gw_callers *all, int fd);
void gw_caller_free(struct gw_caller *c);

/* An event, for who follows or is about to. */
void gw_caller_push(struct gw_caller *c, struct gw_live *live);
/* The engine's answer, if it is this caller's. */
void gw_caller_reply(struct gw_caller *c, const struct gw_reply *reply);
/* All uplinks have answered, if it is this caller who asked. */
void gw_caller_resent(struct gw_caller *c);
/* VERIFYING: what the store found. */
void gw_caller_verified(struct gw_caller *c, const struct gw_store_verified *verified);
/* JOINING: the history, owned from here on; NULL: there is none. */
void gw_caller_join(struct gw_caller *c, struct gw_batch *history);
/* The configuration was read: why it was refused, or NULL. */
void gw_caller_reloaded(struct gw_caller *c, const char *why);
/* The engine it waits for is no more. */
void gw_caller_changed(struct gw_caller *c);
/* tocsind stops. */
void gw_caller_farewell(struct gw_caller *c);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client.h: one client of the control socket: reads a line, answers it, waits for what others
 * have to say (the engine, the store), follows events. Private to server.c.
 *
 * Owner: the control. Thread: main. Life: new, (push, reply, join)..., free; a caller that is
 * dead waits to be freed and is not called any more.
 */
#ifndef GW_CONTROL_CLIENT_H
#define GW_CONTROL_CLIENT_H

#include "control/protocol.h"
#include "control/reply.h"
#include "control/request.h"
#include "control/server.h"
#include "control/tail.h"

#include <sys/types.h>

/* What all callers share. */
struct gw_client_shared {
	struct gw_loop *loop;
	const struct gw_status_view *view;
	bool (*command)(void *arg, const struct gw_alarm_command *command);
	void *arg;
	struct gw_recorder *recorder; /* or NULL */
	struct gw_resend_job resends;
	/* Whether one more of this user may follow or record. */
	bool (*may_subscribe)(const struct gw_client_shared *shared, uid_t uid);
	void (*reload)(struct gw_client_shared *shared, bool force); /* soon */
	bool reloading;                                              /* and not done yet */
	/* A caller was at work by itself: it may have died, or want history. */
	void (*service)(struct gw_client_shared *shared);
	uint64_t cookie; /* the last that was given */
	struct gw_server_status status;
	struct gw_tail_recent recent;
};

enum gw_client_phase {
	GW_CLIENT_READING,         /* waits for a line */
	GW_CLIENT_SENDING,         /* writes a document piece by piece */
	GW_CLIENT_WAITING,         /* waits for the engine, or for uplinks */
	GW_CLIENT_RELOADING,       /* waits for the new configuration */
	GW_CLIENT_VERIFYING,       /* waits for the store, which looks at every row */
	GW_CLIENT_LOADING_HISTORY, /* waits for history */
	GW_CLIENT_TAILING,
	GW_CLIENT_RECORDING, /* gets the bytes of a file; when it says no more, the end */
	GW_CLIENT_CLOSING,   /* last words */
	GW_CLIENT_LINGERING, /* has said them; reads on so that the client can read them */
};

/* Fields are client.c's own but for phase, dead, request and joined_ns, which may be read. */
struct gw_client {
	struct gw_client_shared *shared;
	struct gw_loop_fd io;
	struct gw_loop_timer deadline;
	enum gw_client_phase phase;
	bool dead, eof;
	pid_t pid;
	uid_t uid;
	struct gw_request request;
	uint64_t cookie; /* ASKED */
	uint32_t alarm;
	int64_t history_began_ns; /* JOINING since */
	struct gw_status_cursor cursor;
	struct gw_tail tail;
	size_t n_in;
	char in[GW_PROTOCOL_REQUEST_MAX];
	struct gw_reply_buffer out;
};

/* fd is a connected, non-blocking socket and the caller's from here on. NULL if there is no
 * memory; fd is then still open. */
struct gw_client *gw_client_new(struct gw_client_shared *shared, int fd);
void gw_client_free(struct gw_client *c);

/* An event, for who follows or is about to. */
void gw_client_push_event(struct gw_client *c, struct gw_tail_event *live);
/* The engine's answer, if it is this caller's. */
void gw_client_engine_reply(struct gw_client *c, const struct gw_alarm_reply *reply);
/* All uplinks have answered, if it is this caller who asked. */
void gw_client_resend_done(struct gw_client *c);
/* VERIFYING: what the store found. */
void gw_client_verify_done(
	struct gw_client *c, const struct gw_store_verify_result *verified);
/* JOINING: the history, owned from here on; NULL: there is none. */
void gw_client_add_history(struct gw_client *c, struct gw_batch *history);
/* The configuration was read: why it was refused, or NULL. */
void gw_client_reload_done(struct gw_client *c, const char *why);
/* The engine it waits for is no more. */
void gw_client_config_changed(struct gw_client *c);
/* tocsind stops. */
void gw_client_shut_down(struct gw_client *c);

#endif

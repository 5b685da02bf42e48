/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client.h: one connection to the control socket: reads a request, calls its handler
 * (handlers.h), writes the reply. Used by server.c and handlers.c only.
 *
 * Owner: the server. Thread: main. Life: new, ..., free. A client that is dead waits to be
 * freed by the server and is not called any more.
 */
#ifndef GW_CONTROL_CLIENT_H
#define GW_CONTROL_CLIENT_H

#include "base/loop.h"
#include "control/protocol.h"
#include "control/recorder.h"
#include "control/reply.h"
#include "control/request_parser.h"
#include "control/resend_job.h"
#include "control/status.h"
#include "control/tail.h"

#include <sys/types.h>

/* What all clients share. */
struct gw_client_shared {
	struct gw_loop *loop;
	const struct gw_control_command *commands;
	size_t n_commands;
	const struct gw_status_view *view;
	/* Pass a command to the engine. False: its ring is full. */
	bool (*command)(void *arg, const struct gw_alarm_command *command);
	void *arg;
	struct gw_recorder *recorder; /* NULL: nobody can record */
	struct gw_resend_job resends;
	/* Whether this user may have one more client in tail or record. */
	bool (*may_subscribe)(const struct gw_client_shared *shared, uid_t uid);
	/* Reload once the loop is back in control; NULL: there is no reload. */
	void (*reload)(struct gw_client_shared *shared, bool force);
	bool reloading; /* asked for and not done */
	/* Called after a client acted on its own: it may be dead, or want history. */
	void (*service)(struct gw_client_shared *shared);
	uint64_t cookie; /* the last one given to a request */
	struct gw_server_counts counts;
	struct gw_tail_recent recent;
};

enum gw_client_phase {
	GW_CLIENT_READING,         /* a request */
	GW_CLIENT_SENDING,         /* a document, item by item */
	GW_CLIENT_WAITING,         /* for the engine's reply */
	GW_CLIENT_RESENDING,       /* for the uplinks' answers */
	GW_CLIENT_RELOADING,       /* for the new configuration */
	GW_CLIENT_VERIFYING,       /* for the store, which reads every row */
	GW_CLIENT_BACKING_UP,      /* for the store, which copies its database */
	GW_CLIENT_LOADING_HISTORY, /* tail: for the store's events */
	GW_CLIENT_TAILING,
	GW_CLIENT_RECORDING,
	GW_CLIENT_CLOSING, /* sends what is buffered, then closes its half */
	GW_CLIENT_LINGERING, /* reads until the peer closes: an early close would drop the reply */
};

/* Fields are for client.c and handlers.c; server.c reads phase, dead, uid, request and
 * history_began_ns. */
struct gw_client {
	struct gw_client_shared *shared;
	struct gw_loop_fd io;
	struct gw_loop_timer deadline;
	enum gw_client_phase phase;
	bool dead, eof;
	pid_t pid;
	uid_t uid;
	struct gw_control_request request;
	uint64_t cookie;          /* WAITING, RESENDING: of the request */
	uint32_t alarm;           /* WAITING: index in config->alarms */
	int64_t history_began_ns; /* LOADING_HISTORY: when it was asked for */
	struct gw_status_cursor cursor;
	struct gw_tail tail;
	size_t n_in;
	char in[GW_PROTOCOL_REQUEST_MAX];
	struct gw_reply_buffer out;
};

/* fd: a connected, non-blocking socket; the client closes it. NULL: no memory; fd is then
 * still open and the caller's. */
struct gw_client *gw_client_new(struct gw_client_shared *shared, int fd);
void gw_client_free(struct gw_client *c);

/* An event, for clients in tail. */
void gw_client_push_event(struct gw_client *c, struct gw_tail_event *event);
/* LOADING_HISTORY: the store's events, owned by the client from here on; NULL: there are
 * none. */
void gw_client_add_history(struct gw_client *c, struct gw_batch *history);
/* tocsind stops: ends a recording properly, tells other clients. */
void gw_client_shut_down(struct gw_client *c);

/* ---- for handlers ---- */

/* Sets the phase and its deadline. */
void gw_client_set_phase(struct gw_client *c, enum gw_client_phase phase);
/* Reads and writes as far as possible without blocking. */
void gw_client_run(struct gw_client *c);
/* Add an error, a line. candidates may be NULL. */
void gw_client_reply_error(struct gw_client *c, const char *why,
	const struct gw_lookup_candidates *candidates);
void gw_client_reply_line(struct gw_client *c, const char *json);
/* Add an error and read the next request. */
void gw_client_refuse(struct gw_client *c, const char *why);
/* A result: begin, write JSON to t, end, which also reads the next request. Not ended it is
 * not sent. */
void gw_client_begin_result(struct gw_client *c, struct gw_text *ret_text);
void gw_client_end_result(struct gw_client *c, struct gw_text *t);
/* The result is the document of c->cursor, which is sent item by item. */
void gw_client_begin_document(struct gw_client *c);

#endif

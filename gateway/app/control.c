/* SPDX-License-Identifier: Apache-2.0 */
#include "app/control.h"

#include "app/follow.h"
#include "app/listen.h"
#include "app/lookup.h"
#include "app/request.h"
#include "base/clock.h"
#include "base/log.h"
#include "ctl/protocol.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#define OUT_BYTES (2 * GW_STATUS_PIECE)
/* Buffers written to one client before the others have their turn. */
#define ROUNDS 8
/* A document's "}\n". */
#define DOCUMENT_END 2

#define READ_NS     (GW_PROTOCOL_READ_MS * GW_NS_PER_MS)
#define WRITE_NS    (5 * GW_NS_PER_SEC)
#define ENGINE_NS   (5 * GW_NS_PER_SEC)
#define HISTORY_NS  (5 * GW_NS_PER_SEC)
#define COMMIT_NS   (2 * GW_NS_PER_SEC) /* of which history waits for the last commits */
#define LINGER_NS   (1 * GW_NS_PER_SEC)
#define ASK_AGAIN   (20 * GW_NS_PER_MS)
#define ACCEPT_WAIT (1 * GW_NS_PER_SEC)

enum phase {
	READING,   /* waits for a line */
	ANSWERING, /* writes a document piece by piece */
	ASKED,     /* waits for the engine */
	JOINING,   /* waits for history */
	FOLLOWING,
	CLOSING,   /* last words */
	LINGERING, /* has said them; reads on so that the client can read them */
};

struct client {
	struct gw_control *control;
	struct gw_loop_fd io;
	struct gw_loop_timer deadline;
	enum phase phase;
	bool dead, eof;
	pid_t pid;
	uid_t uid;
	struct gw_request request;
	uint64_t cookie; /* ASKED */
	uint32_t alarm;
	int64_t joined_ns; /* JOINING since */
	struct gw_status_cursor cursor;
	struct gw_follower follower;
	size_t n_in, out_at, out_used;
	char in[GW_PROTOCOL_REQUEST_MAX];
	char out[OUT_BYTES];
};

struct gw_control {
	struct gw_loop *loop;
	const struct gw_app_view *view;
	bool (*command)(void *arg, const struct gw_command *command);
	void *arg;
	struct gw_listen listen;
	struct gw_loop_fd io;
	struct gw_loop_timer accept_again, ask_again;
	struct client *clients[GW_PROTOCOL_CLIENTS]; /* NULL: free */
	uint64_t cookie;
	bool asking;          /* the store works on a history */
	struct client *asker; /* for whom; NULL if it left */
	struct gw_control_status status;
	struct gw_follow follow;
};

static void enter(struct client *c, enum phase phase)
{
	static const int64_t most_ns[] = {
		[READING] = READ_NS,
		[ANSWERING] = WRITE_NS,
		[ASKED] = ENGINE_NS,
		[JOINING] = HISTORY_NS,
		[FOLLOWING] = 0,
		[CLOSING] = WRITE_NS,
		[LINGERING] = LINGER_NS,
	};

	c->phase = phase;
	if (most_ns[phase])
		gw_loop_arm(c->control->loop, &c->deadline,
			gw_clock_mono_ns() + most_ns[phase]);
	else
		gw_loop_disarm(c->control->loop, &c->deadline);
}

/* ---- answers: whole lines behind what is still to be written ---- */

static void begin_line(struct client *c, struct gw_text *t)
{
	gw_text_init(t, c->out + c->out_used, sizeof(c->out) - c->out_used);
}

static void end_line(struct client *c, struct gw_text *t)
{
	gw_text_add(t, "\n");
	if (t->cut)
		c->dead = true; /* it asks and asks and reads nothing */
	else
		c->out_used += t->used;
}

static void say_error(struct client *c, const char *why, const struct gw_lookup *candidates)
{
	struct gw_text t;

	begin_line(c, &t);
	gw_json_open(&t, NULL, '{');
	gw_json_bool(&t, "ok", false);
	gw_json_string(&t, "error", why);
	if (candidates && candidates->n) {
		gw_json_open(&t, "candidates", '[');
		for (size_t i = 0; i < candidates->n && i < GW_LOOKUP_MAX; i++)
			gw_json_string(&t, NULL, candidates->keys[i]);
		gw_json_close(&t, ']');
	}
	gw_json_close(&t, '}');
	end_line(c, &t);
}

/* What it sent is no request: it is told so and let go. */
static void turn_out(struct client *c, const char *why)
{
	c->control->status.malformed++;
	say_error(c, why, NULL);
	enter(c, CLOSING);
}

static void say_state(struct client *c, const char *key, uint32_t state)
{
	struct gw_text t;

	begin_line(c, &t);
	gw_text_add(&t, GW_PROTOCOL_OK);
	gw_json_open(&t, NULL, '{');
	gw_json_string(&t, "alarm", key);
	gw_json_string(&t, "state", gw_state_name(state));
	gw_json_close(&t, '}');
	gw_text_add(&t, "}");
	end_line(c, &t);
}

static void say_text(struct client *c, const char *json)
{
	struct gw_text t;

	begin_line(c, &t);
	gw_text_add(&t, json);
	end_line(c, &t);
}

/* ---- requests ---- */

static void begin_document(struct client *c, enum gw_status_kind kind)
{
	struct gw_error err;
	struct gw_text t;

	if (gw_status_begin(&c->cursor, c->control->view, kind, c->request.pattern,
		    c->request.all, &err)) {
		say_error(c, err.text, NULL);
		enter(c, READING);
		return;
	}
	begin_line(c, &t);
	gw_text_add(&t, GW_PROTOCOL_OK);
	c->out_used += t.used;
	enter(c, ANSWERING);
}

static void continue_document(struct client *c)
{
	struct gw_time now = {
		.mono_ns = gw_clock_mono_ns(),
		.wall_ms = gw_clock_wall_ms(),
		.synced = c->control->view->synced,
	};
	struct gw_text t;
	bool done;

	if (gw_status_stale(&c->cursor)) {
		c->dead = true;
		return;
	}
	begin_line(c, &t);
	t.size -= DOCUMENT_END;
	done = gw_status_more(&c->cursor, &t, now);
	t.size += DOCUMENT_END;
	if (done)
		gw_text_add(&t, "}\n");
	c->out_used += t.used;
	if (done) {
		gw_status_end(&c->cursor);
		enter(c, READING);
	}
}

static void log_command(const struct client *c, const char *what, const char *key)
{
	gw_log(GW_LOG_NOTICE, "%s %s, asked by uid %u%s%s", what, key, (unsigned)c->uid,
		*c->request.note ? ": " : "", c->request.note);
}

static void ask_engine(struct client *c, enum gw_command_kind kind)
{
	struct gw_control *ctl = c->control;
	const struct gw_config *config = ctl->view->config;
	struct gw_command command = {.kind = kind, .for_ns = c->request.for_ns};
	struct gw_lookup candidates = {0};
	struct gw_error err;

	if (gw_lookup_alarm(config->alarms, config->n_alarms, c->request.alarm, &c->alarm,
		    &candidates, &err)) {
		say_error(c, err.text, &candidates);
		enter(c, READING);
		return;
	}
	command.alarm = c->alarm;
	command.cookie = c->cookie = ++ctl->cookie;
	memcpy(command.note, c->request.note, sizeof(command.note));
	if (!ctl->command(ctl->arg, &command)) {
		say_error(c, "the engine is busy: try again", NULL);
		enter(c, READING);
		return;
	}
	enter(c, ASKED);
}

static void begin_tail(struct client *c)
{
	const struct gw_request *r = &c->request;
	struct gw_error err;

	if (gw_follower_begin(&c->follower, &c->control->follow, r->last, r->since_ms,
		    r->json, &err)) {
		say_error(c, err.text, NULL);
		enter(c, READING);
		return;
	}
	say_text(c, GW_PROTOCOL_OK "{\"following\":true}}");
	c->joined_ns = gw_clock_mono_ns();
	enter(c, r->last ? JOINING : FOLLOWING);
	if (r->last)
		gw_loop_arm(c->control->loop, &c->control->ask_again, c->joined_ns);
}

static void obey(struct client *c)
{
	c->control->status.requests++;
	switch (c->request.kind) {
	case GW_REQUEST_STATUS: begin_document(c, GW_STATUS_GATEWAY); break;
	case GW_REQUEST_POINTS: begin_document(c, GW_STATUS_POINTS); break;
	case GW_REQUEST_ALARMS: begin_document(c, GW_STATUS_ALARMS); break;
	case GW_REQUEST_TAIL: begin_tail(c); break;
	case GW_REQUEST_ACK: ask_engine(c, GW_COMMAND_ACK); break;
	case GW_REQUEST_RESET: ask_engine(c, GW_COMMAND_RESET); break;
	case GW_REQUEST_SHELVE: ask_engine(c, GW_COMMAND_SHELVE); break;
	case GW_REQUEST_UNSHELVE: ask_engine(c, GW_COMMAND_UNSHELVE); break;
	}
}

/* One line of what was read, if a whole one is there. */
static void next_request(struct client *c)
{
	char *end = memchr(c->in, '\n', c->n_in);
	struct gw_error err;
	size_t n;

	if (!end && c->n_in == sizeof(c->in)) {
		turn_out(c, "the request is longer than 4096 bytes");
	} else if (!end && c->eof && c->n_in > 0) {
		turn_out(c, "the request has no newline at its end");
	} else if (!end && c->eof) {
		c->dead = true;
	}
	if (!end)
		return;
	n = (size_t)(end - c->in);
	if (gw_request_parse(c->in, n, &c->request, &err))
		turn_out(c, err.text);
	else
		obey(c);
	c->n_in -= n + 1;
	memmove(c->in, end + 1, c->n_in);
}

/* ---- reading and writing ---- */

static void fill(struct client *c)
{
	struct gw_text t;

	if (c->phase == READING)
		next_request(c);
	if (c->phase == ANSWERING && !c->dead)
		continue_document(c);
	if (c->phase == FOLLOWING && c->out_used == 0) {
		begin_line(c, &t);
		gw_follower_more(&c->follower, &c->control->follow, &t);
		c->out_used = t.used;
	}
}

/* True if all of it went out. */
static bool flush(struct client *c)
{
	while (c->out_at < c->out_used) {
		ssize_t n = send(c->io.fd, c->out + c->out_at, c->out_used - c->out_at,
			MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			c->dead |= errno != EAGAIN;
			return false;
		}
		c->out_at += (size_t)n;
		if (c->phase == ANSWERING)
			enter(c,
				ANSWERING); /* it reads: the deadline is for standing still */
	}
	c->out_at = c->out_used = 0;
	return true;
}

/* Whether there is more to do without anything new coming in. */
static bool has_more(const struct client *c)
{
	switch (c->phase) {
	case READING:
		return c->eof || c->n_in == sizeof(c->in) ||
			(c->n_in > 0 && memchr(c->in, '\n', c->n_in));
	case ANSWERING: return true;
	case FOLLOWING: return c->follower.n > 0 || c->follower.history;
	case ASKED:
	case JOINING:
	case CLOSING:
	case LINGERING: break;
	}
	return false;
}

static void watch(struct client *c)
{
	bool reads = c->phase == READING || c->phase == FOLLOWING || c->phase == LINGERING;
	uint32_t events = 0;

	if (c->out_used > 0 || has_more(c))
		events |= EPOLLOUT;
	else if (reads && !c->eof)
		events |= EPOLLIN;
	gw_loop_watch(c->control->loop, &c->io, events);
}

static void pump(struct client *c)
{
	for (int round = 0; round < ROUNDS && !c->dead; round++) {
		if (c->out_used == 0)
			fill(c);
		if (c->dead || !flush(c))
			break;
		if (c->phase == CLOSING) {
			shutdown(c->io.fd, SHUT_WR);
			enter(c, LINGERING);
		}
		if (!has_more(c))
			break;
	}
	if (!c->dead)
		watch(c);
}

/* Only a request is kept; whatever a follower or a client that is being let go says is not. */
static void receive(struct client *c)
{
	bool keep = c->phase == READING;
	char waste[4096];
	ssize_t n = keep ? recv(c->io.fd, c->in + c->n_in, sizeof(c->in) - c->n_in, 0)
			 : recv(c->io.fd, waste, sizeof(waste), 0);

	if (n > 0 && keep)
		c->n_in += (size_t)n;
	else if (n == 0)
		c->eof = true;
	else if (n < 0 && errno != EAGAIN && errno != EINTR)
		c->dead = true;
}

static void drop(struct client *c)
{
	struct gw_control *ctl = c->control;

	if (ctl->asker == c)
		ctl->asker = NULL;
	gw_loop_disarm(ctl->loop, &c->deadline);
	gw_loop_remove(ctl->loop, &c->io);
	close(c->io.fd);
	gw_status_end(&c->cursor);
	gw_follower_end(&c->follower);
	free(c);
}

/* At the end of everything that may have killed a client. */
static void bury(struct gw_control *ctl)
{
	for (size_t i = 0; i < GW_PROTOCOL_CLIENTS; i++) {
		if (!ctl->clients[i] || !ctl->clients[i]->dead)
			continue;
		drop(ctl->clients[i]);
		ctl->clients[i] = NULL;
	}
}

static void client_ready(void *arg, uint32_t events)
{
	struct client *c = arg;
	struct gw_control *ctl = c->control;

	if (events & (EPOLLIN | EPOLLHUP) &&
		(c->phase != READING || c->n_in < sizeof(c->in)))
		receive(c);
	if (!c->dead)
		pump(c);
	if (events & (EPOLLHUP | EPOLLERR) || (c->phase == LINGERING && c->eof))
		c->dead = true; /* nobody is left to read */
	bury(ctl);
}

static void cut(struct client *c, const char *why)
{
	c->control->status.cut++;
	c->dead = true;
	gw_log(GW_LOG_NOTICE, "control: client (pid %d, uid %u) %s: cut", (int)c->pid,
		(unsigned)c->uid, why);
}

static void client_late(void *arg, int64_t now_ns)
{
	struct client *c = arg;
	struct gw_control *ctl = c->control;

	(void)now_ns;
	switch (c->phase) {
	case READING:
	case ANSWERING:
		if (c->out_at < c->out_used || c->phase == ANSWERING)
			cut(c, "does not read its answer");
		else
			turn_out(c, "no complete request within 5 s");
		break;
	case ASKED:
		say_error(c, "the engine did not answer within 5 s", NULL);
		enter(c, READING);
		break;
	case JOINING:
		if (ctl->asker == c)
			ctl->asker = NULL;
		say_text(c,
			"{\"note\":\"the store did not answer: older events are "
			"missing\"}");
		gw_follower_join(&c->follower, NULL);
		enter(c, FOLLOWING);
		break;
	case FOLLOWING: break;
	case CLOSING:
	case LINGERING: c->dead = true; break;
	}
	if (!c->dead)
		pump(c);
	bury(ctl);
}

/* ---- coming in ---- */

static void turn_away(struct gw_control *ctl, int fd)
{
	static const char full[] =
		"{\"ok\":false,\"error\":\"32 clients are connected: try again later\"}\n";

	ctl->status.turned_away++;
	send(fd, full, sizeof(full) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	close(fd);
}

static void take_in(struct gw_control *ctl, int fd)
{
	struct ucred who = {.pid = 0, .uid = (uid_t)-1};
	socklen_t size = sizeof(who);
	struct client *c = NULL;
	size_t at = 0;

	while (at < GW_PROTOCOL_CLIENTS && ctl->clients[at])
		at++;
	if (at < GW_PROTOCOL_CLIENTS)
		c = calloc(1, sizeof(*c));
	if (!c) {
		turn_away(ctl, fd);
		return;
	}
	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size);
	c->control = ctl;
	c->pid = who.pid;
	c->uid = who.uid;
	c->io = (struct gw_loop_fd){.fd = fd, .ready = client_ready, .arg = c};
	c->deadline = (struct gw_loop_timer){.fire = client_late, .arg = c};
	if (gw_loop_add(ctl->loop, &c->io, EPOLLIN, NULL)) {
		close(fd);
		free(c);
		return;
	}
	ctl->clients[at] = c;
	enter(c, READING);
}

static void somebody_comes(void *arg, uint32_t events)
{
	struct gw_control *ctl = arg;
	int fd;

	(void)events;
	while ((fd = accept4(ctl->io.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0)
		take_in(ctl, fd);
	if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
		return;
	/* No descriptors left: epoll would call again at once, for ever. */
	gw_loop_watch(ctl->loop, &ctl->io, 0);
	gw_loop_arm(ctl->loop, &ctl->accept_again, gw_clock_mono_ns() + ACCEPT_WAIT);
}

static void accept_again(void *arg, int64_t now_ns)
{
	struct gw_control *ctl = arg;

	(void)now_ns;
	gw_loop_watch(ctl->loop, &ctl->io, EPOLLIN);
}

/* ---- history: the store answers one question at a time ---- */

/* An event that is neither committed nor among the newest kept would be missed: wait for it. */
static bool committed_enough(
	const struct gw_control *ctl, const struct client *c, int64_t now_ns)
{
	uint64_t oldest = gw_follow_oldest(&ctl->follow);

	return oldest == 0 || gw_store_committed(ctl->view->store) + 1 >= oldest ||
		now_ns - c->joined_ns >= COMMIT_NS;
}

static void join_client(struct client *c, struct gw_batch *batch)
{
	if (batch && batch->failed)
		say_text(c,
			"{\"note\":\"the store cannot be read: older events are "
			"missing\"}");
	gw_follower_join(&c->follower, batch);
	enter(c, FOLLOWING);
	pump(c);
}

static void ask_history(void *arg, int64_t now_ns)
{
	struct gw_control *ctl = arg;
	bool waiting = false;

	for (size_t i = 0; i < GW_PROTOCOL_CLIENTS && !ctl->asking; i++) {
		struct client *c = ctl->clients[i];

		if (!c || c->dead || c->phase != JOINING)
			continue;
		if (!ctl->view->store) {
			join_client(c, NULL);
		} else if (committed_enough(ctl, c, now_ns) &&
			gw_store_ask_history(
				ctl->view->store, c->request.last, c->request.since_ms)) {
			ctl->asking = true;
			ctl->asker = c;
		} else {
			waiting = true;
		}
	}
	if (waiting && !ctl->asking)
		gw_loop_arm(ctl->loop, &ctl->ask_again, now_ns + ASK_AGAIN);
	bury(ctl);
}

void gw_control_history(struct gw_control *c)
{
	struct gw_batch *batch = c->view->store ? gw_store_take_history(c->view->store)
						: NULL;

	if (!batch)
		return;
	c->asking = false;
	if (c->asker)
		join_client(c->asker, batch);
	else
		gw_batch_free(batch);
	c->asker = NULL;
	ask_history(c, gw_clock_mono_ns());
}

/* ---- what the gateway tells ---- */

void gw_control_event(struct gw_control *c, const struct gw_event *event)
{
	struct gw_live *live = gw_follow_event(&c->follow, event);

	for (size_t i = 0; live && i < GW_PROTOCOL_CLIENTS; i++) {
		struct client *to = c->clients[i];

		if (!to || to->dead || (to->phase != FOLLOWING && to->phase != JOINING))
			continue;
		if (!gw_follower_push(&to->follower, live))
			cut(to, "follows events and does not read them");
		else if (to->phase == FOLLOWING)
			pump(to);
	}
	bury(c);
}

void gw_control_reply(struct gw_control *c, const struct gw_reply *reply)
{
	static const char *const what[] = {"acknowledge", "reset", "shelve", "unshelve"};

	for (size_t i = 0; i < GW_PROTOCOL_CLIENTS; i++) {
		struct client *to = c->clients[i];
		const char *key;

		if (!to || to->dead || to->phase != ASKED || to->cookie != reply->cookie)
			continue;
		key = c->view->config->alarms[to->alarm].info.key;
		if (reply->done) {
			log_command(to, what[to->request.kind - GW_REQUEST_ACK], key);
			say_state(to, key, reply->state);
		} else {
			say_error(to, reply->why, NULL);
		}
		enter(to, READING);
		pump(to);
	}
	bury(c);
}

void gw_control_changed(struct gw_control *c)
{
	/* The store may be another one, or still answer: then the answer is nobody's. */
	c->asking = false;
	c->asker = NULL;
	gw_loop_arm(c->loop, &c->ask_again, gw_clock_mono_ns());
	for (size_t i = 0; i < GW_PROTOCOL_CLIENTS; i++) {
		struct client *to = c->clients[i];

		if (!to || to->dead || to->phase != ASKED)
			continue;
		say_error(
			to, "the configuration was exchanged meanwhile: look again", NULL);
		enter(to, READING);
		pump(to);
	}
	bury(c);
}

void gw_control_status(const struct gw_control *c, struct gw_control_status *ret_status)
{
	*ret_status = c->status;
	for (size_t i = 0; i < GW_PROTOCOL_CLIENTS; i++) {
		const struct client *to = c->clients[i];

		ret_status->clients += to != NULL;
		ret_status->followers += to &&
			(to->phase == FOLLOWING || to->phase == JOINING);
	}
}

/* ---- life ---- */

enum gw_err gw_control_open(struct gw_loop *loop, const struct gw_control_opts *opts,
	struct gw_control **ret_control, struct gw_error *err)
{
	struct gw_control *c = calloc(1, sizeof(*c));
	enum gw_err e;

	if (!c)
		return gw_fail(err, GW_ERR_SYSTEM, ENOMEM, "control socket: out of memory");
	c->loop = loop;
	c->view = opts->view;
	c->command = opts->command;
	c->arg = opts->arg;
	c->accept_again = (struct gw_loop_timer){.fire = accept_again, .arg = c};
	c->ask_again = (struct gw_loop_timer){.fire = ask_history, .arg = c};
	e = gw_listen_open(&c->listen, opts->path, opts->group, err);
	if (e) {
		free(c);
		return e;
	}
	c->io = (struct gw_loop_fd){.fd = c->listen.fd, .ready = somebody_comes, .arg = c};
	if (gw_loop_add(loop, &c->io, EPOLLIN, err)) {
		gw_control_close(c);
		return GW_ERR_SYSTEM;
	}
	*ret_control = c;
	return GW_OK;
}

void gw_control_close(struct gw_control *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < GW_PROTOCOL_CLIENTS; i++) {
		struct client *to = c->clients[i];

		if (!to)
			continue;
		if (to->phase == ANSWERING) {
			to->dead = true; /* in the middle of a line */
		} else {
			say_error(to, "tocsind stops", NULL);
			if (!to->dead)
				flush(to);
		}
		drop(to);
		c->clients[i] = NULL;
	}
	gw_loop_disarm(c->loop, &c->accept_again);
	gw_loop_disarm(c->loop, &c->ask_again);
	gw_loop_remove(c->loop, &c->io);
	gw_listen_close(&c->listen);
	gw_follow_fini(&c->follow);
	free(c);
}

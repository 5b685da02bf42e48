/* SPDX-License-Identifier: Apache-2.0 */
#include "app/caller.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Buffers written to one client before the others have their turn. */
#define ROUNDS 8
/* A document's "}\n". */
#define DOCUMENT_END 2

#define READ_NS    (GW_PROTOCOL_READ_MS * GW_NS_PER_MS)
#define WRITE_NS   (5 * GW_NS_PER_SEC)
#define ENGINE_NS  (5 * GW_NS_PER_SEC)
#define HISTORY_NS (5 * GW_NS_PER_SEC)
#define VERIFY_NS  (600 * GW_NS_PER_SEC)
#define LINGER_NS  (1 * GW_NS_PER_SEC)

static void pump(struct gw_caller *c);

static void enter(struct gw_caller *c, enum gw_caller_phase phase)
{
	static const int64_t most_ns[] = {
		[GW_CALLER_READING] = READ_NS,
		[GW_CALLER_ANSWERING] = WRITE_NS,
		[GW_CALLER_ASKED] = ENGINE_NS,
		[GW_CALLER_VERIFYING] = VERIFY_NS,
		[GW_CALLER_JOINING] = HISTORY_NS,
		[GW_CALLER_FOLLOWING] = 0,
		[GW_CALLER_RECORDING] = 0,
		[GW_CALLER_CLOSING] = WRITE_NS,
		[GW_CALLER_LINGERING] = LINGER_NS,
	};

	c->phase = phase;
	if (most_ns[phase])
		gw_loop_arm(
			c->all->loop, &c->deadline, gw_clock_mono_ns() + most_ns[phase]);
	else
		gw_loop_disarm(c->all->loop, &c->deadline);
}

/* ---- answers; who asks and asks and reads nothing is let go ---- */

static void say_error(
	struct gw_caller *c, const char *why, const struct gw_lookup *candidates)
{
	c->dead |= !gw_answers_error(&c->out, why, candidates);
}

static void say_text(struct gw_caller *c, const char *json)
{
	c->dead |= !gw_answers_line(&c->out, json);
}

/* What it sent is no request: it is told so and let go. */
static void turn_out(struct gw_caller *c, const char *why)
{
	c->all->status.malformed++;
	say_error(c, why, NULL);
	enter(c, GW_CALLER_CLOSING);
}

/* ---- requests ---- */

static void begin_document(struct gw_caller *c, enum gw_status_kind kind)
{
	struct gw_error err;
	struct gw_text t;

	if (gw_status_begin(&c->cursor, c->all->view, kind, c->request.pattern,
		    c->request.all, &err)) {
		say_error(c, err.text, NULL);
		enter(c, GW_CALLER_READING);
		return;
	}
	gw_answers_begin(&c->out, &t);
	gw_text_add(&t, GW_PROTOCOL_OK);
	c->out.used += t.used;
	enter(c, GW_CALLER_ANSWERING);
}

static void continue_document(struct gw_caller *c)
{
	struct gw_time now = {
		.mono_ns = gw_clock_mono_ns(),
		.wall_ms = gw_clock_wall_ms(),
		.synced = c->all->view->synced,
	};
	struct gw_text t;
	bool done;

	if (gw_status_stale(&c->cursor)) {
		c->dead = true;
		return;
	}
	gw_answers_begin(&c->out, &t);
	t.size -= DOCUMENT_END;
	done = gw_status_more(&c->cursor, &t, now);
	t.size += DOCUMENT_END;
	if (done)
		gw_text_add(&t, "}\n");
	c->out.used += t.used;
	if (done) {
		gw_status_end(&c->cursor);
		enter(c, GW_CALLER_READING);
	}
}

static void log_command(const struct gw_caller *c, const char *what, const char *key)
{
	gw_log(GW_LOG_NOTICE, "%s %s, asked by uid %u%s%s", what, key, (unsigned)c->uid,
		*c->request.note ? ": " : "", c->request.note);
}

static void ask_engine(struct gw_caller *c, enum gw_command_kind kind)
{
	struct gw_callers *all = c->all;
	const struct gw_config *config = all->view->config;
	struct gw_command command = {.kind = kind, .for_ns = c->request.for_ns};
	struct gw_lookup candidates = {0};
	struct gw_error err;

	if (gw_lookup_alarm(config->alarms, config->n_alarms, c->request.alarm, &c->alarm,
		    &candidates, &err)) {
		say_error(c, err.text, &candidates);
		enter(c, GW_CALLER_READING);
		return;
	}
	command.alarm = c->alarm;
	command.cookie = c->cookie = ++all->cookie;
	memcpy(command.note, c->request.note, sizeof(command.note));
	if (!all->command(all->arg, &command)) {
		say_error(c, "the engine is busy: try again", NULL);
		enter(c, GW_CALLER_READING);
		return;
	}
	enter(c, GW_CALLER_ASKED);
}

static void begin_tail(struct gw_caller *c)
{
	const struct gw_request *r = &c->request;
	struct gw_error err;

	if (gw_follower_begin(
		    &c->follower, &c->all->follow, r->last, r->since_ms, r->json, &err)) {
		say_error(c, err.text, NULL);
		enter(c, GW_CALLER_READING);
		return;
	}
	say_text(c, GW_PROTOCOL_OK "{\"following\":true}}");
	c->joined_ns = gw_clock_mono_ns();
	enter(c, r->last ? GW_CALLER_JOINING : GW_CALLER_FOLLOWING);
}

static void more_recorded(void *arg)
{
	struct gw_caller *c = arg;
	struct gw_callers *all = c->all;

	pump(c);
	all->moved(all);
}

static void begin_record(struct gw_caller *c)
{
	struct gw_recorder *r = c->all->recorder;
	struct gw_error err;

	if (!r) {
		say_error(c, "this gateway cannot record", NULL);
	} else if (gw_recorder_begin(r,
			   c->request.max_bytes ? (uint64_t)c->request.max_bytes
						: GW_PROTOCOL_RECORD_BYTES,
			   more_recorded, c, &err)) {
		say_error(c, err.text, NULL);
	} else {
		say_text(c, GW_PROTOCOL_OK "{\"recording\":true}}");
		enter(c, GW_CALLER_RECORDING);
		return;
	}
	enter(c, GW_CALLER_READING);
}

/* Half a connection closed is how a client says that it has enough. */
static void continue_record(struct gw_caller *c)
{
	struct gw_recorder *r = c->all->recorder;

	if (c->eof)
		gw_recorder_end(r);
	c->out.used = gw_recorder_take(r, c->out.bytes, sizeof(c->out.bytes));
	if (c->out.used == 0 && gw_recorder_done(r)) {
		gw_recorder_drop(r);
		enter(c, GW_CALLER_CLOSING);
	}
}

static void begin_resend(struct gw_caller *c)
{
	struct gw_callers *all = c->all;
	struct gw_error err;

	c->cookie = ++all->cookie;
	if (gw_resends_begin(
		    &all->resends, all->view->config, &c->request, c->cookie, &err)) {
		say_error(c, err.text, NULL);
		enter(c, GW_CALLER_READING);
		return;
	}
	log_command(c, "resend", *c->request.uplink ? c->request.uplink : "to all uplinks");
	enter(c, GW_CALLER_ASKED);
}

static void begin_verify(struct gw_caller *c)
{
	struct gw_store *store = c->all->view->store;

	if (!store || !gw_store_ask_verify(store)) {
		say_error(c, "another verify is under way: try again", NULL);
		enter(c, GW_CALLER_READING);
		return;
	}
	enter(c, GW_CALLER_VERIFYING);
}

static void begin_reload(struct gw_caller *c)
{
	if (!c->all->reload || c->all->reloading) {
		say_error(c, "another reload is under way: try again", NULL);
		enter(c, GW_CALLER_READING);
		return;
	}
	log_command(c, "reload", c->request.force ? "forced" : "asked for");
	enter(c, GW_CALLER_RELOADING);
	c->all->reload(c->all, c->request.force);
}

static void obey(struct gw_caller *c)
{
	bool stays = c->request.kind == GW_REQUEST_TAIL ||
		c->request.kind == GW_REQUEST_RECORD;

	c->all->status.requests++;
	if (stays && !c->all->may_stay(c->all, c->uid)) {
		say_error(c, "too many follow or record already: try again later", NULL);
		enter(c, GW_CALLER_READING);
		return;
	}
	switch (c->request.kind) {
	case GW_REQUEST_STATUS: begin_document(c, GW_STATUS_GATEWAY); break;
	case GW_REQUEST_POINTS: begin_document(c, GW_STATUS_POINTS); break;
	case GW_REQUEST_ALARMS: begin_document(c, GW_STATUS_ALARMS); break;
	case GW_REQUEST_TAIL: begin_tail(c); break;
	case GW_REQUEST_RECORD: begin_record(c); break;
	case GW_REQUEST_RESEND: begin_resend(c); break;
	case GW_REQUEST_RELOAD: begin_reload(c); break;
	case GW_REQUEST_VERIFY: begin_verify(c); break;
	case GW_REQUEST_ACK: ask_engine(c, GW_COMMAND_ACK); break;
	case GW_REQUEST_RESET: ask_engine(c, GW_COMMAND_RESET); break;
	case GW_REQUEST_SHELVE: ask_engine(c, GW_COMMAND_SHELVE); break;
	case GW_REQUEST_UNSHELVE: ask_engine(c, GW_COMMAND_UNSHELVE); break;
	}
}

/* One line of what was read, if a whole one is there. */
static void next_request(struct gw_caller *c)
{
	char *end = memchr(c->in, '\n', c->n_in);
	struct gw_error err;
	size_t n;

	if (!end && c->n_in == sizeof(c->in))
		turn_out(c, "the request is longer than 4096 bytes");
	else if (!end && c->eof && c->n_in > 0)
		turn_out(c, "the request has no newline at its end");
	else if (!end && c->eof)
		c->dead = true;
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

static void fill(struct gw_caller *c)
{
	struct gw_text t;

	if (c->phase == GW_CALLER_READING)
		next_request(c);
	if (c->phase == GW_CALLER_ANSWERING && !c->dead)
		continue_document(c);
	if (c->phase == GW_CALLER_FOLLOWING && c->out.used == 0) {
		gw_answers_begin(&c->out, &t);
		gw_follower_more(&c->follower, &c->all->follow, &t);
		c->out.used = t.used;
	}
	if (c->phase == GW_CALLER_RECORDING && c->out.used == 0)
		continue_record(c);
}

/* True if all of it went out. */
static bool flush(struct gw_caller *c)
{
	bool moved = false;
	enum gw_err rc = gw_answers_send(&c->out, c->io.fd, &moved);

	/* it reads: the deadline is for standing still */
	if (moved && c->phase == GW_CALLER_ANSWERING)
		enter(c, GW_CALLER_ANSWERING);
	c->dead |= rc == GW_ERR_LINK;
	return rc == GW_OK;
}

/* Whether there is more to do without anything new coming in. */
static bool has_more(const struct gw_caller *c)
{
	switch (c->phase) {
	case GW_CALLER_READING:
		return c->eof || c->n_in == sizeof(c->in) ||
			(c->n_in > 0 && memchr(c->in, '\n', c->n_in));
	case GW_CALLER_ANSWERING: return true;
	case GW_CALLER_FOLLOWING: return c->follower.n > 0 || c->follower.history;
	case GW_CALLER_RECORDING:
		return c->eof || c->all->recorder->ended ||
			gw_recorder_pending(c->all->recorder);
	case GW_CALLER_ASKED:
	case GW_CALLER_RELOADING:
	case GW_CALLER_VERIFYING:
	case GW_CALLER_JOINING:
	case GW_CALLER_CLOSING:
	case GW_CALLER_LINGERING: break;
	}
	return false;
}

static void watch(struct gw_caller *c)
{
	bool reads = c->phase == GW_CALLER_READING || c->phase == GW_CALLER_FOLLOWING ||
		c->phase == GW_CALLER_RECORDING || c->phase == GW_CALLER_LINGERING;
	uint32_t events = 0;

	if (c->out.used > 0 || has_more(c))
		events |= EPOLLOUT;
	else if (reads && !c->eof)
		events |= EPOLLIN;
	gw_loop_watch(c->all->loop, &c->io, events);
}

static void pump(struct gw_caller *c)
{
	for (int round = 0; round < ROUNDS && !c->dead; round++) {
		if (c->out.used == 0)
			fill(c);
		if (c->dead || !flush(c))
			break;
		if (c->phase == GW_CALLER_CLOSING) {
			shutdown(c->io.fd, SHUT_WR);
			enter(c, GW_CALLER_LINGERING);
		}
		if (!has_more(c))
			break;
	}
	if (!c->dead)
		watch(c);
}

/* Only a request is kept; whatever a follower or a client that is being let go says is not. */
static void receive(struct gw_caller *c)
{
	bool keep = c->phase == GW_CALLER_READING;
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

static void ready(void *arg, uint32_t events)
{
	struct gw_caller *c = arg;
	struct gw_callers *all = c->all;

	if (events & (EPOLLIN | EPOLLHUP) &&
		(c->phase != GW_CALLER_READING || c->n_in < sizeof(c->in)))
		receive(c);
	if (!c->dead)
		pump(c);
	if (events & (EPOLLHUP | EPOLLERR) || (c->phase == GW_CALLER_LINGERING && c->eof))
		c->dead = true; /* nobody is left to read */
	all->moved(all);
}

static void cut(struct gw_caller *c, const char *why)
{
	c->all->status.cut++;
	c->dead = true;
	gw_log(GW_LOG_NOTICE, "control: client (pid %d, uid %u) %s: cut", (int)c->pid,
		(unsigned)c->uid, why);
}

static void late(void *arg, int64_t now_ns)
{
	struct gw_caller *c = arg;
	struct gw_callers *all = c->all;

	(void)now_ns;
	switch (c->phase) {
	case GW_CALLER_READING:
	case GW_CALLER_ANSWERING:
		if (c->out.at < c->out.used || c->phase == GW_CALLER_ANSWERING)
			cut(c, "does not read its answer");
		else
			turn_out(c, "no complete request within 5 s");
		break;
	case GW_CALLER_ASKED:
		say_error(c,
			c->request.kind == GW_REQUEST_RESEND
				? "the store works on it and was not done within 5 s: "
				  "tocsin status shows what is pending"
				: "the engine did not answer within 5 s",
			NULL);
		enter(c, GW_CALLER_READING);
		break;
	case GW_CALLER_VERIFYING:
		say_error(c, "the store was not done within 10 min", NULL);
		enter(c, GW_CALLER_READING);
		break;
	case GW_CALLER_JOINING:
		say_text(c,
			"{\"note\":\"the store did not answer: older events are "
			"missing\"}");
		gw_follower_join(&c->follower, NULL);
		enter(c, GW_CALLER_FOLLOWING);
		break;
	case GW_CALLER_RELOADING:
	case GW_CALLER_FOLLOWING:
	case GW_CALLER_RECORDING: break;
	case GW_CALLER_CLOSING:
	case GW_CALLER_LINGERING: c->dead = true; break;
	}
	if (!c->dead)
		pump(c);
	all->moved(all);
}

/* ---- what others tell ---- */

void gw_caller_push(struct gw_caller *c, struct gw_live *live)
{
	if (c->phase != GW_CALLER_FOLLOWING && c->phase != GW_CALLER_JOINING)
		return;
	if (!gw_follower_push(&c->follower, live))
		cut(c, "follows events and does not read them");
	else if (c->phase == GW_CALLER_FOLLOWING)
		pump(c);
}

void gw_caller_reply(struct gw_caller *c, const struct gw_reply *reply)
{
	static const char *const what[] = {"acknowledge", "reset", "shelve", "unshelve"};
	const char *key;

	if (c->phase != GW_CALLER_ASKED || c->cookie != reply->cookie)
		return;
	key = c->all->view->config->alarms[c->alarm].info.key;
	if (reply->done) {
		log_command(c, what[c->request.kind - GW_REQUEST_ACK], key);
		c->dead |= !gw_answers_state(&c->out, key, reply->state);
	} else {
		say_error(c, reply->why, NULL);
	}
	enter(c, GW_CALLER_READING);
	pump(c);
}

void gw_caller_reloaded(struct gw_caller *c, const char *why)
{
	const struct gw_config *config = c->all->view->config;
	struct gw_text t;

	if (c->phase != GW_CALLER_RELOADING)
		return;
	if (why) {
		say_error(c, why, NULL);
	} else {
		gw_answers_begin(&c->out, &t);
		gw_text_add(&t, GW_PROTOCOL_OK);
		gw_json_open(&t, NULL, '{');
		gw_json_int(&t, "sources", (int64_t)config->n_sources);
		gw_json_int(&t, "alarms", (int64_t)config->n_alarms);
		gw_json_int(&t, "uplinks", (int64_t)config->n_uplinks);
		gw_json_close(&t, '}');
		gw_text_add(&t, "}\n");
		c->dead |= t.cut;
		c->out.used += t.used;
	}
	enter(c, GW_CALLER_READING);
	pump(c);
}

void gw_caller_resent(struct gw_caller *c)
{
	struct gw_resends *r = &c->all->resends;
	struct gw_error err;
	struct gw_text t;

	if (c->phase != GW_CALLER_ASKED || c->cookie != r->cookie)
		return;
	gw_answers_begin(&c->out, &t);
	gw_text_add(&t, GW_PROTOCOL_OK);
	if (gw_resends_put(r, c->all->view->config, &t, &err)) {
		say_error(c, err.text, NULL);
	} else {
		gw_text_add(&t, "}\n");
		c->dead |= t.cut;
		c->out.used += t.used;
	}
	enter(c, GW_CALLER_READING);
	pump(c);
}

void gw_caller_verified(struct gw_caller *c, const struct gw_store_verified *verified)
{
	struct gw_text t;

	if (c->phase != GW_CALLER_VERIFYING)
		return;
	if (verified->failed) {
		say_error(c, verified->why, NULL);
	} else {
		gw_answers_begin(&c->out, &t);
		gw_text_add(&t, GW_PROTOCOL_OK);
		gw_json_open(&t, NULL, '{');
		gw_json_int(&t, "events", (int64_t)verified->rows);
		gw_json_int(&t, "unchained", (int64_t)verified->unchained);
		if (verified->broken)
			gw_json_int(&t, "broken", (int64_t)verified->broken);
		else
			gw_json_null(&t, "broken");
		gw_json_string(&t, "why", verified->why);
		gw_json_open(&t, "head", '{');
		gw_json_int(&t, "seq", (int64_t)verified->head_seq);
		gw_json_string(&t, "sha256", verified->head_seq ? verified->head : NULL);
		gw_json_close(&t, '}');
		gw_json_close(&t, '}');
		gw_text_add(&t, "}\n");
		c->dead |= t.cut;
		c->out.used += t.used;
	}
	enter(c, GW_CALLER_READING);
	pump(c);
}

void gw_caller_join(struct gw_caller *c, struct gw_batch *history)
{
	if (history && history->failed)
		say_text(c,
			"{\"note\":\"the store cannot be read: older events are "
			"missing\"}");
	gw_follower_join(&c->follower, history);
	enter(c, GW_CALLER_FOLLOWING);
	pump(c);
}

void gw_caller_changed(struct gw_caller *c)
{
	if (c->phase != GW_CALLER_ASKED)
		return;
	say_error(c, "the configuration was exchanged meanwhile: look again", NULL);
	enter(c, GW_CALLER_READING);
	pump(c);
}

void gw_caller_farewell(struct gw_caller *c)
{
	if (c->phase == GW_CALLER_ANSWERING)
		return;                        /* in the middle of a line */
	if (c->phase == GW_CALLER_RECORDING) { /* the end of its file, if it can be had */
		gw_recorder_end(c->all->recorder);
		while (!c->dead && flush(c) && c->phase == GW_CALLER_RECORDING)
			continue_record(c);
		return;
	}
	say_error(c, "tocsind stops", NULL);
	if (!c->dead)
		flush(c);
}

/* ---- life ---- */

struct gw_caller *gw_caller_new(struct gw_callers *all, int fd)
{
	struct ucred who = {.pid = 0, .uid = (uid_t)-1};
	socklen_t size = sizeof(who);
	struct gw_caller *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size);
	c->all = all;
	c->pid = who.pid;
	c->uid = who.uid;
	c->io = (struct gw_loop_fd){.fd = fd, .ready = ready, .arg = c};
	c->deadline = (struct gw_loop_timer){.fire = late, .arg = c};
	if (gw_loop_add(all->loop, &c->io, EPOLLIN, NULL)) {
		free(c);
		return NULL;
	}
	enter(c, GW_CALLER_READING);
	return c;
}

void gw_caller_free(struct gw_caller *c)
{
	gw_loop_disarm(c->all->loop, &c->deadline);
	gw_loop_remove(c->all->loop, &c->io);
	close(c->io.fd);
	gw_status_end(&c->cursor);
	gw_follower_end(&c->follower);
	if (c->phase == GW_CALLER_RECORDING)
		gw_recorder_drop(c->all->recorder);
	free(c);
}

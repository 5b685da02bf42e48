/* SPDX-License-Identifier: Apache-2.0 */
#include "control/client.h"

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

static void run(struct gw_client *c);

static void enter(struct gw_client *c, enum gw_client_phase phase)
{
	static const int64_t timeout_ns[] = {
		[GW_CLIENT_READING] = READ_NS,
		[GW_CLIENT_SENDING] = WRITE_NS,
		[GW_CLIENT_WAITING] = ENGINE_NS,
		[GW_CLIENT_VERIFYING] = VERIFY_NS,
		[GW_CLIENT_LOADING_HISTORY] = HISTORY_NS,
		[GW_CLIENT_TAILING] = 0,
		[GW_CLIENT_RECORDING] = 0,
		[GW_CLIENT_CLOSING] = WRITE_NS,
		[GW_CLIENT_LINGERING] = LINGER_NS,
	};

	c->phase = phase;
	if (timeout_ns[phase])
		gw_loop_arm(c->shared->loop, &c->deadline,
			gw_clock_mono_ns() + timeout_ns[phase]);
	else
		gw_loop_disarm(c->shared->loop, &c->deadline);
}

/* ---- answers; who asks and asks and reads nothing is let go ---- */

static void reply_error(
	struct gw_client *c, const char *why, const struct gw_lookup_candidates *candidates)
{
	c->dead |= !gw_reply_error(&c->out, why, candidates);
}

static void reply_line(struct gw_client *c, const char *json)
{
	c->dead |= !gw_reply_line(&c->out, json);
}

/* What it sent is no request: it is told so and let go. */
static void reject(struct gw_client *c, const char *why)
{
	c->shared->status.malformed++;
	reply_error(c, why, NULL);
	enter(c, GW_CLIENT_CLOSING);
}

/* ---- requests ---- */

static void begin_document(struct gw_client *c, enum gw_status_kind kind)
{
	struct gw_error err;
	struct gw_text t;

	if (gw_status_begin(&c->cursor, c->shared->view, kind, c->request.pattern,
		    c->request.all, &err)) {
		reply_error(c, err.text, NULL);
		enter(c, GW_CLIENT_READING);
		return;
	}
	gw_reply_begin(&c->out, &t);
	gw_text_add(&t, GW_PROTOCOL_OK);
	c->out.used += t.used;
	enter(c, GW_CLIENT_SENDING);
}

static void continue_document(struct gw_client *c)
{
	struct gw_time now = {
		.mono_ns = gw_clock_mono_ns(),
		.wall_ms = gw_clock_wall_ms(),
		.synced = c->shared->view->synced,
	};
	struct gw_text t;
	bool done;

	if (gw_status_stale(&c->cursor)) {
		c->dead = true;
		return;
	}
	gw_reply_begin(&c->out, &t);
	t.size -= DOCUMENT_END;
	done = gw_status_write(&c->cursor, &t, now);
	t.size += DOCUMENT_END;
	if (done)
		gw_text_add(&t, "}\n");
	c->out.used += t.used;
	if (done) {
		gw_status_end(&c->cursor);
		enter(c, GW_CLIENT_READING);
	}
}

static void log_command(const struct gw_client *c, const char *what, const char *key)
{
	gw_log(GW_LOG_NOTICE, "%s %s, asked by uid %u%s%s", what, key, (unsigned)c->uid,
		*c->request.note ? ": " : "", c->request.note);
}

static void send_engine_command(struct gw_client *c, enum gw_alarm_command_kind kind)
{
	struct gw_client_shared *shared = c->shared;
	const struct gw_config *config = shared->view->config;
	struct gw_alarm_command command = {.kind = kind, .duration_ns = c->request.for_ns};
	struct gw_lookup_candidates candidates = {0};
	struct gw_error err;

	if (gw_lookup_alarm(config->alarms, config->n_alarms, c->request.alarm, &c->alarm,
		    &candidates, &err)) {
		reply_error(c, err.text, &candidates);
		enter(c, GW_CLIENT_READING);
		return;
	}
	command.alarm = c->alarm;
	command.cookie = c->cookie = ++shared->cookie;
	memcpy(command.note, c->request.note, sizeof(command.note));
	if (!shared->command(shared->arg, &command)) {
		reply_error(c, "the engine is busy: try again", NULL);
		enter(c, GW_CLIENT_READING);
		return;
	}
	enter(c, GW_CLIENT_WAITING);
}

static void begin_tail(struct gw_client *c)
{
	const struct gw_request *r = &c->request;
	struct gw_error err;

	if (gw_tail_begin(
		    &c->tail, &c->shared->recent, r->last, r->since_ms, r->json, &err)) {
		reply_error(c, err.text, NULL);
		enter(c, GW_CLIENT_READING);
		return;
	}
	reply_line(c, GW_PROTOCOL_OK "{\"following\":true}}");
	c->history_began_ns = gw_clock_mono_ns();
	enter(c, r->last ? GW_CLIENT_LOADING_HISTORY : GW_CLIENT_TAILING);
}

static void on_recorded(void *arg)
{
	struct gw_client *c = arg;
	struct gw_client_shared *shared = c->shared;

	run(c);
	shared->service(shared);
}

static void begin_record(struct gw_client *c)
{
	struct gw_recorder *r = c->shared->recorder;
	struct gw_error err;

	if (!r) {
		reply_error(c, "this gateway cannot record", NULL);
	} else if (gw_recorder_begin(r,
			   c->request.max_bytes ? (uint64_t)c->request.max_bytes
						: GW_PROTOCOL_RECORD_BYTES,
			   on_recorded, c, &err)) {
		reply_error(c, err.text, NULL);
	} else {
		reply_line(c, GW_PROTOCOL_OK "{\"recording\":true}}");
		enter(c, GW_CLIENT_RECORDING);
		return;
	}
	enter(c, GW_CLIENT_READING);
}

/* Half a connection closed is how a client says that it has enough. */
static void continue_record(struct gw_client *c)
{
	struct gw_recorder *r = c->shared->recorder;

	if (c->eof)
		gw_recorder_end(r);
	c->out.used = gw_recorder_read(r, c->out.bytes, sizeof(c->out.bytes));
	if (c->out.used == 0 && gw_recorder_done(r)) {
		gw_recorder_release(r);
		enter(c, GW_CLIENT_CLOSING);
	}
}

static void begin_resend(struct gw_client *c)
{
	struct gw_client_shared *shared = c->shared;
	struct gw_error err;

	c->cookie = ++shared->cookie;
	if (gw_resend_job_begin(
		    &shared->resends, shared->view->config, &c->request, c->cookie, &err)) {
		reply_error(c, err.text, NULL);
		enter(c, GW_CLIENT_READING);
		return;
	}
	log_command(c, "resend", *c->request.uplink ? c->request.uplink : "to all uplinks");
	enter(c, GW_CLIENT_WAITING);
}

static void begin_verify(struct gw_client *c)
{
	struct gw_store *store = c->shared->view->store;

	if (!store || !gw_store_request_verify(store)) {
		reply_error(c, "another verify is under way: try again", NULL);
		enter(c, GW_CLIENT_READING);
		return;
	}
	enter(c, GW_CLIENT_VERIFYING);
}

static void begin_reload(struct gw_client *c)
{
	if (!c->shared->reload || c->shared->reloading) {
		reply_error(c, "another reload is under way: try again", NULL);
		enter(c, GW_CLIENT_READING);
		return;
	}
	log_command(c, "reload", c->request.force ? "forced" : "asked for");
	enter(c, GW_CLIENT_RELOADING);
	c->shared->reload(c->shared, c->request.force);
}

static void dispatch(struct gw_client *c)
{
	bool subscribes = c->request.kind == GW_REQUEST_TAIL ||
		c->request.kind == GW_REQUEST_RECORD;

	c->shared->status.requests++;
	if (subscribes && !c->shared->may_subscribe(c->shared, c->uid)) {
		reply_error(c, "too many follow or record already: try again later", NULL);
		enter(c, GW_CLIENT_READING);
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
	case GW_REQUEST_ACK: send_engine_command(c, GW_COMMAND_ACK); break;
	case GW_REQUEST_RESET: send_engine_command(c, GW_COMMAND_RESET); break;
	case GW_REQUEST_SHELVE: send_engine_command(c, GW_COMMAND_SHELVE); break;
	case GW_REQUEST_UNSHELVE: send_engine_command(c, GW_COMMAND_UNSHELVE); break;
	}
}

/* One line of what was read, if a whole one is there. */
static void read_request(struct gw_client *c)
{
	char *end = memchr(c->in, '\n', c->n_in);
	struct gw_error err;
	size_t n;

	if (!end && c->n_in == sizeof(c->in))
		reject(c, "the request is longer than 4096 bytes");
	else if (!end && c->eof && c->n_in > 0)
		reject(c, "the request has no newline at its end");
	else if (!end && c->eof)
		c->dead = true;
	if (!end)
		return;
	n = (size_t)(end - c->in);
	if (gw_request_parse(c->in, n, &c->request, &err))
		reject(c, err.text);
	else
		dispatch(c);
	c->n_in -= n + 1;
	memmove(c->in, end + 1, c->n_in);
}

/* ---- reading and writing ---- */

static void produce_output(struct gw_client *c)
{
	struct gw_text t;

	if (c->phase == GW_CLIENT_READING)
		read_request(c);
	if (c->phase == GW_CLIENT_SENDING && !c->dead)
		continue_document(c);
	if (c->phase == GW_CLIENT_TAILING && c->out.used == 0) {
		gw_reply_begin(&c->out, &t);
		gw_tail_write(&c->tail, &c->shared->recent, &t);
		c->out.used = t.used;
	}
	if (c->phase == GW_CLIENT_RECORDING && c->out.used == 0)
		continue_record(c);
}

/* True if all of it went out. */
static bool flush(struct gw_client *c)
{
	bool progress = false;
	enum gw_err rc = gw_reply_send(&c->out, c->io.fd, &progress);

	/* it reads: the deadline is for standing still */
	if (progress && c->phase == GW_CLIENT_SENDING)
		enter(c, GW_CLIENT_SENDING);
	c->dead |= rc == GW_ERR_LINK;
	return rc == GW_OK;
}

/* Whether there is more to do without anything new coming in. */
static bool has_work(const struct gw_client *c)
{
	switch (c->phase) {
	case GW_CLIENT_READING:
		return c->eof || c->n_in == sizeof(c->in) ||
			(c->n_in > 0 && memchr(c->in, '\n', c->n_in));
	case GW_CLIENT_SENDING: return true;
	case GW_CLIENT_TAILING: return c->tail.n > 0 || c->tail.history;
	case GW_CLIENT_RECORDING:
		return c->eof || c->shared->recorder->ended ||
			gw_recorder_pending(c->shared->recorder);
	case GW_CLIENT_WAITING:
	case GW_CLIENT_RELOADING:
	case GW_CLIENT_VERIFYING:
	case GW_CLIENT_LOADING_HISTORY:
	case GW_CLIENT_CLOSING:
	case GW_CLIENT_LINGERING: break;
	}
	return false;
}

static void update_events(struct gw_client *c)
{
	bool reads = c->phase == GW_CLIENT_READING || c->phase == GW_CLIENT_TAILING ||
		c->phase == GW_CLIENT_RECORDING || c->phase == GW_CLIENT_LINGERING;
	uint32_t events = 0;

	if (c->out.used > 0 || has_work(c))
		events |= EPOLLOUT;
	else if (reads && !c->eof)
		events |= EPOLLIN;
	gw_loop_set_events(c->shared->loop, &c->io, events);
}

static void run(struct gw_client *c)
{
	for (int round = 0; round < ROUNDS && !c->dead; round++) {
		if (c->out.used == 0)
			produce_output(c);
		if (c->dead || !flush(c))
			break;
		if (c->phase == GW_CLIENT_CLOSING) {
			shutdown(c->io.fd, SHUT_WR);
			enter(c, GW_CLIENT_LINGERING);
		}
		if (!has_work(c))
			break;
	}
	if (!c->dead)
		update_events(c);
}

/* Only a request is kept; whatever a follower or a client that is being let go says is not. */
static void receive(struct gw_client *c)
{
	bool wanted = c->phase == GW_CLIENT_READING;
	char discarded[4096];
	ssize_t n = wanted ? recv(c->io.fd, c->in + c->n_in, sizeof(c->in) - c->n_in, 0)
			   : recv(c->io.fd, discarded, sizeof(discarded), 0);

	if (n > 0 && wanted)
		c->n_in += (size_t)n;
	else if (n == 0)
		c->eof = true;
	else if (n < 0 && errno != EAGAIN && errno != EINTR)
		c->dead = true;
}

static void on_ready(void *arg, uint32_t events)
{
	struct gw_client *c = arg;
	struct gw_client_shared *shared = c->shared;

	if (events & (EPOLLIN | EPOLLHUP) &&
		(c->phase != GW_CLIENT_READING || c->n_in < sizeof(c->in)))
		receive(c);
	if (!c->dead)
		run(c);
	if (events & (EPOLLHUP | EPOLLERR) || (c->phase == GW_CLIENT_LINGERING && c->eof))
		c->dead = true; /* nobody is left to read */
	shared->service(shared);
}

static void disconnect(struct gw_client *c, const char *why)
{
	c->shared->status.cut++;
	c->dead = true;
	gw_log(GW_LOG_NOTICE, "control: client (pid %d, uid %u) %s: cut", (int)c->pid,
		(unsigned)c->uid, why);
}

static void on_deadline(void *arg, int64_t now_ns)
{
	struct gw_client *c = arg;
	struct gw_client_shared *shared = c->shared;

	(void)now_ns;
	switch (c->phase) {
	case GW_CLIENT_READING:
	case GW_CLIENT_SENDING:
		if (c->out.at < c->out.used || c->phase == GW_CLIENT_SENDING)
			disconnect(c, "does not read its answer");
		else
			reject(c, "no complete request within 5 s");
		break;
	case GW_CLIENT_WAITING:
		reply_error(c,
			c->request.kind == GW_REQUEST_RESEND
				? "the store works on it and was not done within 5 s: "
				  "tocsin status shows what is pending"
				: "the engine did not answer within 5 s",
			NULL);
		enter(c, GW_CLIENT_READING);
		break;
	case GW_CLIENT_VERIFYING:
		reply_error(c, "the store was not done within 10 min", NULL);
		enter(c, GW_CLIENT_READING);
		break;
	case GW_CLIENT_LOADING_HISTORY:
		reply_line(c,
			"{\"note\":\"the store did not answer: older events are "
			"missing\"}");
		gw_tail_add_history(&c->tail, NULL);
		enter(c, GW_CLIENT_TAILING);
		break;
	case GW_CLIENT_RELOADING:
	case GW_CLIENT_TAILING:
	case GW_CLIENT_RECORDING: break;
	case GW_CLIENT_CLOSING:
	case GW_CLIENT_LINGERING: c->dead = true; break;
	}
	if (!c->dead)
		run(c);
	shared->service(shared);
}

/* ---- what others tell ---- */

void gw_client_push_event(struct gw_client *c, struct gw_tail_event *live)
{
	if (c->phase != GW_CLIENT_TAILING && c->phase != GW_CLIENT_LOADING_HISTORY)
		return;
	if (!gw_tail_push(&c->tail, live))
		disconnect(c, "follows events and does not read them");
	else if (c->phase == GW_CLIENT_TAILING)
		run(c);
}

void gw_client_engine_reply(struct gw_client *c, const struct gw_alarm_reply *reply)
{
	static const char *const what[] = {"acknowledge", "reset", "shelve", "unshelve"};
	const char *key;

	if (c->phase != GW_CLIENT_WAITING || c->cookie != reply->cookie)
		return;
	key = c->shared->view->config->alarms[c->alarm].info.key;
	if (reply->done) {
		log_command(c, what[c->request.kind - GW_REQUEST_ACK], key);
		c->dead |= !gw_reply_state(&c->out, key, reply->state);
	} else {
		reply_error(c, reply->why, NULL);
	}
	enter(c, GW_CLIENT_READING);
	run(c);
}

void gw_client_reload_done(struct gw_client *c, const char *why)
{
	const struct gw_config *config = c->shared->view->config;
	struct gw_text t;

	if (c->phase != GW_CLIENT_RELOADING)
		return;
	if (why) {
		reply_error(c, why, NULL);
	} else {
		gw_reply_begin(&c->out, &t);
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
	enter(c, GW_CLIENT_READING);
	run(c);
}

void gw_client_resend_done(struct gw_client *c)
{
	struct gw_resend_job *r = &c->shared->resends;
	struct gw_error err;
	struct gw_text t;

	if (c->phase != GW_CLIENT_WAITING || c->cookie != r->cookie)
		return;
	gw_reply_begin(&c->out, &t);
	gw_text_add(&t, GW_PROTOCOL_OK);
	if (gw_resend_job_write(r, c->shared->view->config, &t, &err)) {
		reply_error(c, err.text, NULL);
	} else {
		gw_text_add(&t, "}\n");
		c->dead |= t.cut;
		c->out.used += t.used;
	}
	enter(c, GW_CLIENT_READING);
	run(c);
}

void gw_client_verify_done(
	struct gw_client *c, const struct gw_store_verify_result *verified)
{
	struct gw_text t;

	if (c->phase != GW_CLIENT_VERIFYING)
		return;
	if (verified->failed) {
		reply_error(c, verified->why, NULL);
	} else {
		gw_reply_begin(&c->out, &t);
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
	enter(c, GW_CLIENT_READING);
	run(c);
}

void gw_client_add_history(struct gw_client *c, struct gw_batch *history)
{
	if (history && history->failed)
		reply_line(c,
			"{\"note\":\"the store cannot be read: older events are "
			"missing\"}");
	gw_tail_add_history(&c->tail, history);
	enter(c, GW_CLIENT_TAILING);
	run(c);
}

void gw_client_config_changed(struct gw_client *c)
{
	if (c->phase != GW_CLIENT_WAITING)
		return;
	reply_error(c, "the configuration was exchanged meanwhile: look again", NULL);
	enter(c, GW_CLIENT_READING);
	run(c);
}

void gw_client_shut_down(struct gw_client *c)
{
	if (c->phase == GW_CLIENT_SENDING)
		return;                        /* in the middle of a line */
	if (c->phase == GW_CLIENT_RECORDING) { /* the end of its file, if it can be had */
		gw_recorder_end(c->shared->recorder);
		while (!c->dead && flush(c) && c->phase == GW_CLIENT_RECORDING)
			continue_record(c);
		return;
	}
	reply_error(c, "tocsind stops", NULL);
	if (!c->dead)
		flush(c);
}

/* ---- life ---- */

struct gw_client *gw_client_new(struct gw_client_shared *shared, int fd)
{
	struct ucred who = {.pid = 0, .uid = (uid_t)-1};
	socklen_t size = sizeof(who);
	struct gw_client *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size);
	c->shared = shared;
	c->pid = who.pid;
	c->uid = who.uid;
	c->io = (struct gw_loop_fd){.fd = fd, .ready = on_ready, .arg = c};
	c->deadline = (struct gw_loop_timer){.fire = on_deadline, .arg = c};
	if (gw_loop_add(shared->loop, &c->io, EPOLLIN, NULL)) {
		free(c);
		return NULL;
	}
	enter(c, GW_CLIENT_READING);
	return c;
}

void gw_client_free(struct gw_client *c)
{
	gw_loop_disarm(c->shared->loop, &c->deadline);
	gw_loop_remove(c->shared->loop, &c->io);
	close(c->io.fd);
	gw_status_end(&c->cursor);
	gw_tail_end(&c->tail);
	if (c->phase == GW_CLIENT_RECORDING)
		gw_recorder_release(c->shared->recorder);
	free(c);
}

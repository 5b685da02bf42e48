/* SPDX-License-Identifier: Apache-2.0 */
#include "control/client.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Buffers written to one client before another has its turn. */
#define ROUNDS 8
/* Bytes of a document's "}\n". */
#define DOCUMENT_END 2

#define READ_NS    (GW_PROTOCOL_READ_MS * GW_NS_PER_MS)
#define WRITE_NS   (5 * GW_NS_PER_SEC)
#define ENGINE_NS  (5 * GW_NS_PER_SEC)
#define HISTORY_NS (5 * GW_NS_PER_SEC)
#define VERIFY_NS  (600 * GW_NS_PER_SEC)
#define LINGER_NS  (1 * GW_NS_PER_SEC)

void gw_client_set_phase(struct gw_client *c, enum gw_client_phase phase)
{
	static const int64_t timeout_ns[] = {
		[GW_CLIENT_READING] = READ_NS,
		[GW_CLIENT_SENDING] = WRITE_NS,
		[GW_CLIENT_WAITING] = ENGINE_NS,
		[GW_CLIENT_RESENDING] = ENGINE_NS,
		[GW_CLIENT_VERIFYING] = VERIFY_NS,
		[GW_CLIENT_LOADING_HISTORY] = HISTORY_NS,
		[GW_CLIENT_CLOSING] = WRITE_NS,
		[GW_CLIENT_LINGERING] = LINGER_NS,
	}; /* 0: none */

	c->phase = phase;
	if (timeout_ns[phase])
		gw_loop_arm(c->shared->loop, &c->deadline,
			gw_clock_boot_ns() + timeout_ns[phase]);
	else
		gw_loop_disarm(c->shared->loop, &c->deadline);
}

/* ---- replies ---- */

/* A client that sends requests and reads no replies is disconnected when its buffer is
 * full. */
void gw_client_reply_error(
	struct gw_client *c, const char *why, const struct gw_lookup_candidates *candidates)
{
	c->dead |= !gw_reply_error(&c->out, why, candidates);
}

void gw_client_refuse(struct gw_client *c, const char *why)
{
	gw_client_reply_error(c, why, NULL);
	gw_client_set_phase(c, GW_CLIENT_READING);
}

void gw_client_reply_line(struct gw_client *c, const char *json)
{
	c->dead |= !gw_reply_line(&c->out, json);
}

void gw_client_begin_result(struct gw_client *c, struct gw_text *ret_text)
{
	gw_reply_begin(&c->out, ret_text);
	gw_text_add(ret_text, GW_PROTOCOL_OK);
}

void gw_client_end_result(struct gw_client *c, struct gw_text *t)
{
	gw_text_add(t, "}\n");
	c->dead |= t->cut;
	c->out.used += t->used;
	gw_client_set_phase(c, GW_CLIENT_READING);
}

void gw_client_begin_document(struct gw_client *c)
{
	struct gw_text t;

	gw_client_begin_result(c, &t);
	c->out.used += t.used;
	gw_client_set_phase(c, GW_CLIENT_SENDING);
}

/* Not a request: send why and close. */
static void reject(struct gw_client *c, const char *why)
{
	c->shared->counts.malformed++;
	gw_client_reply_error(c, why, NULL);
	gw_client_set_phase(c, GW_CLIENT_CLOSING);
}

/* ---- requests ---- */

static void continue_document(struct gw_client *c)
{
	struct gw_time now = {
		.boot_ns = gw_clock_boot_ns(),
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
		gw_client_set_phase(c, GW_CLIENT_READING);
	}
}

/* A client ends a recording by closing its half of the connection. */
static void continue_record(struct gw_client *c)
{
	struct gw_recorder *r = c->shared->recorder;

	if (c->eof)
		gw_recorder_end(r);
	c->out.used = gw_recorder_read(r, c->out.bytes, sizeof(c->out.bytes));
	if (c->out.used == 0 && gw_recorder_done(r)) {
		gw_recorder_release(r);
		gw_client_set_phase(c, GW_CLIENT_CLOSING);
	}
}

static void dispatch(struct gw_client *c)
{
	const struct gw_control_command *command = c->request.command;

	c->shared->counts.requests++;
	gw_log(GW_LOG_DEBUG, "control: client %d (uid %u): %s", c->io.fd, (unsigned)c->uid,
		command->name);
	if (command->subscribes && !c->shared->may_subscribe(c->shared, c->uid))
		gw_client_refuse(c, "too many follow or record already: try again later");
	else
		command->handle(c);
}

/* Handles one line of the input if it is complete. */
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
	if (gw_control_request_parse(c->shared->commands, c->shared->n_commands, c->in, n,
		    &c->request, &err))
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

/* True if everything was sent. */
static bool flush(struct gw_client *c)
{
	bool progress = false;
	enum gw_err rc = gw_reply_send(&c->out, c->io.fd, &progress);

	/* the deadline bounds the time without progress */
	if (progress && c->phase == GW_CLIENT_SENDING)
		gw_client_set_phase(c, GW_CLIENT_SENDING);
	c->dead |= rc == GW_ERR_LINK;
	return rc == GW_OK;
}

/* Whether there is something to do without new input. */
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
	case GW_CLIENT_RESENDING:
	case GW_CLIENT_RELOADING:
	case GW_CLIENT_VERIFYING:
	case GW_CLIENT_BACKING_UP:
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

void gw_client_run(struct gw_client *c)
{
	for (int n = 0; n < ROUNDS && !c->dead; n++) {
		if (c->out.used == 0)
			produce_output(c);
		if (c->dead || !flush(c))
			break;
		if (c->phase == GW_CLIENT_CLOSING) {
			shutdown(c->io.fd, SHUT_WR);
			gw_client_set_phase(c, GW_CLIENT_LINGERING);
		}
		if (!has_work(c))
			break;
	}
	if (!c->dead)
		update_events(c);
}

/* Input is kept only while a request is read. In other phases it is read to notice the
 * end. */
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
		gw_client_run(c);
	if (events & (EPOLLHUP | EPOLLERR) || (c->phase == GW_CLIENT_LINGERING && c->eof))
		c->dead = true; /* the peer reads no more */
	shared->service(shared);
}

static void disconnect(struct gw_client *c, const char *why)
{
	c->shared->counts.cut++;
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
		gw_client_refuse(c, "the engine did not answer within 5 s");
		break;
	case GW_CLIENT_RESENDING:
		gw_client_refuse(c,
			"the store works on it and was not done within 5 s: tocsin status shows what is pending");
		break;
	case GW_CLIENT_VERIFYING:
		gw_client_refuse(c, "the store was not done within 10 min");
		break;
	case GW_CLIENT_LOADING_HISTORY:
		gw_client_reply_line(c,
			"{\"note\":\"the store did not answer: older events are missing\"}");
		gw_tail_add_history(&c->tail, NULL);
		gw_client_set_phase(c, GW_CLIENT_TAILING);
		break;
	case GW_CLIENT_RELOADING:
	case GW_CLIENT_BACKING_UP:
	case GW_CLIENT_TAILING:
	case GW_CLIENT_RECORDING: break;
	case GW_CLIENT_CLOSING:
	case GW_CLIENT_LINGERING: c->dead = true; break;
	}
	if (!c->dead)
		gw_client_run(c);
	shared->service(shared);
}

/* ---- events and history for `tail` ---- */

void gw_client_push_event(struct gw_client *c, struct gw_tail_event *live)
{
	if (c->phase != GW_CLIENT_TAILING && c->phase != GW_CLIENT_LOADING_HISTORY)
		return;
	if (!gw_tail_push(&c->tail, live))
		disconnect(c, "follows events and does not read them");
	else if (c->phase == GW_CLIENT_TAILING)
		gw_client_run(c);
}

void gw_client_add_history(struct gw_client *c, struct gw_batch *history)
{
	if (history && history->failed)
		gw_client_reply_line(c,
			"{\"note\":\"the store cannot be read: older events are missing\"}");
	gw_tail_add_history(&c->tail, history);
	gw_client_set_phase(c, GW_CLIENT_TAILING);
	gw_client_run(c);
}

void gw_client_shut_down(struct gw_client *c)
{
	if (c->phase == GW_CLIENT_SENDING)
		return; /* a line is not complete: nothing may follow */
	if (c->phase == GW_CLIENT_RECORDING) { /* its file gets a proper end */
		gw_recorder_end(c->shared->recorder);
		while (!c->dead && flush(c) && c->phase == GW_CLIENT_RECORDING)
			continue_record(c);
		return;
	}
	gw_client_reply_error(c, "tocsind stops", NULL);
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
	gw_client_set_phase(c, GW_CLIENT_READING);
	return c;
}

void gw_client_free(struct gw_client *c)
{
	gw_loop_disarm(c->shared->loop, &c->deadline);
	gw_loop_remove(c->shared->loop, &c->io);
	close(c->io.fd);
	gw_status_end(&c->cursor);
	gw_tail_end(&c->tail);
	gw_reply_fini(&c->out);
	if (c->phase == GW_CLIENT_RECORDING)
		gw_recorder_release(c->shared->recorder);
	if (c->phase == GW_CLIENT_BACKING_UP && c->shared->view->store)
		gw_store_cancel_backup(c->shared->view->store);
	free(c);
}

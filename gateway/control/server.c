/* SPDX-License-Identifier: Apache-2.0 */
#include "control/server.h"

#include "base/clock.h"
#include "control/client.h"
#include "control/listen.h"
#include "control/protocol.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HISTORY_COMMIT_NS \
	(2 * GW_NS_PER_SEC) /* of which history waits for the last commits */
#define HISTORY_RETRY_NS (20 * GW_NS_PER_MS)
#define ACCEPT_RETRY_NS  (1 * GW_NS_PER_SEC)

struct gw_server {
	struct gw_client_shared shared;
	struct gw_listen listen;
	struct gw_loop_fd io;
	struct gw_loop_timer accept_retry, history_retry;
	struct gw_client *clients[GW_PROTOCOL_CLIENTS]; /* NULL: free */
	bool history_requested;                         /* the store works on a history */
	struct gw_client *history_client; /* for whom; NULL if it waits no more */
	enum gw_err (*reload)(void *arg, bool reload_force, struct gw_error *err);
	struct gw_loop_timer reload_timer;
	bool reload_force;
};

/* ---- history: the store answers one question at a time ---- */

/* An event that is neither committed nor among the newest kept would be missed: wait for it. */
static bool is_history_committed(
	const struct gw_server *c, const struct gw_client *to, int64_t now_ns)
{
	uint64_t oldest = gw_tail_recent_oldest_seq(&c->shared.recent);

	return oldest == 0 || gw_store_committed(c->shared.view->store) + 1 >= oldest ||
		now_ns - to->history_began_ns >= HISTORY_COMMIT_NS;
}

static void request_history(struct gw_server *c)
{
	struct gw_store *store = c->shared.view->store;
	int64_t now_ns = gw_clock_mono_ns();
	bool waiting = false;

	for (size_t i = 0; i < GW_PROTOCOL_CLIENTS && !c->history_requested; i++) {
		struct gw_client *to = c->clients[i];

		if (!to || to->dead || to->phase != GW_CLIENT_LOADING_HISTORY)
			continue;
		if (!store) {
			gw_client_add_history(to, NULL);
		} else if (is_history_committed(c, to, now_ns) &&
			gw_store_request_history(
				store, to->request.last, to->request.since_ms)) {
			c->history_requested = true;
			c->history_client = to;
		} else {
			waiting = true;
		}
	}
	if (waiting && !c->history_requested)
		gw_loop_arm(c->shared.loop, &c->history_retry, now_ns + HISTORY_RETRY_NS);
}

/* At the end of everything that callers did: bury the dead, and ask for who waits. */
static void service_clients(struct gw_server *c)
{
	if (c->history_client &&
		(c->history_client->dead ||
			c->history_client->phase != GW_CLIENT_LOADING_HISTORY))
		c->history_client = NULL;
	request_history(c);
	for (size_t i = 0; i < GW_PROTOCOL_CLIENTS; i++) {
		if (!c->clients[i] || !c->clients[i]->dead)
			continue;
		gw_client_free(c->clients[i]);
		c->clients[i] = NULL;
	}
}

static void service(struct gw_client_shared *shared)
{
	service_clients(
		(struct gw_server *)((char *)shared - offsetof(struct gw_server, shared)));
}

static void history_retry(void *arg, int64_t now_ns)
{
	(void)now_ns;
	service_clients(arg);
}

void gw_server_poll_history(struct gw_server *c)
{
	struct gw_store *store = c->shared.view->store;
	struct gw_batch *batch = store ? gw_store_take_history(store) : NULL;

	if (!batch)
		return;
	if (c->history_client)
		gw_client_add_history(c->history_client, batch);
	else
		gw_batch_free(batch);
	c->history_requested = false;
	c->history_client = NULL;
	service_clients(c);
}

/* ---- coming in ---- */

static bool subscribes(const struct gw_client *c)
{
	return c->phase == GW_CLIENT_TAILING || c->phase == GW_CLIENT_LOADING_HISTORY ||
		c->phase == GW_CLIENT_RECORDING;
}

static bool may_subscribe(const struct gw_client_shared *shared, uid_t uid)
{
	const struct gw_server *c = (const struct gw_server *)((const char *)shared -
		offsetof(struct gw_server, shared));
	int n_subscribed = 0, of_uid = 0;

	for (size_t i = 0; i < GW_PROTOCOL_CLIENTS; i++) {
		if (!c->clients[i] || c->clients[i]->dead || !subscribes(c->clients[i]))
			continue;
		n_subscribed++;
		of_uid += c->clients[i]->uid == uid;
	}
	return n_subscribed < GW_PROTOCOL_STAY && of_uid < GW_PROTOCOL_UID_STAY;
}

/* Whether a user who may connect may do so once more. */
static bool has_slot_for(const struct gw_server *c, int fd)
{
	struct ucred who = {.uid = (uid_t)-1};
	socklen_t size = sizeof(who);
	int of_uid = 0, n = 0;

	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size);
	for (size_t i = 0; i < GW_PROTOCOL_CLIENTS; i++) {
		n += c->clients[i] != NULL;
		of_uid += c->clients[i] && c->clients[i]->uid == who.uid;
	}
	return n < GW_PROTOCOL_CLIENTS && of_uid < GW_PROTOCOL_UID_CLIENTS;
}

static void refuse_connection(struct gw_server *c, int fd)
{
	static const char full[] =
		"{\"ok\":false,\"error\":\"too many clients are connected: "
		"try again later\"}\n";

	c->shared.status.turned_away++;
	send(fd, full, sizeof(full) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	close(fd);
}

static void on_connection(void *arg, uint32_t events)
{
	struct gw_server *c = arg;
	int fd;

	(void)events;
	while ((fd = accept4(c->io.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		bool has_slot = has_slot_for(c, fd);
		size_t at = 0;

		while (has_slot && c->clients[at])
			at++;
		if (has_slot)
			c->clients[at] = gw_client_new(&c->shared, fd);
		if (!has_slot || !c->clients[at])
			refuse_connection(c, fd);
	}
	if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
		return;
	/* No descriptors left: epoll would call again at once, for ever. */
	gw_loop_set_events(c->shared.loop, &c->io, 0);
	gw_loop_arm(c->shared.loop, &c->accept_retry, gw_clock_mono_ns() + ACCEPT_RETRY_NS);
}

static void accept_retry(void *arg, int64_t now_ns)
{
	struct gw_server *c = arg;

	(void)now_ns;
	gw_loop_set_events(c->shared.loop, &c->io, EPOLLIN);
}

/* ---- what the gateway tells ---- */

void gw_server_event(struct gw_server *c, const struct gw_event *event)
{
	struct gw_tail_event *live = gw_tail_recent_add(&c->shared.recent, event);

	for (size_t i = 0; live && i < GW_PROTOCOL_CLIENTS; i++)
		if (c->clients[i] && !c->clients[i]->dead)
			gw_client_push_event(c->clients[i], live);
	service_clients(c);
}

void gw_server_engine_reply(struct gw_server *c, const struct gw_alarm_reply *reply)
{
	for (size_t i = 0; i < GW_PROTOCOL_CLIENTS; i++)
		if (c->clients[i] && !c->clients[i]->dead)
			gw_client_engine_reply(c->clients[i], reply);
	service_clients(c);
}

void gw_server_poll_resend(struct gw_server *c)
{
	if (!gw_resend_job_poll(&c->shared.resends))
		return;
	for (size_t i = 0; i < GW_PROTOCOL_CLIENTS; i++)
		if (c->clients[i] && !c->clients[i]->dead)
			gw_client_resend_done(c->clients[i]);
	gw_resend_job_cancel(&c->shared.resends); /* whoever asked may be gone */
	service_clients(c);
}

void gw_server_poll_verify(struct gw_server *c)
{
	struct gw_store *store = c->shared.view->store;
	struct gw_store_verify_result v;

	if (!store || !gw_store_take_verify_result(store, &v))
		return;
	for (size_t i = 0; i < GW_PROTOCOL_CLIENTS; i++)
		if (c->clients[i] && !c->clients[i]->dead)
			gw_client_verify_done(c->clients[i], &v);
	service_clients(c);
}

static void schedule_reload(struct gw_client_shared *shared, bool reload_force)
{
	struct gw_server *c = (struct gw_server *)((char *)shared -
		offsetof(struct gw_server, shared));

	shared->reloading = true;
	c->reload_force = reload_force;
	gw_loop_arm(shared->loop, &c->reload_timer, gw_clock_mono_ns());
}

static void reload(void *arg, int64_t now_ns)
{
	struct gw_server *c = arg;
	struct gw_error err = {.kind = GW_OK};
	enum gw_err kind = c->reload(c->shared.arg, c->reload_force, &err);

	(void)now_ns;
	c->shared.reloading = false;
	for (size_t i = 0; i < GW_PROTOCOL_CLIENTS; i++)
		if (c->clients[i] && !c->clients[i]->dead)
			gw_client_reload_done(c->clients[i], kind ? err.text : NULL);
	service_clients(c);
}

void gw_server_config_changed(struct gw_server *c)
{
	gw_resend_job_cancel(&c->shared.resends);
	/* The store may be another one, or still answer: then the answer is nobody's. */
	c->history_requested = false;
	c->history_client = NULL;
	for (size_t i = 0; i < GW_PROTOCOL_CLIENTS; i++)
		if (c->clients[i] && !c->clients[i]->dead)
			gw_client_config_changed(c->clients[i]);
	service_clients(c);
}

void gw_server_status(const struct gw_server *c, struct gw_server_status *ret_status)
{
	*ret_status = c->shared.status;
	for (size_t i = 0; i < GW_PROTOCOL_CLIENTS; i++) {
		const struct gw_client *to = c->clients[i];

		ret_status->clients += to != NULL;
		ret_status->followers += to && to->phase != GW_CLIENT_RECORDING &&
			subscribes(to);
	}
}

/* ---- life ---- */

enum gw_err gw_server_open(struct gw_loop *loop, const struct gw_server_opts *opts,
	struct gw_server **ret_control, struct gw_error *err)
{
	struct gw_server *c = calloc(1, sizeof(*c));
	enum gw_err e;

	if (!c)
		return gw_fail(err, GW_ERR_SYSTEM, ENOMEM, "control socket: out of memory");
	c->shared.loop = loop;
	c->shared.view = opts->view;
	c->shared.command = opts->command;
	c->shared.arg = opts->arg;
	c->shared.recorder = opts->recorder;
	c->shared.resends.api = opts->resends;
	c->reload = opts->reload;
	c->shared.reload = opts->reload ? schedule_reload : NULL;
	c->reload_timer = (struct gw_loop_timer){.fire = reload, .arg = c};
	c->shared.service = service;
	c->shared.may_subscribe = may_subscribe;
	c->accept_retry = (struct gw_loop_timer){.fire = accept_retry, .arg = c};
	c->history_retry = (struct gw_loop_timer){.fire = history_retry, .arg = c};
	e = gw_listen_open(&c->listen, opts->path, opts->group, err);
	if (e) {
		free(c);
		return e;
	}
	c->io = (struct gw_loop_fd){.fd = c->listen.fd, .ready = on_connection, .arg = c};
	if (gw_loop_add(loop, &c->io, EPOLLIN, err)) {
		gw_server_close(c);
		return GW_ERR_SYSTEM;
	}
	*ret_control = c;
	return GW_OK;
}

void gw_server_close(struct gw_server *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < GW_PROTOCOL_CLIENTS; i++) {
		if (!c->clients[i])
			continue;
		gw_client_shut_down(c->clients[i]);
		gw_client_free(c->clients[i]);
	}
	gw_loop_disarm(c->shared.loop, &c->accept_retry);
	gw_loop_disarm(c->shared.loop, &c->history_retry);
	gw_loop_disarm(c->shared.loop, &c->reload_timer);
	gw_loop_remove(c->shared.loop, &c->io);
	gw_listen_close(&c->listen);
	gw_tail_recent_fini(&c->shared.recent);
	free(c);
}

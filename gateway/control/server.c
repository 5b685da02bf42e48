/* SPDX-License-Identifier: Apache-2.0 */
#include "control/server.h"

#include "base/clock.h"
#include "base/log.h"
#include "control/client.h"
#include "control/commands.h"
#include "control/handlers.h"
#include "control/listen.h"
#include "control/protocol.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* How long history waits for the commit of events that are not kept in memory any more. */
#define HISTORY_COMMIT_NS (2 * GW_NS_PER_SEC)
#define HISTORY_RETRY_NS  (20 * GW_NS_PER_MS)
#define ACCEPT_RETRY_NS   (1 * GW_NS_PER_SEC)

struct gw_server {
	struct gw_client_shared shared;
	struct gw_listen listen;
	struct gw_loop_fd io;
	struct gw_loop_timer accept_retry, history_retry;
	struct gw_client *clients[GW_PROTOCOL_CLIENTS]; /* NULL: a free place */
	bool history_requested;                         /* the store has not answered yet */
	struct gw_client *history_client;               /* who asked; NULL: it is gone */
	enum gw_err (*reload)(void *arg, bool force, struct gw_error *err);
	struct gw_loop_timer reload_timer;
	bool reload_force;
};

/* In tail or record: stays connected. */
static bool subscribes(const struct gw_client *c)
{
	return c->phase == GW_CLIENT_TAILING || c->phase == GW_CLIENT_LOADING_HISTORY ||
		c->phase == GW_CLIENT_RECORDING;
}

/* ---- history: the store answers one request at a time ---- */

/* An event that is neither committed nor among the newest in memory would be missing: wait
 * for its commit. */
static bool is_history_committed(
	const struct gw_server *s, const struct gw_client *to, int64_t now_ns)
{
	uint64_t oldest = gw_tail_recent_oldest_seq(&s->shared.recent);

	return oldest == 0 || gw_store_committed(s->shared.view->store) + 1 >= oldest ||
		now_ns - to->history_began_ns >= HISTORY_COMMIT_NS;
}

static void request_history(struct gw_server *s)
{
	struct gw_store *store = s->shared.view->store;
	int64_t now_ns = gw_clock_boot_ns();
	bool waiting = false;

	for (size_t i = 0; i < GW_PROTOCOL_CLIENTS && !s->history_requested; i++) {
		struct gw_client *to = s->clients[i];

		if (!to || to->dead || to->phase != GW_CLIENT_LOADING_HISTORY)
			continue;
		if (!store) {
			gw_client_add_history(to, NULL);
		} else if (is_history_committed(s, to, now_ns) &&
			gw_store_request_history(
				store, to->request.last, to->request.since_ms)) {
			s->history_requested = true;
			s->history_client = to;
		} else {
			waiting = true;
		}
	}
	if (waiting && !s->history_requested)
		gw_loop_arm(s->shared.loop, &s->history_retry, now_ns + HISTORY_RETRY_NS);
}

static void count_clients(struct gw_server *s)
{
	struct gw_server_counts *n = &s->shared.counts;

	n->clients = n->followers = 0;
	for (size_t i = 0; i < GW_PROTOCOL_CLIENTS; i++) {
		n->clients += s->clients[i] != NULL;
		n->followers += s->clients[i] &&
			s->clients[i]->phase != GW_CLIENT_RECORDING &&
			subscribes(s->clients[i]);
	}
}

/* After anything that clients did: request history for those that wait, free the dead,
 * count. */
static void service_clients(struct gw_server *s)
{
	if (s->history_client &&
		(s->history_client->dead ||
			s->history_client->phase != GW_CLIENT_LOADING_HISTORY))
		s->history_client = NULL;
	request_history(s);
	for (size_t i = 0; i < GW_PROTOCOL_CLIENTS; i++) {
		if (!s->clients[i] || !s->clients[i]->dead)
			continue;
		gw_log(GW_LOG_DEBUG, "control: client %d is gone", s->clients[i]->io.fd);
		gw_client_free(s->clients[i]);
		s->clients[i] = NULL;
	}
	count_clients(s);
}

static struct gw_server *server_of(struct gw_client_shared *shared)
{
	return (struct gw_server *)((char *)shared - offsetof(struct gw_server, shared));
}

static void service(struct gw_client_shared *shared)
{
	service_clients(server_of(shared));
}

static void history_retry(void *arg, int64_t now_ns)
{
	(void)now_ns;
	service_clients(arg);
}

void gw_server_poll_history(struct gw_server *s)
{
	struct gw_store *store = s->shared.view->store;
	struct gw_batch *batch = store ? gw_store_take_history(store) : NULL;

	if (!batch)
		return;
	if (s->history_client)
		gw_client_add_history(s->history_client, batch);
	else
		gw_batch_free(batch);
	s->history_requested = false;
	s->history_client = NULL;
	service_clients(s);
}

/* ---- accepting ---- */

static bool may_subscribe(const struct gw_client_shared *shared, uid_t uid)
{
	const struct gw_server *s = (const struct gw_server *)((const char *)shared -
		offsetof(struct gw_server, shared));
	int n_subscribed = 0, of_uid = 0;

	for (size_t i = 0; i < GW_PROTOCOL_CLIENTS; i++) {
		if (!s->clients[i] || s->clients[i]->dead || !subscribes(s->clients[i]))
			continue;
		n_subscribed++;
		of_uid += s->clients[i]->uid == uid;
	}
	return n_subscribed < GW_PROTOCOL_STAY && of_uid < GW_PROTOCOL_UID_STAY;
}

/* Whether the peer of fd may have one more client. */
static bool has_place_for(const struct gw_server *s, int fd)
{
	struct ucred who = {.uid = (uid_t)-1};
	socklen_t size = sizeof(who);
	int of_uid = 0, n = 0;

	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size);
	for (size_t i = 0; i < GW_PROTOCOL_CLIENTS; i++) {
		n += s->clients[i] != NULL;
		of_uid += s->clients[i] && s->clients[i]->uid == who.uid;
	}
	return n < GW_PROTOCOL_CLIENTS && of_uid < GW_PROTOCOL_UID_CLIENTS;
}

static void refuse_connection(struct gw_server *s, int fd)
{
	static const char full[] =
		"{\"ok\":false,\"error\":\"too many clients are connected: try again later\"}\n";

	s->shared.counts.turned_away++;
	send(fd, full, sizeof(full) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	close(fd);
}

static void on_connection(void *arg, uint32_t events)
{
	struct gw_server *s = arg;
	int fd, why;

	(void)events;
	while ((fd = accept4(s->io.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		bool has_place = has_place_for(s, fd);
		size_t at = 0;

		while (has_place && s->clients[at])
			at++;
		if (has_place)
			s->clients[at] = gw_client_new(&s->shared, fd);
		if (!has_place || !s->clients[at])
			refuse_connection(s, fd);
		else
			gw_log(GW_LOG_DEBUG, "control: client %d connects (pid %d, uid %u)",
				fd, (int)s->clients[at]->pid,
				(unsigned)s->clients[at]->uid);
	}
	why = errno;
	count_clients(s);
	if (why == EAGAIN || why == EINTR || why == ECONNABORTED)
		return;
	/* No descriptors left. accept would fail again at once, for ever: wait. */
	gw_loop_set_events(s->shared.loop, &s->io, 0);
	gw_loop_arm(s->shared.loop, &s->accept_retry, gw_clock_boot_ns() + ACCEPT_RETRY_NS);
}

static void accept_retry(void *arg, int64_t now_ns)
{
	struct gw_server *s = arg;

	(void)now_ns;
	gw_loop_set_events(s->shared.loop, &s->io, EPOLLIN);
}

/* ---- events and replies ---- */

void gw_server_event(struct gw_server *s, const struct gw_event *event)
{
	struct gw_tail_event *live = gw_tail_recent_add(&s->shared.recent, event);

	for (size_t i = 0; live && i < GW_PROTOCOL_CLIENTS; i++)
		if (s->clients[i] && !s->clients[i]->dead)
			gw_client_push_event(s->clients[i], live);
	service_clients(s);
}

void gw_server_engine_reply(struct gw_server *s, const struct gw_alarm_reply *reply)
{
	for (size_t i = 0; i < GW_PROTOCOL_CLIENTS; i++)
		if (s->clients[i] && !s->clients[i]->dead)
			gw_handle_engine_reply(s->clients[i], reply);
	service_clients(s);
}

void gw_server_poll_resend(struct gw_server *s)
{
	if (!gw_resend_job_poll(&s->shared.resends))
		return;
	for (size_t i = 0; i < GW_PROTOCOL_CLIENTS; i++)
		if (s->clients[i] && !s->clients[i]->dead)
			gw_handle_resend_done(s->clients[i]);
	gw_resend_job_cancel(&s->shared.resends); /* also if the client is gone */
	service_clients(s);
}

void gw_server_poll_verify(struct gw_server *s)
{
	struct gw_store *store = s->shared.view->store;
	struct gw_store_verify_result v;

	if (!store || !gw_store_take_verify_result(store, &v))
		return;
	for (size_t i = 0; i < GW_PROTOCOL_CLIENTS; i++)
		if (s->clients[i] && !s->clients[i]->dead)
			gw_handle_verify_done(s->clients[i], &v);
	service_clients(s);
}

void gw_server_poll_backup(struct gw_server *s)
{
	struct gw_store *store = s->shared.view->store;
	struct gw_store_backup_result copy;
	bool done = store && gw_store_take_backup(store, &copy), taken = false;
	int n = 0, pages = 0;

	if (store)
		gw_store_backup_progress(store, &n, &pages);
	if (!done && pages == 0)
		return;
	for (size_t i = 0; i < GW_PROTOCOL_CLIENTS; i++) {
		if (!s->clients[i] || s->clients[i]->dead)
			continue;
		if (done)
			taken = taken || gw_handle_backup_done(s->clients[i], &copy);
		else
			gw_handle_backup_progress(s->clients[i], n, pages);
	}
	if (done && !taken && copy.fd >= 0)
		close(copy.fd);
	service_clients(s);
}

static void schedule_reload(struct gw_client_shared *shared, bool reload_force)
{
	struct gw_server *s = server_of(shared);

	shared->reloading = true;
	s->reload_force = reload_force;
	gw_loop_arm(shared->loop, &s->reload_timer, gw_clock_boot_ns());
}

static void reload(void *arg, int64_t now_ns)
{
	struct gw_server *s = arg;
	struct gw_error err = {.kind = GW_OK};
	enum gw_err rc = s->reload(s->shared.arg, s->reload_force, &err);

	(void)now_ns;
	s->shared.reloading = false;
	for (size_t i = 0; i < GW_PROTOCOL_CLIENTS; i++)
		if (s->clients[i] && !s->clients[i]->dead)
			gw_handle_reload_done(s->clients[i], rc ? err.text : NULL);
	service_clients(s);
}

void gw_server_config_changed(struct gw_server *s)
{
	gw_resend_job_cancel(&s->shared.resends);
	/* An answer that is still under way is for no client. */
	s->history_requested = false;
	s->history_client = NULL;
	for (size_t i = 0; i < GW_PROTOCOL_CLIENTS; i++)
		if (s->clients[i] && !s->clients[i]->dead)
			gw_handle_config_changed(s->clients[i]);
	service_clients(s);
}

const struct gw_server_counts *gw_server_counts(const struct gw_server *s)
{
	return &s->shared.counts;
}

/* ---- life ---- */

enum gw_err gw_server_open(struct gw_loop *loop, const struct gw_server_opts *opts,
	struct gw_server **ret_server, struct gw_error *err)
{
	struct gw_server *s = calloc(1, sizeof(*s));
	enum gw_err rc;

	if (!s)
		return gw_fail(err, GW_ERR_SYSTEM, ENOMEM, "control socket: out of memory");
	s->shared.loop = loop;
	s->shared.commands = gw_control_commands;
	s->shared.n_commands = gw_control_commands_n;
	s->shared.view = opts->view;
	s->shared.command = opts->command;
	s->shared.arg = opts->arg;
	s->shared.recorder = opts->recorder;
	s->shared.resends.api = opts->resends;
	s->reload = opts->reload;
	s->shared.reload = opts->reload ? schedule_reload : NULL;
	s->reload_timer = (struct gw_loop_timer){.fire = reload, .arg = s};
	s->shared.service = service;
	s->shared.may_subscribe = may_subscribe;
	s->accept_retry = (struct gw_loop_timer){.fire = accept_retry, .arg = s};
	s->history_retry = (struct gw_loop_timer){.fire = history_retry, .arg = s};
	rc = gw_listen_open(&s->listen, opts->path, opts->group, err);
	if (rc) {
		free(s);
		return rc;
	}
	s->io = (struct gw_loop_fd){.fd = s->listen.fd, .ready = on_connection, .arg = s};
	if (gw_loop_add(loop, &s->io, EPOLLIN, err)) {
		gw_server_close(s);
		return GW_ERR_SYSTEM;
	}
	*ret_server = s;
	return GW_OK;
}

void gw_server_close(struct gw_server *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < GW_PROTOCOL_CLIENTS; i++) {
		if (!s->clients[i])
			continue;
		gw_client_shut_down(s->clients[i]);
		gw_client_free(s->clients[i]);
	}
	gw_loop_disarm(s->shared.loop, &s->accept_retry);
	gw_loop_disarm(s->shared.loop, &s->history_retry);
	gw_loop_disarm(s->shared.loop, &s->reload_timer);
	gw_loop_remove(s->shared.loop, &s->io);
	gw_listen_close(&s->listen);
	gw_tail_recent_fini(&s->shared.recent);
	free(s);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "app/control.h"

#include "app/caller.h"
#include "app/listen.h"
#include "base/clock.h"
#include "ctl/protocol.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define COMMIT_NS   (2 * GW_NS_PER_SEC) /* of which history waits for the last commits */
#define ASK_AGAIN   (20 * GW_NS_PER_MS)
#define ACCEPT_WAIT (1 * GW_NS_PER_SEC)

struct gw_control {
	struct gw_callers all;
	struct gw_listen listen;
	struct gw_loop_fd io;
	struct gw_loop_timer accept_again, ask_again;
	struct gw_caller *callers[GW_PROTOCOL_CLIENTS]; /* NULL: free */
	bool asking;                                    /* the store works on a history */
	struct gw_caller *asker; /* for whom; NULL if it waits no more */
	enum gw_err (*reload)(void *arg, bool force, struct gw_error *err);
	struct gw_loop_timer reload_soon;
	bool force;
};

/* ---- history: the store answers one question at a time ---- */

/* An event that is neither committed nor among the newest kept would be missed: wait for it. */
static bool committed_enough(
	const struct gw_control *c, const struct gw_caller *to, int64_t now_ns)
{
	uint64_t oldest = gw_follow_oldest(&c->all.follow);

	return oldest == 0 || gw_store_committed(c->all.view->store) + 1 >= oldest ||
		now_ns - to->joined_ns >= COMMIT_NS;
}

static void ask_history(struct gw_control *c)
{
	struct gw_store *store = c->all.view->store;
	int64_t now_ns = gw_clock_mono_ns();
	bool waiting = false;

	for (size_t i = 0; i < GW_PROTOCOL_CLIENTS && !c->asking; i++) {
		struct gw_caller *to = c->callers[i];

		if (!to || to->dead || to->phase != GW_CALLER_JOINING)
			continue;
		if (!store) {
			gw_caller_join(to, NULL);
		} else if (committed_enough(c, to, now_ns) &&
			gw_store_ask_history(
				store, to->request.last, to->request.since_ms)) {
			c->asking = true;
			c->asker = to;
		} else {
			waiting = true;
		}
	}
	if (waiting && !c->asking)
		gw_loop_arm(c->all.loop, &c->ask_again, now_ns + ASK_AGAIN);
}

/* At the end of everything that callers did: bury the dead, and ask for who waits. */
static void settle(struct gw_control *c)
{
	if (c->asker && (c->asker->dead || c->asker->phase != GW_CALLER_JOINING))
		c->asker = NULL;
	ask_history(c);
	for (size_t i = 0; i < GW_PROTOCOL_CLIENTS; i++) {
		if (!c->callers[i] || !c->callers[i]->dead)
			continue;
		gw_caller_free(c->callers[i]);
		c->callers[i] = NULL;
	}
}

static void moved(struct gw_callers *all)
{
	settle((struct gw_control *)((char *)all - offsetof(struct gw_control, all)));
}

static void ask_again(void *arg, int64_t now_ns)
{
	(void)now_ns;
	settle(arg);
}

void gw_control_history(struct gw_control *c)
{
	struct gw_store *store = c->all.view->store;
	struct gw_batch *batch = store ? gw_store_take_history(store) : NULL;

	if (!batch)
		return;
	if (c->asker)
		gw_caller_join(c->asker, batch);
	else
		gw_batch_free(batch);
	c->asking = false;
	c->asker = NULL;
	settle(c);
}

/* ---- coming in ---- */

static bool stays(const struct gw_caller *c)
{
	return c->phase == GW_CALLER_FOLLOWING || c->phase == GW_CALLER_JOINING ||
		c->phase == GW_CALLER_RECORDING;
}

static bool may_stay(const struct gw_callers *all, uid_t uid)
{
	const struct gw_control *c = (const struct gw_control *)((const char *)all -
		offsetof(struct gw_control, all));
	int all_that_stay = 0, of_uid = 0;

	for (size_t i = 0; i < GW_PROTOCOL_CLIENTS; i++) {
		if (!c->callers[i] || c->callers[i]->dead || !stays(c->callers[i]))
			continue;
		all_that_stay++;
		of_uid += c->callers[i]->uid == uid;
	}
	return all_that_stay < GW_PROTOCOL_STAY && of_uid < GW_PROTOCOL_UID_STAY;
}

/* Whether a user who may connect may do so once more. */
static bool has_room_for(const struct gw_control *c, int fd)
{
	struct ucred who = {.uid = (uid_t)-1};
	socklen_t size = sizeof(who);
	int of_uid = 0, n = 0;

	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size);
	for (size_t i = 0; i < GW_PROTOCOL_CLIENTS; i++) {
		n += c->callers[i] != NULL;
		of_uid += c->callers[i] && c->callers[i]->uid == who.uid;
	}
	return n < GW_PROTOCOL_CLIENTS && of_uid < GW_PROTOCOL_UID_CLIENTS;
}

static void turn_away(struct gw_control *c, int fd)
{
	static const char full[] =
		"{\"ok\":false,\"error\":\"too many clients are connected: "
		"try again later\"}\n";

	c->all.status.turned_away++;
	send(fd, full, sizeof(full) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	close(fd);
}

static void somebody_comes(void *arg, uint32_t events)
{
	struct gw_control *c = arg;
	int fd;

	(void)events;
	while ((fd = accept4(c->io.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		bool room = has_room_for(c, fd);
		size_t at = 0;

		while (room && c->callers[at])
			at++;
		if (room)
			c->callers[at] = gw_caller_new(&c->all, fd);
		if (!room || !c->callers[at])
			turn_away(c, fd);
	}
	if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
		return;
	/* No descriptors left: epoll would call again at once, for ever. */
	gw_loop_watch(c->all.loop, &c->io, 0);
	gw_loop_arm(c->all.loop, &c->accept_again, gw_clock_mono_ns() + ACCEPT_WAIT);
}

static void accept_again(void *arg, int64_t now_ns)
{
	struct gw_control *c = arg;

	(void)now_ns;
	gw_loop_watch(c->all.loop, &c->io, EPOLLIN);
}

/* ---- what the gateway tells ---- */

void gw_control_event(struct gw_control *c, const struct gw_event *event)
{
	struct gw_live *live = gw_follow_event(&c->all.follow, event);

	for (size_t i = 0; live && i < GW_PROTOCOL_CLIENTS; i++)
		if (c->callers[i] && !c->callers[i]->dead)
			gw_caller_push(c->callers[i], live);
	settle(c);
}

void gw_control_reply(struct gw_control *c, const struct gw_reply *reply)
{
	for (size_t i = 0; i < GW_PROTOCOL_CLIENTS; i++)
		if (c->callers[i] && !c->callers[i]->dead)
			gw_caller_reply(c->callers[i], reply);
	settle(c);
}

void gw_control_resent(struct gw_control *c)
{
	if (!gw_resends_look(&c->all.resends))
		return;
	for (size_t i = 0; i < GW_PROTOCOL_CLIENTS; i++)
		if (c->callers[i] && !c->callers[i]->dead)
			gw_caller_resent(c->callers[i]);
	gw_resends_forget(&c->all.resends); /* whoever asked may be gone */
	settle(c);
}

void gw_control_verified(struct gw_control *c)
{
	struct gw_store *store = c->all.view->store;
	struct gw_store_verified v;

	if (!store || !gw_store_take_verified(store, &v))
		return;
	for (size_t i = 0; i < GW_PROTOCOL_CLIENTS; i++)
		if (c->callers[i] && !c->callers[i]->dead)
			gw_caller_verified(c->callers[i], &v);
	settle(c);
}

static void ask_reload(struct gw_callers *all, bool force)
{
	struct gw_control *c = (struct gw_control *)((char *)all -
		offsetof(struct gw_control, all));

	all->reloading = true;
	c->force = force;
	gw_loop_arm(all->loop, &c->reload_soon, gw_clock_mono_ns());
}

static void reload(void *arg, int64_t now_ns)
{
	struct gw_control *c = arg;
	struct gw_error err = {.kind = GW_OK};
	enum gw_err kind = c->reload(c->all.arg, c->force, &err);

	(void)now_ns;
	c->all.reloading = false;
	for (size_t i = 0; i < GW_PROTOCOL_CLIENTS; i++)
		if (c->callers[i] && !c->callers[i]->dead)
			gw_caller_reloaded(c->callers[i], kind ? err.text : NULL);
	settle(c);
}

void gw_control_changed(struct gw_control *c)
{
	gw_resends_forget(&c->all.resends);
	/* The store may be another one, or still answer: then the answer is nobody's. */
	c->asking = false;
	c->asker = NULL;
	for (size_t i = 0; i < GW_PROTOCOL_CLIENTS; i++)
		if (c->callers[i] && !c->callers[i]->dead)
			gw_caller_changed(c->callers[i]);
	settle(c);
}

void gw_control_status(const struct gw_control *c, struct gw_control_status *ret_status)
{
	*ret_status = c->all.status;
	for (size_t i = 0; i < GW_PROTOCOL_CLIENTS; i++) {
		const struct gw_caller *to = c->callers[i];

		ret_status->clients += to != NULL;
		ret_status->followers += to && to->phase != GW_CALLER_RECORDING &&
			stays(to);
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
	c->all.loop = loop;
	c->all.view = opts->view;
	c->all.command = opts->command;
	c->all.arg = opts->arg;
	c->all.recorder = opts->recorder;
	c->all.resends.way = opts->resends;
	c->reload = opts->reload;
	c->all.reload = opts->reload ? ask_reload : NULL;
	c->reload_soon = (struct gw_loop_timer){.fire = reload, .arg = c};
	c->all.moved = moved;
	c->all.may_stay = may_stay;
	c->accept_again = (struct gw_loop_timer){.fire = accept_again, .arg = c};
	c->ask_again = (struct gw_loop_timer){.fire = ask_again, .arg = c};
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
		if (!c->callers[i])
			continue;
		gw_caller_farewell(c->callers[i]);
		gw_caller_free(c->callers[i]);
	}
	gw_loop_disarm(c->all.loop, &c->accept_again);
	gw_loop_disarm(c->all.loop, &c->ask_again);
	gw_loop_disarm(c->all.loop, &c->reload_soon);
	gw_loop_remove(c->all.loop, &c->io);
	gw_listen_close(&c->listen);
	gw_follow_fini(&c->all.follow);
	free(c);
}

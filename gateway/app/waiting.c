/* SPDX-License-Identifier: Apache-2.0 */
#include "app/waiting.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/notify.h"
#include "control/listen.h"
#include "control/protocol.h"
#include "control/reply.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINE_MAX_BYTES 1024
/* A file that is still being copied is as long at two tries only if the copy stands still. */
#define TRY_NS (5 * GW_NS_PER_SEC)

struct waiting {
	const struct gw_waiting_opts *opts;
	char line[LINE_MAX_BYTES];
	bool stopped; /* else, once the loop has ended, a try has found one */
	int64_t try_ns;
	struct gw_loop loop;
	struct gw_loop_timer tick;
	struct gw_loop_fd signals, clients;
	struct gw_listen listen;
	struct gw_notify service_manager;
};

static void announce(const struct waiting *w)
{
	char state[LINE_MAX_BYTES + 32];

	gw_log(GW_LOG_ERR, "%s", w->line);
	snprintf(state, sizeof(state), "READY=1\nSTATUS=%s", w->line);
	gw_notify_send(&w->service_manager, state);
}

static void try_again(struct waiting *w, bool asked, int64_t now_ns)
{
	char line[LINE_MAX_BYTES] = "";

	w->try_ns = now_ns + TRY_NS;
	if (w->opts->try(w->opts->arg, asked, line, sizeof(line))) {
		gw_loop_stop(&w->loop);
	} else if (line[0] != '\0' && (asked || strcmp(line, w->line) != 0)) {
		memcpy(w->line, line, sizeof(line));
		announce(w);
	}
}

static void tick(void *arg, int64_t now_ns)
{
	struct waiting *w = arg;

	gw_notify_send(&w->service_manager, GW_NOTIFY_ALIVE);
	if (now_ns >= w->try_ns)
		try_again(w, false, now_ns);
	gw_loop_arm(&w->loop, &w->tick, now_ns + GW_NS_PER_SEC);
}

static void on_signal(void *arg, uint32_t events)
{
	struct waiting *w = arg;
	struct signalfd_siginfo info;
	bool asked = false;

	(void)events;
	/* All are read before one try: a SIGHUP that comes during it stays for the gateway. */
	while (read(w->signals.fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGHUP)
			asked = true;
		else
			w->stopped = true;
	}
	if (w->stopped)
		gw_loop_stop(&w->loop);
	else if (asked)
		try_again(w, true, gw_clock_boot_ns());
}

/* Each request gets the line as its error, without being read. */
static void on_client(void *arg, uint32_t events)
{
	struct waiting *w = arg;
	struct gw_reply_buffer reply = {.used = 0};
	bool progress;
	int fd;

	(void)events;
	while ((fd = accept4(w->clients.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >=
		0) {
		if (gw_reply_error(&reply, w->line, NULL))
			gw_reply_send(&reply, fd, &progress);
		reply.at = reply.used = 0;
		close(fd);
	}
}

static enum gw_err open_signals(struct waiting *w, struct gw_error *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	w->signals = (struct gw_loop_fd){
		.fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC),
		.ready = on_signal,
		.arg = w};
	if (w->signals.fd < 0)
		return gw_fail(
			err, GW_ERR_SYSTEM, errno, "signalfd: %s", gw_errno_text(errno));
	return gw_loop_add(&w->loop, &w->signals, EPOLLIN, err);
}

/* Without the socket the log and systemd still have the line. */
static void open_socket(struct waiting *w)
{
	struct gw_error err;

	w->listen.fd = -1;
	if (gw_listen_open(&w->listen, w->opts->socket, GW_PROTOCOL_GROUP, &err)) {
		gw_log(GW_LOG_NOTICE, "%s", err.text);
		return;
	}
	w->clients = (struct gw_loop_fd){.fd = w->listen.fd, .ready = on_client, .arg = w};
	if (gw_loop_add(&w->loop, &w->clients, EPOLLIN, &err))
		gw_log(GW_LOG_NOTICE, "%s", err.text);
}

enum gw_err gw_waiting_run(
	const struct gw_waiting_opts *opts, const char *line, struct gw_error *err)
{
	static struct waiting w;
	enum gw_err rc;

	w = (struct waiting){.opts = opts, .signals = {.fd = -1}, .listen = {.fd = -1}};
	snprintf(w.line, sizeof(w.line), "%s", line);
	w.tick = (struct gw_loop_timer){.fire = tick, .arg = &w};
	w.try_ns = gw_clock_boot_ns() + TRY_NS;
	if (gw_notify_open(&w.service_manager, err))
		gw_log(GW_LOG_WARNING, "%s", err->text);
	rc = gw_loop_init(&w.loop, err);
	if (!rc)
		rc = open_signals(&w, err);
	if (!rc) {
		open_socket(&w);
		announce(&w);
		tick(&w, gw_clock_boot_ns());
		rc = gw_loop_run(&w.loop, err);
	}
	gw_listen_close(&w.listen);
	if (w.signals.fd >= 0)
		close(w.signals.fd);
	gw_loop_fini(&w.loop);
	if (!rc && w.stopped)
		rc = GW_ERR_STOPPED;
	if (!rc || w.stopped)
		gw_notify_send(&w.service_manager, w.stopped ? "STOPPING=1" : "STATUS=");
	gw_notify_close(&w.service_manager);
	return rc;
}

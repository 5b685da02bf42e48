/* SPDX-License-Identifier: Apache-2.0 */
#include "app/gateway.h"

#include "app/engine_link.h"
#include "app/generation.h"
#include "app/health.h"
#include "app/openssl_random.h"
#include "app/parts.h"
#include "app/reload.h"
#include "app/retire.h"
#include "app/store_watch.h"
#include "app/watchdog.h"
#include "app/wiring.h"
#include "base/log.h"
#include "base/seal.h"
#include "base/start_memory.h"
#include "conf/load.h"
#include "control/listen.h"
#include "control/protocol.h"
#include "gw_build.h"
#include "source/state_files.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#define LIVE_RING    1024
#define COMMAND_RING 64
/* Drivers end any wait when they are to stop: one that takes longer hangs. */
#define SOURCES_END_NS (5 * GW_NS_PER_SEC)
/* For a disk that stalls; systemd allows 30 s in all. */
#define LAST_DRAIN_NS      (10 * GW_NS_PER_SEC)
#define STATE_FILES_END_NS (2 * GW_NS_PER_SEC)
#define LAST_GOOD_END_MS   2000

/* ---- what the loop calls ---- */

static bool send_command(void *arg, const struct gw_alarm_command *command)
{
	struct gw_gateway *g = arg;

	if (!gw_ring_push(&g->commands, command, 1, sizeof *command))
		return false;
	gw_wake_poke(&g->engine_thread.wake);
	return true;
}

static bool resend(void *arg, size_t uplink, const struct gw_resend *what)
{
	struct gw_gateway *g = arg;

	return gw_uplink_resend(g->parts.uplinks[uplink], what);
}

static bool resent(void *arg, size_t uplink, struct gw_resend_result *ret_resent)
{
	struct gw_gateway *g = arg;

	return gw_uplink_take_resend_result(g->parts.uplinks[uplink], ret_resent);
}

static enum gw_err reload(void *arg, bool force, struct gw_error *err)
{
	return gw_reload(arg, force, err);
}

static bool drain_main_rings(void *arg)
{
	struct gw_gateway *g = arg;
	struct gw_event event;
	struct gw_alarm_reply reply;
	bool any = false;

	while (gw_ring_pop(&g->live, &event, 1, sizeof event)) {
		gw_server_event(g->control, &event);
		any = true;
	}
	while (gw_ring_pop(&g->replies, &reply, 1, sizeof reply)) {
		gw_server_engine_reply(g->control, &reply);
		any = true;
	}
	gw_server_poll_history(g->control);
	gw_server_poll_resend(g->control);
	gw_server_poll_verify(g->control);
	gw_server_poll_backup(g->control);
	gw_store_watch_poll(g);
	return any;
}

static void on_signal(void *arg, uint32_t events)
{
	struct gw_gateway *g = arg;
	struct signalfd_siginfo info;

	(void)events;
	while (read(g->signals.fd, &info, sizeof info) == (ssize_t)sizeof info) {
		if (info.ssi_signo == SIGHUP)
			gw_reload(g, false, NULL);
		else
			gw_loop_stop(&g->loop);
	}
}

static enum gw_err open_loop(struct gw_gateway *g, struct gw_error *err)
{
	sigset_t set;
	enum gw_err rc = gw_loop_init(&g->loop, err);

	if (!rc)
		rc = gw_wake_init(&g->wake, err);
	if (rc)
		return rc;
	g->main_rings = (struct gw_loop_wake){
		.wake = &g->wake, .drain = drain_main_rings, .arg = g};
	rc = gw_loop_add_wake(&g->loop, &g->main_rings, err);
	if (rc)
		return rc;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	g->signals = (struct gw_loop_fd){
		.fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC),
		.ready = on_signal,
		.arg = g};
	if (g->signals.fd < 0)
		return gw_fail(
			err, GW_ERR_SYSTEM, errno, "signalfd: %s", gw_errno_text(errno));
	return gw_loop_add(&g->loop, &g->signals, EPOLLIN, err);
}

/* ---- start ---- */

static enum gw_err make_rings(struct gw_gateway *g, struct gw_error *err)
{
	enum gw_err rc = gw_ring_init(&g->live, LIVE_RING, sizeof(struct gw_event), err);

	if (!rc)
		rc = gw_ring_init(
			&g->commands, COMMAND_RING, sizeof(struct gw_alarm_command), err);
	if (!rc)
		rc = gw_ring_init(
			&g->replies, COMMAND_RING, sizeof(struct gw_alarm_reply), err);
	if (!rc)
		rc = gw_store_watch_init(&g->store_watch, err);
	return rc;
}

static enum gw_err make_parts(struct gw_gateway *g, struct gw_error *err)
{
	const struct gw_config *c = g->generation->config;
	struct gw_parts *p = &g->parts;
	enum gw_err rc = GW_OK;

	if (!gw_parts_init(p, c->n_sources, c->n_uplinks))
		return gw_fail(err, GW_ERR_SYSTEM, 0, "out of memory");
	for (size_t i = 0; !rc && i < p->n_uplinks; i++) {
		p->uplink_slots[i] = i; /* as in the store's options */
		rc = gw_wiring_uplink(
			g, &c->uplinks[i], i, &p->uplinks[i], &p->uplink_faults[i], err);
	}
	for (size_t i = 0; !rc && i < p->n_sources; i++) {
		rc = gw_wiring_source(g, &c->sources[i], &p->sources[i], err);
		p->source_generation[i] = g->generation;
	}
	return rc ? rc : gw_wiring_engine(g, c, p, &g->engine, err);
}

/* Out of memory: an error, as the next process may do better. If OpenSSL is unusable for
 * another reason, one that is a matter of this machine, a restart would not help: the
 * gateway runs without TLS rather than not at all. */
static enum gw_err begin_tls(struct gw_error *err)
{
	struct gw_error why;
	enum gw_err rc = gw_tls_begin(&why);

	if (rc == GW_ERR_SYSTEM) {
		*err = why;
		return rc;
	}
	if (rc)
		gw_log(GW_LOG_ERR, "no link with TLS will work: %s", why.text);
	else if (!gw_openssl_random_init())
		gw_log(GW_LOG_ERR,
			"OpenSSL has no random numbers: no link with TLS will work");
	return GW_OK;
}

static enum gw_err make_all(struct gw_gateway *g, struct gw_error *err)
{
	const struct gw_config *c = g->generation->config;
	enum gw_err rc;
	gid_t operators;

	rc = begin_tls(err);
	if (rc)
		return rc;
	if ((rc = open_loop(g, err)) || (rc = make_rings(g, err)) ||
		(rc = gw_engine_thread_init(&g->engine_thread, err)) ||
		(rc = gw_supervise_init(&g->supervisor, &g->engine_thread.wake, err)) ||
		(rc = gw_wiring_store(g, c, err)) ||
		(rc = gw_alert_log_new(
			 c->gateway.alert_log, LIVE_RING, &g->alert_log, err)) ||
		(rc = make_parts(g, err)))
		return rc;
	gw_clock_boot_id(g->boot);
	atomic_store_explicit(&g->health.synced, gw_clock_synced(), memory_order_relaxed);
	atomic_store_explicit(
		&g->engine_thread.synced, g->health.synced, memory_order_relaxed);
	if (gw_listen_group(GW_LISTEN_GROUPS, GW_PROTOCOL_GROUP, &operators))
		gw_alert_log_group(g->alert_log, operators);
	g->view.started_ns = g->health.started_ns;
	gw_wiring_update_view(g);
	gw_recorder_init(&g->recorder, &g->loop);
	gw_recorder_set_config(&g->recorder, c);
	return gw_server_open(&g->loop,
		&(struct gw_server_opts){.path = c->gateway.control_socket,
			.group = GW_PROTOCOL_GROUP,
			.view = &g->view,
			.command = send_command,
			.arg = g,
			.recorder = &g->recorder,
			.resends = {resend, resent, g},
			.reload = reload},
		&g->control, err);
}

/* The store first, because the engine waits for what it reads. Sources next: what they read waits
 * in their rings meanwhile, so the first poll does not wait for the disk. The engine last: what
 * takes its events runs by then. */
static enum gw_err start_all(struct gw_gateway *g, struct gw_error *err)
{
	enum gw_err rc;

	if ((rc = gw_store_start(g->store, err)))
		return rc;
	for (size_t i = 0; i < g->parts.n_sources; i++)
		if ((rc = gw_source_start(g->parts.sources[i], err)))
			return rc;
	if ((rc = gw_alert_log_start(g->alert_log, err)))
		return rc;
	gw_store_watch_begin(g);
	gw_wiring_update_view(g);
	for (size_t i = 0; i < g->parts.n_uplinks; i++)
		if ((rc = gw_uplink_start(g->parts.uplinks[i], err)))
			return rc;
	return gw_engine_thread_start(&g->engine_thread, g->engine, err);
}

/* Links with TLS would fail until the next start: start now. */
static void check_tls(struct gw_gateway *g)
{
	struct gw_error why;

	if (!gw_tls_broken(&g->tls, &why))
		return;
	gw_fail(&g->failed, GW_ERR_SYSTEM, 0,
		"OpenSSL ran out of memory and cannot be used until a restart (%.120s)",
		why.text);
	gw_loop_stop(&g->loop);
}

/* By then links are up and the first heartbeats delivered: what only they needed, as the code of a
 * TLS handshake, is given back as well. */
#define LINKS_UP_NS (10 * GW_NS_PER_SEC)

static void release_memory(struct gw_gateway *g, int64_t now_ns)
{
	if (g->links_up_released || now_ns - g->health.started_ns < LINKS_UP_NS)
		return;
	g->links_up_released = true;
	gw_start_memory_release();
}

static void tick(void *arg, int64_t now_ns)
{
	struct gw_gateway *g = arg;

	gw_watchdog_check(g, now_ns);
	gw_health_update(g);
	gw_store_watch_poll(g);
	gw_generation_sweep(g, false);
	gw_reload_tick(g, now_ns);
	check_tls(g);
	release_memory(g, now_ns);
	gw_loop_arm(&g->loop, &g->tick, now_ns + GW_NS_PER_SEC);
}

enum gw_err gw_gateway_start(struct gw_gateway *g, const struct gw_config_origin *from,
	struct gw_config *config, struct gw_error *err)
{
	struct gw_error seal_err;
	enum gw_err rc;

	*g = (struct gw_gateway){
		.config_path = from->path, .wake = {.fd = -1}, .signals = {.fd = -1}};
	g->engine_thread.wake.fd = -1;
	if (gw_notify_open(&g->service_manager, err))
		gw_log(GW_LOG_WARNING, "%s: the service manager is told nothing",
			err->text);
	pthread_mutex_init(&g->watchdog.lock, NULL);
	g->health.started_ns = gw_clock_boot_ns();
	g->generation = gw_generation_new(config);
	if (!g->generation) {
		gw_config_free(config);
		return gw_fail(err, GW_ERR_SYSTEM, 0, "out of memory");
	}
	rc = make_all(g, err);
	if (!rc)
		rc = start_all(g, err);
	if (rc) {
		gw_gateway_stop(g);
		return rc;
	}
	if (gw_seal_process(&seal_err))
		gw_log(GW_LOG_NOTICE, "%s", seal_err.text);
	gw_last_good_save(&g->last_good, config->gateway.state_dir, from->files);
	gw_reload_set_refused(g, from->refused);
	g->tick = (struct gw_loop_timer){.fire = tick, .arg = g};
	tick(g, gw_clock_boot_ns());
	gw_log(GW_LOG_NOTICE,
		"tocsind %s started: gateway %s, run %" PRIu64
		", %zu sources, %zu alarms, %zu uplinks",
		GW_VERSION, config->site.gateway, g->run, config->n_sources,
		config->n_alarms, config->n_uplinks);
	gw_notify_send(&g->service_manager, "READY=1");
	return GW_OK;
}

enum gw_err gw_gateway_run(struct gw_gateway *g, struct gw_error *err)
{
	enum gw_err rc = gw_loop_run(&g->loop, err);

	if (!rc && g->failed.kind) {
		*err = g->failed;
		rc = err->kind;
	}
	return rc;
}

/* A source that hangs in its driver must not prevent that what others measured is evaluated
 * and delivered. False: one is left behind. */
static bool end_sources(struct gw_gateway *g)
{
	const struct timespec pause = {.tv_nsec = 10 * GW_NS_PER_MS};
	int64_t until_ns = gw_clock_boot_ns() + SOURCES_END_NS;
	bool all = true;

	for (size_t i = 0; i < g->parts.n_sources; i++)
		if (g->parts.sources[i])
			gw_source_request_stop(g->parts.sources[i]);
	for (size_t i = 0; i < g->parts.n_sources; i++) {
		struct gw_source *s = g->parts.sources[i];

		while (s && !gw_thread_ended(gw_source_thread(s)) &&
			gw_clock_boot_ns() < until_ns)
			nanosleep(&pause, NULL);
		if (!s || gw_thread_ended(gw_source_thread(s)))
			continue;
		gw_log(GW_LOG_ERR, "%s: its driver does not return, it is left behind",
			gw_source_opts(s)->name);
		all = false;
	}
	for (size_t i = 0; all && i < g->parts.n_sources; i++)
		if (g->parts.sources[i])
			gw_source_join(g->parts.sources[i]);
	return all;
}

/* In the direction of the events: producers first, so that each stage empties into the next. */
void gw_gateway_stop(struct gw_gateway *g)
{
	bool all_end, copy_ends;

	if (!g->generation)
		return;
	gw_notify_send(&g->service_manager, "STOPPING=1");
	all_end = end_sources(g);
	if (g->engine) {
		gw_engine_thread_stop(&g->engine_thread);
		gw_engine_link_drain_outputs(g, LAST_DRAIN_NS);
	}
	if (g->alert_log)
		gw_alert_log_request_stop(g->alert_log);
	for (size_t i = 0; i < g->parts.n_uplinks; i++)
		if (g->parts.uplinks[i])
			gw_uplink_request_stop(g->parts.uplinks[i]);
	all_end &= gw_retire_end(g);
	for (size_t i = 0; i < g->parts.n_uplinks; i++)
		if (g->parts.uplinks[i])
			gw_uplink_join(g->parts.uplinks[i]);
	gw_alert_log_free(g->alert_log);
	gw_server_close(g->control);
	gw_recorder_fini(&g->recorder);
	gw_store_free(g->store);
	g->store = NULL;
	for (size_t i = 0; i < g->parts.n_uplinks; i++)
		gw_uplink_free(g->parts.uplinks[i]); /* after the store, which wakes them */
	copy_ends = gw_last_good_stop(&g->last_good, LAST_GOOD_END_MS);
	if (!all_end) { /* the thread that hangs may use what is left */
		g->generation = NULL;
		return;
	}
	for (size_t i = 0; i < g->parts.n_sources; i++)
		gw_source_free(g->parts.sources[i]);
	gw_state_files_stop(g->state_files, STATE_FILES_END_NS);
	gw_engine_free(g->engine);
	gw_engine_thread_fini(&g->engine_thread);
	gw_supervise_fini(&g->supervisor);
	gw_parts_fini(&g->parts);
	gw_ring_fini(&g->live);
	gw_ring_fini(&g->commands);
	gw_ring_fini(&g->replies);
	gw_store_watch_fini(&g->store_watch);
	gw_wake_fini(&g->wake);
	if (g->signals.fd >= 0)
		close(g->signals.fd);
	gw_loop_fini(&g->loop);
	gw_generation_sweep(g, true);
	pthread_mutex_destroy(&g->watchdog.lock);
	gw_notify_close(&g->service_manager);
	if (!copy_ends) /* its thread uses g */
		return;
	*g = (struct gw_gateway){.wake = {.fd = -1}, .signals = {.fd = -1}};
	g->engine_thread.wake.fd = -1;
}

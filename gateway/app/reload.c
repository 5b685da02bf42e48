/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reload: the new configuration is loaded, checked and prepared beside the running one. If
 * anything fails, the running one stays. Otherwise:
 *
 *   a source or uplink whose settings are equal in both  keeps running, with its link
 *   any other source or uplink                           is stopped, started or both
 *   the engine                                           is replaced; alarms keep their state
 *   store, alert log, control socket                     keep running as they were started
 *
 * Between the old engine and the new one samples wait in their rings, and nothing uses the disk or
 * the network.
 */
#include "app/reload.h"

#include "app/engine_link.h"
#include "app/gateway_internal.h"
#include "app/generation.h"
#include "app/limits.h"
#include "app/reload_plan.h"
#include "app/retire.h"
#include "app/watchdog.h"
#include "app/wiring.h"
#include "base/log.h"
#include "base/text.h"
#include "conf/compare.h"
#include "conf/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HALT_MAX_NS (5 * GW_NS_PER_SEC)
/* For sources that are in their driver's poll; the old engine runs meanwhile. */
#define STOP_MAX_NS (2 * GW_NS_PER_SEC)
#define DRAIN_STEPS 100000

struct first_complaint {
	char line[400];
	unsigned n;
};

static void keep_first(void *arg, const char *line)
{
	struct first_complaint *f = arg;

	if (f->n++ == 0)
		snprintf(f->line, sizeof f->line, "%s", line);
}

static struct gw_generation *load(
	struct gw_gateway *g, struct gw_files *ret_files, struct gw_error *err)
{
	struct first_complaint first = {.n = 0};
	struct gw_complaints complaints = {.say = keep_first, .arg = &first};
	struct gw_config *config = NULL;
	struct gw_generation *generation;

	if (gw_config_load_files(g->config_path, NULL, ret_files, &config, &complaints)) {
		gw_fail(err, GW_ERR_CONFIG, 0, "%.150s%s",
			first.n ? first.line : "out of memory",
			first.n > 1 ? " (and more: tocsind --check)" : "");
		return NULL;
	}
	generation = gw_generation_new(config);
	if (!generation) {
		gw_config_free(config);
		gw_fail(err, GW_ERR_SYSTEM, 0, "out of memory");
	}
	return generation;
}

/* ---- what is refused without force ---- */

static bool has_alarm(const struct gw_config *c, const char *key)
{
	for (size_t i = 0; i < c->n_alarms; i++)
		if (strcmp(c->alarms[i].info.key, key) == 0)
			return true;
	return false;
}

/* Alarms that stand and are not in the other configuration. */
static size_t standing_without(struct gw_gateway *g, const struct gw_config *other)
{
	const struct gw_config *c = g->generation->config;
	struct gw_alarm_view a;
	size_t n = 0;

	for (size_t i = 0; i < c->n_alarms; i++) {
		gw_view_alarm(g->view.engine_view, i, &a);
		n += a.state != GW_STATE_NORMAL && a.state != GW_STATE_OUT_OF_SERVICE &&
			!has_alarm(other, c->alarms[i].info.key);
	}
	return n;
}

static uint64_t owed(struct gw_gateway *g)
{
	struct gw_uplink_status s;
	uint64_t n = 0;

	for (size_t i = 0; i < g->parts.n_uplinks; i++) {
		gw_uplink_status(g->parts.uplinks[i], &s);
		n += s.pending;
	}
	return n;
}

/* A file that was cut off may be valid without what is missing. */
static enum gw_err check_removals(
	struct gw_gateway *g, const struct gw_config *new, struct gw_error *err)
{
	const struct gw_config *old = g->generation->config;
	bool no_alarms = old->n_site_alarms > 0 && new->n_site_alarms == 0;
	bool no_sources = old->n_sources > 0 && new->n_sources == 0;
	size_t standing = no_alarms || no_sources ? standing_without(g, new) : 0;
	uint64_t n = old->n_uplinks > 0 && new->n_uplinks == 0 ? owed(g) : 0;

	if (n > 0)
		return gw_fail(err, GW_ERR_REFUSED, 0,
			"it has no uplinks, and %llu alerts are owed: if it is not cut off, tocsin reload --force",
			(unsigned long long)n);
	if (standing > 0)
		return gw_fail(err, GW_ERR_REFUSED, 0,
			"it has no %s, and %zu alarms that stand would go: if it is not cut off, tocsin reload --force",
			no_sources ? "sources" : "alarms:", standing);
	return GW_OK;
}

/* ---- the fault ---- */

static bool push_raise_note(struct gw_gateway *g, const char *key, const char *text)
{
	const struct gw_config *c = g->generation->config;
	struct gw_alarm_command command = {.kind = GW_COMMAND_NOTE_RAISE};

	snprintf(command.note, sizeof command.note, "%s", text);
	while (command.alarm < c->n_alarms &&
		strcmp(c->alarms[command.alarm].info.key, key) != 0)
		command.alarm++;
	return gw_ring_push(&g->commands, &command, 1, sizeof command) == 1;
}

void gw_reload_set_refused(struct gw_gateway *g, const char *why)
{
	const char *slash = why ? strrchr(why, '/') : NULL;
	size_t n = 0, len;

	/* a note is short: leave the folders of the path out */
	if (slash && strchr(why, ':') > slash)
		why = slash + 1;
	while (why && why[n] && (len = gw_text_utf8(why + n, strlen(why + n))) > 0 &&
		n + len < sizeof g->refused)
		n += len;
	if (why)
		memcpy(g->refused, why, n);
	g->refused[n] = '\0';
	if (n > 0)
		push_raise_note(g, "gateway:config", g->refused);
	gw_reload_tick(g, gw_clock_boot_ns());
}

void gw_reload_tick(struct gw_gateway *g, int64_t now_ns)
{
	gw_last_good_tick(&g->last_good, now_ns);
	gw_supervise_report(&g->supervisor, g->generation->config, GW_GATEWAY_POINT_CONFIG,
		g->refused[0] != '\0', now_ns);
}

/* ---- the switch ---- */

/* A setting that only a new start of the daemon changes: paths that are open, the store's size. */
static void log_fixed(void *arg, const char *key, const char *value)
{
	(void)arg;
	gw_log(GW_LOG_WARNING, "gateway.%s stays %s until tocsind is restarted", key,
		value);
}

/* The samples of sources that are retired are for the old engine, which runs until they
 * have stopped. The last samples of a driver that hangs are lost. */
static void stop_sources(const struct gw_reload_plan *p)
{
	int64_t until_ns = gw_clock_boot_ns() + STOP_MAX_NS;

	for (const struct gw_retired_part *part = p->retired; part; part = part->next)
		if (part->source)
			gw_source_request_stop(part->source);
	for (const struct gw_retired_part *part = p->retired; part; part = part->next)
		while (part->source && !gw_thread_ended(gw_source_thread(part->source)) &&
			gw_clock_boot_ns() < until_ns) {
			struct timespec pause = {.tv_nsec = 1000000};

			nanosleep(&pause, NULL);
		}
}

static size_t count_retired_sources(const struct gw_reload_plan *p)
{
	size_t n = 0;

	for (const struct gw_retired_part *part = p->retired; part; part = part->next)
		n += part->source != NULL;
	return n;
}

static bool has_unread(struct gw_gateway *g, const struct gw_reload_plan *p)
{
	for (const struct gw_retired_part *part = p->retired; part; part = part->next)
		if (part->source && gw_ring_count(gw_source_ring(part->source)) > 0)
			return true;
	/* these refer to the old indexes of alarms and points */
	return gw_ring_count(&g->commands) > 0 || gw_ring_count(&g->supervisor.ring) > 0;
}

struct clear_args {
	struct gw_engine *engine;
	struct gw_time now;
};

static void clear_unconfigured(
	void *arg, const struct gw_alarm_record *record, const struct gw_alarm_info *info)
{
	struct clear_args *o = arg;

	gw_engine_clear_unconfigured(o->engine, record, info, o->now);
}

/* For a new uplink with the name of a retired one. */
static uint64_t parked_by_name(struct gw_gateway *g, const char *name)
{
	const struct gw_config *c = g->generation->config;
	struct gw_uplink_status s = {.parked = 0};

	for (size_t i = 0; i < g->parts.n_uplinks; i++)
		if (strcmp(c->uplinks[i].name, name) == 0)
			gw_uplink_status(g->parts.uplinks[i], &s);
	return s.parked;
}

/* No thread runs an engine: nothing here waits or fails. The only allocation is a larger buffer for
 * unsent events (engine/outputs.c); without memory for it, the oldest that do not fit count as
 * lost. */
static void replace_engine(struct gw_gateway *g, struct gw_reload_plan *p)
{
	struct gw_engine *old = g->engine;
	struct clear_args o = {.engine = p->engine};
	uint64_t seq;

	for (int i = 0; i < DRAIN_STEPS && has_unread(g, p); i++) {
		gw_engine_step(old, gw_engine_link_now(g));
		gw_engine_link_drain(g); /* the engine stops at a full ring of replies */
	}
	seq = gw_engine_last_seq(old);
	gw_store_uplinks_set(g->store, p->uplinks, seq + 1);
	for (size_t i = 0; i < p->parts.n_uplinks; i++)
		if (p->new_uplink[i])
			gw_uplink_begin_after(p->parts.uplinks[i], seq,
				parked_by_name(g, p->next->config->uplinks[i].name));
	o.now = gw_engine_link_now(g);
	gw_engine_adopt(p->engine, old, o.now, clear_unconfigured, &o);
	gw_engine_publish_seq(p->engine, &g->last_seq);
	gw_recorder_set_config(&g->recorder, p->next->config);
	g->generation->retired_ns = o.now.boot_ns;
	g->generation->last_seq = gw_engine_last_seq(p->engine);
	g->engine = p->engine;
}

/* The new engine runs: the plan takes the old engine and the old arrays and frees them. */
static void switch_over(
	struct gw_gateway *g, struct gw_reload_plan *p, struct gw_engine *old)
{
	struct gw_parts parts = g->parts;

	p->next->next = g->generation;
	g->generation = p->next;
	g->parts = p->parts;
	gw_wiring_update_view(g);
	gw_server_config_changed(g->control);
	gw_retire_begin(g, p);
	parts.n_sources = parts.n_uplinks =
		0; /* reused or retired: no longer of these arrays */
	p->parts = parts;
	p->uplinks = NULL; /* the store's */
	p->engine = old;
	gw_reload_plan_drop(g, p);
}

/* Everything that can fail is done, except for the halt of the engine. */
static enum gw_err run(struct gw_gateway *g, struct gw_reload_plan *p, struct gw_error *err)
{
	struct gw_engine *old = g->engine;
	enum gw_err rc = gw_engine_thread_halt(&g->engine_thread, HALT_MAX_NS, err);

	if (rc) /* nothing was stopped yet */
		return rc;
	gw_log(GW_LOG_DEBUG, "reload: the engine can be halted: stopping %zu sources",
		count_retired_sources(p));
	gw_engine_thread_resume(&g->engine_thread, old);
	stop_sources(p);
	/* The engine was halted a moment ago. If it hangs now, the watchdog has systemd restart the
	 * daemon. */
	while (gw_engine_thread_halt(&g->engine_thread, HALT_MAX_NS, err))
		gw_log(GW_LOG_ERR, "reload: %s", err->text);
	replace_engine(g, p);
	gw_log(GW_LOG_DEBUG, "reload: the engine is replaced at event #%llu",
		(unsigned long long)g->generation->last_seq);
	gw_engine_thread_resume(&g->engine_thread, g->engine);
	switch_over(g, p, old);
	return GW_OK;
}

static enum gw_err try_reload(struct gw_gateway *g, bool force, struct gw_error *err)
{
	struct gw_files files = {.n = 0};
	struct gw_reload_plan plan = {.next = NULL};
	struct gw_generation *next = load(g, &files, err);
	enum gw_err rc;

	if (!next) {
		gw_files_free(&files);
		return GW_ERR_CONFIG;
	}
	gw_log(GW_LOG_DEBUG, "reload: read %s: %zu sources, %zu alarms, %zu uplinks",
		g->config_path, next->config->n_sources, next->config->n_alarms,
		next->config->n_uplinks);
	rc = force ? GW_OK : check_removals(g, next->config, err);
	if (!rc)
		rc = gw_limits_check(next->config, err);
	if (!rc)
		rc = gw_reload_plan_make(g, next, &plan, err);
	if (!rc &&
		!gw_config_copy_fixed(g->generation->config, next->config, log_fixed, NULL))
		rc = gw_fail(err, GW_ERR_SYSTEM, 0, "out of memory");
	if (!rc)
		rc = run(g, &plan, err);
	if (rc) {
		gw_reload_plan_drop(g, &plan);
		gw_config_free(next->config);
		free(next);
	} else {
		gw_last_good_save(
			&g->last_good, g->generation->config->gateway.state_dir, &files);
	}
	gw_files_free(&files);
	return rc;
}

enum gw_err gw_reload(struct gw_gateway *g, bool force, struct gw_error *err)
{
	struct gw_error why = {.kind = GW_OK};
	enum gw_err rc;

	gw_notify_send(&g->service_manager, "RELOADING=1");
	rc = try_reload(g, force, &why);
	if (rc) {
		gw_log(GW_LOG_ERR, "not reloaded, the running configuration stays: %s",
			why.text);
		gw_reload_set_refused(g, why.text);
	} else {
		gw_reload_set_refused(g, NULL);
		for (size_t i = 0; i < g->parts.n_uplinks; i++)
			gw_uplink_retry_parked(g->parts.uplinks[i]);
		gw_log(GW_LOG_NOTICE, "reloaded: %zu sources, %zu alarms, %zu uplinks",
			g->generation->config->n_sources, g->generation->config->n_alarms,
			g->generation->config->n_uplinks);
	}
	gw_notify_send(&g->service_manager, "READY=1");
	if (err)
		*err = why;
	return rc;
}

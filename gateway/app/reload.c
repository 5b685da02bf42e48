/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SIGHUP: the new configuration is loaded, checked and made beside the running one. Bad, or no
 * room for it: the old one stays. Good: only what differs restarts; sources and uplinks that are
 * set up alike keep their link, alarms keep their state by name. Between the old engine and the
 * new one, samples wait in their rings, and nothing touches disk or network.
 */
#include "app/gateway.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PAUSE_MOST_NS (5 * GW_NS_PER_SEC)
/* For sources in their driver's poll; the old engine runs meanwhile. */
#define STOP_MOST_NS (2 * GW_NS_PER_SEC)
#define DRAIN_STEPS  100000

struct first_complaint {
	char line[400];
	unsigned n;
};

static void hear(void *arg, const char *line)
{
	struct first_complaint *f = arg;

	if (f->n++ == 0)
		snprintf(f->line, sizeof f->line, "%s", line);
}

static struct gw_generation *load(struct gw_gateway *g)
{
	struct first_complaint first = {.n = 0};
	struct gw_complaints complaints = {.say = hear, .arg = &first};
	struct gw_config *config = NULL;
	struct gw_generation *n;

	if (gw_config_load(g->config_path, &config, &complaints)) {
		gw_log(GW_LOG_ERR, "not reloaded, the running configuration stays: %s%s",
			first.n ? first.line : "out of memory",
			first.n > 1 ? " (and more: run tocsind --check)" : "");
		return NULL;
	}
	n = gw_generation_new(config);
	if (!n)
		gw_config_free(config);
	return n;
}

/* Paths that are open for the life of the process. */
static void keep_paths(const struct gw_config *old, const struct gw_config *new)
{
	const struct {
		const char *key, *was, *is;
	} paths[] = {
		{"state_dir", old->gateway.state_dir, new->gateway.state_dir},
		{"alert_log", old->gateway.alert_log, new->gateway.alert_log},
		{"control_socket", old->gateway.control_socket,
			new->gateway.control_socket},
	};

	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		if (strcmp(paths[i].was, paths[i].is) != 0)
			gw_log(GW_LOG_WARNING,
				"gateway.%s stays %s until tocsind is restarted",
				paths[i].key, paths[i].was);
}

/* What sources that leave have said is for the old engine, which runs until they have stopped. A
 * driver that hangs is not waited for: its last samples are lost. */
static void stop_sources(const struct gw_plan *p)
{
	int64_t until_ns = gw_clock_mono_ns() + STOP_MOST_NS;

	for (const struct gw_leaving *l = p->leaving; l; l = l->next)
		if (l->source)
			gw_source_ask_stop(l->source);
	for (const struct gw_leaving *l = p->leaving; l; l = l->next)
		while (l->source && !gw_thread_ended(gw_source_thread(l->source)) &&
			gw_clock_mono_ns() < until_ns) {
			struct timespec pause = {.tv_nsec = 1000000};

			nanosleep(&pause, NULL);
		}
}

static bool has_unread(struct gw_gateway *g, const struct gw_plan *p)
{
	for (const struct gw_leaving *l = p->leaving; l; l = l->next)
		if (l->source && gw_ring_count(gw_source_ring(l->source)) > 0)
			return true;
	/* these go by the old numbers of alarms and points */
	return gw_ring_count(&g->commands) > 0 || gw_ring_count(&g->supervisor.ring) > 0;
}

static struct gw_time now(struct gw_gateway *g)
{
	return (struct gw_time){
		.mono_ns = gw_clock_mono_ns(),
		.wall_ms = gw_clock_wall_ms(),
		.synced = atomic_load_explicit(&g->runner.synced, memory_order_relaxed),
	};
}

struct orphans {
	struct gw_engine *engine;
	struct gw_time now;
};

static void clear_orphan(
	void *arg, const struct gw_alarm_memory *memory, const struct gw_alarm_info *info)
{
	struct orphans *o = arg;

	gw_engine_orphan(o->engine, memory, info, o->now);
}

/* For an uplink that is set up otherwise under the same name. */
static uint64_t parked_before(struct gw_gateway *g, const char *name)
{
	const struct gw_config *c = g->generation->config;
	struct gw_uplink_status s = {.parked = 0};

	for (size_t i = 0; i < g->n_uplinks; i++)
		if (strcmp(c->uplinks[i].name, name) == 0)
			gw_uplink_status(g->uplinks[i], &s);
	return s.parked;
}

/* No engine runs: nothing in here waits, makes or fails. */
static void exchange(struct gw_gateway *g, struct gw_plan *p)
{
	struct gw_engine *old = g->engine;
	struct orphans o = {.engine = p->engine};
	uint64_t seq;

	for (int i = 0; i < DRAIN_STEPS && has_unread(g, p); i++) {
		gw_engine_step(old, now(g));
		gw_gateway_hear(g); /* it waits for room for its answers */
	}
	seq = gw_engine_last_seq(old);
	gw_store_sinks_set(g->store, p->sinks, seq + 1);
	for (size_t i = 0; i < p->parts.n_uplinks; i++)
		if (p->new_uplink[i])
			gw_uplink_begin_after(p->parts.uplinks[i], seq,
				parked_before(g, p->next->config->uplinks[i].name));
	o.now = now(g);
	gw_engine_adopt(p->engine, old, o.now, clear_orphan, &o);
	gw_engine_publish_seq(p->engine, &g->last_seq);
	gw_recorder_config(&g->recorder, p->next->config);
	g->generation->retired_ns = o.now.mono_ns;
	g->generation->last_seq = gw_engine_last_seq(p->engine);
	g->engine = p->engine;
}

/* The new engine runs. What is taken out of the plan is not dropped with it. */
static void settle(struct gw_gateway *g, struct gw_plan *p, struct gw_engine *old)
{
	struct gw_parts was = {.sources = g->sources,
		.source_from = g->source_from,
		.uplinks = g->uplinks,
		.uplink_faults = g->uplink_faults,
		.uplink_slots = g->uplink_slots};

	p->next->next = g->generation;
	g->generation = p->next;
	g->n_sources = p->parts.n_sources;
	g->n_uplinks = p->parts.n_uplinks;
	g->sources = p->parts.sources;
	g->source_from = p->parts.source_from;
	g->uplinks = p->parts.uplinks;
	g->uplink_faults = p->parts.uplink_faults;
	g->uplink_slots = p->parts.uplink_slots;
	gw_wiring_show(g);
	gw_control_changed(g->control);
	gw_leaving_begin(g, p);
	p->parts = was; /* the arrays; n is 0: nothing in them */
	p->sinks = NULL;
	p->engine = old;
	gw_plan_drop(g, p);
}

/* Everything new is there. */
static enum gw_err run(struct gw_gateway *g, struct gw_plan *p, struct gw_error *err)
{
	struct gw_engine *old = g->engine;
	enum gw_err kind = gw_runner_pause(&g->runner, PAUSE_MOST_NS, err);

	if (kind) /* before anything is stopped */
		return kind;
	gw_runner_resume(&g->runner, old);
	stop_sources(p);
	/* It has just answered. If it hangs now, the watchdog has us started afresh. */
	while (gw_runner_pause(&g->runner, PAUSE_MOST_NS, err))
		gw_log(GW_LOG_ERR, "reload: %s", err->text);
	exchange(g, p);
	gw_runner_resume(&g->runner, g->engine);
	settle(g, p, old);
	return GW_OK;
}

void gw_reload(struct gw_gateway *g)
{
	struct gw_error err = {.kind = GW_OK};
	struct gw_generation *next = load(g);
	struct gw_plan plan = {.next = NULL};
	enum gw_err kind;

	if (!next)
		return;
	gw_pulse_notify("RELOADING=1");
	kind = gw_plan_make(g, next, &plan, &err);
	if (!kind) {
		keep_paths(g->generation->config, next->config);
		kind = run(g, &plan, &err);
	}
	if (kind) {
		gw_plan_drop(g, &plan);
		gw_config_free(next->config);
		free(next);
		gw_log(GW_LOG_ERR, "not reloaded, the running configuration stays: %s",
			err.text);
	} else {
		for (size_t i = 0; i < g->n_uplinks; i++)
			gw_uplink_offer_parked(g->uplinks[i]);
		gw_log(GW_LOG_NOTICE, "reloaded: %zu sources, %zu alarms, %zu uplinks",
			g->generation->config->n_sources, g->generation->config->n_alarms,
			g->generation->config->n_uplinks);
	}
	gw_pulse_notify("READY=1");
}

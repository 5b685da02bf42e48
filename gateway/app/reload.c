/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SIGHUP: the new configuration is loaded and checked beside the running one. Bad: the old one
 * stays. Good: only what differs restarts; sources that are set up alike keep their link, alarms
 * keep their state by name. While the engine is exchanged, samples wait in their rings.
 */
#include "app/gateway.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Long after any thread could still hold a text of a configuration. */
#define KEEP_NS       (60 * GW_NS_PER_SEC)
#define DRAIN_MOST_NS GW_NS_PER_SEC /* what still waits then waits in the new engine */

struct gw_generation *gw_generation_new(struct gw_config *config)
{
	struct gw_generation *n = calloc(1, sizeof *n);

	if (n)
		n->config = config;
	return n;
}

/* Whether an event may still be on its way to somebody who reads its texts. */
static bool under_way(struct gw_gateway *g)
{
	size_t n;

	if (gw_engine_waiting(g->engine))
		return true;
	n = gw_ring_count(gw_alert_log_events(g->alert_log));
	for (size_t i = 0; i < g->n_uplinks; i++)
		n += gw_ring_count(gw_uplink_events(g->uplinks[i]));
	return n > 0;
}

void gw_generation_sweep(struct gw_gateway *g, bool all)
{
	struct gw_generation **at = all ? &g->generation : &g->generation->next;

	while (*at) {
		struct gw_generation *n = *at;

		if (!all &&
			(n->users || gw_clock_mono_ns() - n->retired_ns < KEEP_NS ||
				gw_store_committed(g->store) < n->last_seq ||
				under_way(g))) {
			at = &n->next;
			continue;
		}
		*at = n->next;
		gw_config_free(n->config);
		free(n);
	}
}

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

static bool same_uplinks(const struct gw_config *a, const struct gw_config *b)
{
	if (a->n_uplinks != b->n_uplinks)
		return false;
	for (size_t i = 0; i < a->n_uplinks; i++)
		if (!gw_config_same_uplink(&a->uplinks[i], &b->uplinks[i]))
			return false;
	return true;
}

/* The sources of the new configuration: kept where they are set up alike, else made. */
struct sources {
	struct gw_source **at;
	struct gw_generation **from;
	bool *kept_old; /* as the old configuration's sources */
	bool *kept_new; /* as the new one's */
};

static void free_sources(struct sources *s)
{
	free(s->at);
	free(s->from);
	free(s->kept_old);
	free(s->kept_new);
}

static enum gw_err plan_sources(struct gw_gateway *g, struct gw_generation *next,
	struct sources *s, struct gw_error *err)
{
	const struct gw_config *old = g->generation->config, *new = next->config;
	enum gw_err kind = GW_OK;

	*s = (struct sources){
		.at = calloc(new->n_sources + 1, sizeof *s->at),
		.from = calloc(new->n_sources + 1, sizeof *s->from),
		.kept_old = calloc(old->n_sources + 1, sizeof *s->kept_old),
		.kept_new = calloc(new->n_sources + 1, sizeof *s->kept_new),
	};
	if (!s->at || !s->from || !s->kept_old || !s->kept_new)
		return gw_fail(err, GW_ERR_SYSTEM, 0, "out of memory");
	for (size_t i = 0; !kind && i < new->n_sources; i++) {
		for (size_t k = 0; k < old->n_sources && !s->at[i]; k++) {
			if (!gw_config_same_source(
				    gw_source_opts(g->sources[k]), &new->sources[i]))
				continue;
			s->at[i] = g->sources[k];
			s->from[i] = g->source_from[k];
			s->kept_old[k] = s->kept_new[i] = true;
		}
		if (!s->at[i]) {
			kind = gw_wiring_source(g, &new->sources[i], &s->at[i], err);
			s->from[i] = next;
		}
	}
	return kind;
}

static void stop_old_sources(struct gw_gateway *g, const struct sources *s)
{
	for (size_t k = 0; k < g->n_sources; k++)
		if (!s->kept_old[k])
			gw_source_ask_stop(g->sources[k]);
	for (size_t k = 0; k < g->n_sources; k++)
		if (!s->kept_old[k])
			gw_source_join(g->sources[k]);
}

static void free_old_sources(
	struct gw_gateway *g, struct sources *s, struct gw_generation *next)
{
	for (size_t k = 0; k < g->n_sources; k++) {
		if (s->kept_old[k])
			continue;
		g->source_from[k]->users--;
		gw_source_free(g->sources[k]);
	}
	for (size_t i = 0; i < next->config->n_sources; i++)
		if (!s->kept_new[i])
			next->users++;
	free(g->sources);
	free(g->source_from);
	g->sources = s->at;
	g->source_from = s->from;
	g->n_sources = next->config->n_sources;
	s->at = NULL;
	s->from = NULL;
}

/* The set of uplinks is fixed while the store is open: a different set reopens both. */
static enum gw_err exchange_uplinks(
	struct gw_gateway *g, struct gw_generation *next, struct gw_error *err)
{
	enum gw_err kind;

	gw_wiring_stop_uplinks(g);
	pthread_mutex_lock(&g->settling);
	gw_store_free(g->store);
	g->store = NULL;
	gw_wiring_free_uplinks(g);
	for (struct gw_generation *n = g->generation; n; n = n->next)
		n->users = 0; /* counted anew below */
	for (size_t i = 0; i < next->config->n_sources; i++)
		if (g->source_from[i] != next)
			g->source_from[i]->users++;
	kind = gw_wiring_store(g, next->config, err);
	pthread_mutex_unlock(&g->settling);
	return kind ? kind : gw_wiring_uplinks(g, next, err);
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

static enum gw_err exchange_engine(
	struct gw_gateway *g, struct gw_generation *next, struct gw_error *err)
{
	struct gw_engine *old = g->engine;
	struct orphans o = {.now = {.mono_ns = gw_clock_mono_ns(),
				    .wall_ms = gw_clock_wall_ms(),
				    .synced = atomic_load_explicit(
					    &g->runner.synced, memory_order_relaxed)}};
	enum gw_err kind = gw_wiring_engine(g, next->config, &o.engine, err);

	if (kind)
		return kind;
	gw_engine_adopt(o.engine, old, o.now, clear_orphan, &o);
	gw_engine_publish_seq(o.engine, &g->last_seq);
	g->engine = o.engine;
	next->next = g->generation;
	g->generation->retired_ns = o.now.mono_ns;
	g->generation->last_seq = gw_engine_last_seq(o.engine);
	g->generation = next;
	gw_wiring_show(g);
	gw_recorder_config(&g->recorder, next->config);
	gw_control_changed(g->control);
	gw_engine_free(old);
	return GW_OK;
}

static enum gw_err start_new(
	struct gw_gateway *g, const struct sources *s, bool uplinks, struct gw_error *err)
{
	const struct gw_config *c = g->generation->config;
	enum gw_err kind = uplinks ? gw_store_start(g->store, err) : GW_OK;

	for (size_t i = 0; !kind && uplinks && i < c->n_uplinks; i++)
		kind = gw_uplink_start(g->uplinks[i], err);
	if (!kind)
		kind = gw_runner_start(&g->runner, g->engine, err);
	for (size_t i = 0; !kind && i < c->n_sources; i++)
		if (!s->kept_new[i])
			kind = gw_source_start(g->sources[i], err);
	return kind;
}

/* Other uplinks need the store closed and opened anew: what is only in its memory would be lost. */
static bool holds_what_it_cannot_write(struct gw_gateway *g)
{
	struct gw_store_status s;

	gw_store_status(g->store, &s);
	if (!s.failing || s.pending == 0)
		return false;
	gw_log(GW_LOG_ERR,
		"not reloaded: the uplinks differ, and the store holds %llu events that it "
		"cannot write (%s)",
		(unsigned long long)s.pending, s.why);
	return true;
}

void gw_reload(struct gw_gateway *g)
{
	struct gw_error err = {.kind = GW_OK};
	struct gw_generation *next = load(g);
	struct sources s = {0};
	bool uplinks;
	enum gw_err kind;

	if (!next)
		return;
	uplinks = !same_uplinks(g->generation->config, next->config);
	if (uplinks && holds_what_it_cannot_write(g)) {
		gw_config_free(next->config);
		free(next);
		return;
	}
	gw_pulse_notify("RELOADING=1");
	keep_paths(g->generation->config, next->config);
	kind = plan_sources(g, next, &s, &err);
	if (!kind) {
		stop_old_sources(g, &s);
		gw_runner_stop(&g->runner);
		gw_gateway_drain(g, DRAIN_MOST_NS);
		gw_gateway_hear(g);
		free_old_sources(g, &s, next);
		if (uplinks)
			kind = exchange_uplinks(g, next, &err);
		if (!kind)
			kind = exchange_engine(g, next, &err);
		if (!kind)
			kind = start_new(g, &s, uplinks, &err);
	}
	free_sources(&s);
	if (kind) { /* memory ran out half way: systemd starts us afresh, nothing is lost */
		g->half = true;
		gw_log(GW_LOG_ERR, "reload failed, stopping: %s", err.text);
		gw_loop_stop(&g->loop);
		return;
	}
	for (size_t i = 0; i < g->n_uplinks; i++)
		gw_uplink_offer_parked(g->uplinks[i]);
	gw_log(GW_LOG_NOTICE, "reloaded: %zu sources, %zu alarms, %zu uplinks",
		g->generation->config->n_sources, g->generation->config->n_alarms,
		g->generation->config->n_uplinks);
	gw_pulse_notify("READY=1");
}

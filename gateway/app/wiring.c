/* SPDX-License-Identifier: Apache-2.0 */
/* Making the parts and the rings between them. */
#include "app/gateway.h"

#include <stdlib.h>

#define EVENT_RING      1024
#define SAMPLE_RING_MIN 256

enum gw_err gw_wiring_store(
	struct gw_gateway *g, const struct gw_config *c, struct gw_error *err)
{
	const char **names = calloc(c->n_uplinks + 1, sizeof *names);
	struct gw_store_opts opts = {
		.state_dir = c->gateway.state_dir,
		.sinks = names,
		.n_sinks = c->n_uplinks,
		.max_bytes = c->gateway.max_store_bytes,
		.ring_capacity = EVENT_RING,
	};
	enum gw_err kind;

	if (!names)
		return gw_fail(err, GW_ERR_SYSTEM, 0, "out of memory");
	for (size_t i = 0; i < c->n_uplinks; i++)
		names[i] = c->uplinks[i].name;
	kind = gw_store_open(&opts, &g->store, err);
	free(names);
	if (kind)
		return kind;
	gw_store_attach_reader(g->store, &g->wake);
	return gw_store_faults(g->store, &g->runner.wake, &g->store_faults, err);
}

enum gw_err gw_wiring_uplinks(
	struct gw_gateway *g, struct gw_generation *from, struct gw_error *err)
{
	const struct gw_config *c = from->config;
	const struct gw_health health = {.fill = gw_pulse_health, .arg = g};

	g->uplinks = calloc(c->n_uplinks + 1, sizeof(struct gw_uplink *));
	g->uplink_faults = calloc(c->n_uplinks + 1, sizeof(struct gw_ring *));
	if (!g->uplinks || !g->uplink_faults)
		return gw_fail(err, GW_ERR_SYSTEM, 0, "out of memory");
	g->n_uplinks = c->n_uplinks;
	for (size_t i = 0; i < c->n_uplinks; i++) {
		enum gw_err kind = gw_uplink_new(&c->uplinks[i], i, g->store, &health,
			EVENT_RING, &g->uplinks[i], err);

		if (!kind)
			kind = gw_uplink_faults(
				g->uplinks[i], &g->runner.wake, &g->uplink_faults[i], err);
		if (kind)
			return gw_error_wrap(err, "uplink %s", c->uplinks[i].name);
		gw_uplink_attach_asker(g->uplinks[i], &g->wake);
	}
	from->users += (uint32_t)c->n_uplinks;
	return GW_OK;
}

void gw_wiring_stop_uplinks(struct gw_gateway *g)
{
	for (size_t i = 0; i < g->n_uplinks; i++)
		if (g->uplinks[i])
			gw_uplink_ask_stop(g->uplinks[i]);
	for (size_t i = 0; i < g->n_uplinks; i++)
		if (g->uplinks[i])
			gw_uplink_join(g->uplinks[i]);
}

void gw_wiring_free_uplinks(struct gw_gateway *g)
{
	for (size_t i = 0; i < g->n_uplinks; i++)
		gw_uplink_free(g->uplinks[i]);
	free(g->uplinks);
	free(g->uplink_faults);
	g->uplinks = NULL;
	g->uplink_faults = NULL;
	g->n_uplinks = 0;
}

static uint64_t last_seq(void *arg)
{
	struct gw_gateway *g = arg;

	return atomic_load_explicit(&g->last_seq, memory_order_acquire);
}

static bool wait_committed(void *arg, uint64_t seq, int64_t until_mono_ns)
{
	struct gw_gateway *g = arg;
	bool committed;

	/* A source that stays while the store is exchanged asks again. */
	if (pthread_mutex_trylock(&g->settling))
		return false;
	committed = g->store && gw_store_wait(g->store, seq, until_mono_ns);
	pthread_mutex_unlock(&g->settling);
	return committed;
}

enum gw_err gw_wiring_source(struct gw_gateway *g, const struct gw_source_opts *opts,
	struct gw_source **ret_source, struct gw_error *err)
{
	const struct gw_settle settle = {
		.last_seq = last_seq, .wait_committed = wait_committed, .arg = g};
	size_t capacity = SAMPLE_RING_MIN;

	while (capacity < 4 * (size_t)opts->n_points)
		capacity *= 2;
	if (gw_source_new(opts, capacity, &g->runner.wake, &settle, ret_source, err))
		return gw_error_wrap(err, "source %s", opts->name);
	return GW_OK;
}

static enum gw_err attach_inputs(struct gw_gateway *g, const struct gw_config *c,
	struct gw_engine *e, struct gw_error *err)
{
	enum gw_err kind = gw_engine_attach(
		e, g->store_faults, c->store_first_point, GW_STORE_POINTS, err);

	if (!kind) /* main speaks for any point: for sources that hang, and the gateway's own */
		kind = gw_engine_attach(
			e, &g->supervisor.ring, 0, (uint32_t)c->n_points, err);
	for (size_t i = 0; !kind && i < c->n_uplinks; i++)
		kind = gw_engine_attach(e, g->uplink_faults[i], c->uplink_first_point[i],
			GW_UPLINK_POINTS, err);
	for (size_t i = 0; !kind && i < c->n_sources; i++)
		kind = gw_engine_attach(e, gw_source_ring(g->sources[i]),
			c->source_first_point[i], c->sources[i].n_points + 1, err);
	return kind;
}

static enum gw_err attach_outputs(struct gw_gateway *g, const struct gw_config *c,
	struct gw_engine *e, struct gw_error *err)
{
	enum gw_err kind = gw_engine_output(
		e, gw_store_events(g->store), gw_store_wake(g->store), err);

	for (size_t i = 0; !kind && i < c->n_uplinks; i++)
		kind = gw_engine_output(e, gw_uplink_events(g->uplinks[i]),
			gw_uplink_wake(g->uplinks[i]), err);
	if (!kind)
		kind = gw_engine_output(e, gw_alert_log_events(g->alert_log),
			gw_alert_log_wake(g->alert_log), err);
	if (!kind)
		kind = gw_engine_output(e, &g->live, &g->wake, err);
	return kind;
}

enum gw_err gw_wiring_engine(struct gw_gateway *g, const struct gw_config *c,
	struct gw_engine **ret_engine, struct gw_error *err)
{
	const struct gw_engine_opts opts = {
		.site = &c->site,
		.points = c->points,
		.n_points = c->n_points,
		.alarms = c->alarms,
		.n_alarms = c->n_alarms,
		.n_inputs = c->n_sources + c->n_uplinks + 2,
	};
	struct gw_engine *e;
	enum gw_err kind = gw_engine_new(&opts, &e, err);

	if (kind)
		return kind;
	kind = attach_inputs(g, c, e, err);
	if (!kind)
		kind = attach_outputs(g, c, e, err);
	if (kind) {
		gw_engine_free(e);
		return kind;
	}
	gw_engine_tap(e, &g->recorder.tap);
	gw_engine_commands(e, &g->commands, &g->replies, &g->wake);
	*ret_engine = e;
	return GW_OK;
}

void gw_wiring_show(struct gw_gateway *g)
{
	g->view = (struct gw_app_view){
		.generation = g->view.generation + 1,
		.config = g->generation->config,
		.engine = g->engine,
		.view = gw_engine_view(g->engine),
		.sources = g->sources,
		.uplinks = g->uplinks,
		.store = g->store,
		.alert_log = g->alert_log,
		.started_ns = g->view.started_ns,
		.run = g->run,
		.synced = atomic_load_explicit(&g->pulse.synced, memory_order_relaxed),
		.events_lost = g->view.events_lost,
	};
	atomic_store_explicit(
		&g->pulse.site, &g->generation->config->site, memory_order_release);
}

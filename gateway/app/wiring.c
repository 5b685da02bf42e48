/* SPDX-License-Identifier: Apache-2.0 */
#include "app/wiring.h"

#include "app/gateway_internal.h"
#include "app/health.h"
#include "app/limits.h"
#include "base/fd_reserve.h"
#include "source/emit.h"
#include "source/state_files.h"
#include "store/spare.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define EVENT_RING      1024
#define SAMPLE_RING_MIN 256

enum gw_err gw_wiring_store(
	struct gw_gateway *g, const struct gw_config *c, struct gw_error *err)
{
	const char **names = calloc(2 * (c->n_uplinks + 1), sizeof *names);
	const char **urls = names ? names + c->n_uplinks + 1 : NULL;
	char spare[PATH_MAX];
	struct gw_store_opts opts = {
		.state_dir = c->gateway.state_dir,
		.uplinks = names,
		.urls = urls,
		.n_uplinks = c->n_uplinks,
		.max_bytes = c->gateway.store_max_mb << 20,
		.spare = spare,
		.ring_capacity = EVENT_RING,
	};
	enum gw_err rc;

	if (!names)
		return gw_fail(err, GW_ERR_SYSTEM, 0, "out of memory");
	snprintf(spare, sizeof spare, "%s" GW_SPARE_SUFFIX, c->gateway.control_socket);
	for (size_t i = 0; i < c->n_uplinks; i++) {
		names[i] = c->uplinks[i].name;
		urls[i] = c->uplinks[i].url;
	}
	rc = gw_store_open(&opts, &g->store, err);
	free(names);
	if (rc)
		return rc;
	gw_store_attach_reader(g->store, &g->wake);
	return GW_OK;
}

enum gw_err gw_wiring_uplink(struct gw_gateway *g, const struct gw_uplink_opts *opts,
	size_t slot, struct gw_uplink **ret_uplink, struct gw_ring **ret_faults,
	struct gw_error *err)
{
	const struct gw_uplink_health health = {.fill = gw_health_fill_heartbeat, .arg = g};
	enum gw_err rc = gw_uplink_new(
		opts, slot, g->store, &health, EVENT_RING, ret_uplink, err);

	if (!rc)
		rc = gw_uplink_fault_ring(
			*ret_uplink, &g->engine_thread.wake, ret_faults, err);
	if (rc)
		return gw_error_wrap(err, "uplink %s", opts->name);
	gw_uplink_attach_requester(*ret_uplink, &g->wake);
	return GW_OK;
}

static uint64_t last_seq(void *arg)
{
	struct gw_gateway *g = arg;

	return atomic_load_explicit(&g->last_seq, memory_order_acquire);
}

static bool wait_committed(void *arg, uint64_t seq, int64_t until_boot_ns)
{
	struct gw_gateway *g = arg;

	/* NULL: at the end, for a source that was left behind */
	return g->store && gw_store_wait(g->store, seq, until_boot_ns);
}

/* Without the file the driver has no state from before the start. */
static void attach_state_file(struct gw_gateway *g, const char *name, struct gw_source *s)
{
	if (!g->state_files)
		gw_state_files_start(
			g->generation->config->gateway.state_dir, &g->state_files, NULL);
	gw_source_set_state_file(s, gw_state_files_get(g->state_files, name));
}

enum gw_err gw_wiring_source(struct gw_gateway *g, const struct gw_source_opts *opts,
	struct gw_source **ret_source, struct gw_error *err)
{
	const struct gw_commit_check commit = {
		.last_seq = last_seq, .wait_committed = wait_committed, .arg = g};
	size_t capacity = SAMPLE_RING_MIN;

	while (capacity < 4 * (size_t)opts->n_points)
		capacity *= 2;
	if (gw_source_new(opts, capacity, &g->engine_thread.wake, &commit, ret_source, err))
		return gw_error_wrap(err, "source %s", opts->name);
	if (opts->driver_table->saves_state)
		attach_state_file(g, opts->name, *ret_source);
	return GW_OK;
}

static enum gw_err attach_inputs(struct gw_gateway *g, const struct gw_config *c,
	const struct gw_parts *p, struct gw_engine *e, struct gw_error *err)
{
	enum gw_err rc = gw_engine_add_input(
		e, &g->store_watch.faults, c->store_first_point, GW_STORE_POINTS, err);

	if (!rc) /* main may report any point: of a source that hangs, and the gateway's own */
		rc = gw_engine_add_input(
			e, &g->supervisor.ring, 0, (uint32_t)c->n_points, err);
	for (size_t i = 0; !rc && i < c->n_uplinks; i++)
		rc = gw_engine_add_input(e, p->uplink_faults[i], c->uplink_first_point[i],
			GW_UPLINK_POINTS, err);
	for (size_t i = 0; !rc && i < c->n_sources; i++)
		rc = gw_engine_add_input(e, gw_source_ring(p->sources[i]),
			c->source_first_point[i], c->sources[i].n_points + 1, err);
	return rc;
}

static enum gw_err attach_outputs(struct gw_gateway *g, const struct gw_parts *p,
	struct gw_engine *e, struct gw_error *err)
{
	enum gw_err rc = gw_engine_add_output(
		e, gw_store_events(g->store), gw_store_wake(g->store), err);

	for (size_t i = 0; !rc && i < p->n_uplinks; i++)
		rc = gw_engine_add_output(e, gw_uplink_events(p->uplinks[i]),
			gw_uplink_wake(p->uplinks[i]), err);
	if (!rc)
		rc = gw_engine_add_output(e, gw_alert_log_events(g->alert_log),
			gw_alert_log_wake(g->alert_log), err);
	if (!rc)
		rc = gw_engine_add_output(e, &g->live, &g->wake, err);
	return rc;
}

enum gw_err gw_wiring_engine(struct gw_gateway *g, const struct gw_config *c,
	const struct gw_parts *parts, struct gw_engine **ret_engine, struct gw_error *err)
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
	enum gw_err rc = gw_engine_new(&opts, &e, err);

	if (rc)
		return rc;
	rc = attach_inputs(g, c, parts, e, err);
	if (!rc)
		rc = attach_outputs(g, parts, e, err);
	if (rc) {
		gw_engine_free(e);
		return rc;
	}
	gw_engine_set_tap(e, &g->recorder.tap);
	gw_engine_set_commands(e, &g->commands, &g->replies, &g->wake);
	*ret_engine = e;
	return GW_OK;
}

void gw_wiring_update_view(struct gw_gateway *g)
{
	gw_fd_reserve_set(gw_limits_reserve(g->generation->config));
	g->view = (struct gw_status_view){
		.revision = g->view.revision + 1,
		.config = g->generation->config,
		.engine = g->engine,
		.engine_view = gw_engine_view(g->engine),
		.sources = g->parts.sources,
		.uplinks = g->parts.uplinks,
		.store = g->store,
		.alert_log = g->alert_log,
		.control = g->control ? gw_server_counts(g->control) : NULL,
		.started_ns = g->view.started_ns,
		.run = g->run,
		.uncommitted_since_ns = g->view.uncommitted_since_ns,
		.store_stalled = g->view.store_stalled,
		.synced = atomic_load_explicit(&g->health.synced, memory_order_relaxed),
		.events_lost = g->view.events_lost,
	};
	atomic_store_explicit(
		&g->health.site, &g->generation->config->site, memory_order_release);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "app/reload_plan.h"

#include "app/gateway_internal.h"
#include "app/parts.h"
#include "app/wiring.h"
#include "base/log.h"
#include "conf/compare.h"

#include <stdlib.h>

static enum gw_err no_memory(struct gw_error *err)
{
	return gw_fail(err, GW_ERR_SYSTEM, 0, "out of memory");
}

static bool allocate(const struct gw_gateway *g, struct gw_reload_plan *p)
{
	const struct gw_config *c = p->next->config;

	p->new_source = calloc(c->n_sources + 1, sizeof *p->new_source);
	p->new_uplink = calloc(c->n_uplinks + 1, sizeof *p->new_uplink);
	p->reused_source = calloc(g->parts.n_sources + 1, sizeof *p->reused_source);
	p->reused_uplink = calloc(g->parts.n_uplinks + 1, sizeof *p->reused_uplink);
	p->uplinks = gw_store_uplinks_new();
	return gw_parts_init(&p->parts, c->n_sources, c->n_uplinks) && p->new_source &&
		p->new_uplink && p->reused_source && p->reused_uplink && p->uplinks;
}

/* ---- sources ---- */

static bool reuse_source(struct gw_gateway *g, struct gw_reload_plan *p, size_t i)
{
	const struct gw_source_opts *opts = &p->next->config->sources[i];

	for (size_t k = 0; k < g->parts.n_sources; k++) {
		if (p->reused_source[k] ||
			!gw_config_equal_source(gw_source_opts(g->parts.sources[k]), opts))
			continue;
		p->parts.sources[i] = g->parts.sources[k];
		p->parts.source_generation[i] = g->parts.source_generation[k];
		p->reused_source[k] = true;
		return true;
	}
	return false;
}

static enum gw_err plan_sources(
	struct gw_gateway *g, struct gw_reload_plan *p, struct gw_error *err)
{
	const struct gw_config *c = p->next->config;
	enum gw_err rc = GW_OK;

	for (size_t i = 0; !rc && i < c->n_sources; i++) {
		struct gw_source **s = &p->parts.sources[i];

		if (reuse_source(g, p, i))
			continue;
		p->new_source[i] = true;
		p->parts.source_generation[i] = p->next;
		rc = gw_wiring_source(g, &c->sources[i], s, err);
		if (rc)
			break;
		gw_thread_hold(gw_source_thread(*s));
		rc = gw_source_start(*s, err);
	}
	return rc;
}

/* ---- uplinks ---- */

static bool reuse_uplink(struct gw_gateway *g, struct gw_reload_plan *p, size_t i)
{
	const struct gw_config *old = g->generation->config;

	for (size_t k = 0; k < g->parts.n_uplinks; k++) {
		if (!gw_config_equal_uplink(&old->uplinks[k], &p->next->config->uplinks[i]))
			continue;
		p->parts.uplinks[i] = g->parts.uplinks[k];
		p->parts.uplink_faults[i] = g->parts.uplink_faults[k];
		p->parts.uplink_slots[i] = g->parts.uplink_slots[k];
		p->reused_uplink[k] = true;
		return true;
	}
	return false;
}

static enum gw_err make_uplink(
	struct gw_gateway *g, struct gw_reload_plan *p, size_t i, struct gw_error *err)
{
	struct gw_parts *new = &p->parts;
	enum gw_err rc = gw_store_reserve_slot(g->store, &new->uplink_slots[i], err);

	if (rc)
		return rc;
	p->new_uplink[i] = true;
	rc = gw_wiring_uplink(g, &p->next->config->uplinks[i], new->uplink_slots[i],
		&new->uplinks[i], &new->uplink_faults[i], err);
	if (rc)
		return rc;
	gw_thread_hold(gw_uplink_thread(new->uplinks[i]));
	return gw_uplink_start(new->uplinks[i], err);
}

static enum gw_err plan_uplinks(
	struct gw_gateway *g, struct gw_reload_plan *p, struct gw_error *err)
{
	const struct gw_config *c = p->next->config;
	enum gw_err rc = GW_OK;

	for (size_t i = 0; !rc && i < c->n_uplinks; i++) {
		if (!reuse_uplink(g, p, i))
			rc = make_uplink(g, p, i, err);
		if (!rc &&
			!gw_store_uplinks_add(p->uplinks, p->parts.uplink_slots[i],
				c->uplinks[i].name, c->uplinks[i].url))
			rc = no_memory(err);
	}
	return rc;
}

/* ---- what is not reused ---- */

static bool plan_retired(struct gw_gateway *g, struct gw_reload_plan *p)
{
	for (size_t k = 0; k < g->parts.n_sources + g->parts.n_uplinks; k++) {
		bool source = k < g->parts.n_sources;
		size_t i = source ? k : k - g->parts.n_sources;
		struct gw_retired_part *part;

		if (source ? p->reused_source[i] : p->reused_uplink[i])
			continue;
		part = calloc(1, sizeof *part);
		if (!part)
			return false;
		if (source) {
			part->source = g->parts.sources[i];
			part->generation = g->parts.source_generation[i];
		} else {
			part->uplink = g->parts.uplinks[i];
			part->slot = g->parts.uplink_slots[i];
		}
		part->next = p->retired;
		p->retired = part;
	}
	return true;
}

static void log_plan(const struct gw_gateway *g, const struct gw_reload_plan *p)
{
	const struct gw_config *c = p->next->config;

	for (size_t i = 0; i < c->n_sources; i++)
		gw_log(GW_LOG_DEBUG, "reload: source %s: %s", c->sources[i].name,
			p->new_source[i] ? "new" : "unchanged, keeps running");
	for (size_t i = 0; i < c->n_uplinks; i++)
		gw_log(GW_LOG_DEBUG, "reload: uplink %s: %s", c->uplinks[i].name,
			p->new_uplink[i] ? "new" : "unchanged, keeps running");
	for (size_t i = 0; i < g->parts.n_sources; i++)
		if (!p->reused_source[i])
			gw_log(GW_LOG_DEBUG, "reload: source %s: is stopped",
				gw_source_opts(g->parts.sources[i])->name);
	for (size_t i = 0; i < g->parts.n_uplinks; i++)
		if (!p->reused_uplink[i])
			gw_log(GW_LOG_DEBUG, "reload: uplink %s: is stopped",
				g->generation->config->uplinks[i].name);
}

enum gw_err gw_reload_plan_make(struct gw_gateway *g, struct gw_generation *next,
	struct gw_reload_plan *ret_plan, struct gw_error *err)
{
	struct gw_reload_plan *p = ret_plan;
	enum gw_err rc;

	*p = (struct gw_reload_plan){.next = next};
	if (!allocate(g, p))
		return no_memory(err);
	if ((rc = plan_sources(g, p, err)) || (rc = plan_uplinks(g, p, err)) ||
		(rc = gw_wiring_engine(g, next->config, &p->parts, &p->engine, err)))
		return rc;
	gw_engine_prepare_adopt(p->engine);
	log_plan(g, p);
	return plan_retired(g, p) ? GW_OK : no_memory(err);
}

void gw_reload_plan_drop(struct gw_gateway *g, struct gw_reload_plan *p)
{
	gw_engine_free(p->engine);
	for (size_t i = 0; p->parts.sources && i < p->parts.n_sources; i++)
		if (p->new_source[i])
			gw_source_free(p->parts.sources[i]);
	for (size_t i = 0; p->parts.uplinks && i < p->parts.n_uplinks; i++) {
		if (!p->new_uplink[i])
			continue;
		gw_store_release_slot(g->store, p->parts.uplink_slots[i]);
		gw_uplink_free(p->parts.uplinks[i]);
	}
	while (p->retired) {
		struct gw_retired_part *part = p->retired;

		p->retired = part->next;
		free(part);
	}
	gw_store_uplinks_free(p->uplinks);
	gw_parts_fini(&p->parts);
	free(p->new_source);
	free(p->new_uplink);
	free(p->reused_source);
	free(p->reused_uplink);
	*p = (struct gw_reload_plan){.next = NULL};
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A new configuration beside the running one: sources and uplinks that are set up alike are
 * kept, the others made, with their threads waiting, and an engine over them. All that can fail
 * is in here; nothing that runs is touched.
 */
#include "app/gateway.h"

#include <stdlib.h>

static enum gw_err no_memory(struct gw_error *err)
{
	return gw_fail(err, GW_ERR_SYSTEM, 0, "out of memory");
}

static bool allocate(const struct gw_gateway *g, struct gw_reload_plan *p)
{
	const struct gw_config *c = p->next->config;
	struct gw_parts *new = &p->parts;

	new->sources = calloc(c->n_sources + 1, sizeof *new->sources);
	new->source_generation = calloc(c->n_sources + 1, sizeof *new->source_generation);
	new->uplinks = calloc(c->n_uplinks + 1, sizeof *new->uplinks);
	new->uplink_faults = calloc(c->n_uplinks + 1, sizeof *new->uplink_faults);
	new->uplink_slots = calloc(c->n_uplinks + 1, sizeof *new->uplink_slots);
	p->new_source = calloc(c->n_sources + 1, sizeof *p->new_source);
	p->new_uplink = calloc(c->n_uplinks + 1, sizeof *p->new_uplink);
	p->reused_source = calloc(g->n_sources + 1, sizeof *p->reused_source);
	p->reused_uplink = calloc(g->n_uplinks + 1, sizeof *p->reused_uplink);
	p->sinks = gw_store_uplinks_new();
	return new->sources &&new->source_generation &&new->uplinks &&new
		       ->uplink_faults &&new->uplink_slots &&
		p->new_source && p->new_uplink && p->reused_source && p->reused_uplink &&
		p->sinks;
}

/* ---- sources ---- */

static bool reuse_source(struct gw_gateway *g, struct gw_reload_plan *p, size_t i)
{
	const struct gw_source_opts *opts = &p->next->config->sources[i];

	for (size_t k = 0; k < g->n_sources; k++) {
		if (p->reused_source[k] ||
			!gw_config_equal_source(gw_source_opts(g->sources[k]), opts))
			continue;
		p->parts.sources[i] = g->sources[k];
		p->parts.source_generation[i] = g->source_generation[k];
		p->reused_source[k] = true;
		return true;
	}
	return false;
}

static enum gw_err plan_sources(
	struct gw_gateway *g, struct gw_reload_plan *p, struct gw_error *err)
{
	const struct gw_config *c = p->next->config;
	enum gw_err kind = GW_OK;

	p->parts.n_sources = c->n_sources;
	for (size_t i = 0; !kind && i < c->n_sources; i++) {
		struct gw_source **s = &p->parts.sources[i];

		if (reuse_source(g, p, i))
			continue;
		p->new_source[i] = true;
		p->parts.source_generation[i] = p->next;
		kind = gw_wiring_source(g, &c->sources[i], s, err);
		if (kind)
			break;
		gw_thread_hold(gw_source_thread(*s));
		kind = gw_source_start(*s, err);
	}
	return kind;
}

/* ---- uplinks ---- */

static bool reuse_uplink(struct gw_gateway *g, struct gw_reload_plan *p, size_t i)
{
	const struct gw_config *old = g->generation->config;

	for (size_t k = 0; k < g->n_uplinks; k++) {
		if (!gw_config_equal_uplink(&old->uplinks[k], &p->next->config->uplinks[i]))
			continue;
		p->parts.uplinks[i] = g->uplinks[k];
		p->parts.uplink_faults[i] = g->uplink_faults[k];
		p->parts.uplink_slots[i] = g->uplink_slots[k];
		p->reused_uplink[k] = true;
		return true;
	}
	return false;
}

static enum gw_err make_uplink(
	struct gw_gateway *g, struct gw_reload_plan *p, size_t i, struct gw_error *err)
{
	struct gw_parts *new = &p->parts;
	enum gw_err kind = gw_store_reserve_slot(g->store, &new->uplink_slots[i], err);

	if (kind)
		return kind;
	p->new_uplink[i] = true;
	kind = gw_wiring_uplink(g, &p->next->config->uplinks[i], new->uplink_slots[i],
		&new->uplinks[i], &new->uplink_faults[i], err);
	if (kind)
		return kind;
	gw_thread_hold(gw_uplink_thread(new->uplinks[i]));
	return gw_uplink_start(new->uplinks[i], err);
}

static enum gw_err plan_uplinks(
	struct gw_gateway *g, struct gw_reload_plan *p, struct gw_error *err)
{
	const struct gw_config *c = p->next->config;
	enum gw_err kind = GW_OK;

	p->parts.n_uplinks = c->n_uplinks;
	for (size_t i = 0; !kind && i < c->n_uplinks; i++) {
		if (!reuse_uplink(g, p, i))
			kind = make_uplink(g, p, i, err);
		if (!kind &&
			!gw_store_uplinks_add(p->sinks, p->parts.uplink_slots[i],
				c->uplinks[i].name, c->uplinks[i].url))
			kind = no_memory(err);
	}
	return kind;
}

/* ---- what leaves ---- */

static bool plan_retired(struct gw_gateway *g, struct gw_reload_plan *p)
{
	for (size_t k = 0; k < g->n_sources + g->n_uplinks; k++) {
		bool source = k < g->n_sources;
		size_t i = source ? k : k - g->n_sources;
		struct gw_retired_part *l;

		if (source ? p->reused_source[i] : p->reused_uplink[i])
			continue;
		l = calloc(1, sizeof *l);
		if (!l)
			return false;
		if (source) {
			l->source = g->sources[i];
			l->from = g->source_generation[i];
		} else {
			l->uplink = g->uplinks[i];
			l->slot = g->uplink_slots[i];
		}
		l->next = p->retired;
		p->retired = l;
	}
	return true;
}

enum gw_err gw_reload_plan_make(struct gw_gateway *g, struct gw_generation *next,
	struct gw_reload_plan *ret_plan, struct gw_error *err)
{
	struct gw_reload_plan *p = ret_plan;
	enum gw_err kind;

	*p = (struct gw_reload_plan){.next = next};
	if (!allocate(g, p))
		return no_memory(err);
	if ((kind = plan_sources(g, p, err)) || (kind = plan_uplinks(g, p, err)) ||
		(kind = gw_wiring_engine(g, next->config, &p->parts, &p->engine, err)))
		return kind;
	gw_engine_prepare_adopt(p->engine);
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
		struct gw_retired_part *l = p->retired;

		p->retired = l->next;
		free(l);
	}
	gw_store_uplinks_free(p->sinks);
	free(p->parts.sources);
	free(p->parts.source_generation);
	free(p->parts.uplinks);
	free(p->parts.uplink_faults);
	free(p->parts.uplink_slots);
	free(p->new_source);
	free(p->new_uplink);
	free(p->reused_source);
	free(p->reused_uplink);
	*p = (struct gw_reload_plan){.next = NULL};
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "app/parts.h"

#include "app/gateway_internal.h"

#include <stdlib.h>

bool gw_parts_init(struct gw_parts *p, size_t n_sources, size_t n_uplinks)
{
	*p = (struct gw_parts){
		.sources = calloc(n_sources + 1, sizeof *p->sources),
		.source_generation = calloc(n_sources + 1, sizeof *p->source_generation),
		.uplinks = calloc(n_uplinks + 1, sizeof *p->uplinks),
		.uplink_faults = calloc(n_uplinks + 1, sizeof *p->uplink_faults),
		.uplink_slots = calloc(n_uplinks + 1, sizeof *p->uplink_slots),
	};
	if (!p->sources || !p->source_generation || !p->uplinks || !p->uplink_faults ||
		!p->uplink_slots)
		return false;
	p->n_sources = n_sources;
	p->n_uplinks = n_uplinks;
	return true;
}

void gw_parts_fini(struct gw_parts *p)
{
	free(p->sources);
	free(p->source_generation);
	free(p->uplinks);
	free(p->uplink_faults);
	free(p->uplink_slots);
	*p = (struct gw_parts){.n_sources = 0};
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * generation.h: loaded configurations and how long they live. Sources have their options in
 * a configuration, events refer to its texts. Whether one is still in use is found out by
 * looking at the sources and the rings; nothing counts references.
 *
 * struct gw_generation: gateway_internal.h.
 * Owner: the gateway's list. Thread: main.
 */
#ifndef GW_APP_GENERATION_H
#define GW_APP_GENERATION_H

#include <stdbool.h>

struct gw_config;
struct gw_gateway;
struct gw_generation;

/* NULL: no memory; config is then still the caller's. */
struct gw_generation *gw_generation_new(struct gw_config *config);
/* Frees each replaced one from which no source was made and to which no event in any ring
 * can refer. all: every one, at the end. */
void gw_generation_sweep(struct gw_gateway *g, bool all);

#endif

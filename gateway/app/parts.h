/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parts.h: the sources and uplinks of a configuration.
 *
 * The running parts are in gw_gateway.parts, those of a reload that is prepared in its
 * plan. When the plan is put into effect, the two structs are swapped as a whole: no count
 * and no array is changed by itself.
 *
 * struct gw_parts: gateway_internal.h.
 * Thread: main. Life: init, ..., fini.
 */
#ifndef GW_APP_PARTS_H
#define GW_APP_PARTS_H

#include <stdbool.h>
#include <stddef.h>

struct gw_parts;

/* Arrays for so many, all NULL. False: no memory; fini is then still needed. */
bool gw_parts_init(struct gw_parts *p, size_t n_sources, size_t n_uplinks);
/* Frees the arrays, not the sources and uplinks. Zeroed or twice is fine. */
void gw_parts_fini(struct gw_parts *p);

#endif

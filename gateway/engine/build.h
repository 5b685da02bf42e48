/* SPDX-License-Identifier: Apache-2.0 */
/*
 * build.h: all tables of an engine, made once from its options.
 */
#ifndef GW_ENGINE_BUILD_H
#define GW_ENGINE_BUILD_H

#include "engine/engine_internal.h"

enum gw_err gw_build_tables(struct gw_engine *e, struct gw_error *err);
/* Whatever of them exists. */
void gw_build_free(struct gw_engine *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * key_index.h: alarms and points by key, for restore and reload. The indexes are made when first
 * needed and dropped once the engine runs.
 */
#ifndef GW_ENGINE_KEY_INDEX_H
#define GW_ENGINE_KEY_INDEX_H

#include "engine/engine_internal.h"

/* NULL: no such alarm. Without memory for the index it searches from end to end. */
struct gw_alarm *gw_key_index_find_alarm(struct gw_engine *e, const char *key);
/* n_points: no such point. Searches from end to end unless gw_key_index_make was called. */
size_t gw_key_index_find_point(const struct gw_engine *e, const char *key);
/* Both indexes, so that the searches that follow are fast. */
void gw_key_index_make(struct gw_engine *e);
void gw_key_index_free(struct gw_engine *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_cell.h: fields of the daemon's documents as text for one cell of a table.
 *
 * Thread: any. Pure.
 */
#ifndef GW_CTL_JSON_CELL_H
#define GW_CTL_JSON_CELL_H

#include <jansson.h>
#include <stdbool.h>

/* Memory of one text; the next call with it overwrites the text. */
struct gw_json_cell {
	char at[160];
};

/* A string; "" if it is missing or none. */
const char *gw_json_cell_text(const json_t *o, const char *key);
/* A whole number; 0 if it is missing or none. */
long long gw_json_cell_int(const json_t *o, const char *key);
bool gw_json_cell_is_number(const json_t *o, const char *key);

/* Each "" if the field is missing or null. */
const char *gw_json_cell_number(struct gw_json_cell *c, const json_t *o, const char *key);
const char *gw_json_cell_age(struct gw_json_cell *c, const json_t *o, const char *key);
const char *gw_json_cell_local_time(
	struct gw_json_cell *c, const json_t *o, const char *key);
/* "building/floor/room" */
const char *gw_json_cell_place(struct gw_json_cell *c, const json_t *o);

#endif

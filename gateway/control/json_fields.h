/* SPDX-License-Identifier: Apache-2.0 */
/* json_fields.h: JSON fields that several replies of the control socket share. Thread:
 * any; pure. */
#ifndef GW_CONTROL_JSON_FIELDS_H
#define GW_CONTROL_JSON_FIELDS_H

#include "base/text.h"
#include "flow/event.h"

#include <stdint.h>

/* UTC as RFC 3339; null for 0. */
void gw_json_fields_time(struct gw_text *t, const char *key, int64_t wall_ms);
/* now_ns - then_ns in milliseconds; null if then_ns is 0 (never). */
void gw_json_fields_age(
	struct gw_text *t, const char *key, int64_t then_ns, int64_t now_ns);
void gw_json_fields_count(struct gw_text *t, const char *key, uint64_t n);
/* "place": {"building", "floor", "room"} */
void gw_json_fields_place(struct gw_text *t, const struct gw_place_info *place);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* json_fields.h: members that the documents of status.h have in common. Thread: any; pure. */
#ifndef GW_CONTROL_JSON_FIELDS_H
#define GW_CONTROL_JSON_FIELDS_H

#include "base/text.h"

#include <stdint.h>

/* UTC after RFC 3339; null for 0. */
void gw_json_fields_time(struct gw_text *t, const char *key, int64_t wall_ms);
/* In milliseconds; null for a time that never was. */
void gw_json_fields_age(
	struct gw_text *t, const char *key, int64_t then_ns, int64_t now_ns);
void gw_json_fields_count(struct gw_text *t, const char *key, uint64_t n);

#endif

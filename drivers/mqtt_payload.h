/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mqtt_payload.h: the bytes of one MQTT message as values. A payload is a bare number or word, or
 * JSON in which a JSON pointer (RFC 6901) finds the value. A value is taken if its pointer
 * leads to exactly one place and it is one number (or, for a bool, one known word), whatever is
 * wrong with the rest of the message; see mqtt_json.h.
 *
 * Owner: the caller, of bytes too, which must stay until the last read. Thread: one. Pure, no I/O.
 * Life: init, read...
 */
#ifndef GW_DRIVERS_MQTT_PAYLOAD_H
#define GW_DRIVERS_MQTT_PAYLOAD_H

#include "base/error.h"
#include "drivers/mqtt_json.h"

#include <stdbool.h>
#include <stddef.h>

#define GW_MQTT_PAYLOAD_MAX ((size_t)256 * 1024)

struct gw_mqtt_payload {
	const char *bytes;
	size_t size;
	struct gw_mqtt_json_damage damage; /* found so far, by reads that looked for JSON */
};

/* What to look up in a payload for one point. */
struct gw_mqtt_lookup {
	const char *path; /* JSON pointer, "" is the whole; NULL: found by name */
	const char *name; /* the field called so; if alone, also the payload as a whole */
	bool alone;       /* the device has no other point */
	bool is_bool;
	const char *unit; /* what the point is measured in; "" or NULL: nothing */
};

enum gw_mqtt_lookup_result {
	GW_MQTT_ABSENT, /* not in this message */
	GW_MQTT_VALUE,
	GW_MQTT_UNREADABLE, /* there without a number, twice, or after damage */
};

void gw_mqtt_payload_init(struct gw_mqtt_payload *p, const void *bytes, size_t size);
/* A number: decimal, also with a leading plus or a point without digits on one side of it, as text
 * also with the point's own unit behind it. A bool: 0, 1, true/false, on/off, open/closed,
 * detected/clear, in any case of letters; 0 or 1 comes out. Text may be padded with white space
 * or NUL. ret_value is set if GW_MQTT_VALUE. */
enum gw_mqtt_lookup_result gw_mqtt_payload_read(
	struct gw_mqtt_payload *p, const struct gw_mqtt_lookup *lookup, double *ret_value);

/* Whether path is "" or a well-formed JSON pointer. */
enum gw_err gw_mqtt_payload_check_path(const char *path, struct gw_error *err);

#endif

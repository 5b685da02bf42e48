/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mqtt_payload.h: the bytes of one MQTT message as values. A payload is a bare number or word,
 * or JSON (RFC 8259, duplicate keys refused) in which a JSON pointer (RFC 6901) finds the value.
 * What is not exactly one number (or, for a bool, one known word) is no value.
 *
 * Owner: the caller, of bytes too, which must stay until fini. Thread: one. Pure, no I/O.
 * Life: init, read..., fini.
 */
#ifndef GW_DRIVERS_MQTT_PAYLOAD_H
#define GW_DRIVERS_MQTT_PAYLOAD_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

#define GW_MQTT_PAYLOAD_MAX ((size_t)256 * 1024)

struct json_t;

struct gw_mqtt_payload {
	const char *bytes;
	size_t size;
	bool parsed; /* looked at as JSON already, for several points of one message */
	struct json_t *root; /* NULL: not JSON */
};

/* What one point wants of a payload. */
struct gw_mqtt_want {
	const char *path; /* JSON pointer, "" is the whole; NULL: found by name */
	const char *name; /* the member called so; if alone, also the payload as a whole */
	bool alone;       /* the device has no other point */
	bool is_bool;
};

void gw_mqtt_payload_init(struct gw_mqtt_payload *p, const void *bytes, size_t size);
void gw_mqtt_payload_fini(struct gw_mqtt_payload *p); /* twice is fine */

/* A number: decimal as in JSON, or a JSON string that holds one and nothing else. A bool: 0, 1,
 * true/false, on/off, open/closed, detected/clear, in any case of letters; 0 or 1 comes out.
 * False: there is no such value; ret_value is untouched. */
bool gw_mqtt_payload_read(
	struct gw_mqtt_payload *p, const struct gw_mqtt_want *want, double *ret_value);

/* Whether path is "" or a well-formed JSON pointer. */
enum gw_err gw_mqtt_payload_check_path(const char *path, struct gw_error *err);

#endif

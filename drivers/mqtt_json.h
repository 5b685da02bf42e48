/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mqtt_json.h: finds one value in a JSON text (RFC 8259) by a JSON pointer (RFC 6901), even if the
 * text is damaged elsewhere. Names and values are separated by quotes, brackets and commas alone,
 * so a word that is no JSON, bytes of another encoding or a control character damage only the value
 * they are in. Where the quotes, brackets or commas do not match, or the text is cut off, nothing
 * after that place is used.
 *
 * Owner: the caller, of the text. Thread: any. Pure: one pass over the text for each name of the
 * pointer, no allocation, depth bounded.
 */
#ifndef GW_DRIVERS_MQTT_JSON_H
#define GW_DRIVERS_MQTT_JSON_H

#include <stdbool.h>
#include <stddef.h>

#define GW_MQTT_JSON_DEPTH 64  /* of values in values */
#define GW_MQTT_JSON_NAME  256 /* bytes of a name in a pointer, and a NUL */

/* What is wrong with a text, where it is first. */
struct gw_mqtt_json_damage {
	const char *what; /* static text; NULL: nothing */
	size_t at;        /* bytes before it */
};

enum gw_mqtt_json_found {
	GW_MQTT_JSON_ABSENT, /* not in the text */
	GW_MQTT_JSON_FOUND,
	GW_MQTT_JSON_AMBIGUOUS, /* there twice, without a value, or after damage */
};

/* path: a well-formed pointer that is not ""; or, if is_name, the name of one field of the
 * outermost object, as it is. ret_value, ret_size: the text of the value, which is delimited: a
 * string with its quotes, a container, or what stands between two delimiters, not checked.
 * ret_damage: of the whole text, the value included; set in any case. */
enum gw_mqtt_json_found gw_mqtt_json_find(const char *text, size_t size, const char *path,
	bool is_name, const char **ret_value, size_t *ret_size,
	struct gw_mqtt_json_damage *ret_damage);

#endif

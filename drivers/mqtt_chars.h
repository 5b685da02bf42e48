/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mqtt_chars.h: the characters of a JSON string (RFC 8259, 7), one by one and as a whole.
 *
 * Owner: the caller, of all texts. Thread: any. Pure.
 */
#ifndef GW_DRIVERS_MQTT_CHARS_H
#define GW_DRIVERS_MQTT_CHARS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* White space between tokens. */
static inline bool gw_mqtt_chars_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* One character at *at, which is before end: its code, or -1 if it is damaged; *at is behind it.
 * Bytes over 0x7f are left to who looks at the whole. */
int32_t gw_mqtt_chars_next(const char **at, const char *end);

/* What is between two quotes, without escapes, with a NUL behind it. False: it is damaged, has a
 * NUL in it, or no room. */
bool gw_mqtt_chars_decode(const char *at, const char *end, char *to, size_t size);

/* A string's text, quotes included, as UTF-8 with a NUL behind it. White space and NUL, written
 * either way, are left out at both ends. False: it is damaged, or longer than size - 5. */
bool gw_mqtt_chars_string(const char *text, size_t n, char *ret_string, size_t size);

#endif

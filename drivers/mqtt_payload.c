/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/mqtt_payload.h"

#include "base/parse.h"
#include "drivers/mqtt_chars.h"

#include <math.h>
#include <string.h>
#include <strings.h>

/* 24 characters write any double; longer texts are no measurements. */
#define SCALAR_MAX 63
#define STRING_MAX 512 /* with what pads it */

static const struct {
	const char *word;
	bool value;
} words[] = {
	{"0", false},
	{"1", true},
	{"false", false},
	{"true", true},
	{"off", false},
	{"on", true},
	{"closed", false},
	{"open", true},
	{"clear", false},
	{"detected", true},
};

void gw_mqtt_payload_init(struct gw_mqtt_payload *p, const void *bytes, size_t size)
{
	*p = (struct gw_mqtt_payload){.bytes = size ? bytes : "", .size = size};
}

static size_t digits(const char *s)
{
	return strspn(s, "0123456789");
}

/* A decimal with an optional sign and a digit at least. Its length, 0: it is none. */
static size_t decimal(const char *s)
{
	size_t n = *s == '+' || *s == '-', whole = digits(s + n), part = 0;

	n += whole;
	if (s[n] == '.') {
		part = digits(s + n + 1);
		n += 1 + part;
	}
	if (whole + part == 0)
		return 0;
	if (s[n] == 'e' || s[n] == 'E') {
		size_t sign = s[n + 1] == '+' || s[n + 1] == '-';
		size_t exponent = digits(s + n + 1 + sign);

		n += exponent ? 1 + sign + exponent : 0;
	}
	return n;
}

/* As strict as numbers in a configuration, except that a leading plus, a point without digits on
 * one side, and the unit of the point at the end are accepted. */
static bool read_number(const char *text, const char *unit, double *ret_value)
{
	size_t n = decimal(text), from = *text == '+', used = 0;
	const char *tail = text + n;
	char strict[STRING_MAX + 2];

	while (*tail == ' ')
		tail++;
	if (n == 0 || (*tail && (!unit || !*unit || strcmp(tail, unit) != 0)))
		return false;
	for (size_t i = from; i < n; i++) {
		bool digit_before = i > from && text[i - 1] >= '0' && text[i - 1] <= '9';

		if (text[i] == '.' && !digit_before)
			strict[used++] = '0';
		if (text[i] == '.' && digits(text + i + 1) == 0)
			continue;
		strict[used++] = text[i];
	}
	strict[used] = '\0';
	return gw_parse_double(strict, ret_value, NULL) == GW_OK;
}

/* text: trimmed, at most SCALAR_MAX. */
static bool read_text(
	const char *text, const struct gw_mqtt_lookup *lookup, double *ret_value)
{
	if (!lookup->is_bool)
		return read_number(text, lookup->unit, ret_value);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcasecmp(text, words[i].word) == 0) {
			*ret_value = words[i].value;
			return true;
		}
	}
	return false;
}

/* A value in a JSON text that is neither string nor container. */
static bool read_literal(const char *text, bool is_bool, double *ret_value)
{
	double number;

	if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
		if (is_bool)
			*ret_value = *text == 't';
		return is_bool;
	}
	if (!read_number(text, NULL, &number) || (is_bool && number != 0 && number != 1))
		return false;
	*ret_value = number;
	return true;
}

/* size - 1 bytes at most, none of them NUL. */
static bool copy(const char *bytes, size_t n, char *ret_text, size_t size)
{
	if (n == 0 || n >= size || memchr(bytes, '\0', n))
		return false;
	memcpy(ret_text, bytes, n);
	ret_text[n] = '\0';
	return true;
}

static bool read_string(
	const char *value, size_t n, const struct gw_mqtt_lookup *lookup, double *ret_value)
{
	char text[STRING_MAX];

	return gw_mqtt_chars_string(value, n, text, sizeof(text)) &&
		strlen(text) <= SCALAR_MAX && read_text(text, lookup, ret_value);
}

static bool read_json(
	const char *value, size_t n, const struct gw_mqtt_lookup *lookup, double *ret_value)
{
	char text[STRING_MAX];

	if (n && *value == '"')
		return read_string(value, n, lookup, ret_value);
	return copy(value, n, text, sizeof(text)) &&
		read_literal(text, lookup->is_bool, ret_value);
}

/* The payload without what pads it. */
static const char *trim(const struct gw_mqtt_payload *p, size_t *ret_n)
{
	static const char padding[] = " \t\r\n"; /* and its NUL */
	const char *at = p->bytes, *end = at + p->size;

	if (p->size >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0)
		at += 3;
	while (at < end && memchr(padding, *at, sizeof(padding)))
		at++;
	while (at < end && memchr(padding, end[-1], sizeof(padding)))
		end--;
	*ret_n = (size_t)(end - at);
	return at;
}

/* The payload as a number, a word or a JSON string. */
static bool read_whole(const struct gw_mqtt_payload *p, const struct gw_mqtt_lookup *lookup,
	double *ret_value)
{
	char text[SCALAR_MAX + 1];
	size_t n;
	const char *at = trim(p, &n);

	if (n && *at == '"')
		return read_string(at, n, lookup, ret_value);
	return copy(at, n, text, sizeof(text)) &&
		(read_text(text, lookup, ret_value) ||
			read_literal(text, lookup->is_bool, ret_value));
}

enum gw_mqtt_lookup_result gw_mqtt_payload_read(
	struct gw_mqtt_payload *p, const struct gw_mqtt_lookup *lookup, double *ret_value)
{
	bool whole = lookup->path ? lookup->path[0] == '\0' : lookup->alone;
	const char *value;
	size_t n;

	if (p->size > GW_MQTT_PAYLOAD_MAX)
		return GW_MQTT_UNREADABLE;
	if (whole && read_whole(p, lookup, ret_value))
		return GW_MQTT_VALUE;
	if (lookup->path && whole)
		return GW_MQTT_UNREADABLE;
	switch (gw_mqtt_json_find(p->bytes, p->size,
		lookup->path ? lookup->path : lookup->name, lookup->path == NULL, &value,
		&n, &p->damage)) {
	case GW_MQTT_JSON_ABSENT: return GW_MQTT_ABSENT;
	case GW_MQTT_JSON_AMBIGUOUS: return GW_MQTT_UNREADABLE;
	case GW_MQTT_JSON_FOUND: break;
	}
	return read_json(value, n, lookup, ret_value) ? GW_MQTT_VALUE : GW_MQTT_UNREADABLE;
}

enum gw_err gw_mqtt_payload_check_path(const char *path, struct gw_error *err)
{
	const char *token = path;

	if (*path != '\0' && *path != '/')
		return gw_fail(err, GW_ERR_CONFIG, 0,
			"\"%s\" is not a JSON pointer (did you mean /%s?)", path, path);
	for (const char *at = path; *at; at++) {
		if (*at == '~' && at[1] != '0' && at[1] != '1')
			return gw_fail(err, GW_ERR_CONFIG, 0,
				"\"%s\": in a JSON pointer ~ is written ~0 and / inside a name ~1",
				path);
		if (*at == '/')
			token = at;
		if (at - token > 250)
			return gw_fail(
				err, GW_ERR_CONFIG, 0, "a name of this path is too long");
	}
	return GW_OK;
}

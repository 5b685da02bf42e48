/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/mqtt_payload.h"

#include "base/parse.h"

#include <jansson.h>
#include <math.h>
#include <string.h>
#include <strings.h>

/* No double needs more to be written exactly enough; longer texts are not measurements. */
#define SCALAR_MAX 63

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
	*p = (struct gw_mqtt_payload){.bytes = bytes, .size = size};
}

void gw_mqtt_payload_fini(struct gw_mqtt_payload *p)
{
	json_decref(p->root);
	p->root = NULL;
}

static bool read_text(const char *text, bool is_bool, double *ret_value)
{
	if (!is_bool)
		return gw_parse_double(text, ret_value, NULL) == GW_OK;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcasecmp(text, words[i].word) == 0) {
			*ret_value = words[i].value;
			return true;
		}
	}
	return false;
}

static bool read_json(const json_t *value, bool is_bool, double *ret_value)
{
	double number;

	if (json_is_string(value))
		return read_text(json_string_value(value), is_bool, ret_value);
	if (json_is_boolean(value)) {
		if (is_bool)
			*ret_value = json_is_true(value);
		return is_bool;
	}
	if (!json_is_number(value))
		return false;
	number = json_number_value(value);
	if (!isfinite(number) || (is_bool && number != 0 && number != 1))
		return false;
	*ret_value = number;
	return true;
}

/* The payload as a bare number or word. */
static bool read_bare(const struct gw_mqtt_payload *p, bool is_bool, double *ret_value)
{
	char text[SCALAR_MAX + 1];

	if (p->size == 0 || p->size > SCALAR_MAX || memchr(p->bytes, '\0', p->size))
		return false;
	memcpy(text, p->bytes, p->size);
	text[p->size] = '\0';
	return read_text(text, is_bool, ret_value);
}

static const json_t *root(struct gw_mqtt_payload *p)
{
	/* Integers as doubles: those beyond 64 bits are numbers too. A number beyond a double
	 * is an error either way. */
	const size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY |
		JSON_DECODE_INT_AS_REAL;

	/* jansson 2.14 skips NUL bytes: 1 NUL 2 would be 12. */
	if (!p->parsed && p->size > 0 && p->size <= GW_MQTT_PAYLOAD_MAX &&
		!memchr(p->bytes, '\0', p->size))
		p->root = json_loadb(p->bytes, p->size, flags, NULL);
	p->parsed = true;
	return p->root;
}

/* One step of a pointer: the token at path, which ends at '/' or NUL, is unescaped in place of
 * key. False if it does not fit. */
static bool next_token(const char **path, char *key, size_t size)
{
	const char *from = *path;
	size_t n = 0;

	for (; *from && *from != '/'; from++) {
		char c = *from;

		if (c == '~')
			c = *++from == '1' ? '/' : '~';
		if (n + 1 >= size)
			return false;
		key[n++] = c;
	}
	key[n] = '\0';
	*path = from;
	return true;
}

static const json_t *element(const json_t *array, const char *index)
{
	int64_t at;

	/* No leading zeros, no sign: RFC 6901, 4 */
	if (index[0] < '0' || index[0] > '9' || strchr(index, 'x') ||
		gw_parse_int(index, 0, INT32_MAX, &at, NULL) != GW_OK)
		return NULL;
	return json_array_get(array, (size_t)at);
}

static const json_t *find(const json_t *value, const char *path)
{
	char key[256];

	while (value && *path == '/') {
		path++;
		if (!next_token(&path, key, sizeof(key)))
			return NULL;
		value = json_is_array(value) ? element(value, key)
					     : json_object_get(value, key);
	}
	return value;
}

bool gw_mqtt_payload_read(
	struct gw_mqtt_payload *p, const struct gw_mqtt_want *want, double *ret_value)
{
	bool whole = want->path ? want->path[0] == '\0' : want->alone;
	const json_t *top;

	if (whole && read_bare(p, want->is_bool, ret_value))
		return true;
	top = root(p);
	if (!top)
		return false;
	if (want->path)
		return read_json(find(top, want->path), want->is_bool, ret_value);
	if (json_is_object(top))
		top = json_object_get(top, want->name);
	else if (!want->alone)
		return false;
	return read_json(top, want->is_bool, ret_value);
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
				"\"%s\": in a JSON pointer ~ is written ~0 and / inside a "
				"name ~1",
				path);
		if (*at == '/')
			token = at;
		if (at - token > 250)
			return gw_fail(
				err, GW_ERR_CONFIG, 0, "a name of this path is too long");
	}
	return GW_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "uplink/accept.h"

#include "base/parse.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define QUOTED_MAX 60 /* bytes of what was read */
#define TOKEN_MAX  256

const char *const gw_accept_words[] = {"any", NULL};

static bool has_prefix(const char *body, size_t n, const char *with)
{
	size_t length = strlen(with);

	return n >= length && strncasecmp(body, with, length) == 0;
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

bool gw_accept_is_html(const char *body, size_t n)
{
	static const char mark[] = "\xef\xbb\xbf";

	while (n > 0 && (is_space(*body) || has_prefix(body, n, mark))) {
		size_t skip = is_space(*body) ? 1 : strlen(mark);

		body += skip;
		n -= skip;
	}
	return has_prefix(body, n, "<!doctype html") || has_prefix(body, n, "<html");
}

static const char escape[] = "in a JSON pointer ~ is written ~0, and / in a name ~1",
		  too_long[] = "a name in a JSON pointer has 255 bytes at most";

/* One reference token, unescaped; where the next begins, or NULL and what is wrong. */
static const char *next_token(
	const char *pointer, char token[TOKEN_MAX], const char **ret_wrong)
{
	size_t n = 0;

	for (pointer++; *pointer && *pointer != '/'; pointer++) {
		char c = *pointer;

		if (c == '~') {
			pointer++;
			if (*pointer != '0' && *pointer != '1') {
				*ret_wrong = escape;
				return NULL;
			}
			c = *pointer == '0' ? '~' : '/';
		}
		if (n == TOKEN_MAX - 1) {
			*ret_wrong = too_long;
			return NULL;
		}
		token[n++] = c;
	}
	token[n] = '\0';
	return pointer;
}

const char *gw_accept_pointer_error(const char *pointer)
{
	const char *wrong = NULL;
	char token[TOKEN_MAX];

	if (*pointer != '/')
		return "a JSON pointer begins with / (such as /errcode)";
	while (pointer && *pointer)
		pointer = next_token(pointer, token, &wrong);
	return wrong;
}

static const json_t *value_at(const json_t *v, const char *pointer)
{
	char token[TOKEN_MAX];
	const char *wrong;
	int64_t index;

	while (v && *pointer) {
		pointer = next_token(pointer, token, &wrong);
		if (!pointer)
			return NULL;
		if (json_is_array(v))
			v = gw_parse_int(token, 0, INT32_MAX, &index, NULL) == GW_OK
				? json_array_get(v, (size_t)index)
				: NULL;
		else
			v = json_object_get(v, token);
	}
	return v;
}

static bool equals_number(const json_t *v, const char *text)
{
	int64_t integer;
	double number;

	if (json_typeof(v) == JSON_INTEGER &&
		gw_parse_int(text, INT64_MIN, INT64_MAX, &integer, NULL) == GW_OK)
		return json_integer_value(v) == integer;
	return gw_parse_double(text, &number, NULL) == GW_OK &&
		!(json_number_value(v) < number) && !(json_number_value(v) > number);
}

static bool is_expected(const json_t *v, const struct gw_setting_pair *want)
{
	switch (json_typeof(v)) {
	case JSON_STRING:
		return json_string_length(v) == strlen(want->value) &&
			strcmp(json_string_value(v), want->value) == 0;
	case JSON_INTEGER:
	case JSON_REAL: return !want->quoted && equals_number(v, want->value);
	case JSON_TRUE: return !want->quoted && strcmp(want->value, "true") == 0;
	case JSON_FALSE: return !want->quoted && strcmp(want->value, "false") == 0;
	case JSON_NULL: return !want->quoted && strcmp(want->value, "null") == 0;
	case JSON_OBJECT:
	case JSON_ARRAY: break;
	}
	return false;
}

static void quote(struct gw_text *why, const json_t *v)
{
	char *text = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);
	size_t n = text ? strlen(text) : 0;

	gw_text_add_n(why, text ? text : "", n > QUOTED_MAX ? QUOTED_MAX : n);
	gw_text_add(why, n > QUOTED_MAX ? "..." : "");
	free(text);
}

bool gw_accept_matches(const struct gw_setting_pairs *expected, const char *body, size_t n,
	struct gw_text *why)
{
	json_t *document = json_loadb(body, n, JSON_DECODE_ANY, NULL);
	bool good = document != NULL;

	if (!document)
		gw_text_add(why, n == 0 ? "but no body" : "but its body is not JSON");
	for (size_t i = 0; good && i < expected->n; i++) {
		const struct gw_setting_pair *want = &expected->at[i];
		const json_t *v = value_at(document, want->key);

		good = v && is_expected(v, want);
		if (good)
			continue;
		if (v) {
			gw_text_addf(why, "but %s is ", want->key);
			quote(why, v);
			gw_text_addf(why, ", not %s", want->value);
		} else {
			gw_text_addf(why, "but there is no %s", want->key);
		}
	}
	json_decref(document);
	return good;
}

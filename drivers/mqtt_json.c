/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/mqtt_json.h"

#include "base/parse.h"
#include "drivers/mqtt_chars.h"

#include <stdint.h>
#include <string.h>

struct scan {
	const char *begin, *at, *end;
	struct gw_mqtt_json_damage *damage;
};

/* Of the field or element that is looked for. */
struct candidate {
	const char *at, *end; /* the first one's value; end NULL: it is not delimited */
	unsigned n;
	bool unclear; /* it has no value, or its index is not known */
};

static void note_damage(struct scan *s, const char *at, const char *what)
{
	if (s->damage->what)
		return;
	s->damage->what = what;
	s->damage->at = (size_t)(at - s->begin);
}

/* Quotes, brackets or commas do not match from here on. */
static bool stop(struct scan *s, const char *what)
{
	note_damage(s, s->at, s->at == s->end ? "it ends in the middle" : what);
	return false;
}

static void skip_space(struct scan *s)
{
	while (s->at < s->end && gw_mqtt_chars_space(*s->at))
		s->at++;
}

static bool next_is(const struct scan *s, char c)
{
	return s->at < s->end && *s->at == c;
}

/* Behind the closing quote. */
static bool skip_string(struct scan *s)
{
	const char *from = ++s->at;

	while (s->at < s->end && *s->at != '"') {
		const char *was = s->at;

		if (gw_mqtt_chars_next(&s->at, s->end) <= 0)
			note_damage(
				s, was, "a string has a character that cannot be in one");
	}
	if (s->at == s->end)
		return stop(s, "");
	if (!gw_parse_utf8(from, (size_t)(s->at - from)))
		note_damage(s, from, "it is not UTF-8");
	s->at++;
	return true;
}

static bool is_number(const char *at, size_t n)
{
	size_t i = n && (*at == '-' || *at == '+'), digits = 0;

	if (i + 1 < n && at[i] == '0' && at[i + 1] >= '0' && at[i + 1] <= '9')
		return false;
	for (; i < n && at[i] >= '0' && at[i] <= '9'; i++)
		digits++;
	if (i < n && at[i] == '.')
		for (i++; i < n && at[i] >= '0' && at[i] <= '9'; i++)
			digits++;
	if (digits == 0)
		return false;
	if (i == n)
		return true;
	if (at[i] != 'e' && at[i] != 'E')
		return false;
	i++;
	i += i < n && (at[i] == '-' || at[i] == '+');
	if (i == n)
		return false;
	while (i < n && at[i] >= '0' && at[i] <= '9')
		i++;
	return i == n;
}

static bool is_word(const char *at, size_t n, const char *word)
{
	return n == strlen(word) && memcmp(at, word, n) == 0;
}

/* Up to the comma or bracket that ends it. ret_end: without white space. */
static bool skip_scalar(struct scan *s, const char **ret_end)
{
	const char *from = s->at;
	size_t n;

	for (; s->at < s->end && !strchr(",}]", *s->at ? *s->at : 'x'); s->at++)
		if (*s->at == '"' || *s->at == '{' || *s->at == '[')
			return stop(s, "a comma or a quote is missing");
	*ret_end = s->at;
	while (*ret_end > from && gw_mqtt_chars_space((*ret_end)[-1]))
		--*ret_end;
	n = (size_t)(*ret_end - from);
	if (n == 0)
		note_damage(s, from, "a value is missing");
	else if (!is_number(from, n) && !is_word(from, n, "true") &&
		!is_word(from, n, "false") && !is_word(from, n, "null"))
		note_damage(s, from, "a value is not JSON");
	return true;
}

static bool skip_object(
	struct scan *s, unsigned depth, const char *name, struct candidate *candidate);
static bool skip_array(
	struct scan *s, unsigned depth, int64_t index, struct candidate *candidate);

/* ret_end: the end of its text; NULL: it is not delimited. */
static bool skip_value(struct scan *s, unsigned depth, const char **ret_end)
{
	bool fits;

	*ret_end = NULL;
	if (s->at == s->end)
		return stop(s, "");
	if (*s->at != '"' && *s->at != '{' && *s->at != '[') {
		fits = skip_scalar(s, ret_end);
		if (s->at == s->end) { /* it may be cut off */
			*ret_end = NULL;
			return stop(s, "");
		}
		return fits;
	}
	if (*s->at != '"' && depth == GW_MQTT_JSON_DEPTH)
		return stop(s, "it is too deep");
	if (*s->at == '"')
		fits = skip_string(s);
	else
		fits = *s->at == '{' ? skip_object(s, depth + 1, NULL, NULL)
				     : skip_array(s, depth + 1, -1, NULL);
	if (fits)
		*ret_end = s->at;
	return fits;
}

/* A value that may be the one that is looked for. */
static bool take_value(
	struct scan *s, unsigned depth, bool wanted, struct candidate *candidate)
{
	const char *at = s->at, *end;
	bool fits = skip_value(s, depth, &end);

	if (wanted && candidate->n++ == 0) {
		candidate->at = at;
		candidate->end = end;
		candidate->unclear |= end == at;
	}
	return fits;
}

static bool same_name(const char *at, const char *end, const char *name)
{
	char decoded[GW_MQTT_JSON_NAME + 4];
	size_t n = strlen(name);

	at++;
	end--;
	if (!memchr(at, '\\', (size_t)(end - at)))
		return (size_t)(end - at) == n && memcmp(at, name, n) == 0;
	return gw_mqtt_chars_decode(at, end, decoded, sizeof(decoded)) &&
		strcmp(decoded, name) == 0;
}

/* A field's name and its colon. False: structure broken. ret_value: whether a value follows. */
static bool take_name(struct scan *s, const char *name, bool *ret_wanted, bool *ret_value)
{
	const char *from = s->at;

	*ret_wanted = *ret_value = false;
	if (*from == '"') {
		if (!skip_string(s))
			return false;
		*ret_wanted = name && same_name(from, s->at, name);
		skip_space(s);
	} else {
		note_damage(s, from, "a name has no quotes");
		while (s->at < s->end && !strchr(":,}\"{[]", *s->at ? *s->at : 'x'))
			s->at++;
	}
	*ret_value = next_is(s, ':');
	if (*ret_value) {
		s->at++;
		skip_space(s);
		return true;
	}
	if (next_is(s, ',') || next_is(s, '}')) {
		note_damage(s, s->at, "a value is missing");
		return true;
	}
	return stop(s, "a colon is missing");
}

/* Behind a field or element: at its comma, behind it, or at the closing bracket. */
static bool take_comma(struct scan *s, char close)
{
	skip_space(s);
	if (next_is(s, close))
		return true;
	if (!next_is(s, ','))
		return stop(s, "a comma is missing");
	s->at++;
	skip_space(s);
	if (next_is(s, close))
		note_damage(s, s->at, "a comma is too much");
	return true;
}

/* name NULL: it is only skipped. Behind its closing bracket. */
static bool skip_object(
	struct scan *s, unsigned depth, const char *name, struct candidate *candidate)
{
	bool wanted, value;

	s->at++;
	for (skip_space(s); !next_is(s, '}');) {
		if (s->at == s->end)
			return stop(s, "");
		if (next_is(s, ',')) {
			note_damage(s, s->at, "a member is missing");
		} else {
			bool fits = take_name(s, name, &wanted, &value);

			if (wanted && (!fits || !value))
				candidate->unclear = true;
			if (!fits || (value && !take_value(s, depth, wanted, candidate)))
				return false;
		}
		if (!take_comma(s, '}'))
			return false;
	}
	s->at++;
	return true;
}

/* index < 0: it is only skipped. */
static bool skip_array(
	struct scan *s, unsigned depth, int64_t index, struct candidate *candidate)
{
	int64_t i = 0;

	s->at++;
	for (skip_space(s); !next_is(s, ']'); i++) {
		if (s->at == s->end)
			return stop(s, "");
		if (next_is(s, ',')) {
			note_damage(s, s->at, "an element is missing");
			if (candidate &&
				candidate->n == 0) /* what comes later has another number */
				candidate->unclear = true;
		} else if (!take_value(s, depth, i == index, candidate)) {
			return false;
		}
		if (!take_comma(s, ']'))
			return false;
	}
	s->at++;
	return true;
}

/* One name of a pointer, which ends at '/' or NUL; at most GW_MQTT_JSON_NAME. */
static const char *next_name(const char *path, char *ret_name)
{
	size_t n = 0;

	for (; *path && *path != '/' && n + 1 < GW_MQTT_JSON_NAME; path++) {
		char c = *path;

		if (c == '~')
			c = *++path == '1' ? '/' : '~';
		ret_name[n++] = c;
	}
	ret_name[n] = '\0';
	return path;
}

/* RFC 6901, 4: no sign, no leading zeros. -1: it is none. */
static int64_t array_index(const char *name)
{
	int64_t index = 0;
	size_t n = strlen(name);

	if (n == 0 || n > 9 || (name[0] == '0' && n > 1))
		return -1;
	for (; *name; name++) {
		if (*name < '0' || *name > '9')
			return -1;
		index = index * 10 + (*name - '0');
	}
	return index;
}

/* Whether the name may occur after the place from which on nothing is used. */
static bool occurs_later(const struct scan *s, const char *name)
{
	const char *at = s->at > s->begin ? s->at - 1 : s->at; /* that may be its quote */
	size_t n = strlen(name);

	for (; at < s->end && (at = memchr(at, '"', (size_t)(s->end - at))) != NULL; at++)
		if ((size_t)(s->end - at) >= n + 2 && memcmp(at + 1, name, n) == 0 &&
			at[n + 1] == '"')
			return true;
	return false;
}

/* One name of the pointer, in the container at s->at. What follows the outermost one may be
 * another message. */
static enum gw_mqtt_json_found find_field(
	struct scan *s, const char *name, bool outermost, struct candidate *ret_candidate)
{
	bool object = next_is(s, '{'), fits;

	*ret_candidate = (struct candidate){0};
	if (outermost && !object && array_index(name) < 0)
		return GW_MQTT_JSON_AMBIGUOUS; /* this is no message of that kind at all */
	if (object)
		fits = skip_object(s, 1, name, ret_candidate);
	else if (next_is(s, '['))
		fits = skip_array(s, 1, array_index(name), ret_candidate);
	else
		return GW_MQTT_JSON_ABSENT;
	if (ret_candidate->n > 1 || ret_candidate->unclear)
		return GW_MQTT_JSON_AMBIGUOUS;
	if (object && (!fits || outermost) && occurs_later(s, name))
		return GW_MQTT_JSON_AMBIGUOUS;
	if (ret_candidate->n == 0)
		return object || fits ? GW_MQTT_JSON_ABSENT : GW_MQTT_JSON_AMBIGUOUS;
	return GW_MQTT_JSON_FOUND;
}

/* The outermost value, and what is wrong around it. Where the text of that begins. */
static const char *find_outermost(struct scan *s)
{
	const char *end = s->end, *from;

	if (s->end - s->at >= 3 && memcmp(s->at, "\xef\xbb\xbf", 3) == 0) {
		note_damage(s, s->at, "it begins with a byte order mark");
		s->at += 3;
	}
	while (s->end > s->at && (gw_mqtt_chars_space(s->end[-1]) || s->end[-1] == '\0'))
		s->end--;
	skip_space(s);
	from = s->at;
	if ((next_is(s, '{') || next_is(s, '[')) &&
		skip_value(s, 0, &(const char *){NULL}) && s->at < s->end) {
		skip_space(s);
		note_damage(s, s->at, "something follows it");
	}
	if (memchr(s->end, '\0', (size_t)(end - s->end)))
		note_damage(s, s->end, "a NUL follows it");
	return from;
}

enum gw_mqtt_json_found gw_mqtt_json_find(const char *text, size_t size, const char *path,
	bool is_name, const char **ret_value, size_t *ret_size,
	struct gw_mqtt_json_damage *ret_damage)
{
	struct scan s = {text, text, text + size, ret_damage};
	char buffer[GW_MQTT_JSON_NAME];
	const char *name = path;
	struct candidate candidate = {.at = NULL};
	bool outermost = true;

	*ret_damage = (struct gw_mqtt_json_damage){NULL, 0};
	s.at = find_outermost(&s);
	if (!next_is(&s, '{') && (is_name || !next_is(&s, '[')))
		return GW_MQTT_JSON_AMBIGUOUS;
	do {
		enum gw_mqtt_json_found found;

		if (!is_name) {
			path = next_name(path + 1, buffer);
			name = buffer;
		}
		found = find_field(&s, name, outermost, &candidate);
		if (found != GW_MQTT_JSON_FOUND)
			return found;
		s.at = candidate.at;
		outermost = false;
	} while (!is_name && *path);
	if (!candidate.end)
		return GW_MQTT_JSON_AMBIGUOUS;
	*ret_value = candidate.at;
	*ret_size = (size_t)(candidate.end - candidate.at);
	return GW_MQTT_JSON_FOUND;
}

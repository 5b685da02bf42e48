/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/mqtt_chars.h"

#include "base/parse.h"

#include <string.h>

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The four digits of a \u, -1 if they are none. */
static int32_t code_unit(const char *at, const char *end)
{
	int32_t unit = 0;

	for (int i = 0; i < 4; i++) {
		int digit = at + i < end ? hex_digit(at[i]) : -1;

		if (digit < 0)
			return -1;
		unit = unit * 16 + digit;
	}
	return unit;
}

int32_t gw_mqtt_chars_next(const char **at, const char *end)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *p = *at, *known;
	int32_t unit, low;

	if (*p != '\\') {
		*at = p + 1;
		return (unsigned char)*p < 0x20 ? -1 : (unsigned char)*p;
	}
	*at = p + 1 < end ? p + 2 : end;
	if (p + 1 >= end)
		return -1;
	if (p[1] != 'u') {
		known = p[1] ? strchr(from, p[1]) : NULL;
		return known ? to[known - from] : -1;
	}
	unit = code_unit(p + 2, end);
	if (unit < 0 || (unit >= 0xdc00 && unit < 0xe000))
		return -1;
	*at = p + 6;
	if (unit < 0xd800 || unit >= 0xdc00)
		return unit;
	low = p + 7 < end && p[6] == '\\' && p[7] == 'u' ? code_unit(p + 8, end) : -1;
	if (low < 0xdc00 || low >= 0xe000)
		return -1;
	*at = p + 12;
	return 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
}

static size_t add_utf8(char *to, int32_t c)
{
	if (c < 0x80) {
		to[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		to[0] = (char)(0xc0 | c >> 6);
		to[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		to[0] = (char)(0xe0 | c >> 12);
		to[1] = (char)(0x80 | (c >> 6 & 0x3f));
		to[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	to[0] = (char)(0xf0 | c >> 18);
	to[1] = (char)(0x80 | (c >> 12 & 0x3f));
	to[2] = (char)(0x80 | (c >> 6 & 0x3f));
	to[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

bool gw_mqtt_chars_decode(const char *at, const char *end, char *to, size_t size)
{
	size_t n = 0;

	while (at < end) {
		bool escaped = *at == '\\';
		int32_t c = gw_mqtt_chars_next(&at, end);

		if (c <= 0 || n + 4 >= size)
			return false;
		if (escaped)
			n += add_utf8(to + n, c);
		else
			to[n++] = (char)c;
	}
	to[n] = '\0';
	return gw_parse_utf8(to, n);
}

static bool is_padding(char c)
{
	return gw_mqtt_chars_space(c) || c == '\0';
}

bool gw_mqtt_chars_string(const char *text, size_t n, char *ret_string, size_t size)
{
	const char *at = text + 1, *end = text + n - 1;
	size_t used = 0;

	if (n < 2 || *text != '"' || *end != '"')
		return false;
	while (at < end) {
		bool escaped = *at == '\\', bare = is_padding(*at);
		int32_t c = bare ? *at++ : *at == '"' ? -1 : gw_mqtt_chars_next(&at, end);

		if (c < 0 || used + 4 >= size)
			return false;
		if (used == 0 && c < 0x80 && is_padding((char)c))
			continue;
		if (escaped)
			used += add_utf8(ret_string + used, c);
		else
			ret_string[used++] = (char)c;
	}
	while (used && is_padding(ret_string[used - 1]))
		used--;
	ret_string[used] = '\0';
	return gw_parse_utf8(ret_string, used); /* and no NUL in the middle */
}

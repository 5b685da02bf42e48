/* SPDX-License-Identifier: Apache-2.0 */
#include "term/width.h"

#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct range {
	uint32_t from, to;
};

/* Unicode 15, general categories Mn, Me and Cf, those that occur in names of places. */
static const struct range none[] = {
	{0x0300, 0x036f},
	{0x0483, 0x0489},
	{0x0591, 0x05bd},
	{0x0610, 0x061a},
	{0x064b, 0x065f},
	{0x0e31, 0x0e31},
	{0x0e34, 0x0e3a},
	{0x0e47, 0x0e4e},
	{0x1ab0, 0x1ace},
	{0x1dc0, 0x1dff},
	{0x200b, 0x200f},
	{0x202a, 0x202e},
	{0x2060, 0x2064},
	{0x20d0, 0x20f0},
	{0x302a, 0x302d},
	{0x3099, 0x309a},
	{0xfe00, 0xfe0f},
	{0xfe20, 0xfe2f},
	{0xfeff, 0xfeff},
	{0xe0100, 0xe01ef},
};

/* UAX #11: W and F. */
static const struct range two[] = {
	{0x1100, 0x115f},
	{0x231a, 0x231b},
	{0x2329, 0x232a},
	{0x23e9, 0x23ec},
	{0x2614, 0x2615},
	{0x267f, 0x267f},
	{0x26a1, 0x26a1},
	{0x26d4, 0x26d4},
	{0x2705, 0x2705},
	{0x274c, 0x274c},
	{0x2753, 0x2755},
	{0x2757, 0x2757},
	{0x2e80, 0x303e},
	{0x3041, 0x33ff},
	{0x3400, 0x4dbf},
	{0x4e00, 0xa4cf},
	{0xa960, 0xa97c},
	{0xac00, 0xd7a3},
	{0xf900, 0xfaff},
	{0xfe10, 0xfe19},
	{0xfe30, 0xfe6f},
	{0xff01, 0xff60},
	{0xffe0, 0xffe6},
	{0x16fe0, 0x18aff},
	{0x1b000, 0x1b2fb},
	{0x1f300, 0x1f64f},
	{0x1f680, 0x1f6fc},
	{0x1f900, 0x1f9ff},
	{0x20000, 0x3fffd},
};

static bool within(const struct range *ranges, size_t n, uint32_t c)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (c < ranges[mid].from)
			high = mid;
		else if (c > ranges[mid].to)
			low = mid + 1;
		else
			return true;
	}
	return false;
}

size_t gw_width(const char *text)
{
	size_t left = strlen(text), width = 0;

	while (left > 0) {
		size_t n = gw_text_utf8(text, left);
		uint32_t c = n ? gw_text_code_point(text, n) : '?';

		if (within(two, sizeof(two) / sizeof(two[0]), c))
			width += 2;
		else if (!within(none, sizeof(none) / sizeof(none[0]), c))
			width += 1;
		n = n ? n : 1;
		text += n;
		left -= n;
	}
	return width;
}

char *gw_width_sanitize(const char *text)
{
	size_t left = strlen(text), used = 0;
	char *copy = malloc(left + 1);

	if (!copy)
		return NULL;
	while (left > 0) {
		size_t n = gw_text_utf8(text, left);

		if (n == 0) {
			copy[used++] = '?';
			n = 1;
		} else if (gw_text_is_unsafe(text, n)) {
			copy[used++] = ' ';
		} else {
			memcpy(copy + used, text, n);
			used += n;
		}
		text += n;
		left -= n;
	}
	copy[used] = '\0';
	return copy;
}

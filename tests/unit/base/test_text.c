/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/text.h"

#include "tests/unit/fixture/skipping.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include <cmocka.h>

static char memory[512];
static struct gw_text t;

static const char *number(double v)
{
	gw_text_init(&t, memory, sizeof(memory));
	gw_text_add_double(&t, v);
	assert_int_equal(t.used, strlen(memory));
	return memory;
}

static void writes_the_shortest_number(void **state)
{
	(void)state;
	assert_string_equal(number(52.3), "52.3");
	assert_string_equal(number(-52.3), "-52.3");
	assert_string_equal(number(52), "52");
	assert_string_equal(number(50), "50");
	assert_string_equal(number(0), "0");
	assert_string_equal(number(-0.0), "0");
	assert_string_equal(number(0.1), "0.1");
	assert_string_equal(number(0.1 + 0.2), "0.30000000000000004");
	assert_string_equal(number(0.001), "0.001");
	assert_string_equal(number(0.000001), "0.000001");
	assert_string_equal(number(0.0000001), "1e-7");
	assert_string_equal(number(1.5e-9), "1.5e-9");
	assert_string_equal(number(1e16), "10000000000000000");
	assert_string_equal(number(1e17), "1e17");
	assert_string_equal(number(-1.25e300), "-1.25e300");
	assert_string_equal(number(9007199254740993.0), "9007199254740992");
	assert_string_equal(number(1795133730123.0), "1795133730123");
	assert_string_equal(number(DBL_MAX), "1.7976931348623157e308");
	assert_string_equal(number(DBL_MIN), "2.2250738585072014e-308");
	assert_string_equal(number(5e-324), "5e-324");
	assert_string_equal(number((double)0.1f), "0.10000000149011612");
	assert_string_equal(number((double)NAN), "null");
	assert_string_equal(number(-(double)INFINITY), "null");
}

static void numbers_read_back(void **state)
{
	uint64_t x = 88172645463325252u, bits;
	double v;
	int i;

	(void)state;
	for (i = 0; i < 20000; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		bits = x;
		memcpy(&v, &bits, sizeof(v));
		if (isfinite(v))
			assert_true(strtod(number(v), NULL) == v);
		v = (double)(x % 1000000) / 1000; /* such as sensors give */
		assert_true(strtod(number(v), NULL) == v);
		assert_true(strlen(memory) <= 7);
	}
}

/* de_DE is built by meson where localedef and its sources are installed. */
static void ignores_the_locale(void **state)
{
	(void)state;
	if (!setlocale(LC_ALL, "de_DE.UTF-8"))
		skip_test("no locale de_DE.UTF-8");
	assert_string_equal(localeconv()->decimal_point, ",");
	assert_string_equal(number(52.3), "52.3");
	assert_string_equal(number(1.5e-9), "1.5e-9");
	assert_string_equal(number(0.1 + 0.2), "0.30000000000000004");
	setlocale(LC_ALL, "C");
}

static void cuts_between_characters(void **state)
{
	char small[8];

	(void)state;
	gw_text_init(&t, small, sizeof(small));
	gw_text_add(&t, "1234567");
	assert_false(t.cut);
	gw_text_add(&t, "");
	assert_false(t.cut);
	gw_text_add(&t, "8");
	assert_true(t.cut);
	assert_string_equal(small, "1234567");

	gw_text_init(&t, small, sizeof(small));
	gw_text_add(&t, "A-锅炉房"); /* room for 锅 and two bytes of 炉 */
	assert_true(t.cut);
	assert_string_equal(small, "A-锅");
	assert_int_equal(t.used, 5);
	gw_text_add(&t, "x"); /* would fit, but would join what is apart */
	assert_string_equal(small, "A-锅");

	gw_text_init(&t, small, sizeof(small));
	gw_text_addf(&t, "A-%s", "锅炉房");
	assert_true(t.cut);
	assert_string_equal(small, "A-锅");
	assert_int_equal(t.used, 5);

	gw_text_init(&t, small, sizeof(small));
	gw_text_add(&t, "abcd锅炉"); /* 锅 ends exactly at the end */
	assert_string_equal(small, "abcd锅");

	gw_text_init(&t, small, 1);
	gw_text_add(&t, "x");
	assert_string_equal(small, "");
	gw_text_init(&t, small, 0);
	gw_text_addf(&t, "%d", 1);
	gw_text_add(&t, "x");
	assert_true(t.cut);
}

static void keeps_a_line_one_line(void **state)
{
	(void)state;
	gw_text_init(&t, memory, sizeof(memory));
	gw_text_add_sanitized(&t, "\na\tb\r\n锅\x7f");
	assert_string_equal(memory, " a b  锅 ");
}

static size_t put_utf8(char *to, uint32_t c)
{
	if (c < 0x80)
		return (size_t)sprintf(to, "%c", (int)c);
	if (c < 0x800)
		return (size_t)sprintf(
			to, "%c%c", (int)(0xc0 | c >> 6), (int)(0x80 | (c & 63)));
	if (c < 0x10000)
		return (size_t)sprintf(to, "%c%c%c", (int)(0xe0 | c >> 12),
			(int)(0x80 | (c >> 6 & 63)), (int)(0x80 | (c & 63)));
	return (size_t)sprintf(to, "%c%c%c%c", (int)(0xf0 | c >> 18),
		(int)(0x80 | (c >> 12 & 63)), (int)(0x80 | (c >> 6 & 63)),
		(int)(0x80 | (c & 63)));
}

/* Controls of both sets, and what is invisible or turns the direction: none of it is left in a
 * line, and all of it is escaped in JSON, where a program reads the same text as before. */
static void unsafe_characters_are_replaced(void **state)
{
	static const struct {
		uint32_t from, to;
	} kinds[] = {{0x01, 0x1f}, {0x7f, 0x9f}, {0xad, 0xad}, {0x61c, 0x61c},
		{0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f}, {0xfeff, 0xfeff},
		{0xfff9, 0xfffb}, {0xe0001, 0xe007f}};

	(void)state;
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
		for (uint32_t c = kinds[k].from; c <= kinds[k].to; c++) {
			char text[16] = "a", *end = text + 1;
			json_t *read;

			end += put_utf8(end, c);
			strcpy(end, "b");
			assert_true(gw_text_is_unsafe(text + 1, (size_t)(end - text - 1)));
			gw_text_init(&t, memory, sizeof(memory));
			gw_text_add_sanitized(&t, text);
			assert_string_equal(memory, "a b");
			gw_text_init(&t, memory, sizeof(memory));
			gw_json_string(&t, NULL, text);
			for (const char *p = memory; *p; p++)
				assert_true(*p >= 0x20 && *p < 0x7f);
			read = json_loads(memory, JSON_DECODE_ANY, NULL);
			assert_string_equal(json_string_value(read), text);
			json_decref(read);
		}
}

/* What people write with is left alone: beside each of those ranges, and far from them. */
static void printable_characters_are_unchanged(void **state)
{
	static const uint32_t plain[] = {' ', '~', 0xa0, 0xac, 0xae, 0x61b, 0x200a, 0x2010,
		0x2027, 0x202f, 0x205f, 0x2070, 0x4e00, 0x9505, 0xfefe, 0xff01, 0xfffc,
		0xfffd, 0x1f525, 0xe0080};

	(void)state;
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		char text[16] = "", wanted[32];

		assert_false(gw_text_is_unsafe(text, put_utf8(text, plain[i])));
		gw_text_init(&t, memory, sizeof(memory));
		gw_text_add_sanitized(&t, text);
		assert_string_equal(memory, text);
		snprintf(wanted, sizeof(wanted), "\"%s\"", text);
		gw_text_init(&t, memory, sizeof(memory));
		gw_json_string(&t, NULL, text);
		assert_string_equal(memory, wanted);
	}
	gw_text_init(&t, memory, sizeof(memory));
	gw_text_add_sanitized(&t,
		"a\x9b"
		"2Jb\xff\xe9\x94"); /* C1 as one byte, and torn ones */
	assert_string_equal(memory, "a?2Jb???");
}

static const char *utc(int64_t wall_ms)
{
	gw_text_init(&t, memory, sizeof(memory));
	gw_text_add_time_utc(&t, wall_ms);
	return memory;
}

static const char *local(const char *zone, int64_t wall_ms)
{
	setenv("TZ", zone, 1);
	tzset();
	gw_text_init(&t, memory, sizeof(memory));
	gw_text_add_time_local(&t, wall_ms);
	return memory;
}

static void writes_times(void **state)
{
	(void)state;
	assert_string_equal(utc(0), "1970-01-01T00:00:00.000Z");
	assert_string_equal(utc(1795220130123), "2026-11-21T00:15:30.123Z");
	assert_string_equal(utc(-1), "1969-12-31T23:59:59.999Z");
	assert_string_equal(utc(951782400000), "2000-02-29T00:00:00.000Z");
	assert_string_equal(local("CST-8", 1795220130123), "2026-11-21T08:15:30.123+08:00");
	assert_string_equal(
		local("XXX3:30", 1795220130005), "2026-11-20T20:45:30.005-03:30");
	assert_string_equal(local("UTC0", 1795220130123), "2026-11-21T00:15:30.123+00:00");
}

static const char *duration(int64_t ns)
{
	gw_text_init(&t, memory, sizeof(memory));
	gw_text_add_duration(&t, ns);
	return memory;
}

static void writes_durations(void **state)
{
	(void)state;
	assert_string_equal(duration(0), "0s");
	assert_string_equal(duration(300 * GW_NS_PER_MS), "300ms");
	assert_string_equal(duration(GW_NS_PER_MS / 2), "0.5ms");
	assert_string_equal(duration(10 * GW_NS_PER_SEC), "10s");
	assert_string_equal(duration(1500 * GW_NS_PER_MS), "1.5s");
	assert_string_equal(duration(60 * GW_NS_PER_SEC), "1min");
	assert_string_equal(duration(300 * GW_NS_PER_SEC), "5min");
	assert_string_equal(duration(90 * 60 * GW_NS_PER_SEC), "1h30min");
	assert_string_equal(duration(7 * 86400 * GW_NS_PER_SEC), "7d");
	assert_string_equal(duration(86461 * GW_NS_PER_SEC), "1d1min1s");
}

static void utf8_is_recognised(void **state)
{
	(void)state;
	assert_int_equal(gw_text_utf8("a", 1), 1);
	assert_int_equal(gw_text_utf8("é", 2), 2);
	assert_int_equal(gw_text_utf8("锅", 3), 3);
	assert_int_equal(gw_text_utf8("🔥", 4), 4);
	assert_int_equal(gw_text_utf8("\xf4\x8f\xbf\xbf", 4), 4);
	assert_int_equal(gw_text_utf8("\xed\x9f\xbf", 3), 3);
	assert_int_equal(gw_text_utf8("a", 0), 0);
	assert_int_equal(gw_text_utf8("锅", 2), 0);           /* cut off */
	assert_int_equal(gw_text_utf8("\x80", 1), 0);         /* nothing before it */
	assert_int_equal(gw_text_utf8("\xc0\x80", 2), 0);     /* overlong */
	assert_int_equal(gw_text_utf8("\xe0\x9f\xbf", 3), 0); /* overlong */
	assert_int_equal(gw_text_utf8("\xf0\x8f\xbf\xbf", 4), 0);
	assert_int_equal(gw_text_utf8("\xed\xa0\x80", 3), 0);     /* surrogate */
	assert_int_equal(gw_text_utf8("\xf4\x90\x80\x80", 4), 0); /* past U+10FFFF */
	assert_int_equal(gw_text_utf8("\xe9\x94x", 3), 0);
	assert_int_equal(gw_text_utf8("\xff", 1), 0);
}

static void writes_json(void **state)
{
	(void)state;
	gw_text_init(&t, memory, sizeof(memory));
	gw_json_open(&t, NULL, '{');
	gw_json_string(&t, "s", "锅\"\\/\b\f\n\r\t\x01\x1f");
	gw_json_string(&t, "none", NULL);
	gw_json_int(&t, "i", INT64_MIN);
	gw_json_open(&t, "a", '[');
	gw_json_double(&t, NULL, 52.3);
	gw_json_double(&t, NULL, (double)NAN);
	gw_json_open(&t, NULL, '[');
	gw_json_close(&t, ']');
	gw_json_open(&t, NULL, '{');
	gw_json_bool(&t, "t", true);
	gw_json_bool(&t, "f", false);
	gw_json_close(&t, '}');
	gw_json_null(&t, NULL);
	gw_json_close(&t, ']');
	gw_json_raw(&t, "r\n", "{\"x\":1}");
	gw_json_close(&t, '}');
	assert_string_equal(memory,
		"{\"s\":\"锅\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\",\"none\":null,"
		"\"i\":-9223372036854775808,\"a\":[52.3,null,[],{\"t\":true,\"f\":false},"
		"null],"
		"\"r\\n\":{\"x\":1}}");
}

static void json_is_always_utf8(void **state)
{
	(void)state;
	gw_text_init(&t, memory, sizeof(memory));
	gw_json_string(&t, NULL, "a\xff锅\xe9\x94");
	assert_string_equal(memory, "\"a\xef\xbf\xbd锅\xef\xbf\xbd\xef\xbf\xbd\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_the_shortest_number),
		cmocka_unit_test(numbers_read_back),
		cmocka_unit_test(ignores_the_locale),
		cmocka_unit_test(cuts_between_characters),
		cmocka_unit_test(keeps_a_line_one_line),
		cmocka_unit_test(unsafe_characters_are_replaced),
		cmocka_unit_test(printable_characters_are_unchanged),
		cmocka_unit_test(writes_times),
		cmocka_unit_test(writes_durations),
		cmocka_unit_test(utf8_is_recognised),
		cmocka_unit_test(writes_json),
		cmocka_unit_test(json_is_always_utf8),
	};

	return with_skipped(cmocka_run_group_tests(tests, NULL, NULL));
}

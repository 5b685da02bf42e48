/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include "base/clock.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void gw_text_init(struct gw_text *t, char *memory, size_t size)
{
	*t = (struct gw_text){.at = memory, .size = size, .cut = size == 0};
	if (size > 0)
		memory[0] = '\0';
}

size_t gw_text_utf8(const char *s, size_t n)
{
	/* Unicode 15, table 3-7: the second byte's range depends on the first */
	const unsigned char *b = (const unsigned char *)s;
	unsigned char low = 0x80, high = 0xbf;
	size_t want, i;

	if (n == 0)
		return 0;
	if (b[0] < 0x80)
		return 1;
	if (b[0] < 0xc2 || b[0] > 0xf4)
		return 0;
	want = b[0] < 0xe0 ? 2 : b[0] < 0xf0 ? 3 : 4;
	if (b[0] == 0xe0)
		low = 0xa0;
	else if (b[0] == 0xed)
		high = 0x9f;
	else if (b[0] == 0xf0)
		low = 0x90;
	else if (b[0] == 0xf4)
		high = 0x8f;
	if (n < want || b[1] < low || b[1] > high)
		return 0;
	for (i = 2; i < want; i++)
		if (b[i] < 0x80 || b[i] > 0xbf)
			return 0;
	return want;
}

/* How many of n bytes stay when the text is cut there: whole characters only. */
static size_t whole_characters(const char *s, size_t n)
{
	size_t back = 0;

	while (back < 3 && back < n && ((unsigned char)s[n - 1 - back] & 0xc0) == 0x80)
		back++;
	if (back < n && (unsigned char)s[n - 1 - back] >= 0xc0 &&
		gw_text_utf8(s + n - 1 - back, back + 1) == 0)
		return n - 1 - back;
	return n;
}

void gw_text_add_n(struct gw_text *t, const char *s, size_t n)
{
	size_t space;

	if (t->cut)
		return;
	space = t->size - t->used - 1;
	if (n > space) {
		n = whole_characters(s, space);
		t->cut = true;
	}
	memcpy(t->at + t->used, s, n);
	t->used += n;
	t->at[t->used] = '\0';
}

void gw_text_add(struct gw_text *t, const char *s)
{
	gw_text_add_n(t, s, strlen(s));
}

void gw_text_addv(struct gw_text *t, const char *fmt, va_list ap)
{
	char *to = t->at + t->used;
	size_t space = t->size - t->used;
	int n;

	if (t->cut)
		return;
	n = vsnprintf(to, space, fmt, ap);
	if (n < 0) {
		*to = '\0';
		t->cut = true;
	} else if ((size_t)n >= space) {
		t->used += whole_characters(to, space - 1);
		t->at[t->used] = '\0';
		t->cut = true;
	} else {
		t->used += (size_t)n;
	}
}

void gw_text_addf(struct gw_text *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	gw_text_addv(t, fmt, ap);
	va_end(ap);
}

uint32_t gw_text_code_point(const char *s, size_t n)
{
	static const unsigned char mask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	uint32_t c = (unsigned char)s[0] & mask[n];

	for (size_t i = 1; i < n; i++)
		c = c << 6 | ((unsigned char)s[i] & 0x3f);
	return c;
}

bool gw_text_is_unsafe(const char *s, size_t n)
{
	static const struct {
		uint32_t from, to;
	} ranges[] = {
		{0x00, 0x1f},       /* C0 */
		{0x7f, 0x9f},       /* DEL and C1 */
		{0xad, 0xad},       /* soft hyphen */
		{0x061c, 0x061c},   /* Arabic letter mark */
		{0x180e, 0x180e},   /* Mongolian vowel separator */
		{0x200b, 0x200f},   /* zero width, left-to-right and right-to-left marks */
		{0x2028, 0x202e},   /* separators, embeddings and overrides */
		{0x2060, 0x206f},   /* word joiner, invisible operators, isolates */
		{0xfeff, 0xfeff},   /* byte order mark */
		{0xfff9, 0xfffb},   /* interlinear annotation */
		{0xe0000, 0xe007f}, /* tags */
	};
	uint32_t c;

	if (n == 1) /* most of them */
		return (unsigned char)*s < 0x20 || *s == 0x7f;
	c = gw_text_code_point(s, n);
	if (c > 0x206f && c < 0xfeff) /* the scripts of Asia, mostly */
		return false;
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (c >= ranges[i].from && c <= ranges[i].to)
			return true;
	return false;
}

/* Bytes of s, of which n may be read, up to the first character that is not plain. */
static size_t plain_run(const char *s, size_t n, bool json)
{
	size_t run = 0, len;

	for (; run < n; run += len) {
		len = gw_text_utf8(s + run, n - run);
		if (len == 0 || gw_text_is_unsafe(s + run, len) ||
			(json && (s[run] == '"' || s[run] == '\\')))
			break;
	}
	return run;
}

void gw_text_add_sanitized(struct gw_text *t, const char *s)
{
	size_t n = strlen(s), len;

	while (n > 0) {
		len = plain_run(s, n, false);
		gw_text_add_n(t, s, len);
		s += len;
		n -= len;
		if (n == 0)
			break;
		len = gw_text_utf8(s, n);
		gw_text_add_n(t, len ? " " : "?", 1);
		len = len ? len : 1;
		s += len;
		n -= len;
	}
}

/* Digits without the point, the first not 0, and the power of ten of the first. */
struct decimal {
	char digits[20];
	int n, exponent;
};

static bool to_decimal(double v, int precision, struct decimal *ret_d)
{
	char raw[64];
	const char *p;

	snprintf(raw, sizeof(raw), "%.*e", precision - 1, v);
	if (strtod(raw, NULL) != v)
		return false;
	ret_d->n = 0;
	for (p = raw; *p != 'e'; p++) /* skips the locale's decimal point */
		if (*p >= '0' && *p <= '9' && ret_d->n < (int)sizeof(ret_d->digits))
			ret_d->digits[ret_d->n++] = *p;
	ret_d->exponent = (int)strtol(p + 1, NULL, 10);
	while (ret_d->n > 1 && ret_d->digits[ret_d->n - 1] == '0')
		ret_d->n--;
	return true;
}

static void add_zeros(struct gw_text *t, int n)
{
	while (n-- > 0)
		gw_text_add_n(t, "0", 1);
}

void gw_text_add_double(struct gw_text *t, double v)
{
	struct decimal d;
	int precision, whole;

	if (!isfinite(v)) {
		gw_text_add(t, "null");
		return;
	}
	if (v == 0) { /* either zero: "-0" means nothing to a person */
		gw_text_add(t, "0");
		return;
	}
	if (v < 0)
		gw_text_add(t, "-");
	v = fabs(v);
	/* 15 digits survive the way through a double, so the shortest text is found there unless
	 * it needs more, or the double is subnormal and holds less. 17 always read back. */
	precision = isnormal(v) ? 15 : 1;
	while (!to_decimal(v, precision, &d))
		precision++;

	if (d.exponent < -6 || d.exponent > 16) {
		gw_text_add_n(t, d.digits, 1);
		if (d.n > 1)
			gw_text_add(t, ".");
		gw_text_add_n(t, d.digits + 1, (size_t)d.n - 1);
		gw_text_addf(t, "e%d", d.exponent);
	} else if (d.exponent < 0) {
		gw_text_add(t, "0.");
		add_zeros(t, -d.exponent - 1);
		gw_text_add_n(t, d.digits, (size_t)d.n);
	} else {
		whole = d.exponent + 1 < d.n ? d.exponent + 1 : d.n;
		gw_text_add_n(t, d.digits, (size_t)whole);
		add_zeros(t, d.exponent + 1 - whole);
		if (d.n > whole)
			gw_text_add(t, ".");
		gw_text_add_n(t, d.digits + whole, (size_t)(d.n - whole));
	}
}

static void add_time(struct gw_text *t, const struct tm *tm, int64_t ms)
{
	gw_text_addf(t, "%04d-%02d-%02dT%02d:%02d:%02d.%03d", tm->tm_year + 1900,
		tm->tm_mon + 1, tm->tm_mday, tm->tm_hour, tm->tm_min, tm->tm_sec, (int)ms);
}

/* Whole seconds and the milliseconds after them, also before 1970. */
static time_t split_ms(int64_t wall_ms, int64_t *ret_ms)
{
	int64_t ms = wall_ms % 1000;

	if (ms < 0)
		ms += 1000;
	*ret_ms = ms;
	return (time_t)((wall_ms - ms) / 1000);
}

void gw_text_add_time_utc(struct gw_text *t, int64_t wall_ms)
{
	int64_t ms;
	time_t seconds = split_ms(wall_ms, &ms);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	add_time(t, &tm, ms);
	gw_text_add(t, "Z");
}

void gw_text_add_time_local(struct gw_text *t, int64_t wall_ms)
{
	int64_t ms;
	time_t seconds = split_ms(wall_ms, &ms);
	struct tm tm;
	long offset_min;

	localtime_r(&seconds, &tm);
	add_time(t, &tm, ms);
	offset_min = labs(tm.tm_gmtoff) / 60;
	gw_text_addf(t, "%c%02ld:%02ld", tm.tm_gmtoff < 0 ? '-' : '+', offset_min / 60,
		offset_min % 60);
}

void gw_text_add_duration(struct gw_text *t, int64_t ns)
{
	static const struct {
		int64_t ns;
		const char *unit;
	} units[] = {
		{86400 * GW_NS_PER_SEC, "d"},
		{3600 * GW_NS_PER_SEC, "h"},
		{60 * GW_NS_PER_SEC, "min"},
	};
	bool any = false;
	size_t i;

	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (ns < units[i].ns)
			continue;
		gw_text_addf(t, "%lld%s", (long long)(ns / units[i].ns), units[i].unit);
		ns %= units[i].ns;
		any = true;
	}
	if (ns >= GW_NS_PER_SEC || (ns == 0 && !any)) {
		gw_text_add_double(t, (double)ns / (double)GW_NS_PER_SEC);
		gw_text_add(t, "s");
	} else if (ns > 0) {
		gw_text_add_double(t, (double)ns / (double)GW_NS_PER_MS);
		gw_text_add(t, "ms");
	}
}

/* RFC 8259: beyond U+FFFF as two surrogates. */
static void add_escape(struct gw_text *t, uint32_t c)
{
	static const char short_form[32] = {
		['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};

	if (c == '"' || c == '\\')
		gw_text_addf(t, "\\%c", (int)c);
	else if (c < 0x20 && short_form[c])
		gw_text_addf(t, "\\%c", short_form[c]);
	else if (c < 0x10000)
		gw_text_addf(t, "\\u%04x", (unsigned)c);
	else
		gw_text_addf(t, "\\u%04x\\u%04x", (unsigned)(0xd7c0 + (c >> 10)),
			(unsigned)(0xdc00 + (c & 0x3ff)));
}

static void add_escaped(struct gw_text *t, const char *s)
{
	size_t n = strlen(s), len;

	gw_text_add_n(t, "\"", 1);
	while (n > 0) {
		len = plain_run(s, n, true);
		gw_text_add_n(t, s, len);
		s += len;
		n -= len;
		if (n == 0)
			break;
		len = gw_text_utf8(s, n);
		if (len)
			add_escape(t, gw_text_code_point(s, len));
		else
			gw_text_add(t, "\xef\xbf\xbd");
		len = len ? len : 1;
		s += len;
		n -= len;
	}
	gw_text_add_n(t, "\"", 1);
}

static void begin(struct gw_text *t, const char *key)
{
	if (t->comma)
		gw_text_add_n(t, ",", 1);
	t->comma = true;
	if (key) {
		add_escaped(t, key);
		gw_text_add_n(t, ":", 1);
	}
}

void gw_json_open(struct gw_text *t, const char *key, char bracket)
{
	begin(t, key);
	gw_text_add_n(t, &bracket, 1);
	t->comma = false;
}

void gw_json_close(struct gw_text *t, char bracket)
{
	gw_text_add_n(t, &bracket, 1);
	t->comma = true;
}

void gw_json_string(struct gw_text *t, const char *key, const char *value)
{
	begin(t, key);
	if (value)
		add_escaped(t, value);
	else
		gw_text_add(t, "null");
}

void gw_json_int(struct gw_text *t, const char *key, int64_t value)
{
	begin(t, key);
	gw_text_addf(t, "%lld", (long long)value);
}

void gw_json_double(struct gw_text *t, const char *key, double value)
{
	begin(t, key);
	gw_text_add_double(t, value);
}

void gw_json_bool(struct gw_text *t, const char *key, bool value)
{
	begin(t, key);
	gw_text_add(t, value ? "true" : "false");
}

void gw_json_null(struct gw_text *t, const char *key)
{
	begin(t, key);
	gw_text_add(t, "null");
}

void gw_json_raw(struct gw_text *t, const char *key, const char *json)
{
	begin(t, key);
	gw_text_add(t, json);
}

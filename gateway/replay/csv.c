/* SPDX-License-Identifier: Apache-2.0 */
#include "replay/csv.h"

#include "base/clock.h"
#include "base/parse.h"

#include <errno.h>
#include <string.h>

#define SHOWN 60 /* bytes of a wrong word that an error repeats */

/* A field of the line. */
struct field {
	const char *at;
	size_t n;
};

/* The line that is parsed. */
struct line_scan {
	struct gw_csv *csv;
	const char *bytes;
	struct gw_error *err;
};

static enum gw_err fail_at(
	const struct line_scan *s, const struct field *f, const char *what)
{
	s->csv->column = (unsigned)(f->at - s->bytes) + 1;
	return gw_fail(s->err, GW_ERR_PROTOCOL, 0, "%s", what);
}

static enum gw_err fail_word(
	const struct line_scan *s, const struct field *f, const char *what)
{
	bool readable = gw_parse_utf8(f->at, f->n < SHOWN ? f->n : SHOWN);

	s->csv->column = (unsigned)(f->at - s->bytes) + 1;
	return gw_fail(s->err, GW_ERR_PROTOCOL, 0, "\"%.*s\" %s",
		readable ? (int)(f->n < SHOWN ? f->n : SHOWN) : 1, readable ? f->at : "?",
		what);
}

/* A copy for the readers of base/parse.h, which end at NUL. */
static bool text_of(const struct field *f, char ret_text[SHOWN + 4])
{
	if (f->n > SHOWN || memchr(f->at, '\0', f->n))
		return false;
	memcpy(ret_text, f->at, f->n);
	ret_text[f->n] = '\0';
	return true;
}

static bool equals(const struct field *f, const char *word)
{
	return f->n == strlen(word) && memcmp(f->at, word, f->n) == 0;
}

/* The next field; the rest is after its comma. False at the end. */
static bool split(struct field *remaining, struct field *ret_field)
{
	const char *comma;

	if (!remaining->at)
		return false;
	comma = memchr(remaining->at, ',', remaining->n);
	ret_field->at = remaining->at;
	ret_field->n = comma ? (size_t)(comma - remaining->at) : remaining->n;
	if (comma) {
		remaining->n -= ret_field->n + 1;
		remaining->at = comma + 1;
	} else {
		remaining->at = NULL;
	}
	return true;
}

/* ---- scalars: common forms here, all others by base/parse.h ---- */

static enum gw_err read_time(
	const struct line_scan *s, const struct field *f, int64_t *ret_ms)
{
	char text[SHOWN + 4];
	enum gw_err rc;
	int64_t ms = 0;
	size_t i;

	for (i = 0; i < f->n && f->at[i] >= '0' && f->at[i] <= '9' && i < 14; i++)
		ms = ms * 10 + (f->at[i] - '0');
	if (i != f->n || i == 0 || (f->at[0] == '0' && f->n > 1) || ms > GW_CSV_TIME_MAX) {
		if (f->n == 0)
			return fail_at(s, f, "there is no time here");
		if (!text_of(f, text) || strchr(text, 'x') || strchr(text, 'X'))
			return fail_word(s, f, "is not a time in milliseconds");
		s->csv->column = (unsigned)(f->at - s->bytes) + 1;
		rc = gw_parse_int(text, -GW_CSV_TIME_MAX, GW_CSV_TIME_MAX, &ms, s->err);
		if (rc)
			return rc;
	}
	if (s->csv->has_time && ms < s->csv->last_ms) {
		s->csv->column = (unsigned)(f->at - s->bytes) + 1;
		return gw_fail(s->err, GW_ERR_PROTOCOL, 0,
			"time falls: %lld after %lld (sort the lines by time)",
			(long long)ms, (long long)s->csv->last_ms);
	}
	*ret_ms = ms;
	return GW_OK;
}

/* "-12.25": up to 15 digits and a small power of ten are exact in a double, so is the
 * rounding of their quotient (Clinger 1990). */
static bool plain_number(const struct field *f, double *ret_value)
{
	static const double power[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9,
		1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
	const char *c = f->at, *end = f->at + f->n, *first;
	bool minus = c < end && *c == '-';
	int64_t digits = 0;
	size_t behind = 0;
	double v;

	c += minus;
	if (end - c > 16 || c == end)
		return false;
	first = c;
	for (; c < end && *c >= '0' && *c <= '9'; c++)
		digits = digits * 10 + (*c - '0');
	if (c == first || (*first == '0' && c - first > 1) || c - first > 15)
		return false;
	if (c < end) {
		if (*c++ != '.')
			return false;
		for (; c < end && *c >= '0' && *c <= '9'; c++, behind++)
			digits = digits * 10 + (*c - '0');
		if (c < end || behind == 0)
			return false;
	}
	v = (double)digits / power[behind];
	*ret_value = minus ? -v : v;
	return true;
}

static enum gw_err read_value(
	const struct line_scan *s, const struct field *f, double *ret_value)
{
	char text[SHOWN + 4];

	if (plain_number(f, ret_value))
		return GW_OK;
	if (equals(f, "true") || equals(f, "false")) {
		*ret_value = f->n == 4;
		return GW_OK;
	}
	if (f->n == 0)
		return fail_at(s, f, "there is no value here, and the quality is usable");
	if (!text_of(f, text))
		return fail_word(s, f, "is not a number");
	s->csv->column = (unsigned)(f->at - s->bytes) + 1;
	return gw_parse_double(text, ret_value, s->err);
}

enum gw_quality gw_csv_quality(const char *word, size_t n)
{
	for (int q = GW_QUALITY_GOOD; q < GW_QUALITY_COUNT; q++) {
		const char *name = gw_quality_name((enum gw_quality)q);

		if (strlen(name) == n && memcmp(name, word, n) == 0)
			return (enum gw_quality)q;
	}
	return GW_QUALITY_NONE;
}

static enum gw_err read_quality(
	const struct line_scan *s, const struct field *f, uint16_t *ret_quality)
{
	enum gw_quality q = f->n ? gw_csv_quality(f->at, f->n) : GW_QUALITY_GOOD;

	if (q == GW_QUALITY_NONE)
		return fail_word(s, f,
			"is not a quality (good, uncertain, uncertain-over-range, uncertain-under-range, silent, bad-timeout, bad-link, bad-protocol, bad-refused, bad-range, bad-payload, bad-invalid)");
	*ret_quality = (uint16_t)q;
	return GW_OK;
}

/* ---- points ---- */

static enum gw_err check_point(const struct line_scan *s, const struct field *f)
{
	const char *end = f->at + f->n, *part = f->at;
	unsigned parts = 0;

	if (f->n == 0)
		return fail_at(s, f, "there is no point here");
	if (!gw_parse_utf8(f->at, f->n))
		return fail_at(s, f, "the point is not valid UTF-8");
	for (const char *c = f->at; c <= end; c++) {
		if (c < end && *c != '/') {
			if ((unsigned char)*c <= ' ' || *c == '"')
				return fail_word(s, f,
					"is not a point: quotes and blanks are no part of names");
			continue;
		}
		if (c == part)
			return fail_word(
				s, f, "is not a point, written source/device/point");
		parts++;
		part = c + 1;
	}
	if (parts != 3)
		return fail_word(s, f, "is not a point, written source/device/point");
	return GW_OK;
}

static enum gw_err read_point(const struct line_scan *s, struct gw_point_names *names,
	const struct field *f, uint32_t *ret_name)
{
	uint32_t name = gw_point_names_find(names, f->at, f->n);
	enum gw_err rc;

	if (name == GW_POINT_NAMES_NONE) {
		rc = check_point(s, f);
		if (rc)
			return rc;
		name = gw_point_names_add(names, f->at, f->n);
		if (name == GW_POINT_NAMES_NONE)
			return gw_fail(s->err, GW_ERR_SYSTEM, ENOMEM,
				"no memory for more than %u points", names->n);
	}
	*ret_name = name;
	return GW_OK;
}

/* ---- lines ---- */

static enum gw_err read_header(const struct line_scan *s, struct field line)
{
	if (line.n >= 3 && memcmp(line.at, "\xef\xbb\xbf", 3) == 0) {
		line.at += 3;
		line.n -= 3;
	}
	s->csv->has_quality = equals(&line, "time_ms,point,value,quality");
	if (!s->csv->has_quality && !equals(&line, "time_ms,point,value"))
		return fail_at(s, &line,
			"this is neither a recording nor CSV with the header time_ms,point,value[,quality]");
	s->csv->has_header = true;
	return GW_OK;
}

static enum gw_err read_fields(const struct line_scan *s, struct gw_point_names *names,
	struct field remaining, struct gw_reading *ret)
{
	struct field time, point, value, quality;
	enum gw_err rc;
	int64_t ms = 0;

	if (!split(&remaining, &time) || !split(&remaining, &point) ||
		!split(&remaining, &value))
		return fail_at(s, &time,
			s->csv->has_quality ? "a line is time_ms,point,value,quality"
					    : "a line is time_ms,point,value");
	rc = read_time(s, &time, &ms);
	if (!rc)
		rc = read_point(s, names, &point, &ret->name);
	ret->quality = GW_QUALITY_GOOD;
	if (!rc && split(&remaining, &quality)) {
		if (!s->csv->has_quality)
			return fail_at(s, &quality,
				"one field too many for the header time_ms,point,value");
		if (remaining.at)
			return fail_at(s, &remaining, "one field too many");
		rc = read_quality(s, &quality, &ret->quality);
	}
	if (rc)
		return rc;
	ret->value = 0;
	if (value.n || gw_quality_usable(ret->quality))
		rc = read_value(s, &value, &ret->value);
	if (rc)
		return rc;
	if (!gw_quality_usable(ret->quality))
		ret->value = 0;
	s->csv->has_time = true;
	s->csv->last_ms = ms;
	ret->time_ns = ms * GW_NS_PER_MS;
	return GW_OK;
}

enum gw_err gw_csv_line(struct gw_csv *csv, struct gw_point_names *names, const char *bytes,
	size_t n, struct gw_reading *ret_reading, bool *ret_any, struct gw_error *err)
{
	const struct line_scan s = {.csv = csv, .bytes = bytes, .err = err};
	struct field line = {bytes, n};

	csv->line++;
	*ret_any = csv->has_header;
	if (n && bytes[n - 1] == '\r')
		line.n--;
	if (!csv->has_header)
		return read_header(&s, line);
	if (line.n == 0)
		return fail_at(&s, &line, "this line is empty");
	return read_fields(&s, names, line, ret_reading);
}

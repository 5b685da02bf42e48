/* SPDX-License-Identifier: Apache-2.0 */
#include "term/time_arg.h"

#include "base/clock.h"
#include "base/parse.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

/* Exactly n digits; moves on. */
static bool digits(const char **s, int n, int low, int high, int *ret_value)
{
	int value = 0;

	for (int i = 0; i < n; i++, (*s)++) {
		if (**s < '0' || **s > '9')
			return false;
		value = value * 10 + (**s - '0');
	}
	*ret_value = value;
	return value >= low && value <= high;
}

static bool literal(const char **s, char c)
{
	if (**s != c)
		return false;
	(*s)++;
	return true;
}

static bool fraction(const char **s, int64_t *ret_ms)
{
	int64_t scale = 100;

	if (**s < '0' || **s > '9')
		return false;
	for (; **s >= '0' && **s <= '9'; (*s)++, scale /= 10)
		*ret_ms += (**s - '0') * scale;
	return true;
}

/* "Z" or "+08:00". */
static bool zone(const char **s, int *ret_seconds)
{
	int hours, minutes, sign = **s == '-' ? -1 : 1;

	if (literal(s, 'Z') || literal(s, 'z')) {
		*ret_seconds = 0;
		return true;
	}
	if (!literal(s, '+') && !literal(s, '-'))
		return false;
	if (!digits(s, 2, 0, 23, &hours) || !literal(s, ':') ||
		!digits(s, 2, 0, 59, &minutes))
		return false;
	*ret_seconds = sign * (hours * 3600 + minutes * 60);
	return true;
}

static bool day(const char **s, struct tm *tm)
{
	if (!digits(s, 4, 1970, 9999, &tm->tm_year) || !literal(s, '-') ||
		!digits(s, 2, 1, 12, &tm->tm_mon) || !literal(s, '-') ||
		!digits(s, 2, 1, 31, &tm->tm_mday))
		return false;
	tm->tm_year -= 1900;
	tm->tm_mon -= 1;
	return true;
}

static bool time_of_day(const char **s, struct tm *tm, int64_t *ret_ms)
{
	if (!digits(s, 2, 0, 23, &tm->tm_hour) || !literal(s, ':') ||
		!digits(s, 2, 0, 59, &tm->tm_min))
		return false;
	if (!literal(s, ':'))
		return true;
	if (!digits(s, 2, 0, 60, &tm->tm_sec))
		return false;
	return !literal(s, '.') || fraction(s, ret_ms);
}

static bool rfc3339(const char *s, int64_t *ret_ms)
{
	struct tm tm = {.tm_isdst = -1}, normalized;
	int64_t ms = 0;
	int offset = 0;
	bool zoned = false;
	time_t seconds;

	if (!day(&s, &tm))
		return false;
	if (*s) {
		if (!literal(&s, 'T') && !literal(&s, 't') && !literal(&s, ' '))
			return false;
		if (!time_of_day(&s, &tm, &ms))
			return false;
	}
	if (*s) {
		zoned = true;
		if (!zone(&s, &offset) || *s)
			return false;
	}
	normalized = tm;
	seconds = zoned ? timegm(&normalized) - offset : mktime(&normalized);
	if (normalized.tm_mday != tm.tm_mday && tm.tm_sec < 60)
		return false; /* the 31st of a month that has 30 */
	*ret_ms = (int64_t)seconds * 1000 + ms;
	return true;
}

enum gw_err gw_time_arg_parse(
	const char *text, int64_t now_ms, int64_t *ret_ms, struct gw_error *err)
{
	int64_t ago_ns;

	if (rfc3339(text, ret_ms))
		return GW_OK;
	if (gw_parse_duration(text, &ago_ns, NULL))
		return gw_fail(err, GW_ERR_CONFIG, 0,
			"\"%.60s\" is neither a duration (2h) nor a time (2026-11-21T08:15:30+08:00)",
			text);
	*ret_ms = now_ms - ago_ns / GW_NS_PER_MS;
	if (*ret_ms < 1)
		*ret_ms = 1; /* 0 means "no bound" to the daemon */
	return GW_OK;
}

void gw_time_arg_add_age(struct gw_text *t, int64_t age_ms)
{
	int64_t s = age_ms / 1000;

	if (age_ms < 1000)
		gw_text_addf(t, "%lldms", (long long)age_ms);
	else if (s < 10)
		gw_text_addf(t, "%lld.%llds", (long long)s, (long long)(age_ms / 100 % 10));
	else if (s < 60)
		gw_text_addf(t, "%llds", (long long)s);
	else if (s < 3600)
		gw_text_addf(t, "%lldmin", (long long)(s / 60));
	else if (s < 86400)
		gw_text_addf(
			t, "%lldh%lldmin", (long long)(s / 3600), (long long)(s / 60 % 60));
	else
		gw_text_addf(t, "%lldd%lldh", (long long)(s / 86400),
			(long long)(s / 3600 % 24));
}

void gw_time_arg_add_local(struct gw_text *t, int64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm tm;
	char memory[32];

	if (localtime_r(&seconds, &tm) &&
		strftime(memory, sizeof(memory), "%Y-%m-%d %H:%M:%S", &tm) > 0)
		gw_text_add(t, memory);
}

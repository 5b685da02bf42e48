/* SPDX-License-Identifier: Apache-2.0 */
#include "base/parse.h"

#include "base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define QUOTED_MAX 48 /* bytes of a bad text that a complaint repeats */

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

static size_t digits(const char *s)
{
	size_t n = 0;

	while (digit(s[n]))
		n++;
	return n;
}

/* Length of the number at s, JSON's grammar; 0 if there is none. */
static size_t number(const char *s, bool exponent)
{
	size_t n = *s == '-', more;

	if (!digit(s[n]))
		return 0;
	n += s[n] == '0' ? 1 : digits(s + n);
	if (s[n] == '.' && digit(s[n + 1]))
		n += 1 + digits(s + n + 1);
	if (exponent && (s[n] == 'e' || s[n] == 'E')) {
		more = s[n + 1] == '+' || s[n + 1] == '-' ? 2 : 1;
		if (digit(s[n + more]))
			n += more + digits(s + n + more);
	}
	return n;
}

static double to_double(const char *s)
{
	locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0); /* a static object */
	double v = strtod_l(s, NULL, c);

	freelocale(c);
	return v;
}

/* A number as people type it, in ASCII: full-width signs, points and digits are replaced, grouping
 * is removed. */
static void to_ascii(struct gw_text *t, const char *s)
{
	static const struct {
		const char *from, *to;
	} forms[] = {
		{"．", "."},
		{"。", "."},
		{"，", "."},
		{"－", "-"},
		{"−", "-"},
		{"＋", ""},
		{"％", "%"},
		{"　", ""},
		{"\u00a0", ""},
		{" ", ""},
		{"\t", ""},
		{"_", ""},
		{"'", ""},
		{"+", ""},
	};
	bool point = strchr(s, '.') != NULL; /* then commas group */
	size_t i, n;

	while (*s && !t->cut) {
		n = 0;
		for (i = 0; i < sizeof(forms) / sizeof(forms[0]) && n == 0; i++) {
			if (strncmp(s, forms[i].from, strlen(forms[i].from)) == 0) {
				n = strlen(forms[i].from);
				gw_text_add(t, forms[i].to);
			}
		}
		if (n == 0 && strncmp(s, "\xef\xbc", 2) == 0 && /* U+FF10 to U+FF19 */
			(unsigned char)s[2] >= 0x90 && (unsigned char)s[2] <= 0x99) {
			gw_text_addf(t, "%d", (unsigned char)s[2] - 0x90);
			n = 3;
		}
		if (n == 0) {
			if (*s != ',')
				gw_text_add_n(t, s, 1);
			else if (!point)
				gw_text_add(t, ".");
			n = 1;
		}
		s += n;
	}
}

/* The number that text was probably meant to be; false if one cannot tell. */
static bool guess_number(const char *text, char ret_guess[QUOTED_MAX])
{
	char memory[QUOTED_MAX];
	struct gw_text in, out;
	const char *s = memory, *tail;
	size_t n;

	gw_text_init(&in, memory, sizeof(memory));
	to_ascii(&in, text);
	gw_text_init(&out, ret_guess, QUOTED_MAX);
	if (in.cut)
		return false;
	if (*s == '-') {
		gw_text_add(&out, "-");
		s++;
	}
	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) {
		errno = 0;
		uintmax_t v = strtoumax(s, NULL, 16);
		n = 2 + strspn(s + 2, "0123456789abcdefABCDEF");
		gw_text_addf(&out, "%" PRIuMAX, v);
		return errno == 0 && n > 2 && s[n] == '\0';
	}
	while (s[0] == '0' && digit(s[1]))
		s++;
	if (s[0] == '.')
		gw_text_add(&out, "0");
	gw_text_add(&out, s);
	if (out.cut)
		return false;
	n = number(ret_guess, true);
	if (n == 0)
		return false;
	tail = ret_guess + n;
	if (*tail == '.') /* "5." */
		tail++;
	if (strpbrk(tail, "0123456789.-") != NULL)
		return false;
	ret_guess[n] = '\0';
	return isfinite(to_double(ret_guess)) && strcmp(ret_guess, text) != 0;
}

static void quote(struct gw_text *t, const char *text)
{
	char memory[QUOTED_MAX];
	struct gw_text q;

	gw_text_init(&q, memory, sizeof(memory));
	gw_text_add_sanitized(&q, text);
	gw_text_addf(t, "\"%s%s\"", memory, q.cut ? "..." : "");
}

/* "TEXT" is not WHAT (did you mean GUESS?) */
static enum gw_err refuse(
	struct gw_error *err, const char *text, const char *what, const char *guess)
{
	char memory[2 * QUOTED_MAX];
	struct gw_text q;

	gw_text_init(&q, memory, sizeof(memory));
	quote(&q, text);
	if (guess)
		return gw_fail(err, GW_ERR_CONFIG, 0, "%s is not %s (did you mean %s?)",
			memory, what, guess);
	return gw_fail(err, GW_ERR_CONFIG, 0, "%s is not %s", memory, what);
}

enum gw_err gw_parse_double(const char *text, double *ret_value, struct gw_error *err)
{
	size_t n = number(text, true);
	char guess[QUOTED_MAX];
	double v;

	if (n == 0 || text[n] != '\0')
		return refuse(
			err, text, "a number", guess_number(text, guess) ? guess : NULL);
	v = to_double(text);
	if (!isfinite(v))
		return refuse(err, text, "a number this can hold", NULL);
	*ret_value = v;
	return GW_OK;
}

enum gw_err gw_parse_int(const char *text, int64_t min, int64_t max, int64_t *ret_value,
	struct gw_error *err)
{
	bool hex = text[0] == '0' && text[1] == 'x' && text[2] != '\0' &&
		strspn(text + 2, "0123456789abcdefABCDEF") == strlen(text + 2);
	size_t whole = (*text == '-') + digits(text + (*text == '-'));
	size_t n = number(text, false);
	char guess[QUOTED_MAX], memory[2 * QUOTED_MAX];
	struct gw_text q;
	intmax_t v;

	if (!hex && (n == 0 || n != whole || text[n] != '\0')) {
		bool good = guess_number(text, guess) && strpbrk(guess, ".eE") == NULL;

		return refuse(err, text, "a whole number", good ? guess : NULL);
	}
	errno = 0;
	v = strtoimax(text, NULL, hex ? 16 : 10);
	if (errno == ERANGE || v < min || v > max) {
		gw_text_init(&q, memory, sizeof(memory));
		quote(&q, text);
		return gw_fail(err, GW_ERR_CONFIG, 0,
			"%s is out of range (%" PRId64 " to %" PRId64 ")", memory, min,
			max);
	}
	*ret_value = v;
	return GW_OK;
}

enum gw_err gw_parse_bool(const char *text, bool *ret_value, struct gw_error *err)
{
	static const char *const words[2][8] = {
		{"false", "no", "off", "n", "0", "f", "never", "disabled"},
		{"true", "yes", "on", "y", "1", "t", "always", "enabled"},
	};
	const char *guess = NULL;
	size_t i, j;

	for (i = 0; i < 2; i++) {
		if (strcmp(text, words[i][0]) == 0) {
			*ret_value = i == 1;
			return GW_OK;
		}
		for (j = 0; j < 8; j++)
			if (strcasecmp(text, words[i][j]) == 0)
				guess = words[i][0];
		if (!guess && gw_parse_distance(text, words[i][0]) <= 2)
			guess = words[i][0];
	}
	return refuse(err, text, "true or false", guess);
}

static const struct unit {
	const char *name;
	int64_t ns;
	const char *others[8]; /* what people write for it */
} units[] = {
	{"ms", 1000000, {"msec", "msecs", "millis", "millisecond", "milliseconds", "毫秒"}},
	{"s", 1000000000, {"sec", "secs", "second", "seconds", "S", "秒"}},
	{"min", 60000000000, {"m", "mins", "minute", "minutes", "M", "分", "分钟"}},
	{"h", 3600000000000, {"hr", "hrs", "hour", "hours", "H", "小时", "时"}},
	{"d", 86400000000000, {"day", "days", "D", "天", "日"}},
};
#define N_UNITS (sizeof(units) / sizeof(units[0]))

static const struct unit *unit_of(const char *name, bool loose)
{
	size_t i, j;

	for (i = 0; i < N_UNITS; i++) {
		if (strcmp(name, units[i].name) == 0)
			return &units[i];
		for (j = 0; loose && j < 8 && units[i].others[j]; j++)
			if (strcmp(name, units[i].others[j]) == 0)
				return &units[i];
	}
	return NULL;
}

/* The first n bytes of s are a number without sign or exponent; false if past 2^62. */
static bool scale(const char *s, size_t n, int64_t unit_ns, int64_t *ret_ns)
{
	size_t whole = digits(s);
	char fraction[32] = "0";
	uintmax_t v;
	int64_t ns;

	errno = 0;
	v = strtoumax(s, NULL, 10);
	if (errno == ERANGE || v > INT64_MAX ||
		__builtin_mul_overflow((int64_t)v, unit_ns, &ns))
		return false;
	if (n > whole) {
		n = n - whole < sizeof(fraction) - 1 ? n - whole : sizeof(fraction) - 2;
		memcpy(fraction + 1, s + whole, n);
		fraction[n + 1] = '\0';
	}
	/* a unit has fewer than 2^53 ns, so that a part of one is exact to the nanosecond */
	if (__builtin_add_overflow(
		    ns, llround(to_double(fraction) * (double)unit_ns), &ns) ||
		ns >= INT64_C(1) << 62)
		return false;
	*ret_ns = ns;
	return true;
}

/* "90" -> 90s, "5m" -> 5min, "10 s" -> 10s, "1,5h" -> 1.5h, "1h30min" -> 90min */
static bool guess_duration(const char *text, char ret_guess[QUOTED_MAX])
{
	char memory[QUOTED_MAX], name[QUOTED_MAX];
	const struct unit *u = NULL;
	int64_t ns, sum = 0;
	struct gw_text in, out;
	const char *s = memory;
	size_t n, len, parts = 0;

	gw_text_init(&in, memory, sizeof(memory));
	to_ascii(&in, text);
	gw_text_init(&out, ret_guess, QUOTED_MAX);
	while (s[0] == '0' && digit(s[1]))
		s++;
	if (in.cut || *s == '-')
		return false;
	if ((n = number(s, false)) > 0 && s[n] == '\0') {
		gw_text_addf(&out, "%ss", s);
		return true;
	}
	for (; *s; s += n + len, parts++) {
		n = number(s, false);
		len = strcspn(s + n, "0123456789.");
		memcpy(name, s + n, len);
		name[len] = '\0';
		u = unit_of(name, true);
		if (n == 0 || !u || !scale(s, n, u->ns, &ns) ||
			__builtin_add_overflow(sum, ns, &sum))
			return false;
		if (parts == 0)
			gw_text_addf(&out, "%.*s%s", (int)n, s, u->name);
	}
	if (parts > 1) {
		gw_text_init(&out, ret_guess, QUOTED_MAX);
		gw_text_add_double(&out, (double)sum / (double)u->ns);
		gw_text_add(&out, u->name);
	}
	return parts > 0 && !out.cut;
}

enum gw_err gw_parse_duration(const char *text, int64_t *ret_ns, struct gw_error *err)
{
	size_t n = *text == '-' ? 0 : number(text, false);
	const struct unit *u = n > 0 ? unit_of(text + n, false) : NULL;
	char guess[QUOTED_MAX];
	int64_t ns;

	if (!u)
		return refuse(err, text, "a duration such as 300ms, 10s, 5min, 1h or 7d",
			guess_duration(text, guess) ? guess : NULL);
	if (!scale(text, n, u->ns, &ns))
		return refuse(err, text, "a duration this can hold", NULL);
	*ret_ns = ns;
	return GW_OK;
}

static unsigned smaller(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

unsigned gw_parse_distance(const char *a, const char *b)
{
	enum { MAX = 64 };
	unsigned rows[3][MAX + 1]; /* two before, before, now */
	unsigned *before2 = rows[0], *before = rows[1], *now = rows[2], *spare;
	size_t na = strnlen(a, MAX), nb = strnlen(b, MAX), i, j;

	for (j = 0; j <= nb; j++) {
		before2[j] = 0; /* never read, but the compiler cannot know */
		before[j] = (unsigned)j;
	}
	for (i = 1; i <= na; i++) {
		now[0] = (unsigned)i;
		for (j = 1; j <= nb; j++) {
			now[j] = smaller(before[j - 1] + (a[i - 1] != b[j - 1]),
				smaller(before[j], now[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				now[j] = smaller(now[j], before2[j - 2] + 1);
		}
		spare = before2;
		before2 = before;
		before = now;
		now = spare;
	}
	return before[nb];
}

bool gw_parse_utf8(const char *bytes, size_t n)
{
	size_t len;

	for (; n > 0; bytes += len, n -= len) {
		len = gw_text_utf8(bytes, n);
		if (len == 0 || *bytes == '\0')
			return false;
	}
	return true;
}

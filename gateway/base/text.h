/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.h: text written into memory of the caller, never past its end, always NUL-terminated.
 * What does not fit is cut between characters, and nothing is added after a cut. All JSON and all
 * numbers are written here, so that a repeat is byte-identical.
 *
 * Owner: the caller. Thread: one at a time.
 */
#ifndef GW_BASE_TEXT_H
#define GW_BASE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_text {
	char *at;
	size_t size, used; /* used excludes the NUL */
	bool cut;          /* something did not fit */
	bool comma;        /* JSON: the next field needs a comma before it */
};

void gw_text_init(struct gw_text *t, char *memory, size_t size);
void gw_text_add(struct gw_text *t, const char *s);
void gw_text_add_n(struct gw_text *t, const char *s, size_t n);
void gw_text_addf(struct gw_text *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void gw_text_addv(struct gw_text *t, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));
/* As gw_text_add, with each unsafe character (gw_text_is_unsafe) as a space, and each byte that is
 * not UTF-8 as "?": for texts from outside that must stay one line and harmless on a terminal. */
void gw_text_add_sanitized(struct gw_text *t, const char *s);

/* Bytes of the UTF-8 character at s, of which n may be read: 1..4, or 0 if it is not one
 * (overlong, a surrogate, past U+10FFFF, cut off). NUL counts as a character. */
size_t gw_text_utf8(const char *s, size_t n);
/* Its code point; n is what gw_text_utf8 gave, not 0. */
uint32_t gw_text_code_point(const char *s, size_t n);

/* Whether the character of n bytes at s (gw_text_utf8) changes how text is shown instead of being
 * visible itself: controls (C0, DEL, and C1, which begin escape sequences), what separates
 * lines and paragraphs, and the format characters that are invisible or turn the direction of
 * writing (Unicode, general category Cf). */
bool gw_text_is_unsafe(const char *s, size_t n);

/* The shortest decimal text that reads back as the same double ("52.3"); "null" for non-finite
 * values. Independent of the locale. */
void gw_text_add_double(struct gw_text *t, double v);

/* RFC 3339 with milliseconds: UTC ("...Z"), or with the local zone's offset ("+08:00"). */
void gw_text_add_time_utc(struct gw_text *t, int64_t wall_ms);
void gw_text_add_time_local(struct gw_text *t, int64_t wall_ms);

/* A duration a person reads: "300ms", "10s", "5min", "1h30min", "7d", "1.5s". ns >= 0. */
void gw_text_add_duration(struct gw_text *t, int64_t ns);

/* JSON. Commas are placed by the writer; key NULL inside arrays. Strings are escaped, with them
 * every unsafe character (\\u202e: the same text to a program, harmless on a terminal), and bytes
 * that are not UTF-8 become U+FFFD. */
void gw_json_open(struct gw_text *t, const char *key, char bracket);        /* '{' or '[' */
void gw_json_close(struct gw_text *t, char bracket);                        /* '}' or ']' */
void gw_json_string(struct gw_text *t, const char *key, const char *value); /* NULL: null */
void gw_json_int(struct gw_text *t, const char *key, int64_t value);
void gw_json_double(
	struct gw_text *t, const char *key, double value); /* non-finite: null */
void gw_json_bool(struct gw_text *t, const char *key, bool value);
void gw_json_null(struct gw_text *t, const char *key);
/* A value that is JSON already. */
void gw_json_raw(struct gw_text *t, const char *key, const char *json);

#endif

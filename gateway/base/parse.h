/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse.h: strict readers of scalars. The whole text must be the value: no leading or trailing
 * text, no locale, no nan or inf, no leading zeros ("010"), no digits of other scripts.
 *
 * Thread: any. On failure the output is untouched and err->text says what was probably meant:
 * "57,5" is not a number (did you mean 57.5?)
 */
#ifndef GW_BASE_PARSE_H
#define GW_BASE_PARSE_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

/* Decimal, optional sign, fraction and exponent; finite. */
enum gw_err gw_parse_double(const char *text, double *ret_value, struct gw_error *err);

/* Decimal, or hexadecimal with 0x; min <= value <= max. */
enum gw_err gw_parse_int(const char *text, int64_t min, int64_t max, int64_t *ret_value,
	struct gw_error *err);

/* true/false only (YAML 1.1's yes, no, on, off, maybe are refused with a hint). */
enum gw_err gw_parse_bool(const char *text, bool *ret_value, struct gw_error *err);

/* A number and its unit, no space: ms, s, min, h, d; "1.5h" is fine, "90" is not. 0 <= ns <
 * 2^62. */
enum gw_err gw_parse_duration(const char *text, int64_t *ret_ns, struct gw_error *err);

/* Optimal string alignment distance, for "did you mean"; at most 64 bytes of each are compared. */
unsigned gw_parse_distance(const char *a, const char *b);

/* Whether bytes are valid UTF-8 (no surrogates, no overlong forms, no NUL). */
bool gw_parse_utf8(const char *bytes, size_t n);

#endif

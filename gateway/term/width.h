/* SPDX-License-Identifier: Apache-2.0 */
/*
 * width.h: the width of a text on a terminal, independent of the locale: columns of
 * Chinese names align on a serial console in the C locale, too.
 *
 * Thread: any.
 */
#ifndef GW_TERM_WIDTH_H
#define GW_TERM_WIDTH_H

#include <stddef.h>

/* Columns of valid UTF-8: East Asian wide and full-width characters (UAX #11) take two,
 * combining marks and zero-width characters none. */
size_t gw_width(const char *text);

/* A copy, to be freed, that is safe on a terminal: unsafe characters (gw_text_is_unsafe)
 * become spaces, bytes that are not UTF-8 "?". NULL: no memory. */
char *gw_width_sanitize(const char *text);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * width.h: how wide a text stands on a terminal. Independent of the locale, so that columns of
 * Chinese names align over a serial console in the C locale too.
 *
 * Thread: any.
 */
#ifndef GW_TERM_WIDTH_H
#define GW_TERM_WIDTH_H

#include <stddef.h>

/* Columns of valid UTF-8: East Asian wide and full-width characters (UAX #11) take two,
 * combining marks and zero-width characters none. */
size_t gw_width(const char *text);

/* A copy to be freed in which nothing can command a terminal or read as another text: what
 * gw_text_tricks becomes a space, a byte that is not UTF-8 "?". NULL if there is no memory. */
char *gw_width_sanitize(const char *text);

#endif

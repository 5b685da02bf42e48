/* SPDX-License-Identifier: Apache-2.0 */
/*
 * accept.h: whether the body of a 2xx response accepts the request, too. Many platforms refuse
 * in the body of a 200 ({"errcode":310000}), and a captive portal serves its login page to
 * every request.
 *
 * Thread: any. Pure.
 */
#ifndef GW_UPLINK_ACCEPT_H
#define GW_UPLINK_ACCEPT_H

#include "base/setting.h"
#include "base/text.h"

/* GW_SET_PAIRS with this choice: JSON pointers and the values expected there, or `any`. */
extern const char *const gw_accept_words[];
enum { GW_ACCEPT_ANY = 1 }; /* gw_setting_pairs.word */

#define GW_ACCEPT_MAX 16 /* pairs */

/* An HTML document: begins, after white space and a byte order mark, with <!doctype html or
 * <html, in any case. */
bool gw_accept_is_html(const char *body, size_t n);

/* NULL: a valid RFC 6901 pointer to a field; otherwise what is wrong with it. */
const char *gw_accept_pointer_error(const char *pointer);

/* Whether body is JSON with the expected value at every pointer. A plain number or word in the
 * configuration equals the same as a JSON string; one in quotes only a string. False: why says
 * what was read instead. */
bool gw_accept_matches(const struct gw_setting_pairs *expected, const char *body, size_t n,
	struct gw_text *why);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redact.h: texts without what may be secret in their URLs: the user, the path (of a webhook it is
 * the password) and the query. Scheme, host and port stay; so does file:///... . In doubt more is
 * left out.
 *
 * Thread: any; pure.
 */
#ifndef GW_CTL_REDACT_H
#define GW_CTL_REDACT_H

#include <stddef.h>

#define GW_REDACT_LEFT_OUT "(left out)"

/* Each: malloc'd, ends in NUL; NULL: no memory. */

/* Of JSON, a log or another text. A URL ends at white space and at the end of its string; what was
 * JSON is JSON still. */
char *gw_redact_urls(const char *text, size_t n, size_t *ret_n);
/* Of one value, in which a URL ends where the value does. */
char *gw_redact_value(const char *text, size_t n, size_t *ret_n);

#endif

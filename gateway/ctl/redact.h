/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redact.h: a configuration without what may be secret in it. Keys and tokens belong into files
 * of their own, but somebody may have written one into it all the same.
 *
 * Thread: any; pure.
 */
#ifndef GW_CTL_REDACT_H
#define GW_CTL_REDACT_H

#include <stddef.h>

/* YAML text in, the same out: malloc'd, ends in NUL; NULL: no memory. Left out are comments, the
 * path and the user of URLs (a webhook's path is its password), and the value of each key whose
 * name speaks of a secret unless it is the path of a file. Lines keep their numbers. */
char *gw_redact_config(const char *text, size_t n, size_t *ret_n);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * match.h: patterns over keys such as source/device/point. `*` matches any run of characters
 * within one part (never `/`), `?` one byte (never `/`); everything else is itself.
 *
 * Thread: any. Linear in the key's length times the number of stars.
 */
#ifndef GW_BASE_MATCH_H
#define GW_BASE_MATCH_H

#include <stdbool.h>

bool gw_match(const char *pattern, const char *key);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/match.h"

#include <stddef.h>

bool gw_match(const char *pattern, const char *key)
{
	const char *star = NULL; /* just after the last star */
	const char *from = NULL; /* where the key goes on after what that star has taken */

	/* Only the last star need ever take more: whatever an earlier one could take instead
	 * leaves less for the rest, and a slash in both texts closes the parts before it. */
	while (*key) {
		if (*pattern == '*') {
			star = ++pattern;
			from = key;
		} else if (*pattern == *key || (*pattern == '?' && *key != '/')) {
			pattern++;
			key++;
		} else if (star && *from != '/') {
			pattern = star;
			key = ++from;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

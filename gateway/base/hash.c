/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"

uint64_t gw_hash(uint64_t before, const void *bytes, size_t n)
{
	const unsigned char *at = bytes;

	for (size_t i = 0; i < n; i++)
		before = (before ^ at[i]) * UINT64_C(0x100000001b3);
	return before;
}

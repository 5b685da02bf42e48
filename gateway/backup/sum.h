/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sum.h: SHA-256 in hexadecimal digits.
 *
 * Owner: the caller. Thread: any, one at a time. Life: zeroed, begin, add..., end.
 */
#ifndef GW_BACKUP_SUM_H
#define GW_BACKUP_SUM_H

#include <stdbool.h>
#include <stddef.h>

#define GW_SUM_HEX 65

struct gw_sum {
	void *context; /* EVP_MD_CTX */
};

bool gw_sum_begin(struct gw_sum *s); /* false: no memory */
void gw_sum_add(struct gw_sum *s, const void *bytes, size_t n);
/* False: no memory at some point. */
bool gw_sum_end(struct gw_sum *s, char ret_hex[GW_SUM_HEX]);
bool gw_sum_of(const void *bytes, size_t n, char ret_hex[GW_SUM_HEX]);

#endif

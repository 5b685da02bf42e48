/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fd_reserve.h: the last descriptors are kept for what must not fail: uplinks that connect anew, the
 * store that opens its file again. Whoever can wait, a source that opens its link, asks first.
 *
 * Thread: keep by main before others run; left by any.
 */
#ifndef GW_BASE_FD_RESERVE_H
#define GW_BASE_FD_RESERVE_H

#include <stdbool.h>
#include <stddef.h>

/* So many are kept; 0: none. */
void gw_fd_reserve_set(size_t descriptors);
/* Whether a few more may be opened. Numbers are given from below, so the next one tells. */
bool gw_fd_reserve_available(void);

#endif

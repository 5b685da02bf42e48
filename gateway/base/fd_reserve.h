/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fd_reserve.h: file descriptors that are kept free for what must not fail: uplinks that connect
 * again, the store that opens its file again. A source, which can wait, checks before it opens its
 * link, and afterwards, as several may have begun at once.
 *
 * Thread: set by main; the others by any.
 */
#ifndef GW_BASE_FD_RESERVE_H
#define GW_BASE_FD_RESERVE_H

#include <stdbool.h>
#include <stddef.h>

/* How many to keep free; 0: none. */
void gw_fd_reserve_set(size_t descriptors);
/* Whether a link may be opened without using the reserve. */
bool gw_fd_reserve_available(void);
/* Whether nothing of it is used. False: the caller closes what it opened. */
bool gw_fd_reserve_is_whole(void);

#endif

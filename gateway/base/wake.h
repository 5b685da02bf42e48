/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wake.h: lets one thread sleep until others have work for it, without a system call while it is
 * awake. An eventfd and a flag: the sleeper sets the flag, checks its rings once more, and only
 * then blocks; a waker writes the eventfd only if the flag is set.
 *
 *     sleeper: gw_wake_prepare(w); if (nothing to do) poll(w->fd); gw_wake_finish(w);
 *     waker:   publish; gw_wake_poke(w);
 *
 * Owner: the sleeper's object. Thread: prepare/finish/wait by the one sleeper; poke by any.
 */
#ifndef GW_BASE_WAKE_H
#define GW_BASE_WAKE_H

#include "base/error.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct gw_wake {
	int fd;               /* set at init, never 0; poll it for POLLIN */
	_Atomic int sleeping; /* any thread */
	uint64_t unread;      /* sleeper only: pokes that were written and not yet read */
};

enum gw_err gw_wake_init(struct gw_wake *w, struct gw_error *err);
void gw_wake_fini(struct gw_wake *w); /* zeroed or twice is fine */

/* Announce the sleep. After it, whatever was published before a poke is visible. */
void gw_wake_prepare(struct gw_wake *w);
/* Awake again: takes the announcement back and reads the eventfd if it fired. */
void gw_wake_finish(struct gw_wake *w);
/* prepare has been called and there is nothing to do: block up to timeout_ns (< 0: for ever),
 * then finish. True if it was poked; a signal ends it early. */
bool gw_wake_wait(struct gw_wake *w, int64_t timeout_ns);

/* Wake the sleeper if it sleeps. Async-signal-safe, never blocks. */
void gw_wake_poke(struct gw_wake *w);

#endif

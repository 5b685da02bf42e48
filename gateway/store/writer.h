/* SPDX-License-Identifier: Apache-2.0 */
/*
 * writer.h: one step of the store's thread: receive, commit, reply. Every new event, its alarm's
 * state and every mark is committed here (write_transaction in writer.c). Transactions of their own
 * have: a window of a resend (resend_window.c), retention (retention.c), what a start finds and a
 * clean stop leaves (recovery.c, salvage.c), the names of uplinks (registry.c), and the spare
 * database (spare.c).
 *
 * Thread: the store's; main after it was joined.
 */
#ifndef GW_STORE_WRITER_H
#define GW_STORE_WRITER_H

#include "store/store.h"

/* Returns how long the thread may sleep, 0: call again at once. stopping: the last steps, which
 * do not wait for the back-off. */
int64_t gw_writer_step(struct gw_store *s, bool stopping);
/* Another thread has sent something that a step would take. */
bool gw_writer_has_input(struct gw_store *s);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resend_window.h: owes an uplink again what was delivered or parked, because a person asked for it
 * (`tocsin resend`).
 *
 * Thread: the store's.
 */
#ifndef GW_STORE_RESEND_WINDOW_H
#define GW_STORE_RESEND_WINDOW_H

#include "store/store.h"

/* Serves the slot's GW_MAILBOX_REQUEST_RESEND: one window of rows in a transaction of its own, or
 * the events in memory after the last window. batch gets the counts and where to go on. */
void gw_resend_window_owe(struct gw_store *s, size_t slot, struct gw_batch *batch);

#endif

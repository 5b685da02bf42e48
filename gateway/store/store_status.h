/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_status.h: what gw_store_status gives to other threads.
 *
 * Thread: the store's.
 */
#ifndef GW_STORE_STORE_STATUS_H
#define GW_STORE_STORE_STATUS_H

#include "store/store.h"

/* Counts anew and publishes under the lock. Call after each change that others may see. */
void gw_store_publish_status(struct gw_store *s);

#endif

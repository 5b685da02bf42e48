/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify.h: `tocsin verify`: a walk over the chain of hashes, some rows in each step of the
 * writer, so that no commit waits for it.
 *
 * Thread: the store's.
 */
#ifndef GW_STORE_VERIFY_H
#define GW_STORE_VERIFY_H

#include "store/store.h"

/* The next rows of the walk that main asked for, if any; posts the result at its end. stopping:
 * end the walk now. True: there are more rows. */
bool gw_verify_step(struct gw_store *s, bool stopping);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * corruption.h: is the database corrupt? SQLite reports some reads that fail as corruption. So a
 * file is corrupt only if it seems so twice in a row, to two connections, and every byte of it can
 * be read. A file of which a part cannot be read is waited for.
 *
 * Thread: the store's.
 */
#ifndef GW_STORE_CORRUPTION_H
#define GW_STORE_CORRUPTION_H

#include "base/error.h"

#include <stdbool.h>

struct gw_store;

/* It seems corrupt: logged the first time. True: it seemed so before, and no commit or complete
 * reading has shown since then that it can be used. */
bool gw_corruption_note(struct gw_store *s, const struct gw_error *why);
/* It seems corrupt to a second connection; both are closed. GW_OK: it is. GW_ERR_SYSTEM: part of it
 * cannot be read, so nobody knows. Reads the whole file. */
enum gw_err gw_corruption_confirm(
	struct gw_store *s, const struct gw_error *why, struct gw_error *err);
/* native says that a page cannot be read, and so it has been for as long as is waited. */
bool gw_corruption_unreadable_for_long(struct gw_store *s, int native);
/* It can be used. */
void gw_corruption_disproved(struct gw_store *s);

#endif

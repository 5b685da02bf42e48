/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registry.h: the names of uplinks and the bit that each has in the masks of the database, for as
 * long as something is owed to it. An uplink that is removed from the configuration is owed its
 * events for REMOVED_KEEP_DAYS more; a new one with the same URL takes them over.
 *
 * Thread: the store's.
 */
#ifndef GW_STORE_REGISTRY_H
#define GW_STORE_REGISTRY_H

#include "store/registry_rows.h"
#include "store/store.h"

#define GW_REGISTRY_NOTES 8

/* An uplink of that name is in an active slot. */
bool gw_registry_is_configured(const struct gw_store *s, const char *name);
/* Sets the bit of each mailbox from the rows in memory. */
void gw_registry_assign_bits(struct gw_store *s);
/* Reads the rows from the database, then assigns the bits. */
enum gw_err gw_registry_read(struct gw_store *s, struct gw_error *err);
/* Inside a transaction: gives each configured name a bit, and keeps or drops what removed ones
 * are owed. Log lines are noted until the transaction is committed. */
enum gw_err gw_registry_write(struct gw_store *s, struct gw_error *err);
/* After that commit. */
void gw_registry_log_notes(struct gw_store *s);
/* In a transaction of its own: everything owed to removed uplinks is owed to this slot instead.
 * Adds their number to ret_reassigned. */
enum gw_err gw_registry_reassign_removed(
	struct gw_store *s, size_t slot, uint64_t *ret_reassigned, struct gw_error *err);
/* Bits of the removed uplinks. */
uint32_t gw_registry_removed_bits(const struct gw_store *s);
/* Once a day: has the registry written again if there are removed uplinks. */
void gw_registry_check_daily(struct gw_store *s, int64_t now_ns);
void gw_registry_status(const struct gw_store *s, struct gw_store_status *st);

#endif

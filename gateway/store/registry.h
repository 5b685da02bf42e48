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

#include "store/db.h"
#include "store/store.h"

#define GW_REGISTRY_NOTES 8

/* A name that has a bit; the index of the row is the bit. */
struct gw_registry_row {
	char *name, *url; /* NULL: the bit is free */
	int removed_days; /* days since it is no longer configured; -1: it is configured */
	int64_t last_day_ms; /* wall time at which the last of these days was counted */
};

/* Sets the bit of each mailbox from the rows in memory. */
void gw_registry_assign_bits(struct gw_store *s);
/* Reads the rows from the database, then assigns the bits. */
enum gw_err gw_registry_read(struct gw_store *s, struct gw_error *err);
/* Inside a transaction: gives each configured name a bit, and keeps or drops what removed ones
 * are owed. Log lines are noted until the transaction is committed. */
enum gw_err gw_registry_write(struct gw_store *s, struct gw_error *err);
/* After that commit. */
void gw_registry_log_notes(struct gw_store *s);
/* Inside a transaction: the URLs and days of another database's names. ret_read_error: part of
 * them cannot be read. Fails if ours cannot be written. */
enum gw_err gw_registry_copy_from(struct gw_store *s, struct gw_db *from,
	enum gw_err *ret_read_error, struct gw_error *err);
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

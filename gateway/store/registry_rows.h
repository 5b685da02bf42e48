/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registry_rows.h: the SQL of the registry. The table `sink` has the bit and the name of each
 * uplink; its name is older than the word uplink. The table `uplink` has URL and days. Here are
 * also changes of the owed, parked and undurable masks of one bit. Used by registry.c, and by
 * salvage.c for another file.
 *
 * Thread: the store's, inside a transaction.
 */
#ifndef GW_STORE_REGISTRY_ROWS_H
#define GW_STORE_REGISTRY_ROWS_H

#include "store/db.h"

struct gw_store;

/* A name that has a bit; the index of the row is the bit. */
struct gw_registry_row {
	char *name, *url; /* NULL: the bit is free */
	int removed_days; /* days since it is no longer configured; -1: it is configured */
	int64_t last_day_ms; /* wall time at which the last of these days was counted */
};

/* Files of earlier versions have no table uplink. */
enum gw_err gw_registry_rows_create(struct gw_store *s, struct gw_error *err);
/* The rows in memory, from both tables. After a failure there are none. */
enum gw_err gw_registry_rows_read(struct gw_store *s, struct gw_error *err);
enum gw_err gw_registry_rows_put(
	struct gw_store *s, const struct gw_registry_row *row, struct gw_error *err);
/* The row in memory becomes free, too. */
enum gw_err gw_registry_rows_delete(
	struct gw_store *s, struct gw_registry_row *row, struct gw_error *err);
/* Deletes the row in table uplink alone: the bit stays and gets another name. */
enum gw_err gw_registry_rows_delete_url(
	struct gw_store *s, const struct gw_registry_row *row, struct gw_error *err);
/* Nothing is owed to this row any more; deletes it. */
enum gw_err gw_registry_rows_drop_owed(
	struct gw_store *s, struct gw_registry_row *row, struct gw_error *err);
/* What is parked for the row becomes owed to the bits in `to`: another uplink may take what this
 * one refused, and so may the same one under another configuration. */
enum gw_err gw_registry_rows_unpark(struct gw_store *s, const struct gw_registry_row *row,
	uint32_t to, struct gw_error *err);
/* What is owed to or parked for the row becomes owed to the bits in `to`; deletes it. */
enum gw_err gw_registry_rows_merge_owed(
	struct gw_store *s, struct gw_registry_row *row, uint32_t to, struct gw_error *err);
/* Inside a transaction: the URLs and days of another database's names. ret_read_error: part of
 * them cannot be read. Fails if ours cannot be written. */
enum gw_err gw_registry_rows_copy_from(struct gw_store *s, struct gw_db *from,
	enum gw_err *ret_read_error, struct gw_error *err);

#endif

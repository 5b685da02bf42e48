/* SPDX-License-Identifier: Apache-2.0 */
/*
  * db.h: the SQLite file: opening, checking, schema, statements, transactions, checkpoints. WAL with
 * synchronous FULL, and one exclusive connection: a second one would meet SQLite's WAL-reset race.
 *
 * Owner: the store. Thread: main before start and after join, else the store's. Life: open,
 * stmt/exec..., close; zeroed is closed.
 */
#ifndef GW_STORE_DB_H
#define GW_STORE_DB_H

#include "base/error.h"

#include <limits.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#define GW_DB_VERSION    2
#define GW_DB_PAGE_BYTES 1024 /* an event changes three pages */
#define GW_DB_WAL_PAGES  4096 /* checkpoint beyond it: 4 MiB */
#define GW_CHAIN_HASH    32   /* SHA-256 */

enum gw_db_stmt {
	GW_DB_BEGIN,
	GW_DB_COMMIT,
	GW_DB_ROLLBACK,
	GW_DB_META_GET,
	GW_DB_META_PUT,
	GW_DB_SINK_ALL,
	GW_DB_SINK_PUT,
	GW_DB_BOOT_FIND,
	GW_DB_BOOT_PUT,
	GW_DB_BOOT_GET,
	GW_DB_INFO_FIND,
	GW_DB_INFO_PUT,
	GW_DB_INFO_GET,
	GW_DB_INFO_SWEEP,
	GW_DB_EVENT_PUT,
	GW_DB_CHAIN_LINK,
	GW_DB_CHAIN_ROWS,
	GW_DB_CHAIN_GAP,
	GW_DB_JOINT_PUT,
	GW_DB_JOINT_GET,
	GW_DB_JOINT_DELETE,
	GW_DB_REMOVED_GET,
	GW_DB_REMOVED_PUT,
	GW_DB_REMOVED_DELETE,
	GW_DB_REMOVED_SPAN,
	GW_DB_EVENT_UNDURABLE,
	GW_DB_EVENT_RUN,
	GW_DB_EVENT_DELETE,
	GW_DB_EVENT_SPAN,
	GW_DB_EVENT_OTHER_RUN,
	GW_DB_EVENT_FROM,
	GW_DB_ALARM_PUT,
	GW_DB_ALARM_SWEEP,
	GW_DB_ALARM_NEWER,
	GW_DB_ALARM_ALL,
	GW_DB_ALARM_HAS,
	GW_DB_OWED_PUT,
	GW_DB_OWED_GET,
	GW_DB_OWED_SET,
	GW_DB_OWED_DELETE,
	GW_DB_OWED_COUNT,
	GW_DB_OWED_BATCH,
	GW_DB_PARKED_SWEEP,
	GW_DB_OWED_SINKS,
	GW_DB_PARKED_SINKS,
	GW_DB_UNDURABLE_SINKS,
	GW_DB_PARKED_PUT,
	GW_DB_PARKED_DELETE,
	GW_DB_PARKED_COUNT,
	GW_DB_PARKED_CLEAR,
	GW_DB_PARKED_DROP,
	GW_DB_PARKED_BATCH,
	GW_DB_OWE_RANGE,
	GW_DB_UNPARK_RANGE,
	GW_DB_HISTORY,
	GW_DB_VICTIMS,
	GW_DB_PAGES,
	GW_DB_FREE_PAGES,
	GW_DB_SHRINK,
	GW_DB_STMTS,
};

enum gw_db_trust {
	GW_DB_TRUST_CLEAN,   /* checks every page only if the last stop was unclean */
	GW_DB_TRUST_SUSPECT, /* checks every page, and copies the WAL into the file */
};

/* The end of the chain of hashes, see chain.h. */
struct gw_chain {
	bool known;        /* the other members are valid */
	bool head_removed; /* the head's row is deleted, its hash is kept */
	uint64_t seq;      /* of the head, 0: there is none */
	uint64_t max_seq;  /* highest number of a row ever */
	unsigned char hash[GW_CHAIN_HASH];
};

struct gw_db {
	sqlite3 *handle; /* NULL: closed */
	bool read_only;
	struct gw_error why; /* why it is read_only; kind GW_OK: because the disk is */
	bool was_clean;      /* the last stop was clean */
	int wal_pages;       /* in the WAL after the last commit */
	int64_t wal_bytes;   /* of its file, as last seen; 0: not looked at */
	int64_t deadline_ns;
	struct gw_chain chain;
	sqlite3_stmt *stmts[GW_DB_STMTS];
};

/* GW_ERR_CORRUPT: the file cannot be trusted, is not ours or is newer: it belongs into quarantine.
 * GW_ERR_FULL, GW_ERR_SYSTEM: it cannot be opened now. ret_created: it was made just now. On a
 * disk that can only be read it opens read_only. */
enum gw_err gw_db_open(struct gw_db *db, const char *path, int64_t max_bytes,
	enum gw_db_trust trust, bool *ret_created, struct gw_error *err);

/* Of the schema, 0: there is none. GW_ERR_CORRUPT: the file is not ours. */
enum gw_err gw_db_read_version(
	struct gw_db *db, int64_t *ret_version, struct gw_error *err);
/* keep_wal: no checkpoint, because the disk just failed. Closed or twice is fine. */
void gw_db_close(struct gw_db *db, bool keep_wal);

/* Ready to bind; reset by gw_db_run or the caller. */
sqlite3_stmt *gw_db_stmt(struct gw_db *db, enum gw_db_stmt which);
/* Step to the end and reset; rows are thrown away. */
enum gw_err gw_db_run(struct gw_db *db, enum gw_db_stmt which, struct gw_error *err);
/* One number of one row; GW_OK and untouched if there is no row. */
enum gw_err gw_db_query_int(
	struct gw_db *db, enum gw_db_stmt which, int64_t *ret_number, struct gw_error *err);
/* The text of a column, "" for a NULL. NULL: no memory, which SQLite reports in no other way. */
const char *gw_db_text(sqlite3_stmt *st, int column);
/* The kind of an SQLite error, with SQLite's text. */
enum gw_err gw_db_fail(struct gw_db *db, int rc, const char *what, struct gw_error *err);

enum gw_err gw_db_begin(struct gw_db *db, struct gw_error *err);
enum gw_err gw_db_commit(struct gw_db *db, struct gw_error *err);
void gw_db_rollback(struct gw_db *db); /* no transaction is fine */

enum gw_err gw_db_meta_get(
	struct gw_db *db, const char *name, int64_t *ret_value, struct gw_error *err);
enum gw_err gw_db_meta_put(
	struct gw_db *db, const char *name, int64_t value, struct gw_error *err);

/* Copies the WAL into the file; truncate: and empties it. */
enum gw_err gw_db_checkpoint(struct gw_db *db, bool truncate, struct gw_error *err);
/* Extends the WAL's file with zeros if little of it is left: a commit that does not change the
 * length of the file syncs in half the time. A closed database or a full disk is no failure. A
 * failed sync is, because the kernel reports it only once. */
enum gw_err gw_db_extend_wal(struct gw_db *db, struct gw_error *err);
/* Statements still running at mono_ns end with an error; 0: no deadline. */
void gw_db_set_deadline(struct gw_db *db, int64_t mono_ns);
enum gw_err gw_db_pages(
	struct gw_db *db, int64_t *ret_pages, int64_t *ret_free, struct gw_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * db.h: the SQLite file: opening, checking, schema, statements, transactions, checkpoints. WAL with
 * synchronous FULL, and one exclusive connection: a second one would meet SQLite's WAL-reset race.
 *
 * Owner: the store. Thread: the store's; main after it was joined. Life: open,
 * stmt/exec..., close; zeroed is closed.
 */
#ifndef GW_STORE_DB_H
#define GW_STORE_DB_H

#include "base/error.h"
#include "store/schema.h"

#include <limits.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#define GW_DB_VERSION 2
#define GW_DB_APPLICATION_ID \
	0x746f6373            /* "tocs": tells our file from any other SQLite file */
#define GW_DB_PAGE_BYTES 1024 /* an event changes three pages */
#define GW_DB_WAL_PAGES  4096 /* checkpoint beyond it: 4 MiB */
#define GW_CHAIN_HASH    32   /* SHA-256 */

enum gw_db_page_check {
	GW_DB_CHECK_IF_UNCLEAN, /* checks every page only if the last stop was unclean */
	GW_DB_CHECK_ALWAYS,     /* checks every page, and copies the WAL into the file */
};

/* The end of the chain of hashes, see chain.h. */
struct gw_chain {
	bool known;        /* the other fields are valid */
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

/* Opens it to write, and creates it if there is none; db_open.h is what the store calls. On failure
 * it is closed; ret_disk_read_only then says whether the disk could only be read. */
enum gw_err gw_db_open_writable(struct gw_db *db, const char *path, int64_t max_bytes,
	enum gw_db_page_check page_check, bool *ret_created, bool *ret_disk_read_only,
	struct gw_error *err);

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
enum gw_err gw_db_fail(struct gw_db *db, int code, const char *what, struct gw_error *err);

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
/* Statements still running at boot_ns end with an error; 0: no deadline. */
void gw_db_set_deadline(struct gw_db *db, int64_t boot_ns);
enum gw_err gw_db_pages(
	struct gw_db *db, int64_t *ret_pages, int64_t *ret_free, struct gw_error *err);

#endif

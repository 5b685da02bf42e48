/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backup.h: `tocsin backup`: a copy of the open database, some pages in each step of the writer.
 * A step lasts some milliseconds, and at least three times as long passes before the next one,
 * so no commit waits for more than one step. What is committed meanwhile gets into the copy,
 * which is consistent as of its end (https://www.sqlite.org/c3ref/backup_finish.html).
 *
 * The copy is in the state folder and has no name but in the moment in which it is made, so that
 * a kill leaves no file. It ends before the disk is full; a commit that finds no space ends it
 * and is tried again.
 *
 * Thread: the store's. Main's calls are in store.h.
 */
#ifndef GW_STORE_BACKUP_H
#define GW_STORE_BACKUP_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

/* Bytes that stay free on the disk of the state folder: a WAL, the ballast, the alert log. */
#define GW_BACKUP_RESERVE (UINT64_C(16) << 20)

struct gw_store;

struct gw_backup {
	sqlite3 *copy; /* NULL: none is made */
	sqlite3_backup *from;
	int fd; /* of the copy's file, for who asked */
	int step_pages;
	int64_t next_ns;     /* not before */
	int64_t announce_ns; /* when main is told of the progress */
};

/* The next pages of the copy that main asked for, if any; posts the result at its end. stopping:
 * end it now. */
void gw_backup_step(struct gw_store *s, int64_t now_ns, bool stopping);
/* Before the database is closed, or when the space is needed. False: no copy was being made. */
bool gw_backup_abort(struct gw_store *s, const char *why);

#endif

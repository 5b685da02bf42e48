/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quarantine.h: database files that cannot be trusted, kept beside the database under the name
 * PATH.corrupt-<utc>. While such a file still owes something its name ends in -owing.
 *
 * Thread: the store's.
 */
#ifndef GW_STORE_QUARANTINE_H
#define GW_STORE_QUARANTINE_H

#include "base/error.h"

#include <limits.h>
#include <stdbool.h>

/* files kept that may owe something; the oldest beyond go */
#define GW_QUARANTINE_OWING_MAX 8
#define GW_QUARANTINE_DONE_MAX  3 /* files kept that owe nothing; the oldest beyond go */

/* Renames path, path-wal and path-shm to path.corrupt-<utc>-owing..., of which a few are kept. */
enum gw_err gw_quarantine_file(
	const char *path, char ret_quarantined[PATH_MAX], struct gw_error *err);
/* The next file of path's in quarantine that owes something, the oldest first; "" to begin.
 * False: there is none, or ret_unread: the directory cannot be read now. */
bool gw_quarantine_next_owing(
	const char *path, char quarantined[PATH_MAX], bool *ret_unread);
/* The file owes nothing any more: removes -owing from its name. */
enum gw_err gw_quarantine_mark_done(
	const char *path, const char *quarantined, struct gw_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manifest.h: the last file of an archive: what is in it, with the sum of each file.
 *
 *   file SHA256 BYTES NAME    for each
 *   tocsin-backup 1           the version of the archive
 *   made 2026-11-30T22:00:00Z
 *   version 0.2.0             of the tocsin that made it
 *   schema 2                  of the database, and what it holds
 *   run N
 *   last_seq N
 *   events N
 *   end SHA256                of the lines before
 *
 * Thread: any.
 */
#ifndef GW_BACKUP_MANIFEST_H
#define GW_BACKUP_MANIFEST_H

#include "backup/sum.h"
#include "base/error.h"

#include <stdint.h>
#include <stdio.h>

#define GW_MANIFEST_NAME   "MANIFEST"
#define GW_MANIFEST_FILE   "file "
#define GW_MANIFEST_END    "end "
#define GW_MANIFEST_FORMAT 1

/* What it says of the database. */
struct gw_manifest_about {
	char made[32], version[32]; /* when, by which tocsin */
	int64_t schema;
	uint64_t run, last_seq; /* of the last start; the highest event number given */
	uint64_t events;
};

/* All but the lines of files and the end. */
void gw_manifest_print(FILE *to, const struct gw_manifest_about *about);

struct gw_manifest_file {
	char name[256], sum[GW_SUM_HEX];
	uint64_t n;
};
/* files: of what was read before it, in order. GW_ERR_CORRUPT: it does not name exactly these;
 * GW_ERR_REFUSED: of a newer version. */
enum gw_err gw_manifest_check(const char *text, size_t n,
	const struct gw_manifest_file *files, size_t n_files,
	struct gw_manifest_about *ret_about, struct gw_error *err);

#endif

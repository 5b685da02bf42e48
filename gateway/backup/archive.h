/* SPDX-License-Identifier: Apache-2.0 */
/*
 * archive.h: the file of `tocsin backup`: a tar archive (base/tar.h) of
 *   tocsin.db          the database, without a WAL
 *   last-good.conf     the configuration that ran, with its profiles (yaml/files.h)
 *   sources/NAME       what sources remember (source/state_files.h)
 *   MANIFEST           last: lines "KEY VALUE", see manifest.h, with the SHA-256 of each file
 *                      before it and of the manifest itself
 *
 * Owner: the caller. Thread: one.
 */
#ifndef GW_BACKUP_ARCHIVE_H
#define GW_BACKUP_ARCHIVE_H

#include "backup/manifest.h"
#include "base/error.h"
#include "store/restored.h"
#include "yaml/files.h"

#include <stdint.h>
#include <stdio.h>

#define GW_ARCHIVE_DATABASE  "tocsin.db"
#define GW_ARCHIVE_LAST_GOOD GW_LAST_GOOD
#define GW_ARCHIVE_SOURCES   "sources/"
#define GW_ARCHIVE_FILES_MAX 65536
#define GW_ARCHIVE_SMALL_MAX \
	(UINT64_C(64) << 20) /* bytes of all but the database, together */

struct gw_archive {
	const char *path;
	FILE *from; /* stays open: who extracts need not have the right to open it */
	struct gw_manifest_about about;
	struct gw_files files; /* all but the database, by name */
	char database_sum[GW_SUM_HEX];
};
/* Reads all of it and checks every sum. GW_ERR_CORRUPT: not such an archive, or not as it was
 * written; GW_ERR_REFUSED: a newer tocsin made it. */
enum gw_err gw_archive_read(
	const char *path, struct gw_archive *ret_archive, struct gw_error *err);
/* The database into fd; its sum is checked again. */
enum gw_err gw_archive_extract(const struct gw_archive *a, int fd, struct gw_error *err);
void gw_archive_free(struct gw_archive *a); /* zeroed or twice is fine */

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file.h: small files that are replaced as a whole, so that after a kill or a power cut there is
 * either the old one or the new one.
 *
 * Thread: any; each call blocks as long as the disk does. Errors are GW_ERR_SYSTEM with errno.
 */
#ifndef GW_BASE_FILE_H
#define GW_BASE_FILE_H

#include "base/error.h"

#include <stddef.h>
#include <sys/types.h>

struct gw_file_part {
	const void *bytes;
	size_t n;
};

/* Writes the parts into path.new, syncs it, gives it the name path and syncs its folder. After a
 * failure the old file is unchanged and path.new is gone; only if the sync of the folder failed
 * does path hold the new bytes, which a power cut may take back. */
enum gw_err gw_file_replace(const char *path, mode_t mode, const struct gw_file_part *parts,
	size_t n_parts, struct gw_error *err);
/* After a file in it got its name. A file system that has no such sync is no failure. */
enum gw_err gw_file_sync_folder(const char *folder, struct gw_error *err);
/* The folder that path is in. */
enum gw_err gw_file_sync_folder_of(const char *path, struct gw_error *err);

#endif

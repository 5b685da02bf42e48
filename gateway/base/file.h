/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file.h: small files that are read as a whole, and replaced as a whole, so that after a kill or a
 * power cut there is either the old one or the new one.
 *
 * Thread: any; each call blocks as long as the disk does. Errors are GW_ERR_SYSTEM with errno.
 */
#ifndef GW_BASE_FILE_H
#define GW_BASE_FILE_H

#include "base/error.h"

#include <stddef.h>
#include <sys/types.h>

/* What gw_file_read may read. */
enum {
	GW_FILE_REGULAR =
		1, /* nothing else: EINVAL, without waiting for the writer of a pipe */
	GW_FILE_NO_LINK = 2, /* ELOOP if the name is a symbolic link */
};

/* All bytes of the file and a '\0' behind them; freed with free. NULL, and err->native is errno:
 * EFBIG for one of more than max_bytes. `flags` are GW_FILE_*, or 0 for whatever can be read. */
char *gw_file_read(const char *path, unsigned flags, size_t max_bytes, size_t *ret_n,
	struct gw_error *err);
/* Writes all bytes to a descriptor that blocks. 0, or errno. */
int gw_file_write(int fd, const void *bytes, size_t n);

struct gw_file_part {
	const void *bytes;
	size_t n;
};

/* Writes the parts into path.new, syncs it, gives it the name path and syncs its folder. After a
 * failure the old file is unchanged and path.new is gone; only if the sync of the folder failed
 * does path hold the new bytes, which a power cut may take back. */
enum gw_err gw_file_replace(const char *path, mode_t mode, const struct gw_file_part *parts,
	size_t n_parts, struct gw_error *err);
/* The folder and those above it that are missing, with this mode. On a read-only file system it is
 * no failure that one cannot be made. */
enum gw_err gw_file_make_folders(const char *folder, mode_t mode, struct gw_error *err);
/* After a file in it got its name. A file system that has no such sync is no failure. */
enum gw_err gw_file_sync_folder(const char *folder, struct gw_error *err);
/* The folder that path is in. */
enum gw_err gw_file_sync_folder_of(const char *path, struct gw_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * archive_writer.h: writes the file of archive.h, under another name until it is on the disk.
 *
 * Owner: the caller. Thread: one. Life: create, add..., finish or discard.
 */
#ifndef GW_BACKUP_ARCHIVE_WRITER_H
#define GW_BACKUP_ARCHIVE_WRITER_H

#include "backup/archive.h"

#include <sys/types.h>

struct gw_archive_writer {
	char path[4096], new_path[4096];
	FILE *to, *manifest; /* NULL: not open */
	char *lines;
	size_t n_lines;
	int64_t wall_s;
	dev_t state; /* see space.h */
	size_t n_files;
};
/* Makes PATH.new, 0600, in the place of what a kill left. state: the device of the state folder. */
enum gw_err gw_archive_create(
	struct gw_archive_writer *w, const char *path, dev_t state, struct gw_error *err);
enum gw_err gw_archive_add(struct gw_archive_writer *w, const char *name, const void *bytes,
	size_t n, struct gw_error *err);
/* The whole file behind fd. */
enum gw_err gw_archive_add_fd(
	struct gw_archive_writer *w, const char *name, int fd, struct gw_error *err);
/* Syncs it and gives it its name. */
enum gw_err gw_archive_finish(struct gw_archive_writer *w,
	const struct gw_manifest_about *about, struct gw_error *err);
void gw_archive_discard(struct gw_archive_writer *w); /* finished or twice is fine */

#endif

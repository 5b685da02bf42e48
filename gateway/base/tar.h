/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tar.h: writes and reads archives of files, ustar (POSIX.1-2001, pax interchange format, the
 * header block), mode 0600 and no owner.
 *
 * Thread: any; each call blocks as long as the disk does.
 */
#ifndef GW_BASE_TAR_H
#define GW_BASE_TAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* A name without a slash has 99 bytes at most; what is before the last slash 154 more. */
#define GW_TAR_NAME_MAX 254

/* False: the name is too long, or it cannot be written (errno). */
bool gw_tar_add(FILE *to, const char *name, const void *bytes, size_t n, int64_t wall_s);
/* The same for content that the caller writes: n bytes between begin and finish. */
bool gw_tar_begin(FILE *to, const char *name, uint64_t n, int64_t wall_s);
bool gw_tar_finish(FILE *to, uint64_t n);
bool gw_tar_end(FILE *to);

struct gw_tar_entry {
	char name[GW_TAR_NAME_MAX + 2];
	uint64_t n;
};
enum gw_tar_next {
	GW_TAR_ENTRY,   /* the caller reads its n bytes, then calls gw_tar_skip_padding */
	GW_TAR_END,     /* whole */
	GW_TAR_INVALID, /* not such an archive, or it was cut off */
};
enum gw_tar_next gw_tar_next(FILE *from, struct gw_tar_entry *ret_entry);
bool gw_tar_skip_padding(FILE *from, uint64_t n);

#endif

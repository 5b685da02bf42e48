/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tar.h: writes an archive of small files, ustar (POSIX.1-2001, pax interchange format, the
 * header block), mode 0600 and no owner.
 *
 * Thread: any.
 */
#ifndef GW_CTL_TAR_H
#define GW_CTL_TAR_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define GW_TAR_NAME_MAX 99

/* False: the name or the content is too long (8 GiB), or it cannot be written (errno). */
bool gw_tar_add(FILE *to, const char *name, const void *bytes, size_t n, int64_t wall_s);
bool gw_tar_end(FILE *to);

#endif

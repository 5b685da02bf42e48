/* SPDX-License-Identifier: Apache-2.0 */
/*
 * put_config.h: the configuration of a backup on a box that has none.
 *
 * Thread: one.
 */
#ifndef GW_BACKUP_PUT_CONFIG_H
#define GW_BACKUP_PUT_CONFIG_H

#include "base/error.h"
#include "yaml/files.h"

#include <limits.h>
#include <stdbool.h>

enum gw_put_config {
	GW_PUT_NONE,    /* the backup has none for this path */
	GW_PUT_EQUAL,   /* the file is as in the backup */
	GW_PUT_DIFFERS, /* it differs: it is somebody's choice */
	GW_PUT_WRITTEN, /* there was none that can be used */
};

/* files: the configuration and its profiles, by absolute path. usable: the one at path is. If
 * not, it gets the name ret_old: PATH.old, or one with a number; "": there was none. So does the
 * one that the package brings on a new box. Writes only files that do not exist, and only path and
 * profiles below its folder: a file from elsewhere cannot place one anywhere. */
enum gw_err gw_put_config(const struct gw_files *files, const char *path, bool usable,
	enum gw_put_config *ret_done, char ret_old[PATH_MAX + 16], struct gw_error *err);

#endif

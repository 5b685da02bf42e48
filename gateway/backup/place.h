/* SPDX-License-Identifier: Apache-2.0 */
/*
 * place.h: what the command line said, and where a gateway that does not run keeps its state.
 *
 * Thread: the only one.
 */
#ifndef GW_BACKUP_PLACE_H
#define GW_BACKUP_PLACE_H

#include "base/error.h"
#include "yaml/files.h"

#include <limits.h>
#include <stdbool.h>

struct gw_backup_opts {
	const char *archive, *config, *socket;
	bool json;
};

/* Exit codes: as those of tocsin, see ctl/invocation.h. */
enum { GW_BACKUP_DONE = 0, GW_BACKUP_REFUSED = 1, GW_BACKUP_USAGE = 2 };

struct gw_backup_place {
	bool usable; /* the configuration at the path is; else it is that of the copy */
	char state_dir[PATH_MAX - 64], socket[PATH_MAX - 64], spare[PATH_MAX];
};

/* Of the configuration at path. If there is none, or it is refused, of the copy in `copy` (of a
 * backup); NULL: that is an error. */
enum gw_err gw_backup_place_find(const char *path, const struct gw_files *copy,
	struct gw_backup_place *ret_place, struct gw_error *err);

#endif

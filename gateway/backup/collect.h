/* SPDX-License-Identifier: Apache-2.0 */
/*
 * collect.h: what goes into an archive: from the daemon that runs, or from the state folder.
 *
 * Thread: the only one.
 */
#ifndef GW_BACKUP_COLLECT_H
#define GW_BACKUP_COLLECT_H

#include "base/error.h"
#include "yaml/files.h"

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

struct gw_collected {
	struct gw_files files; /* by their names in the archive */
	int database;          /* a descriptor that reads it; -1: none */
	char folder[PATH_MAX]; /* the state folder */
	dev_t state;           /* its device */
	/* files in quarantine that may owe events which the database does not have */
	size_t n_left_out;
	char left_out[PATH_MAX]; /* the oldest of them */
};

/* Asks the daemon for a copy of its database. GW_ERR_LINK: no daemon has a database open there. */
enum gw_err gw_collect_running(
	const char *socket, struct gw_collected *ret, struct gw_error *err);
/* Locks the folder meanwhile: no daemon uses it. archive: where there will be space for a copy. */
enum gw_err gw_collect_stopped(const char *folder, const char *archive,
	struct gw_collected *ret, struct gw_error *err);
void gw_collected_free(struct gw_collected *c);

#endif

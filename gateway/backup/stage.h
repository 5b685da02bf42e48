/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stage.h: puts what an archive holds into the folder GW_RESTORED_NEW of a state folder, and gives
 * it the name GW_RESTORED once all is on the disk (store/restored.h).
 *
 * Its database continues with numbers that no event has had: well above those of the archive and of
 * what is in the state folder, and above what a gateway can have reached by now.
 *
 * Owner: the caller, who holds the lock of the state folder and is its owner (owner.h).
 * Thread: one. Life: open, commit; close.
 */
#ifndef GW_BACKUP_STAGE_H
#define GW_BACKUP_STAGE_H

#include "backup/archive.h"

#include <limits.h>

struct gw_stage {
	char state_dir[PATH_MAX - 64], folder[PATH_MAX - 64], database[PATH_MAX];
	int64_t unconfirmed; /* alarms that stand in it, see store/unconfirmed.h */
};

/* GW_ERR_CORRUPT: the database in it is damaged; GW_ERR_REFUSED: the state folder owes events that
 * could not be told from others of the archive. spare: see store/spare.h. */
enum gw_err gw_stage_open(struct gw_stage *st, const char *state_dir, const char *spare,
	const struct gw_archive *a, struct gw_error *err);
enum gw_err gw_stage_commit(struct gw_stage *st, struct gw_error *err);
/* Removes what is not committed. */
void gw_stage_close(struct gw_stage *st);

#endif

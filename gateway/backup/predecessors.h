/* SPDX-License-Identifier: Apache-2.0 */
/*
 * predecessors.h: the databases that a restore meets in a state folder: the one in use, those in
 * quarantine and the spare one. What they owe is copied into the restored one by the next start
 * (store/salvage.h), and no number of theirs may be given again.
 *
 * Thread: one.
 */
#ifndef GW_BACKUP_PREDECESSORS_H
#define GW_BACKUP_PREDECESSORS_H

#include "store/db.h"

struct gw_predecessors {
	uint64_t run, last_seq; /* the highest, set to those of the restored one before */
};

/* restored: open to write, in no transaction. If the database in use has events of its journal, the
 * newer of the two states of each alarm counts: it is what the platform knows. The others that
 * stand are noted as unconfirmed (store/unconfirmed.h). GW_ERR_REFUSED: an
 * event that is owed has the number of another event in it, so it could not be copied; or so many
 * databases are in quarantine that another one would push one out. */
enum gw_err gw_predecessors_look(struct gw_predecessors *p, struct gw_db *restored,
	const char *state_dir, const char *spare, struct gw_error *err);

#endif

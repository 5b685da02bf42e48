/* SPDX-License-Identifier: Apache-2.0 */
/*
 * salvage_events.h: the events that a file in quarantine still owes, or has parked, copied into the
 * open database. A corrupt page costs no more than what is on it: the lists are read on behind it,
 * and events that it may have named are owed to every uplink.
 *
 * Owner: salvage.c. Thread: the store's, in a transaction.
 */
#ifndef GW_STORE_SALVAGE_EVENTS_H
#define GW_STORE_SALVAGE_EVENTS_H

#include "store/db.h"
#include "store/saved_alarms.h"

struct gw_store;

/* One file. */
struct gw_salvage {
	struct gw_store *s;
	struct gw_db *old;
	uint32_t bits[32];  /* in the open database, by bit of the old one */
	uint32_t every;     /* bits in the open database: every uplink */
	bool names_corrupt; /* some of them are on a corrupt page */
	uint64_t
		unknown; /* events written of which it is not known to whom they are owed */
	uint64_t unreadable; /* events that are owed or parked and on a corrupt page */
	struct gw_saved_alarms *saved;
	bool alarms;           /* all of them were copied */
	bool first;            /* the first try */
	uint64_t rows, events; /* written; of these, owed to an uplink */
	uint64_t
		seq_conflicts; /* events whose number another event has in the open database */
	enum gw_err write_error; /* the open database cannot be written: give up */
	enum gw_err read_error;  /* part of the old file cannot be read now */
};

/* A read error may heal, corruption does not: only the first is tried again. */
static inline void gw_salvage_note_read_error(struct gw_salvage *v, enum gw_err rc)
{
	if (rc && rc != GW_ERR_CORRUPT)
		v->read_error = rc;
}

/* bits, every and names_corrupt are set. */
void gw_salvage_events_copy(struct gw_salvage *v);

#endif

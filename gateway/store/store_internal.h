/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_internal.h: the memory of the store, shared by the files of store/. What each of them does
 * is in its own header.
 *
 * Owner: store.c. Thread: as marked. What is not marked is the store's thread, and main while that
 * thread does not run.
 */
#ifndef GW_STORE_STORE_INTERNAL_H
#define GW_STORE_STORE_INTERNAL_H

#include "base/backoff.h"
#include "store/backup.h"
#include "store/batch.h"
#include "store/chain.h"
#include "store/db.h"
#include "store/journal.h"
#include "store/mailbox.h"
#include "store/registry.h"
#include "store/retention.h"
#include "store/saved_alarms.h"
#include "store/store.h"
#include "store/string_table.h"
#include "store/uncommitted.h"

#include <pthread.h>
#include <sys/types.h>

#define GW_STORE_COMMIT_MAX 1024 /* events in one transaction */
/* A page that cannot be read is no corruption: most disks recover. After this time a new file is
 * begun, and what the old one owes is copied when it can be read. */
#define GW_STORE_UNREADABLE_NS (600 * GW_NS_PER_SEC)

/* Which uplink is in which slot from an event number on. */
struct gw_store_uplinks {
	struct gw_store_uplinks
		*next; /* in uplink_sets: posted before; in pending_sets: after */
	uint64_t from_seq;
	char *names[GW_STORE_SLOTS], *urls[GW_STORE_SLOTS]; /* NULL: none */
};

struct gw_store {
	/* set at open */
	char dir[PATH_MAX - 32], path[PATH_MAX], run_path[PATH_MAX], ballast_path[PATH_MAX];
	char spare_path[PATH_MAX]; /* "": none */
	size_t max_uncommitted;    /* events in memory */
	int64_t max_bytes, ballast_bytes;

	/* see previous_run.h; under lock until run_decided, then constant */
	bool run_decided;
	uint64_t run;
	uint64_t last_seq;            /* of the event before the first of this run */
	bool previous_read_published; /* previous_read, for main; under lock */
	_Atomic(struct gw_saved_alarms *) saved_alarms; /* store -> main, newest first */
	struct gw_saved_alarms *handed_over; /* main only: the engine uses their texts */

	/* any thread */
	struct gw_ring events;
	struct gw_wake wake;
	struct gw_thread thread;
	_Atomic uint64_t committed;
	pthread_mutex_t lock;
	pthread_cond_t changed;        /* committed or run_decided; under lock */
	struct gw_store_status status; /* under lock */
	struct gw_mailbox mailboxes[GW_STORE_SLOTS]; /* by slot */
	_Atomic uint32_t taken_slots;                /* set by main, cleared by the store */
	_Atomic(struct gw_store_uplinks *) uplink_sets; /* main -> store, newest first */
	_Atomic uint32_t backlog_revision;
	struct gw_wake *reader;         /* main's; set before start */
	bool history_pending;           /* main only */
	_Atomic bool history_requested; /* main -> store */
	size_t history_last;            /* written before history_requested */
	int64_t history_since_ms;
	_Atomic(struct gw_batch *) history;                     /* store -> main */
	_Atomic bool verify_requested;                          /* main -> store */
	_Atomic(struct gw_store_verify_result *) verify_result; /* store -> main */
	_Atomic bool backup_requested, backup_cancelled;        /* main -> store */
	_Atomic(struct gw_store_backup_result *) backup_result; /* store -> main */
	_Atomic int backup_done, backup_pages;                  /* store -> main */

	/* ---- the store's thread ---- */

	/* slots.h, registry.h */
	uint32_t active_slots; /* new events are owed to these */
	uint32_t used_slots;   /* these, and those whose last marks are not written yet */
	struct gw_store_uplinks *pending_sets; /* begin with a later event; oldest first */
	bool uplinks_changed;                  /* the registry is to be written */
	struct gw_registry_row registry[GW_STORE_SLOTS]; /* by bit */
	bool any_removed;    /* a row of the registry is of no active uplink */
	int64_t next_day_ns; /* when to count a day for removed uplinks */
	char notes[GW_REGISTRY_NOTES][200];
	size_t n_notes;

	/* the database */
	struct gw_db db;
	struct gw_string_table strings;
	struct gw_retention retention;
	uint64_t owed[32], parked[32]; /* events in the database, per bit */
	bool recount_needed;           /* owed and parked are not valid */
	bool start_recorded; /* the run's number and the registry are in the file */
	bool recheck_needed; /* a sync failed, or the file seems corrupt: reopen, check all pages */
	bool trim_more; /* rows beyond the limit are left */
	bool refusing;  /* logged that events of lower classes get no row */
	uint64_t commits, rows, refused;

	/* uncommitted.h */
	struct gw_journal_entry *entries; /* events not committed yet, by seq */
	size_t n_entries, entries_capacity;
	int64_t superseded_dropped_ns; /* when superseded events were last dropped */
	uint64_t last_drained_seq;     /* the last event taken from the ring */
	int highest_class;             /* of the events of the last commit */
	struct gw_uncommitted_mark *marks;
	size_t n_marks, marks_capacity;
	bool no_memory_for_mark;   /* when the mailboxes were last read */
	size_t n_writable_marks;   /* marks on events that have come out of the ring */
	int64_t marks_writable_ns; /* since when there are some */
	bool flush_marks;          /* an uplink waits for them: write them at once */

	/* verify.h */
	bool verifying;
	struct gw_chain_walk walk;
	uint32_t walk_revision; /* backlog_revision when the walk began */

	struct gw_backup backup;

	/* failing commits */
	bool failing;
	int64_t failing_ns;
	struct gw_backoff backoff; /* when to try again; failures in a row */
	struct gw_error why;
	int64_t unreadable_ns; /* since when a page cannot be read; 0: all can */
	bool corrupt_once;     /* the file seemed corrupt, and was not used well since */

	/* recovery.h */
	dev_t file_dev; /* of the open database; file_ino 0: not known */
	ino_t file_ino, wal_ino;
	int64_t next_file_look_ns;
	bool displaced;            /* the file was deleted, or another has its name */
	struct gw_db displaced_db; /* still open: what it owes is not copied yet ... */
	int64_t displaced_ns;      /* ... since then */

	bool ballast_reserved, disk_full_mode;
	int64_t next_ballast_ns;

	/* spare.h */
	struct gw_db spare;
	struct gw_string_table spare_strings;
	struct gw_arena spare_arena; /* texts of events that were taken from it */
	bool spare_exists;           /* a file of an earlier run */
	uint32_t spare_slots;        /* whose names are in it */
	int64_t next_spare_ns;       /* after a failure */
	int64_t spare_unread_ns; /* unreadable since then; 0: it was read, or there is none */

	int folder_lock; /* folder_lock.h; -1: not locked */

	/* previous_run.h */
	bool previous_read;                /* what earlier runs left has been read */
	bool previous_read_late;           /* uplinks had begun without it */
	uint64_t previous_run;             /* the highest number of an earlier run */
	struct gw_error quarantine_reason; /* kind GW_OK: the file can be used */
	bool alarms_incomplete; /* main got only those that could be read of a corrupt file */
	_Atomic uint64_t
		reserved_seq; /* no earlier event has passed it, as the run counter says;
					* read by main, if it does not wait for the store */
	bool run_counter_written;
	int64_t next_run_counter_ns;

	/* quarantine.h, salvage.h */
	bool replaced;
	int64_t replaced_ns;
	char last_quarantined[PATH_MAX]; /* main has its alarms already */
	bool quarantine_owing;           /* a file in quarantine may still owe something */
	int64_t next_salvage_ns;
	bool notified_failing, notified_replaced; /* what main was last woken for */
};

#endif

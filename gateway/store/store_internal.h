/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_internal.h: the store's own memory, shared by the files of store/ that work on it: previous_run.c (what
 * earlier starts left), recovery.c (opening, recovery), salvage.c (files put aside), slots.c and
 * registry.c (which uplinks there are), mailbox.c (what uplinks and main ask), writer.c (what the thread
 * does), store.c (the rest of store.h).
 *
 * Owner: store.c. Thread: as marked; what is not marked is the store thread's, and main's while
 * that does not run.
 */
#ifndef GW_STORE_STORE_INTERNAL_H
#define GW_STORE_STORE_INTERNAL_H

#include "store/batch.h"
#include "store/chain.h"
#include "store/db.h"
#include "store/journal.h"
#include "store/retention.h"
#include "store/store.h"
#include "store/string_table.h"

#include <pthread.h>
#include <sys/types.h>

#define GW_MAILBOX_MESSAGES 1024
#define GW_REGISTRY_NOTES   8

enum gw_mailbox_kind { /* goes on where enum gw_mark_kind ends */
	GW_MAILBOX_REQUEST_OWED = GW_MARK_UNPARKED + 1,
	GW_MAILBOX_REQUEST_PARKED,
	GW_MAILBOX_REQUEST_RESEND,
};

struct gw_mailbox_message {
	uint64_t seq;
	int32_t level; /* of the cursor */
	uint16_t max_events;
	uint16_t kind;   /* enum gw_mark_kind or enum gw_line_kind */
	int64_t from_ms; /* GW_LINE_OWE */
};

struct gw_mailbox {
	struct gw_ring messages; /* uplink -> store, in order */
	struct gw_wake *wake;    /* under the store's lock; NULL: nobody there */
	bool thread_ended;       /* under the store's lock: its thread has ended */
	_Alignas(GW_CACHE_LINE) bool request_pending; /* the uplink's thread only */
	_Atomic(struct gw_batch *) reply;             /* store -> uplink; NULL: empty */
	/* store thread only */
	_Alignas(GW_CACHE_LINE) bool request_received;
	struct gw_mailbox_message request;
	uint32_t bit; /* in the database; 0: not known yet */
	char *name, *url;
	uint8_t heir_slot; /* slot that what is said here counts for: its own, or its heir's */
};

/* A name the database has given a bit; its index is the bit. */
struct gw_registry_row {
	char *name, *url;    /* NULL: the bit is free */
	int removed_days;    /* seen to pass since it is no longer configured; -1: it is */
	int64_t last_day_ms; /* wall time of the last of them */
};

/* What an uplink said of an event that is not in memory, until it is written. */
struct gw_pending_mark {
	uint64_t seq;
	uint8_t slot, kind;
};

struct gw_saved_alarm {
	struct gw_alarm_record memory;
	const struct gw_alarm_info *info;
};

/* Alarms as they stood, read at one time, and their texts. */
struct gw_saved_alarms {
	struct gw_saved_alarms *next; /* older */
	struct gw_saved_alarm *alarms;
	size_t n, capacity;
	bool incomplete; /* there was no memory for some */
	struct gw_pool pool;
};

struct gw_store {
	/* set at open */
	char dir[PATH_MAX - 32], path[PATH_MAX], run_path[PATH_MAX], ballast_path[PATH_MAX];
	size_t max_pending;
	int64_t max_bytes, ballast_bytes;
	struct gw_pool pool;

	/* how this start began, see previous_run.c: under lock until decided, then constant */
	bool run_decided;
	uint64_t run;
	uint64_t last_seq;            /* the event before the first of this start */
	bool previous_read_published; /* under lock: past_read, for main */
	_Atomic(struct gw_saved_alarms *)
		saved_alarms;                /* store -> main, the newest first */
	struct gw_saved_alarms *handed_over; /* main only: their texts are in use */

	/* any thread */
	struct gw_ring events;
	struct gw_wake wake;
	struct gw_thread thread;
	_Atomic uint64_t committed;
	pthread_mutex_t lock;
	pthread_cond_t changed;        /* committed has, or it is decided, under lock */
	struct gw_store_status status; /* under lock */
	struct gw_mailbox mailboxes[GW_STORE_SLOTS]; /* by slot */
	_Atomic uint32_t taken_slots; /* taken: by main; given back by the store */
	_Atomic(struct gw_store_uplinks *) uplink_sets; /* main -> store, newest first */
	_Atomic uint32_t
		backlog_generation; /* how often some were added that nobody could know of */
	struct gw_wake *reader;     /* set before start */
	bool history_pending;       /* main only */
	_Atomic bool history_requested; /* main -> store */
	size_t history_last;            /* written before history_asked */
	int64_t history_since_ms;
	_Atomic(struct gw_batch *) history;                     /* store -> main */
	_Atomic bool verify_requested;                          /* main -> store */
	_Atomic(struct gw_store_verify_result *) verify_result; /* store -> main */

	/* the store thread's */
	uint32_t active_slots; /* slots that are owed what arises */
	uint32_t used_slots;   /* and those whose last words are not written yet */
	struct gw_store_uplinks
		*pending_sets; /* sets that begin with a later event, oldest first */
	bool uplinks_changed;  /* names are to be written */
	struct gw_registry_row registry[GW_STORE_SLOTS]; /* by bit */
	bool any_removed;                                /* a row is of no live uplink */
	int64_t next_day_ns; /* when to look whether it is too old */
	char notes[GW_REGISTRY_NOTES][200];
	size_t n_notes;
	struct gw_db db;
	struct gw_string_table strings;
	struct gw_retention retention;
	struct gw_journal_entry *entries; /* not committed yet, by seq */
	size_t n_entries, entries_capacity;
	struct gw_pending_mark *marks;
	size_t n_marks, marks_capacity;
	size_t n_writable_marks; /* marks on events that came out of the ring: they can be written */
	int64_t marks_writable_ns;     /* since when there are some */
	bool flush_marks;              /* somebody waits for the marks */
	uint64_t last_drained_seq;     /* the last one taken from the ring */
	int highest_class;             /* of the last commit */
	uint64_t owed[32], parked[32]; /* per bit */
	bool recount_needed;
	bool start_recorded; /* this start's number and the bits are in the file */
	bool suspect;        /* the disk lied: reopen and look at everything */
	bool trim_more;
	bool refusing; /* said so */
	uint64_t commits, rows, refused;
	bool verifying;
	struct gw_chain_walk walk;
	uint32_t walk_generation; /* when it began */

	bool failing;
	int64_t failing_ns, next_attempt_ns, backoff_ns;
	uint64_t tries;
	struct gw_error why;
	int64_t unreadable_ns; /* since when a page could not be read; 0: all could */

	int64_t last_thinning_ns; /* when memory was last searched for what could go */

	dev_t file_dev; /* of the database as it was opened; file_ino 0: not known */
	ino_t file_ino, wal_ino;
	int64_t next_file_look_ns;
	bool displaced; /* another file has its name, or none */
	struct gw_db
		displaced_db; /* the one that had: what it owes is not carried over yet */

	bool ballast_reserved, disk_full_mode;
	int64_t next_ballast_ns;

	bool previous_read;      /* what earlier starts left has been */
	bool previous_read_late; /* when others had begun without: they are to be told */
	uint64_t previous_run;   /* the highest number of an earlier start */
	struct gw_error
		quarantine_reason; /* why the file must be put aside; kind GW_OK: it need not */
	bool run_counter_written; /* in the file beside */
	int64_t next_run_counter_ns;

	bool replaced;
	int64_t replaced_ns;
	char last_quarantined
		[PATH_MAX];    /* the last one put aside: main has its alarms already */
	bool quarantine_owing; /* some file put aside may not be carried over yet */
	int64_t next_salvage_ns;
	bool notified_failing, notified_replaced;
};

/* ---- previous_run.c ---- */

/* Reads what earlier starts left, for main, and decides the number of this one unless main has.
 * Writes nothing. Fails only if it cannot be read now: GW_ERR_SYSTEM. */
enum gw_err gw_previous_run_read(struct gw_store *s, struct gw_error *err);
enum gw_err gw_previous_run_numbers(
	struct gw_db *db, uint64_t *ret_run, uint64_t *ret_last_seq, struct gw_error *err);
struct gw_saved_alarms *gw_saved_alarms_new(void); /* NULL without memory */
void gw_saved_alarms_add(void *memories, const struct gw_alarm_record *m,
	const struct gw_alarm_info *info); /* in the pool of memories */
void gw_saved_alarms_post(struct gw_store *s, struct gw_saved_alarms *m); /* m is gone */
void gw_saved_alarms_free(struct gw_saved_alarms *m); /* and all older; NULL is fine */

/* ---- recovery.c ---- */

/* Opens what is closed or doubtful for writing, checks it, puts aside what cannot be used, takes
 * over what files put aside owe, and leaves the mark of this start. */
enum gw_err gw_recovery_ensure_open(struct gw_store *s, struct gw_error *err);
/* The file cannot be trusted: aside with it; a new one takes over what can still be read. */
enum gw_err gw_recovery_replace_file(
	struct gw_store *s, const struct gw_error *why, struct gw_error *err);
/* Whether the file was deleted or replaced under us; looks at its name, writes nothing. */
void gw_recovery_check_file(struct gw_store *s, int64_t now_ns);
/* Makes room on a full disk: a block of rows, or the ballast. False: there is nothing left. */
bool gw_recovery_free_space(struct gw_store *s);
void gw_recovery_close(struct gw_store *s);

/* ---- salvage.c ---- */

/* What every file put aside still owes goes into the one that is open, unless it was tried just
 * now. */
void gw_salvage_all(struct gw_store *s);
/* The same of one, which is open as old; aside is its name. to_main: main does not know its
 * alarms. ret_whole: nothing is left to be carried. Fails if ours cannot be written. */
enum gw_err gw_salvage_file(struct gw_store *s, struct gw_db *old, const char *quarantined,
	bool to_main, bool *ret_complete, struct gw_error *err);

/* ---- resend.c ---- */

/* Answers one GW_LINE_OWE: one window of rows becomes owed again, in a transaction of its own,
 * and what is in memory. */
void gw_store_resend_window(struct gw_store *s, size_t slot, struct gw_batch *b);

/* ---- slots.c ---- */

/* Those of gw_store_open: slots 0 .. n_sinks - 1. */
enum gw_err gw_slots_init(
	struct gw_store *s, const struct gw_store_opts *opts, struct gw_error *err);
void gw_slots_fini(struct gw_store *s);
/* Makes the sets that hold from seq or before the present ones. Events before seq were taken. */
void gw_slots_apply_sets(struct gw_store *s, uint64_t seq);
/* Gives back slots that are done with. */
void gw_slots_free_finished(struct gw_store *s);
bool gw_slots_is_active(const struct gw_store *s, const char *name);

/* ---- registry.c ---- */

/* Which bits the slots' names have, as far as they were read. */
void gw_registry_assign_bits(struct gw_store *s);
/* The same, read anew. */
enum gw_err gw_registry_read(struct gw_store *s, struct gw_error *err);
/* Inside a transaction: every live name has a bit, names that are gone are kept or dropped. */
enum gw_err gw_registry_write(struct gw_store *s, struct gw_error *err);
/* Inside a transaction: what a file put aside knows of its names besides their bits. ret_unread:
 * it could not be read, in part; fails if ours cannot be written. */
enum gw_err gw_registry_copy_from(struct gw_store *s, struct gw_db *from,
	enum gw_err *ret_unread, struct gw_error *err);
/* The transaction was committed. */
void gw_registry_log_notes(struct gw_store *s);
/* All that is owed to names that are gone is owed to this sink instead; ret_moved is raised. */
enum gw_err gw_registry_reassign_removed(
	struct gw_store *s, size_t slot, uint64_t *ret_reassigned, struct gw_error *err);
/* Bits of names that are not configured and not forgotten. */
uint32_t gw_registry_removed_bits(const struct gw_store *s);
/* Once a day has names written again, if some are gone. */
void gw_registry_check_daily(struct gw_store *s, int64_t now_ns);
void gw_registry_status(const struct gw_store *s, struct gw_store_status *st);

/* ---- mailbox.c ---- */

void gw_mailbox_wake_uplink(struct gw_store *s, size_t slot);

/* Takes what uplinks said: marks on events in memory are applied, others wait in s->marks. */
void gw_mailbox_receive(struct gw_store *s);
void gw_mailbox_reply_all(struct gw_store *s);
void gw_mailbox_announce_backlog(struct gw_store *s); /* tells the uplinks to ask anew */
bool gw_mailbox_has_input(struct gw_store *s); /* something is there to take or answer */
/* Events came: applies the marks that can be now, and counts those that can be written. */
void gw_mailbox_apply_marks(struct gw_store *s, int64_t now_ns);

/* ---- verify.c ---- */

/* A piece of what was asked for; true: there is more. */
bool gw_verify_step(struct gw_store *s, bool last);

/* ---- store.c ---- */

void gw_chain_hex(const unsigned char hash[GW_CHAIN_HASH], char ret_hex[GW_STORE_HASH_HEX]);
struct timespec gw_store_deadline(int64_t mono_ns); /* on the clock of s->changed */

/* ---- writer.c ---- */

/* One turn of the thread. Returns how long it may sleep, 0: not at all. last: the end is near,
 * try even in back-off. */
int64_t gw_writer_step(struct gw_store *s, bool last);
bool gw_writer_has_input(struct gw_store *s);
void gw_writer_publish_status(struct gw_store *s);

#endif

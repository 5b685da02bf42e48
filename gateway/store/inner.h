/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inner.h: the store's own memory, shared by the files of store/ that work on it: begin.c (what
 * earlier starts left), session.c (opening, recovery), salvage.c (files put aside), sinks.c and
 * names.c (which uplinks there are), line.c (what uplinks and main ask), round.c (what the thread
 * does), store.c (the rest of store.h).
 *
 * Owner: store.c. Thread: as marked; what is not marked is the store thread's, and main's while
 * that does not run.
 */
#ifndef GW_STORE_INNER_H
#define GW_STORE_INNER_H

#include "store/batch.h"
#include "store/chain.h"
#include "store/db.h"
#include "store/journal.h"
#include "store/keep.h"
#include "store/store.h"
#include "store/texts.h"

#include <pthread.h>
#include <sys/types.h>

#define GW_LINE_WORDS 1024
#define GW_SINK_NOTES 8

enum gw_line_kind { /* goes on where enum gw_mark_kind ends */
	GW_LINE_ASK = GW_MARK_UNPARKED + 1,
	GW_LINE_ASK_PARKED,
	GW_LINE_OWE,
};

struct gw_line_word {
	uint64_t seq;
	int32_t level; /* of the cursor */
	uint16_t most;
	uint16_t kind;   /* enum gw_mark_kind or enum gw_line_kind */
	int64_t from_ms; /* GW_LINE_OWE */
};

struct gw_line {
	struct gw_ring words; /* uplink -> store, in order */
	struct gw_wake *wake; /* under the store's lock; NULL: nobody there */
	bool left;            /* under the store's lock: its thread has ended */
	_Alignas(GW_CACHE_LINE) bool asking; /* the uplink's thread only */
	_Atomic(struct gw_batch *) answer;   /* store -> uplink; NULL: empty */
	/* store thread only */
	_Alignas(GW_CACHE_LINE) bool asked;
	struct gw_line_word question;
	uint32_t bit; /* in the database; 0: not known yet */
	char *name, *url;
	uint8_t speaks_for; /* slot that what is said here counts for: its own, or its heir's */
};

/* A name the database has given a bit; its index is the bit. */
struct gw_sink_row {
	char *name, *url; /* NULL: the bit is free */
	int days;         /* seen to pass since it is no longer configured; -1: it is */
	int64_t day_ms;   /* wall time of the last of them */
};

/* What an uplink said of an event that is not in memory, until it is written. */
struct gw_mark {
	uint64_t seq;
	uint8_t sink, kind;
};

struct gw_store_alarm {
	struct gw_alarm_memory memory;
	const struct gw_alarm_info *info;
};

/* Alarms as they stood, read at one time, and their texts. */
struct gw_memories {
	struct gw_memories *next; /* older */
	struct gw_store_alarm *alarms;
	size_t n, room;
	bool incomplete; /* there was no memory for some */
	struct gw_pool pool;
};

struct gw_store {
	/* set at open */
	char dir[PATH_MAX - 32], path[PATH_MAX], run_path[PATH_MAX], ballast_path[PATH_MAX];
	size_t most_pending;
	int64_t max_bytes, ballast_bytes;
	struct gw_pool pool;

	/* how this start began, see begin.c: under lock until decided, then constant */
	bool decided;
	uint64_t run;
	uint64_t last_seq; /* the event before the first of this start */
	bool told_read;    /* under lock: past_read, for main */
	_Atomic(struct gw_memories *) memories; /* store -> main, the newest first */
	struct gw_memories *given;              /* main only: their texts are in use */

	/* any thread */
	struct gw_ring events;
	struct gw_wake wake;
	struct gw_thread thread;
	_Atomic uint64_t committed;
	pthread_mutex_t lock;
	pthread_cond_t moved;          /* committed has, or it is decided, under lock */
	struct gw_store_status status; /* under lock */
	struct gw_line lines[GW_STORE_SINKS];  /* by slot */
	_Atomic uint32_t slots;                /* taken: by main; given back by the store */
	_Atomic(struct gw_store_sinks *) sets; /* main -> store, newest first */
	_Atomic uint32_t debts; /* how often some were added that nobody could know of */
	struct gw_wake *reader; /* set before start */
	bool reading;           /* main only */
	_Atomic bool history_asked; /* main -> store */
	size_t history_last;        /* written before history_asked */
	int64_t history_since_ms;
	_Atomic(struct gw_batch *) history;           /* store -> main */
	_Atomic bool verify_asked;                    /* main -> store */
	_Atomic(struct gw_store_verified *) verified; /* store -> main */

	/* the store thread's */
	uint32_t live;  /* slots that are owed what arises */
	uint32_t known; /* and those whose last words are not written yet */
	struct gw_store_sinks
		*coming;    /* sets that begin with a later event, oldest first */
	bool sinks_changed; /* names are to be written */
	struct gw_sink_row names[GW_STORE_SINKS]; /* by bit */
	bool any_gone;                            /* a row is of no live uplink */
	int64_t next_day_ns;                      /* when to look whether it is too old */
	char notes[GW_SINK_NOTES][200];
	size_t n_notes;
	struct gw_db db;
	struct gw_texts texts;
	struct gw_keep keep;
	struct gw_entry *entries; /* not committed yet, by seq */
	size_t n_entries, room_entries;
	struct gw_mark *marks;
	size_t n_marks, room_marks;
	size_t n_ripe; /* marks on events that came out of the ring: they can be written */
	int64_t ripe_ns;               /* since when there are some */
	bool hurry;                    /* somebody waits for the marks */
	uint64_t drained_seq;          /* the last one taken from the ring */
	int class_most;                /* of the last commit */
	uint64_t owed[32], parked[32]; /* per bit */
	bool recount;
	bool signed_in; /* this start's number and the bits are in the file */
	bool suspect;   /* the disk lied: reopen and look at everything */
	bool trim_more;
	bool refusing; /* said so */
	uint64_t commits, rows, refused;
	bool verifying;
	struct gw_chain_walk walk;
	uint32_t walk_debts; /* when it began */

	bool failing;
	int64_t failing_ns, next_try_ns, backoff_ns;
	uint64_t tries;
	struct gw_error why;
	int64_t unreadable_ns; /* since when a page could not be read; 0: all could */

	int64_t thin_ns; /* when memory was last searched for what could go */

	dev_t file_dev; /* of the database as it was opened; file_ino 0: not known */
	ino_t file_ino, wal_ino;
	int64_t next_file_look_ns;
	bool displaced;    /* another file has its name, or none */
	struct gw_db gone; /* the one that had: what it owes is not carried over yet */

	bool have_ballast, tight;
	int64_t next_ballast_ns;

	bool past_read;    /* what earlier starts left has been */
	bool read_late;    /* when others had begun without: they are to be told */
	uint64_t past_run; /* the highest number of an earlier start */
	struct gw_error
		unusable; /* why the file must be put aside; kind GW_OK: it need not */
	bool run_noted;   /* in the file beside */
	int64_t next_note_ns;

	bool replaced;
	int64_t replaced_ns;
	char aside[PATH_MAX]; /* the last one put aside: main has its alarms already */
	bool owing;           /* some file put aside may not be carried over yet */
	int64_t next_salvage_ns;
	bool told_failing, told_replaced;
};

/* ---- begin.c ---- */

/* Reads what earlier starts left, for main, and decides the number of this one unless main has.
 * Writes nothing. Fails only if it cannot be read now: GW_ERR_SYSTEM. */
enum gw_err gw_begin_read(struct gw_store *s, struct gw_error *err);
enum gw_err gw_begin_numbers(
	struct gw_db *db, uint64_t *ret_run, uint64_t *ret_last_seq, struct gw_error *err);
struct gw_memories *gw_begin_memories(void); /* NULL without memory */
void gw_begin_keep(void *memories, const struct gw_alarm_memory *m,
	const struct gw_alarm_info *info);                     /* in the pool of memories */
void gw_begin_post(struct gw_store *s, struct gw_memories *m); /* m is gone */
void gw_begin_forget(struct gw_memories *m); /* and all older; NULL is fine */

/* ---- session.c ---- */

/* Opens what is closed or doubtful for writing, checks it, puts aside what cannot be used, takes
 * over what files put aside owe, and leaves the mark of this start. */
enum gw_err gw_session_again(struct gw_store *s, struct gw_error *err);
/* The file cannot be trusted: aside with it; a new one takes over what can still be read. */
enum gw_err gw_session_replace(
	struct gw_store *s, const struct gw_error *why, struct gw_error *err);
/* Whether the file was deleted or replaced under us; looks at its name, writes nothing. */
void gw_session_look(struct gw_store *s, int64_t now_ns);
/* Makes room on a full disk: a block of rows, or the ballast. False: there is nothing left. */
bool gw_session_relieve(struct gw_store *s);
void gw_session_end(struct gw_store *s);

/* ---- salvage.c ---- */

/* What every file put aside still owes goes into the one that is open, unless it was tried just
 * now. */
void gw_salvage_all(struct gw_store *s);
/* The same of one, which is open as old; aside is its name. to_main: main does not know its
 * alarms. ret_whole: nothing is left to be carried. Fails if ours cannot be written. */
enum gw_err gw_salvage(struct gw_store *s, struct gw_db *old, const char *aside,
	bool to_main, bool *ret_whole, struct gw_error *err);

/* ---- resend.c ---- */

/* Answers one GW_LINE_OWE: one window of rows becomes owed again, in a transaction of its own,
 * and what is in memory. */
void gw_resend_owe(struct gw_store *s, size_t sink, struct gw_batch *b);

/* ---- sinks.c ---- */

/* Those of gw_store_open: slots 0 .. n_sinks - 1. */
enum gw_err gw_sinks_first(
	struct gw_store *s, const struct gw_store_opts *opts, struct gw_error *err);
void gw_sinks_fini(struct gw_store *s);
/* Makes the sets that hold from seq or before the present ones. Events before seq were taken. */
void gw_sinks_take(struct gw_store *s, uint64_t seq);
/* Gives back slots that are done with. */
void gw_sinks_free(struct gw_store *s);
bool gw_sinks_live(const struct gw_store *s, const char *name);

/* ---- names.c ---- */

/* Which bits the slots' names have, as far as they were read. */
void gw_names_bits(struct gw_store *s);
/* The same, read anew. */
enum gw_err gw_names_read(struct gw_store *s, struct gw_error *err);
/* Inside a transaction: every live name has a bit, names that are gone are kept or dropped. */
enum gw_err gw_names_write(struct gw_store *s, struct gw_error *err);
/* Inside a transaction: what a file put aside knows of its names besides their bits. ret_unread:
 * it could not be read, in part; fails if ours cannot be written. */
enum gw_err gw_names_carry(struct gw_store *s, struct gw_db *from, enum gw_err *ret_unread,
	struct gw_error *err);
/* The transaction was committed. */
void gw_names_say(struct gw_store *s);
/* All that is owed to names that are gone is owed to this sink instead; ret_moved is raised. */
enum gw_err gw_names_give(
	struct gw_store *s, size_t sink, uint64_t *ret_moved, struct gw_error *err);
/* Bits of names that are not configured and not forgotten. */
uint32_t gw_names_gone(const struct gw_store *s);
/* Once a day has names written again, if some are gone. */
void gw_names_tend(struct gw_store *s, int64_t now_ns);
void gw_names_status(const struct gw_store *s, struct gw_store_status *st);

/* ---- line.c ---- */

void gw_line_poke(struct gw_store *s, size_t sink);

/* Takes what uplinks said: marks on events in memory are applied, others wait in s->marks. */
void gw_line_take(struct gw_store *s);
void gw_line_answer(struct gw_store *s);
void gw_line_debts(struct gw_store *s);   /* tells the uplinks to ask anew */
bool gw_line_waiting(struct gw_store *s); /* something is there to take or answer */
/* Events came: applies the marks that can be now, and counts those that can be written. */
void gw_line_settle(struct gw_store *s, int64_t now_ns);

/* ---- verify.c ---- */

/* A piece of what was asked for; true: there is more. */
bool gw_verify_step(struct gw_store *s, bool last);

/* ---- store.c ---- */

void gw_store_head(const unsigned char hash[GW_CHAIN_HASH], char ret_hex[GW_STORE_HEX]);
struct timespec gw_store_deadline(int64_t mono_ns); /* on the clock of s->moved */

/* ---- round.c ---- */

/* One turn of the thread. Returns how long it may sleep, 0: not at all. last: the end is near,
 * try even in back-off. */
int64_t gw_round(struct gw_store *s, bool last);
bool gw_round_waiting(struct gw_store *s);
void gw_round_status(struct gw_store *s);

#endif

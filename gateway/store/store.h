/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store.h: the journal of every transition, the state of every alarm and what each uplink is
 * still owed, in one SQLite database with one connection in one thread. Transition, alarm state
 * and owed bits commit together. A full, read-only or corrupt disk never stops the rest.
 *
 * No disk holds back a start: the thread opens the database. What earlier starts left is read
 * first, and a start that cannot wait for it goes on without; it comes when it can be read.
 *
 * Owner: app/. Thread: open, start and free by main; the rest as said. Life: open, attach...,
 * start, await, load..., ask_stop, join, free.
 */
#ifndef GW_STORE_STORE_H
#define GW_STORE_STORE_H

#include "base/clock.h"
#include "base/thread.h"
#include "base/wake.h"
#include "engine/engine.h"
#include "flow/event.h"
#include "flow/ring.h"

#include <stdbool.h>
#include <stdint.h>

#define GW_STORE_SLOTS 32 /* slots, and most names of uplinks in one database at one time */

struct gw_store_opts {
	const char *
		state_dir; /* made if missing (0750); the database is state_dir/tocsin.db */
	const char *const *uplinks; /* names of the uplinks: slots 0 .. n_sinks - 1 */
	const char *const *urls;    /* theirs; NULL: not known */
	size_t n_uplinks;
	int64_t max_bytes; /* of the database file; oldest delivered, lowest class go first */
	size_t ring_capacity; /* events; four times as many are kept while they cannot be written */
};

struct gw_store;

/* Touches no disk. Fails only for lack of memory. */
enum gw_err gw_store_open(const struct gw_store_opts *opts, struct gw_store **ret_store,
	struct gw_error *err);
void gw_store_free(
	struct gw_store *s); /* NULL is fine; joins; commits what is in the ring */

/* Starts the thread, which reads what earlier starts left, opens or creates the database and then
 * works. What cannot be read now is tried again. A file that was read and is corrupt is put aside
 * (tocsin.db.corrupt-<utc time>...) and a new one begun; so is one that is gone. A disk that
 * cannot be written leaves a store that works from memory and tries again. */
enum gw_err gw_store_start(struct gw_store *s, struct gw_error *err);

/* Main, once, after start: waits until what earlier starts left has been read or cannot be, but no
 * longer when the disk has let the thread wait for idle_ns, nor for more than most_ns (longer
 * than the first for a processor that is busy). False: not read yet. This start then begins at a number of its own, see
 * gw_runfile_jump, so that its events and those that come to light later fit into one file. */
bool gw_store_await_previous_run(struct gw_store *s, int64_t idle_ns, int64_t max_ns);
/* After await: the number of this start, never given before on this box whatever became of the
 * state folder, see gw_runfile_next; and the event before its first. Constant from then on. */
uint64_t gw_store_run(const struct gw_store *s);
uint64_t gw_store_last_seq(const struct gw_store *s);
/* Main: every alarm that was not normal and was not given yet: after await, and again whenever
 * the reader's wake is poked, because what could not be read in time comes late. info is
 * NULL-free and owned by the store until free. */
void gw_store_load_alarms(struct gw_store *s,
	void (*each)(void *arg, const struct gw_alarm_record *m,
		const struct gw_alarm_info *info),
	void *arg);

void gw_store_request_stop(struct gw_store *s);
void gw_store_join(struct gw_store *s);
struct gw_thread *gw_store_thread(struct gw_store *s);

/* Arrow in from the engine, and what to poke after a push. */
struct gw_ring *gw_store_events(struct gw_store *s);
struct gw_wake *gw_store_wake(struct gw_store *s);

/* Points of the store in the engine, which main feeds: 1 while commits fail, and 1 since a corrupt
 * or lost database was replaced, until the next start. The reader's wake is poked when either
 * changes. */
enum { GW_STORE_POINT_FAILING, GW_STORE_POINT_REPLACED, GW_STORE_POINTS };

/* seq up to which everything is committed; any thread. The texts an event points at must live
 * until it is. */
uint64_t gw_store_committed(const struct gw_store *s);
/* Block the caller until seq is committed or mono_ns has come. Any thread but the engine and the
 * store itself. */
bool gw_store_wait(struct gw_store *s, uint64_t seq, int64_t until_mono_ns);

/* ---- main: uplinks come and go while the store runs ---- */

/* A slot for an uplink: sink in the calls below, for its life. GW_ERR_FULL: all are taken, by
 * uplinks or by what uplinks of earlier configurations said and a failing disk has not taken. */
enum gw_err gw_store_reserve_slot(
	struct gw_store *s, size_t *ret_slot, struct gw_error *err);
/* Back again, before it was in any set. */
void gw_store_release_slot(struct gw_store *s, size_t slot);

/* Who is in which slot. NULL, false: no memory. url "": not known. */
struct gw_store_uplinks;
struct gw_store_uplinks *gw_store_uplinks_new(void);
void gw_store_uplinks_free(
	struct gw_store_uplinks *set); /* not handed over; NULL is fine */
bool gw_store_uplinks_add(
	struct gw_store_uplinks *set, size_t slot, const char *name, const char *url);
/* Every event from from_seq on is owed to these, every earlier one to those before them,
 * whatever has reached the disk. Call while no engine runs, after it gave from_seq - 1 and before
 * it gives from_seq. Never waits and cannot fail. What is owed to a name that is in no set is
 * kept for 30 days; a new name with its url takes it over. With an empty set, what arises is owed
 * to the names that were there. */
void gw_store_uplinks_set(
	struct gw_store *s, struct gw_store_uplinks *set, uint64_t from_seq);
/* The thread of an uplink that is in no set any more has ended: its wake is not touched after
 * this. */
void gw_store_detach_uplink(struct gw_store *s, size_t slot);

/* ---- uplink i: its own line to the store; calls from that uplink's thread only ---- */

/* wake is poked after every commit and when a batch is ready. Call before its thread starts. */
void gw_store_attach_uplink(struct gw_store *s, size_t slot, struct gw_wake *wake);

enum gw_mark_kind {
	GW_MARK_DELIVERED, /* the platform has it: the owed bit is cleared */
	GW_MARK_PARKED,    /* the platform refused it for good: kept, not sent again */
	GW_MARK_UNDURABLE, /* it leaves before its commit: a repeat says durable: false too */
	GW_MARK_UNPARKED, /* the platform took a parked one after all: parked no longer */
};
/* False if the line is full: try again after a wake. */
bool gw_store_mark(struct gw_store *s, size_t slot, uint64_t seq, enum gw_mark_kind kind);

/* Ask for the next events owed to this sink: worst level first, then seq, after the cursor.
 * Marks given before are respected, events not yet committed are included. One request at a
 * time; false if one is under way or the line is full. most is capped at GW_STORE_BATCH. */
#define GW_STORE_BATCH 1024
struct gw_owed_cursor {
	int level;    /* GW_LEVEL_RED + 1 to begin */
	uint64_t seq; /* 0 to begin */
};
bool gw_store_request_owed(
	struct gw_store *s, size_t slot, struct gw_owed_cursor after, size_t max_events);
/* Likewise, for events that are parked for this sink: by seq, after after_seq. They stay parked
 * until they are marked delivered and unparked. */
bool gw_store_request_parked(
	struct gw_store *s, size_t slot, uint64_t after_seq, size_t max_events);
/* Likewise: owe this sink again what the journal has from from_seq on with wall_ms >= from_ms,
 * delivered or parked; a parked one is parked no longer. A window of rows at a time, so that no
 * commit waits for long: go on with the answer's next. from_seq GW_STORE_VANISHED: instead, what
 * names that are no longer configured are owed is owed to this sink. */
#define GW_STORE_RESEND_REMOVED INT64_MAX
bool gw_store_request_resend(
	struct gw_store *s, size_t slot, uint64_t from_seq, int64_t from_ms);
/* How often debts came to light that no uplink could know of: when it has changed, ask from the
 * beginning again. The sink's wake is poked. Any thread. */
uint32_t gw_store_backlog_generation(const struct gw_store *s);
/* The answer if it is there, else NULL. events[i].info points into the batch. n == 0: nothing
 * is owed after the cursor. failed: the database could not be read, what is here was in memory;
 * ask again later. events[i].durable is what this sink was told: false if it was marked
 * undurable. An event with seq > gw_store_committed() is not committed yet. */
struct gw_batch {
	size_t n;
	bool failed;
	struct gw_event *events;
	uint64_t parked; /* of gw_store_ask: parked for this sink, in all */
	/* of gw_store_owe: events owed again, those of them that were parked, and where to go on;
	 * 0: that was all */
	uint64_t owed, unparked, next;
};
struct gw_batch *gw_store_take_batch(struct gw_store *s, size_t slot);
void gw_batch_free(struct gw_batch *b); /* NULL is fine */

/* ---- main: history for `tocsin tail -n`/`--since` ---- */

/* The last `last` events (at most GW_STORE_HISTORY) with wall_ms >= since_ms, oldest first;
 * answer through gw_store_take_history after wake was poked. One request at a time. The search
 * ends after 100 ms with what it found. */
#define GW_STORE_HISTORY 10000
void gw_store_attach_reader(struct gw_store *s, struct gw_wake *wake);
bool gw_store_request_history(struct gw_store *s, size_t last, int64_t since_ms);
struct gw_batch *gw_store_take_history(struct gw_store *s);

/* A name that is no longer configured and what it is owed. */
struct gw_store_removed_uplink {
	char name[64];
	uint64_t owed, parked;
};

/* ---- main: the chain of hashes (tamper evidence, see chain.h) ---- */

#define GW_STORE_HASH_HEX 65 /* a SHA-256 in hexadecimal digits */

struct gw_store_verify_result {
	bool failed; /* it could not be looked at now: why */
	char why[200];
	uint64_t rows, unchained; /* looked at; of these without a hash, from schema 1 */
	uint64_t broken;   /* the first event that is not as it was written; 0: none */
	uint64_t head_seq; /* the end of the chain, 0: there is none */
	char head[GW_STORE_HASH_HEX];
};
/* Looks at every row, in pieces between commits; the reader's wake is poked when it is done.
 * False: it is asked for already. */
bool gw_store_request_verify(struct gw_store *s);
bool gw_store_take_verify_result(
	struct gw_store *s, struct gw_store_verify_result *ret_result);

struct gw_store_status {
	bool opening; /* what is committed is not open for writing yet */
	bool failing;
	bool replaced; /* a new database was begun in this start */
	char why[200];
	uint64_t committed, pending; /* events in memory not yet committed */
	uint64_t commits, rows;
	uint64_t trimmed; /* rows deleted to stay within max_bytes */
	uint64_t lost;    /* of these still owed to some uplink */
	uint64_t
		refused; /* events without a row, since only higher classes are left in the file */
	int64_t file_bytes;
	uint64_t head_seq; /* of the chain, as last committed; 0: there is none */
	char head[GW_STORE_HASH_HEX];
	uint64_t owed[GW_STORE_SLOTS], parked[GW_STORE_SLOTS];
	struct gw_store_removed_uplink removed_uplinks[GW_STORE_SLOTS];
	size_t n_removed_uplinks;
};
void gw_store_status(
	struct gw_store *s, struct gw_store_status *ret_status); /* any thread */

#endif

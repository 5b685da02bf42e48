/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store.h: every transition (the journal), the state of every alarm and what each uplink is still
 * owed, in one SQLite database that one thread writes. An event, its alarm's state and
 * its owed bits are committed together. A full, read-only or corrupt disk never stops the gateway.
 *
 * The thread opens the database, so a disk delays a start by 2 s at most (app/store_watch.c). It
 * first reads what earlier runs left. A start that cannot wait for that goes on without it and gets
 * it when it can be read.
 *
 * The calls below are in store.c, those about uplinks that come and go in slots.c (gw_batch_free in
 * batch.c). The other files of store/ run in the store's thread, but for the sending half of
 * mailbox.h, gw_previous_run_decide, and what main takes out of saved_alarms.h. Rows are committed
 * as writer.h says.
 *
 * Owner: app/. Thread: open, start and free by main; the others as said. Life: open, attach...,
 * start, await_previous_run, load_alarms..., request_stop, join, free.
 */
#ifndef GW_STORE_STORE_H
#define GW_STORE_STORE_H

#include "base/clock.h"
#include "base/thread.h"
#include "base/wake.h"
#include "flow/alarm_record.h"
#include "flow/event.h"
#include "flow/ring.h"

#include <stdbool.h>
#include <stdint.h>

#define GW_STORE_SLOTS 32 /* names of uplinks in one database, removed ones too */

struct gw_store_opts {
	const char *state_dir;      /* made if missing (0750); holds tocsin.db */
	const char *const *uplinks; /* their names: slots 0 .. n_uplinks - 1 */
	const char *const *urls;    /* theirs; NULL: not known */
	size_t n_uplinks;
	int64_t max_bytes; /* of the database file */
	const char *spare; /* path of a file in memory that outlives a kill; NULL: none */
	size_t ring_capacity; /* events; four times as many are kept while commits fail */
};

struct gw_store;

/* Touches no disk. Fails only for lack of memory. */
enum gw_err gw_store_open(const struct gw_store_opts *opts, struct gw_store **ret_store,
	struct gw_error *err);
/* NULL is fine. Joins, and commits what is in the ring. */
void gw_store_free(struct gw_store *s);

/* Starts the thread. What cannot be read or written now is tried again; meanwhile the store works
 * from memory. A corrupt file is put into quarantine (tocsin.db.corrupt-<utc>...) and a new one is
 * begun; likewise if the file was deleted. */
enum gw_err gw_store_start(struct gw_store *s, struct gw_error *err);

/* Main calls this once, after start. It waits until what earlier runs left has been read or cannot
 * be read. It waits max_ns at most, and gives up earlier if the store's thread uses no CPU time for
 * idle_ns: the thread then waits for the disk. False: not read yet. The events of this run then
 * begin at a high number (gw_run_counter_unknown_seq), so that the old events and the new ones fit
 * into one file later. */
bool gw_store_await_previous_run(struct gw_store *s, int64_t idle_ns, int64_t max_ns);
/* Constant after await: the number of this run (gw_run_counter_next says how sure it is that no
 * other run had it), and the number of the event before its first. */
uint64_t gw_store_run(const struct gw_store *s);
uint64_t gw_store_last_seq(const struct gw_store *s);
/* Main calls this after await and after each poke of the reader's wake. It gives every alarm that
 * was not normal and was not given yet; what could not be read in time comes later. info is valid
 * until free. reserve is called first, with their number; it may be NULL. If it returns false,
 * because there is no memory, no alarm is given and all stay for the next call. */
void gw_store_load_alarms(struct gw_store *s, bool (*reserve)(void *arg, size_t n),
	void (*each)(void *arg, const struct gw_alarm_record *record,
		const struct gw_alarm_info *info),
	void *arg);

void gw_store_request_stop(struct gw_store *s);
void gw_store_join(struct gw_store *s);
struct gw_thread *gw_store_thread(struct gw_store *s);

/* Events from the engine, and what to poke after a push. */
struct gw_ring *gw_store_events(struct gw_store *s);
struct gw_wake *gw_store_wake(struct gw_store *s);

/* Points of the store in the engine; main sends their samples. FAILING is 1 while commits fail.
 * REPLACED is 1 from the time a corrupt or deleted database was replaced until the next start. The
 * reader's wake is poked when either changes. */
enum { GW_STORE_POINT_FAILING, GW_STORE_POINT_REPLACED, GW_STORE_POINTS };

/* Any thread: every event up to this seq is committed. The texts that an event points at must live
 * until the event is committed. */
uint64_t gw_store_committed(const struct gw_store *s);
/* Blocks until seq is committed or until boot_ns. Not for the engine's and the store's thread. */
bool gw_store_wait(struct gw_store *s, uint64_t seq, int64_t until_boot_ns);

/* ---- main: uplinks come and go while the store runs ---- */

/* Reserves a slot for the life of an uplink. GW_ERR_FULL: all slots are in use, by uplinks or by
 * marks of earlier uplinks that a failing disk has not taken. */
enum gw_err gw_store_reserve_slot(
	struct gw_store *s, size_t *ret_slot, struct gw_error *err);
/* Gives back a slot that was in no set. */
void gw_store_release_slot(struct gw_store *s, size_t slot);

/* A set says which uplink is in which slot. NULL or false is returned if there is no memory. url
 * NULL or "": not known. */
struct gw_store_uplinks;
struct gw_store_uplinks *gw_store_uplinks_new(void);
void gw_store_uplinks_free(struct gw_store_uplinks *set); /* if not set; NULL is fine */
bool gw_store_uplinks_add(
	struct gw_store_uplinks *set, size_t slot, const char *name, const char *url);
/* Every event from from_seq on is owed to the uplinks of this set. Earlier events are owed to the
 * uplinks of the set before, whether or not they have reached the disk. Call it while no engine
 * runs, after event from_seq - 1 and before event from_seq. It never blocks and cannot fail.
 *
 * What is owed to an uplink that is in no set any more is kept for 30 days; a new uplink with the
 * same URL takes it over. While the set is empty, events are owed to the removed uplinks. */
void gw_store_uplinks_set(
	struct gw_store *s, struct gw_store_uplinks *set, uint64_t from_seq);
/* The uplink's wake is not used after this call. Call it when the uplink is in no set any more and
 * its thread has ended. */
void gw_store_detach_uplink(struct gw_store *s, size_t slot);

/* ---- an uplink's thread: its mailbox ---- */

/* Main, before that thread starts. wake is poked after every commit and when a batch is ready. */
void gw_store_attach_uplink(struct gw_store *s, size_t slot, struct gw_wake *wake);

enum gw_mark_kind {
	GW_MARK_DELIVERED, /* the platform has it: it is owed no longer */
	GW_MARK_PARKED,    /* the platform refused it: kept, and not sent with the others */
	GW_MARK_UNDURABLE, /* it leaves before its commit: repeats say durable: false too */
	GW_MARK_UNPARKED,  /* the platform took a parked one after all */
	GW_MARK_OWED, /* to be sent again: an older event of its alarm was delivered after it */
};
/* False: the mailbox is full; try again after a wake. */
bool gw_store_mark(struct gw_store *s, size_t slot, uint64_t seq, enum gw_mark_kind kind);

/* The requests below: one at a time. The reply is taken with gw_store_take_batch after a wake.
 * False: a request is under way, or the mailbox is full. The reply takes account of every mark that
 * was given before the request. */

/* The next events owed after the cursor, worst level first, then by seq, GW_STORE_BATCH at most.
 * Events that are not committed yet are included. */
#define GW_STORE_BATCH 1024
struct gw_owed_cursor {
	int level;    /* GW_LEVEL_RED + 1 to begin */
	uint64_t seq; /* 0 to begin */
};
bool gw_store_request_owed(
	struct gw_store *s, size_t slot, struct gw_owed_cursor after, size_t max_events);
/* Parked events by seq, after after_seq. They stay parked until marked delivered and unparked. */
bool gw_store_request_parked(
	struct gw_store *s, size_t slot, uint64_t after_seq, size_t max_events);
/* Owes this slot again what the journal has from from_seq on with wall_ms >= from_ms, whether it
 * was delivered or parked. Parked events are parked no longer. One call serves one window of rows,
 * so that no commit waits for long: ask again with the reply's next. If from_seq is
 * GW_STORE_RESEND_REMOVED, everything owed to removed uplinks is owed to this slot instead. */
#define GW_STORE_RESEND_REMOVED INT64_MAX
bool gw_store_request_resend(
	struct gw_store *s, size_t slot, uint64_t from_seq, int64_t from_ms);
/* Any thread: a count that changes when events became owed that no uplink can know of. An uplink
 * then asks from the beginning again. The wakes of all slots are poked. */
uint32_t gw_store_backlog_revision(const struct gw_store *s);

struct gw_batch {
	size_t n;    /* 0 after request_owed: nothing is owed after the cursor */
	bool failed; /* the database cannot be read now; the events are those in memory */
	/* info and confirmed_by point into the batch. durable: false if this slot sent it so.
	 * An event above gw_store_committed() is not committed yet. */
	struct gw_event *events;
	/* request_owed and request_parked, one for each event: the newest event of its alarm, if
	 * it is newer and the platform has it; else 0. NULL: all are 0. */
	uint64_t *newer;
	uint64_t parked; /* request_owed: how many are parked for this slot, in all */
	/* request_resend: events owed again, how many of them were parked, and where to go on;
	 * 0: that was all */
	uint64_t owed, unparked, next;
};
/* NULL: no reply yet. */
struct gw_batch *gw_store_take_batch(struct gw_store *s, size_t slot);
void gw_batch_free(struct gw_batch *b); /* NULL is fine */

/* ---- main: history for `tocsin tail -n`/`--since` ---- */

/* Before start. */
void gw_store_attach_reader(struct gw_store *s, struct gw_wake *wake);
/* Asks for the last `last` events (at most GW_STORE_HISTORY) with wall_ms >= since_ms, oldest
 * first. They can be taken after the reader's wake was poked. One request at a time. The search
 * ends after 100 ms with what it has found. */
#define GW_STORE_HISTORY 10000
bool gw_store_request_history(struct gw_store *s, size_t last, int64_t since_ms);
struct gw_batch *gw_store_take_history(struct gw_store *s);

/* ---- main: the chain of hashes (tamper evidence, see chain.h) ---- */

#define GW_STORE_HASH_HEX 65 /* a SHA-256 in hexadecimal digits */

struct gw_store_verify_result {
	bool failed; /* it could not be checked now */
	char why[200];
	uint64_t rows;      /* checked */
	uint64_t unchained; /* of these, rows of schema 1, which have no hash */
	uint64_t broken;    /* the first event that is not as it was written; 0: none */
	uint64_t head_seq;  /* the end of the chain, 0: there is none */
	char head[GW_STORE_HASH_HEX];
};
/* Checks every row of the chain, some rows between any two commits. The reader's wake is poked at
 * the end. False: a check is under way. */
bool gw_store_request_verify(struct gw_store *s);
bool gw_store_take_verify_result(
	struct gw_store *s, struct gw_store_verify_result *ret_result);

/* ---- main: a copy of the database (see backup.h) ---- */

struct gw_store_backup_result {
	bool failed;
	char why[200];
	int fd; /* of the copy, which has no name, open to read and the caller's; -1 if failed */
	int64_t bytes;
};
/* Begins a copy. The reader's wake is poked as it goes on, and at its end. False: another one is
 * made, or its result was not taken yet. */
bool gw_store_request_backup(struct gw_store *s);
/* Nobody waits for it any more. */
void gw_store_cancel_backup(struct gw_store *s);
bool gw_store_take_backup(struct gw_store *s, struct gw_store_backup_result *ret_result);
/* Pages copied and to be copied; the second may change. */
void gw_store_backup_progress(const struct gw_store *s, int *ret_done, int *ret_pages);
/* The state folder. */
const char *gw_store_folder(const struct gw_store *s);

/* ---- any thread ---- */

/* An uplink that is no longer configured, and what it is owed. */
struct gw_store_removed_uplink {
	char name[64];
	uint64_t owed, parked;
};

struct gw_store_status {
	bool opening; /* the database is not open for writing yet */
	bool failing;
	bool replaced; /* this run began a new database */
	char why[200];
	uint64_t committed;
	uint64_t pending; /* events in memory that are not committed */
	uint64_t commits, rows;
	uint64_t trimmed; /* rows deleted to stay within max_bytes */
	uint64_t lost;    /* of these, rows still owed to an uplink */
	/* Events that got no row: the file holds only higher classes, or commits fail and there
	 * was no memory for an event that a later one of its alarm supersedes. */
	uint64_t refused;
	int64_t file_bytes;
	uint64_t head_seq; /* of the chain, as last committed; 0: there is none */
	char head[GW_STORE_HASH_HEX];
	uint64_t owed[GW_STORE_SLOTS], parked[GW_STORE_SLOTS];
	struct gw_store_removed_uplink removed_uplinks[GW_STORE_SLOTS];
	size_t n_removed_uplinks;
};
void gw_store_status(struct gw_store *s, struct gw_store_status *ret_status);

#endif

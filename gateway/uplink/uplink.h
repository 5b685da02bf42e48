/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uplink.h: one way to one platform, one thread: at least once, one id for ever, worst level
 * first, then seq. An event leaves when it is committed, or GW_UPLINK_COMMIT_WAIT after it
 * arose, whichever comes first. Keeps what it owes in memory up to a bound; beyond it, and after
 * a start, it asks the store.
 *
 * Owner: app/. Thread: new/start/stop/free by main; status by any.
 */
#ifndef GW_UPLINK_UPLINK_H
#define GW_UPLINK_UPLINK_H

#include "base/thread.h"
#include "flow/ring.h"
#include "store/store.h"
#include "uplink/payload.h"
#include "uplink/sink.h"

#define GW_UPLINK_COMMIT_WAIT_NS (200 * GW_NS_PER_MS)
#define GW_UPLINK_MAX_EVENTS     4096 /* in memory; the rest is in the store */
#define GW_UPLINK_MAX_BYTES      (4 << 20)
#define GW_UPLINK_REQUEST_BYTES  (512 << 10)
#define GW_UPLINK_DOWN_FAILURES  3
#define GW_UPLINK_DOWN_NS        (60 * GW_NS_PER_SEC)

struct gw_uplink;

/* What a heartbeat says of the rest of the gateway; called in the uplink's thread. The uplink has
 * filled what it knows (count, run, clock, pending, parked, oldest, next_by); fill adds site,
 * which stays valid during the call to render, last_seq, uptime, sources, standing, version. */
struct gw_uplink_health {
	void (*fill)(void *arg, struct gw_heartbeat *h);
	void *arg;
};

/* slot: its slot in the store. opts is copied with its texts; health may be NULL
 * (no heartbeats) and is copied too. Attaches to the store. */
enum gw_err gw_uplink_new(const struct gw_uplink_opts *opts, size_t slot,
	struct gw_store *store, const struct gw_uplink_health *health, size_t ring_capacity,
	struct gw_uplink **ret_uplink, struct gw_error *err);
/* Its ring begins after seq, and not after what the store held when it was opened; parked: so many
 * are parked under its name. Call before its thread runs. */
void gw_uplink_begin_after(struct gw_uplink *u, uint64_t seq, uint64_t parked);
enum gw_err gw_uplink_start(struct gw_uplink *u, struct gw_error *err);
/* Stops after one last short try to deliver what is at hand (at most 1 s). Stop the engine
 * before and the store after it; the store pokes it to its end, so free it after that. */
void gw_uplink_request_stop(struct gw_uplink *u);
void gw_uplink_join(struct gw_uplink *u);
void gw_uplink_free(struct gw_uplink *u); /* NULL is fine; joins */
struct gw_thread *gw_uplink_thread(struct gw_uplink *u);

/* Arrow in from the engine. An event is rendered when it is taken out, within a second even while a
 * request is under way; nothing it points at is used after that. */
struct gw_ring *gw_uplink_events(struct gw_uplink *u);
struct gw_wake *gw_uplink_wake(struct gw_uplink *u);

/* Arrow out to the engine: points 0 (1 while the platform cannot be reached or takes no alarm:
 * after 3 failures in a row or 60 s, or when heartbeats are refused for who we are (401, 403, 407)
 * for 60 s and no alarm was taken since; 0 only once it was) and 1 (1 while a record is parked). Call before start. */
enum { GW_UPLINK_POINT_DOWN, GW_UPLINK_POINT_PARKED, GW_UPLINK_POINTS };
enum gw_err gw_uplink_fault_ring(struct gw_uplink *u, struct gw_wake *engine_wake,
	struct gw_ring **ret_ring, struct gw_error *err);

struct gw_uplink_status {
	bool up; /* the last try worked */
	bool tried;
	bool down;         /* declared unreachable, as the fault point says */
	int64_t since_ns;  /* CLOCK_BOOTTIME of the last change */
	uint64_t pending;  /* owed: in memory and, as far as known, in the store */
	int64_t oldest_ms; /* age of the oldest owed, 0: none */
	uint64_t sent;     /* events, since start */
	uint64_t retries;  /* tries that failed, since start */
	uint64_t parked;   /* events, of earlier runs too */
	uint64_t heartbeats;
	char why[160];
};
void gw_uplink_status(struct gw_uplink *u, struct gw_uplink_status *ret_status);

/* ---- main: send again ---- */

/* What is parked is offered to the platform again, one by one, when nothing else is to be sent. */
void gw_uplink_retry_parked(struct gw_uplink *u);

/* The same; and with from_seq > 0, what the journal has from that seq and that wall time on is
 * owed again, under the same ids. */
struct gw_resend {
	uint64_t from_seq;
	int64_t from_ms;
	bool removed_uplinks; /* what uplinks that are no longer configured are owed is owed to this */
};
struct gw_resend_result {
	uint64_t parked; /* to be offered */
	uint64_t owed;   /* again; not counted what was owed anyway */
	bool failed;     /* the store cannot write now */
};
/* asker is poked when an answer is there. Call before start. */
void gw_uplink_attach_requester(struct gw_uplink *u, struct gw_wake *requester);
/* One at a time; false if one is under way. */
bool gw_uplink_resend(struct gw_uplink *u, const struct gw_resend *what);
/* True: the answer to the last one, once. */
bool gw_uplink_take_resend_result(struct gw_uplink *u, struct gw_resend_result *ret_result);

#endif

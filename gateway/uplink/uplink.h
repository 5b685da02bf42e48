/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uplink.h: one platform, one thread. Events are delivered at least once, each with the same id for
 * ever, worst level first, then by seq. An event is sent when it is committed, or
 * GW_UPLINK_COMMIT_WAIT_NS after it occurred, whichever comes first. What is owed is kept in memory
 * up to a bound; beyond that, and after a start, the store is asked.
 *
 * The calls below are in uplink.c, but gw_uplink_status in link_state.c, and gw_uplink_resend and
 * its result, gw_uplink_retry_parked and gw_uplink_attach_requester in resend.c.
 *
 * Owner: app/. Thread: new, start, stop and free by main; status by any.
 */
#ifndef GW_UPLINK_UPLINK_H
#define GW_UPLINK_UPLINK_H

#include "base/thread.h"
#include "flow/ring.h"
#include "store/store.h"
#include "uplink/payload.h"
#include "uplink/sink.h"
#include "uplink/uplink_settings.h"

#define GW_UPLINK_COMMIT_WAIT_NS (200 * GW_NS_PER_MS)
#define GW_UPLINK_MAX_EVENTS     4096 /* in memory; the rest is in the store */
#define GW_UPLINK_MAX_BYTES      (4 << 20)
#define GW_UPLINK_REQUEST_BYTES  (512 << 10)
#define GW_UPLINK_DOWN_FAILURES  3
#define GW_UPLINK_DOWN_NS        (60 * GW_NS_PER_SEC)

struct gw_uplink;

/* The fields of a heartbeat that only the rest of the gateway knows, filled in the uplink's
 * thread. Before the call the uplink has set count, run, wall_ms, since_boot_ms, synced,
 * pending, parked, oldest_ms and next_by_ms. fill sets all others; site is valid during the
 * call to render. */
struct gw_uplink_health {
	void (*fill)(void *arg, struct gw_heartbeat *h);
	void *arg;
};

/* Attaches to the slot of the store. opts and its texts are copied, and so is health. health NULL:
 * the uplink sends no heartbeats. */
enum gw_err gw_uplink_new(const struct gw_uplink_opts *opts, size_t slot,
	struct gw_store *store, const struct gw_uplink_health *health, size_t ring_capacity,
	struct gw_uplink **ret_uplink, struct gw_error *err);
/* For an uplink that joins a running gateway, at a reload. Call it after start, while its thread is
 * held (gw_thread_hold, called before start): start sets what this call replaces. seq: the last
 * event that the engine gave before this uplink; its ring begins after it. parked: how many events
 * of an earlier uplink of its name are parked. */
void gw_uplink_begin_after(struct gw_uplink *u, uint64_t seq, uint64_t parked);
enum gw_err gw_uplink_start(struct gw_uplink *u, struct gw_error *err);
/* The thread ends after one last try to deliver what is in memory; the try takes 1 s at most. Stop
 * the engine before the uplink and the store after it. The store pokes the uplink's wake until it
 * has stopped, so free the uplink after that. */
void gw_uplink_request_stop(struct gw_uplink *u);
void gw_uplink_join(struct gw_uplink *u);
void gw_uplink_free(struct gw_uplink *u); /* NULL is fine; joins */
struct gw_thread *gw_uplink_thread(struct gw_uplink *u);

/* Events from the engine. The uplink takes an event within a second, also while a request is under
 * way. It renders the event at once and does not use what the event points at after that. */
struct gw_ring *gw_uplink_events(struct gw_uplink *u);
struct gw_wake *gw_uplink_wake(struct gw_uplink *u);

/* Samples to the engine, of two points. DOWN is 1 while the platform cannot be reached or
 * accepts no events: after 3 failures in a row, after 60 s, or when heartbeats are refused for
 * who we are (401, 403, 407) for 60 s and no event was accepted since. It is 0 only after an
 * event or heartbeat was accepted. PARKED is 1 while an event is parked. Call before start. */
enum { GW_UPLINK_POINT_DOWN, GW_UPLINK_POINT_PARKED, GW_UPLINK_POINTS };
enum gw_err gw_uplink_fault_ring(struct gw_uplink *u, struct gw_wake *engine_wake,
	struct gw_ring **ret_ring, struct gw_error *err);

struct gw_uplink_status {
	bool up; /* the last request succeeded */
	bool tried;
	bool down;         /* as GW_UPLINK_POINT_DOWN */
	int64_t since_ns;  /* CLOCK_BOOTTIME of the last change */
	uint64_t pending;  /* owed, in memory and in the store as far as known */
	int64_t oldest_ms; /* age of the oldest event owed, 0: none */
	uint64_t sent;     /* events, since start */
	uint64_t retries;  /* requests that failed, since start */
	uint64_t parked;   /* events, also of earlier runs */
	uint64_t heartbeats;
	char why[160];
};
void gw_uplink_status(struct gw_uplink *u, struct gw_uplink_status *ret_status);

/* ---- main: send again ---- */

/* Parked events are sent again, one by one, when nothing else is to be sent. */
void gw_uplink_retry_parked(struct gw_uplink *u);

/* Parked events are sent again. If from_seq > 0, every event from that seq and wall time on is sent
 * again, too, with the same id. */
struct gw_resend {
	uint64_t from_seq;
	int64_t from_ms;
	bool removed_uplinks; /* also what is owed to removed uplinks */
};
struct gw_resend_result {
	uint64_t parked; /* to be sent again */
	uint64_t owed;   /* again; without those that were owed anyway */
	bool failed;     /* the store cannot write now */
};
/* The requester's wake is poked when the result can be taken. Call before start. */
void gw_uplink_attach_requester(struct gw_uplink *u, struct gw_wake *requester);
/* False: a resend is under way. */
bool gw_uplink_resend(struct gw_uplink *u, const struct gw_resend *request);
/* True: ret_result has the result of the last resend. It is given once. */
bool gw_uplink_take_resend_result(struct gw_uplink *u, struct gw_resend_result *ret_result);

#endif

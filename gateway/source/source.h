/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source.h: one bus or broker link with its thread: opens the driver and polls it; when the link is
 * lost, closes it, backs off with jitter and opens it again, for ever. Logs "link lost" once and
 * "link back" once.
 *
 * Owner: app/. Thread: new/start/stop/free by main; status by any. Life: new, start, stop, free.
 */
#ifndef GW_SOURCE_SOURCE_H
#define GW_SOURCE_SOURCE_H

#include "base/thread.h"
#include "base/wake.h"
#include "flow/ring.h"
#include "source/driver.h"

#include <stdatomic.h>
#include <stdint.h>

struct gw_commit_check; /* emit.h */
struct gw_state_file;
struct gw_source;

/* ring_capacity samples; engine_wake is poked after a publish. */
enum gw_err gw_source_new(const struct gw_source_opts *opts, size_t ring_capacity,
	struct gw_wake *engine_wake, const struct gw_commit_check *commit,
	struct gw_source **ret_source, struct gw_error *err);
enum gw_err gw_source_start(struct gw_source *s, struct gw_error *err);
/* Between new and start: where its driver saves its state; NULL: nowhere. */
void gw_source_set_state_file(struct gw_source *s, struct gw_state_file *file);
void gw_source_request_stop(struct gw_source *s);
void gw_source_join(struct gw_source *s);
void gw_source_free(struct gw_source *s); /* NULL is fine; joins */

struct gw_ring *gw_source_ring(struct gw_source *s);
struct gw_thread *gw_source_thread(struct gw_source *s);
const struct gw_source_opts *gw_source_opts(const struct gw_source *s);
enum gw_source_state { GW_SOURCE_STARTING, GW_SOURCE_UP, GW_SOURCE_DOWN };

/* What main knows of a source whose thread may hang in its driver (app/supervise.h): main then
 * emits `down` for it, and must have the source emit its real state once it runs again. */
enum gw_hang_state {
	GW_HANG_NONE,
	GW_HANG_REPORTED,        /* main has emitted that it is down */
	GW_HANG_STATE_REQUESTED, /* it runs again and was asked to emit its state */
};
struct gw_source_hang {
	enum gw_hang_state state;
	int64_t since_ns; /* it hangs */
	uint64_t pushed;  /* elements of main's ring up to that sample */
};
struct gw_source_hang *gw_source_hang(struct gw_source *s); /* main's */
/* While it hangs its status is down, whatever its own thread set last. Main. */
void gw_source_set_hangs(struct gw_source *s, bool hangs);
/* Main: asks the source's thread to emit once more whether it is down; and whether it has done
 * so. */
void gw_source_request_state(struct gw_source *s);
bool gw_source_state_sent(struct gw_source *s);

struct gw_source_status {
	enum gw_source_state state;
	int64_t since_ns;   /* CLOCK_BOOTTIME of the last change of state */
	uint64_t tries;     /* opens since the link was lost */
	uint64_t coalesced; /* samples merged because the ring was full */
	uint64_t samples;   /* published since start */
	uint64_t counts[GW_COUNT_MAX];
	uint64_t queued; /* samples in the ring now */
	char why[200];   /* last error of the link, "" while up */
};
void gw_source_status(struct gw_source *s, struct gw_source_status *ret_status);

#endif

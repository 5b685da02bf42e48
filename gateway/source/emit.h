/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emit.h: struct gw_emit, through which a driver's samples reach the engine. The calls of drivers
 * (gw_emit_sample and others) are declared in driver.h and are in emit.c. Samples are collected and
 * published at the flush, with one push into the source's ring and one wake-up. If the ring is full
 * they are coalesced (coalesce.h) and published later.
 *
 * Owner: the source (or a test of a driver). Thread: the source's; the counters are read by any.
 * Life: init, sample/flush..., fini. After init no call allocates, locks or logs, except
 * gw_emit_device_state, gw_emit_warn, the lines about an unreadable point, and what reads,
 * writes or waits for the state of a source.
 */
#ifndef GW_SOURCE_EMIT_H
#define GW_SOURCE_EMIT_H

#include "base/thread.h"
#include "base/wake.h"
#include "flow/ring.h"
#include "source/driver.h"
#include "source/scale.h"
#include "source/unreadable_points.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define GW_EMIT_BATCH 64

struct gw_coalescer;
struct gw_state_file; /* state_files.h */

/* How a source learns that the events caused by its samples are committed. Filled by app/. */
struct gw_commit_check {
	/* seq of the last event the engine emitted; any thread. */
	uint64_t (*last_seq)(void *arg);
	/* Wait until seq is committed, at most until boot_ns; false if it is not. */
	bool (*wait_committed)(void *arg, uint64_t seq, int64_t until_boot_ns);
	void *arg;
};

struct gw_emit {
	/* set at init */
	struct gw_ring *ring;
	struct gw_wake *engine_wake;
	struct gw_commit_check commit; /* functions NULL: nothing to wait for */
	const char *source;            /* its name */
	int stop_fd;
	struct gw_thread *thread; /* NULL: never stopping */
	uint32_t n_points;
	struct gw_coalescer *coalescer;
	struct gw_state_file *state_file; /* NULL: nothing is saved */
	/* the source's thread only */
	struct gw_unreadable_points unreadable;
	struct gw_scale *scales; /* by point; den 0: not made yet */
	size_t n_batch;
	int64_t last_ns;
	struct gw_sample batch[GW_EMIT_BATCH];
	/* written by the source's thread, read by any */
	_Atomic uint64_t samples, coalesced;
	_Atomic uint64_t counts[GW_COUNT_MAX];
};

struct gw_emit_opts {
	const char *source;
	uint32_t n_points; /* with the source's own */
	struct gw_ring *ring;
	struct gw_wake *engine_wake;          /* NULL: nobody to wake */
	const struct gw_commit_check *commit; /* NULL: nothing to wait for; else copied */
	int stop_fd;
	struct gw_thread *thread; /* NULL: never stopping */
};

enum gw_err gw_emit_init(
	struct gw_emit *e, const struct gw_emit_opts *opts, struct gw_error *err);
void gw_emit_fini(struct gw_emit *e); /* zeroed or twice is fine */

/* Whether samples wait because the ring was full: flush again soon. */
bool gw_emit_is_coalescing(const struct gw_emit *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alert_log.h: the file of alarm transitions for operators, one line each
 * (flow/event.h). It has a thread of its own, so that a stalled disk blocks nothing
 * else. If the file was renamed or removed (logrotate), the next line begins a new one.
 * While it cannot be written, lines are buffered, up to GW_ALERT_LOG_BUFFER bytes; then
 * the oldest are dropped (the database has them) and counted. Lines are synced soon
 * after they were written (alert_sync.h).
 *
 * Owner: app/. Thread: main; the engine pushes into the ring; status: any.
 * Life: new, start, request_stop, join, free.
 */
#ifndef GW_ALERT_LOG_H
#define GW_ALERT_LOG_H

#include "base/thread.h"
#include "base/wake.h"
#include "flow/event.h"
#include "flow/ring.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define GW_ALERT_LOG_BUFFER   (1024 * 1024)
#define GW_ALERT_LOG_RETRY_NS (2 * GW_NS_PER_SEC)

struct gw_alert_log;

/* No I/O yet. path is copied; ring_capacity in events. */
enum gw_err gw_alert_log_new(const char *path, size_t ring_capacity,
	struct gw_alert_log **ret_log, struct gw_error *err);
enum gw_err gw_alert_log_start(struct gw_alert_log *a, struct gw_error *err);
void gw_alert_log_request_stop(struct gw_alert_log *a); /* it empties its ring first */
void gw_alert_log_join(struct gw_alert_log *a);
void gw_alert_log_free(struct gw_alert_log *a); /* NULL is fine; joins */
/* Group of files that it creates; the group may read them. Before start. */
void gw_alert_log_group(struct gw_alert_log *a, gid_t group);

struct gw_ring *gw_alert_log_events(struct gw_alert_log *a);
struct gw_wake *gw_alert_log_wake(struct gw_alert_log *a);
struct gw_thread *gw_alert_log_thread(struct gw_alert_log *a);

/* One step of the thread, for tests: takes what is in the ring, writes what is due.
 * Returns the latest time of the next call; INT64_MAX: when an event comes. */
int64_t gw_alert_log_step(struct gw_alert_log *a, int64_t now_ns);

struct gw_alert_log_status {
	bool failing;
	int native;       /* errno while failing */
	uint64_t lines;   /* written since start */
	uint64_t waiting; /* lines in memory */
	uint64_t lost;    /* lines that were never written */
	uint64_t syncs;   /* syncs that succeeded */
};
void gw_alert_log_status(struct gw_alert_log *a, struct gw_alert_log_status *ret_status);
const char *gw_alert_log_path(const struct gw_alert_log *a);

#endif

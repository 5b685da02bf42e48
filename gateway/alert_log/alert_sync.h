/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alert_sync.h: syncs the alert log (fdatasync) in a thread of its own, at most once in
 * GW_ALERT_SYNC_NS. A disk that stalls does not even delay the next line, which only
 * goes into the page cache.
 *
 * Owner: the alert log. Thread: main starts and frees it, the alert log's thread
 * requests.
 */
#ifndef GW_ALERT_SYNC_H
#define GW_ALERT_SYNC_H

#include "base/error.h"
#include "base/thread.h"
#include "base/wake.h"

#include <stdatomic.h>
#include <stdint.h>

#define GW_ALERT_SYNC_NS      (INT64_C(1000000000))
#define GW_ALERT_SYNC_LAST_MS 2000 /* how long the end of the daemon waits for the disk */

struct gw_alert_sync {
	struct gw_thread thread;
	struct gw_wake wake;
	_Atomic int fd; /* a duplicate to be synced and closed, -1: none */
	_Atomic uint64_t syncs, failures;
};

enum gw_err gw_alert_sync_new(struct gw_alert_sync **ret_sync, struct gw_error *err);
enum gw_err gw_alert_sync_start(struct gw_alert_sync *s, struct gw_error *err);
/* Syncs a last time if requested. A thread that the disk blocks for longer is left
 * behind with its memory. Not started or NULL is fine. */
void gw_alert_sync_free(struct gw_alert_sync *s);

/* Lines were written to fd. If another file waits for its sync, it is dropped: it was
 * renamed by logrotate, and the kernel writes it within half a minute. */
void gw_alert_sync_request(struct gw_alert_sync *s, int fd);

#endif

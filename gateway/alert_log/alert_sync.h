/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alert_sync.h: brings what was written to the alert log to the disk (fdatasync), in a thread of
 * its own: a disk that stalls holds up nobody, not even the next line, which only goes into memory
 * of the kernel. At most once a GW_ALERT_SYNC_NS, however many lines there are.
 *
 * Owner: the alert log. Thread: start and stop by main, ask by the alert log's.
 */
#ifndef GW_ALERT_SYNC_H
#define GW_ALERT_SYNC_H

#include "base/error.h"
#include "base/thread.h"
#include "base/wake.h"

#include <stdatomic.h>
#include <stdint.h>

#define GW_ALERT_SYNC_NS      (INT64_C(1000000000))
#define GW_ALERT_SYNC_LAST_MS 2000 /* how long the end waits for the disk */

struct gw_alert_sync {
	struct gw_thread thread;
	struct gw_wake wake;
	_Atomic int fd; /* a duplicate to be synced and closed, -1: none */
	_Atomic uint64_t syncs, failures;
};

enum gw_err gw_alert_sync_new(struct gw_alert_sync **ret_sync, struct gw_error *err);
enum gw_err gw_alert_sync_start(struct gw_alert_sync *s, struct gw_error *err);
/* Syncs what was asked for once more and ends; a thread that the disk holds longer is left behind
 * with its memory. Not started or NULL is fine. */
void gw_alert_sync_free(struct gw_alert_sync *s);

/* Lines were written to fd. If another file waits it is left to the kernel, which has it on the
 * disk within half a minute: that is the end of a log that was moved away. */
void gw_alert_sync_request(struct gw_alert_sync *s, int fd);

#endif

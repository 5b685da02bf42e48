/* SPDX-License-Identifier: Apache-2.0 */
/*
 * last_good.h: a copy of the configuration that ran last, in the state folder, with the profiles
 * it used. When the file on disk is refused at a start, the gateway starts from the copy.
 *
 * Owner: the gateway. Thread: main; the disk is written by a thread of its own, which may block.
 * Life: zeroed, keep..., turn..., end.
 */
#ifndef GW_APP_LAST_GOOD_H
#define GW_APP_LAST_GOOD_H

#include "base/thread.h"
#include "conf/files.h"

#include <limits.h>

#define GW_LAST_GOOD "last-good.conf" /* in the state folder, 0640 */

struct gw_last_good {
	/* main */
	struct gw_thread thread;
	struct gw_files pending; /* to be written when the thread has ended; n 0: nothing */
	char pending_folder[PATH_MAX];
	int64_t retry_ns; /* after a failure */
	bool failed;      /* said so */
	/* main while the thread does not run, else the thread's */
	char folder[PATH_MAX];
	struct gw_files files;
	struct gw_error why; /* kind GW_OK: it is written */
};

/* Takes files, which are good and run. */
void gw_last_good_save(
	struct gw_last_good *k, const char *state_dir, struct gw_files *files);
/* Once a second. */
void gw_last_good_tick(struct gw_last_good *k, int64_t now_ns);
void gw_last_good_stop(struct gw_last_good *k); /* zeroed is fine */

/* The copy of what path was. state_dir may be a guess: a copy of another file is none. */
enum gw_err gw_last_good_read(const char *state_dir, const char *path,
	struct gw_files *ret_files, struct gw_error *err);
/* The value of gateway.state_dir in a file that was refused, as far as it can be made out: the
 * rest of a line with that key. False: it cannot. */
bool gw_last_good_state_dir(const struct gw_files *files, char *ret_dir, size_t size);

#endif

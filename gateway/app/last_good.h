/* SPDX-License-Identifier: Apache-2.0 */
/*
 * last_good.h: a copy of the configuration that ran last, with its profiles, in the
 * state folder. If the file is refused at a start, the gateway starts from the copy.
 *
 * Owner: the gateway. Thread: main; a thread of its own writes to the disk and may
 * block. Life: zeroed, save..., tick..., stop.
 */
#ifndef GW_APP_LAST_GOOD_H
#define GW_APP_LAST_GOOD_H

#include "base/thread.h"
#include "store/restored.h" /* GW_LAST_GOOD: its name in the state folder, 0640 */
#include "yaml/files.h"

#include <limits.h>

struct gw_last_good {
	/* main */
	struct gw_thread thread;
	struct gw_files pending; /* to be written once the thread has ended; n 0: nothing */
	char pending_folder[PATH_MAX];
	int64_t retry_ns; /* after a failure */
	bool failed;      /* and it was logged */
	/* the thread's while it runs, else main's */
	char folder[PATH_MAX];
	struct gw_files files;
	struct gw_error why; /* kind GW_OK: written */
};

/* Takes files, which are the running configuration. */
void gw_last_good_save(
	struct gw_last_good *l, const char *state_dir, struct gw_files *files);
/* Once a second. */
void gw_last_good_tick(struct gw_last_good *l, int64_t now_ns);
/* Zeroed is fine. False: the disk has not taken the copy within wait_ms; the thread is left behind
 * and uses l until the process ends. */
bool gw_last_good_stop(struct gw_last_good *l, int wait_ms);

/* The copy of path. GW_ERR_CONFIG: the copy in state_dir is of another file. */
enum gw_err gw_last_good_read(const char *state_dir, const char *path,
	struct gw_files *ret_files, struct gw_error *err);

#endif

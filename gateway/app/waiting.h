/* SPDX-License-Identifier: Apache-2.0 */
/*
 * waiting.h: a daemon that has no configuration it can use (tocsind --wait). It logs why and what
 * to run, once; systemd takes it for started and shows the same line as its status; the control
 * socket gives it as an error. It tries again by itself, as the file may lie on a disk that is
 * mounted late, and at once on SIGHUP.
 *
 * Owner: main.c. Thread: main, the only one.
 */
#ifndef GW_APP_WAITING_H
#define GW_APP_WAITING_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* The caller fills it. */
struct gw_waiting_opts {
	const char *
		socket; /* of the gateway that is to be; if it cannot be opened, it is left out */
	/* Whether there is a configuration now; else why not and what to run, as one line. asked:
	 * by SIGHUP. */
	bool (*try)(void *arg, bool asked, char *ret_line, size_t size);
	void *arg;
};

/* Until try finds a configuration: GW_OK; GW_ERR_STOPPED: SIGTERM or SIGINT. line: the first one.
 * SIGHUP, SIGTERM and SIGINT stay blocked. */
enum gw_err gw_waiting_run(
	const struct gw_waiting_opts *opts, const char *line, struct gw_error *err);

#endif

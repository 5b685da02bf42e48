/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay.h: `tocsin replay`: runs tocsin-replay, which contains the engine.
 */
#ifndef GW_CTL_REPLAY_H
#define GW_CTL_REPLAY_H

#include <stdbool.h>

/* against may be NULL; files are n of the command line. Returns only if tocsin-replay
 * cannot be run: the exit code of tocsin. */
int gw_replay_files(const char *config, const char *against, bool json, char *const *files,
	int n_files);

#endif

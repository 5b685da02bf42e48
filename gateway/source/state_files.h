/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state_files.h: what drivers remember across restarts: some bytes for each source, in a file of its
 * own in the state folder. A thread reads and writes them, because a disk may take seconds, and
 * no source waits for one. A file is replaced whole; at most one write of a source in ten
 * seconds; what has not changed is not written.
 *
 * What was remembered may be older than what happened: the daemon was killed before it was
 * written. It is `complete` only if the source said so when it ended, and nothing came after.
 *
 * Owner: app/. Thread: start, of and stop by main; recall and remember by the source's. Life:
 * start, of..., stop.
 */
#ifndef GW_SOURCE_STATE_FILES_H
#define GW_SOURCE_STATE_FILES_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GW_STATE_FILE_MAX ((size_t)1 << 20) /* bytes of one source */

struct gw_state_files;
struct gw_state_file; /* of one source; lives as long as the memory */

enum gw_err gw_state_files_start(
	const char *state_dir, struct gw_state_files **ret_memory, struct gw_error *err);
/* The same slot for the same name, so a reload finds what the source before it knew. NULL: no
 * memory, or out of it. */
struct gw_state_file *gw_state_files_get(struct gw_state_files *m, const char *source);
/* Write what is not written, at most until most_ns from now; a disk that does not answer is left
 * behind. NULL is fine. */
void gw_state_files_stop(struct gw_state_files *m, int64_t max_ns);

/* Bytes into `to`; 0: nothing is remembered, or the disk has not answered within 50 ms. */
size_t gw_state_files_load(
	struct gw_state_file *s, void *to, size_t size, bool *ret_complete);
void gw_state_files_save(
	struct gw_state_file *s, const void *bytes, size_t n, bool complete);

#endif

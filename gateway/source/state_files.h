/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state_files.h: what drivers keep across restarts: some bytes for each source, in a file of
 * its own in the state folder. A thread reads and writes them, because a disk may take seconds
 * and no source waits for one. A file is replaced as a whole, at most every ten seconds
 * while the source runs, and only when the source saves.
 *
 * If the daemon was killed, a file may be older than what happened. is_final is true only if the
 * source saved it so when it stopped and nothing was saved after that.
 *
 * Owner: app/. Thread: start, get and stop by main; load and save by the source's. Life: start,
 * get..., stop.
 */
#ifndef GW_SOURCE_STATE_FILES_H
#define GW_SOURCE_STATE_FILES_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GW_STATE_FILE_MAX ((size_t)1 << 20) /* bytes of one source */

struct gw_state_files;
struct gw_state_file; /* of one source; lives until stop */

enum gw_err gw_state_files_start(
	const char *state_dir, struct gw_state_files **ret_files, struct gw_error *err);
/* The same file for the same name, so a reload finds what the source before it saved. NULL: out of
 * memory, or files is NULL. */
struct gw_state_file *gw_state_files_get(struct gw_state_files *files, const char *source);
/* The bytes of such a file, of a backup: if it was marked final, it is no longer. */
void gw_state_files_clear_final(void *bytes, size_t n);
/* Write what is not written yet, for at most max_ns; a thread that the disk blocks is left running.
 * NULL is fine. */
void gw_state_files_stop(struct gw_state_files *files, int64_t max_ns);

/* Bytes copied into `to`; 0: nothing was saved, or the disk has not answered within 50 ms. */
size_t gw_state_files_load(
	struct gw_state_file *s, void *to, size_t size, bool *ret_is_final);
void gw_state_files_save(
	struct gw_state_file *s, const void *bytes, size_t n, bool is_final);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * input.h: reads the files of a replay one after another as readings in order of time.
 * Each file is read once from its beginning to its end, so it may be a pipe.
 *
 * Owner: the caller. Thread: one. Life: open, next..., close.
 */
#ifndef GW_REPLAY_INPUT_H
#define GW_REPLAY_INPUT_H

#include "base/text.h"
#include "replay/csv.h"
#include "replay/decode.h"

struct gw_replay_input {
	const char *const *files; /* the caller's, ended by NULL */
	struct gw_point_names names;
	uint64_t bytes, total; /* read so far; of all files; 0: unknown */
	uint64_t readings;
	uint64_t gaps, lost; /* of recordings: gaps, and samples missing in them */
	size_t n_truncated;  /* recordings without an end block */
	/* input.c's own */
	size_t at; /* index of the current file */
	int fd;
	bool ended; /* end of file */
	char *buffer;
	size_t begin, end, capacity; /* bytes begin to end of it are not parsed yet */
	enum { GW_INPUT_NEW, GW_INPUT_CSV, GW_INPUT_RECORDING } format;
	bool has_time;
	int64_t last_ns; /* of the last reading returned */
	struct gw_csv csv;
	struct gw_decode decode;
	uint64_t offset; /* of the last block in the file */
	bool closed;     /* the end block was read */
	bool block_seen; /* a block of samples was read */
};

/* All files must be there. */
enum gw_err gw_replay_input_open(
	struct gw_replay_input *in, const char *const *files, struct gw_error *err);
void gw_replay_input_close(struct gw_replay_input *in); /* twice is fine */

/* Up to max readings; *ret_n 0: that was all. After a failure gw_replay_input_where has the
 * place. */
enum gw_err gw_replay_input_next(struct gw_replay_input *in, struct gw_reading *ret,
	size_t max, size_t *ret_n, struct gw_error *err);
/* FILE:LINE:COL of what was read last; of a recording FILE and the place in bytes. */
void gw_replay_input_where(const struct gw_replay_input *in, struct gw_text *t);

#endif

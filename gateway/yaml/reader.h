/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reader.h: one run of reading YAML files into options structs: its memory, its complaints, and
 * the structs that were filled. Who reads embeds it in a struct of its own (conf/context.h).
 *
 * Owner: the caller's stack. Thread: one. Life: init, read..., fini.
 */
#ifndef GW_YAML_READER_H
#define GW_YAML_READER_H

#include "base/arena.h"
#include "base/strmap.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_complaint;      /* complain.c */
struct gw_files;          /* files.h */
struct gw_settings_block; /* settings.h */

struct gw_reader {
	struct gw_arena *arena;  /* of the result, which outlives the reader */
	struct gw_arena scratch; /* until fini */
	const struct gw_files
		*from;         /* read from here instead of the disk; NULL: from the disk */
	struct gw_files *read; /* filled with what was read; NULL: not wanted */
	const char *folder; /* relative paths start here; "" or with a slash at its end */

	/* complain.c */
	struct gw_complaint *complaints;
	size_t n_complaints, cap_complaints;
	struct gw_strmap seen; /* lines, so that each is complained of once */
	uint32_t n_files;
	unsigned n_distances; /* worked out for hints so far */

	/* settings.c: every options struct that was filled */
	struct gw_settings_block **blocks;
	size_t n_blocks, cap_blocks;
	bool blocks_sorted;

	struct gw_strmap strings; /* every text in arena, once */
};

/* folder: of the file that is read first, taken from its path. */
void gw_reader_init(struct gw_reader *reader, struct gw_arena *arena, const char *path);
void gw_reader_fini(struct gw_reader *reader);
/* One of the two arenas had no memory: nothing of the result is whole. */
bool gw_reader_failed(const struct gw_reader *reader);

/* A copy of a text in arena, one for equal texts; "" if there is no memory. */
const char *gw_reader_string(struct gw_reader *reader, const char *text);

#endif

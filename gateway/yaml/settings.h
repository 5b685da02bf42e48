/* SPDX-License-Identifier: Apache-2.0 */
/*
 * settings.h: the one reader of setting rows: YAML nodes into options structs, and back from the
 * address of an option to its place in the file.
 *
 * Owner: blocks live in the reader's scratch memory, texts and tables in its arena.
 */
#ifndef GW_YAML_SETTINGS_H
#define GW_YAML_SETTINGS_H

#include "base/setting.h"
#include "yaml/node.h"
#include "yaml/reader.h"

/* One options struct being filled, possibly from several maps (profile, then site). */
struct gw_settings_block {
	unsigned char *base;
	size_t size;
	const struct gw_setting *rows;
	const struct gw_yaml_node
		*node; /* the map it stands for: where missing keys are complained of */
	const struct gw_yaml_node **given; /* by row; NULL: not given */
	bool *invalid;                     /* by row: given and not readable, or missing */
};

/* Writes the defaults. NULL: no memory. */
struct gw_settings_block *gw_settings_add_block(struct gw_reader *reader,
	const struct gw_setting *rows, void *opts, size_t size,
	const struct gw_yaml_node *node);

/* Each key of map goes to the first block that has a row for it. Keys in other_keys (ended by
 * NULL; may be NULL) are read elsewhere; what is left is unknown and complained of, unless
 * ignore_unknown. */
struct gw_settings_map {
	const struct gw_yaml_node *map;
	struct gw_settings_block *const *blocks;
	size_t n_blocks;
	const char *const *other_keys;
	bool ignore_unknown;
};
void gw_settings_read_map(struct gw_reader *reader, const struct gw_settings_map *m);

/* Complain of every required row that no map gave. */
void gw_settings_check_required(struct gw_reader *reader, struct gw_settings_block *block);

/* Inspect the files of rows that have `inspect`. */
void gw_settings_inspect_files(struct gw_reader *reader);

/* The node that gave the row of key, NULL if none did. */
const struct gw_yaml_node *gw_settings_node(
	const struct gw_settings_block *block, const char *key);

/* The fields that were given, copied from one struct of the same rows into another. */
void gw_settings_copy_given(const struct gw_settings_block *from, void *to);

/* A report for the check functions of consumers. */
struct gw_settings_report {
	struct gw_report report; /* first */
	struct gw_reader *reader;
};
void gw_settings_report_init(struct gw_settings_report *r, struct gw_reader *reader);

#endif

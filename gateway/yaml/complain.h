/* SPDX-License-Identifier: Apache-2.0 */
/*
 * complain.h: what is wrong with a file, one line each, FILE:LINE:COLUMN: path: what. Lines are
 * kept until the end of the read and then handed over in the order of the file, each once.
 *
 * Owner: the reader. Thread: its own.
 */
#ifndef GW_YAML_COMPLAIN_H
#define GW_YAML_COMPLAIN_H

#include "yaml/node.h"
#include "yaml/reader.h"

/* Where complaints go, and what else a load is to do. */
struct gw_complaints {
	void (*say)(void *arg, const char *line);
	void *arg;
	bool inspect_keys; /* look into private keys, too, as --check does */
	unsigned count;    /* filled by load */
};

/* At a node, with its path before the text. */
void gw_complain(struct gw_reader *reader, const struct gw_yaml_node *node, const char *fmt,
	...) __attribute__((format(printf, 3, 4)));
/* At the key of a node. */
void gw_complain_key(struct gw_reader *reader, const struct gw_yaml_node *node,
	const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* At a map, of a key that is not in it. */
void gw_complain_within(struct gw_reader *reader, const struct gw_yaml_node *map,
	const char *key, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* At a place that has no node. */
void gw_complain_place(struct gw_reader *reader, struct gw_yaml_place place,
	const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Hand all of them over. */
void gw_complain_flush(struct gw_reader *reader, struct gw_complaints *to);

#endif

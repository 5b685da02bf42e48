/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node.h: one value of a YAML file with its place in it. Scalars stay text.
 *
 * Owner: the reader's scratch memory. Thread: the reader's.
 */
#ifndef GW_YAML_NODE_H
#define GW_YAML_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_yaml_file {
	const char *path; /* as given */
	uint32_t number;  /* order of complaints */
};

struct gw_yaml_place {
	const struct gw_yaml_file *file;
	uint32_t line, column; /* from 1 */
};

enum gw_yaml_kind {
	GW_YAML_SCALAR,
	GW_YAML_LIST,
	GW_YAML_MAP,
	GW_YAML_INVALID, /* complained of already: nothing more is reported of it */
};

struct gw_yaml_node {
	enum gw_yaml_kind kind;
	bool quoted; /* a scalar in quotes, or a block of text: a string whatever it looks like */
	bool flow; /* [] or {} */
	struct gw_yaml_place place;
	struct gw_yaml_node *parent; /* NULL: the root */
	struct gw_yaml_node *next;   /* in the parent */
	struct gw_yaml_node *first, *last;
	uint32_t n, index; /* children; number in the parent */
	const char *key;   /* in a map, else NULL */
	struct gw_yaml_place key_place;
	const char *text; /* scalar; UTF-8 without NUL */
};

/* The value of key in a map, NULL if it is not there. */
const struct gw_yaml_node *gw_yaml_get(const struct gw_yaml_node *map, const char *key);
/* A value left out: plain and empty, ~ or null. */
bool gw_yaml_is_empty(const struct gw_yaml_node *node);

#endif

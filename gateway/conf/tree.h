/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree.h: one YAML file as nodes that know their place. A small, strict part of YAML: one
 * document, no anchors, aliases or tags, no key twice, 1 MiB, 16 levels. Scalars stay text.
 *
 * Built from libyaml's events, not its document: the limits must hold before memory is spent,
 * and yaml_document_t keeps a key's place but neither its duplicates nor a way upwards.
 *
 * Owner: the load's scratch memory. Thread: the loader's.
 */
#ifndef GW_CONF_TREE_H
#define GW_CONF_TREE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GW_YAML_BYTES_MAX ((size_t)1 << 20)
#define GW_YAML_DEPTH_MAX 16

struct gw_load;

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
	GW_YAML_INVALID, /* complained of already: nothing more is said of it */
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

/* Read path whole; complaints go to l. NULL: nothing usable was found, and said. */
struct gw_yaml_node *gw_yaml_read(struct gw_load *l, const char *path);
/* The same from memory. path is copied. */
struct gw_yaml_node *gw_yaml_parse(
	struct gw_load *l, const char *path, const char *bytes, size_t n);

/* The value of key in a map, NULL if it is not there. */
const struct gw_yaml_node *gw_yaml_get(const struct gw_yaml_node *map, const char *key);
/* A value left out: plain and empty, ~ or null. */
bool gw_yaml_is_empty(const struct gw_yaml_node *node);

#endif

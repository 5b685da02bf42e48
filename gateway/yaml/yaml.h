/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yaml.h: one YAML file as nodes that know their place. A small, strict part of YAML: one
 * document, no anchors, aliases or tags, no key twice, 1 MiB, 16 levels. Scalars stay text.
 *
 * Built from libyaml's events and not from its document, because the limits must hold before memory
 * is allocated, and yaml_document_t has neither duplicate keys nor parents.
 *
 * Owner: the reader's scratch memory. Thread: the reader's.
 */
#ifndef GW_YAML_YAML_H
#define GW_YAML_YAML_H

#include "yaml/node.h"

#include <stdbool.h>
#include <stddef.h>

#define GW_YAML_BYTES_MAX ((size_t)1 << 20)
#define GW_YAML_DEPTH_MAX 16

struct gw_reader;

/* Read path whole; complaints go to reader. NULL: nothing usable; it was complained of. */
struct gw_yaml_node *gw_yaml_read(struct gw_reader *reader, const char *path);
/* The same from memory. path is copied. */
struct gw_yaml_node *gw_yaml_parse(
	struct gw_reader *reader, const char *path, const char *bytes, size_t n);

/* Whether node is a map; complains if not. */
bool gw_yaml_is_map(struct gw_reader *reader, const struct gw_yaml_node *node);
/* The first item of a list in a map; complains and returns NULL if it is none. Absent or empty:
 * NULL. */
const struct gw_yaml_node *gw_yaml_list(
	struct gw_reader *reader, const struct gw_yaml_node *map, const char *key);

#endif

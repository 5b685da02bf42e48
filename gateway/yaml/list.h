/* SPDX-License-Identifier: Apache-2.0 */
/*
 * list.h: values of several parts: tables of numbers, lists of texts and codes, maps of pairs. One
 * value alone is a list of one.
 *
 * Thread: the reader's.
 */
#ifndef GW_YAML_LIST_H
#define GW_YAML_LIST_H

#include "base/setting.h"
#include "yaml/node.h"
#include "yaml/reader.h"

/* Whether rows of this type are read here. */
bool gw_list_is(enum gw_setting_type type);
/* Complains at the parts of node and returns false if it cannot be read; the field is as before
 * then. */
bool gw_list_read(struct gw_reader *reader, const struct gw_setting *row,
	const struct gw_yaml_node *node, void *field);

#endif

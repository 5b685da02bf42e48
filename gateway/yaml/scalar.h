/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scalar.h: single values: a text, number, duration, choice or custom value into the field of its
 * setting row.
 *
 * Thread: the reader's.
 */
#ifndef GW_YAML_SCALAR_H
#define GW_YAML_SCALAR_H

#include "base/setting.h"
#include "yaml/node.h"
#include "yaml/reader.h"

/* Complains at node and returns false if it cannot be read; the field is as before then. */
bool gw_scalar_read(struct gw_reader *reader, const struct gw_setting *row,
	const struct gw_yaml_node *node, void *field);
/* From a text alone: the default of a row. err says what is wrong. */
enum gw_err gw_scalar_parse(struct gw_reader *reader, const struct gw_setting *row,
	const char *text, void *field, struct gw_error *err);
/* One line of text, at most row->max bytes (0: 255), into the reader's strings; a path becomes
 * relative to the reader's folder. */
enum gw_err gw_scalar_text(struct gw_reader *reader, const struct gw_setting *row,
	const char *text, const char **ret_text, struct gw_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "yaml/list.h"

#include "base/parse.h"
#include "yaml/complain.h"
#include "yaml/scalar.h"

#include <stdlib.h>
#include <string.h>

static bool refuse(
	struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_error *err)
{
	gw_complain(reader, node, "%s", err->text);
	return false;
}

/* ---- tables ---- */

static bool read_cell(
	struct gw_reader *reader, const struct gw_yaml_node *node, double *ret)
{
	struct gw_error err;
	double v;
	int64_t ns;

	if (node->kind == GW_YAML_INVALID)
		return false;
	if (node->kind != GW_YAML_SCALAR || gw_yaml_is_empty(node)) {
		gw_complain(reader, node, "a number is wanted here");
		return false;
	}
	if (gw_parse_double(node->text, &v, NULL) == GW_OK) {
		if (node->quoted) {
			gw_complain(reader, node,
				"\"%s\" in quotes is text, not a number (did you mean %s?)",
				node->text, node->text);
			return false;
		}
	} else if (gw_parse_duration(node->text, &ns, NULL) == GW_OK) {
		v = (double)ns;
	} else {
		gw_parse_double(node->text, &v, &err);
		return refuse(reader, node, &err);
	}
	*ret = v;
	return true;
}

static bool read_row(
	struct gw_reader *reader, const struct gw_yaml_node *list, double *cells)
{
	bool good = true;

	for (const struct gw_yaml_node *n = list->first; n; n = n->next)
		good &= read_cell(reader, n, cells++);
	return good;
}

/* How many rows and columns node has, and whether a row may have so many. */
static bool read_shape(struct gw_reader *reader, const struct gw_setting *row,
	const struct gw_yaml_node *node, struct gw_table *ret_shape)
{
	const struct gw_yaml_node *first = node->kind == GW_YAML_LIST ? node->first : NULL;
	bool nested = first && first->kind == GW_YAML_LIST;
	size_t columns = first ? (nested ? first->n : node->n) : 1;

	if (node->kind == GW_YAML_MAP || (node->kind == GW_YAML_LIST && columns == 0)) {
		gw_complain(reader, node, "a number or a list of numbers is wanted here");
		return false;
	}
	if (row->max > 0 && row->max < 2 && first) {
		gw_complain(reader, node, "one number is wanted here, not a list");
		return false;
	}
	if (row->max > 0 && columns > (size_t)row->max) {
		gw_complain(reader, node, "%zu numbers are too many (at most %g)", columns,
			row->max);
		return false;
	}
	*ret_shape = (struct gw_table){nested ? node->n : 1, columns, NULL};
	return true;
}

/* Every row must be as long as the first. */
static bool check_rows(
	struct gw_reader *reader, const struct gw_yaml_node *table, size_t columns)
{
	bool good = true;

	for (const struct gw_yaml_node *n = table->first; n; n = n->next) {
		if (n->kind == GW_YAML_LIST && n->n == columns)
			continue;
		if (n->kind != GW_YAML_INVALID)
			gw_complain(reader, n,
				"every row needs %zu numbers, as the first has", columns);
		good = false;
	}
	return good;
}

static bool read_table(struct gw_reader *reader, const struct gw_setting *row,
	const struct gw_yaml_node *node, struct gw_table *field)
{
	struct gw_table table;
	bool nested, good = true;
	double *cells;

	if (!read_shape(reader, row, node, &table))
		return false;
	nested = node->kind == GW_YAML_LIST && node->first->kind == GW_YAML_LIST;
	if (nested && !check_rows(reader, node, table.columns))
		return false;
	cells = gw_arena_alloc(reader->arena, table.rows * table.columns, sizeof(*cells));
	if (!cells)
		return false;
	table.cells = cells;
	if (nested)
		for (const struct gw_yaml_node *n = node->first; n; n = n->next) {
			good &= read_row(reader, n, cells);
			cells += table.columns;
		}
	else if (node->kind == GW_YAML_LIST)
		good = read_row(reader, node, cells);
	else
		good = read_cell(reader, node, cells);
	if (good)
		*field = table;
	return good;
}

/* ---- texts ---- */

static bool read_strings(
	struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_strings *field)
{
	static const struct gw_setting item = {.type = GW_SET_STRING};
	const struct gw_yaml_node *n = node;
	const char **at;
	struct gw_error err;
	bool good = true;
	size_t i = 0;

	if (node->kind == GW_YAML_LIST)
		n = node->first;
	else if (node->kind != GW_YAML_SCALAR)
		n = NULL;
	if (!n) {
		gw_complain(reader, node, "a list of texts is wanted here, such as [a, b]");
		return false;
	}
	at = gw_arena_alloc(
		reader->arena, node->kind == GW_YAML_LIST ? node->n : 1, sizeof(*at));
	if (!at)
		return false;
	for (; n; n = node->kind == GW_YAML_LIST ? n->next : NULL) {
		if (n->kind == GW_YAML_INVALID) {
			good = false;
		} else if (n->kind != GW_YAML_SCALAR || gw_yaml_is_empty(n)) {
			gw_complain(reader, n, "a text is wanted here");
			good = false;
		} else if (gw_scalar_text(reader, &item, n->text, &at[i++], &err) !=
			GW_OK) {
			good = refuse(reader, n, &err);
		}
	}
	if (good)
		*field = (struct gw_strings){i, at};
	return good;
}

/* ---- codes ---- */

#define RAW "raw:"

/* 64 bits: 0xffffffffffffffff is a code that devices send, and is no int64_t. */
static enum gw_err read_raw(const char *text, uint64_t *ret_raw, struct gw_error *err)
{
	int64_t raw;

	if (text[0] == '0' && text[1] == 'x' && strlen(text) == 18 &&
		strspn(text + 2, "0123456789abcdefABCDEF") == 16) {
		*ret_raw = strtoull(text, NULL, 16);
		return GW_OK;
	}
	if (gw_parse_int(text, INT64_MIN, INT64_MAX, &raw, err) != GW_OK)
		return gw_error_wrap(err, "raw:%s", text);
	*ret_raw = (uint64_t)raw;
	return GW_OK;
}

static bool read_code(
	struct gw_reader *reader, const struct gw_yaml_node *n, struct gw_code *ret_code)
{
	struct gw_error err = {0};

	if (n->kind == GW_YAML_INVALID)
		return false;
	if (n->kind != GW_YAML_SCALAR || gw_yaml_is_empty(n)) {
		gw_complain(
			reader, n, "a number or raw:N is wanted here, such as raw:0x7FFF");
		return false;
	}
	*ret_code = (struct gw_code){0};
	if (strncmp(n->text, RAW, strlen(RAW)) == 0) {
		ret_code->is_raw = true;
		if (read_raw(n->text + strlen(RAW), &ret_code->raw, &err) != GW_OK)
			return refuse(reader, n, &err);
		return true;
	}
	if (gw_parse_double(n->text, &ret_code->value, &err) != GW_OK)
		return refuse(reader, n, &err);
	return true;
}

static bool read_codes(
	struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_codes *field)
{
	bool list = node->kind == GW_YAML_LIST, good = true;
	const struct gw_yaml_node *n = list ? node->first : node;
	struct gw_code *at;
	size_t i = 0;

	if (node->kind == GW_YAML_MAP || !n) {
		gw_complain(reader, node,
			"a list of numbers is wanted here, such as [85, raw:0x7FFF]");
		return false;
	}
	at = gw_arena_alloc(reader->arena, list ? node->n : 1, sizeof(*at));
	if (!at)
		return false;
	for (; n; n = list ? n->next : NULL)
		good &= read_code(reader, n, &at[i++]);
	if (good)
		*field = (struct gw_codes){i, at};
	return good;
}

/* ---- pairs ---- */

static bool read_word(struct gw_reader *reader, const struct gw_setting *row,
	const struct gw_yaml_node *node, struct gw_setting_pairs *field)
{
	int i;

	for (i = 0; node->kind == GW_YAML_SCALAR && row->choices && row->choices[i]; i++) {
		if (strcmp(row->choices[i], node->text) != 0)
			continue;
		*field = (struct gw_setting_pairs){.word = 1 + i};
		return true;
	}
	gw_complain(reader, node, "a map is wanted here, such as {a: 1}%s%s",
		row->choices ? ", or " : "", row->choices ? row->choices[0] : "");
	return false;
}

static bool read_pair(struct gw_reader *reader, const struct gw_yaml_node *n,
	struct gw_setting_pair *pair)
{
	static const struct gw_setting item = {.type = GW_SET_STRING};
	bool null = gw_yaml_is_empty(n) && *n->text;
	struct gw_error err;

	if (n->kind == GW_YAML_INVALID)
		return false;
	if (n->kind != GW_YAML_SCALAR || (gw_yaml_is_empty(n) && !null)) {
		gw_complain(reader, n, "a single value is wanted here");
		return false;
	}
	pair->quoted = n->quoted;
	if (gw_scalar_text(reader, &item, n->key, &pair->key, &err) != GW_OK ||
		gw_scalar_text(reader, &item, null ? "null" : n->text, &pair->value,
			&err) != GW_OK)
		return refuse(reader, n, &err);
	return true;
}

static bool read_pairs(struct gw_reader *reader, const struct gw_setting *row,
	const struct gw_yaml_node *node, struct gw_setting_pairs *field)
{
	struct gw_setting_pair *at;
	bool good = true;
	size_t i = 0;

	if (node->kind != GW_YAML_MAP || node->n == 0)
		return read_word(reader, row, node, field);
	if (row->max > 0 && node->n > (uint32_t)row->max) {
		gw_complain(reader, node, "%u pairs are too many (at most %g)", node->n,
			row->max);
		return false;
	}
	at = gw_arena_alloc(reader->arena, node->n, sizeof(*at));
	if (!at)
		return false;
	for (const struct gw_yaml_node *n = node->first; n; n = n->next)
		good &= read_pair(reader, n, &at[i++]);
	if (good)
		*field = (struct gw_setting_pairs){.n = i, .at = at};
	return good;
}

bool gw_list_is(enum gw_setting_type type)
{
	return type == GW_SET_TABLE || type == GW_SET_STRINGS || type == GW_SET_CODES ||
		type == GW_SET_PAIRS;
}

bool gw_list_read(struct gw_reader *reader, const struct gw_setting *row,
	const struct gw_yaml_node *node, void *field)
{
	if (row->type == GW_SET_TABLE)
		return read_table(reader, row, node, field);
	if (row->type == GW_SET_STRINGS)
		return read_strings(reader, node, field);
	if (row->type == GW_SET_CODES)
		return read_codes(reader, node, field);
	return read_pairs(reader, row, node, field);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/parse.h"
#include "base/text.h"
#include "conf/settings.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 255

static bool refuse(struct gw_load *l, const struct gw_yaml_node *node, struct gw_error *err)
{
	gw_complain(l, node, "%s", err->text);
	return false;
}

static enum gw_err read_text(struct gw_load *l, const struct gw_setting *row,
	const char *text, const char **field, struct gw_error *err)
{
	size_t max = row->max > 0 ? (size_t)row->max : TEXT_MAX, n = strlen(text), i;
	const char *path;

	if (n > max)
		return gw_fail(err, GW_ERR_CONFIG, 0,
			"%zu bytes are too many (at most %zu)", n, max);
	for (i = 0; i < n; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f ||
			(text[i] == '\xc2' && (unsigned char)text[i + 1] < 0xa0))
			return gw_fail(err, GW_ERR_CONFIG, 0,
				"control characters and line breaks are not allowed here");
	if (row->type == GW_SET_PATH && n && *text != '/' && *l->folder) {
		path = gw_arena_printf(&l->scratch, "%s%s", l->folder, text);
		text = path ? path : "";
	}
	*field = gw_load_text(l, text);
	return GW_OK;
}

static enum gw_err read_choice(struct gw_load *l, const struct gw_setting *row,
	const char *text, int *field, struct gw_error *err)
{
	char memory[sizeof(err->text)], written[64];
	const char *const *c;
	struct gw_hint hint;
	struct gw_text t;

	gw_hint_init(&hint, l, text);
	gw_text_init(&t, written, sizeof(written));
	gw_text_add_sanitized(&t, text);
	gw_text_init(&t, memory, sizeof(memory));
	gw_text_addf(&t, "\"%s\" is not one of ", written);
	for (c = row->choices; *c; c++) {
		if (strcmp(*c, text) == 0) {
			*field = (int)(c - row->choices);
			return GW_OK;
		}
		gw_hint_add(&hint, *c);
		gw_text_addf(&t, "%s%s", c == row->choices ? "" : ", ", *c);
	}
	return gw_fail(err, GW_ERR_CONFIG, 0, "%s%s", memory, gw_hint_text(&hint));
}

static enum gw_err read_double(
	const struct gw_setting *row, const char *text, double *field, struct gw_error *err)
{
	double v;

	if (gw_parse_double(text, &v, err) != GW_OK)
		return err->kind;
	if ((row->min != 0 || row->max != 0) && (v < row->min || v > row->max))
		return gw_fail(err, GW_ERR_CONFIG, 0, "%s is out of range (%g to %g)", text,
			row->min, row->max);
	*field = v;
	return GW_OK;
}

static enum gw_err read_duration(const struct gw_setting *row, const char *text,
	int64_t *field, struct gw_error *err)
{
	char memory[2][32];
	struct gw_text t[2];
	int64_t ns;

	if (gw_parse_duration(text, &ns, err) != GW_OK)
		return err->kind;
	if ((row->min != 0 || row->max != 0) &&
		((double)ns < row->min || (double)ns > row->max)) {
		for (int i = 0; i < 2; i++) {
			gw_text_init(&t[i], memory[i], sizeof(memory[i]));
			gw_text_add_duration(&t[i], (int64_t)(i ? row->max : row->min));
		}
		return gw_fail(err, GW_ERR_CONFIG, 0, "%s is out of range (%s to %s)", text,
			memory[0], memory[1]);
	}
	*field = ns;
	return GW_OK;
}

static enum gw_err read_int(const struct gw_setting *row, const char *text, int64_t *field,
	struct gw_error *err)
{
	if (row->min == 0 && row->max == 0)
		return gw_parse_int(text, INT64_MIN, INT64_MAX, field, err);
	return gw_parse_int(text, (int64_t)row->min, (int64_t)row->max, field, err);
}

static enum gw_err read_scalar(struct gw_load *l, const struct gw_setting *row,
	const char *text, void *field, struct gw_error *err)
{
	switch (row->type) {
	case GW_SET_STRING:
	case GW_SET_PATH: return read_text(l, row, text, field, err);
	case GW_SET_BOOL: return gw_parse_bool(text, field, err);
	case GW_SET_INT: return read_int(row, text, field, err);
	case GW_SET_DOUBLE: return read_double(row, text, field, err);
	case GW_SET_DURATION: return read_duration(row, text, field, err);
	case GW_SET_CHOICE: return read_choice(l, row, text, field, err);
	case GW_SET_CUSTOM: return row->parse(text, field, err);
	case GW_SET_TABLE:
	case GW_SET_STRINGS:
	case GW_SET_CODES:
	case GW_SET_PAIRS: break;
	}
	return gw_fail(err, GW_ERR_CONFIG, 0, "a list is wanted here");
}

/* "57" is text. Kinds that are words anyway (durations, choices, addresses) do not care. */
static bool text_for_number(const struct gw_setting *row, const struct gw_yaml_node *node)
{
	return node->quoted &&
		(row->type == GW_SET_BOOL || row->type == GW_SET_INT ||
			row->type == GW_SET_DOUBLE);
}

static bool read_cell(struct gw_load *l, const struct gw_yaml_node *node, double *ret)
{
	struct gw_error err;
	double v;
	int64_t ns;

	if (node->kind == GW_YAML_INVALID)
		return false;
	if (node->kind != GW_YAML_SCALAR || gw_yaml_is_empty(node)) {
		gw_complain(l, node, "a number is wanted here");
		return false;
	}
	if (gw_parse_double(node->text, &v, NULL) == GW_OK) {
		if (node->quoted) {
			gw_complain(l, node,
				"\"%s\" in quotes is text, not a number (did you mean %s?)",
				node->text, node->text);
			return false;
		}
	} else if (gw_parse_duration(node->text, &ns, NULL) == GW_OK) {
		v = (double)ns;
	} else {
		gw_parse_double(node->text, &v, &err);
		return refuse(l, node, &err);
	}
	*ret = v;
	return true;
}

static bool read_row(struct gw_load *l, const struct gw_yaml_node *list, double *cells)
{
	bool good = true;

	for (const struct gw_yaml_node *n = list->first; n; n = n->next)
		good &= read_cell(l, n, cells++);
	return good;
}

static bool read_table(struct gw_load *l, const struct gw_setting *row,
	const struct gw_yaml_node *node, struct gw_table *field)
{
	const struct gw_yaml_node *n = node->kind == GW_YAML_LIST ? node->first : NULL;
	bool rows = n && n->kind == GW_YAML_LIST, good = true;
	size_t columns = n ? (rows ? n->n : node->n) : 1;
	struct gw_table table = {rows ? node->n : 1, columns, NULL};
	double *cells;

	if (node->kind == GW_YAML_MAP || (node->kind == GW_YAML_LIST && columns == 0)) {
		gw_complain(l, node, "a number or a list of numbers is wanted here");
		return false;
	}
	if (row->max > 0 && (columns > (size_t)row->max || (row->max < 2 && n))) {
		if (row->max < 2)
			gw_complain(l, node, "one number is wanted here, not a list");
		else
			gw_complain(l, node, "%zu numbers are too many (at most %g)",
				columns, row->max);
		return false;
	}
	for (; rows && n; n = n->next) {
		if (n->kind == GW_YAML_INVALID) {
			good = false;
		} else if (n->kind != GW_YAML_LIST || n->n != columns) {
			gw_complain(l, n, "every row needs %zu numbers, as the first has",
				columns);
			good = false;
		}
	}
	cells = gw_arena_alloc(l->config_arena, table.rows * columns, sizeof(*cells));
	if (!good || !cells)
		return false;
	table.cells = cells;
	if (rows)
		for (n = node->first; n; n = n->next, cells += columns)
			good &= read_row(l, n, cells);
	else
		good = node->kind == GW_YAML_LIST ? read_row(l, node, cells)
						  : read_cell(l, node, cells);
	if (good)
		*field = table;
	return good;
}

static bool read_strings(
	struct gw_load *l, const struct gw_yaml_node *node, struct gw_strings *field)
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
		gw_complain(l, node, "a list of texts is wanted here, such as [a, b]");
		return false;
	}
	at = gw_arena_alloc(
		l->config_arena, node->kind == GW_YAML_LIST ? node->n : 1, sizeof(*at));
	if (!at)
		return false;
	for (; n; n = node->kind == GW_YAML_LIST ? n->next : NULL) {
		if (n->kind == GW_YAML_INVALID) {
			good = false;
		} else if (n->kind != GW_YAML_SCALAR || gw_yaml_is_empty(n)) {
			gw_complain(l, n, "a text is wanted here");
			good = false;
		} else if (read_text(l, &item, n->text, &at[i++], &err) != GW_OK) {
			good = refuse(l, n, &err);
		}
	}
	if (good)
		*field = (struct gw_strings){i, at};
	return good;
}

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
	struct gw_load *l, const struct gw_yaml_node *n, struct gw_code *ret_code)
{
	struct gw_error err = {0};

	if (n->kind == GW_YAML_INVALID)
		return false;
	if (n->kind != GW_YAML_SCALAR || gw_yaml_is_empty(n)) {
		gw_complain(l, n, "a number or raw:N is wanted here, such as raw:0x7FFF");
		return false;
	}
	*ret_code = (struct gw_code){0};
	if (strncmp(n->text, RAW, strlen(RAW)) == 0) {
		ret_code->is_raw = true;
		if (read_raw(n->text + strlen(RAW), &ret_code->raw, &err) != GW_OK)
			return refuse(l, n, &err);
		return true;
	}
	if (gw_parse_double(n->text, &ret_code->value, &err) != GW_OK)
		return refuse(l, n, &err);
	return true;
}

static bool read_codes(
	struct gw_load *l, const struct gw_yaml_node *node, struct gw_codes *field)
{
	bool list = node->kind == GW_YAML_LIST, good = true;
	const struct gw_yaml_node *n = list ? node->first : node;
	struct gw_code *at;
	size_t i = 0;

	if (node->kind == GW_YAML_MAP || !n) {
		gw_complain(l, node,
			"a list of numbers is wanted here, such as [85, raw:0x7FFF]");
		return false;
	}
	at = gw_arena_alloc(l->config_arena, list ? node->n : 1, sizeof(*at));
	if (!at)
		return false;
	for (; n; n = list ? n->next : NULL)
		good &= read_code(l, n, &at[i++]);
	if (good)
		*field = (struct gw_codes){i, at};
	return good;
}

static bool read_word(struct gw_load *l, const struct gw_setting *row,
	const struct gw_yaml_node *node, struct gw_setting_pairs *field)
{
	int i;

	for (i = 0; node->kind == GW_YAML_SCALAR && row->choices && row->choices[i]; i++) {
		if (strcmp(row->choices[i], node->text) != 0)
			continue;
		*field = (struct gw_setting_pairs){.word = 1 + i};
		return true;
	}
	gw_complain(l, node, "a map is wanted here, such as {a: 1}%s%s",
		row->choices ? ", or " : "", row->choices ? row->choices[0] : "");
	return false;
}

static bool read_pair(
	struct gw_load *l, const struct gw_yaml_node *n, struct gw_setting_pair *pair)
{
	static const struct gw_setting item = {.type = GW_SET_STRING};
	bool null = gw_yaml_is_empty(n) && *n->text;
	struct gw_error err;

	if (n->kind == GW_YAML_INVALID)
		return false;
	if (n->kind != GW_YAML_SCALAR || (gw_yaml_is_empty(n) && !null)) {
		gw_complain(l, n, "a single value is wanted here");
		return false;
	}
	pair->quoted = n->quoted;
	if (read_text(l, &item, n->key, &pair->key, &err) != GW_OK ||
		read_text(l, &item, null ? "null" : n->text, &pair->value, &err) != GW_OK)
		return refuse(l, n, &err);
	return true;
}

static bool read_pairs(struct gw_load *l, const struct gw_setting *row,
	const struct gw_yaml_node *node, struct gw_setting_pairs *field)
{
	struct gw_setting_pair *at;
	bool good = true;
	size_t i = 0;

	if (node->kind != GW_YAML_MAP || node->n == 0)
		return read_word(l, row, node, field);
	if (row->max > 0 && node->n > (uint32_t)row->max) {
		gw_complain(
			l, node, "%u pairs are too many (at most %g)", node->n, row->max);
		return false;
	}
	at = gw_arena_alloc(l->config_arena, node->n, sizeof(*at));
	if (!at)
		return false;
	for (const struct gw_yaml_node *n = node->first; n; n = n->next)
		good &= read_pair(l, n, &at[i++]);
	if (good)
		*field = (struct gw_setting_pairs){.n = i, .at = at};
	return good;
}

bool gw_settings_read_value(struct gw_load *l, const struct gw_setting *row,
	const struct gw_yaml_node *node, void *field)
{
	struct gw_error err = {0};
	_Alignas(max_align_t) char spare[64]; /* BOOL, INT, DOUBLE only */

	if (node->kind == GW_YAML_INVALID)
		return false;
	if (gw_yaml_is_empty(node)) {
		gw_complain(l, node, "has no value");
		return false;
	}
	if (row->type == GW_SET_TABLE)
		return read_table(l, row, node, field);
	if (row->type == GW_SET_STRINGS)
		return read_strings(l, node, field);
	if (row->type == GW_SET_CODES)
		return read_codes(l, node, field);
	if (row->type == GW_SET_PAIRS)
		return read_pairs(l, row, node, field);
	if (node->kind != GW_YAML_SCALAR) {
		gw_complain(l, node, "a single value is wanted here, not a %s",
			node->kind == GW_YAML_LIST ? "list" : "map");
		return false;
	}
	if (text_for_number(row, node)) {
		if (read_scalar(l, row, node->text, spare, &err) != GW_OK)
			return refuse(l, node, &err);
		gw_complain(l, node,
			"\"%s\" in quotes is text, not a value (did you mean %s?)",
			node->text, node->text);
		return false;
	}
	if (read_scalar(l, row, node->text, field, &err) != GW_OK)
		return refuse(l, node, &err);
	return true;
}

bool gw_settings_set_default(struct gw_load *l, const struct gw_setting *row, void *field)
{
	const char *text = row->def;
	struct gw_error err;
	double *cell;

	if (!text && (row->type == GW_SET_STRING || row->type == GW_SET_PATH))
		text = "";
	if (!text)
		return true;
	if (row->type == GW_SET_TABLE) {
		cell = gw_arena_alloc(l->config_arena, 1, sizeof(*cell));
		if (!cell || gw_parse_double(text, cell, &err) != GW_OK)
			return false;
		*(struct gw_table *)field = (struct gw_table){1, 1, cell};
		return true;
	}
	return read_scalar(l, row, text, field, &err) == GW_OK;
}

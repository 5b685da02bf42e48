/* SPDX-License-Identifier: Apache-2.0 */
#include "yaml/settings.h"

#include "base/parse.h"
#include "base/text.h"
#include "yaml/complain.h"
#include "yaml/hint.h"
#include "yaml/list.h"
#include "yaml/scalar.h"

#include <stdlib.h>
#include <string.h>

static size_t count(const struct gw_setting *rows)
{
	size_t n = 0;

	while (rows && rows[n].key)
		n++;
	return n;
}

static bool set_default(struct gw_reader *reader, const struct gw_setting *row, void *field)
{
	const char *text = row->def;
	struct gw_error err;
	double *cell;

	if (!text && (row->type == GW_SET_STRING || row->type == GW_SET_PATH))
		text = "";
	if (!text)
		return true;
	if (row->type == GW_SET_TABLE) {
		cell = gw_arena_alloc(reader->arena, 1, sizeof(*cell));
		if (!cell || gw_parse_double(text, cell, &err) != GW_OK)
			return false;
		*(struct gw_table *)field = (struct gw_table){1, 1, cell};
		return true;
	}
	return gw_scalar_parse(reader, row, text, field, &err) == GW_OK;
}

static bool read_value(struct gw_reader *reader, const struct gw_setting *row,
	const struct gw_yaml_node *node, void *field)
{
	if (node->kind == GW_YAML_INVALID)
		return false;
	if (gw_yaml_is_empty(node)) {
		gw_complain(reader, node, "has no value");
		return false;
	}
	return gw_list_is(row->type) ? gw_list_read(reader, row, node, field)
				     : gw_scalar_read(reader, row, node, field);
}

struct gw_settings_block *gw_settings_add_block(struct gw_reader *reader,
	const struct gw_setting *rows, void *opts, size_t size,
	const struct gw_yaml_node *node)
{
	struct gw_settings_block *b = gw_arena_alloc(&reader->scratch, 1, sizeof(*b)),
				 **blocks;
	size_t n = count(rows), i;

	blocks = gw_arena_grow(&reader->scratch, reader->blocks, reader->n_blocks,
		&reader->cap_blocks, sizeof(struct gw_settings_block *));
	if (!b || !blocks || !opts)
		return NULL;
	reader->blocks = blocks;
	*b = (struct gw_settings_block){opts, size, rows, node, NULL, NULL};
	b->given = gw_arena_alloc(&reader->scratch, n, sizeof(*b->given));
	b->invalid = gw_arena_alloc(&reader->scratch, n, sizeof(*b->invalid));
	if (!b->given || !b->invalid)
		return NULL;
	for (i = 0; i < n; i++)
		set_default(reader, &rows[i], b->base + rows[i].offset);
	reader->blocks[reader->n_blocks++] = b;
	reader->blocks_sorted = false;
	return b;
}

static bool apply_to(
	struct gw_reader *reader, struct gw_settings_block *b, const struct gw_yaml_node *n)
{
	for (size_t i = 0; b->rows && b->rows[i].key; i++) {
		if (strcmp(b->rows[i].key, n->key) != 0)
			continue;
		b->given[i] = n;
		b->invalid[i] = !read_value(
			reader, &b->rows[i], n, b->base + b->rows[i].offset);
		return true;
	}
	return false;
}

static bool is_listed(const char *const *words, const char *word)
{
	for (; words && *words; words++)
		if (strcmp(*words, word) == 0)
			return true;
	return false;
}

static bool all_digits(const char *s)
{
	return *s && s[strspn(s, "0123456789")] == '\0';
}

/* {above: 57,5} reads as two keys, above: 57 and 5. */
static const struct gw_yaml_node *decimal_comma(const struct gw_yaml_node *n)
{
	const struct gw_yaml_node *before = n->parent->first;

	if (!n->parent->flow || !gw_yaml_is_empty(n) || !all_digits(n->key))
		return NULL;
	while (before && before->next != n)
		before = before->next;
	return before && before->kind == GW_YAML_SCALAR && !before->quoted &&
			all_digits(before->text + (*before->text == '-'))
		? before
		: NULL;
}

static void refuse_unknown(struct gw_reader *reader, const struct gw_settings_map *m,
	const struct gw_yaml_node *n)
{
	const struct gw_yaml_node *before = decimal_comma(n);
	const char *const *other;
	struct gw_hint hint;

	if (before) {
		gw_complain_key(reader, n, "unknown key (did you mean %s: %s.%s?)",
			before->key, before->text, n->key);
		return;
	}
	gw_hint_init(&hint, reader, n->key);
	for (size_t i = 0; i < m->n_blocks; i++)
		for (const struct gw_setting *r = m->blocks[i] ? m->blocks[i]->rows : NULL;
			r && r->key; r++)
			gw_hint_add(&hint, r->key);
	for (other = m->other_keys; other && *other; other++)
		gw_hint_add(&hint, *other);
	gw_complain_key(reader, n, "unknown key%s", gw_hint_text(&hint));
}

void gw_settings_read_map(struct gw_reader *reader, const struct gw_settings_map *m)
{
	const struct gw_yaml_node *n;
	bool done;
	size_t i;

	for (n = m->map->first; n; n = n->next) {
		if (!n->key) /* a list: the caller complains */
			return;
		done = false;
		for (i = 0; i < m->n_blocks && !done; i++)
			done = m->blocks[i] && apply_to(reader, m->blocks[i], n);
		if (!done && !m->ignore_unknown && !is_listed(m->other_keys, n->key))
			refuse_unknown(reader, m, n);
	}
}

void gw_settings_check_required(struct gw_reader *reader, struct gw_settings_block *b)
{
	for (size_t i = 0; b->rows && b->rows[i].key; i++) {
		if (!b->rows[i].required || b->given[i])
			continue;
		b->invalid[i] = true;
		gw_complain_within(reader, b->node, b->rows[i].key, "this key is missing");
	}
}

const struct gw_yaml_node *gw_settings_node(
	const struct gw_settings_block *b, const char *key)
{
	for (size_t i = 0; b->rows && b->rows[i].key; i++)
		if (strcmp(b->rows[i].key, key) == 0)
			return b->given[i];
	return NULL;
}

void gw_settings_copy_given(const struct gw_settings_block *from, void *to)
{
	for (size_t i = 0; from->rows && from->rows[i].key; i++)
		if (from->given[i] && !from->invalid[i])
			memcpy((unsigned char *)to + from->rows[i].offset,
				from->base + from->rows[i].offset,
				gw_setting_size(&from->rows[i]));
}

void gw_settings_inspect_files(struct gw_reader *reader)
{
	for (size_t k = 0; k < reader->n_blocks; k++) {
		const struct gw_settings_block *b = reader->blocks[k];

		for (size_t i = 0; b->rows && b->rows[i].key; i++) {
			const char *path, *why;

			if (!b->rows[i].inspect || !b->given[i] || b->invalid[i])
				continue;
			memcpy(&path, b->base + b->rows[i].offset, sizeof(path));
			why = b->rows[i].inspect(path);
			if (why)
				gw_complain(reader, b->given[i], "%s: %s", path, why);
		}
	}
}

static int by_address(const void *a, const void *b)
{
	const struct gw_settings_block *const *x = a, *const *y = b;

	if ((*x)->base != (*y)->base)
		return (*x)->base < (*y)->base ? -1 : 1;
	return (*x)->size > (*y)->size ? -1 : (*x)->size < (*y)->size;
}

/* A struct that begins with its name: its address means the whole, for names are checked here
 * and never by a consumer. */
static bool first_is_name(const struct gw_setting *row)
{
	return row->offset == 0 && strcmp(row->key, "name") == 0;
}

/* The smallest struct that holds where. Several blocks may share one struct's memory (rows of
 * different owners over it): the one that has a row there is taken. */
static struct gw_settings_block *find(
	struct gw_reader *reader, const unsigned char *where, size_t *ret_row)
{
	struct gw_settings_block *whole = NULL;
	size_t i, row;

	if (!reader->blocks_sorted && reader->n_blocks)
		qsort(reader->blocks, reader->n_blocks, sizeof(*reader->blocks),
			by_address);
	reader->blocks_sorted = true;
	for (i = reader->n_blocks; i > 0; i--) {
		struct gw_settings_block *b = reader->blocks[i - 1];

		if (where < b->base || where >= b->base + b->size)
			continue;
		for (row = 0; b->rows && b->rows[row].key; row++) {
			if (b->base + b->rows[row].offset == where &&
				!first_is_name(&b->rows[row])) {
				*ret_row = row;
				return b;
			}
		}
		if (!whole || b->size < whole->size)
			whole = b;
	}
	*ret_row = SIZE_MAX;
	return whole;
}

static bool any_invalid(const struct gw_settings_block *b)
{
	for (size_t i = 0; b->rows && b->rows[i].key; i++)
		if (b->invalid[i])
			return true;
	return false;
}

static void add_report(struct gw_report *report, const void *where, const char *text)
{
	struct gw_settings_report *r = (struct gw_settings_report *)report;
	struct gw_yaml_file nowhere = {"?", UINT32_MAX};
	size_t row;
	struct gw_settings_block *b = find(r->reader, where, &row);

	if (!b)
		gw_complain_place(
			r->reader, (struct gw_yaml_place){&nowhere, 1, 1}, "%s", text);
	else if (any_invalid(b)) /* probably a consequence of that */
		return;
	else if (row == SIZE_MAX)
		gw_complain(r->reader, b->node, "%s", text);
	else if (b->given[row])
		gw_complain(r->reader, b->given[row], "%s", text);
	else
		gw_complain_within(r->reader, b->node, b->rows[row].key, "%s", text);
}

void gw_settings_report_init(struct gw_settings_report *r, struct gw_reader *reader)
{
	*r = (struct gw_settings_report){.report.add = add_report, .reader = reader};
}

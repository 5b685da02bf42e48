/* SPDX-License-Identifier: Apache-2.0 */
#include "yaml/complain.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

#define LINE_BYTES 8192
#define KEY_BYTES  64 /* of a key that a path repeats */

struct gw_complaint {
	uint32_t file, line, column, number;
	const char *text;
};

static void add_path(struct gw_text *t, const struct gw_yaml_node *node)
{
	char memory[KEY_BYTES];
	struct gw_text key;

	if (!node->parent)
		return;
	add_path(t, node->parent);
	if (!node->key) {
		gw_text_addf(t, "[%u]", node->index);
		return;
	}
	if (node->parent->parent)
		gw_text_add(t, ".");
	gw_text_init(&key, memory, sizeof(memory));
	gw_text_add_sanitized(&key, node->key);
	gw_text_addf(t, "%s%s", memory, key.cut ? "..." : "");
}

static void add_complaint(
	struct gw_reader *reader, struct gw_yaml_place place, const char *line)
{
	struct gw_complaint *c;
	const char *copy;

	if (gw_strmap_find(&reader->seen, line))
		return;
	copy = gw_arena_copy(&reader->scratch, line, strlen(line));
	c = gw_arena_grow(&reader->scratch, reader->complaints, reader->n_complaints,
		&reader->cap_complaints, sizeof(*c));
	if (!copy || !c || !gw_strmap_add(&reader->seen, copy, 0))
		return;
	reader->complaints = c;
	reader->complaints[reader->n_complaints] = (struct gw_complaint){place.file->number,
		place.line, place.column, (uint32_t)reader->n_complaints, copy};
	reader->n_complaints++;
}

static void say(struct gw_reader *reader, struct gw_yaml_place place,
	const struct gw_yaml_node *node, const char *key, const char *fmt, va_list ap)
	__attribute__((format(printf, 5, 0)));

static void say(struct gw_reader *reader, struct gw_yaml_place place,
	const struct gw_yaml_node *node, const char *key, const char *fmt, va_list ap)
{
	char memory[LINE_BYTES], what[1024], path[1024];
	struct gw_text t;

	gw_text_init(&t, path, sizeof(path));
	if (node)
		add_path(&t, node);
	if (key)
		gw_text_addf(&t, "%s%s", t.used ? "." : "", key);
	if (t.used)
		gw_text_add(&t, ": ");
	gw_text_init(&t, what, sizeof(what));
	gw_text_addv(&t, fmt, ap);
	gw_text_init(&t, memory, sizeof(memory));
	gw_text_addf(&t, "%s:%u:%u: %s", place.file->path, place.line, place.column, path);
	gw_text_add_sanitized(&t, what);
	add_complaint(reader, place, memory);
}

void gw_complain(
	struct gw_reader *reader, const struct gw_yaml_node *node, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(reader, node->place, node, NULL, fmt, ap);
	va_end(ap);
}

void gw_complain_key(
	struct gw_reader *reader, const struct gw_yaml_node *node, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(reader, node->key ? node->key_place : node->place, node, NULL, fmt, ap);
	va_end(ap);
}

void gw_complain_within(struct gw_reader *reader, const struct gw_yaml_node *map,
	const char *key, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(reader, map->place, map, key, fmt, ap);
	va_end(ap);
}

void gw_complain_place(
	struct gw_reader *reader, struct gw_yaml_place place, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(reader, place, NULL, NULL, fmt, ap);
	va_end(ap);
}

static int by_place(const void *a, const void *b)
{
	const struct gw_complaint *x = a, *y = b;

	if (x->file != y->file)
		return x->file < y->file ? -1 : 1;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	if (x->column != y->column)
		return x->column < y->column ? -1 : 1;
	return x->number < y->number ? -1 : 1;
}

void gw_complain_flush(struct gw_reader *reader, struct gw_complaints *to)
{
	if (reader->n_complaints)
		qsort(reader->complaints, reader->n_complaints, sizeof(*reader->complaints),
			by_place);
	for (size_t i = 0; i < reader->n_complaints; i++)
		to->say(to->arg, reader->complaints[i].text);
	to->count += (unsigned)reader->n_complaints;
}

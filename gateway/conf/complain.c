/* SPDX-License-Identifier: Apache-2.0 */
#include "base/parse.h"
#include "base/text.h"
#include "conf/load.h"

#include <stdlib.h>
#include <string.h>

#define LINE_BYTES 8192
#define KEY_BYTES  64    /* of a key that a path repeats */
#define HINTS_MAX  50000 /* distances worked out in one load: ~ 0.2 s */

struct gw_complaint {
	uint32_t file, line, column, number;
	const char *text;
};

void gw_complain_path(struct gw_text *t, const struct gw_yaml_node *node)
{
	char memory[KEY_BYTES];
	struct gw_text key;

	if (!node->parent)
		return;
	gw_complain_path(t, node->parent);
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

static void add_complaint(struct gw_load *l, struct gw_yaml_place place, const char *line)
{
	struct gw_complaint *c;
	const char *copy;

	if (gw_strmap_find(&l->seen, line))
		return;
	copy = gw_arena_copy(&l->scratch, line, strlen(line));
	c = gw_arena_grow(&l->scratch, l->complaints, l->n_complaints, &l->cap_complaints,
		sizeof(*c));
	if (!copy || !c || !gw_strmap_add(&l->seen, copy, 0))
		return;
	l->complaints = c;
	l->complaints[l->n_complaints] = (struct gw_complaint){place.file->number,
		place.line, place.column, (uint32_t)l->n_complaints, copy};
	l->n_complaints++;
}

static void say(struct gw_load *l, struct gw_yaml_place place,
	const struct gw_yaml_node *node, const char *key, const char *fmt, va_list ap)
	__attribute__((format(printf, 5, 0)));

static void say(struct gw_load *l, struct gw_yaml_place place,
	const struct gw_yaml_node *node, const char *key, const char *fmt, va_list ap)
{
	char memory[LINE_BYTES], what[1024], path[1024];
	struct gw_text t;

	gw_text_init(&t, path, sizeof(path));
	if (node)
		gw_complain_path(&t, node);
	if (key)
		gw_text_addf(&t, "%s%s", t.used ? "." : "", key);
	if (t.used)
		gw_text_add(&t, ": ");
	gw_text_init(&t, what, sizeof(what));
	gw_text_addv(&t, fmt, ap);
	gw_text_init(&t, memory, sizeof(memory));
	gw_text_addf(&t, "%s:%u:%u: %s", place.file->path, place.line, place.column, path);
	gw_text_add_sanitized(&t, what);
	add_complaint(l, place, memory);
}

void gw_complain(struct gw_load *l, const struct gw_yaml_node *node, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(l, node->place, node, NULL, fmt, ap);
	va_end(ap);
}

void gw_complain_key(
	struct gw_load *l, const struct gw_yaml_node *node, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(l, node->key ? node->key_place : node->place, node, NULL, fmt, ap);
	va_end(ap);
}

void gw_complain_within(struct gw_load *l, const struct gw_yaml_node *map, const char *key,
	const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(l, map->place, map, key, fmt, ap);
	va_end(ap);
}

void gw_complain_place(struct gw_load *l, struct gw_yaml_place place, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(l, place, NULL, NULL, fmt, ap);
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

void gw_complain_flush(struct gw_load *l, struct gw_complaints *to)
{
	if (l->n_complaints)
		qsort(l->complaints, l->n_complaints, sizeof(*l->complaints), by_place);
	for (size_t i = 0; i < l->n_complaints; i++)
		to->say(to->arg, l->complaints[i].text);
	to->count += (unsigned)l->n_complaints;
}

void gw_hint_init(struct gw_hint *h, struct gw_load *l, const char *written)
{
	size_t n = strlen(written);

	*h = (struct gw_hint){.l = l, .written = written};
	h->distance = n < 4 ? 1 : n < 8 ? 2 : (unsigned)(n < 36 ? n / 4 : 9);
	h->distance++; /* the first that is nearer than this */
}

void gw_hint_add(struct gw_hint *h, const char *word)
{
	size_t a, b;
	unsigned distance;

	if (h->l->hints >= HINTS_MAX)
		return;
	a = strlen(h->written);
	b = strlen(word);
	if ((a > b ? a - b : b - a) >= h->distance)
		return;
	h->l->hints++;
	distance = gw_parse_distance(h->written, word);
	if (distance > 0 && distance < h->distance) {
		h->distance = distance;
		h->best = word;
	}
}

const char *gw_hint_text(const struct gw_hint *h)
{
	const char *text = NULL;

	if (h->best)
		text = gw_arena_printf(&h->l->scratch, " (did you mean %s?)", h->best);
	return text ? text : "";
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "yaml/yaml.h"

#include "base/file.h"
#include "base/parse.h"
#include "base/text.h"
#include "yaml/complain.h"
#include "yaml/files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define ALIAS_HINT "text that begins with * or & must be in quotes"

struct builder {
	struct gw_reader *reader;
	const struct gw_yaml_file *file;
	struct gw_yaml_node *root, *at; /* at: the list or map being filled */
	unsigned depth;
	const char *key; /* waiting for its value */
	struct gw_yaml_place key_place;
	bool documents;
};

static struct gw_yaml_place place_of(const struct builder *b, yaml_mark_t mark)
{
	return (struct gw_yaml_place){
		b->file, (uint32_t)mark.line + 1, (uint32_t)mark.column + 1};
}

/* Put a new node where the builder stands. NULL: no memory. */
static struct gw_yaml_node *add(struct builder *b, enum gw_yaml_kind kind, yaml_mark_t mark)
{
	struct gw_yaml_node *node = gw_arena_alloc(&b->reader->scratch, 1, sizeof(*node));

	if (!node)
		return NULL;
	node->kind = kind;
	node->place = place_of(b, mark);
	node->parent = b->at;
	if (!b->at) {
		b->root = node;
		return node;
	}
	node->key = b->key;
	node->key_place = b->key_place;
	b->key = NULL;
	node->index = b->at->n++;
	if (b->at->last)
		b->at->last->next = node;
	else
		b->at->first = node;
	b->at->last = node;
	return node;
}

static bool wants_key(const struct builder *b)
{
	return b->at && b->at->kind == GW_YAML_MAP && !b->key;
}

/* At the node, or at the place if it is a key and has no node. */
static void refuse(struct builder *b, const struct gw_yaml_node *node, yaml_mark_t mark,
	const char *what)
{
	if (node)
		gw_complain(b->reader, node, "%s", what);
	else
		gw_complain_place(b->reader, place_of(b, mark), "%s", what);
}

static void refuse_extras(struct builder *b, const struct gw_yaml_node *node,
	yaml_mark_t mark, const yaml_char_t *anchor, const yaml_char_t *tag)
{
	if (anchor)
		refuse(b, node, mark, "anchors (&) are not supported: " ALIAS_HINT);
	if (tag)
		refuse(b, node, mark,
			"tags (!) are not supported: text that begins with ! must be in quotes");
}

static bool add_scalar(struct builder *b, const yaml_event_t *e)
{
	const char *text = (const char *)e->data.scalar.value;
	size_t n = e->data.scalar.length;
	struct gw_yaml_node *node = NULL;
	char *copy;

	copy = gw_arena_copy(&b->reader->scratch, text, n);
	if (!copy)
		return false;
	if (wants_key(b)) {
		b->key = copy;
		b->key_place = place_of(b, e->start_mark);
	} else {
		node = add(b, GW_YAML_SCALAR, e->start_mark);
		if (!node)
			return false;
		node->text = copy;
		node->quoted = e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	}
	refuse_extras(b, node, e->start_mark, e->data.scalar.anchor,
		/* a ! alone means text, as quotes do */
		node && node->quoted ? NULL : e->data.scalar.tag);
	if (memchr(copy, '\0', n)) {
		refuse(b, node, e->start_mark, "text must not contain \\0");
		if (node)
			node->kind = GW_YAML_INVALID;
	}
	return true;
}

/* False: stop; it was complained of. */
static bool open_container(struct builder *b, enum gw_yaml_kind kind, const yaml_event_t *e)
{
	bool list = kind == GW_YAML_LIST;
	struct gw_yaml_node *node;

	if (wants_key(b)) {
		gw_complain_place(b->reader, place_of(b, e->start_mark),
			"a %s cannot be a key: text that begins with %s must be in quotes",
			list ? "list" : "map", list ? "[" : "{");
		return false;
	}
	if (b->depth == GW_YAML_DEPTH_MAX) {
		gw_complain_place(b->reader, place_of(b, e->start_mark),
			"nested deeper than %d levels", GW_YAML_DEPTH_MAX);
		return false;
	}
	node = add(b, kind, e->start_mark);
	if (!node)
		return false;
	if (list) {
		node->flow = e->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE;
		refuse_extras(b, node, e->start_mark, e->data.sequence_start.anchor,
			e->data.sequence_start.tag);
	} else {
		node->flow = e->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE;
		refuse_extras(b, node, e->start_mark, e->data.mapping_start.anchor,
			e->data.mapping_start.tag);
	}
	b->at = node;
	b->depth++;
	return true;
}

static int by_key(const void *a, const void *b)
{
	const struct gw_yaml_node *const *x = a, *const *y = b;
	int order = strcmp((*x)->key, (*y)->key);

	return order ? order : (*x)->index < (*y)->index ? -1 : 1;
}

/* The first of equal keys counts; the others are complained of and become invalid. */
static void refuse_duplicates(struct builder *b, struct gw_yaml_node *map)
{
	struct gw_yaml_node **nodes, *first, *n;
	size_t i = 0;

	if (map->n < 2)
		return;
	nodes = gw_arena_alloc(&b->reader->scratch, map->n, sizeof(struct gw_yaml_node *));
	if (!nodes)
		return;
	for (n = map->first; n; n = n->next)
		nodes[i++] = n;
	qsort(nodes, i, sizeof(struct gw_yaml_node *), by_key);
	first = nodes[0];
	for (i = 1; i < map->n; i++) {
		if (strcmp(nodes[i]->key, first->key) != 0) {
			first = nodes[i];
			continue;
		}
		gw_complain_key(b->reader, nodes[i],
			"this key is given twice, first on line %u", first->key_place.line);
		nodes[i]->kind = GW_YAML_INVALID;
	}
}

static void close_container(struct builder *b)
{
	if (b->at->kind == GW_YAML_MAP)
		refuse_duplicates(b, b->at);
	b->at = b->at->parent;
	b->depth--;
}

/* False: stop; it was complained of. */
static bool take(struct builder *b, const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (b->documents) {
			gw_complain_place(b->reader, place_of(b, e->start_mark),
				"a second document begins here: one file holds one");
			return false;
		}
		b->documents = true;
		return true;
	case YAML_ALIAS_EVENT:
		if (wants_key(b)) {
			gw_complain_place(b->reader, place_of(b, e->start_mark),
				"aliases (*) are not supported: " ALIAS_HINT);
			return false;
		}
		if (!add(b, GW_YAML_INVALID, e->start_mark))
			return false;
		gw_complain(b->reader, b->at ? b->at->last : b->root,
			"aliases (*) are not supported: " ALIAS_HINT);
		return true;
	case YAML_SCALAR_EVENT: return add_scalar(b, e);
	case YAML_SEQUENCE_START_EVENT: return open_container(b, GW_YAML_LIST, e);
	case YAML_MAPPING_START_EVENT: return open_container(b, GW_YAML_MAP, e);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT: close_container(b); return true;
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_END_EVENT: return true;
	}
	return true;
}

static void say_syntax(struct builder *b, const yaml_parser_t *p)
{
	const char *problem = p->problem ? p->problem : "cannot be read";
	yaml_mark_t mark = p->problem_mark;
	char memory[256];
	struct gw_text t;

	if (p->error == YAML_MEMORY_ERROR) {
		b->reader->scratch.failed = true;
		return;
	}
	if (p->error ==
		YAML_READER_ERROR) /* has no line; check_bytes found most of these */
		mark = p->mark;
	gw_text_init(&t, memory, sizeof(memory));
	gw_text_addf(&t, "not YAML: %s", problem);
	if (p->context) {
		gw_text_addf(&t, " (%s", p->context);
		if (p->context_mark.line != mark.line)
			gw_text_addf(
				&t, " that begins on line %zu", p->context_mark.line + 1);
		gw_text_add(&t, ")");
	}
	if (p->context && (strstr(p->context, "alias") || strstr(p->context, "anchor")))
		gw_text_add(&t, "; " ALIAS_HINT);
	gw_complain_place(b->reader, place_of(b, mark), "%s", memory);
}

static bool build(struct builder *b, const char *bytes, size_t n)
{
	yaml_parser_t p;
	yaml_event_t e;
	bool good = true, end = false;

	if (!yaml_parser_initialize(&p)) {
		b->reader->scratch.failed = true;
		return false;
	}
	yaml_parser_set_encoding(&p, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&p, (const unsigned char *)bytes, n);
	while (good && !end) {
		if (!yaml_parser_parse(&p, &e)) {
			say_syntax(b, &p);
			good = false;
			break;
		}
		end = e.type == YAML_STREAM_END_EVENT;
		good = take(b, &e);
		yaml_event_delete(&e);
	}
	yaml_parser_delete(&p);
	return good;
}

/* Valid UTF-8 without control characters. Checked here because libyaml reports these without a
 * line. */
static bool check_bytes(struct builder *b, const char *bytes, size_t n)
{
	struct gw_yaml_place place = {b->file, 1, 1};
	size_t i = 0, len;

	while (i < n) {
		unsigned char c = (unsigned char)bytes[i];

		len = gw_text_utf8(bytes + i, n - i);
		if (len == 0) {
			gw_complain_place(b->reader, place,
				"byte 0x%02X is not UTF-8: save the file as UTF-8", c);
			return false;
		}
		if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f) {
			gw_complain_place(b->reader, place,
				"control character 0x%02X: this is not a text file", c);
			return false;
		}
		place.column++;
		if (c == '\n') {
			place.line++;
			place.column = 1;
		}
		i += len;
	}
	return true;
}

static void complain_size(struct gw_reader *reader, const struct gw_yaml_file *file)
{
	gw_complain_place(reader, (struct gw_yaml_place){file, 1, 1},
		"larger than %zu bytes", GW_YAML_BYTES_MAX);
}

struct gw_yaml_node *gw_yaml_parse(
	struct gw_reader *reader, const char *path, const char *bytes, size_t n)
{
	struct gw_yaml_file *file = gw_arena_alloc(&reader->scratch, 1, sizeof(*file));
	struct builder b = {.reader = reader, .file = file};

	if (!file)
		return NULL;
	file->path = gw_arena_copy(&reader->scratch, path, strlen(path));
	file->number = reader->n_files++;
	if (n > GW_YAML_BYTES_MAX) {
		complain_size(reader, file);
		return NULL;
	}
	if (n >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0) { /* Windows' editors */
		bytes += 3;
		n -= 3;
	}
	if (!check_bytes(&b, bytes, n) || !build(&b, bytes, n))
		return NULL;
	if (!b.root)
		gw_complain_place(reader, (struct gw_yaml_place){file, 1, 1}, "is empty");
	return b.root;
}

struct gw_yaml_node *gw_yaml_read(struct gw_reader *reader, const char *path)
{
	const struct gw_file *saved = reader->from ? gw_files_find(reader->from, path)
						   : NULL;
	struct gw_yaml_file file = {.path = path};
	struct gw_yaml_node *root;
	struct gw_error err;
	char *bytes;
	size_t n;

	if (saved)
		return gw_yaml_parse(reader, path, saved->bytes, saved->n);
	bytes = gw_file_read(path, 0, GW_YAML_BYTES_MAX, &n, &err);
	if (!bytes && err.native == ENOMEM) {
		reader->scratch.failed = true;
		return NULL;
	}
	if (!bytes) {
		file.number = reader->n_files++;
		if (err.native == EFBIG)
			complain_size(reader, &file);
		else
			gw_complain_place(reader, (struct gw_yaml_place){&file, 1, 1},
				"cannot be read: %s", gw_errno_text(err.native));
		return NULL;
	}
	if (reader->read && !gw_files_add(reader->read, path, bytes, n))
		reader->scratch.failed = true;
	root = gw_yaml_parse(reader, path, bytes, n);
	free(bytes);
	return root;
}

bool gw_yaml_is_map(struct gw_reader *reader, const struct gw_yaml_node *node)
{
	if (node->kind == GW_YAML_MAP)
		return true;
	if (node->kind != GW_YAML_INVALID)
		gw_complain(
			reader, node, "keys with values are wanted here, such as name: x");
	return false;
}

const struct gw_yaml_node *gw_yaml_list(
	struct gw_reader *reader, const struct gw_yaml_node *map, const char *key)
{
	const struct gw_yaml_node *node = gw_yaml_get(map, key);

	if (!node || node->kind == GW_YAML_INVALID || gw_yaml_is_empty(node))
		return NULL;
	if (node->kind != GW_YAML_LIST) {
		gw_complain(reader, node,
			"a list is wanted here: each item begins with \"- \"");
		return NULL;
	}
	return node->first;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/redact_config.h"

#include "ctl/redact.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <yaml.h>

/* Between a name and its value. */
#define DELIMITERS ":= \t\r\n"
#define DEPTH_MAX  64 /* of collections: libyaml's emitter recurses */

/* In lower case; a part of the key's name is enough. */
static const char *const secret_words[] = {"pass", "token", "secret", "key", "auth",
	"credential", "cookie", "header", "pin", "sign", "pwd", "psk", "bearer", NULL};
static const char *const url_words[] = {"url", "uri", "hook", "endpoint", NULL};

static enum gw_err no_memory(struct gw_error *err)
{
	return gw_fail(err, GW_ERR_SYSTEM, ENOMEM, "%s", gw_errno_text(ENOMEM));
}

/* ---- what is secret in a document ---- */

/* By the number of a node, from 1. */
struct marks {
	bool secret;
	unsigned depth;
};

static bool is_scalar(const yaml_node_t *node)
{
	return node->type == YAML_SCALAR_NODE;
}

static const char *text_of(const yaml_node_t *node)
{
	return (const char *)node->data.scalar.value;
}

/* The numbers of a collection's nodes; in a map key, value, key ... */
static size_t parts_of(const yaml_node_t *node, const int **ret_parts)
{
	if (node->type == YAML_SEQUENCE_NODE) {
		*ret_parts = node->data.sequence.items.start;
		return (size_t)(node->data.sequence.items.top - *ret_parts);
	}
	if (node->type == YAML_MAPPING_NODE) {
		*ret_parts = &node->data.mapping.pairs.start->key;
		return 2 *
			(size_t)(node->data.mapping.pairs.top -
				node->data.mapping.pairs.start);
	}
	return 0;
}

/* Behind the first of these words in the text, or NULL. */
static const char *find_word(const char *text, const char *const *words)
{
	for (; *text; text++)
		for (size_t i = 0; words[i]; i++)
			if (strncasecmp(text, words[i], strlen(words[i])) == 0)
				return text + strlen(words[i]);
	return NULL;
}

/* A scalar, key or value, that is no URL but holds one, or that holds "token: x" or the like. */
static bool may_hold_secret(const yaml_node_t *node)
{
	const char *text = text_of(node), *mark = strstr(text, "://"), *word;

	if (strlen(text) != node->data.scalar.length ||
		(mark && strcspn(text, DELIMITERS "@/") != (size_t)(mark - text)))
		return true;
	if (mark && strncasecmp(text, "file:", 5) != 0)
		return false; /* only its host will stay */
	word = find_word(text, secret_words);
	return word && strpbrk(word, DELIMITERS);
}

static bool has_secret_value(const yaml_node_t *key, const yaml_node_t *value)
{
	if (!is_scalar(key) || find_word(text_of(key), secret_words))
		return true;
	return find_word(text_of(key), url_words) &&
		(!is_scalar(value) || !strstr(text_of(value), "://"));
}

/* A node and, of a map, its values. */
static void mark_node(yaml_document_t *doc, int number, struct marks *marks)
{
	yaml_node_t *node = yaml_document_get_node(doc, number);
	const int *parts;
	size_t n = parts_of(node, &parts);

	if (is_scalar(node) && (number == 1 || may_hold_secret(node)))
		marks[number].secret = true;
	for (size_t i = 0; i < n; i++)
		/* an alias is not deeper */
		if (parts[i] > number && marks[parts[i]].depth <= marks[number].depth)
			marks[parts[i]].depth = marks[number].depth + 1;
	if (node->type == YAML_MAPPING_NODE)
		for (size_t i = 0; i < n; i += 2)
			if (has_secret_value(yaml_document_get_node(doc, parts[i]),
				    yaml_document_get_node(doc, parts[i + 1])))
				marks[parts[i + 1]].secret = true;
}

/* What is in a secret collection is secret elsewhere, too: an alias leads to the same node. */
static void spread_marks(yaml_document_t *doc, int n_nodes, struct marks *marks)
{
	const int *parts;
	bool more;

	do {
		more = false;
		for (int number = 1; number <= n_nodes; number++) {
			size_t n = marks[number].secret
				? parts_of(yaml_document_get_node(doc, number), &parts)
				: 0;

			for (size_t i = 0; i < n; i++) {
				more = more ||
					(!marks[parts[i]].secret && parts[i] < number);
				marks[parts[i]].secret = true;
			}
		}
	} while (more);
}

/* ---- a document written anew ---- */

/* Returns its number, which is the one it had; 0: no memory. Tags and the names of anchors are not
 * taken over. */
static int add_node(yaml_document_t *to, const yaml_node_t *node, bool secret)
{
	const yaml_char_t *left_out = (const yaml_char_t *)GW_REDACT_LEFT_OUT;
	int number = 0;
	size_t n;
	char *text;

	if (secret)
		return yaml_document_add_scalar(
			to, NULL, left_out, -1, YAML_PLAIN_SCALAR_STYLE);
	if (node->type == YAML_SEQUENCE_NODE)
		return yaml_document_add_sequence(to, NULL, node->data.sequence.style);
	if (node->type == YAML_MAPPING_NODE)
		return yaml_document_add_mapping(to, NULL, node->data.mapping.style);
	text = gw_redact_value(text_of(node), node->data.scalar.length, &n);
	if (text)
		number = yaml_document_add_scalar(
			to, NULL, (yaml_char_t *)text, (int)n, node->data.scalar.style);
	free(text);
	return number;
}

static bool add_parts(yaml_document_t *to, const yaml_node_t *node, int number)
{
	const int *parts;
	size_t n = parts_of(node, &parts);
	bool ok = true;

	if (node->type == YAML_SEQUENCE_NODE)
		for (size_t i = 0; ok && i < n; i++)
			ok = yaml_document_append_sequence_item(to, number, parts[i]);
	else
		for (size_t i = 0; ok && i < n; i += 2)
			ok = yaml_document_append_mapping_pair(
				to, number, parts[i], parts[i + 1]);
	return ok;
}

static bool copy_nodes(
	yaml_document_t *from, int n, const struct marks *marks, yaml_document_t *to)
{
	for (int i = 1; i <= n; i++)
		if (add_node(to, yaml_document_get_node(from, i), marks[i].secret) != i)
			return false;
	for (int i = 1; i <= n; i++)
		if (!marks[i].secret && !add_parts(to, yaml_document_get_node(from, i), i))
			return false;
	return true;
}

static enum gw_err write_document(
	yaml_document_t *from, yaml_emitter_t *emitter, struct gw_error *err)
{
	int n = (int)(from->nodes.top - from->nodes.start);
	struct marks *marks = calloc((size_t)n + 1, sizeof(*marks));
	yaml_document_t to;
	bool ok;

	for (int i = 1; marks && i <= n; i++) {
		mark_node(from, i, marks);
		if (marks[i].depth > DEPTH_MAX) {
			free(marks);
			return gw_fail(err, GW_ERR_CONFIG, 0,
				"line %zu: nested deeper than %d levels",
				yaml_document_get_node(from, i)->start_mark.line + 1,
				DEPTH_MAX);
		}
	}
	if (!marks || !yaml_document_initialize(&to, NULL, NULL, NULL, 1, 1)) {
		free(marks);
		return no_memory(err);
	}
	spread_marks(from, n, marks);
	ok = copy_nodes(from, n, marks, &to);
	free(marks);
	if (ok && yaml_emitter_dump(emitter, &to))
		return GW_OK;
	if (!ok)
		yaml_document_delete(&to);
	return ok && emitter->problem
		? gw_fail(err, GW_ERR_SYSTEM, 0, "%s", emitter->problem)
		: no_memory(err);
}

static enum gw_err fail_parse(const yaml_parser_t *p, struct gw_error *err)
{
	if (!p->problem)
		return no_memory(err);
	if (p->error == YAML_READER_ERROR)
		return gw_fail(err, GW_ERR_CONFIG, 0, "byte %zu: %s", p->problem_offset,
			p->problem);
	return gw_fail(err, GW_ERR_CONFIG, 0, "line %zu, column %zu: %s",
		p->problem_mark.line + 1, p->problem_mark.column + 1, p->problem);
}

static enum gw_err write_all(
	yaml_parser_t *parser, yaml_emitter_t *emitter, struct gw_error *err)
{
	enum gw_err rc = GW_OK;
	yaml_document_t doc;
	bool end = false;

	if (!yaml_emitter_open(emitter))
		return no_memory(err);
	while (!rc && !end) {
		if (!yaml_parser_load(parser, &doc))
			return fail_parse(parser, err);
		end = !yaml_document_get_root_node(&doc);
		if (!end)
			rc = write_document(&doc, emitter, err);
		yaml_document_delete(&doc);
	}
	return rc || yaml_emitter_close(emitter) ? rc : no_memory(err);
}

char *gw_redact_config(const char *text, size_t n, size_t *ret_n, struct gw_error *err)
{
	yaml_parser_t parser;
	yaml_emitter_t emitter;
	char *out = NULL;
	FILE *to = open_memstream(&out, ret_n);
	bool ok = to && yaml_parser_initialize(&parser);
	enum gw_err rc = GW_OK;

	if (ok && yaml_emitter_initialize(&emitter)) {
		yaml_parser_set_input_string(&parser, (const unsigned char *)text, n);
		yaml_emitter_set_output_file(&emitter, to);
		yaml_emitter_set_unicode(&emitter, 1);
		yaml_emitter_set_width(&emitter, -1);
		rc = write_all(&parser, &emitter, err);
		yaml_emitter_delete(&emitter);
	} else {
		rc = no_memory(err);
	}
	if (ok)
		yaml_parser_delete(&parser);
	if (to && fclose(to) != 0 && !rc)
		rc = no_memory(err);
	if (!rc)
		return out;
	free(out);
	return NULL;
}

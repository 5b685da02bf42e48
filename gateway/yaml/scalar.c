/* SPDX-License-Identifier: Apache-2.0 */
#include "yaml/scalar.h"

#include "base/parse.h"
#include "base/text.h"
#include "yaml/complain.h"
#include "yaml/hint.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TEXT_MAX 255

static bool refuse(
	struct gw_reader *reader, const struct gw_yaml_node *node, struct gw_error *err)
{
	gw_complain(reader, node, "%s", err->text);
	return false;
}

enum gw_err gw_scalar_text(struct gw_reader *reader, const struct gw_setting *row,
	const char *text, const char **ret_text, struct gw_error *err)
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
	if (row->type == GW_SET_PATH && n && *text != '/' && *reader->folder) {
		path = gw_arena_printf(&reader->scratch, "%s%s", reader->folder, text);
		text = path ? path : "";
	}
	*ret_text = gw_reader_string(reader, text);
	return GW_OK;
}

static enum gw_err read_choice(struct gw_reader *reader, const struct gw_setting *row,
	const char *text, int *field, struct gw_error *err)
{
	char memory[sizeof(err->text)], written[64];
	const char *const *c, *meant;
	struct gw_hint hint;
	struct gw_text t;

	gw_hint_init(&hint, reader, text);
	gw_text_init(&t, written, sizeof(written));
	gw_text_add_sanitized(&t, text);
	for (c = row->choices; *c; c++) {
		if (strcmp(*c, text) == 0) {
			*field = (int)(c - row->choices);
			return GW_OK;
		}
		gw_hint_add(&hint, *c);
	}
	for (c = row->synonyms; c && *c; c += 2)
		if (strcasecmp(c[0], text) == 0)
			hint.best = c[1];
	meant = gw_hint_text(&hint);
	/* A long list is cut, not the hint after it. */
	gw_text_init(&t, memory, sizeof(memory) - strnlen(meant, sizeof(memory) / 2));
	gw_text_addf(&t, "\"%s\" is not one of ", written);
	for (c = row->choices; *c; c++) {
		bool fits = t.used + strlen(*c) + sizeof(", , ...") < t.size;

		gw_text_addf(&t, "%s%s", c == row->choices ? "" : ", ", fits ? *c : "...");
		if (!fits)
			break;
	}
	return gw_fail(err, GW_ERR_CONFIG, 0, "%s%s", memory, meant);
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

enum gw_err gw_scalar_parse(struct gw_reader *reader, const struct gw_setting *row,
	const char *text, void *field, struct gw_error *err)
{
	switch (row->type) {
	case GW_SET_STRING:
	case GW_SET_PATH: return gw_scalar_text(reader, row, text, field, err);
	case GW_SET_BOOL: return gw_parse_bool(text, field, err);
	case GW_SET_INT: return read_int(row, text, field, err);
	case GW_SET_DOUBLE: return read_double(row, text, field, err);
	case GW_SET_DURATION: return read_duration(row, text, field, err);
	case GW_SET_CHOICE: return read_choice(reader, row, text, field, err);
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

bool gw_scalar_read(struct gw_reader *reader, const struct gw_setting *row,
	const struct gw_yaml_node *node, void *field)
{
	struct gw_error err = {0};
	_Alignas(max_align_t) char spare[64]; /* BOOL, INT, DOUBLE only */

	if (node->kind != GW_YAML_SCALAR) {
		gw_complain(reader, node, "a single value is wanted here, not a %s",
			node->kind == GW_YAML_LIST ? "list" : "map");
		return false;
	}
	if (text_for_number(row, node)) {
		if (gw_scalar_parse(reader, row, node->text, spare, &err) != GW_OK)
			return refuse(reader, node, &err);
		gw_complain(reader, node,
			"\"%s\" in quotes is text, not a value (did you mean %s?)",
			node->text, node->text);
		return false;
	}
	if (gw_scalar_parse(reader, row, node->text, field, &err) != GW_OK)
		return refuse(reader, node, &err);
	return true;
}

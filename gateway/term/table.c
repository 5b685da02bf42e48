/* SPDX-License-Identifier: Apache-2.0 */
#include "term/table.h"

#include "term/width.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define GAP 2

enum gw_style gw_table_level_style(const char *level)
{
	static const struct {
		const char *level;
		enum gw_style style;
	} styles[] = {
		{"red", GW_STYLE_RED},
		{"orange", GW_STYLE_ORANGE},
		{"yellow", GW_STYLE_YELLOW},
		{"blue", GW_STYLE_BLUE},
	};

	for (size_t i = 0; i < sizeof(styles) / sizeof(styles[0]); i++)
		if (!strcasecmp(level, styles[i].level))
			return styles[i].style;
	return GW_STYLE_PLAIN;
}

/* ECMA-48 SGR; orange is of the 256-colour palette. */
static const char *const codes[] = {
	[GW_STYLE_PLAIN] = "",
	[GW_STYLE_BOLD] = "1",
	[GW_STYLE_DIM] = "2",
	[GW_STYLE_RED] = "1;31",
	[GW_STYLE_ORANGE] = "38;5;208",
	[GW_STYLE_YELLOW] = "33",
	[GW_STYLE_BLUE] = "94",
	[GW_STYLE_GREEN] = "32",
};

static void print_styled(FILE *out, bool colour, enum gw_style style, const char *text)
{
	if (colour && style != GW_STYLE_PLAIN)
		fprintf(out, "\033[%sm%s\033[0m", codes[style], text);
	else
		fputs(text, out);
}

void gw_table_text(FILE *out, bool colour, enum gw_style style, const char *text)
{
	char *sanitized = gw_width_sanitize(text);

	print_styled(out, colour, style, sanitized ? sanitized : "?");
	free(sanitized);
}

void gw_table_init(struct gw_text_table *s, const char *const *heads, size_t n_columns)
{
	*s = (struct gw_text_table){.heads = heads, .n_columns = n_columns};
}

static bool grow(struct gw_text_table *s)
{
	size_t capacity = s->capacity ? s->capacity * 2 : 64;
	struct gw_cell *cells;

	if (s->n < s->capacity)
		return true;
	cells = reallocarray(s->cells, capacity, sizeof(*cells));
	if (!cells)
		return false;
	s->cells = cells;
	s->capacity = capacity;
	return true;
}

void gw_table_cell(struct gw_text_table *s, enum gw_style style, const char *fmt, ...)
{
	char *raw = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&raw, fmt, ap);
	va_end(ap);
	if (n < 0 || !grow(s)) {
		s->failed = true;
		if (n >= 0)
			free(raw);
		return;
	}
	s->cells[s->n++] = (struct gw_cell){
		.text = gw_width_sanitize(n ? raw : "-"), .style = style};
	s->failed |= !s->cells[s->n - 1].text;
	free(raw);
}

static void spaces(FILE *out, size_t n)
{
	fprintf(out, "%*s", (int)n, "");
}

static void print_cell(const struct gw_text_table *s, FILE *out, bool colour, size_t column,
	size_t width, const char *text, enum gw_style style)
{
	size_t blank = width - gw_width(text);
	bool right = s->heads[column][0] == '>';
	bool last = column + 1 == s->n_columns;

	if (right)
		spaces(out, blank);
	print_styled(out, colour, style, text);
	if (!last)
		spaces(out, (right ? 0 : blank) + GAP);
	else
		fputc('\n', out);
}

static const char *head(const struct gw_text_table *s, size_t column)
{
	return s->heads[column] + (s->heads[column][0] == '>');
}

void gw_table_print(const struct gw_text_table *s, FILE *out, bool colour)
{
	size_t *widths = calloc(s->n_columns, sizeof(*widths));

	if (!widths || s->failed) {
		fputs("out of memory\n", out);
		free(widths);
		return;
	}
	for (size_t i = 0; i < s->n_columns; i++)
		widths[i] = gw_width(head(s, i));
	for (size_t i = 0; i < s->n; i++) {
		size_t width = gw_width(s->cells[i].text);

		if (width > widths[i % s->n_columns])
			widths[i % s->n_columns] = width;
	}
	for (size_t i = 0; i < s->n_columns; i++)
		print_cell(s, out, colour, i, widths[i], head(s, i), GW_STYLE_BOLD);
	for (size_t i = 0; i < s->n; i++)
		print_cell(s, out, colour, i % s->n_columns, widths[i % s->n_columns],
			s->cells[i].text, s->cells[i].style);
	free(widths);
}

void gw_table_fini(struct gw_text_table *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->cells[i].text);
	free(s->cells);
	*s = (struct gw_text_table){0};
}

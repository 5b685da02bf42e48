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

void gw_table_init(struct gw_text_table *t, const char *const *heads, size_t n_columns)
{
	*t = (struct gw_text_table){.heads = heads, .n_columns = n_columns};
}

static bool grow(struct gw_text_table *t)
{
	size_t capacity = t->capacity ? t->capacity * 2 : 64;
	struct gw_cell *cells;

	if (t->n < t->capacity)
		return true;
	cells = reallocarray(t->cells, capacity, sizeof(*cells));
	if (!cells)
		return false;
	t->cells = cells;
	t->capacity = capacity;
	return true;
}

void gw_table_cell(struct gw_text_table *t, enum gw_style style, const char *fmt, ...)
{
	char *raw = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&raw, fmt, ap);
	va_end(ap);
	if (n < 0 || !grow(t)) {
		t->failed = true;
		if (n >= 0)
			free(raw);
		return;
	}
	t->cells[t->n++] = (struct gw_cell){
		.text = gw_width_sanitize(n ? raw : "-"), .style = style};
	t->failed |= !t->cells[t->n - 1].text;
	free(raw);
}

static void spaces(FILE *out, size_t n)
{
	fprintf(out, "%*s", (int)n, "");
}

static void print_cell(const struct gw_text_table *t, FILE *out, bool colour, size_t column,
	size_t width, const char *text, enum gw_style style)
{
	size_t blank = width - gw_width(text);
	bool right = t->heads[column][0] == '>';
	bool last = column + 1 == t->n_columns;

	if (right)
		spaces(out, blank);
	print_styled(out, colour, style, text);
	if (!last)
		spaces(out, (right ? 0 : blank) + GAP);
	else
		fputc('\n', out);
}

static const char *head(const struct gw_text_table *t, size_t column)
{
	return t->heads[column] + (t->heads[column][0] == '>');
}

void gw_table_print(const struct gw_text_table *t, FILE *out, bool colour)
{
	size_t *widths = calloc(t->n_columns, sizeof(*widths));

	if (!widths || t->failed) {
		fputs("out of memory\n", out);
		free(widths);
		return;
	}
	for (size_t i = 0; i < t->n_columns; i++)
		widths[i] = gw_width(head(t, i));
	for (size_t i = 0; i < t->n; i++) {
		size_t width = gw_width(t->cells[i].text);

		if (width > widths[i % t->n_columns])
			widths[i % t->n_columns] = width;
	}
	for (size_t i = 0; i < t->n_columns; i++)
		print_cell(t, out, colour, i, widths[i], head(t, i), GW_STYLE_BOLD);
	for (size_t i = 0; i < t->n; i++)
		print_cell(t, out, colour, i % t->n_columns, widths[i % t->n_columns],
			t->cells[i].text, t->cells[i].style);
	free(widths);
}

void gw_table_fini(struct gw_text_table *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->cells[i].text);
	free(t->cells);
	*t = (struct gw_text_table){0};
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/sheet.h"

#include "ctl/width.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define GAP 2

enum gw_paint gw_paint_level(const char *level)
{
	static const struct {
		const char *level;
		enum gw_paint paint;
	} paints[] = {
		{"red", GW_PAINT_RED},
		{"orange", GW_PAINT_ORANGE},
		{"yellow", GW_PAINT_YELLOW},
		{"blue", GW_PAINT_BLUE},
	};

	for (size_t i = 0; i < sizeof(paints) / sizeof(paints[0]); i++)
		if (!strcasecmp(level, paints[i].level))
			return paints[i].paint;
	return GW_PAINT_PLAIN;
}

/* ECMA-48 SGR; orange is of the 256-colour palette. */
static const char *const codes[] = {
	[GW_PAINT_PLAIN] = "",
	[GW_PAINT_BOLD] = "1",
	[GW_PAINT_DIM] = "2",
	[GW_PAINT_RED] = "1;31",
	[GW_PAINT_ORANGE] = "38;5;208",
	[GW_PAINT_YELLOW] = "33",
	[GW_PAINT_BLUE] = "94",
	[GW_PAINT_GREEN] = "32",
};

static void painted(FILE *out, bool colour, enum gw_paint paint, const char *text)
{
	if (colour && paint != GW_PAINT_PLAIN)
		fprintf(out, "\033[%sm%s\033[0m", codes[paint], text);
	else
		fputs(text, out);
}

void gw_paint(FILE *out, bool colour, enum gw_paint paint, const char *text)
{
	char *tame = gw_width_tame(text);

	painted(out, colour, paint, tame ? tame : "?");
	free(tame);
}

void gw_sheet_init(struct gw_sheet *s, const char *const *heads, size_t n_columns)
{
	*s = (struct gw_sheet){.heads = heads, .n_columns = n_columns};
}

static bool grow(struct gw_sheet *s)
{
	size_t room = s->room ? s->room * 2 : 64;
	struct gw_cell *cells;

	if (s->n < s->room)
		return true;
	cells = reallocarray(s->cells, room, sizeof(*cells));
	if (!cells)
		return false;
	s->cells = cells;
	s->room = room;
	return true;
}

void gw_sheet_cell(struct gw_sheet *s, enum gw_paint paint, const char *fmt, ...)
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
		.text = gw_width_tame(n ? raw : "-"), .paint = paint};
	s->failed |= !s->cells[s->n - 1].text;
	free(raw);
}

static void spaces(FILE *out, size_t n)
{
	fprintf(out, "%*s", (int)n, "");
}

static void print_cell(const struct gw_sheet *s, FILE *out, bool colour, size_t column,
	size_t width, const char *text, enum gw_paint paint)
{
	size_t blank = width - gw_width(text);
	bool right = s->heads[column][0] == '>';
	bool last = column + 1 == s->n_columns;

	if (right)
		spaces(out, blank);
	painted(out, colour, paint, text);
	if (!last)
		spaces(out, (right ? 0 : blank) + GAP);
	else
		fputc('\n', out);
}

static const char *head(const struct gw_sheet *s, size_t column)
{
	return s->heads[column] + (s->heads[column][0] == '>');
}

void gw_sheet_print(const struct gw_sheet *s, FILE *out, bool colour)
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
		print_cell(s, out, colour, i, widths[i], head(s, i), GW_PAINT_BOLD);
	for (size_t i = 0; i < s->n; i++)
		print_cell(s, out, colour, i % s->n_columns, widths[i % s->n_columns],
			s->cells[i].text, s->cells[i].paint);
	free(widths);
}

void gw_sheet_fini(struct gw_sheet *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->cells[i].text);
	free(s->cells);
	*s = (struct gw_sheet){0};
}

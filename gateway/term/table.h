/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table.h: text in aligned columns, with colours on a terminal.
 *
 * Owner: the caller. Thread: one. Life: init, cell..., print, fini.
 */
#ifndef GW_TERM_TABLE_H
#define GW_TERM_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum gw_style {
	GW_STYLE_PLAIN,
	GW_STYLE_BOLD,
	GW_STYLE_DIM,
	GW_STYLE_RED,
	GW_STYLE_ORANGE,
	GW_STYLE_YELLOW,
	GW_STYLE_BLUE,
	GW_STYLE_GREEN,
};

/* The style of a level's name, in any case; PLAIN if it is none. */
enum gw_style gw_table_level_style(const char *level);
/* Text in a style, sanitized (width.h); colour false: text only. */
void gw_table_text(FILE *out, bool colour, enum gw_style style, const char *text);

struct gw_cell {
	char *text;
	enum gw_style style;
};

struct gw_text_table {
	const char *const *heads; /* '>' first: the column is right-aligned */
	size_t n_columns;
	struct gw_cell *cells;
	size_t n, capacity;
	bool failed; /* no memory */
};

void gw_table_init(struct gw_text_table *t, const char *const *heads, size_t n_columns);
/* The next cell, row by row; an empty text shows as "-". */
void gw_table_cell(struct gw_text_table *t, enum gw_style style, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void gw_table_print(const struct gw_text_table *t, FILE *out, bool colour);
void gw_table_fini(struct gw_text_table *t);

#endif

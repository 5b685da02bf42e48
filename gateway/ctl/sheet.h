/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sheet.h: text in aligned columns, with colours for terminals.
 *
 * Owner: the caller. Thread: one. Life: init, cell..., print, fini.
 */
#ifndef GW_CTL_SHEET_H
#define GW_CTL_SHEET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum gw_paint {
	GW_PAINT_PLAIN,
	GW_PAINT_BOLD,
	GW_PAINT_DIM,
	GW_PAINT_RED,
	GW_PAINT_ORANGE,
	GW_PAINT_YELLOW,
	GW_PAINT_BLUE,
	GW_PAINT_GREEN,
};

/* The paint of a level's name, in any case; PLAIN if it is none. */
enum gw_paint gw_paint_level(const char *level);
/* Text in a paint, tamed (width.h); colour false: text only. */
void gw_paint(FILE *out, bool colour, enum gw_paint paint, const char *text);

struct gw_cell {
	char *text;
	enum gw_paint paint;
};

struct gw_sheet {
	const char *const
		*heads; /* a head that begins with '>' is of a right-aligned column */
	size_t n_columns;
	struct gw_cell *cells;
	size_t n, room;
	bool failed; /* no memory */
};

void gw_sheet_init(struct gw_sheet *s, const char *const *heads, size_t n_columns);
/* The next cell, row by row; an empty text shows as "-". */
void gw_sheet_cell(struct gw_sheet *s, enum gw_paint paint, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void gw_sheet_print(const struct gw_sheet *s, FILE *out, bool colour);
void gw_sheet_fini(struct gw_sheet *s);

#endif

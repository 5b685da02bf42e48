/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/setting_groups.h"
#include "settings_doc.h"

#include <stdio.h>
#include <string.h>

#define WIDTH 72

/* One character as a man page has it, which is ASCII. */
static void add_character(struct gw_text *t, const char *s, size_t n)
{
	uint32_t c = (unsigned char)*s;

	if (n > 1) {
		c &= 0xffu >> (n + 1);
		for (size_t i = 1; i < n; i++)
			c = c << 6 | ((unsigned char)s[i] & 0x3f);
		gw_text_addf(t, "\\[u%04X]", c);
	} else if (*s == '\\') {
		gw_text_add(t, "\\e");
	} else {
		gw_text_add_n(t, s, 1);
	}
}

/* Text between macros, on short lines, a sentence on a line of its own. No line may begin with
 * what would make it a macro. */
static void add_text(struct gw_text *t, const char *s)
{
	size_t begin = t->used, n;
	bool sentence;

	for (; *s; s += n) {
		n = gw_text_utf8(s, strlen(s));
		n = n ? n : 1;
		sentence = *s == ' ' && t->used > begin && t->at[t->used - 1] == '.';
		if (sentence ||
			(*s == ' ' && t->used - begin + strcspn(s + 1, " ") > WIDTH)) {
			gw_text_add(t, "\n");
			begin = t->used;
			continue;
		}
		if (t->used == begin && (*s == '.' || *s == '\''))
			gw_text_add(t, "\\&");
		add_character(t, s, n);
	}
}

static void add_duration(struct gw_text *t, double ns)
{
	gw_text_add_duration(t, (int64_t)ns);
}

static void add_number(struct gw_text *t, double v)
{
	gw_text_add_double(t, v);
}

static void add_limits(struct gw_text *t, const struct gw_setting *row,
	void (*add)(struct gw_text *, double))
{
	if (row->min == 0 && row->max == 0)
		return;
	gw_text_add(t, ", ");
	add(t, row->min);
	gw_text_add(t, " to ");
	add(t, row->max);
}

static void add_type(struct gw_text *t, const struct gw_setting *row)
{
	switch (row->type) {
	case GW_SET_STRING:
	case GW_SET_CUSTOM: gw_text_add(t, "text"); return;
	case GW_SET_PATH: gw_text_add(t, "file"); return;
	case GW_SET_BOOL: gw_text_add(t, "true or false"); return;
	case GW_SET_INT:
		gw_text_add(t, "whole number");
		add_limits(t, row, add_number);
		return;
	case GW_SET_DOUBLE:
		gw_text_add(t, "number");
		add_limits(t, row, add_number);
		return;
	case GW_SET_DURATION:
		gw_text_add(t, "duration");
		add_limits(t, row, add_duration);
		return;
	case GW_SET_CHOICE:
		for (const char *const *c = row->choices; *c; c++)
			gw_text_addf(t, "%s%s", c == row->choices ? "" : ", ", *c);
		return;
	case GW_SET_TABLE:
		gw_text_add(t, row->max == 1 ? "number" : "list of numbers");
		return;
	case GW_SET_STRINGS: gw_text_add(t, "text or list of texts"); return;
	case GW_SET_CODES: gw_text_add(t, "list of numbers or raw:N"); return;
	case GW_SET_PAIRS:
		gw_text_add(t, "map");
		for (const char *const *c = row->choices; c && *c; c++)
			gw_text_addf(t, ", or %s", *c);
		return;
	}
}

static void add_row(struct gw_text *t, const struct gw_setting *row)
{
	gw_text_addf(t, ".It Ic %s\n(", row->key);
	add_type(t, row);
	if (row->required)
		gw_text_add(t, "; required");
	else if (row->def && *row->def)
		gw_text_addf(t, "; default %s", row->def);
	gw_text_add(t, ")\n.br\n");
	add_text(t, row->help);
	gw_text_add(t, "\n");
}

static void add_rows(struct gw_text *t, const struct gw_setting *rows)
{
	gw_text_add(t, ".Bl -tag -width Ds\n");
	for (; rows->key; rows++)
		add_row(t, rows);
	gw_text_add(t, ".El\n");
}

/* All groups of one name, as one list. */
static bool add_group(struct gw_text *t, const char *name)
{
	size_t n;
	const struct gw_setting_group *g = gw_config_setting_groups(&n);
	bool found = false;

	for (size_t i = 0; i < n; i++) {
		if (strcmp(g[i].name, name) != 0)
			continue;
		if (!found)
			gw_text_add(t, ".Bl -tag -width Ds\n");
		found = true;
		for (const struct gw_setting *row = g[i].rows; row->key; row++)
			add_row(t, row);
	}
	if (found)
		gw_text_add(t, ".El\n");
	return found;
}

/* Each group called "NAME (WHO)"; those with the same rows together. */
static bool add_each(struct gw_text *t, const char *name)
{
	size_t n, length = strlen(name);
	const struct gw_setting_group *g = gw_config_setting_groups(&n);
	bool when = strcmp(name, "when") == 0, found = false, seen = false, before;

	for (size_t i = 0; i < n; i++) {
		if (strncmp(g[i].name, name, length) != 0 || g[i].name[length] != ' ')
			continue;
		found = true;
		before = false;
		for (size_t k = 0; k < i; k++)
			before |= g[k].rows == g[i].rows;
		if (before)
			continue;
		gw_text_addf(t, "%s%s\n", seen ? ".Pp\n" : "",
			when ? "Condition" : "With the driver");
		seen = true;
		for (size_t k = i, first = 1; k < n; k++) {
			const char *who = g[k].name + length + 2;

			if (g[k].rows != g[i].rows)
				continue;
			gw_text_addf(t, "%s.Ic %.*s\n", first ? "" : "or\n",
				(int)strcspn(who, ")"), who);
			first = 0;
		}
		add_rows(t, g[i].rows);
	}
	return found;
}

/* The file FOLDER/NAME.txt, character by character. */
static bool add_picture(struct gw_text *t, const char *folder, const char *name)
{
	char path[512], line[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s.txt", folder, name);
	f = fopen(path, "r");
	if (!f)
		return false;
	gw_text_add(t, ".Bd -literal\n");
	while (fgets(line, sizeof(line), f)) {
		if (*line == '.' || *line == '\'')
			gw_text_add(t, "\\&");
		for (size_t i = 0, n; line[i]; i += n) {
			n = gw_text_utf8(line + i, strlen(line + i));
			n = n ? n : 1;
			add_character(t, line + i, n);
		}
	}
	gw_text_add(t, ".Ed\n");
	return fclose(f) == 0;
}

bool gw_settings_man(struct gw_text *t, const char *template_, const char *pictures)
{
	char name[64];
	bool good = true;
	size_t n;

	for (const char *s = template_; *s; s += n + (s[n] != '\0')) {
		n = strcspn(s, "\n");
		if (*s != '@' || n < 3 || n > sizeof(name)) {
			gw_text_add_n(t, s, n);
			gw_text_add(t, "\n");
			continue;
		}
		snprintf(name, sizeof(name), "%.*s", (int)n - 2, s + 1);
		if (strncmp(name, "picture ", 8) == 0) {
			good &= add_picture(t, pictures, name + 8);
		} else if (strstr(name, " (*)")) {
			*strstr(name, " (*)") = '\0';
			good &= add_each(t, name);
		} else {
			good &= add_group(t, name);
		}
	}
	return good;
}

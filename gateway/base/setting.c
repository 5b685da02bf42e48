/* SPDX-License-Identifier: Apache-2.0 */
#include "base/setting.h"

#include "base/text.h"

#include <string.h>

size_t gw_setting_size(const struct gw_setting *row)
{
	switch (row->type) {
	case GW_SET_STRING:
	case GW_SET_PATH: return sizeof(const char *);
	case GW_SET_BOOL: return sizeof(bool);
	case GW_SET_INT:
	case GW_SET_DURATION: return sizeof(int64_t);
	case GW_SET_DOUBLE: return sizeof(double);
	case GW_SET_CHOICE: return sizeof(int);
	case GW_SET_TABLE: return sizeof(struct gw_table);
	case GW_SET_STRINGS: return sizeof(struct gw_strings);
	case GW_SET_CODES: return sizeof(struct gw_codes);
	case GW_SET_PAIRS: return sizeof(struct gw_setting_pairs);
	case GW_SET_CUSTOM: return row->size;
	}
	return 0;
}

static const void *field_of(const struct gw_setting *row, const void *opts)
{
	return (const unsigned char *)opts + row->offset;
}

/* ---- equality ---- */

static bool equal_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

/* Bit for bit: a difference that means nothing (0 and -0) restarts once too often. */
static bool equal_table(const struct gw_table *a, const struct gw_table *b)
{
	return a->rows == b->rows && a->columns == b->columns &&
		(a->rows == 0 ||
			memcmp(a->cells, b->cells, a->rows * a->columns * sizeof(double)) ==
				0);
}

static bool equal_strings(const struct gw_strings *a, const struct gw_strings *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!equal_text(a->at[i], b->at[i]))
			return false;
	return true;
}

static bool equal_codes(const struct gw_codes *a, const struct gw_codes *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (a->at[i].is_raw != b->at[i].is_raw || a->at[i].raw != b->at[i].raw ||
			memcmp(&a->at[i].value, &b->at[i].value, sizeof(double)) != 0)
			return false;
	return true;
}

static bool equal_pairs(const struct gw_setting_pairs *a, const struct gw_setting_pairs *b)
{
	if (a->word != b->word || a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!equal_text(a->at[i].key, b->at[i].key) ||
			!equal_text(a->at[i].value, b->at[i].value) ||
			a->at[i].quoted != b->at[i].quoted)
			return false;
	return true;
}

bool gw_setting_equal(const struct gw_setting *row, const void *a, const void *b)
{
	const void *x = field_of(row, a), *y = field_of(row, b);

	switch (row->type) {
	case GW_SET_STRING:
	case GW_SET_PATH:
		return equal_text(*(const char *const *)x, *(const char *const *)y);
	case GW_SET_TABLE: return equal_table(x, y);
	case GW_SET_STRINGS: return equal_strings(x, y);
	case GW_SET_CODES: return equal_codes(x, y);
	case GW_SET_PAIRS: return equal_pairs(x, y);
	case GW_SET_BOOL:
	case GW_SET_INT:
	case GW_SET_DURATION:
	case GW_SET_DOUBLE:
	case GW_SET_CHOICE:
	case GW_SET_CUSTOM: break;
	}
	return memcmp(x, y, gw_setting_size(row)) == 0;
}

bool gw_setting_rows_equal(const struct gw_setting *rows, const void *a, const void *b)
{
	for (; rows && rows->key; rows++)
		if (!gw_setting_equal(rows, a, b))
			return false;
	return true;
}

bool gw_setting_rows_differ(const struct gw_setting *rows, const void *a, const void *b,
	enum gw_restart restart)
{
	for (; rows && rows->key; rows++)
		if (rows->restart == restart && !gw_setting_equal(rows, a, b))
			return true;
	return false;
}

/* ---- copying ---- */

static const char *copy_text(struct gw_arena *arena, const char *text)
{
	return text && *text ? gw_arena_copy(arena, text, strlen(text)) : "";
}

static void copy_strings(struct gw_strings *s, struct gw_arena *arena)
{
	const char **at = gw_arena_alloc(arena, s->n, sizeof(*at));

	for (size_t i = 0; at && i < s->n; i++)
		at[i] = copy_text(arena, s->at[i]);
	s->at = at;
}

static void copy_pairs(struct gw_setting_pairs *p, struct gw_arena *arena)
{
	struct gw_setting_pair *at = gw_arena_alloc(arena, p->n, sizeof(*at));

	for (size_t i = 0; at && i < p->n; i++)
		at[i] = (struct gw_setting_pair){copy_text(arena, p->at[i].key),
			copy_text(arena, p->at[i].value), p->at[i].quoted};
	p->at = at;
}

static const void *copy_bytes(struct gw_arena *arena, const void *from, size_t n)
{
	void *to = gw_arena_alloc(arena, n, 1);

	if (to && n > 0)
		memcpy(to, from, n);
	return to;
}

/* The field holds the original's pointers: replace them by copies. */
static void copy_target(const struct gw_setting *row, void *field, struct gw_arena *arena)
{
	struct gw_table *table = field;
	struct gw_codes *codes = field;

	switch (row->type) {
	case GW_SET_STRING:
	case GW_SET_PATH:
		*(const char **)field = copy_text(arena, *(const char **)field);
		return;
	case GW_SET_TABLE:
		table->cells = copy_bytes(
			arena, table->cells, table->rows * table->columns * sizeof(double));
		return;
	case GW_SET_CODES:
		codes->at = copy_bytes(arena, codes->at, codes->n * sizeof(*codes->at));
		return;
	case GW_SET_STRINGS: copy_strings(field, arena); return;
	case GW_SET_PAIRS: copy_pairs(field, arena); return;
	case GW_SET_BOOL:
	case GW_SET_INT:
	case GW_SET_DURATION:
	case GW_SET_DOUBLE:
	case GW_SET_CHOICE:
	case GW_SET_CUSTOM: return;
	}
}

bool gw_setting_copy(
	const struct gw_setting *row, void *to, const void *from, struct gw_arena *arena)
{
	void *field = (unsigned char *)to + row->offset;

	memmove(field, field_of(row, from), gw_setting_size(row));
	copy_target(row, field, arena);
	return !arena->failed;
}

bool gw_setting_rows_copy(
	const struct gw_setting *rows, void *to, const void *from, struct gw_arena *arena)
{
	for (; rows && rows->key; rows++)
		gw_setting_copy(rows, to, from, arena);
	return !arena->failed;
}

/* ---- for people ---- */

void gw_setting_format(const struct gw_setting *row, const void *opts, struct gw_text *t)
{
	const void *field = field_of(row, opts);

	switch (row->type) {
	case GW_SET_STRING:
	case GW_SET_PATH:
		if (*(const char *const *)field)
			gw_text_add_sanitized(t, *(const char *const *)field);
		return;
	case GW_SET_BOOL: gw_text_add(t, *(const bool *)field ? "true" : "false"); return;
	case GW_SET_INT:
		gw_text_addf(t, "%lld", (long long)*(const int64_t *)field);
		return;
	case GW_SET_DOUBLE: gw_text_add_double(t, *(const double *)field); return;
	case GW_SET_DURATION: gw_text_add_duration(t, *(const int64_t *)field); return;
	case GW_SET_CHOICE: gw_text_add(t, row->choices[*(const int *)field]); return;
	case GW_SET_TABLE:
	case GW_SET_STRINGS:
	case GW_SET_CODES:
	case GW_SET_PAIRS:
	case GW_SET_CUSTOM: return;
	}
}

/* ---- complaints of a consumer ---- */

void gw_report(struct gw_report *report, const void *where, const char *fmt, ...)
{
	char memory[512];
	struct gw_text t;
	va_list ap;

	gw_text_init(&t, memory, sizeof(memory));
	va_start(ap, fmt);
	gw_text_addv(&t, fmt, ap);
	va_end(ap);
	report->n++;
	report->add(report, where, memory);
}

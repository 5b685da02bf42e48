/* SPDX-License-Identifier: Apache-2.0 */
/*
 * setting.h: one row per setting. A driver, a condition, an uplink, a sink and a format own their
 * options struct and the rows that describe it. The rows of `gateway:`, of every source, device,
 * point and alarm are in conf/core_settings.c; their structs are in conf/config.h, source/driver.h
 * and alarm/alarm_opts.h. Everything else comes from the rows: reading, defaults, limits, help, the
 * man page and the JSON Schema (conf/), and here equality, copying and what a reload restarts. A
 * new setting is one field of a struct and one row; tests/unit/conf/test_setting_rows.c walks them
 * all.
 *
 * Owner: rows are const tables, ended by a row with key NULL. Thread: any.
 */
#ifndef GW_BASE_SETTING_H
#define GW_BASE_SETTING_H

#include "base/arena.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum gw_setting_type {
	GW_SET_STRING,   /* const char *, UTF-8, max = longest in bytes (0: 255) */
	GW_SET_BOOL,     /* bool */
	GW_SET_INT,      /* int64_t, min..max */
	GW_SET_DOUBLE,   /* double, finite; min..max unless both are 0 */
	GW_SET_DURATION, /* int64_t nanoseconds, min..max in nanoseconds */
	GW_SET_CHOICE,   /* int, index into choices */
	GW_SET_CUSTOM,   /* scalar read by parse() into the field */
	/* struct gw_table: a number, a flat list of numbers or a list of such lists; max = most
	 * columns (0: any; 1: a number only) */
	GW_SET_TABLE,
	GW_SET_STRINGS, /* struct gw_strings: a list of strings, or one */
	GW_SET_PATH,  /* const char *, a file; relative to the folder of the config file */
	GW_SET_CODES, /* struct gw_codes: a list of numbers or raw:N, or one */
	/* struct gw_setting_pairs: a map of keys to single values, max = most of them, or in
	 * its place one of the words in choices */
	GW_SET_PAIRS,
};

/* A list of rows of numbers; durations among them in nanoseconds. One number or one flat list
 * is one row. Owner: the config's memory. */
struct gw_table {
	size_t rows, columns; /* every row has the same length; 0 rows: not given */
	const double *cells;  /* rows * columns */
};

/* What stands for something else than a value: a number, or raw:N, the bits on the wire before
 * scaling (two's complement if negative). */
struct gw_code {
	double value; /* not raw */
	uint64_t raw;
	bool is_raw;
};

struct gw_codes {
	size_t n;
	const struct gw_code *at;
};

struct gw_strings {
	size_t n;
	const char *const *at;
};

struct gw_setting_pair {
	const char *key, *value; /* as written; "null" for ~ */
	bool quoted;             /* in quotes: a string, whatever it looks like */
};

struct gw_setting_pairs {
	int word; /* 1 + index into choices; 0: none of them */
	size_t n;
	const struct gw_setting_pair *at;
};

/* What must be made anew when a reload finds another value of a row. */
enum gw_restart {
	/* what the options belong to: the source, the uplink, the history of the condition */
	GW_RESTART_OWNER = 0,
	GW_RESTART_NOTHING, /* everything goes on, with the new value */
	GW_RESTART_DAEMON,  /* the old value stays until the daemon is started again */
};

struct gw_setting {
	const char *key;
	enum gw_setting_type type;
	size_t offset; /* of the field in the options struct */
	bool required;
	const char *def; /* default as written in YAML; NULL: zero, "" for texts */
	double min, max; /* meaning depends on type; both 0: only the type's own */
	const char *const *choices; /* NULL-terminated, for GW_SET_CHOICE */
	/* pairs of what other tools write and the choice that is meant, ended by NULL: for the
	 * hint of the error */
	const char *const *synonyms;
	enum gw_restart restart; /* not written: GW_RESTART_OWNER */
	enum gw_err (*parse)(const char *text, void *field, struct gw_error *err);
	size_t size; /* GW_SET_CUSTOM: bytes of the field, which holds no pointer */
	/* GW_SET_PATH: what tocsind --check says of the file, NULL for nothing. Reads it; one that
	 * cannot be read is no complaint. */
	const char *(*inspect)(const char *path);
	const char *help; /* one sentence in plain English, with the unit */
};

/* Whether a string setting was given: one that was not is "", or NULL in options made by hand. */
static inline bool gw_setting_is_set(const char *text)
{
	return text && text[0] != '\0';
}

/* Bytes of the field of a row. */
size_t gw_setting_size(const struct gw_setting *row);
/* Whether the field of the row has the same value in two options structs. A text that is NULL is
 * as "". */
bool gw_setting_equal(const struct gw_setting *row, const void *a, const void *b);
/* The value for people, as it would be written: texts, numbers, durations, true, choices. Lists
 * and custom types: nothing is added. */
struct gw_text;
void gw_setting_format(const struct gw_setting *row, const void *opts, struct gw_text *t);

/* All rows of a table; NULL has no rows. */
bool gw_setting_rows_equal(const struct gw_setting *rows, const void *a, const void *b);
/* Whether a row with this restart has another value. */
bool gw_setting_rows_differ(const struct gw_setting *rows, const void *a, const void *b,
	enum gw_restart restart);
/* The field of the row, with a copy in arena of what it points at. False: no memory. */
bool gw_setting_copy(
	const struct gw_setting *row, void *to, const void *from, struct gw_arena *arena);
/* Every field that has a row. `to` shares nothing with `from` then, and is freed with the arena.
 * False: no memory. */
bool gw_setting_rows_copy(
	const struct gw_setting *rows, void *to, const void *from, struct gw_arena *arena);

/* Where a consumer's check reports what is wrong with its options, as often as it likes. `where` is
 * the address of a field or of the struct; the reader finds the FILE:LINE:COL of the setting by
 * it. A struct and its first field have one address: it means the field, unless that is `name`.
 * A check is called even if some fields could not be read. Those hold their defaults, and what is
 * reported of their struct is dropped. */
struct gw_report {
	void (*add)(struct gw_report *report, const void *where, const char *text);
	unsigned n; /* complaints so far */
};

void gw_report(struct gw_report *report, const void *where, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * failing_sqlite.h: SQLite's own calls fail on command, for a whole test program: include it in
 * one file. Calls are counted while sql.on, those that SQLite makes of itself are not. A call that
 * fails does nothing else, as if memory or a page had been missing at its first step.
 */
#ifndef GW_TESTS_FAILING_SQLITE_H
#define GW_TESTS_FAILING_SQLITE_H

#include <dlfcn.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define SQL_CALLS_MAX 20000

static struct {
	bool on;
	long calls, fail_at; /* the n-th fails, 0: none ... */
	int rc;              /* ... with this */
	const char *only;    /* calls whose text begins so are counted; NULL: all */
	char failed[100];    /* the text of the one that did */
	int depth;
	unsigned kinds[SQL_CALLS_MAX]; /* by call: a hash of what it was and of its text */
} sql;

#define SQL_REAL(name) \
	__typeof__(&name) real; \
	*(void **)&real = dlsym(RTLD_NEXT, #name)

/* The same of a file put aside is another kind. */
static bool sql_fails(sqlite3 *db, const char *what, const char *text)
{
	const char *file = db ? sqlite3_db_filename(db, "main") : NULL;
	unsigned hash = file && strstr(file, ".corrupt-") ? 1 : 5381;

	if (!text)
		text = "";
	if (!sql.on || sql.depth > 0 ||
		(sql.only && strncmp(text, sql.only, strlen(sql.only)) != 0))
		return false;
	for (const char *p = what; *p; p++)
		hash = hash * 33 + (unsigned char)*p;
	for (const char *p = text; *p; p++)
		hash = hash * 33 + (unsigned char)*p;
	if (sql.calls < SQL_CALLS_MAX)
		sql.kinds[sql.calls] = hash;
	if (++sql.calls != sql.fail_at)
		return false;
	snprintf(sql.failed, sizeof(sql.failed), "%s %s", what, text);
	return true;
}

/* Whether the n-th call of the last run is worth a trial: one of the first two of its kind, or
 * the last. */
__attribute__((unused)) static bool sql_is_worth(long n)
{
	int before = 0;

	if (n > SQL_CALLS_MAX)
		return false;
	for (long i = 0; i < n - 1; i++)
		before += sql.kinds[i] == sql.kinds[n - 1];
	if (before < 2)
		return true;
	for (long i = n; i < sql.calls && i < SQL_CALLS_MAX; i++)
		if (sql.kinds[i] == sql.kinds[n - 1])
			return false;
	return true;
}

__attribute__((unused)) static void sql_arm(long n, int rc)
{
	sql.calls = 0;
	sql.fail_at = n;
	sql.rc = rc;
	sql.failed[0] = '\0';
	sql.on = true;
}

__attribute__((unused)) static void sql_heal(void)
{
	sql.on = false;
	sql.fail_at = 0;
	sql.only = NULL;
}

int sqlite3_step(sqlite3_stmt *st)
{
	SQL_REAL(sqlite3_step);
	int rc;

	if (sql_fails(sqlite3_db_handle(st), "step", sqlite3_sql(st)))
		return sql.rc;
	sql.depth++;
	rc = real(st);
	sql.depth--;
	return rc;
}

int sqlite3_prepare_v2(
	sqlite3 *db, const char *text, int n, sqlite3_stmt **st, const char **tail)
{
	SQL_REAL(sqlite3_prepare_v2);
	int rc;

	if (sql_fails(db, "prepare", text)) {
		*st = NULL;
		return sql.rc;
	}
	sql.depth++;
	rc = real(db, text, n, st, tail);
	sql.depth--;
	return rc;
}

int sqlite3_prepare_v3(sqlite3 *db, const char *text, int n, unsigned flags,
	sqlite3_stmt **st, const char **tail)
{
	SQL_REAL(sqlite3_prepare_v3);
	int rc;

	if (sql_fails(db, "prepare", text)) {
		*st = NULL;
		return sql.rc;
	}
	sql.depth++;
	rc = real(db, text, n, flags, st, tail);
	sql.depth--;
	return rc;
}

int sqlite3_exec(sqlite3 *db, const char *text, int (*each)(void *, int, char **, char **),
	void *arg, char **error)
{
	SQL_REAL(sqlite3_exec);
	int rc;

	if (sql_fails(db, "exec", text))
		return sql.rc;
	sql.depth++;
	rc = real(db, text, each, arg, error);
	sql.depth--;
	return rc;
}

const unsigned char *sqlite3_column_text(sqlite3_stmt *st, int column)
{
	SQL_REAL(sqlite3_column_text);

	return sql_fails(sqlite3_db_handle(st), "text", sqlite3_sql(st)) ? NULL
									 : real(st, column);
}

char *sqlite3_mprintf(const char *format, ...)
{
	va_list ap;
	char *text;

	if (sql_fails(NULL, "mprintf", format))
		return NULL;
	va_start(ap, format);
	text = sqlite3_vmprintf(format, ap);
	va_end(ap);
	return text;
}

int sqlite3_wal_checkpoint_v2(sqlite3 *db, const char *name, int how, int *log, int *done)
{
	SQL_REAL(sqlite3_wal_checkpoint_v2);
	int rc;

	if (sql_fails(db, "checkpoint", NULL))
		return sql.rc;
	sql.depth++;
	rc = real(db, name, how, log, done);
	sql.depth--;
	return rc;
}

#endif

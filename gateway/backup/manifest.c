/* SPDX-License-Identifier: Apache-2.0 */
#include "backup/manifest.h"

#include "base/parse.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT "tocsin-backup "

void gw_manifest_print(FILE *to, const struct gw_manifest_about *about)
{
	fprintf(to,
		FORMAT "%d\nmade %s\nversion %s\nschema %" PRId64 "\nrun %" PRIu64
		       "\nlast_seq %" PRIu64 "\nevents %" PRIu64 "\n",
		GW_MANIFEST_FORMAT, about->made, about->version, about->schema, about->run,
		about->last_seq, about->events);
}

/* The value of the line that begins with key; NULL: there is none. */
static const char *value_of(const char *line, const char *key)
{
	size_t n = strlen(key);

	return strncmp(line, key, n) == 0 ? line + n : NULL;
}

static bool take_number(const char *line, const char *key, int64_t *ret_number)
{
	const char *value = value_of(line, key);

	return value && gw_parse_int(value, 0, INT64_MAX, ret_number, NULL) == GW_OK;
}

static void take_text(const char *line, const char *key, char *to, size_t size)
{
	const char *value = value_of(line, key);

	if (value)
		snprintf(to, size, "%s", value);
}

static bool is_file(const char *line, const struct gw_manifest_file *f)
{
	char expected[512];

	snprintf(expected, sizeof(expected), GW_MANIFEST_FILE "%s %" PRIu64 " %s", f->sum,
		f->n, f->name);
	return strcmp(line, expected) == 0;
}

struct lines {
	int64_t format, schema, run, last_seq, events;
	size_t n_files;
	bool good;
};

static void take_line(struct lines *l, const char *line,
	const struct gw_manifest_file *files, size_t n_files,
	struct gw_manifest_about *about)
{
	if (value_of(line, GW_MANIFEST_FILE)) {
		l->good &= l->n_files < n_files && is_file(line, &files[l->n_files]);
		l->n_files++;
		return;
	}
	take_number(line, FORMAT, &l->format);
	take_number(line, "schema ", &l->schema);
	take_number(line, "run ", &l->run);
	take_number(line, "last_seq ", &l->last_seq);
	take_number(line, "events ", &l->events);
	take_text(line, "made ", about->made, sizeof(about->made));
	take_text(line, "version ", about->version, sizeof(about->version));
}

/* Its last line is of what is before. */
static bool is_whole(const char *text, size_t n)
{
	const size_t tail = sizeof(GW_MANIFEST_END) - 1 + GW_SUM_HEX; /* with the newline */
	char hex[GW_SUM_HEX], expected[128];

	if (n < tail || !gw_sum_of(text, n - tail, hex))
		return false;
	snprintf(expected, sizeof(expected), GW_MANIFEST_END "%s\n", hex);
	return memcmp(text + n - tail, expected, tail) == 0 && !memchr(text, '\0', n);
}

enum gw_err gw_manifest_check(const char *text, size_t n,
	const struct gw_manifest_file *files, size_t n_files,
	struct gw_manifest_about *ret_about, struct gw_error *err)
{
	struct lines l = {.format = -1,
		.schema = -1,
		.run = -1,
		.last_seq = -1,
		.events = -1,
		.good = true};
	struct gw_manifest_about about = {.schema = 0};
	char *copy, *line, *saved = NULL;

	if (!is_whole(text, n))
		return gw_fail(err, GW_ERR_CORRUPT, 0, "its manifest is damaged");
	copy = strndup(text, n);
	if (!copy)
		return gw_fail(err, GW_ERR_SYSTEM, 0, "no memory");
	for (line = strtok_r(copy, "\n", &saved); line; line = strtok_r(NULL, "\n", &saved))
		take_line(&l, line, files, n_files, &about);
	free(copy);
	if (l.format > GW_MANIFEST_FORMAT)
		return gw_fail(err, GW_ERR_REFUSED, 0,
			"tocsin %s made it, which is newer: install that version first",
			about.version);
	if (!l.good || l.n_files != n_files)
		return gw_fail(err, GW_ERR_CORRUPT, 0,
			"a file in it is not as it was written, or is missing");
	if (l.format < 1 || l.schema < 1 || l.run < 0 || l.last_seq < 0 || l.events < 0)
		return gw_fail(err, GW_ERR_CORRUPT, 0, "its manifest lacks a line");
	about.schema = l.schema;
	about.run = (uint64_t)l.run;
	about.last_seq = (uint64_t)l.last_seq;
	about.events = (uint64_t)l.events;
	*ret_about = about;
	return GW_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "backup/archive.h"

#include "backup/manifest.h"
#include "backup/sum.h"
#include "base/file.h"
#include "base/tar.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct reader {
	FILE *from;
	struct gw_archive *a;
	struct gw_manifest_file *files;
	size_t n_files;
	bool has_database;
	uint64_t small_bytes; /* read of the others */
};

static enum gw_err damaged(const struct reader *r, struct gw_error *err)
{
	if (ferror(r->from))
		return gw_fail(err, GW_ERR_SYSTEM, errno, "%s", gw_errno_text(errno));
	if (r->n_files == 0)
		return gw_fail(err, GW_ERR_CORRUPT, 0, "not a backup of tocsin");
	return gw_fail(err, GW_ERR_CORRUPT, 0, "it is cut off or damaged");
}

/* A source's file goes into a folder: its name must stay in it. */
static bool is_ours(const char *name)
{
	const size_t n = sizeof(GW_ARCHIVE_SOURCES) - 1;

	if (strncmp(name, GW_ARCHIVE_SOURCES, n) == 0)
		return name[n] != '\0' && name[n] != '.' && !strchr(name + n, '/');
	return strcmp(name, GW_ARCHIVE_DATABASE) == 0 ||
		strcmp(name, GW_ARCHIVE_LAST_GOOD) == 0;
}

/* The content of the entry to fd, if that is not -1; its sum. */
static enum gw_err pass(struct reader *r, uint64_t n, int fd, char ret_hex[GW_SUM_HEX],
	struct gw_error *err)
{
	static char chunk[65536];
	struct gw_sum sum;
	int why;

	gw_sum_begin(&sum);
	while (n > 0) {
		size_t want = n < sizeof(chunk) ? (size_t)n : sizeof(chunk);
		size_t got = fread(chunk, 1, want, r->from);

		if (got == 0)
			break;
		gw_sum_add(&sum, chunk, got);
		n -= got;
		why = fd >= 0 ? gw_file_write(fd, chunk, got) : 0;
		if (why) {
			gw_sum_end(&sum, ret_hex);
			return gw_fail(err, GW_ERR_SYSTEM, why,
				"cannot write the database: %s", gw_errno_text(why));
		}
	}
	if (!gw_sum_end(&sum, ret_hex))
		return gw_fail(err, GW_ERR_SYSTEM, 0, "SHA-256: no memory");
	return n > 0 ? damaged(r, err) : GW_OK;
}

/* NULL: cut off, no memory, or more than a backup has. */
static char *read_small(struct reader *r, uint64_t n)
{
	bool fits = n <= GW_ARCHIVE_SMALL_MAX - r->small_bytes;
	char *bytes = fits ? malloc((size_t)n + 1) : NULL;

	r->small_bytes += fits ? n : 0;

	if (bytes && fread(bytes, 1, (size_t)n, r->from) == (size_t)n) {
		bytes[n] = '\0';
		return bytes;
	}
	free(bytes);
	return NULL;
}

static enum gw_err take_file(
	struct reader *r, const struct gw_tar_entry *e, struct gw_error *err)
{
	struct gw_manifest_file *f = &r->files[r->n_files];
	enum gw_err rc = GW_OK;
	char *bytes;

	if (!is_ours(e->name) || r->n_files == GW_ARCHIVE_FILES_MAX)
		return gw_fail(err, GW_ERR_CORRUPT, 0,
			"it has %s, which no backup of this tocsin has", e->name);
	snprintf(f->name, sizeof(f->name), "%s", e->name);
	f->n = e->n;
	if (strcmp(e->name, GW_ARCHIVE_DATABASE) == 0) {
		rc = pass(r, e->n, -1, f->sum, err);
		r->has_database = true;
		memcpy(r->a->database_sum, f->sum, sizeof(f->sum));
	} else {
		bytes = read_small(r, e->n);
		if (!bytes)
			return damaged(r, err);
		if (!gw_sum_of(bytes, (size_t)e->n, f->sum) ||
			!gw_files_add(&r->a->files, e->name, bytes, (size_t)e->n))
			rc = gw_fail(err, GW_ERR_SYSTEM, 0, "no memory");
		free(bytes);
	}
	r->n_files++;
	return rc;
}

static enum gw_err take_manifest(
	struct reader *r, const struct gw_tar_entry *e, struct gw_error *err)
{
	struct gw_tar_entry end;
	char *text = read_small(r, e->n);
	enum gw_err rc;

	if (!text || !gw_tar_skip_padding(r->from, e->n) ||
		gw_tar_next(r->from, &end) != GW_TAR_END)
		rc = damaged(r, err);
	else
		rc = gw_manifest_check(
			text, (size_t)e->n, r->files, r->n_files, &r->a->about, err);
	free(text);
	if (!rc && !r->has_database)
		rc = gw_fail(err, GW_ERR_CORRUPT, 0, "it has no database");
	return rc;
}

static enum gw_err read_all(struct reader *r, struct gw_error *err)
{
	struct gw_tar_entry e;
	enum gw_err rc;

	for (;;) {
		if (gw_tar_next(r->from, &e) != GW_TAR_ENTRY)
			return damaged(r, err);
		if (strcmp(e.name, GW_MANIFEST_NAME) == 0)
			return take_manifest(r, &e, err);
		rc = take_file(r, &e, err);
		if (rc)
			return rc;
		if (!gw_tar_skip_padding(r->from, e.n))
			return damaged(r, err);
	}
}

enum gw_err gw_archive_read(
	const char *path, struct gw_archive *ret_archive, struct gw_error *err)
{
	struct gw_archive a = {.path = path};
	struct reader r = {
		.a = &a, .files = calloc(GW_ARCHIVE_FILES_MAX, sizeof(*r.files))};
	enum gw_err rc;

	if (!r.files)
		return gw_fail(err, GW_ERR_SYSTEM, 0, "no memory");
	a.from = r.from = fopen(path, "re");
	if (!r.from)
		rc = gw_fail(
			err, GW_ERR_SYSTEM, errno, "%s: %s", path, gw_errno_text(errno));
	else if ((rc = read_all(&r, err)))
		gw_error_wrap(err, "%s", path);
	free(r.files);
	if (rc)
		gw_archive_free(&a);
	else
		*ret_archive = a;
	return rc;
}

enum gw_err gw_archive_extract(const struct gw_archive *a, int fd, struct gw_error *err)
{
	struct reader r = {.from = a->from, .n_files = 1};
	struct gw_tar_entry e;
	char hex[GW_SUM_HEX] = "";
	enum gw_err rc = GW_OK;
	bool found = false;

	rewind(a->from);
	while (!rc && !found) {
		if (gw_tar_next(r.from, &e) != GW_TAR_ENTRY) {
			rc = damaged(&r, err);
			break;
		}
		found = strcmp(e.name, GW_ARCHIVE_DATABASE) == 0;
		rc = pass(&r, e.n, found ? fd : -1, hex, err);
		if (!rc && !gw_tar_skip_padding(r.from, e.n))
			rc = damaged(&r, err);
	}
	if (!rc && strcmp(hex, a->database_sum) != 0)
		rc = gw_fail(err, GW_ERR_CORRUPT, 0, "it changed while it was read");
	if (rc)
		gw_error_wrap(err, "%s", a->path);
	return rc;
}

void gw_archive_free(struct gw_archive *a)
{
	gw_files_free(&a->files);
	if (a->from)
		fclose(a->from);
	a->from = NULL;
}

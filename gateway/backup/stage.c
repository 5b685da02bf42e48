/* SPDX-License-Identifier: Apache-2.0 */
#include "backup/stage.h"

#include "backup/database.h"
#include "backup/predecessors.h"
#include "base/file.h"
#include "source/state_files.h"
#include "store/db.h"
#include "store/restored.h"
#include "store/run_counter.h"
#include "store/unconfirmed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What the old database gave after its last commit that can be read, and another box since. */
#define NUMBERS_SKIPPED (UINT64_C(1) << 21)
#define NUMBERS_MAX     (GW_SEQ_MAX >> 8) /* leaves room for events, and for other restores */
#define MAX_BYTES       (INT64_C(65536) << 20) /* the highest store_max_mb */

static enum gw_err fail(struct gw_error *err, const char *step, const char *path)
{
	return gw_fail(
		err, GW_ERR_SYSTEM, errno, "%s %s: %s", step, path, gw_errno_text(errno));
}

/* ---- files of the daemon's user ---- */

static enum gw_err make_folder(const char *path, struct gw_error *err)
{
	return mkdir(path, 0700) ? fail(err, "make", path) : GW_OK;
}

static int make_file(const char *path, mode_t mode, struct gw_error *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd >= 0 && fchmod(fd, mode) == 0)
		return fd;
	fail(err, "make", path);
	if (fd >= 0)
		close(fd);
	return -1;
}

static enum gw_err write_file(
	const char *path, mode_t mode, const char *bytes, size_t n, struct gw_error *err)
{
	int fd = make_file(path, mode, err);
	enum gw_err rc = GW_OK;

	if (fd < 0)
		return err->kind;
	errno = gw_file_write(fd, bytes, n);
	if (errno)
		rc = fail(err, "write", path);
	if (!rc && fsync(fd))
		rc = fail(err, "sync", path);
	close(fd);
	return rc;
}

static enum gw_err stage_files(
	const struct gw_stage *st, const struct gw_archive *a, struct gw_error *err)
{
	char path[PATH_MAX + 300];
	enum gw_err rc;

	snprintf(path, sizeof(path), "%s/sources", st->folder);
	rc = make_folder(path, err);
	for (size_t i = 0; !rc && i < a->files.n; i++) {
		struct gw_file *f = &a->files.at[i];
		bool is_source = strncmp(f->path, GW_ARCHIVE_SOURCES,
					 sizeof(GW_ARCHIVE_SOURCES) - 1) == 0;

		snprintf(path, sizeof(path), "%s/%s", st->folder, f->path);
		if (is_source) /* messages may have come since */
			gw_state_files_clear_final(f->bytes, f->n);
		rc = write_file(path, is_source ? 0600 : 0640, f->bytes, f->n, err);
	}
	if (!rc) {
		snprintf(path, sizeof(path), "%s/sources", st->folder);
		rc = gw_file_sync_folder(path, err);
	}
	return rc;
}

/* ---- the database ---- */

static uint64_t max_of(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static enum gw_err extract_database(const struct gw_stage *st, const struct gw_archive *a,
	struct gw_predecessors *ret_numbers, struct gw_error *err)
{
	struct gw_manifest_about about = a->about;
	int fd = make_file(st->database, 0600, err);
	enum gw_err rc;

	if (fd < 0)
		return err->kind;
	rc = gw_archive_extract(a, fd, err);
	if (!rc && (rc = gw_database_describe(fd, &about, err)))
		gw_error_wrap(err, "%s", a->path);
	close(fd);
	if (rc)
		return rc;
	*ret_numbers = (struct gw_predecessors){.run = max_of(about.run, a->about.run),
		.last_seq = max_of(about.last_seq, a->about.last_seq)};
	if (ret_numbers->last_seq > NUMBERS_MAX || ret_numbers->run > GW_RUN_MAX)
		return gw_fail(err, GW_ERR_CORRUPT, 0,
			"%s: its numbers cannot be those of a gateway", a->path);
	return GW_OK;
}

/* clean: every page was checked a moment ago. */
static enum gw_err put_numbers(
	struct gw_db *db, const struct gw_predecessors *p, struct gw_error *err)
{
	enum gw_err rc = gw_db_begin(db, err);

	if (!rc && !(rc = gw_db_meta_put(db, "run", (int64_t)p->run, err)) &&
		!(rc = gw_db_meta_put(db, "last_seq", (int64_t)p->last_seq, err)) &&
		!(rc = gw_db_meta_put(db, "clean", 1, err)))
		rc = gw_db_commit(db, err);
	if (rc)
		gw_db_rollback(db);
	return rc;
}

/* A start that cannot read the database must begin above these numbers, too. */
static enum gw_err write_run_counter(
	const struct gw_stage *st, const struct gw_predecessors *p, struct gw_error *err)
{
	char path[PATH_MAX + 8];

	snprintf(path, sizeof(path), "%s/run", st->folder);
	return gw_run_counter_write(path, p->run, p->last_seq, err);
}

static enum gw_err prepare_database(struct gw_stage *st, const char *spare,
	struct gw_predecessors p, struct gw_error *err)
{
	bool created, read_only;
	struct gw_db db;
	enum gw_err rc = gw_db_open_writable(&db, st->database, MAX_BYTES,
		GW_DB_CHECK_IF_UNCLEAN, &created, &read_only, err);

	if (rc)
		return rc;
	rc = gw_predecessors_look(&p, &db, st->state_dir, spare, err);
	p.last_seq = max_of(p.last_seq + NUMBERS_SKIPPED, gw_run_counter_unknown_seq());
	if (!rc && !(rc = write_run_counter(st, &p, err)) &&
		!(rc = put_numbers(&db, &p, err)) &&
		!(rc = gw_unconfirmed_count(&db, &st->unconfirmed, err)))
		rc = gw_db_checkpoint(&db, true, err);
	gw_db_close(&db, rc != GW_OK);
	return rc;
}

/* ---- life ---- */

enum gw_err gw_stage_open(struct gw_stage *st, const char *state_dir, const char *spare,
	const struct gw_archive *a, struct gw_error *err)
{
	struct gw_predecessors numbers = {.run = 0};
	enum gw_err rc;

	*st = (struct gw_stage){.folder = ""};
	snprintf(st->state_dir, sizeof(st->state_dir), "%s", state_dir);
	if ((size_t)snprintf(st->folder, sizeof(st->folder), "%s/" GW_RESTORED_NEW,
		    state_dir) >= sizeof(st->folder)) {
		errno = ENAMETOOLONG;
		return fail(err, "make", state_dir);
	}
	snprintf(st->database, sizeof(st->database), "%s/" GW_ARCHIVE_DATABASE, st->folder);
	if ((rc = gw_restored_remove(st->folder, err)) ||
		(rc = make_folder(st->folder, err)) ||
		(rc = extract_database(st, a, &numbers, err)) ||
		(rc = prepare_database(st, spare, numbers, err)) ||
		(rc = stage_files(st, a, err)))
		return rc;
	return gw_file_sync_folder(st->folder, err);
}

enum gw_err gw_stage_commit(struct gw_stage *st, struct gw_error *err)
{
	char committed[PATH_MAX];

	snprintf(committed, sizeof(committed), "%s/" GW_RESTORED, st->state_dir);
	if (rename(st->folder, committed))
		return fail(err, "rename", st->folder);
	st->folder[0] = '\0';
	return gw_file_sync_folder(st->state_dir, err);
}

void gw_stage_close(struct gw_stage *st)
{
	if (st->folder[0])
		gw_restored_remove(st->folder, NULL);
	st->folder[0] = '\0';
}

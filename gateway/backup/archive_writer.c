/* SPDX-License-Identifier: Apache-2.0 */
#include "backup/archive_writer.h"

#include "backup/manifest.h"
#include "backup/space.h"
#include "backup/sum.h"
#include "base/file.h"
#include "base/tar.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CHECK_BYTES (UINT64_C(4) << 20) /* a multiple of the chunk */

static enum gw_err fail(const struct gw_archive_writer *w, struct gw_error *err)
{
	return gw_fail(
		err, GW_ERR_SYSTEM, errno, "%s: %s", w->new_path, gw_errno_text(errno));
}

enum gw_err gw_archive_create(
	struct gw_archive_writer *w, const char *path, dev_t state, struct gw_error *err)
{
	int fd;

	*w = (struct gw_archive_writer){.wall_s = (int64_t)time(NULL), .state = state};
	snprintf(w->path, sizeof(w->path), "%s", path);
	if ((size_t)snprintf(w->new_path, sizeof(w->new_path), "%s.new", path) >=
		sizeof(w->new_path)) {
		errno = ENAMETOOLONG;
		return fail(w, err);
	}
	unlink(w->new_path);
	fd = open(w->new_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	w->to = fd >= 0 ? fdopen(fd, "w") : NULL;
	w->manifest = w->to ? open_memstream(&w->lines, &w->n_lines) : NULL;
	if (w->manifest)
		return GW_OK;
	fail(w, err);
	if (fd >= 0 && !w->to)
		close(fd);
	gw_archive_discard(w);
	return GW_ERR_SYSTEM;
}

static enum gw_err note(struct gw_archive_writer *w, const char *name, uint64_t n,
	struct gw_sum *sum, struct gw_error *err)
{
	char hex[GW_SUM_HEX];

	if (!gw_sum_end(sum, hex))
		return gw_fail(err, GW_ERR_SYSTEM, ENOMEM, "SHA-256: no memory");
	fprintf(w->manifest, GW_MANIFEST_FILE "%s %" PRIu64 " %s\n", hex, n, name);
	return GW_OK;
}

static enum gw_err may_add(struct gw_archive_writer *w, uint64_t n, struct gw_error *err)
{
	if (w->n_files++ == GW_ARCHIVE_FILES_MAX)
		return gw_fail(err, GW_ERR_REFUSED, 0,
			"%s: more than %d files are in the state folder", w->path,
			GW_ARCHIVE_FILES_MAX);
	return gw_space_check(fileno(w->to), w->path, w->state, n, err);
}

enum gw_err gw_archive_add(struct gw_archive_writer *w, const char *name, const void *bytes,
	size_t n, struct gw_error *err)
{
	struct gw_sum sum;
	enum gw_err rc = may_add(w, n, err);

	if (rc)
		return rc;
	if (!gw_tar_add(w->to, name, bytes, n, w->wall_s))
		return fail(w, err);
	gw_sum_begin(&sum);
	gw_sum_add(&sum, bytes, n);
	return note(w, name, n, &sum, err);
}

/* Exactly n bytes. Others may use the disk meanwhile. */
static bool copy(struct gw_archive_writer *w, int fd, uint64_t n, struct gw_sum *sum,
	struct gw_error *err)
{
	static char chunk[65536];
	ssize_t got;

	for (uint64_t at = 0; at < n; at += (uint64_t)got) {
		size_t want = n - at < sizeof(chunk) ? (size_t)(n - at) : sizeof(chunk);

		got = pread(fd, chunk, want, (off_t)at);
		if (got == 0)
			errno = EIO; /* it became shorter */
		if (got <= 0) {
			fail(w, err);
			return false;
		}
		if (at % CHECK_BYTES == 0 &&
			gw_space_check(fileno(w->to), w->path, w->state, CHECK_BYTES, err))
			return false;
		gw_sum_add(sum, chunk, (size_t)got);
		if (fwrite(chunk, 1, (size_t)got, w->to) != (size_t)got) {
			fail(w, err);
			return false;
		}
	}
	return true;
}

enum gw_err gw_archive_add_fd(
	struct gw_archive_writer *w, const char *name, int fd, struct gw_error *err)
{
	struct gw_sum sum;
	struct stat st;
	uint64_t n;
	enum gw_err rc;

	if (fstat(fd, &st))
		return fail(w, err);
	n = (uint64_t)st.st_size;
	rc = may_add(w, n, err);
	if (rc)
		return rc;
	if (!gw_tar_begin(w->to, name, n, w->wall_s))
		return fail(w, err);
	gw_sum_begin(&sum);
	if (!copy(w, fd, n, &sum, err)) {
		gw_sum_end(&sum, (char[GW_SUM_HEX]){0});
		return GW_ERR_SYSTEM;
	}
	rc = note(w, name, n, &sum, err);
	return rc || gw_tar_finish(w->to, n) ? rc : fail(w, err);
}

static bool add_manifest(struct gw_archive_writer *w, const struct gw_manifest_about *about)
{
	char hex[GW_SUM_HEX];

	gw_manifest_print(w->manifest, about);
	if (fflush(w->manifest) || !gw_sum_of(w->lines, w->n_lines, hex))
		return false;
	fprintf(w->manifest, GW_MANIFEST_END "%s\n", hex);
	return !fflush(w->manifest) &&
		gw_tar_add(w->to, GW_MANIFEST_NAME, w->lines, w->n_lines, w->wall_s);
}

enum gw_err gw_archive_finish(struct gw_archive_writer *w,
	const struct gw_manifest_about *about, struct gw_error *err)
{
	bool good = add_manifest(w, about) && gw_tar_end(w->to) && !fsync(fileno(w->to));

	if (!good)
		return fail(w, err);
	good = fclose(w->to) == 0;
	w->to = NULL;
	if (!good || rename(w->new_path, w->path))
		return fail(w, err);
	w->new_path[0] = '\0';
	gw_archive_discard(w);
	return gw_file_sync_folder_of(w->path, err);
}

void gw_archive_discard(struct gw_archive_writer *w)
{
	if (w->to)
		fclose(w->to);
	if (w->manifest)
		fclose(w->manifest);
	free(w->lines);
	if (w->new_path[0])
		unlink(w->new_path);
	w->to = w->manifest = NULL;
	w->lines = NULL;
	w->new_path[0] = '\0';
}

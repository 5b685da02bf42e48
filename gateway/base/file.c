/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK 4096 /* of what has no size, as a pipe */

static enum gw_err fail(struct gw_error *err, const char *step, const char *path, int why)
{
	return gw_fail(
		err, GW_ERR_SYSTEM, why, "%s %s: %s", step, path, gw_errno_text(why));
}

/* ---- reading ---- */

/* One byte more than the file seems to have, so that its end is seen, and one for the '\0'. */
static size_t first_capacity(const struct stat *st, size_t max_bytes)
{
	size_t n = S_ISREG(st->st_mode) && st->st_size > 0 ? (size_t)st->st_size : CHUNK;

	return (n < max_bytes ? n : max_bytes) + 2;
}

/* 0, or errno. Frees *bytes if it is not. */
static int read_to_end(
	int fd, size_t capacity, size_t max_bytes, char **ret_bytes, size_t *ret_n)
{
	char *bytes = malloc(capacity), *more;
	size_t n = 0;
	ssize_t got;
	int why = bytes ? 0 : ENOMEM;

	while (!why && (got = read(fd, bytes + n, capacity - 1 - n)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		why = got < 0 ? errno : 0;
		n += got > 0 ? (size_t)got : 0;
		if (n > max_bytes)
			why = EFBIG;
		if (why || n < capacity - 1)
			continue;
		capacity = (n < max_bytes / 2 ? 2 * n : max_bytes) + 2;
		more = realloc(bytes, capacity);
		if (more)
			bytes = more;
		else
			why = ENOMEM;
	}
	if (why) {
		free(bytes);
		return why;
	}
	bytes[n] = '\0';
	*ret_bytes = bytes;
	*ret_n = n;
	return 0;
}

char *gw_file_read(const char *path, unsigned flags, size_t max_bytes, size_t *ret_n,
	struct gw_error *err)
{
	int fd = open(path,
		O_RDONLY | O_CLOEXEC | O_NOCTTY |
			(flags & GW_FILE_REGULAR ? O_NONBLOCK : 0) |
			(flags & GW_FILE_NO_LINK ? O_NOFOLLOW : 0));
	char *bytes = NULL;
	struct stat st;
	int why = 0;

	if (fd < 0 || fstat(fd, &st))
		why = errno;
	else if ((flags & GW_FILE_REGULAR) && !S_ISREG(st.st_mode))
		why = EINVAL;
	else if (S_ISREG(st.st_mode) && (uintmax_t)st.st_size > max_bytes)
		why = EFBIG;
	else
		why = read_to_end(
			fd, first_capacity(&st, max_bytes), max_bytes, &bytes, ret_n);
	if (fd >= 0)
		close(fd);
	if (why)
		gw_fail(err, GW_ERR_SYSTEM, why, "%s: %s", path, gw_errno_text(why));
	return bytes;
}

/* ---- writing ---- */

enum gw_err gw_file_make_folders(const char *folder, mode_t mode, struct gw_error *err)
{
	char path[PATH_MAX];
	size_t n = strlen(folder);

	if (n == 0 || n >= sizeof(path))
		return fail(err, "make", folder, n == 0 ? ENOENT : ENAMETOOLONG);
	memcpy(path, folder, n + 1);
	for (size_t i = 1; i <= n; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		path[i] = '\0';
		if (mkdir(path, mode) && errno != EEXIST && errno != EROFS)
			return fail(err, "make", path, errno);
		path[i] = folder[i];
	}
	return GW_OK;
}

enum gw_err gw_file_sync_folder(const char *folder, struct gw_error *err)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int why;

	if (fd < 0)
		return fail(err, "open", folder, errno);
	why = fsync(fd) ? errno : 0;
	close(fd);
	return why && why != EINVAL ? fail(err, "sync", folder, why) : GW_OK;
}

enum gw_err gw_file_sync_folder_of(const char *path, struct gw_error *err)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX];
	size_t n = slash == path ? 1 : (size_t)(slash ? slash - path : 0);

	if (!slash)
		return gw_file_sync_folder(".", err);
	if (n >= sizeof(folder))
		return fail(err, "sync", path, ENAMETOOLONG);
	memcpy(folder, path, n);
	folder[n] = '\0';
	return gw_file_sync_folder(folder, err);
}

int gw_file_write(int fd, const void *bytes, size_t n)
{
	const unsigned char *at = bytes;

	while (n > 0) {
		ssize_t done = write(fd, at, n);

		if (done < 0 && errno != EINTR)
			return errno;
		if (done == 0)
			return ENOSPC;
		if (done > 0) {
			at += done;
			n -= (size_t)done;
		}
	}
	return 0;
}

/* A new file, so that no link and no mode of an old one is in the way. */
static enum gw_err write_new(const char *path, mode_t mode,
	const struct gw_file_part *parts, size_t n_parts, struct gw_error *err)
{
	const char *step = "write";
	int fd, why = 0;

	if (unlink(path) && errno != ENOENT)
		return fail(err, "delete", path, errno);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return fail(err, "create", path, errno);
	for (size_t i = 0; !why && i < n_parts; i++)
		why = gw_file_write(fd, parts[i].bytes, parts[i].n);
	if (!why && fsync(fd)) {
		step = "sync";
		why = errno;
	}
	if (close(fd) && !why)
		why = errno;
	return why ? fail(err, step, path, why) : GW_OK;
}

enum gw_err gw_file_replace(const char *path, mode_t mode, const struct gw_file_part *parts,
	size_t n_parts, struct gw_error *err)
{
	char new_path[PATH_MAX];
	enum gw_err rc;

	if ((size_t)snprintf(new_path, sizeof(new_path), "%s.new", path) >=
		sizeof(new_path))
		return fail(err, "create", path, ENAMETOOLONG);
	rc = write_new(new_path, mode, parts, n_parts, err);
	if (!rc && rename(new_path, path))
		rc = fail(err, "rename", new_path, errno);
	if (rc) {
		unlink(new_path);
		return rc;
	}
	return gw_file_sync_folder_of(path, err);
}

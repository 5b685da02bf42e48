/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static enum gw_err fail(struct gw_error *err, const char *step, const char *path, int why)
{
	return gw_fail(
		err, GW_ERR_SYSTEM, why, "%s %s: %s", step, path, gw_errno_text(why));
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

/* 0, or errno. */
static int write_part(int fd, const struct gw_file_part *part)
{
	const unsigned char *at = part->bytes;
	size_t left = part->n;

	while (left > 0) {
		ssize_t done = write(fd, at, left);

		if (done < 0 && errno != EINTR)
			return errno;
		if (done == 0)
			return ENOSPC;
		if (done > 0) {
			at += done;
			left -= (size_t)done;
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
		why = write_part(fd, &parts[i]);
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

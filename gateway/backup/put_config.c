/* SPDX-License-Identifier: Apache-2.0 */
#include "backup/put_config.h"

#include "backup/owner.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum gw_err fail(struct gw_error *err, const char *path)
{
	return gw_fail(err, GW_ERR_SYSTEM, errno, "%s: %s", path, gw_errno_text(errno));
}

static bool is_below(const char *folder, const char *path)
{
	size_t n = strlen(folder);

	return strncmp(path, folder, n) == 0 && path[n] == '/' && !strstr(path, "/../");
}

static bool is_equal(const char *path, const struct gw_file *f)
{
	size_t n;
	char *bytes = gw_file_read(path, 0, f->n, &n, NULL);
	bool equal = bytes && n == f->n && memcmp(bytes, f->bytes, n) == 0;

	free(bytes);
	return equal;
}

/* With the parents that are missing. The group of the folder above: the daemon's user reads it by
 * that. */
static enum gw_err make_folders(const char *path, gid_t *ret_group, struct gw_error *err)
{
	char above[PATH_MAX], *slash;
	struct stat st;
	enum gw_err rc;

	if (stat(path, &st) == 0) {
		*ret_group = st.st_gid;
		return GW_OK;
	}
	snprintf(above, sizeof(above), "%s", path);
	slash = strrchr(above, '/');
	if (errno != ENOENT || !slash || slash == above)
		return fail(err, path);
	*slash = '\0';
	rc = make_folders(above, ret_group, err);
	if (rc)
		return rc;
	return gw_owner_make_folder(path, 0, *ret_group, err);
}

/* Whoever finds the name can read the file: a daemon that waits for it tries it only once. */
static enum gw_err write_file(
	const struct gw_file *f, const char *new_path, gid_t group, struct gw_error *err)
{
	enum gw_err rc = GW_OK;
	int fd;

	unlink(new_path);
	fd = open(new_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return fail(err, new_path);
	errno = gw_file_write(fd, f->bytes, f->n);
	if (errno)
		rc = fail(err, new_path);
	if (!rc &&
		((geteuid() == 0 && fchown(fd, 0, group)) || fchmod(fd, 0640) || fsync(fd)))
		rc = fail(err, new_path);
	close(fd);
	if (!rc && rename(new_path, f->path))
		rc = fail(err, f->path);
	if (rc)
		unlink(new_path);
	return rc;
}

static enum gw_err write_one(const struct gw_file *f, struct gw_error *err)
{
	char folder[PATH_MAX], new_path[PATH_MAX + 8];
	gid_t group = 0;
	char *slash;
	enum gw_err rc;

	snprintf(folder, sizeof(folder), "%s", f->path);
	snprintf(new_path, sizeof(new_path), "%s.new", f->path);
	slash = strrchr(folder, '/');
	if (!slash)
		return GW_OK;
	*slash = '\0';
	if ((rc = make_folders(folder, &group, err)) ||
		(rc = write_file(f, new_path, group, err)))
		return rc;
	return gw_file_sync_folder(folder, err);
}

/* As PATH.old, or PATH.old-2 and so on: what another restore kept stays. */
static enum gw_err keep_old(
	const char *path, char ret_old[PATH_MAX + 16], struct gw_error *err)
{
	struct stat st;

	if (lstat(path, &st))
		return errno == ENOENT ? GW_OK : fail(err, path);
	snprintf(ret_old, PATH_MAX + 16, "%s.old", path);
	for (int i = 2; i < 1000 && lstat(ret_old, &st) == 0; i++)
		snprintf(ret_old, PATH_MAX + 16, "%s.old-%d", path, i);
	if (rename(path, ret_old) == 0)
		return GW_OK;
	ret_old[0] = '\0';
	return fail(err, path);
}

enum gw_err gw_put_config(const struct gw_files *files, const char *path, bool usable,
	enum gw_put_config *ret_done, char ret_old[PATH_MAX + 16], struct gw_error *err)
{
	char whole[PATH_MAX], *slash;
	enum gw_err rc = GW_OK;

	*ret_done = GW_PUT_NONE;
	ret_old[0] = '\0';
	if (*path == '/')
		snprintf(whole, sizeof(whole), "%s", path);
	else if (!realpath(path, whole))
		return GW_OK;
	if (files->n == 0 || strcmp(files->at[0].path, whole) != 0)
		return GW_OK;
	if (access(whole, F_OK) == 0 && (usable || is_equal(whole, &files->at[0]))) {
		*ret_done = is_equal(whole, &files->at[0]) ? GW_PUT_EQUAL : GW_PUT_DIFFERS;
		return GW_OK;
	}
	/* Until the other is written a start finds the copy in the state folder. */
	if ((rc = keep_old(whole, ret_old, err)))
		return rc;
	slash = strrchr(whole, '/');
	*slash = '\0';
	/* profiles first: a daemon that waits tries the configuration as soon as it is there */
	for (size_t i = files->n; !rc && i-- > 0;)
		if (is_below(whole, files->at[i].path) && access(files->at[i].path, F_OK))
			rc = write_one(&files->at[i], err);
	if (!rc)
		*ret_done = GW_PUT_WRITTEN;
	return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "backup/put_config.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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

static bool is_same(const char *path, const struct gw_file *f)
{
	FILE *from = fopen(path, "re");
	char *bytes = malloc(f->n + 1);
	bool same = from && bytes && fread(bytes, 1, f->n + 1, from) == f->n &&
		memcmp(bytes, f->bytes, f->n) == 0;

	free(bytes);
	if (from)
		fclose(from);
	return same;
}

/* The group of the folder: the daemon's user reads it by that. */
static enum gw_err write_one(const struct gw_file *f, struct gw_error *err)
{
	struct gw_file_part part = {f->bytes, f->n};
	char folder[PATH_MAX];
	struct stat st;
	char *slash;
	enum gw_err rc;

	snprintf(folder, sizeof(folder), "%s", f->path);
	slash = strrchr(folder, '/');
	if (!slash)
		return GW_OK;
	*slash = '\0';
	if (mkdir(folder, 0755) && errno != EEXIST)
		return fail(err, folder);
	if (stat(folder, &st))
		return fail(err, folder);
	rc = gw_file_replace(f->path, 0600, &part, 1, err);
	if (!rc && geteuid() == 0 && chown(f->path, 0, st.st_gid))
		rc = fail(err, f->path);
	if (!rc && chmod(f->path, 0640))
		rc = fail(err, f->path);
	return rc;
}

enum gw_err gw_put_config(const struct gw_files *files, const char *path, bool usable,
	enum gw_put_config *ret_done, struct gw_error *err)
{
	char whole[PATH_MAX], old[PATH_MAX + 8], *slash;
	enum gw_err rc = GW_OK;

	*ret_done = GW_PUT_NONE;
	if (*path == '/')
		snprintf(whole, sizeof(whole), "%s", path);
	else if (!realpath(path, whole))
		return GW_OK;
	if (files->n == 0 || strcmp(files->at[0].path, whole) != 0)
		return GW_OK;
	if (access(whole, F_OK) == 0 && (usable || is_same(whole, &files->at[0]))) {
		*ret_done = is_same(whole, &files->at[0]) ? GW_PUT_SAME : GW_PUT_KEPT;
		return GW_OK;
	}
	/* Until the other is written a start finds the copy in the state folder. */
	snprintf(old, sizeof(old), "%s.old", whole);
	if (rename(whole, old) && errno != ENOENT)
		return fail(err, whole);
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

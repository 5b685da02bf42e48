/* SPDX-License-Identifier: Apache-2.0 */
#include "store/restored.h"

#include "base/file.h"
#include "store/quarantine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DEPTH_MAX 16 /* of folders in what is removed: ours has one */

struct paths {
	char state[PATH_MAX - 96], restored[PATH_MAX - 64];
};

static enum gw_err fail(struct gw_error *err, const char *step, const char *path)
{
	return gw_fail(err, GW_ERR_SYSTEM, errno, "restore: %s %s: %s", step, path,
		gw_errno_text(errno));
}

/* ---- a folder ---- */

/* No link is followed: the name itself goes. 0, or -1 with errno. */
static int remove_at(int at, const char *name, int depth)
{
	int fd, result = 0;
	struct dirent *e;
	DIR *d;

	if (unlinkat(at, name, 0) == 0 || errno == ENOENT)
		return 0;
	if ((errno != EISDIR && errno != EPERM) || depth == 0)
		return -1;
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	d = fd >= 0 ? fdopendir(fd) : NULL;
	if (!d) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while (!result && (e = readdir(d)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			result = remove_at(fd, e->d_name, depth - 1);
	closedir(d);
	return result ? result : unlinkat(at, name, AT_REMOVEDIR);
}

enum gw_err gw_restored_remove(const char *folder, struct gw_error *err)
{
	return remove_at(AT_FDCWD, folder, DEPTH_MAX) ? fail(err, "delete", folder) : GW_OK;
}

/* ---- the steps ---- */

/* folder: one of struct paths, which leaves room for our names. */
static void path_of(char to[PATH_MAX], const char *folder, const char *name)
{
	snprintf(to, PATH_MAX, "%.*s/%.32s", PATH_MAX - 64, folder, name);
}

/* The folder as a whole: a file of a source that the backup has not is newer than the database. */
static enum gw_err take_sources(const struct paths *p, struct gw_error *err)
{
	char from[PATH_MAX], to[PATH_MAX], old[PATH_MAX];

	path_of(from, p->restored, "sources");
	path_of(old, p->restored, "sources.old");
	path_of(to, p->state, "sources");
	if (access(from, F_OK))
		return errno == ENOENT ? GW_OK : fail(err, "read", from);
	if (rename(to, old) && errno != ENOENT)
		return fail(err, "put aside", to);
	return rename(from, to) ? fail(err, "rename", from) : GW_OK;
}

static enum gw_err take_file(const struct paths *p, const char *name, struct gw_error *err)
{
	char from[PATH_MAX], to[PATH_MAX];

	path_of(from, p->restored, name);
	path_of(to, p->state, name);
	return rename(from, to) && errno != ENOENT ? fail(err, "rename", from) : GW_OK;
}

/* A WAL that is left without its database is in quarantine, too: quarantine.c links both before it
 * removes one. It would be replayed into the new database. */
static enum gw_err take_database(const struct paths *p, struct gw_error *err)
{
	static const char *const companions[] = {"tocsin.db-wal", "tocsin.db-shm"};
	char from[PATH_MAX], to[PATH_MAX], other[PATH_MAX];
	enum gw_err rc;

	path_of(from, p->restored, "tocsin.db");
	path_of(to, p->state, "tocsin.db");
	if (access(from, F_OK))
		return errno == ENOENT ? GW_OK : fail(err, "read", from);
	if (access(to, F_OK) == 0) {
		rc = gw_quarantine_file(to, other, err);
		if (rc)
			return rc;
	} else if (errno != ENOENT) {
		return fail(err, "read", to);
	}
	for (size_t i = 0; i < sizeof(companions) / sizeof(*companions); i++) {
		path_of(other, p->state, companions[i]);
		if (unlink(other) && errno != ENOENT)
			return fail(err, "delete", other);
	}
	return take_file(p, "tocsin.db", err);
}

bool gw_restored_under_way(const char *state_dir)
{
	char path[PATH_MAX];

	path_of(path, state_dir, GW_RESTORED_NEW);
	if (access(path, F_OK) == 0)
		return true;
	path_of(path, state_dir, GW_RESTORED);
	return access(path, F_OK) == 0;
}

enum gw_err gw_restored_take_in(
	const char *state_dir, bool *ret_taken, struct gw_error *err)
{
	struct paths p;
	char incomplete[PATH_MAX];
	enum gw_err rc;

	*ret_taken = false;
	if ((size_t)snprintf(p.state, sizeof(p.state), "%s", state_dir) >= sizeof(p.state))
		return gw_fail(err, GW_ERR_SYSTEM, ENAMETOOLONG, "%s", state_dir);
	snprintf(p.restored, sizeof(p.restored), "%s/" GW_RESTORED, p.state);
	path_of(incomplete, p.state, GW_RESTORED_NEW);
	if (access(incomplete, F_OK) == 0)
		gw_restored_remove(incomplete, NULL); /* it costs space, nothing else */
	if (access(p.restored, F_OK))
		return errno == ENOENT || errno == ENOTDIR ? GW_OK
							   : fail(err, "read", p.restored);
	if ((rc = take_sources(&p, err)) || (rc = take_file(&p, GW_LAST_GOOD, err)) ||
		(rc = take_file(&p, "run", err)) || (rc = take_database(&p, err)) ||
		(rc = gw_file_sync_folder(p.restored, err)) ||
		(rc = gw_file_sync_folder(p.state, err)))
		return rc;
	*ret_taken = true;
	/* The backup counts. What cannot be removed now gets the name of what may be removed at
	 * any time, and stops nothing. */
	if (rename(p.restored, incomplete) == 0)
		gw_restored_remove(incomplete, NULL);
	else
		gw_restored_remove(p.restored, NULL);
	return GW_OK;
}

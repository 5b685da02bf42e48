/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "store/db.h"
#include "store/runfile.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *const companions[] = {"", "-wal", "-shm"};

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && strcmp(s + n - m, end) == 0;
}

/* The directory as a path that can be opened, and the name within it. */
static const char *split(const char *path, char ret_dir[PATH_MAX])
{
	const char *slash = strrchr(path, '/');

	if (!slash) {
		snprintf(ret_dir, PATH_MAX, ".");
		return path;
	}
	snprintf(ret_dir, PATH_MAX, "%.*s", slash == path ? 1 : (int)(slash - path), path);
	return slash + 1;
}

/* A file put aside that still owes something says so at the end of its name. */
#define OWING      "-owing"
#define OWING_MOST 8

static bool is_aside(const char *name, const char *base, bool owing)
{
	size_t n = strlen(base);

	return strncmp(name, base, n) == 0 && strncmp(name + n, ".corrupt-", 9) == 0 &&
		!ends_with(name, "-wal") && !ends_with(name, "-shm") &&
		ends_with(name, OWING) == owing;
}

/* The first by name, which is by time, of those after `after`. Returns how many there are. */
static size_t find(
	const char *path, bool owing, const char *after, char ret_name[NAME_MAX + 1])
{
	char dir[PATH_MAX];
	const char *base = split(path, dir);
	struct dirent *entry;
	size_t count = 0;
	DIR *d = opendir(dir);

	while (d && (entry = readdir(d))) {
		if (!is_aside(entry->d_name, base, owing) ||
			strcmp(entry->d_name, after) <= 0)
			continue;
		if (count++ == 0 || strcmp(entry->d_name, ret_name) < 0)
			snprintf(ret_name, NAME_MAX + 1, "%s", entry->d_name);
	}
	if (d)
		closedir(d);
	return count;
}

/* A failing card could fill itself with corrupt files. */
static void prune(const char *path, bool owing, size_t most)
{
	char dir[PATH_MAX], oldest[NAME_MAX + 1], victim[PATH_MAX + NAME_MAX + 16];

	split(path, dir);
	while (find(path, owing, "", oldest) > most) {
		for (size_t i = 0; i < 3; i++) {
			snprintf(victim, sizeof(victim), "%s/%s%s", dir, oldest,
				companions[i]);
			if (unlink(victim) && i == 0)
				return;
		}
	}
}

/* The WAL goes first: should power fail in between, the file alone is looked at again, while a
 * WAL left beside a new file would be replayed into it. */
static enum gw_err move(const char *from, const char *to, struct gw_error *err)
{
	char a[PATH_MAX + 8], b[PATH_MAX + 8];

	for (size_t i = 3; i-- > 0;) {
		snprintf(a, sizeof(a), "%s%s", from, companions[i]);
		snprintf(b, sizeof(b), "%s%s", to, companions[i]);
		if (rename(a, b) && errno != ENOENT)
			return gw_fail(err, GW_ERR_SYSTEM, errno, "put %s aside: %s", a,
				gw_errno_text(errno));
	}
	return GW_OK;
}

enum gw_err gw_db_put_aside(
	const char *path, char ret_aside[PATH_MAX], struct gw_error *err)
{
	char aside[PATH_MAX], settled[PATH_MAX], stamp[32], dir[PATH_MAX];
	time_t now = (time_t)(gw_clock_wall_ms() / 1000);
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm);
	for (int i = 1;; i++) {
		int n = i == 1
			? snprintf(settled, sizeof(settled), "%s.corrupt-%s", path, stamp)
			: snprintf(settled, sizeof(settled), "%s.corrupt-%s-%03d", path,
				  stamp, i);

		if ((size_t)n > sizeof(aside) - sizeof(OWING) || i == 1000)
			return gw_fail(err, GW_ERR_SYSTEM, ENAMETOOLONG,
				"put %s aside: no free name", path);
		memcpy(aside, settled, (size_t)n);
		memcpy(aside + n, OWING, sizeof(OWING));
		if (access(settled, F_OK) && access(aside, F_OK))
			break;
	}
	if (move(path, aside, err))
		return GW_ERR_SYSTEM;
	split(path, dir);
	gw_runfile_sync_dir(dir, NULL); /* nothing to be done if it fails */
	prune(path, true, OWING_MOST);
	memcpy(ret_aside, aside, sizeof(aside));
	return GW_OK;
}

bool gw_db_next_aside(const char *path, char aside[PATH_MAX])
{
	char dir[PATH_MAX], after[PATH_MAX], name[NAME_MAX + 1];

	snprintf(after, sizeof(after), "%s", aside[0] ? split(aside, dir) : "");
	if (find(path, true, after, name) == 0)
		return false;
	split(path, dir);
	return (size_t)snprintf(aside, PATH_MAX, "%s/%s", dir, name) < PATH_MAX;
}

enum gw_err gw_db_aside_done(const char *path, const char *aside, struct gw_error *err)
{
	char settled[PATH_MAX];
	enum gw_err rc;

	snprintf(settled, sizeof(settled), "%.*s", (int)(strlen(aside) - strlen(OWING)),
		aside);
	rc = move(aside, settled, err);
	if (!rc)
		prune(path, false, GW_DB_ASIDE_FILES);
	return rc;
}

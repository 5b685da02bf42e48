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

/* A failing card could fill itself with corrupt files. The names sort by time. */
static void prune(const char *path)
{
	char dir[PATH_MAX], oldest[NAME_MAX + 1], victim[PATH_MAX + NAME_MAX + 16];
	const char *base = split(path, dir);
	size_t n = strlen(base), count;
	struct dirent *entry;
	DIR *d;

	do {
		count = 0;
		d = opendir(dir);
		if (!d)
			return;
		while ((entry = readdir(d))) {
			if (strncmp(entry->d_name, base, n) != 0 ||
				strncmp(entry->d_name + n, ".corrupt-", 9) != 0 ||
				ends_with(entry->d_name, "-wal") ||
				ends_with(entry->d_name, "-shm"))
				continue;
			if (count++ == 0 || strcmp(entry->d_name, oldest) < 0)
				snprintf(oldest, sizeof(oldest), "%s", entry->d_name);
		}
		closedir(d);
		if (count <= GW_DB_ASIDE_FILES)
			return;
		for (size_t i = 0; i < 3; i++) {
			snprintf(victim, sizeof(victim), "%s/%s%s", dir, oldest,
				companions[i]);
			if (unlink(victim) && i == 0)
				return;
		}
	} while (count > GW_DB_ASIDE_FILES + 1);
}

enum gw_err gw_db_put_aside(
	const char *path, char ret_aside[PATH_MAX], struct gw_error *err)
{
	char aside[PATH_MAX], from[PATH_MAX + 8], to[PATH_MAX + 8], stamp[32],
		dir[PATH_MAX];
	time_t now = (time_t)(gw_clock_wall_ms() / 1000);
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm);
	for (int i = 1;; i++) {
		int n = i == 1
			? snprintf(aside, sizeof(aside), "%s.corrupt-%s", path, stamp)
			: snprintf(aside, sizeof(aside), "%s.corrupt-%s-%03d", path, stamp,
				  i);

		if (n < 0 || (size_t)n >= sizeof(aside) || i == 1000)
			return gw_fail(err, GW_ERR_SYSTEM, ENAMETOOLONG,
				"put %s aside: no free name", path);
		if (access(aside, F_OK))
			break;
	}
	/* The WAL goes first: should power fail in between, the file alone is looked at again,
	 * while a WAL left beside a new file would be replayed into it. */
	for (size_t i = 3; i-- > 0;) {
		snprintf(from, sizeof(from), "%s%s", path, companions[i]);
		snprintf(to, sizeof(to), "%s%s", aside, companions[i]);
		if (rename(from, to) && errno != ENOENT)
			return gw_fail(err, GW_ERR_SYSTEM, errno, "put %s aside: %s", from,
				gw_errno_text(errno));
	}
	split(path, dir);
	gw_runfile_sync_dir(dir, NULL); /* nothing to be done if it fails */
	prune(path);
	snprintf(ret_aside, PATH_MAX, "%s", aside);
	return GW_OK;
}

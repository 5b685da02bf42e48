/* SPDX-License-Identifier: Apache-2.0 */
#include "store/quarantine.h"

#include "base/clock.h"
#include "store/run_counter.h"

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

/* The directory of path, and its last component. */
static const char *split_path(const char *path, char ret_dir[PATH_MAX])
{
	const char *slash = strrchr(path, '/');

	if (!slash) {
		snprintf(ret_dir, PATH_MAX, ".");
		return path;
	}
	snprintf(ret_dir, PATH_MAX, "%.*s", slash == path ? 1 : (int)(slash - path), path);
	return slash + 1;
}

#define OWING_SUFFIX "-owing"
#define OWING_MAX    8

static bool is_quarantined(const char *name, const char *base, bool owing)
{
	size_t n = strlen(base);

	return strncmp(name, base, n) == 0 && strncmp(name + n, ".corrupt-", 9) == 0 &&
		!ends_with(name, "-wal") && !ends_with(name, "-shm") &&
		ends_with(name, OWING_SUFFIX) == owing;
}

/* The first name after `after`; names sort by time. Returns how many there are after it. */
static size_t find_first(
	const char *path, bool owing, const char *after, char ret_name[NAME_MAX + 1])
{
	char dir[PATH_MAX];
	const char *base = split_path(path, dir);
	struct dirent *entry;
	size_t count = 0;
	DIR *d = opendir(dir);

	while (d && (entry = readdir(d))) {
		if (!is_quarantined(entry->d_name, base, owing) ||
			strcmp(entry->d_name, after) <= 0)
			continue;
		if (count++ == 0 || strcmp(entry->d_name, ret_name) < 0)
			snprintf(ret_name, NAME_MAX + 1, "%s", entry->d_name);
	}
	if (d)
		closedir(d);
	return count;
}

/* A failing card would fill itself with corrupt files. */
static void prune(const char *path, bool owing, size_t max_files)
{
	char dir[PATH_MAX], oldest[NAME_MAX + 1], victim[PATH_MAX + NAME_MAX + 16];

	split_path(path, dir);
	while (find_first(path, owing, "", oldest) > max_files) {
		for (size_t i = 0; i < 3; i++) {
			snprintf(victim, sizeof(victim), "%s/%s%s", dir, oldest,
				companions[i]);
			if (unlink(victim) && i == 0)
				return;
		}
	}
}

/* The WAL is renamed first: if power fails in between, the database alone is opened again. A WAL
 * left beside a new database would be replayed into it. */
static enum gw_err rename_files(const char *from, const char *to, struct gw_error *err)
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

enum gw_err gw_quarantine_file(
	const char *path, char ret_quarantined[PATH_MAX], struct gw_error *err)
{
	char quarantined[PATH_MAX], done_path[PATH_MAX], stamp[32], dir[PATH_MAX];
	time_t now = (time_t)(gw_clock_wall_ms() / 1000);
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm);
	for (int i = 1;; i++) {
		int n = i == 1 ? snprintf(done_path, sizeof(done_path), "%s.corrupt-%s",
					 path, stamp)
			       : snprintf(done_path, sizeof(done_path),
					 "%s.corrupt-%s-%03d", path, stamp, i);

		if ((size_t)n > sizeof(quarantined) - sizeof(OWING_SUFFIX) || i == 1000)
			return gw_fail(err, GW_ERR_SYSTEM, ENAMETOOLONG,
				"put %s aside: no free name", path);
		memcpy(quarantined, done_path, (size_t)n);
		memcpy(quarantined + n, OWING_SUFFIX, sizeof(OWING_SUFFIX));
		if (access(done_path, F_OK) && access(quarantined, F_OK))
			break;
	}
	if (rename_files(path, quarantined, err))
		return GW_ERR_SYSTEM;
	split_path(path, dir);
	gw_run_counter_sync_dir(dir, NULL); /* a failure changes nothing here */
	prune(path, true, OWING_MAX);
	memcpy(ret_quarantined, quarantined, sizeof(quarantined));
	return GW_OK;
}

bool gw_quarantine_next_owing(const char *path, char quarantined[PATH_MAX])
{
	char dir[PATH_MAX], after[PATH_MAX], name[NAME_MAX + 1];

	snprintf(after, sizeof(after), "%s",
		quarantined[0] ? split_path(quarantined, dir) : "");
	if (find_first(path, true, after, name) == 0)
		return false;
	split_path(path, dir);
	return (size_t)snprintf(quarantined, PATH_MAX, "%s/%s", dir, name) < PATH_MAX;
}

enum gw_err gw_quarantine_mark_done(
	const char *path, const char *quarantined, struct gw_error *err)
{
	char done_path[PATH_MAX];
	enum gw_err rc;

	snprintf(done_path, sizeof(done_path), "%.*s",
		(int)(strlen(quarantined) - strlen(OWING_SUFFIX)), quarantined);
	rc = rename_files(quarantined, done_path, err);
	if (!rc)
		prune(path, false, GW_QUARANTINE_DONE_MAX);
	return rc;
}

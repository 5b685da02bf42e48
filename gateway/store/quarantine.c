/* SPDX-License-Identifier: Apache-2.0 */
#include "store/quarantine.h"

#include "base/clock.h"
#include "base/file.h"

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

static bool is_quarantined(const char *name, const char *base, bool owing)
{
	size_t n = strlen(base);

	return strncmp(name, base, n) == 0 && strncmp(name + n, ".corrupt-", 9) == 0 &&
		!ends_with(name, "-wal") && !ends_with(name, "-shm") &&
		ends_with(name, OWING_SUFFIX) == owing;
}

/* The first name after `after`; names sort by time. Returns how many there are after it;
 * ret_unread: the directory cannot be read now. */
static size_t find_first(const char *path, bool owing, const char *after,
	char ret_name[NAME_MAX + 1], bool *ret_unread)
{
	char dir[PATH_MAX];
	const char *base = split_path(path, dir);
	struct dirent *entry;
	size_t count = 0;
	DIR *d = opendir(dir);

	*ret_unread = !d && errno != ENOENT;
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
	bool unread;

	split_path(path, dir);
	while (find_first(path, owing, "", oldest, &unread) > max_files) {
		for (size_t i = 0; i < 3; i++) {
			snprintf(victim, sizeof(victim), "%s/%s%s", dir, oldest,
				companions[i]);
			if (unlink(victim) && i == 0)
				return;
		}
	}
}

struct rename_pair {
	char from[PATH_MAX + 8], to[PATH_MAX + 8];
};

static void name_pair(
	struct rename_pair *p, const char *from, const char *to, size_t companion)
{
	snprintf(p->from, sizeof(p->from), "%s%s", from, companions[companion]);
	snprintf(p->to, sizeof(p->to), "%s%s", to, companions[companion]);
}

/* The WAL is renamed first: if power fails in between, the database alone is opened again. A WAL
 * left beside a new database would be replayed into it. */
static enum gw_err rename_files(const char *from, const char *to, struct gw_error *err)
{
	struct rename_pair b;
	int why = 0;
	size_t i;

	for (i = 3; !why && i-- > 0;) {
		name_pair(&b, from, to, i);
		if (rename(b.from, b.to) && errno != ENOENT)
			why = errno;
	}
	if (!why)
		return GW_OK;
	gw_fail(err, GW_ERR_SYSTEM, why, "put %s aside: %s", b.from, gw_errno_text(why));
	for (i++; i < 3; i++) { /* undo: the database must not be without its WAL */
		name_pair(&b, from, to, i);
		rename(b.to, b.from);
	}
	return GW_ERR_SYSTEM;
}

/* The same with hard links, so that the database is never without its WAL, even after a power cut.
 * Falls back to renames on a file system without hard links. */
static enum gw_err move_with_links(const char *from, const char *to, struct gw_error *err)
{
	struct rename_pair file, wal;
	bool linked;

	name_pair(&file, from, to, 0);
	name_pair(&wal, from, to, 1);
	linked = (!link(wal.from, wal.to) || errno == ENOENT) &&
		(!link(file.from, file.to) || errno == ENOENT);
	if (linked && (!unlink(file.from) || errno == ENOENT)) {
		unlink(wal.from);
		return GW_OK;
	}
	unlink(file.to);
	unlink(wal.to);
	return rename_files(from, to, err);
}

enum gw_err gw_quarantine_file(
	const char *path, char ret_quarantined[PATH_MAX], struct gw_error *err)
{
	char quarantined[PATH_MAX], done_path[PATH_MAX], stamp[32];
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
	if (move_with_links(path, quarantined, err))
		return GW_ERR_SYSTEM;
	gw_file_sync_folder_of(path, NULL); /* a failure changes nothing here */
	prune(path, true, GW_QUARANTINE_OWING_MAX);
	memcpy(ret_quarantined, quarantined, sizeof(quarantined));
	return GW_OK;
}

bool gw_quarantine_next_owing(
	const char *path, char quarantined[PATH_MAX], bool *ret_unread)
{
	char dir[PATH_MAX], after[PATH_MAX], name[NAME_MAX + 1];

	snprintf(after, sizeof(after), "%s",
		quarantined[0] ? split_path(quarantined, dir) : "");
	if (find_first(path, true, after, name, ret_unread) == 0)
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

/* SPDX-License-Identifier: Apache-2.0 */
#include "backup/collect.h"

#include "backup/archive.h"
#include "backup/database.h"
#include "backup/owner.h"
#include "base/file.h"
#include "ctl/connection.h"
#include "store/folder_lock.h"
#include "store/quarantine.h"
#include "store/restored.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define REPLY_MS    10000
#define PROGRESS_MS 60000 /* a disk that stalls for longer is broken */

/* ---- files ---- */

static enum gw_err fail(struct gw_error *err, const char *path)
{
	return gw_fail(err, GW_ERR_SYSTEM, errno, "%s: %s%s", path, gw_errno_text(errno),
		errno == EACCES && getuid() != 0 ? " (run as root)" : "");
}

static enum gw_err add_file(
	struct gw_files *files, const char *path, const char *name, struct gw_error *err)
{
	enum gw_err rc = GW_OK;
	size_t n;
	char *bytes = gw_file_read(
		path, GW_FILE_REGULAR | GW_FILE_NO_LINK, GW_ARCHIVE_SMALL_MAX, &n, err);

	if (!bytes) {
		errno = err->native;
		return fail(err, path);
	}
	if (!gw_files_add(files, name, bytes, n))
		rc = fail(err, path);
	free(bytes);
	return rc;
}

static enum gw_err add_sources(
	struct gw_files *files, const char *folder, struct gw_error *err)
{
	char sources[PATH_MAX + 16], path[PATH_MAX + NAME_MAX + 32], name[NAME_MAX + 16];
	enum gw_err rc = GW_OK;
	struct dirent *e;
	DIR *d;

	snprintf(sources, sizeof(sources), "%s/sources", folder);
	d = opendir(sources);
	if (!d)
		return errno == ENOENT ? GW_OK : fail(err, sources);
	while (!rc && (e = readdir(d))) {
		size_t n = strlen(e->d_name);

		if (e->d_name[0] == '.' ||
			(n > 4 && strcmp(e->d_name + n - 4, ".new") == 0))
			continue;
		snprintf(path, sizeof(path), "%s/%s", sources, e->d_name);
		snprintf(name, sizeof(name), GW_ARCHIVE_SOURCES "%s", e->d_name);
		rc = add_file(files, path, name, err);
	}
	closedir(d);
	return rc;
}

/* What they owe is copied into the database by the daemon, when they can be read. */
static void find_left_out(struct gw_collected *all)
{
	char path[PATH_MAX], quarantined[PATH_MAX] = "";
	bool unread = false;

	if ((size_t)snprintf(path, sizeof(path), "%s/" GW_ARCHIVE_DATABASE, all->folder) >=
		sizeof(path))
		return;
	for (; gw_quarantine_next_owing(path, quarantined, &unread); all->n_left_out++)
		if (all->n_left_out == 0)
			snprintf(all->left_out, sizeof(all->left_out), "%s", quarantined);
}

static void find_device(struct gw_collected *all)
{
	struct stat st;

	if (stat(all->folder, &st) == 0)
		all->state = st.st_dev;
}

/* Before the database is copied: what a source remembers must not be newer than the alarms. */
static enum gw_err add_files(
	struct gw_files *files, const char *folder, struct gw_error *err)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/" GW_ARCHIVE_LAST_GOOD, folder);
	if (access(path, F_OK) == 0 || errno != ENOENT)
		if (add_file(files, path, GW_ARCHIVE_LAST_GOOD, err))
			return GW_ERR_SYSTEM;
	return add_sources(files, folder, err);
}

/* ---- from a daemon ---- */

/* The result of a reply; err: the daemon's, or what went wrong. NULL and *ret_progress >= 0: it
 * goes on. */
static json_t *read_reply(
	struct gw_connection *c, int wait_ms, int *ret_percent, struct gw_error *err)
{
	json_t *reply, *result, *progress;
	const char *why;
	char *line;

	*ret_percent = -1;
	if (gw_connection_read_line(c, wait_ms, &line, err))
		return NULL;
	reply = json_loads(line, 0, NULL);
	result = json_incref(json_object_get(reply, "result"));
	progress = json_object_get(reply, "progress");
	why = json_string_value(json_object_get(reply, "error"));
	if (progress) {
		double done = json_number_value(json_object_get(progress, "done"));
		double pages = json_number_value(json_object_get(progress, "pages"));

		*ret_percent = pages > 0 ? (int)(100 * done / pages) : 0;
	} else if (!result) {
		gw_fail(err, GW_ERR_REFUSED, 0, "%.150s",
			why ? why : "tocsind gave an answer that is none");
	}
	json_decref(reply);
	return result;
}

static void show_progress(int percent)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\rtocsin: copying the database: %d %%%s", percent,
			percent == 100 ? "\n" : "");
}

static enum gw_err copy_of_daemon(
	struct gw_connection *c, int *ret_fd, struct gw_error *err)
{
	int percent, shown = -1;
	json_t *result;

	if (gw_connection_send(c, "{\"cmd\":\"backup\"}", err))
		return err->kind;
	for (;;) {
		result = read_reply(c, PROGRESS_MS, &percent, err);
		if (result)
			break;
		if (percent < 0)
			return err->kind;
		if (percent != shown)
			show_progress(percent);
		shown = percent;
	}
	if (shown >= 0 && shown < 100)
		show_progress(100);
	json_decref(result);
	if (c->passed_fd <= 0)
		return gw_fail(err, GW_ERR_PROTOCOL, 0, "tocsind gave no copy");
	*ret_fd = c->passed_fd;
	c->passed_fd = 0;
	return GW_OK;
}

/* A daemon that waits for a configuration answers with an error, and has no database open. */
static enum gw_err folder_of_daemon(
	struct gw_connection *c, char *ret_folder, size_t size, struct gw_error *err)
{
	const char *folder;
	json_t *result = NULL;
	int percent;

	if (!gw_connection_send(c, "{\"cmd\":\"status\"}", err))
		result = read_reply(c, REPLY_MS, &percent, err);
	if (!result)
		return err->kind == GW_ERR_REFUSED ? GW_ERR_LINK : err->kind;
	folder = json_string_value(
		json_object_get(json_object_get(result, "store"), "folder"));
	snprintf(ret_folder, size, "%s", folder ? folder : "");
	json_decref(result);
	return folder ? GW_OK
		      : gw_fail(err, GW_ERR_PROTOCOL, 0,
				"tocsind is of another version: restart it");
}

/* Whatever folder it names: what its own user may read. */
static enum gw_err as_daemon(const struct gw_connection *c, struct gw_collected *all,
	bool copied, struct gw_error *err)
{
	struct ucred peer;
	socklen_t n = sizeof(peer);
	enum gw_err rc;

	if (getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &peer, &n))
		return fail(err, "tocsind");
	rc = gw_owner_become(peer.uid, peer.gid, err);
	if (!rc && copied)
		find_left_out(all);
	else if (!rc)
		rc = add_files(&all->files, all->folder, err);
	find_device(all);
	gw_owner_return();
	return rc;
}

enum gw_err gw_collect_running(
	const char *socket, struct gw_collected *ret, struct gw_error *err)
{
	struct gw_collected all = {.database = -1};
	struct gw_connection c;
	enum gw_err rc = gw_connection_open(&c, socket, err);

	if (rc)
		return err->native == ENOENT || err->native == ECONNREFUSED ? GW_ERR_LINK
									    : GW_ERR_SYSTEM;
	if (!(rc = folder_of_daemon(&c, all.folder, sizeof(all.folder), err)) &&
		!(rc = as_daemon(&c, &all, false, err)) &&
		!(rc = copy_of_daemon(&c, &all.database, err)))
		rc = as_daemon(&c, &all, true, err);
	gw_connection_close(&c);
	if (rc)
		gw_collected_free(&all);
	else
		*ret = all;
	return rc;
}

/* ---- from the folder ---- */

/* By the effective user, unlike access(). */
static enum gw_err check_readable(const char *path, struct gw_error *err)
{
	return faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) ? fail(err, path) : GW_OK;
}

enum gw_err gw_collect_stopped(const char *folder, const char *archive,
	struct gw_collected *ret, struct gw_error *err)
{
	struct gw_collected all = {.database = -1};
	char path[PATH_MAX];
	bool taken;
	int lock = -1;
	sqlite3 *copy = NULL;
	enum gw_err rc = gw_folder_lock(folder, &lock, err);

	snprintf(path, sizeof(path), "%s/" GW_ARCHIVE_DATABASE, folder);
	snprintf(all.folder, sizeof(all.folder), "%s", folder);
	find_device(&all);
	if (!rc && !(rc = gw_database_copy_open(archive, &copy, &all.database, err)) &&
		!(rc = gw_owner_become_of(folder, err)) &&
		!(rc = gw_restored_take_in(folder, &taken, err)) &&
		!(rc = check_readable(path, err)) &&
		!(rc = add_files(&all.files, folder, err)))
		rc = gw_database_copy(path, archive, copy, all.database, all.state, err);
	if (!rc)
		find_left_out(&all);
	sqlite3_close_v2(copy);
	gw_owner_return();
	gw_folder_unlock(&lock);
	if (rc)
		gw_collected_free(&all);
	else
		*ret = all;
	return rc;
}

void gw_collected_free(struct gw_collected *c)
{
	gw_files_free(&c->files);
	if (c->database >= 0)
		close(c->database);
	c->database = -1;
}

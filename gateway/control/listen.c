/* SPDX-License-Identifier: Apache-2.0 */
#include "control/listen.h"

#include "base/log.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 16

static void make_folder(const char *path)
{
	char folder[sizeof(((struct gw_listen *)0)->path)];
	char *slash;

	snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	if (!slash || slash == folder)
		return;
	*slash = '\0';
	mkdir(folder, 0755);
}

/* EAGAIN: the backlog is full, so a process listens. */
bool gw_listen_is_taken(const char *path)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	bool taken;
	int fd;

	if (strlen(path) >= sizeof(at.sun_path))
		return false;
	memcpy(at.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	taken = connect(fd, (const struct sockaddr *)&at, sizeof(at)) == 0 ||
		errno == EAGAIN || errno == EINPROGRESS;
	close(fd);
	return taken;
}

static enum gw_err remove_stale(const struct sockaddr_un *at, struct gw_error *err)
{
	struct stat st;

	if (lstat(at->sun_path, &st) < 0)
		return GW_OK;
	if (!S_ISSOCK(st.st_mode))
		return gw_fail(err, GW_ERR_REFUSED, EEXIST,
			"control socket %s: something else is there", at->sun_path);
	if (gw_listen_is_taken(at->sun_path))
		return gw_fail(err, GW_ERR_REFUSED, EADDRINUSE,
			"control socket %s: another tocsind runs", at->sun_path);
	unlink(at->sun_path);
	return GW_OK;
}

/* The number in a line NAME:PASSWORD:NUMBER:USERS of this name. */
static bool group_of_line(const char *line, const char *name, gid_t *ret_group)
{
	size_t n = strlen(name);
	const char *number;
	unsigned long long value;
	char *end;

	if (strncmp(line, name, n) != 0 || line[n] != ':')
		return false;
	number = strchr(line + n + 1, ':');
	if (!number || !isdigit((unsigned char)number[1]))
		return false;
	errno = 0;
	value = strtoull(number + 1, &end, 10);
	if (errno || *end != ':' || value >= (gid_t)-1)
		return false;
	*ret_group = (gid_t)value;
	return true;
}

bool gw_listen_group(const char *groups, const char *name, gid_t *ret_group)
{
	FILE *f = fopen(groups, "re");
	char *line = NULL;
	size_t capacity = 0;
	bool found = false;

	if (!f)
		return false;
	while (!found && getline(&line, &capacity, f) > 0)
		found = group_of_line(line, name, ret_group);
	free(line);
	fclose(f);
	return found;
}

/* The unit's Group= is that group already, and its system call filter has no chown. */
static void set_group(const char *path, gid_t has, const char *group)
{
	gid_t gid;

	/* without the group only root and this user can connect, which is safe */
	if (group && gw_listen_group(GW_LISTEN_GROUPS, group, &gid) && gid != has &&
		chown(path, (uid_t)-1, gid) != 0)
		gw_log(GW_LOG_WARNING,
			"control socket %s: cannot be given to group %s (%s): only root and this user may use it",
			path, group, gw_errno_text(errno));
}

enum gw_err gw_listen_open(
	struct gw_listen *l, const char *path, const char *group, struct gw_error *err)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct stat st;
	mode_t before;
	int fd, code, why;

	if (strlen(path) >= sizeof(at.sun_path))
		return gw_fail(err, GW_ERR_CONFIG, ENAMETOOLONG,
			"control socket %.40s...: longer than %zu bytes", path,
			sizeof(at.sun_path) - 1);
	memcpy(at.sun_path, path, strlen(path) + 1);
	make_folder(path);
	if (remove_stale(&at, err))
		return GW_ERR_REFUSED;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return gw_fail(err, GW_ERR_SYSTEM, errno, "control socket: %s",
			gw_errno_text(errno));
	/* bind creates the file with this mode: it is never open to everybody. */
	before = umask(0117);
	code = bind(fd, (const struct sockaddr *)&at, sizeof(at));
	why = errno;
	umask(before);
	if (code == 0 && (listen(fd, BACKLOG) < 0 || stat(path, &st) < 0)) {
		why = errno;
		code = -1;
	}
	if (code < 0) {
		close(fd);
		return gw_fail(err, GW_ERR_SYSTEM, why, "control socket %s: %s", path,
			gw_errno_text(why));
	}
	set_group(path, st.st_gid, group);
	*l = (struct gw_listen){.fd = fd, .dev = st.st_dev, .ino = st.st_ino};
	memcpy(l->path, path, strlen(path) + 1);
	return GW_OK;
}

void gw_listen_close(struct gw_listen *l)
{
	struct stat st;

	if (l->fd < 0)
		return;
	if (lstat(l->path, &st) == 0 && st.st_dev == l->dev && st.st_ino == l->ino)
		unlink(l->path);
	close(l->fd);
	l->fd = -1;
}

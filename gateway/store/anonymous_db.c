/* SPDX-License-Identifier: Apache-2.0 */
#include "store/anonymous_db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define VFS_NAME "tocsin-descriptor"

enum gw_err gw_anonymous_db_open(
	const char *path, sqlite3 **ret_handle, int *ret_fd, struct gw_error *err)
{
	sqlite3 *handle = NULL;
	int fd, code;

	unlink(path); /* left by a kill between open and unlink */
	fd = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return gw_fail(
			err, GW_ERR_SYSTEM, errno, "%s: %s", path, gw_errno_text(errno));
	code = sqlite3_open_v2(path, &handle,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
	unlink(path);
	if (code == SQLITE_OK)
		code = sqlite3_exec(handle,
			"PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;"
			"PRAGMA locking_mode=EXCLUSIVE; PRAGMA cache_size=-256",
			NULL, NULL, NULL);
	if (code == SQLITE_OK) {
		*ret_handle = handle;
		*ret_fd = fd;
		return GW_OK;
	}
	sqlite3_close_v2(handle);
	close(fd);
	return gw_fail(err, GW_ERR_SYSTEM, code, "%s: %s", path, sqlite3_errstr(code));
}

/* SQLite's own follows /proc/self/fd/N to the name that is gone. */
static int take_path(sqlite3_vfs *vfs, const char *path, int size, char *ret_path)
{
	(void)vfs;
	sqlite3_snprintf(size, ret_path, "%s", path);
	return SQLITE_OK;
}

static const char *descriptor_vfs(void)
{
	static sqlite3_vfs vfs;
	const sqlite3_vfs *base = sqlite3_vfs_find("unix-none");

	if (!base || sqlite3_vfs_find(VFS_NAME))
		return base ? VFS_NAME : NULL;
	vfs = *base;
	vfs.pNext = NULL;
	vfs.zName = VFS_NAME;
	vfs.xFullPathname = take_path;
	return sqlite3_vfs_register(&vfs, 0) == SQLITE_OK ? VFS_NAME : NULL;
}

/* The last part of such a path is a link, too. */
static int open_link(const char *path, int flags, int mode)
{
	return open(path, flags & ~O_NOFOLLOW, (mode_t)mode);
}

enum gw_err gw_anonymous_db_read(int fd, sqlite3 **ret_handle, struct gw_error *err)
{
	sqlite3_vfs *calls = sqlite3_vfs_find(NULL);
	const char *vfs = descriptor_vfs();
	sqlite3 *handle = NULL;
	char uri[64];
	int code = SQLITE_ERROR;

	snprintf(uri, sizeof(uri), "file:/proc/self/fd/%d?immutable=1", fd);
	if (vfs) {
		calls->xSetSystemCall(calls, "open", (sqlite3_syscall_ptr)open_link);
		code = sqlite3_open_v2(uri, &handle,
			SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI |
				SQLITE_OPEN_EXRESCODE,
			vfs);
		calls->xSetSystemCall(calls, "open", NULL);
	}
	if (code == SQLITE_OK) {
		*ret_handle = handle;
		return GW_OK;
	}
	sqlite3_close_v2(handle);
	return gw_fail(err, GW_ERR_SYSTEM, code, "copy: %s", sqlite3_errstr(code));
}

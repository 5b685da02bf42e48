/* SPDX-License-Identifier: Apache-2.0 */
#include "store/folder_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_same_folder(int fd, const char *folder)
{
	struct stat locked, now;

	return fstat(fd, &locked) == 0 && stat(folder, &now) == 0 &&
		locked.st_dev == now.st_dev && locked.st_ino == now.st_ino;
}

enum gw_err gw_folder_lock(const char *folder, int *fd, struct gw_error *err)
{
	if (*fd >= 0 && is_same_folder(*fd, folder))
		return GW_OK;
	gw_folder_unlock(fd);
	*fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*fd < 0 || flock(*fd, LOCK_EX | LOCK_NB) == 0)
		return GW_OK;
	if (errno != EWOULDBLOCK) {
		gw_folder_unlock(fd);
		return GW_OK;
	}
	gw_folder_unlock(fd);
	return gw_fail(err, GW_ERR_SYSTEM, EWOULDBLOCK,
		"%s: another process uses it (tocsind, or a backup or restore)", folder);
}

void gw_folder_unlock(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}
